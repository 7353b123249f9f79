/* needle.h - finding one byte string, by its two rarest bytes first.
 *
 *     text    . . . t h e   s e c r e t - t o k e n . . .
 *     needle                s e c r e t - t o k e n
 *                                       ^     ^        both must be there before all is compared
 *
 * The two-byte test runs over blocks without branches, so that compilers make vector code of it. */
#ifndef PM_MATCH_NEEDLE_H
#define PM_MATCH_NEEDLE_H

#include "match/literal.h"

struct pm_needle {
    const uint8_t *bytes; /* not owned */
    size_t len;           /* >= 1 */
    bool nocase;
    size_t first, second; /* offsets of the two bytes, first <= second; equal if len is 1 */
    uint8_t byte[2];      /* what stands there, after OR with fold */
    uint8_t fold[2];      /* 0x20 where the case of a letter does not count, else 0 */
};

void pm_needle_init(struct pm_needle *needle, const struct pm_literal *literal);

/* First occurrence in text at or after from; len if there is none. */
size_t pm_needle_find(const struct pm_needle *needle, const uint8_t *text, size_t len, size_t from);

/* Whether the two strings of n bytes are equal, with ASCII letters folded if nocase. */
bool pm_bytes_equal(const uint8_t *a, const uint8_t *b, size_t n, bool nocase);

/* How often a byte occurs in network payload, 1 (hardly) to 255: an estimate for HTTP, HTML, JSON
 * and DNS with some binary mixed in. */
uint32_t pm_byte_weight(uint8_t byte);

static inline bool pm_is_letter(uint8_t byte)
{
    return (uint8_t)((byte | 0x20) - 'a') < 26;
}

#endif
