/* receive.c - bytes that a segment brings for the first time: decided at once, or kept until what
 * is missing came. */
#include "engine/decide.h"
#include "engine/external.h"
#include "engine/wait.h"

/* The packet adds [from, s->b) to what is pending. False: no room. */
static bool keep_pending(struct pm_rewriter *r, const struct pm_passage *p, struct pm_segment *s,
                         uint64_t from)
{
    size_t len = (size_t)(s->b - from);
    struct pm_half *half = s->half;
    if (half->pending.bytes + len > r->config.pending_dir_bytes || !pm_wait_keep(r, p, half))
        return false;
    half->is_waiting = true;
    return pm_pending_put(&half->pending, &r->pieces, from, s->data + (from - s->a), len);
}

/* Nothing is pending, and the segment reaches the frontier: its own bytes are searched in place. */
static void receive_next(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    size_t skip = (size_t)(half->log.o_end - s->a);
    struct pm_front front = {.bytes = s->data + skip,
                             .len = (size_t)(s->b - half->log.o_end),
                             .may_hold = !pm_ends_with_fin(half, s->b),
                             .is_searched = true,
                             .payload_off = (int64_t)skip};
    front.payload_end = front.len;
    size_t len = pm_decide(r, p, half, &front);
    if (p->plan_count > 0 || len < front.len)
        s->is_same = false;
    if (len == front.len)
        return;
    if (keep_pending(r, p, s, half->log.o_end)) {
        if (!half->live.is_stalled)
            pm_wait_time(r, half, half->log.o_end, s->b);
        s->why = p->plan_count == 0 ? PM_WHY_HELD : s->why;
        return;
    }
    pm_count_why(r, PM_WHY_HOLD_FULL);
    pm_pending_clear(&half->pending, &r->pieces);
    pm_wait_end(r, half);
    if (half->live.is_stalled)
        return; /* its sender sends it again */
    front.bytes += len;
    front.len -= len;
    front.payload_off += (int64_t)len;
    front.payload_end -= len;
    front.may_hold = false;
    front.must_decide = true;
    pm_decide(r, p, half, &front);
    pm_tell_release(r, p, half, front.len, PM_WHY_HOLD_FULL);
}

/* Live, and no room for what came next: bytes behind it can come again, the last ones go first. */
static bool keep_crowded(struct pm_rewriter *r, const struct pm_passage *p, struct pm_segment *s,
                         uint64_t from, uint64_t arrived)
{
    while (pm_pending_shorten(&s->half->pending, &r->pieces, arrived))
        if (keep_pending(r, p, s, from))
            return true;
    return false;
}

/* The held tail itself is too long: it is given up, and the segment goes on without it. */
static void receive_behind_tail(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                                struct pm_front *tail)
{
    struct pm_half *half = s->half;
    tail->is_searched = false;
    size_t len = tail->len > 0 ? pm_decide(r, p, half, tail) : 0;
    pm_tell_release(r, p, half, len, PM_WHY_HOLD_FULL);
    pm_settle(r, p, half);
    if (s->b > half->log.o_end && !half->live.is_stalled)
        receive_next(r, p, s);
}

/* False: nothing more is to be done with the segment. */
static bool receive_crowded(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                            uint64_t from)
{
    struct pm_half *half = s->half;
    struct pm_front tail = pm_front_of(r, half, false);
    uint64_t arrived = half->log.o_end + tail.len;
    s->why = PM_WHY_HOLD_FULL;
    if (s->a > arrived)
        return false;
    if (keep_crowded(r, p, s, from, arrived)) {
        pm_count_why(r, PM_WHY_HOLD_FULL);
        s->why = PM_WHY_NONE;
        return true;
    }
    if (half->external.state != PM_EXTERNAL_ON) /* else its sender sends it again */
        receive_behind_tail(r, p, s, &tail);
    return false;
}

/* A recording, and no room: what waits is decided without what is missing. */
static void receive_over_gap(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    pm_count_why(r, PM_WHY_HOLD_FULL);
    pm_decide_pending(r, p, half);
    if (s->a > half->log.o_end)
        pm_skip_gap(r, half, s->a);
    if (s->b > half->log.o_end)
        receive_next(r, p, s);
    if (half->is_waiting)
        pm_settle(r, p, half);
}

/* Decides what the bytes that the segment added to the pending ones make possible. */
static void take_pending(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    struct pm_front front = pm_front_of(r, half, true);
    int64_t end = (int64_t)(s->b - half->log.o_end);
    front.payload_off = (int64_t)(half->log.o_end - s->a);
    front.payload_end = end < (int64_t)front.len ? (size_t)end : front.len;
    pm_advance(r, p, half, &front);
    if (half->external.state == PM_EXTERNAL_ENDED)
        s->why = PM_WHY_EXTERNAL_DROPPED;
    else if (front.len == 0)
        s->why = PM_WHY_OUT_OF_ORDER;
    else if (half->is_waiting && p->plan_count == 0)
        s->why = PM_WHY_HELD;
}

/* Something is pending, or the segment came too early. */
static void receive_pending(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    uint64_t from = s->a > s->half->log.o_end ? s->a : s->half->log.o_end;
    s->is_same = false;
    if (keep_pending(r, p, s, from) || (pm_is_live(r) && receive_crowded(r, p, s, from)))
        take_pending(r, p, s);
    else if (!pm_is_live(r))
        receive_over_gap(r, p, s);
}

void pm_segment_receive(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    bool is_early = s->a > s->half->log.o_end;
    if (s->half->is_waiting || is_early || pm_external_is_on(p, s->half))
        receive_pending(r, p, s);
    else
        receive_next(r, p, s);
}
