/* pending.h - bytes of one direction that were received and are not decided yet: a held tail, and
 * what came too early. In order of position; the first copy of a byte wins.
 *
 *     decided | held tail |  gap  | piece |  gap  | piece |
 *             o                   ^ pm_pending_next(o + tail)
 */
#ifndef PM_STREAM_PENDING_H
#define PM_STREAM_PENDING_H

#include "base/pool.h"

struct pm_pending {
    uint32_t first; /* piece with the lowest position; PM_NIL: none */
    uint32_t bytes; /* held by all pieces */
};

/* Memory that all directions share: pieces of fixed size. */
size_t pm_pending_footprint(size_t bytes);
bool pm_pending_store_init(struct pm_pool *pieces, size_t bytes);

void pm_pending_begin(struct pm_pending *p);
void pm_pending_clear(struct pm_pending *p, struct pm_pool *pieces);

/* Takes [o, o+len), of which bytes that are there already stay as they are. False: no room; some of
 * the bytes may have been taken. */
bool pm_pending_put(struct pm_pending *p, struct pm_pool *pieces, uint64_t o, const uint8_t *bytes,
                    size_t len);
/* Copies the bytes that stand at o without a gap, at most cap; answers their number. */
size_t pm_pending_run(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o,
                      uint8_t *out, size_t cap);
/* Whether the bytes that are there are the same in [o, o+len). */
bool pm_pending_agrees(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o,
                       const uint8_t *bytes, size_t len);
/* Forgets everything below o. */
void pm_pending_drop(struct pm_pending *p, struct pm_pool *pieces, uint64_t o);
/* Forgets the last piece, if it begins at or above o. False: there is none. */
bool pm_pending_shorten(struct pm_pending *p, struct pm_pool *pieces, uint64_t o);
/* Stretches without a gap from o on, at most max of them; answers their number. */
struct pm_stretch {
    uint64_t begin, end;
};
uint32_t pm_pending_stretches(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o,
                              struct pm_stretch *out, uint32_t max);
/* The lowest position at or above o that has a byte; UINT64_MAX: none. */
uint64_t pm_pending_next(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o);

#endif
