/* headers.c - the one place where the lengths of a packet's headers are checked. */
#include "wire/headers.h"

#include <assert.h>

#include "base/bytes.h"
#include "wire/ipv6ext.h"

#define IPV4_FIXED_LEN 20
#define TCP_FIXED_LEN  20
#define UDP_LEN        8
#define ICMP_LEN       8

#define PROTO_ESP 50
#define PROTO_AH  51

enum ipv4_option {
    IPV4_OPT_END = 0,
    IPV4_OPT_NOP = 1,
    IPV4_OPT_LOOSE_ROUTE = 131,
    IPV4_OPT_STRICT_ROUTE = 137,
};

/* The datagram has ip_len bytes, of which the frame has `avail`. */
static void set_end(struct pm_headers *h, uint32_t ip_len, size_t avail)
{
    h->ip_len = ip_len;
    h->is_truncated = ip_len > avail;
    h->end = h->l3_off + (h->is_truncated ? (uint32_t)avail : ip_len);
}

/* The datagram ends with the frame, of whose `wire` bytes `avail` were captured. */
static void set_end_of_frame(struct pm_headers *h, size_t avail, size_t wire)
{
    set_end(h, (uint32_t)avail, avail);
    h->has_no_length = true;
    h->is_truncated = wire > avail;
}

/* A source route sends the packet to an address other than the one its checksum is over; options
 * that cannot be read may hide one. */
static bool has_route_or_nonsense(const uint8_t *l3, uint32_t header_len)
{
    uint32_t off = IPV4_FIXED_LEN;
    while (off < header_len && l3[off] != IPV4_OPT_END) {
        if (l3[off] == IPV4_OPT_NOP) {
            off++;
            continue;
        }
        if (l3[off] == IPV4_OPT_LOOSE_ROUTE || l3[off] == IPV4_OPT_STRICT_ROUTE)
            return true;
        uint32_t room = header_len - off;
        if (room < 2 || l3[off + 1] < 2 || l3[off + 1] > room)
            return true;
        off += l3[off + 1];
    }
    return false;
}

/* Whether the first `need` bytes of the datagram are captured. */
static bool has_captured(struct pm_headers *h, size_t need, size_t avail, size_t wire)
{
    h->is_truncated = need > avail && need <= wire;
    return need <= avail;
}

static bool parse_ipv4(struct pm_headers *h, size_t avail, size_t wire)
{
    if (!has_captured(h, IPV4_FIXED_LEN, avail, wire))
        return false;
    const uint8_t *l3 = pm_l3(h);
    uint32_t header_len = (uint32_t)(l3[0] & 15) * 4;
    uint16_t total_len = pm_get16(l3 + 2), fragment = pm_get16(l3 + 6);
    if (header_len < IPV4_FIXED_LEN || !has_captured(h, header_len, avail, wire))
        return false;
    if (total_len == 0)
        set_end_of_frame(h, avail, wire);
    else if (total_len < header_len || total_len > wire)
        return false;
    else
        set_end(h, total_len, avail);
    h->ip_proto = l3[9];
    h->l4_off = h->l3_off + header_len;
    h->is_fragment = (fragment & 0x3fff) != 0;
    h->is_first_fragment = h->is_fragment && (fragment & 0x1fff) == 0;
    h->is_unmodifiable = h->ip_proto == PROTO_ESP || h->ip_proto == PROTO_AH ||
                         has_route_or_nonsense(l3, header_len);
    return true;
}

/* A payload length of 0 says one of three things: a jumbogram, a TSO packet, nothing follows. */
static bool set_ipv6_end(struct pm_headers *h, size_t avail, size_t wire)
{
    const uint8_t *l3 = pm_l3(h);
    uint32_t payload_len = pm_get16(l3 + 4);
    if (payload_len == 0 && h->ip_proto == PM_PROTO_TCP) {
        set_end_of_frame(h, avail, wire);
        return true;
    }
    if (payload_len == 0 && h->ip_proto == 0) {
        payload_len = pm_ipv6ext_jumbo_len(l3 + PM_IPV6_FIXED_LEN, avail - PM_IPV6_FIXED_LEN);
        if (payload_len <= UINT16_MAX)
            return false;
    }
    if (payload_len > wire - PM_IPV6_FIXED_LEN)
        return false;
    set_end(h, PM_IPV6_FIXED_LEN + payload_len, avail);
    return true;
}

static bool parse_ipv6(struct pm_headers *h, size_t avail, size_t wire)
{
    if (!has_captured(h, PM_IPV6_FIXED_LEN, avail, wire))
        return false;
    h->ip_proto = pm_l3(h)[6];
    h->l4_off = h->l3_off + PM_IPV6_FIXED_LEN;
    return set_ipv6_end(h, avail, wire) && pm_ipv6ext_walk(h);
}

