/* icmpquote.c - reading quoted packets; the contract is in icmpquote.h. */
#include "wire/icmpquote.h"

#include <string.h>

#include "base/bytes.h"

#define SMALLEST_QUOTE 8
#define LONGEST_PACKET (40u + 65535u)

enum icmp_type {
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12,
};

enum icmp6_type {
    ICMP6_UNREACHABLE = 1,
    ICMP6_PACKET_TOO_BIG = 2,
    ICMP6_PARAMETER_PROBLEM = 4,
};

#define ICMP_FRAGMENTATION_NEEDED 4

/* Queries and answers that carry an identifier. */
enum icmp_query {
    ICMP_ECHO_REPLY = 0,
    ICMP_ECHO = 8,
    ICMP_TIMESTAMP = 13, /* up to ICMP_MASK_REPLY: timestamp, information, address mask */
    ICMP_MASK_REPLY = 18,
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129,
};

static bool is_error(const struct pm_headers *h)
{
    uint8_t type = *pm_l4(h);
    if (h->ip_proto == PM_PROTO_ICMP)
        return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
               type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
    return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER_PROBLEM;
}

static uint32_t read_mtu(const struct pm_headers *h)
{
    const uint8_t *l4 = pm_l4(h);
    if (h->ip_version == 4)
        return l4[0] == ICMP_UNREACHABLE && l4[1] == ICMP_FRAGMENTATION_NEEDED ? pm_get16(l4 + 6)
                                                                               : 0;
    return l4[0] == ICMP6_PACKET_TOO_BIG ? pm_get32(l4 + 4) : 0;
}

static bool is_from_addressee(const struct pm_headers *h, const struct pm_headers *quoted)
{
    if (h->ip_version != quoted->ip_version)
        return false;
    return h->ip_version == 4 ? memcmp(pm_l3(h) + 16, pm_l3(quoted) + 12, 4) == 0
                              : memcmp(pm_l3(h) + 24, pm_l3(quoted) + 8, 16) == 0;
}

/* A quote ends anywhere; ports are all that is needed, or an identifier. */
static bool read_ports(struct pm_headers *quoted)
{
    if (pm_icmp_has_id(quoted))
        return true;
    bool has_ports = quoted->ip_proto == PM_PROTO_TCP || quoted->ip_proto == PM_PROTO_UDP;
    bool is_whole = quoted->parse == PM_PARSE_L4;
    bool is_cut = quoted->parse == PM_PARSE_BAD_L4 && quoted->is_truncated;
    if (!has_ports || !(is_whole || is_cut) || quoted->end - quoted->l4_off < SMALLEST_QUOTE)
        return false;
    quoted->src_port = pm_get16(pm_l4(quoted));
    quoted->dst_port = pm_get16(pm_l4(quoted) + 2);
    quoted->parse = PM_PARSE_L4;
    return true;
}

bool pm_icmpquote_read(const struct pm_headers *h, struct pm_icmpquote *out)
{
    bool is_icmp = h->ip_proto == (h->ip_version == 4 ? PM_PROTO_ICMP : PM_PROTO_ICMP6);
    if (h->parse != PM_PARSE_L4 || h->is_fragment || !is_icmp || !is_error(h))
        return false;
    struct pm_headers *quoted = &out->headers;
    pm_headers_parse(PM_LINK_RAW, h->data + h->payload_off, h->payload_len, LONGEST_PACKET, quoted);
    if (quoted->parse == PM_PARSE_BAD_L3 || quoted->parse == PM_PARSE_NOT_IP ||
        !is_from_addressee(h, quoted) || !read_ports(quoted))
        return false;
    quoted->link.vlan_count = h->link.vlan_count;
    memcpy(quoted->link.vlan, h->link.vlan, sizeof quoted->link.vlan);
    out->l4_off = h->payload_off + quoted->l4_off;
    out->l4_len = quoted->end - quoted->l4_off;
    out->mtu = read_mtu(h);
    return true;
}

bool pm_icmp_has_id(const struct pm_headers *h)
{
    if (h->parse != PM_PARSE_L4 ||
        h->ip_proto != (h->ip_version == 4 ? PM_PROTO_ICMP : PM_PROTO_ICMP6))
        return false;
    uint8_t type = *pm_l4(h);
    if (h->ip_version == 6)
        return type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY;
    return type == ICMP_ECHO || type == ICMP_ECHO_REPLY ||
           (type >= ICMP_TIMESTAMP && type <= ICMP_MASK_REPLY);
}
