/* ddmin.c - the smallest part of a list that still fails. */
#include "app/ddmin.h"

#include <string.h>

static bool may_try(const struct pm_ddmin *d)
{
    return d->tries < d->tries_max;
}

static bool fails(struct pm_ddmin *d, const size_t *items, size_t count)
{
    d->tries++;
    return d->fails(d->context, items, count);
}

/* Takes out each stretch of `len` items that is not needed; how many are left. */
static size_t without_each(struct pm_ddmin *d, size_t *items, size_t count, size_t len,
                           size_t *room)
{
    for (size_t at = 0; at < count && may_try(d);) {
        size_t gone = count - at < len ? count - at : len, left = count - gone;
        memcpy(room, items, at * sizeof *items);
        memcpy(room + at, items + at + gone, (left - at) * sizeof *items);
        if (left > 0 && fails(d, room, left)) {
            memcpy(items, room, left * sizeof *items);
            count = left;
        } else {
            at += gone;
        }
    }
    return count;
}

size_t pm_ddmin(struct pm_ddmin *d, size_t *items, size_t count, size_t *room)
{
    size_t len = count / 2;
    while (len >= 1 && count > 1 && may_try(d)) {
        size_t before = count;
        count = without_each(d, items, count, len, room);
        if (len == 1 && count == before)
            break;
        len = len > 1 ? len / 2 : 1;
        if (len > count / 2 && count > 1)
            len = count / 2;
    }
    return count;
}
