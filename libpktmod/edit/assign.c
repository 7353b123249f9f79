/* assign.c - setting header fields; the contract is in assign.h. */
#include "edit/assign.h"

#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "wire/icmpquote.h"

/* A field within two or four bytes of its header, read as a big-endian number. */
struct slot {
    bool in_l4;
    uint32_t off; /* from the header's beginning */
    uint32_t shift;
    uint32_t mask;  /* before shifting */
    uint32_t width; /* bytes; 0: 2 */
};

static bool is_ip(const struct pm_headers *h)
{
    return h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3;
}

static bool is_proto(const struct pm_headers *h, uint8_t proto)
{
    return h->parse == PM_PARSE_L4 && h->ip_proto == proto;
}

static bool is_icmp(const struct pm_headers *h)
{
    return is_proto(h, PM_PROTO_ICMP) || is_proto(h, PM_PROTO_ICMP6);
}

/* Where a number field lives. Traffic class stands in IPv6's first word, 4 bits in. */
static bool find_slot(enum pm_field field, const struct pm_headers *h, struct slot *slot)
{
    bool v4 = is_ip(h) && h->ip_version == 4;
    bool v6 = is_ip(h) && h->ip_version == 6;
    switch ((int)field) {
    case PM_FIELD_IP_TTL:
        *slot = v4 ? (struct slot){false, 8, 8, 0xff, 0} : (struct slot){false, 6, 0, 0xff, 0};
        return v4 || v6;
    case PM_FIELD_IP_DSFIELD:
        *slot = v4 ? (struct slot){false, 0, 0, 0xff, 0} : (struct slot){false, 0, 4, 0xff, 0};
        return v4 || v6;
    case PM_FIELD_IPV6_FLOW:
        *slot = (struct slot){false, 0, 0, 0xfffff, 4};
        return v6;
    case PM_FIELD_IP_DSCP:
        *slot = v4 ? (struct slot){false, 0, 2, 0x3f, 0} : (struct slot){false, 0, 6, 0x3f, 0};
        return v4 || v6;
    case PM_FIELD_IP_ECN:
        *slot = v4 ? (struct slot){false, 0, 0, 3, 0} : (struct slot){false, 0, 4, 3, 0};
        return v4 || v6;
    case PM_FIELD_IP_ID:
        *slot = (struct slot){false, 4, 0, 0xffff, 0};
        return v4;
    case PM_FIELD_IP_DF:
        *slot = (struct slot){false, 6, 14, 1, 0};
        return v4;
    case PM_FIELD_TCP_WINDOW:
        *slot = (struct slot){true, 14, 0, 0xffff, 0};
        return is_proto(h, PM_PROTO_TCP);
    case PM_FIELD_TCP_FLAGS_PSH:
        *slot = (struct slot){true, 12, 3, 1, 0};
        return is_proto(h, PM_PROTO_TCP);
    case PM_FIELD_TCP_FLAGS_ECE:
        *slot = (struct slot){true, 12, 6, 1, 0};
        return is_proto(h, PM_PROTO_TCP);
    case PM_FIELD_TCP_FLAGS_CWR:
        *slot = (struct slot){true, 12, 7, 1, 0};
        return is_proto(h, PM_PROTO_TCP);
    case PM_FIELD_UDP_SRCPORT:
        *slot = (struct slot){true, 0, 0, 0xffff, 0};
        return is_proto(h, PM_PROTO_UDP);
    case PM_FIELD_UDP_DSTPORT:
        *slot = (struct slot){true, 2, 0, 0xffff, 0};
        return is_proto(h, PM_PROTO_UDP);
    case PM_FIELD_ICMP_TYPE:
        *slot = (struct slot){true, 0, 8, 0xff, 0};
        return is_icmp(h);
    case PM_FIELD_ICMP_CODE:
        *slot = (struct slot){true, 0, 0, 0xff, 0};
        return is_icmp(h);
    case PM_FIELD_ICMP_IDENT:
        *slot = (struct slot){true, 4, 0, 0xffff, 0};
        return pm_icmp_has_id(h);
    case PM_FIELD_ICMP_SEQ:
        *slot = (struct slot){true, 6, 0, 0xffff, 0};
        return pm_icmp_has_id(h);
    default:
        return false;
    }
}

static uint32_t new_number(const struct pm_assign *a, uint32_t old, uint32_t max)
{
    if (!a->is_add)
        return (uint32_t)a->number & max;
    int64_t sum = (int64_t)old + a->number;
    return sum < 0 ? 0 : sum > (int64_t)max ? max : (uint32_t)sum;
}

static bool write_number(const struct pm_assign *a, const struct pm_headers *h, uint8_t *frame)
{
    struct slot slot;
    if (!find_slot(a->field, h, &slot))
        return false;
    const uint8_t *at = frame + (slot.in_l4 ? h->l4_off : h->l3_off) + slot.off;
    uint32_t width = slot.width ? slot.width : 2;
    uint32_t old = width == 2 ? pm_get16(at) : pm_get32(at);
    uint32_t number = new_number(a, old >> slot.shift & slot.mask, slot.mask);
    uint8_t bytes[4];
    pm_put32(bytes, (old & ~(slot.mask << slot.shift)) | number << slot.shift);
    if (slot.in_l4)
        pm_fixup_l4_bytes(h, frame, slot.off, bytes + 4 - width, width);
    else
        pm_fixup_l3_bytes(h, frame, slot.off, bytes + 4 - width, width, false);
    return true;
}

static bool write_addr(const struct pm_assign *a, const struct pm_headers *h, uint8_t *frame)
{
    if (!is_ip(h) || h->ip_version != a->addr.version)
        return false;
    uint32_t len = h->ip_version == 4 ? 4 : 16;
    uint32_t src = h->ip_version == 4 ? 12 : 8;
    uint32_t off = a->field == PM_FIELD_IP_SRC ? src : src + len;
    pm_fixup_l3_bytes(h, frame, off, a->addr.bytes, len, true);
    return true;
}

static bool write_mac(const struct pm_assign *a, const struct pm_headers *h, uint8_t *frame)
{
    if (!h->link.is_ethernet)
        return false;
    memcpy(frame + (a->field == PM_FIELD_ETH_SRC ? 6 : 0), a->mac, 6);
    return true;
}

static bool write_vlan(const struct pm_assign *a, const struct pm_headers *h, uint8_t *frame)
{
    if (h->link.vlan_count == 0)
        return false;
    uint8_t *tci = frame + h->link.vlan_off[0];
    uint32_t shift = a->field == PM_FIELD_VLAN_PRIORITY ? 13
                     : a->field == PM_FIELD_VLAN_DEI    ? 12
                                                        : 0;
    uint32_t mask = shift == 13 ? 7 : shift == 12 ? 1 : 0xfff;
    uint32_t kept = pm_get16(tci) & ~(mask << shift);
    pm_put16(tci, (uint16_t)(kept | new_number(a, 0, mask) << shift));
    return true;
}

bool pm_assign_write(const struct pm_assign *assign, const struct pm_headers *layout,
                     uint8_t *frame)
{
    switch ((int)assign->field) {
    case PM_FIELD_IP_SRC:
    case PM_FIELD_IP_DST:
        return write_addr(assign, layout, frame);
    case PM_FIELD_ETH_SRC:
    case PM_FIELD_ETH_DST:
        return write_mac(assign, layout, frame);
    case PM_FIELD_VLAN_ID:
    case PM_FIELD_VLAN_PRIORITY:
    case PM_FIELD_VLAN_DEI:
        return write_vlan(assign, layout, frame);
    default:
        return write_number(assign, layout, frame);
    }
}