static bool parse_l3(struct pm_headers *h, size_t wire_len)
{
    size_t avail = h->len - h->l3_off, wire = wire_len - h->l3_off;
    if (!has_captured(h, 1, avail, wire))
        return false;
    h->ip_version = pm_l3(h)[0] >> 4;
    if (h->link.ip_version != 0 && h->link.ip_version != h->ip_version)
        return false;
    if (h->ip_version == 4)
        return parse_ipv4(h, avail, wire);
    return h->ip_version == 6 && parse_ipv6(h, avail, wire);
}

/* The smallest header of its protocol is known to be captured in each of these. */

static bool parse_tcp(struct pm_headers *h)
{
    const uint8_t *l4 = pm_l4(h);
    uint32_t header_len = (uint32_t)(l4[12] >> 4) * 4;
    if (header_len < TCP_FIXED_LEN || header_len > h->end - h->l4_off)
        return false;
    h->src_port = pm_get16(l4);
    h->dst_port = pm_get16(l4 + 2);
    h->tcp_flags = l4[13];
    h->payload_off = h->l4_off + header_len;
    h->payload_len = h->end - h->payload_off;
    return true;
}

static bool is_jumbogram(const struct pm_headers *h)
{
    return h->ip_version == 6 && !h->has_no_length && h->ip_len > PM_IPV6_FIXED_LEN + UINT16_MAX;
}

/* `room` bytes from l4_off belong to the datagram, captured or not. */
static bool parse_udp(struct pm_headers *h, uint32_t room)
{
    const uint8_t *l4 = pm_l4(h);
    uint32_t udp_len = pm_get16(l4 + 4);
    if (udp_len == 0 && is_jumbogram(h))
        udp_len = room;
    /* The length in a first fragment is that of the whole. */
    if (udp_len < UDP_LEN || (udp_len > room && !h->is_fragment))
        return false;
    h->src_port = pm_get16(l4);
    h->dst_port = pm_get16(l4 + 2);
    h->payload_off = h->l4_off + UDP_LEN;
    uint32_t captured = h->end - h->l4_off;
    h->payload_len = (udp_len < captured ? udp_len : captured) - UDP_LEN;
    return true;
}

static bool parse_icmp(struct pm_headers *h)
{
    h->payload_off = h->l4_off + ICMP_LEN;
    h->payload_len = h->end - h->payload_off;
    return true;
}

/* Bytes of the smallest header; 0: a protocol we do not look into. */
static uint32_t smallest_header(const struct pm_headers *h)
{
    switch (h->ip_proto) {
    case PM_PROTO_TCP:
        return TCP_FIXED_LEN;
    case PM_PROTO_UDP:
        return UDP_LEN;
    case PM_PROTO_ICMP:
        return h->ip_version == 4 ? ICMP_LEN : 0;
    case PM_PROTO_ICMP6:
        return h->ip_version == 6 ? ICMP_LEN : 0;
    default:
        return 0;
    }
}

static enum pm_parse parse_l4(struct pm_headers *h)
{
    h->payload_off = h->l4_off;
    h->payload_len = h->end - h->l4_off;
    uint32_t need = smallest_header(h);
    if (need == 0 || (h->is_fragment && !h->is_first_fragment))
        return PM_PARSE_L3;
    if (need > h->end - h->l4_off)
        return PM_PARSE_BAD_L4;
    uint32_t room = h->l3_off + h->ip_len - h->l4_off;
    bool fits = false;
    if (h->ip_proto == PM_PROTO_TCP)
        fits = parse_tcp(h);
    else if (h->ip_proto == PM_PROTO_UDP)
        fits = parse_udp(h, room);
    else
        fits = parse_icmp(h);
    return fits ? PM_PARSE_L4 : PM_PARSE_BAD_L4;
}

void pm_headers_parse(uint16_t linktype, const uint8_t *data, size_t len, size_t wire_len,
                      struct pm_headers *out)
{
    assert(len <= UINT32_MAX && wire_len <= UINT32_MAX);
    *out = (struct pm_headers){.data = data, .len = len};
    pm_link_parse(linktype, data, len, &out->link);
    out->l3_off = out->link.l3_off;
    if (!out->link.is_ip)
        out->parse = PM_PARSE_NOT_IP;
    else if (!parse_l3(out, wire_len > len ? wire_len : len))
        out->parse = PM_PARSE_BAD_L3;
    else
        out->parse = parse_l4(out);
}
