/* suggest.c - "did you mean ...?"
 *
 * The distance knows how names go wrong: letters left out (tcp.dport for tcp.dstport) are the
 * cheapest mistake, then swapped neighbours and a wrong case; letters that belong to nothing are
 * the dearest. */
#include "suggest.h"

#include <string.h>

#define LONGEST 64 /* longer names get no suggestion */

enum { LEFT_OUT = 2, SWAPPED = 2, WRONG_CASE = 1, WRONG_LETTER = 4, TOO_MUCH = 5 };

struct suggest pmr_suggest_for(const char *wrong)
{
    return (struct suggest){.wrong = wrong, .cost = (unsigned)strlen(wrong) + 5};
}

static unsigned lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A' + 'a') : (unsigned)(unsigned char)c;
}

static unsigned letter_cost(char wrong, char right)
{
    if (wrong == right)
        return 0;
    return lower(wrong) == lower(right) ? WRONG_CASE : WRONG_LETTER;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Three rows of the table of edit distances: two before, one before, this one. */
struct rows {
    unsigned older[LONGEST + 1], old[LONGEST + 1], now[LONGEST + 1];
};

static void fill_row(struct rows *rows, const char *wrong, size_t at, const char *right,
                     size_t right_len)
{
    memcpy(rows->older, rows->old, sizeof rows->old);
    memcpy(rows->old, rows->now, sizeof rows->now);
    rows->now[0] = (unsigned)(at + 1) * TOO_MUCH;
    for (size_t j = 0; j < right_len; j++) {
        unsigned cost = rows->old[j] + letter_cost(wrong[at], right[j]);

        cost = least(cost, rows->old[j + 1] + TOO_MUCH);
        cost = least(cost, rows->now[j] + LEFT_OUT);
        if (at > 0 && j > 0 && wrong[at] == right[j - 1] && wrong[at - 1] == right[j])
            cost = least(cost, rows->older[j - 1] + SWAPPED);
        rows->now[j + 1] = cost;
    }
}

void pmr_suggest_offer(struct suggest *s, const char *candidate)
{
    size_t wrong_len = strlen(s->wrong), right_len = strlen(candidate);
    struct rows rows = {.now = {0}};

    if (wrong_len == 0 || wrong_len > LONGEST || right_len > LONGEST)
        return;
    for (size_t j = 0; j <= right_len; j++)
        rows.now[j] = (unsigned)j * LEFT_OUT;
    for (size_t i = 0; i < wrong_len; i++)
        fill_row(&rows, s->wrong, i, candidate, right_len);
    if (rows.now[right_len] < s->cost) {
        s->cost = rows.now[right_len];
        s->best = candidate;
    }
}
