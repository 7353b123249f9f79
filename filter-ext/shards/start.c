/* start.c - looks at the first bytes of a frame, and at who brought it. */
#include "filter-ext/shards/start.h"

#include <string.h>

#define ETHERNET_LEN  14u
#define VLAN_LEN      4u
#define VLANS_MAX     2u
#define TYPE_OFF      12u
#define IPV4_LEN      20u
#define IPV6_LEN      40u
#define LARGEST_802_3 1500u /* smaller types are lengths */

#define TYPE_IPV4  0x0800u
#define TYPE_IPV6  0x86ddu
#define TYPE_VLAN  0x8100u
#define TYPE_QINQ  0x88a8u
#define TYPE_ARP   0x0806u
#define TYPE_EAPOL 0x888eu
#define TYPE_LLDP  0x88ccu
#define TYPE_PTP   0x88f7u
#define TYPE_PPPOE 0x8863u /* discovery; the session is the next number */

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

/* Length that the IP header at `bytes` claims; 0: there is none that could be one. */
static size_t claimed_len(const uint8_t *bytes, size_t len)
{
    if (len >= IPV4_LEN && bytes[0] >> 4 == 4) {
        size_t header_len = 4 * (size_t)(bytes[0] & 15), total_len = get16(bytes + 2);
        return header_len >= IPV4_LEN && total_len >= header_len ? total_len : 0;
    }
    if (len >= IPV6_LEN && bytes[0] >> 4 == 6)
        return IPV6_LEN + get16(bytes + 4);
    return 0;
}

/* An Ethernet frame may be longer than its packet (it is padded to 60 bytes); nothing pads a bare
 * packet. */
static bool may_be_raw(const uint8_t *bytes, size_t len)
{
    size_t claimed = claimed_len(bytes, len);
    return claimed > 0 && (claimed == len || (claimed > len && len >= PM_START_CUT_LEN));
}

/* Offset of what Ethernet carries, and its type. False: the frame ends before. */
static bool open_ethernet(const uint8_t *bytes, size_t len, size_t *off, unsigned *type)
{
    if (len < ETHERNET_LEN)
        return false;
    *off = ETHERNET_LEN;
    *type = get16(bytes + TYPE_OFF);
    for (unsigned i = 0; i < VLANS_MAX && (*type == TYPE_VLAN || *type == TYPE_QINQ); i++) {
        if (len - *off < VLAN_LEN)
            return false;
        *type = get16(bytes + *off + 2);
        *off += VLAN_LEN;
    }
    return true;
}

static bool may_be_ethernet(const uint8_t *bytes, size_t len)
{
    size_t off;
    unsigned type;
    if (!open_ethernet(bytes, len, &off, &type))
        return false;
    switch (type) {
    case TYPE_IPV4:
        return len - off > 0 && bytes[off] >> 4 == 4;
    case TYPE_IPV6:
        return len - off > 0 && bytes[off] >> 4 == 6;
    case TYPE_ARP:
    case TYPE_EAPOL:
    case TYPE_LLDP:
    case TYPE_PTP:
    case TYPE_PPPOE:
    case TYPE_PPPOE + 1:
        return true;
    default:
        return type <= LARGEST_802_3;
    }
}

static bool begins_with(const char *name, const char *prefix)
{
    return name != NULL && strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_usually_raw(enum pm_interface_kind kind, const char *name)
{
    if (begins_with(name, "utun") || begins_with(name, "ipsec"))
        return true;
    if (begins_with(name, "en") || begins_with(name, "bridge") || begins_with(name, "vlan"))
        return false;
    return kind == PM_INTERFACE_OTHER || kind == PM_INTERFACE_CELLULAR;
}

uint16_t pm_start_link(enum pm_interface_kind kind, const char *name, const uint8_t *bytes,
                       size_t len)
{
    bool raw = may_be_raw(bytes, len), ethernet = may_be_ethernet(bytes, len);
    if (raw == ethernet)
        raw = is_usually_raw(kind, name);
    return raw ? PM_START_RAW : PM_START_ETHERNET;
}

size_t pm_start_wire_len(uint16_t link, const uint8_t *bytes, size_t len)
{
    size_t off = 0;
    unsigned type = 0;
    if (len < PM_START_CUT_LEN)
        return len;
    if (link == PM_START_ETHERNET) {
        if (!open_ethernet(bytes, len, &off, &type) || (type != TYPE_IPV4 && type != TYPE_IPV6))
            return len;
    }
    size_t claimed = claimed_len(bytes + off, len - off);
    return claimed > len - off ? off + claimed : len;
}
