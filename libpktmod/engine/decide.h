/* decide.h - the frontier of a direction: bytes that arrived in order are searched once, and what
 * became of them is logged for ever. */
#ifndef PM_ENGINE_DECIDE_H
#define PM_ENGINE_DECIDE_H

#include "engine/segment.h"
#include "engine/wait.h"

/* Bytes at the frontier. */
struct pm_front {
    const uint8_t *bytes;
    size_t len;
    bool may_hold, is_searched;
    bool must_decide;    /* nothing more can be waited for */
    int64_t payload_off; /* of bytes in the packet's payload */
    size_t payload_end;  /* where that ends in bytes */
};

/* Decides what can be decided of them, and logs it; answers how many bytes that were. */
size_t pm_decide(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                 const struct pm_front *front);

/* The FIN stands at `end`. */
bool pm_ends_with_fin(const struct pm_half *half, uint64_t end);
/* The next thing that is known at or behind o: a byte, or the FIN; UINT64_MAX: nothing. */
uint64_t pm_next_known(const struct pm_rewriter *r, const struct pm_half *half, uint64_t o);
/* What stands at the frontier, of all that is pending. */
struct pm_front pm_front_of(struct pm_rewriter *r, const struct pm_half *half, bool may_hold);
/* Takes decided bytes out of the pending ones, and keeps the wait and its time in step with what is
 * left. */
void pm_settle(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half);
/* Where the frontier reached the FIN: what rules insert at the end of the stream is logged, once.
 * True: something was. */
bool pm_finish(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half);
/* Decides pending bytes, and settles. */
void pm_advance(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                struct pm_front *front);

/* The bytes up to `to` are given up: their length stays. */
void pm_skip_gap(struct pm_rewriter *r, struct pm_half *half, uint64_t to);
/* Everything pending is decided, as if nothing followed; and so is what is missing before the FIN.
 */
void pm_decide_pending(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half);
void pm_decide_all(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half);

/* The wait for the rest of a match is given up: what leaves as it is, is told. */
void pm_tell_release(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_half *half,
                     uint64_t len, enum pm_why why);

/* A passage for what waited. The wait's place may be used anew while it is still under way: a copy
 * of the headers. */
struct pm_late {
    struct pm_packet packet;
    struct pm_passage passage;
    uint8_t headers[PM_WAIT_HEADERS];
};

void pm_late_begin(struct pm_rewriter *r, const struct pm_half *half, struct pm_late *late);
/* Sends what was decided since m_low. */
void pm_late_send(struct pm_rewriter *r, struct pm_late *late, struct pm_half *half,
                  uint64_t m_low);

/* receive.c: takes what the segment brings for the first time. */
void pm_segment_receive(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s);

#endif
