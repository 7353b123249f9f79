/* literal.h - finding many byte strings in one left-to-right scan.
 *
 * Hits come in order of (position, literal index): leftmost first, the earlier literal first where
 * several begin at the same byte. The caller decides what a hit is worth and says where to go on,
 * so overlap rules live with the caller:
 *
 *     pm_scan_begin(&scan, set, room, active, active_count, bytes, len);
 *     while (pm_scan_next(&scan, &hit))
 *         if (accepted) pm_scan_skip(&scan, hit.position + length);   // nothing begins inside it
 */
#ifndef PM_MATCH_LITERAL_H
#define PM_MATCH_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_literal {
    const uint8_t *bytes;
    uint32_t len; /* >= 1 */
    bool nocase;  /* ASCII letters only */
};

struct pm_literals; /* compiled, immutable */

struct pm_literals *pm_literals_new(const struct pm_literal *list,
                                    uint32_t count); /* copies; NULL: no memory */
void pm_literals_free(struct pm_literals *set);
size_t pm_literals_footprint(const struct pm_literals *set);

struct pm_hit {
    uint32_t literal; /* index in the list */
    size_t position;
};

static inline bool pm_hit_is_before(const struct pm_hit *a, const struct pm_hit *b)
{
    return a->position != b->position ? a->position < b->position : a->literal < b->literal;
}

/* What an engine's scans write to, one scan at a time: it is made fit for each set. The hits are
 * the same without a room, or with one that is not fit. */
struct pm_vectorscan_room;
/* *room is NULL at first, and may stay so. False: no memory. */
bool pm_literals_fit(struct pm_vectorscan_room **room, const struct pm_literals *set);
size_t pm_literals_room_footprint(const struct pm_literals *set);

#define PM_SCAN_CURSORS 8

/* One scan over one buffer; on the stack, nothing allocated. */
struct pm_scan {
    const struct pm_literals *set;
    const uint8_t *bytes;
    size_t len;
    const uint32_t *active; /* literals looked for, ascending; NULL: all */
    uint32_t active_count;
    struct pm_hit from;         /* the next hit is at or after this */
    bool alone;                 /* few literals: one search each; else one per length of window */
    const struct pm_hit *found; /* all hits, in the room; NULL: they are searched for one by one */
    uint32_t found_count, found_next;
    uint32_t searches;
    struct pm_hit cursor[PM_SCAN_CURSORS]; /* next hit of each search; position len: none */
};

/* active (ascending literal indices) limits the scan to some literals. room may be NULL. bytes,
 * active and room must stay until the scan is over, and no other scan may use the room until then.
 *
 * Cost: text without hits is passed at vector speed (few literals) or at a few instructions a byte
 * (many), whatever the literals. The worst case, text and literals made for it, is for each byte
 * the comparison of every literal whose window (window.h) stands there, each as far as it is equal:
 * len * literals * literal length at most.
 */
void pm_scan_begin(struct pm_scan *scan, const struct pm_literals *set,
                   struct pm_vectorscan_room *room, const uint32_t *active, uint32_t active_count,
                   const uint8_t *bytes, size_t len);
bool pm_scan_next(struct pm_scan *scan, struct pm_hit *hit);
void pm_scan_skip(struct pm_scan *scan, size_t position); /* go on at position, not before */

/* First occurrence of one literal in bytes at or after from; len if there is none. */
size_t pm_literal_find(const struct pm_literal *literal, const uint8_t *bytes, size_t len,
                       size_t from);

#endif
