/* ddmin.h - the smallest part of a list that still fails: delta debugging (Zeller, Hildebrandt
 * 2002).
 *
 *     [1 2 3 4 5 6 7 8]   fails; without a half?   1 2 3 4 | 5 6 7 8
 *     [5 6 7 8]           fails; a half, then quarters, ...
 *     [6]                 nothing more can go
 *
 * The answer is 1-minimal: it fails, and without any single one of its items it does not, unless
 * the tries ran out before.
 */
#ifndef PKTMOD_APP_DDMIN_H
#define PKTMOD_APP_DDMIN_H

#include <stdbool.h>
#include <stddef.h>

struct pm_ddmin {
    /* Whether these items alone still fail. */
    bool (*fails)(void *context, const size_t *items, size_t count);
    void *context;
    size_t tries, tries_max; /* calls of fails so far, and at most */
};

/* items[count] fails as it stands; it is made smaller in place. room: for as many items. The
 * answer is how many are left, at least 1 if count is. */
size_t pm_ddmin(struct pm_ddmin *ddmin, size_t *items, size_t count, size_t *room);

#endif
