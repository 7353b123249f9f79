/* packet.c - reads and changes the ends of IP packets; the contract is in packet.h. */
#include "tunnel-ext/packet.h"

#include <string.h>

enum { TCP_CHECKSUM = 16 };
enum { IP4_LEN = 20, IP6_LEN = 40, TCP_LEN = 20, UDP_LEN = 8, ICMP_LEN = 8 };
enum { HOP_BY_HOP = 0, FRAGMENT = 44, DESTINATION = 60, MOBILITY = 135 };

/* ------------------------------------------------------------------ addresses */

bool pm_addr_is_same(const struct pm_addr *a, const struct pm_addr *b)
{
    return a->version == b->version && memcmp(a->bytes, b->bytes, pm_addr_len(a)) == 0;
}

bool pm_end_is_same(const struct pm_end *a, const struct pm_end *b)
{
    return a->port == b->port && pm_addr_is_same(&a->addr, &b->addr);
}

bool pm_prefix_holds(const struct pm_prefix *prefix, const struct pm_addr *addr)
{
    if (prefix->addr.version != addr->version)
        return false;
    size_t whole = prefix->bits / 8u;
    unsigned rest = prefix->bits % 8u;
    if (memcmp(prefix->addr.bytes, addr->bytes, whole) != 0)
        return false;
    return rest == 0 || (prefix->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest) == 0;
}

/* ------------------------------------------------------------------ checksums */

uint64_t pm_ipsum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
    for (; len > 1; len -= 2, bytes += 2)
        sum += pm_wire_get16(bytes);
    return len == 1 ? sum + ((uint64_t)bytes[0] << 8) : sum;
}

uint64_t pm_ipsum_pseudo(const struct pm_addr *src, const struct pm_addr *dst, uint8_t proto,
                         size_t len)
{
    uint64_t sum = pm_ipsum_add(0, src->bytes, pm_addr_len(src));
    return pm_ipsum_add(sum, dst->bytes, pm_addr_len(dst)) + proto + len;
}

uint16_t pm_ipsum_finish(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)~sum;
}

/* Replaces bytes of even length that a checksum covers; `sum` gathers ~old + new. */
static void swap_bytes(uint64_t *sum, uint8_t *at, const uint8_t *with, size_t len)
{
    for (size_t i = 0; i < len; i += 2)
        *sum += (uint64_t)(0xffff & ~(unsigned)pm_wire_get16(at + i)) + pm_wire_get16(with + i);
    memcpy(at, with, len);
}

static void update_sum(uint8_t *at, uint64_t delta)
{
    uint64_t sum = (0xffff & ~(unsigned)pm_wire_get16(at)) + delta;
    pm_wire_put16(at, pm_ipsum_finish(sum));
}

/* ------------------------------------------------------------------ reading */

static bool read_ip4(struct pm_ippacket *p, size_t len)
{
    const uint8_t *b = p->bytes;
    if (len < IP4_LEN)
        return false;
    size_t header = (b[0] & 15u) * 4u, total = pm_wire_get16(b + 2);
    if (header < IP4_LEN || total < header || total > len)
        return false;
    p->len = total;
    p->l4_off = header;
    p->proto = b[9];
    p->is_fragment = (pm_wire_get16(b + 6) & 0x3fff) != 0;
    p->src.addr.version = p->dst.addr.version = 4;
    memcpy(p->src.addr.bytes, b + 12, 4);
    memcpy(p->dst.addr.bytes, b + 16, 4);
    return true;
}

static bool is_passed_over(uint8_t proto)
{
    return proto == HOP_BY_HOP || proto == DESTINATION || proto == MOBILITY;
}

/* To the header that is none of IPv6's own; a routing header ends the walk, as what is there is
 * under another address. */
static bool walk_extensions(struct pm_ippacket *p)
{
    while (is_passed_over(p->proto)) {
        if (p->len - p->l4_off < 8)
            return false;
        size_t size = (p->bytes[p->l4_off + 1] + 1u) * 8u;
        if (size > p->len - p->l4_off)
            return false;
        p->proto = p->bytes[p->l4_off];
        p->l4_off += size;
    }
    p->is_fragment = p->proto == FRAGMENT;
    return true;
}

