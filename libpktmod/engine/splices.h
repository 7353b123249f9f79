/* splices.h - the inserts and range deletes of one search: where each of them stands next.
 *
 * Their places are known before anything is searched, and do not depend on how a stream was cut. An
 * insert stands before its byte and goes with it. A delete takes what is there of its range; where
 * another edit took a part of it first, it takes the rest. */
#ifndef PM_ENGINE_SPLICES_H
#define PM_ENGINE_SPLICES_H

#include "engine/rewriter.h"

struct pm_splice_at {
    uint32_t op;
    size_t position, end; /* in the searched bytes; an insert's are the same */
    bool is_done;
};

size_t pm_splices_footprint(const struct pm_policy *policy);
bool pm_splices_init(struct pm_rewriter *r);
void pm_splices_release(struct pm_rewriter *r);

/* Those of the selected rules that stand somewhere in the searched bytes; in a datagram also at
 * their end. */
void pm_splices_begin(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search);
/* The first one; inserts before others at the same place. NULL: there is none. */
struct pm_splice_at *pm_splices_first(struct pm_rewriter *r);
/* Nothing begins before `position` any more. */
void pm_splices_skip(struct pm_rewriter *r, size_t position);

/* The op'th edit inserts at the end of a stream that has `len` bytes. */
bool pm_splice_ends(const struct pm_op *op, uint64_t len);

#endif
