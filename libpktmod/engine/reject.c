/* reject.c - builds what tells of a reject; the contract is in reject.h. */
#include "engine/reject.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define HOP_LIMIT 64

#define IP4_HEADER  20u
#define IP6_HEADER  40u
#define TCP_HEADER  20u
#define ICMP_HEADER 8u
#define UDP_HEADER  8u

#define IP4_DF            0x4000u
#define IP4_TOS_CONTROL   0xc0u /* internetwork control: RFC 1812 section 4.3.2.5 */
#define IP4_ERROR_MAX     576u  /* RFC 1812 section 4.3.2.3 */
#define ICMP_UNREACHABLE  3
#define ICMP_ADMIN        13
#define ICMP6_UNREACHABLE 1
#define ICMP6_ADMIN       1
#define ICMP6_INFORMATIVE 128 /* below are errors */

/* ------------------------------------------------------------------ may it be told */

static bool is_icmp_error(const struct pm_headers *h)
{
    if (h->parse != PM_PARSE_L4)
        return true; /* not known to be none */
    uint8_t type = *pm_l4(h);
    if (h->ip_proto == PM_PROTO_ICMP6)
        return type < ICMP6_INFORMATIVE;
    return (type >= 3 && type <= 5) || type == 11 || type == 12;
}

static bool is_unicast4(const uint8_t *addr)
{
    return addr[0] != 0 && addr[0] < 224;
}

static bool is_unicast6(const uint8_t *addr)
{
    static const uint8_t none[16];
    return addr[0] != 0xff && memcmp(addr, none, sizeof none) != 0;
}

static bool has_unicast_ends(const struct pm_headers *h)
{
    const uint8_t *ip = pm_l3(h);
    if (h->ip_version == 4)
        return is_unicast4(ip + 12) && is_unicast4(ip + 16);
    return is_unicast6(ip + 8) && is_unicast6(ip + 24);
}

/* A frame to one station: Ethernet's group bit, the packet type of Linux cooked captures. */
static bool is_link_unicast(const struct pm_headers *h, uint16_t link)
{
    if (h->link.is_ethernet)
        return !(h->data[0] & 1);
    if (link == PM_LINK_SLL)
        return h->data[1] != 1 && h->data[1] != 2;
    return link != PM_LINK_SLL2 || (h->data[10] != 1 && h->data[10] != 2);
}

static bool has_wrong_checksum(const struct pm_headers *h, const struct pm_packet *packet)
{
    return pm_check_ip(h) == PM_SUM_WRONG ||
           (packet->csum != PM_CSUM_PARTIAL && pm_check_l4(h) == PM_SUM_WRONG);
}

bool pm_reject_may_tell(const struct pm_headers *h, const struct pm_packet *packet)
{
    if (h->parse != PM_PARSE_L4 && h->parse != PM_PARSE_L3)
        return false;
    if ((h->is_fragment && !h->is_first_fragment) || h->l3_off > PM_REPLY_LINK)
        return false;
    if (!has_unicast_ends(h) || !is_link_unicast(h, packet->link))
        return false;
    bool is_icmp = h->ip_proto == PM_PROTO_ICMP || h->ip_proto == PM_PROTO_ICMP6;
    if (is_icmp && is_icmp_error(h))
        return false;
    if (h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP && (h->tcp_flags & PM_RST))
        return false;
    return !has_wrong_checksum(h, packet);
}

/* ------------------------------------------------------------------ link */

/* type: to us becomes sent by us, and back. The address is of who sends, and that is not known. */
static void turn_cooked(uint8_t *type, uint8_t *addr_len, uint8_t *addr)
{
    if (*type == 0 || *type == 4)
        *type = *type == 0 ? 4 : 0;
    *addr_len = 0;
    memset(addr, 0, 8);
}

/* The link header of the packet, turned round where it goes back. */
static void write_link(const struct pm_headers *h, uint16_t link, bool to_sender, uint8_t *out)
{
    memcpy(out, h->data, h->l3_off);
    if (!to_sender)
        return;
    if (h->link.is_ethernet) {
        memcpy(out, h->data + 6, 6);
        memcpy(out + 6, h->data, 6);
    } else if (link == PM_LINK_SLL) {
        turn_cooked(out + 1, out + 5, out + 6);
    } else if (link == PM_LINK_SLL2) {
        turn_cooked(out + 10, out + 11, out + 12);
    }
}

/* ------------------------------------------------------------------ IP */

struct envelope {
    uint8_t *ip;
    uint8_t proto, tos;
    uint32_t l4_len;
    bool to_sender;
};

static uint32_t ip_header(const struct pm_headers *h)
{
    return h->ip_version == 4 ? IP4_HEADER : IP6_HEADER;
}

static void write_ip4(const struct pm_headers *h, const struct envelope *e)
{
    const uint8_t *from = pm_l3(h);
    memset(e->ip, 0, IP4_HEADER);
    e->ip[0] = 0x45;
    e->ip[1] = e->tos;
    pm_put16(e->ip + 2, (uint16_t)(IP4_HEADER + e->l4_len));
    pm_put16(e->ip + 6, IP4_DF);
    e->ip[8] = HOP_LIMIT;
    e->ip[9] = e->proto;
    memcpy(e->ip + 12, from + (e->to_sender ? 16 : 12), 4);
    memcpy(e->ip + 16, from + (e->to_sender ? 12 : 16), 4);
    pm_write_ip_checksum(e->ip);
}

