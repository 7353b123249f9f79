/* link.c - where the IP header begins, for every link type we know. */
#include "wire/link.h"

#include "base/bytes.h"

enum ethertype {
    TYPE_IPV4 = 0x0800,
    TYPE_8021Q = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_8021AD = 0x88a8,
    TYPE_9100 = 0x9100,
    TYPE_9200 = 0x9200,
};

#define ETHERTYPE_MIN 0x600 /* below, it is the length of an 802.3 frame with LLC */

static bool is_tag(uint16_t type)
{
    return type == TYPE_8021Q || type == TYPE_8021AD || type == TYPE_9100 || type == TYPE_9200;
}

/* Behind the labels (RFC 3032), whose third byte ends in the bottom-of-stack bit. Nothing names
 * the protocol there; as routers do, we believe the first nibble. */
static void parse_mpls(const uint8_t *data, size_t len, struct pm_link *out)
{
    bool is_bottom = false;
    while (!is_bottom) {
        if (len - out->l3_off < 4) {
            out->is_malformed = true;
            return;
        }
        is_bottom = (data[out->l3_off + 2] & 1) != 0;
        out->l3_off += 4;
    }
    if (out->l3_off == len)
        return;
    uint8_t nibble = data[out->l3_off] >> 4;
    out->is_ip = nibble == 4 || nibble == 6;
}

/* From the first ethertype on; out->l3_off is behind it. */
static void parse_ethertype(const uint8_t *data, size_t len, uint16_t type, struct pm_link *out)
{
    while (is_tag(type) && out->vlan_count < PM_VLAN_MAX) {
        if (len - out->l3_off < 4) {
            out->is_malformed = true;
            return;
        }
        const uint8_t *tag = data + out->l3_off;
        out->vlan[out->vlan_count] = pm_get16(tag) & 0xfff;
        out->vlan_off[out->vlan_count++] = (uint16_t)out->l3_off;
        type = pm_get16(tag + 2);
        out->l3_off += 4;
    }
    out->ethertype = type >= ETHERTYPE_MIN ? type : 0;
    if (type == TYPE_IPV4 || type == TYPE_IPV6) {
        out->is_ip = true;
        out->ip_version = type == TYPE_IPV4 ? 4 : 6;
    } else if (type == TYPE_MPLS || type == TYPE_MPLS_MULTICAST) {
        parse_mpls(data, len, out);
    }
}

/* Steps over the fixed header. False, and malformed, if it does not fit. */
static bool skip_fixed(size_t len, uint32_t header_len, struct pm_link *out)
{
    out->is_malformed = len < header_len;
    out->l3_off = out->is_malformed ? 0 : header_len;
    return !out->is_malformed;
}

static void parse_ethernet(const uint8_t *data, size_t len, struct pm_link *out)
{
    if (!skip_fixed(len, 14, out))
        return;
    out->is_ethernet = true;
    parse_ethertype(data, len, pm_get16(data + 12), out);
}

/* On these ARPHRD_ types of device, the protocol field of a cooked header is no ethertype. */
static bool has_ethertype(uint16_t arphrd)
{
    return arphrd != 770 /* frame relay */ && arphrd != 803 /* radiotap */ &&
           arphrd != 824 /* netlink */;
}

/*   0       2        4          6               14
 *   | type  | ARPHRD | addr len | address       | protocol |                                   */
static void parse_sll(const uint8_t *data, size_t len, struct pm_link *out)
{
    if (skip_fixed(len, 16, out) && has_ethertype(pm_get16(data + 2)))
        parse_ethertype(data, len, pm_get16(data + 14), out);
}

/*   0          2          4         8        10     11         12              20
 *   | protocol | reserved | ifindex | ARPHRD | type | addr len | address       |               */
static void parse_sll2(const uint8_t *data, size_t len, struct pm_link *out)
{
    if (skip_fixed(len, 20, out) && has_ethertype(pm_get16(data + 8)))
        parse_ethertype(data, len, pm_get16(data), out);
}

/* The AF_ numbers of all systems that write such captures: AF_INET is 2 everywhere, AF_INET6 is
 * 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD) or 30 (Darwin). 0: not IP. */
static uint8_t version_of_family(uint32_t family)
{
    if (family == 2)
        return 4;
    return family == 10 || family == 24 || family == 28 || family == 30 ? 6 : 0;
}

static void parse_family(const uint8_t *data, size_t len, bool either_order, struct pm_link *out)
{
    if (!skip_fixed(len, 4, out))
        return;
    out->ip_version = version_of_family(pm_get32(data));
    if (out->ip_version == 0 && either_order && data[1] == 0 && data[2] == 0 && data[3] == 0)
        out->ip_version = version_of_family(data[0]);
    out->is_ip = out->ip_version != 0;
}

void pm_link_parse(uint16_t linktype, const uint8_t *data, size_t len, struct pm_link *out)
{
    *out = (struct pm_link){0};
    switch (linktype) {
    case PM_LINK_ETHERNET:
        parse_ethernet(data, len, out);
        break;
    case PM_LINK_SLL:
        parse_sll(data, len, out);
        break;
    case PM_LINK_SLL2:
        parse_sll2(data, len, out);
        break;
    case PM_LINK_NULL:
    case PM_LINK_LOOP:
        parse_family(data, len, linktype == PM_LINK_NULL, out);
        break;
    case PM_LINK_RAW_BSD:
    case PM_LINK_RAW_OBSD:
    case PM_LINK_RAW:
        out->is_ip = true;
        break;
    case PM_LINK_IPV4:
    case PM_LINK_IPV6:
        out->is_ip = true;
        out->ip_version = linktype == PM_LINK_IPV4 ? 4 : 6;
        break;
    default:
        break;
    }
}
