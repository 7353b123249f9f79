/* tuple.h - which bits of a packet a group of rules looks at, and their hash. */
#ifndef PM_MATCH_TUPLE_H
#define PM_MATCH_TUPLE_H

#include "match/filing.h"

/* Prefix lengths are rounded down to one of five classes, so that few tuples arise:
 * IPv4 0, 8, 16, 24, 32; IPv6 0, 32, 48, 64, 128. */
#define PM_PREFIX_CLASSES 5

/* A tuple as a number: flags | dst class << 3 | src class << 6 | version << 9.
 * Version 0 any, 1 IPv4, 2 IPv6; without one the classes are 0. */
enum { PM_TUPLE_DST_PORT = 1, PM_TUPLE_SRC_PORT = 2, PM_TUPLE_PROTO = 4 };
#define PM_TUPLE_CODES (3u << 9)

static inline uint32_t pm_tuple_version(uint32_t code)
{
    return code >> 9;
}

static inline uint32_t pm_tuple_src(uint32_t code)
{
    return code >> 6 & 7;
}

static inline uint32_t pm_tuple_dst(uint32_t code)
{
    return code >> 3 & 7;
}

uint32_t pm_tuple_of(const struct pm_filing *filing);

/* Bits fixed by the tuple, about. */
uint32_t pm_tuple_bits(uint32_t code);
/* Whether every bit that `code` fixes is fixed by `other` too. */
bool pm_tuple_is_within(uint32_t code, uint32_t other);

/* What a packet or a filing shows to tuples: hashes of its address prefixes, and the rest. */
struct pm_view_bits {
    uint64_t src[PM_PREFIX_CLASSES], dst[PM_PREFIX_CLASSES]; /* class 0: 0 */
    uint64_t rest; /* proto << 32 | source port << 16 | destination port */
};

/* Fills src and dst for the classes in the bit masks. addresses as wide as version 4 or 6 says. */
void pm_view_addrs(struct pm_view_bits *view, uint8_t version, const uint8_t *src,
                   const uint8_t *dst, uint32_t src_classes, uint32_t dst_classes);

static inline uint64_t pm_tuple_rest_mask(uint32_t code)
{
    return (code & PM_TUPLE_PROTO ? (uint64_t)0xff << 32 : 0) |
           (code & PM_TUPLE_SRC_PORT ? 0xffff0000u : 0) | (code & PM_TUPLE_DST_PORT ? 0xffffu : 0);
}

/* The same for all that agree in the tuple's bits. */
static inline uint64_t pm_tuple_hash(const struct pm_view_bits *view, uint32_t src, uint32_t dst,
                                     uint64_t rest_mask)
{
    uint64_t h = view->src[src] + view->dst[dst];
    h = (h ^ (view->rest & rest_mask)) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

#endif
