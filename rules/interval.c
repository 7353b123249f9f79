/* interval.c - sets of numbers of up to 128 bits, as intervals. */
#include "interval.h"

#include <stdlib.h>
#include <string.h>

int pmr_number_compare(struct number a, struct number b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

struct number pmr_number(uint64_t low)
{
    return (struct number){.high = 0, .low = low};
}

struct number pmr_number_most(unsigned bits)
{
    if (bits > 64)
        return (struct number){bits == 128 ? UINT64_MAX : (UINT64_C(1) << (bits - 64)) - 1,
                               UINT64_MAX};
    return pmr_number(bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1);
}

static struct number next_of(struct number n)
{
    n.low++;
    n.high += n.low == 0;
    return n;
}

static struct number before(struct number n)
{
    n.high -= n.low == 0;
    n.low--;
    return n;
}

static bool is_last(struct number n)
{
    return n.high == UINT64_MAX && n.low == UINT64_MAX;
}

static bool is_first(struct number n)
{
    return n.high == 0 && n.low == 0;
}

/* ------------------------------------------------------------------ sharing */

static uint32_t hash_of(const struct interval *at, size_t count, bool may_miss)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = may_miss ? factor : 0;

    for (size_t i = 0; i < count; i++) {
        const uint64_t parts[] = {at[i].lo.high, at[i].lo.low, at[i].hi.high, at[i].hi.low};

        for (size_t j = 0; j < 4; j++)
            hash = (hash ^ parts[j]) * factor ^ hash >> 29;
    }
    return (uint32_t)(hash >> 32);
}

static bool is_same(const struct numbers *n, uint32_t hash, const struct interval *at, size_t count,
                    bool may_miss)
{
    if (n->hash != hash || n->count != count || n->may_miss != may_miss)
        return false;
    for (size_t i = 0; i < count; i++)
        if (pmr_number_compare(n->at[i].lo, at[i].lo) != 0 ||
            pmr_number_compare(n->at[i].hi, at[i].hi) != 0)
            return false;
    return true;
}

static bool grow(struct numbers_pool *pool, struct memory *m)
{
    size_t cap = pool->cap == 0 ? 64 : pool->cap * 2;
    const struct numbers **slots;

    if (pool->cap > 0 && pool->count < pool->cap / 2)
        return true;
    slots = pmr_memory_array(m, cap, sizeof(const struct numbers *));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < pool->cap; i++) {
        const struct numbers *n = pool->slots[i];
        size_t slot = n == NULL ? 0 : n->hash & (cap - 1);

        while (n != NULL && slots[slot] != NULL)
            slot = (slot + 1) & (cap - 1);
        if (n != NULL)
            slots[slot] = n;
    }
    pool->slots = slots;
    pool->cap = cap;
    return true;
}

static const struct numbers *shared(struct numbers_pool *pool, struct memory *m,
                                    const struct interval *at, size_t count, bool may_miss)
{
    uint32_t hash = hash_of(at, count, may_miss);
    struct numbers *made;
    size_t slot;

    if (count > PMR_INTERVALS_MAX || !grow(pool, m))
        return NULL;
    slot = hash & (pool->cap - 1);
    for (; pool->slots[slot] != NULL; slot = (slot + 1) & (pool->cap - 1))
        if (is_same(pool->slots[slot], hash, at, count, may_miss))
            return pool->slots[slot];
    made = pmr_memory_take(m, sizeof *made + count * sizeof made->at[0]);
    if (made == NULL)
        return NULL;
    made->count = (uint32_t)count;
    made->may_miss = may_miss;
    made->hash = hash;
    if (count > 0)
        memcpy(made->at, at, count * sizeof *at);
    pool->slots[slot] = made;
    pool->count++;
    return made;
}

/* ------------------------------------------------------------------ making */

static int by_low_end(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return pmr_number_compare(x->lo, y->lo);
}

const struct numbers *pmr_numbers_of(struct numbers_pool *pool, struct memory *m,
                                     struct interval *at, size_t count, bool may_miss)
{
    size_t kept = 0;

