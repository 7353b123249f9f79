/* tuple.c - which bits of a packet a group of rules looks at, and their hash. */
#include "match/tuple.h"

#include "base/bytes.h"

static const uint8_t v4_bits[PM_PREFIX_CLASSES] = {0, 8, 16, 24, 32};
static const uint8_t v6_bits[PM_PREFIX_CLASSES] = {0, 32, 48, 64, 128};

static uint32_t class_of(uint8_t version, uint8_t bits)
{
    const uint8_t *classes = version == 4 ? v4_bits : v6_bits;
    uint32_t class = PM_PREFIX_CLASSES - 1;
    while (classes[class] > bits)
        class --;
    return class;
}

uint32_t pm_tuple_of(const struct pm_filing *filing)
{
    uint32_t code = (filing->has_proto ? PM_TUPLE_PROTO : 0u) |
                    (filing->has_src_port ? PM_TUPLE_SRC_PORT : 0u) |
                    (filing->has_dst_port ? PM_TUPLE_DST_PORT : 0u);
    if (!filing->version)
        return code;
    return code | class_of(filing->version, filing->dst_bits) << 3 |
           class_of(filing->version, filing->src_bits) << 6 | (filing->version == 4 ? 1u : 2u) << 9;
}

uint32_t pm_tuple_bits(uint32_t code)
{
    const uint8_t *classes = pm_tuple_version(code) == 1 ? v4_bits : v6_bits;
    uint32_t bits = pm_tuple_version(code) ? 1 : 0;
    bits += classes[pm_tuple_src(code)] + classes[pm_tuple_dst(code)];
    bits += code & PM_TUPLE_PROTO ? 3 : 0;
    bits += code & PM_TUPLE_SRC_PORT ? 16 : 0;
    return bits + (code & PM_TUPLE_DST_PORT ? 16 : 0);
}

bool pm_tuple_is_within(uint32_t code, uint32_t other)
{
    bool version = pm_tuple_version(code) == 0 || pm_tuple_version(code) == pm_tuple_version(other);
    return version && pm_tuple_src(code) <= pm_tuple_src(other) &&
           pm_tuple_dst(code) <= pm_tuple_dst(other) && (code & 7 & ~other) == 0;
}

static uint64_t mix(uint64_t v)
{
    v *= 0xff51afd7ed558ccdu;
    return v ^ v >> 29;
}

/* Source and destination are told apart by the salt. */
static uint64_t prefix_hash(uint8_t version, const uint8_t *addr, uint32_t class, uint64_t salt)
{
    if (version == 4)
        return mix((pm_get32(addr) & (uint32_t)(UINT64_MAX << (32 - v4_bits[class]))) ^ salt);
    uint64_t high = (uint64_t)pm_get32(addr) << 32 | pm_get32(addr + 4);
    uint64_t low = (uint64_t)pm_get32(addr + 8) << 32 | pm_get32(addr + 12);
    if (class == PM_PREFIX_CLASSES - 1)
        return mix(mix(high ^ salt) ^ low);
    return mix((high & UINT64_MAX << (64 - v6_bits[class])) ^ salt);
}

void pm_view_addrs(struct pm_view_bits *view, uint8_t version, const uint8_t *src,
                   const uint8_t *dst, uint32_t src_classes, uint32_t dst_classes)
{
    view->src[0] = view->dst[0] = 0;
    for (uint32_t class = 1; class < PM_PREFIX_CLASSES; class ++) {
        if (src_classes >> class & 1)
            view->src[class] = prefix_hash(version, src, class, 0x452821e638d01377u);
        if (dst_classes >> class & 1)
            view->dst[class] = prefix_hash(version, dst, class, 0xbe5466cf34e90c6cu);
    }
}
