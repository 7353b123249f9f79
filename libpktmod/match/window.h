/* window.h - finding any of many byte strings in one pass.
 *
 * The text is looked at every `stride` bytes: a window of a few bytes there is hashed. A map says
 * which hashes occur in literals at all; where the text's hash is among them, a second map tells
 * whether a literal may begin where it had to; only then is a bucket opened, and only literals that
 * have this very window are compared whole. Of each literal as many windows are known as the stride
 * is long, so that one of them is looked at wherever it begins.
 *
 *     text      . . c o n t e n t - l e n g t h . .        stride 3, windows of 6
 *                   ^     ^     ^     ^
 *     literal       c o n t e n t - l e n
 *                   [ off 0   ]
 *                     [ off 1   ]
 *                       [ off 2   ]
 *
 * Looked at from left to right, windows show literals in the order of their beginnings.
 *
 * A short literal would make stride and windows short for all, so literals are searched by classes
 * of length. */
#ifndef PM_MATCH_WINDOW_H
#define PM_MATCH_WINDOW_H

#include "match/needle.h"

/* Classes of length: 0 has the long ones, each following one those that are too short for it. */
#define PM_WINDOW_CLASSES 5
uint32_t pm_window_class(size_t len);

struct pm_windows; /* immutable */

/* Of all needles those of that class are looked for. The needles must outlive it. NULL: no
 * memory. */
struct pm_windows *pm_windows_new(const struct pm_needle *needles, uint32_t count, uint32_t class);
void pm_windows_free(struct pm_windows *windows);
size_t pm_windows_footprint(const struct pm_windows *windows);

/* The literals asked for, ascending; NULL: all. */
struct pm_choice {
    const uint32_t *list;
    uint32_t count;
};

bool pm_choice_has(const struct pm_choice *choice, uint32_t literal);

/* The first occurrence at or after (from->position, from->literal); position len if none. */
struct pm_hit pm_windows_find(const struct pm_windows *windows, const struct pm_choice *choice,
                              const uint8_t *text, size_t len, const struct pm_hit *from);

#endif