static void write_ip6(const struct pm_headers *h, const struct envelope *e)
{
    const uint8_t *from = pm_l3(h);
    memset(e->ip, 0, IP6_HEADER);
    e->ip[0] = 0x60;
    pm_put16(e->ip + 4, (uint16_t)e->l4_len);
    e->ip[6] = e->proto;
    e->ip[7] = HOP_LIMIT;
    memcpy(e->ip + 8, from + (e->to_sender ? 24 : 8), 16);
    memcpy(e->ip + 24, from + (e->to_sender ? 8 : 24), 16);
}

static void write_ip(const struct pm_headers *h, const struct envelope *e)
{
    if (h->ip_version == 4)
        write_ip4(h, e);
    else
        write_ip6(h, e);
}

/* Of addresses, protocol and length: the pseudo-header of TCP, UDP and ICMPv6. */
static uint16_t l4_checksum(const struct pm_headers *h, const struct envelope *e)
{
    bool v6 = h->ip_version == 6;
    uint64_t sum = pm_sum(e->ip + (v6 ? 8 : 12), v6 ? 32 : 8) + e->proto + e->l4_len;
    sum += pm_sum(e->ip + ip_header(h), e->l4_len);
    return (uint16_t)~pm_sum_fold(sum);
}

/* ------------------------------------------------------------------ reset */

uint32_t pm_segment_len(const struct pm_headers *h)
{
    uint32_t head = h->payload_off - h->l3_off;
    uint32_t payload = h->has_no_length || h->ip_len < head ? h->payload_len : h->ip_len - head;
    return payload + (h->tcp_flags & PM_SYN ? 1 : 0) + (h->tcp_flags & PM_FIN ? 1 : 0);
}

static void write_tcp(const struct pm_headers *h, bool to_sender, uint32_t seq, uint8_t *tcp)
{
    const uint8_t *from = pm_l4(h);
    bool has_ack = h->tcp_flags & PM_ACK;
    memset(tcp, 0, TCP_HEADER);
    pm_put16(tcp, to_sender ? h->dst_port : h->src_port);
    pm_put16(tcp + 2, to_sender ? h->src_port : h->dst_port);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = PM_RST;
    if (to_sender && has_ack) {
        pm_put32(tcp + 4, pm_get32(from + 8));
        return;
    }
    if (!to_sender)
        pm_put32(tcp + 4, seq);
    pm_put32(tcp + 8, to_sender ? pm_get32(from + 4) + pm_segment_len(h) : pm_get32(from + 8));
    tcp[13] |= PM_ACK;
}

void pm_reject_reset(const struct pm_headers *h, uint16_t link, bool to_sender, uint32_t seq,
                     struct pm_reply_room *out)
{
    struct envelope e = {.ip = out->bytes + h->l3_off,
                         .proto = PM_PROTO_TCP,
                         .l4_len = TCP_HEADER,
                         .to_sender = to_sender};
    uint8_t *tcp = e.ip + ip_header(h);
    write_link(h, link, to_sender, out->bytes);
    write_ip(h, &e);
    write_tcp(h, to_sender, seq, tcp);
    pm_put16(tcp + 16, l4_checksum(h, &e));
    out->len = h->l3_off + ip_header(h) + TCP_HEADER;
    out->to_sender = to_sender;
}

/* ------------------------------------------------------------------ prohibited */

/* As much of the packet as the error may carry. */
static uint32_t quote_len(const struct pm_headers *h)
{
    uint32_t room = (h->ip_version == 4 ? IP4_ERROR_MAX : PM_REPLY_IP) - ip_header(h) - ICMP_HEADER;
    uint32_t len = h->end - h->l3_off;
    return len < room ? len : room;
}

void pm_reject_prohibited(const struct pm_headers *h, uint16_t link, struct pm_reply_room *out)
{
    bool v6 = h->ip_version == 6;
    uint32_t quoted = quote_len(h);
    struct envelope e = {.ip = out->bytes + h->l3_off,
                         .proto = v6 ? PM_PROTO_ICMP6 : PM_PROTO_ICMP,
                         .tos = IP4_TOS_CONTROL,
                         .l4_len = ICMP_HEADER + quoted,
                         .to_sender = true};
    uint8_t *icmp = e.ip + ip_header(h);
    write_link(h, link, true, out->bytes);
    write_ip(h, &e);
    memset(icmp, 0, ICMP_HEADER);
    icmp[0] = v6 ? ICMP6_UNREACHABLE : ICMP_UNREACHABLE;
    icmp[1] = v6 ? ICMP6_ADMIN : ICMP_ADMIN;
    memcpy(icmp + ICMP_HEADER, pm_l3(h), quoted);
    uint16_t sum = v6 ? l4_checksum(h, &e) : (uint16_t)~pm_sum_fold(pm_sum(icmp, e.l4_len));
    pm_put16(icmp + 2, sum);
    out->len = h->l3_off + ip_header(h) + e.l4_len;
    out->to_sender = true;
}

/* ------------------------------------------------------------------ in a server's place */

uint32_t pm_reply_payload(const struct pm_headers *h)
{
    return h->l3_off + ip_header(h) + UDP_HEADER;
}

size_t pm_reply_write(const struct pm_headers *h, uint16_t link, uint8_t *frame, uint32_t len)
{
    struct envelope e = {.ip = frame + h->l3_off,
                         .proto = PM_PROTO_UDP,
                         .l4_len = UDP_HEADER + len,
                         .to_sender = true};
    uint8_t *udp = e.ip + ip_header(h);
    write_link(h, link, true, frame);
    write_ip(h, &e);
    pm_put16(udp, h->dst_port);
    pm_put16(udp + 2, h->src_port);
    pm_put16(udp + 4, (uint16_t)e.l4_len);
    pm_put16(udp + 6, 0);
    uint16_t sum = l4_checksum(h, &e);
    pm_put16(udp + 6, sum ? sum : 0xffff);
    return pm_reply_payload(h) + len;
}
