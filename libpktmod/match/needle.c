/* needle.c - finding one byte string, by its rarest bytes first. */
#include "match/needle.h"

#include <string.h>

static const uint8_t weights[256] = {
    /* clang-format off */
    81, 13, 4, 4, 4, 4, 4, 4, 4, 39, 52, 4, 4, 16, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    194, 5, 65, 10, 4, 8, 10, 13, 13, 13, 5, 5, 29, 42, 52, 65,
    42, 36, 32, 26, 26, 26, 26, 26, 26, 26, 29, 26, 58, 42, 58, 5,
    2, 12, 5, 7, 8, 16, 6, 6, 10, 11, 4, 5, 8, 6, 10, 11,
    6, 4, 10, 10, 13, 7, 5, 6, 4, 6, 4, 6, 3, 6, 1, 19,
    1, 165, 30, 56, 86, 255, 44, 40, 122, 141, 3, 16, 80, 48, 135, 151,
    38, 2, 120, 126, 183, 56, 20, 48, 3, 40, 1, 11, 3, 11, 2, 2,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 19,
    /* clang-format on */
};

uint32_t pm_byte_weight(uint8_t byte)
{
    return weights[byte];
}

static uint8_t lower(uint8_t byte)
{
    return (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

bool pm_bytes_equal(const uint8_t *a, const uint8_t *b, size_t n, bool nocase)
{
    if (!nocase)
        return memcmp(a, b, n) == 0;
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

/* Letters weigh both cases when either counts. */
static uint32_t weight_of(uint8_t byte, bool nocase)
{
    bool both = nocase && pm_is_letter(byte);
    return both ? weights[byte & 0xdf] + weights[byte | 0x20] : weights[byte];
}

/* Looks at the first bytes only: a rare one is among them or nowhere. */
#define LOOKED_AT 64

static bool is_taken(const struct pm_needle *needle, uint32_t probes, uint32_t off)
{
    for (uint32_t i = 0; i < probes; i++)
        if (needle->probes[i].off == off)
            return true;
    return false;
}

static uint32_t rarest(const struct pm_needle *needle, uint32_t probes)
{
    uint32_t best = needle->probes[0].off, best_weight = UINT32_MAX;
    uint32_t end = needle->len < LOOKED_AT ? (uint32_t)needle->len : LOOKED_AT;
    for (uint32_t off = 0; off < end; off++) {
        uint32_t weight = weight_of(needle->bytes[off], needle->nocase);
        if (weight < best_weight && !is_taken(needle, probes, off)) {
            best = off;
            best_weight = weight;
        }
    }
    return best;
}

void pm_needle_init(struct pm_needle *needle, const struct pm_literal *literal)
{
    *needle =
        (struct pm_needle){.bytes = literal->bytes, .len = literal->len, .nocase = literal->nocase};
    for (uint32_t i = 0; i < PM_PROBES; i++) {
        uint32_t off = rarest(needle, i);
        uint8_t byte = needle->bytes[off];
        uint8_t fold = needle->nocase && pm_is_letter(byte) ? 0x20 : 0;
        needle->probes[i] = (struct pm_probe){off, byte | fold, fold};
    }
}

#define BLOCK 64
#define PART  16

/* Whether two probes agree somewhere in the next n starts; inlined with n constant. */
static inline bool two_agree(const struct pm_probe *probes, const uint8_t *at, size_t n)
{
    const uint8_t *p = at + probes[0].off, *q = at + probes[1].off;
    uint8_t x = probes[0].byte, y = probes[1].byte;
    uint8_t fold_x = probes[0].fold, fold_y = probes[1].fold, found = 0;
    for (size_t i = 0; i < n; i++)
        found |= (uint8_t)(((p[i] | fold_x) == x) & ((q[i] | fold_y) == y));
    return found != 0;
}

static inline bool four_agree(const struct pm_probe *probes, const uint8_t *at, size_t n)
{
    const uint8_t *p = at + probes[0].off, *q = at + probes[1].off;
    const uint8_t *r = at + probes[2].off, *s = at + probes[3].off;
    uint8_t x = probes[0].byte, y = probes[1].byte, z = probes[2].byte, w = probes[3].byte;
    uint8_t fold_x = probes[0].fold, fold_y = probes[1].fold;
    uint8_t fold_z = probes[2].fold, fold_w = probes[3].fold, found = 0;
    for (size_t i = 0; i < n; i++)
        found |= (uint8_t)(((p[i] | fold_x) == x) & ((q[i] | fold_y) == y) &
                           ((r[i] | fold_z) == z) & ((s[i] | fold_w) == w));
    return found != 0;
}

static bool begins_at(const struct pm_needle *needle, const uint8_t *at)
{
    for (uint32_t i = 0; i < PM_PROBES; i++)
        if ((at[needle->probes[i].off] | needle->probes[i].fold) != needle->probes[i].byte)
            return false;
    return pm_bytes_equal(at, needle->bytes, needle->len, needle->nocase);
}

/* Looks at the starts from..end-1 one by one. */
static size_t find_slowly(const struct pm_needle *needle, const uint8_t *text, size_t from,
                          size_t end)
{
    while (from < end && !begins_at(needle, text + from))
        from++;
    return from;
}

/* Looks at the starts from..end-1 where probes agree. */
static size_t find_in_parts(const struct pm_needle *needle, const uint8_t *text, size_t from,
                            size_t end)
{
    for (; end - from >= PART; from += PART) {
        if (!four_agree(needle->probes, text + from, PART))
            continue;
        size_t found = find_slowly(needle, text, from, from + PART);
        if (found < from + PART)
            return found;
    }
    return find_slowly(needle, text, from, end);
}

size_t pm_needle_find(const struct pm_needle *needle, const uint8_t *text, size_t len, size_t from)
{
    if (needle->len > len || from > len - needle->len)
        return len;
    size_t end = len - needle->len + 1;
    for (; end - from >= BLOCK; from += BLOCK) {
        const uint8_t *at = text + from;
        if (!two_agree(needle->probes, at, BLOCK) || !four_agree(needle->probes, at, BLOCK))
            continue;
        size_t found = find_in_parts(needle, text, from, from + BLOCK);
        if (found < from + BLOCK)
            return found;
    }
    size_t found = find_in_parts(needle, text, from, end);
    return found < end ? found : len;
}

size_t pm_literal_find(const struct pm_literal *literal, const uint8_t *bytes, size_t len,
                       size_t from)
{
    struct pm_needle needle;
    pm_needle_init(&needle, literal);
    return pm_needle_find(&needle, bytes, len, from);
}
