/* portset.c - ranges of ports; few of them take little room, many are a table of bits. */
#include "match/portset.h"

#include <stdlib.h>

#define PORTS     65536u
#define MANY      512u /* ranges; the table of bits has the room of four times as many */
#define MOST_KEPT (2 * PORTS)

static int by_port(const void *a, const void *b)
{
    const struct pm_port_range *x = a, *y = b;
    return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1) : x->hi < y->hi ? -1 : x->hi > y->hi;
}

/* In order, and those that touch made one. */
static void tidy(struct pm_portset *set)
{
    uint32_t kept = 0;
    if (set->count == 0)
        return;
    qsort(set->ranges, set->count, sizeof *set->ranges, by_port);
    for (uint32_t i = 1; i < set->count; i++) {
        struct pm_port_range *last = &set->ranges[kept], next = set->ranges[i];
        if (next.lo > (uint32_t)last->hi + 1)
            set->ranges[++kept] = next;
        else if (next.hi > last->hi)
            last->hi = next.hi;
    }
    set->count = kept + 1;
}

bool pm_portset_put(struct pm_portset *set, uint32_t lo, uint32_t hi)
{
    if (lo >= PORTS)
        return true;
    if (set->count == MOST_KEPT) /* no more than half of the ports are apart from each other */
        tidy(set);
    if (set->count == set->cap) {
        uint32_t cap = set->cap ? set->cap * 2 : 4;
        struct pm_port_range *ranges = realloc(set->ranges, cap * sizeof *ranges);
        if (!ranges)
            return false;
        set->ranges = ranges;
        set->cap = cap;
    }
    set->ranges[set->count++] =
        (struct pm_port_range){.lo = (uint16_t)lo, .hi = (uint16_t)(hi < PORTS ? hi : PORTS - 1)};
    return true;
}

bool pm_portset_seal(struct pm_portset *set)
{
    tidy(set);
    if (set->count < MANY)
        return true;
    set->bits = calloc(PORTS / 64, sizeof *set->bits);
    if (!set->bits)
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        for (uint32_t port = set->ranges[i].lo; port <= set->ranges[i].hi; port++)
            set->bits[port / 64] |= (uint64_t)1 << port % 64;
    return true;
}

bool pm_portset_has(const struct pm_portset *set, uint32_t port)
{
    uint32_t low = 0, high = set->count;
    if (port >= PORTS)
        return false;
    if (set->bits)
        return (set->bits[port / 64] >> port % 64 & 1) != 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (port > set->ranges[middle].hi)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && port >= set->ranges[low].lo;
}

void pm_portset_release(struct pm_portset *set)
{
    free(set->ranges);
    free(set->bits);
}
