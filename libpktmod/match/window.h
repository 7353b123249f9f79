/* window.h - finding any of many byte strings in one pass.
 *
 * Of each literal a window of up to four bytes at the same offset is hashed. A bitmap says which
 * hashes occur at all; only where the text's hash is among them is a bucket opened, and only
 * literals whose window is the text's are compared whole.
 *
 *     text      . . c o n t e n t - l e n g . .
 *     literal       [ n t e n ]                      offset 2: the rarest windows decide it
 *
 * Literals shorter than four bytes would make every window short, so each width has a search of
 * its own. */
#ifndef PM_MATCH_WINDOW_H
#define PM_MATCH_WINDOW_H

#include "match/needle.h"

#define PM_WINDOW_WIDTH 4

struct pm_windows; /* immutable */

/* Of all needles those whose length is `width` (or more, for the widest) are looked for. The
 * needles must outlive it. NULL: no memory. */
struct pm_windows *pm_windows_new(const struct pm_needle *needles, uint32_t count, uint32_t width);
void pm_windows_free(struct pm_windows *windows);
size_t pm_windows_footprint(const struct pm_windows *windows);

/* The literals asked for, ascending; NULL: all. */
struct pm_choice {
    const uint32_t *list;
    uint32_t count;
};

/* The first occurrence at or after (from->position, from->literal); position len if none. */
struct pm_hit pm_windows_find(const struct pm_windows *windows, const struct pm_choice *choice,
                              const uint8_t *text, size_t len, const struct pm_hit *from);

#endif
