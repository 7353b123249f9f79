/* parts.h - protocols with messages inside a TCP stream, read and edited at the frontier.
 *
 *     decide.c   while bytes are left
 *                    pm_parts_next()    which bytes come next as a whole, their edits in the plan;
 *                                       0: more of them have to come first
 *                    room, log
 *                    pm_parts_passed()  they are logged; the next part begins behind them
 *
 * A part is decided at once or not at all, so it never depends on how the bytes were cut. Both
 * directions of a flow are read, for what a response is hangs on its request; its state comes
 * from a pool, one for each flow. Where it cannot read on, the direction is over: bytes pass from
 * there on as if nothing read them, and a why is counted. */
#ifndef PM_ENGINE_PARTS_H
#define PM_ENGINE_PARTS_H

#include "engine/decide.h"

/* Scratch for the part at hand, and the state of all flows. */
struct pm_framing;

size_t pm_framing_footprint(const struct pm_policy *policy, uint32_t streams);
/* Nothing where no rule needs it. False: no memory. */
bool pm_framing_init(struct pm_rewriter *r);
void pm_framing_release(struct pm_rewriter *r);

/* A direction of the stream begins, whose first byte is known. */
void pm_parts_begin(struct pm_rewriter *r, const struct pm_passage *p, struct pm_stream *stream);
/* Both begin anew. */
void pm_parts_restart(struct pm_rewriter *r, struct pm_stream *stream);
void pm_parts_end(struct pm_rewriter *r, struct pm_stream *stream);

/* The bytes of a part: the front from `at` on. */
struct pm_part {
    const struct pm_front *front;
    size_t at;
    const uint8_t *bytes;
    size_t len;
    uint64_t stream_off;
    bool may_follow; /* more bytes, and they can be waited for */
    const uint32_t *max_used;
};

/* Whether the direction is read. */
bool pm_parts_reads(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_half *half);
/* Nothing in the plan is needed any more. */
void pm_parts_clear(struct pm_rewriter *r);
/* Appends the part's edits to the plan, from p->plan_count on. */
size_t pm_parts_next(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                     const struct pm_part *part);
/* So many bytes of the part are logged; is_made: with the edits planned for them. */
void pm_parts_passed(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                     const struct pm_part *part, size_t len, bool is_made);
#endif
