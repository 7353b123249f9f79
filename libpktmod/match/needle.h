/* needle.h - finding one byte string, by its rarest bytes first.
 *
 *     text    . . . t h e   s e c r e t - t o k e n . . .
 *     needle                s e c r e t - t o k e n
 *                               ^       ^     ^        these must be there before all is compared
 *
 * The tests of single bytes run over blocks without branches, so that compilers make vector code of
 * them: two bytes for every block, all of them where both occur. */
#ifndef PM_MATCH_NEEDLE_H
#define PM_MATCH_NEEDLE_H

#include "match/literal.h"

#define PM_PROBES 4

/* One byte of the needle: text[start + off] | fold must be byte. */
struct pm_probe {
    uint32_t off;
    uint8_t byte;
    uint8_t fold; /* 0x20 where the case of a letter does not count, else 0 */
};

struct pm_needle {
    const uint8_t *bytes; /* not owned */
    uint32_t len;         /* >= 1 */
    bool nocase;
    struct pm_probe probes[PM_PROBES]; /* rarest first; some twice if the needle is short */
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
