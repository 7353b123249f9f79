/* verify_anchor.h - pairs of positions that belong together: where a direction ended in the
 * baseline, and where it ended in the rewritten capture at the same time.
 *
 * All that had left by then came from bytes before the first, so the image of that position is not
 * before the second. It may lie behind it, if bytes were still waiting to become a match; not if
 * the bytes before both are the same.
 */
#ifndef PKTMOD_APP_VERIFY_ANCHOR_H
#define PKTMOD_APP_VERIFY_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/verify_stream.h"

/* The latest so many are kept: enough for what is in flight. */
#define PM_VERIFY_ANCHORS ((size_t)4096)

struct pm_verify_anchor {
    uint64_t was, is;
    bool is_exact;
};

struct pm_verify_anchors {
    struct pm_verify_anchor *list; /* both positions grow */
    size_t count, cap;
};

void pm_verify_anchors_free(struct pm_verify_anchors *anchors);
/* False: no memory. `was` and `is` are not before those added last. */
bool pm_verify_anchors_add(struct pm_verify_anchors *anchors, uint64_t was, uint64_t is,
                           const struct pm_verify_stream *original,
                           const struct pm_verify_stream *rewritten);
/* Between which positions the image of one lies; 0 and UINT64_MAX where nothing is known. */
void pm_verify_anchors_bound(const struct pm_verify_anchors *anchors, uint64_t was, uint64_t *least,
                             uint64_t *most);

#endif
