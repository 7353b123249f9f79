/* nat.c - reading and writing the ends of packets; the contract is in nat.h. */
#include "edit/nat.h"

#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "wire/icmpquote.h"

#define ICMP_ID 4

static bool is_icmp(const struct pm_headers *h)
{
    return h->ip_proto == PM_PROTO_ICMP || h->ip_proto == PM_PROTO_ICMP6;
}

static bool has_ports(const struct pm_headers *h)
{
    return h->ip_proto == PM_PROTO_TCP || h->ip_proto == PM_PROTO_UDP;
}

/* Checksums of these cover the addresses, and are not known here. */
static bool is_foreign_sum(uint8_t proto)
{
    enum { DCCP = 33, UDP_LITE = 136 };
    return proto == DCCP || proto == UDP_LITE;
}

bool pm_nat_key_make(const struct pm_headers *h, struct pm_flow_key *key, unsigned *side)
{
    if (h->parse != PM_PARSE_L4 && h->parse != PM_PARSE_L3)
        return false;
    if (h->is_unmodifiable || is_foreign_sum(h->ip_proto) ||
        (h->parse != PM_PARSE_L4 && (has_ports(h) || is_icmp(h))))
        return false;
    if (is_icmp(h) && !pm_icmp_has_id(h))
        return false;
    *side = pm_flow_key_make(h, key);
    if (!is_icmp(h))
        return true;
    key->port[0] = key->port[1] = pm_get16(pm_l4(h) + ICMP_ID);
    key->has_ports = 1;
    return true;
}

/* Without its checksum an L4 header of an ICMP error's quote is but bytes. */
static void write_l4(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                     const uint8_t *bytes, uint32_t len, bool sum_is_there)
{
    if (sum_is_there)
        pm_fixup_l4_bytes(layout, frame, off, bytes, len);
    else
        memcpy(frame + layout->l4_off + off, bytes, len);
}

void pm_nat_write(const struct pm_headers *layout, uint8_t *frame, const struct pm_flow_key *key,
                  unsigned side, bool sum_is_there)
{
    struct pm_headers h = *layout;
    uint32_t len = h.ip_version == 4 ? 4 : 16, src = h.ip_version == 4 ? 12 : 8;
    uint8_t ports[4];
    h.parse = sum_is_there ? h.parse : PM_PARSE_L3;
    pm_fixup_l3_bytes(&h, frame, src, key->addr[side], len, true);
    pm_fixup_l3_bytes(&h, frame, src + len, key->addr[1 - side], len, true);
    pm_put16(ports, key->port[side]);
    pm_put16(ports + 2, key->port[1 - side]);
    if (has_ports(&h))
        write_l4(&h, frame, 0, ports, sizeof ports, sum_is_there);
    else if (key->has_ports)
        write_l4(&h, frame, ICMP_ID, ports, 2, sum_is_there);
}

void pm_nat_key_of(const struct pm_flow_key *like, const struct pm_nat_end *src,
                   const struct pm_nat_end *dst, struct pm_flow_key *key, unsigned *side)
{
    size_t addr_len = like->ip_version == 4 ? 4 : 16;
    int order = memcmp(src->addr, dst->addr, addr_len);
    bool src_is_first = order != 0 ? order < 0 : src->port <= dst->port;
    *key = *like;
    *side = src_is_first ? 0 : 1;
    memcpy(key->addr[*side], src->addr, sizeof src->addr);
    memcpy(key->addr[1 - *side], dst->addr, sizeof dst->addr);
    key->port[*side] = src->port;
    key->port[1 - *side] = dst->port;
}
