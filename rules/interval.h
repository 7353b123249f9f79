/* interval.h - sets of numbers of up to 128 bits, as intervals: what lint knows of a field.
 *
 * A set also says whether the field may be missing. Sets never change and are shared: the same set
 * is the same pointer.
 *
 *     "1-1000" and 8080    [1, 1000] [8080, 8080]    present
 *     not 80               [0, 79] [81, 65535]       or missing
 */
#ifndef PMR_INTERVAL_H
#define PMR_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

struct number {
    uint64_t high, low;
};

struct interval {
    struct number lo, hi; /* ends included */
};

struct numbers {
    uint32_t count;
    bool may_miss;
    uint32_t hash;
    struct interval at[]; /* ascending, apart by at least one number */
};

/* Zeroed is empty. */
struct numbers_pool {
    const struct numbers **slots;
    size_t cap, count;
};

/* Longest set; operations that would need more answer NULL, as they do without memory. */
#define PMR_INTERVALS_MAX 4096u

int pmr_number_compare(struct number a, struct number b);
struct number pmr_number(uint64_t low);
/* 2^bits - 1 */
struct number pmr_number_most(unsigned bits);

/* Of intervals in any order, which it sorts. */
const struct numbers *pmr_numbers_of(struct numbers_pool *pool, struct memory *m,
                                     struct interval *at, size_t count, bool may_miss);
const struct numbers *pmr_numbers_and(struct numbers_pool *pool, struct memory *m,
                                      const struct numbers *a, const struct numbers *b);
/* What is in a and not in b. */
const struct numbers *pmr_numbers_minus(struct numbers_pool *pool, struct memory *m,
                                        const struct numbers *a, const struct numbers *b);

bool pmr_numbers_is_empty(const struct numbers *n);
bool pmr_numbers_within(const struct numbers *a, const struct numbers *b);
bool pmr_numbers_have(const struct numbers *n, struct number number);

#endif
