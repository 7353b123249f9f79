/* assign.c - setting header fields; the contract is in assign.h. */
#include "edit/assign.h"

#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"

/* A field of at most 16 bits within a big-endian word of its header. */
struct slot {
    bool in_l4;
    uint32_t off; /* of the word, from the header's beginning */
    uint32_t shift;
    uint32_t mask; /* before shifting */
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
        *slot = v4 ? (struct slot){false, 8, 8, 0xff} : (struct slot){false, 6, 0, 0xff};
        return v4 || v6;
    case PM_FIELD_IP_DSCP:
        *slot = v4 ? (struct slot){false, 0, 2, 0x3f} : (struct slot){false, 0, 6, 0x3f};
        return v4 || v6;
    case PM_FIELD_IP_ECN:
        *slot = v4 ? (struct slot){false, 0, 0, 3} : (struct slot){false, 0, 4, 3};
        return v4 || v6;
    case PM_FIELD_IP_ID:
        *slot = (struct slot){false, 4, 0, 0xffff};
        return v4;
    case PM_FIELD_IP_DF:
        *slot = (struct slot){false, 6, 14, 1};
        return v4;
    case PM_FIELD_TCP_WINDOW:
        *slot = (struct slot){true, 14, 0, 0xffff};
        return is_proto(h, PM_PROTO_TCP);
    case PM_FIELD_UDP_SRCPORT:
        *slot = (struct slot){true, 0, 0, 0xffff};
        return is_proto(h, PM_PROTO_UDP);
    case PM_FIELD_UDP_DSTPORT:
        *slot = (struct slot){true, 2, 0, 0xffff};
        return is_proto(h, PM_PROTO_UDP);
    case PM_FIELD_ICMP_TYPE:
        *slot = (struct slot){true, 0, 8, 0xff};
        return is_icmp(h);
    case PM_FIELD_ICMP_CODE:
        *slot = (struct slot){true, 0, 0, 0xff};
        return is_icmp(h);
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
    uint8_t *word = frame + (slot.in_l4 ? h->l4_off : h->l3_off) + slot.off;
    uint16_t old_word = pm_get16(word);
    uint32_t number = new_number(a, (uint32_t)old_word >> slot.shift & slot.mask, slot.mask);
    uint32_t kept = old_word & ~(slot.mask << slot.shift);
    uint8_t bytes[2];
    pm_put16(bytes, (uint16_t)(kept | number << slot.shift));
    if (slot.in_l4)
        pm_fixup_l4_bytes(h, frame, slot.off, bytes, 2);
    else
        pm_fixup_l3_bytes(h, frame, slot.off, bytes, 2, false);
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
    pm_put16(tci, (uint16_t)((pm_get16(tci) & 0xf000) | new_number(a, 0, 0xfff)));
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
        return write_vlan(assign, layout, frame);
    default:
        return write_number(assign, layout, frame);
    }
}
