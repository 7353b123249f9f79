/* reply.c - resets, ICMP errors, datagrams and echoes; the contract is in reply.h. */
#include "tunnel-ext/reply.h"

#include <assert.h>
#include <string.h>

enum { IP4_LEN = 20, IP6_LEN = 40, TCP_LEN = 20, UDP_LEN = 8, ICMP_LEN = 8 };
enum {
    HOPS = 64,
    ICMP4_UNREACHABLE = 3,
    ICMP6_UNREACHABLE = 1,
    ECHO4_REPLY = 0,
    ECHO6_REPLY = 129
};
enum { QUOTE4_MOST = 576, QUOTE6_MOST = 1280 }; /* whole errors: RFC 1812, RFC 4443 */

static size_t put_ip(uint8_t *out, const struct pm_addr *src, const struct pm_addr *dst,
                     uint8_t proto, size_t len)
{
    if (src->version == 6) {
        memset(out, 0, 8);
        out[0] = 6 << 4;
        pm_wire_put16(out + 4, (unsigned)len);
        out[6] = proto;
        out[7] = HOPS;
        memcpy(out + 8, src->bytes, 16);
        memcpy(out + 24, dst->bytes, 16);
        return IP6_LEN;
    }
    memset(out, 0, IP4_LEN);
    out[0] = 4 << 4 | IP4_LEN / 4;
    pm_wire_put16(out + 2, (unsigned)(IP4_LEN + len));
    out[8] = HOPS;
    out[9] = proto;
    memcpy(out + 12, src->bytes, 4);
    memcpy(out + 16, dst->bytes, 4);
    pm_wire_put16(out + 10, pm_ipsum_finish(pm_ipsum_add(0, out, IP4_LEN)));
    return IP4_LEN;
}

size_t pm_tunnel_reset(const struct pm_ippacket *to, uint8_t out[PM_REPLY_ROOM])
{
    const uint8_t *asked = to->bytes + to->l4_off;
    size_t off = put_ip(out, &to->dst.addr, &to->src.addr, PM_IP_TCP, TCP_LEN);
    uint8_t *tcp = out + off;
    memset(tcp, 0, TCP_LEN);
    pm_wire_put16(tcp, to->dst.port);
    pm_wire_put16(tcp + 2, to->src.port);
    tcp[12] = TCP_LEN / 4 << 4;
    if (to->tcp_flags & PM_TCP_ACK) {
        memcpy(tcp + 4, asked + 8, 4);
        tcp[13] = PM_TCP_RST;
    } else {
        uint32_t counted = (to->tcp_flags & PM_TCP_SYN ? 1u : 0u) + (to->tcp_flags & PM_TCP_FIN);
        uint32_t len = (uint32_t)(to->len - to->payload_off);
        pm_wire_put32(tcp + 8, pm_wire_get32(asked + 4) + len + counted);
        tcp[13] = PM_TCP_RST | PM_TCP_ACK;
    }
    uint64_t sum = pm_ipsum_pseudo(&to->dst.addr, &to->src.addr, PM_IP_TCP, TCP_LEN);
    pm_wire_put16(tcp + 16, pm_ipsum_finish(pm_ipsum_add(sum, tcp, TCP_LEN)));
    return off + TCP_LEN;
}

static uint8_t code_of(uint8_t version, enum pm_unreachable how)
{
    switch (how) {
    case PM_UNREACHABLE_NET:
        return 0;
    case PM_UNREACHABLE_HOST:
        return version == 4 ? 1 : 3;
    case PM_UNREACHABLE_PORT:
        return version == 4 ? 3 : 4;
    case PM_UNREACHABLE_PROHIBITED:
        return version == 4 ? 13 : 1;
    }
    return 0;
}

size_t pm_tunnel_unreachable(const struct pm_ippacket *of, enum pm_unreachable how,
                             uint8_t out[PM_REPLY_ROOM])
{
    bool is_4 = of->version == 4;
    size_t before = is_4 ? IP4_LEN + ICMP_LEN : IP6_LEN + ICMP_LEN;
    size_t room = (is_4 ? QUOTE4_MOST : QUOTE6_MOST) - before;
    size_t quoted = of->len < room ? of->len : room, len = ICMP_LEN + quoted;
    size_t off = put_ip(out, &of->dst.addr, &of->src.addr, is_4 ? PM_IP_ICMP : PM_IP_ICMP6, len);
    uint8_t *icmp = out + off;
    memset(icmp, 0, ICMP_LEN);
    icmp[0] = is_4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE;
    icmp[1] = code_of(of->version, how);
    memcpy(icmp + ICMP_LEN, of->bytes, quoted);
    uint64_t sum = is_4 ? 0 : pm_ipsum_pseudo(&of->dst.addr, &of->src.addr, PM_IP_ICMP6, len);
    pm_wire_put16(icmp + 2, pm_ipsum_finish(pm_ipsum_add(sum, icmp, len)));
    return off + len;
}

size_t pm_tunnel_datagram(const struct pm_end *src, const struct pm_end *dst,
                          const uint8_t *payload, size_t len, uint8_t out[PM_DATAGRAM_HEADERS])
{
    size_t ip_len = src->addr.version == 4 ? IP4_LEN : 0;
    if (len > 65535 - UDP_LEN - ip_len)
        return 0;
    size_t off = put_ip(out, &src->addr, &dst->addr, PM_IP_UDP, UDP_LEN + len);
    uint8_t *udp = out + off;
    pm_wire_put16(udp, src->port);
    pm_wire_put16(udp + 2, dst->port);
    pm_wire_put16(udp + 4, (unsigned)(UDP_LEN + len));
    pm_wire_put16(udp + 6, 0);
    uint64_t sum = pm_ipsum_pseudo(&src->addr, &dst->addr, PM_IP_UDP, UDP_LEN + len);
    uint16_t check = pm_ipsum_finish(pm_ipsum_add(pm_ipsum_add(sum, udp, UDP_LEN), payload, len));
    pm_wire_put16(udp + 6, check == 0 ? 0xffff : check);
    return off + UDP_LEN;
}

size_t pm_tunnel_echo(const struct pm_addr *src, const struct pm_addr *dst, uint8_t *message,
                      size_t len, uint8_t out[PM_DATAGRAM_HEADERS])
{
    bool is_4 = src->version == 4;
    uint8_t proto = is_4 ? PM_IP_ICMP : PM_IP_ICMP6;
    assert(len >= ICMP_LEN && len <= 65535 - IP4_LEN);
    message[0] = is_4 ? ECHO4_REPLY : ECHO6_REPLY;
    pm_wire_put16(message + 2, 0);
    uint64_t sum = is_4 ? 0 : pm_ipsum_pseudo(src, dst, proto, len);
    pm_wire_put16(message + 2, pm_ipsum_finish(pm_ipsum_add(sum, message, len)));
    return put_ip(out, src, dst, proto, len);
}
