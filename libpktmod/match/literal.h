/* literal.h - finding many byte strings in one left-to-right scan.
 *
 * Hits come in order of (position, literal index): leftmost first, the earlier literal first where
 * several begin at the same byte. The caller decides what a hit is worth and says where to go on,
 * so overlap rules live with the caller:
 *
 *     pm_scan_begin(&scan, set, active, active_count, bytes, len);
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

#define PM_SCAN_CURSORS 8

/* One scan over one buffer; on the stack, nothing allocated. */
struct pm_scan {
    const struct pm_literals *set;
    const uint8_t *bytes;
    size_t len;
    const uint32_t *active; /* literals looked for, ascending; NULL: all */
    uint32_t active_count;
    size_t position; /* the next hit is at or after (position, literal) */
    uint32_t literal;
    bool has_cursors; /* few literals: one search each; else one pass with a two-byte filter */
    size_t cursor[PM_SCAN_CURSORS];
};

/* active (ascending literal indices) limits the scan to some literals; with more than
 * PM_SCAN_CURSORS of them, hits of others may be reported too and the caller must not mind. */
void pm_scan_begin(struct pm_scan *scan, const struct pm_literals *set, const uint32_t *active,
                   uint32_t active_count, const uint8_t *bytes, size_t len);
bool pm_scan_next(struct pm_scan *scan, struct pm_hit *hit);
void pm_scan_skip(struct pm_scan *scan, size_t position); /* go on at position, not before */

/* First occurrence of one literal in bytes at or after from; len if there is none. */
size_t pm_literal_find(const struct pm_literal *literal, const uint8_t *bytes, size_t len,
                       size_t from);

#endif
