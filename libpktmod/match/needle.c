/* needle.c - finding one byte string, by its two rarest bytes first. */
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

static size_t rarest(const struct pm_literal *literal, size_t other)
{
    size_t best = other == 0 && literal->len > 1 ? 1 : 0;
    size_t end = literal->len < LOOKED_AT ? literal->len : LOOKED_AT;
    for (size_t i = best + 1; i < end; i++)
        if (i != other && weight_of(literal->bytes[i], literal->nocase) <
                              weight_of(literal->bytes[best], literal->nocase))
            best = i;
    return best;
}

static void choose(struct pm_needle *needle, int which, size_t offset)
{
    uint8_t byte = needle->bytes[offset];
    needle->fold[which] = needle->nocase && pm_is_letter(byte) ? 0x20 : 0;
    needle->byte[which] = byte | needle->fold[which];
}

void pm_needle_init(struct pm_needle *needle, const struct pm_literal *literal)
{
    size_t a = rarest(literal, SIZE_MAX), b = rarest(literal, a);
    needle->bytes = literal->bytes;
    needle->len = literal->len;
    needle->nocase = literal->nocase;
    needle->first = a < b ? a : b;
    needle->second = a < b ? b : a;
    choose(needle, 0, needle->first);
    choose(needle, 1, needle->second);
}

static bool may_begin(const struct pm_needle *needle, const uint8_t *at)
{
    return (at[needle->first] | needle->fold[0]) == needle->byte[0] &&
           (at[needle->second] | needle->fold[1]) == needle->byte[1];
}

#define BLOCK 64
#define PART  16

/* Whether it may begin somewhere in the next n bytes; inlined with n constant. */
static inline bool block_may_have(const struct pm_needle *needle, const uint8_t *at, size_t n)
{
    const uint8_t *p = at + needle->first, *q = at + needle->second;
    uint8_t x = needle->byte[0], y = needle->byte[1];
    uint8_t fold_x = needle->fold[0], fold_y = needle->fold[1], found = 0;
    for (size_t i = 0; i < n; i++)
        found |= (uint8_t)(((p[i] | fold_x) == x) & ((q[i] | fold_y) == y));
    return found != 0;
}

/* Looks at the starts from..end-1 one by one. */
static size_t find_slowly(const struct pm_needle *needle, const uint8_t *text, size_t from,
                          size_t end)
{
    for (size_t i = from; i < end; i++)
        if (may_begin(needle, text + i) &&
            pm_bytes_equal(text + i, needle->bytes, needle->len, needle->nocase))
            return i;
    return end;
}

static size_t find_in_block(const struct pm_needle *needle, const uint8_t *text, size_t from)
{
    for (size_t part = from; part < from + BLOCK; part += PART) {
        if (!block_may_have(needle, text + part, PART))
            continue;
        size_t found = find_slowly(needle, text, part, part + PART);
        if (found < part + PART)
            return found;
    }
    return from + BLOCK;
}

size_t pm_needle_find(const struct pm_needle *needle, const uint8_t *text, size_t len, size_t from)
{
    if (needle->len > len || from > len - needle->len)
        return len;
    size_t starts = len - needle->len + 1;
    for (; starts - from >= BLOCK; from += BLOCK) {
        if (!block_may_have(needle, text + from, BLOCK))
            continue;
        size_t found = find_in_block(needle, text, from);
        if (found < from + BLOCK)
            return found;
    }
    for (; starts - from >= PART; from += PART)
        if (block_may_have(needle, text + from, PART)) {
            size_t found = find_slowly(needle, text, from, from + PART);
            if (found < from + PART)
                return found;
        }
    size_t found = find_slowly(needle, text, from, starts);
    return found < starts ? found : len;
}

size_t pm_literal_find(const struct pm_literal *literal, const uint8_t *bytes, size_t len,
                       size_t from)
{
    struct pm_needle needle;
    pm_needle_init(&needle, literal);
    return pm_needle_find(&needle, bytes, len, from);
}