    if (count > 1)
        qsort(at, count, sizeof *at, by_low_end);
    for (size_t i = 0; i < count; i++) {
        struct interval *last = kept == 0 ? NULL : &at[kept - 1];

        if (last == NULL ||
            (!is_last(last->hi) && pmr_number_compare(at[i].lo, next_of(last->hi)) > 0))
            at[kept++] = at[i];
        else if (pmr_number_compare(at[i].hi, last->hi) > 0)
            last->hi = at[i].hi;
    }
    return shared(pool, m, at, kept, may_miss);
}

/* Room for the result of an operation on sets; most operations are on short ones. */
struct room {
    struct interval few[16], *at;
};

static bool room_begin(struct room *room, size_t count)
{
    room->at = count <= 16 ? room->few : malloc(count * sizeof *room->at);
    return room->at != NULL;
}

static const struct numbers *room_end(struct room *room, struct numbers_pool *pool,
                                      struct memory *m, size_t count, bool may_miss)
{
    const struct numbers *made = shared(pool, m, room->at, count, may_miss);

    if (room->at != room->few)
        free(room->at);
    return made;
}

static struct number larger(struct number a, struct number b)
{
    return pmr_number_compare(a, b) > 0 ? a : b;
}

static struct number smaller(struct number a, struct number b)
{
    return pmr_number_compare(a, b) < 0 ? a : b;
}

const struct numbers *pmr_numbers_and(struct numbers_pool *pool, struct memory *m,
                                      const struct numbers *a, const struct numbers *b)
{
    struct room room;
    size_t count = 0;

    if (a == b)
        return a;
    if (!room_begin(&room, (size_t)a->count + b->count))
        return NULL;
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        struct number lo = larger(a->at[i].lo, b->at[j].lo), hi = smaller(a->at[i].hi, b->at[j].hi);

        if (pmr_number_compare(lo, hi) <= 0)
            room.at[count++] = (struct interval){lo, hi};
        if (pmr_number_compare(a->at[i].hi, b->at[j].hi) < 0)
            i++;
        else
            j++;
    }
    return room_end(&room, pool, m, count, a->may_miss && b->may_miss);
}

/* What is left of one interval. */
static size_t cut(struct interval from, const struct numbers *b, struct interval *out)
{
    size_t count = 0;

    for (size_t j = 0; j < b->count; j++) {
        if (pmr_number_compare(b->at[j].hi, from.lo) < 0)
            continue;
        if (pmr_number_compare(b->at[j].lo, from.hi) > 0)
            break;
        if (!is_first(b->at[j].lo) && pmr_number_compare(from.lo, b->at[j].lo) < 0)
            out[count++] = (struct interval){from.lo, before(b->at[j].lo)};
        if (pmr_number_compare(b->at[j].hi, from.hi) >= 0)
            return count;
        from.lo = next_of(b->at[j].hi);
    }
    out[count++] = from;
    return count;
}

const struct numbers *pmr_numbers_minus(struct numbers_pool *pool, struct memory *m,
                                        const struct numbers *a, const struct numbers *b)
{
    struct room room;
    size_t count = 0;

    if (!room_begin(&room, (size_t)a->count + b->count + 1))
        return NULL;
    for (size_t i = 0; i < a->count; i++)
        count += cut(a->at[i], b, room.at + count);
    return room_end(&room, pool, m, count, a->may_miss && !b->may_miss);
}

/* ------------------------------------------------------------------ asking */

bool pmr_numbers_is_empty(const struct numbers *n)
{
    return n->count == 0 && !n->may_miss;
}

bool pmr_numbers_within(const struct numbers *a, const struct numbers *b)
{
    size_t j = 0;

    if (a == b)
        return true;
    if (a->may_miss && !b->may_miss)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        while (j < b->count && pmr_number_compare(b->at[j].hi, a->at[i].lo) < 0)
            j++;
        if (j == b->count || pmr_number_compare(b->at[j].lo, a->at[i].lo) > 0 ||
            pmr_number_compare(b->at[j].hi, a->at[i].hi) < 0)
            return false;
    }
    return true;
}

bool pmr_numbers_have(const struct numbers *n, struct number number)
{
    for (size_t i = 0; i < n->count; i++)
        if (pmr_number_compare(n->at[i].lo, number) <= 0 &&
            pmr_number_compare(number, n->at[i].hi) <= 0)
            return true;
    return false;
}