static bool read_ip6(struct pm_ippacket *p, size_t len)
{
    const uint8_t *b = p->bytes;
    if (len < IP6_LEN || pm_wire_get16(b + 4) > len - IP6_LEN)
        return false;
    p->len = IP6_LEN + (size_t)pm_wire_get16(b + 4);
    p->l4_off = IP6_LEN;
    p->proto = b[6];
    p->src.addr.version = p->dst.addr.version = 6;
    memcpy(p->src.addr.bytes, b + 8, 16);
    memcpy(p->dst.addr.bytes, b + 24, 16);
    return walk_extensions(p);
}

static bool read_tcp(struct pm_ippacket *p)
{
    const uint8_t *tcp = p->bytes + p->l4_off;
    size_t left = p->len - p->l4_off;
    if (left < TCP_LEN)
        return false;
    size_t header = (tcp[12] >> 4) * 4u;
    if (header < TCP_LEN || header > left)
        return false;
    p->tcp_flags = tcp[13];
    p->payload_off = p->l4_off + header;
    p->src.port = pm_wire_get16(tcp);
    p->dst.port = pm_wire_get16(tcp + 2);
    return true;
}

static bool read_udp(struct pm_ippacket *p)
{
    const uint8_t *udp = p->bytes + p->l4_off;
    size_t left = p->len - p->l4_off;
    if (left < UDP_LEN)
        return false;
    size_t len = pm_wire_get16(udp + 4);
    if (len < UDP_LEN || len > left)
        return false;
    p->len = p->l4_off + len;
    p->payload_off = p->l4_off + UDP_LEN;
    p->src.port = pm_wire_get16(udp);
    p->dst.port = pm_wire_get16(udp + 2);
    return true;
}

static bool read_l4(struct pm_ippacket *p)
{
    p->payload_off = p->l4_off;
    if (p->is_fragment)
        return true;
    if (p->proto == PM_IP_TCP)
        return read_tcp(p);
    if (p->proto == PM_IP_UDP)
        return read_udp(p);
    bool is_icmp = p->proto == (p->version == 4 ? PM_IP_ICMP : PM_IP_ICMP6);
    if (!is_icmp)
        return true;
    p->payload_off = p->l4_off + ICMP_LEN;
    return p->len - p->l4_off >= ICMP_LEN;
}

bool pm_ippacket_read(struct pm_ippacket *packet, const uint8_t *bytes, size_t len)
{
    *packet = (struct pm_ippacket){.bytes = bytes};
    if (len == 0)
        return false;
    packet->version = bytes[0] >> 4;
    bool is_good = packet->version == 4   ? read_ip4(packet, len)
                   : packet->version == 6 ? read_ip6(packet, len)
                                          : false;
    return is_good && read_l4(packet);
}

/* ------------------------------------------------------------------ other ends */

void pm_ippacket_part_sum(const struct pm_ippacket *packet, const struct pm_addr *src,
                          const struct pm_addr *dst, uint8_t *headers)
{
    uint64_t sum = pm_ipsum_pseudo(src, dst, packet->proto, packet->len - packet->l4_off);
    pm_wire_put16(headers + packet->l4_off + TCP_CHECKSUM,
                  0xffffu & ~(unsigned)pm_ipsum_finish(sum));
}

size_t pm_ippacket_redirect(const struct pm_ippacket *packet, const struct pm_end *src,
                            const struct pm_end *dst, uint8_t out[PM_HEADERS_MAX])
{
    size_t len = packet->payload_off, addr_len = packet->version == 4 ? 4 : 16;
    size_t addr_off = packet->version == 4 ? 12 : 8;
    if (len > PM_HEADERS_MAX)
        return 0;
    memcpy(out, packet->bytes, len);
    uint64_t addrs = 0, ports = 0;
    uint8_t port[4], *l4 = out + packet->l4_off;
    swap_bytes(&addrs, out + addr_off, src->addr.bytes, addr_len);
    swap_bytes(&addrs, out + addr_off + addr_len, dst->addr.bytes, addr_len);
    pm_wire_put16(port, src->port);
    pm_wire_put16(port + 2, dst->port);
    swap_bytes(&ports, l4, port, sizeof port);
    if (packet->version == 4)
        update_sum(out + 10, addrs);
    if (packet->proto == PM_IP_TCP && packet->is_partial)
        pm_ippacket_part_sum(packet, &src->addr, &dst->addr, out);
    else if (packet->proto == PM_IP_TCP)
        update_sum(l4 + TCP_CHECKSUM, addrs + ports);
    else if (pm_wire_get16(l4 + 6) != 0)
        update_sum(l4 + 6, addrs + ports);
    return len;
}
