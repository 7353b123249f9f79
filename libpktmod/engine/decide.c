/* decide.c - bytes at the frontier: searched, edited, logged; the contract is in decide.h. */
#include "engine/decide.h"
#include "engine/wait.h"

/* ------------------------------------------------------------------ deciding new bytes */

static size_t planned_len(const struct pm_rewriter *r, uint32_t count, size_t len)
{
    int64_t total = (int64_t)len;
    for (uint32_t i = 0; i < count; i++)
        total += (int64_t)r->plan[i].new_len - (int64_t)r->plan[i].old_len;
    return (size_t)total;
}

static void log_plan(struct pm_rewriter *r, const struct pm_passage *p, struct pm_log *log,
                     const uint8_t *bytes, size_t len, uint32_t *max_used)
{
    size_t done = 0;
    for (uint32_t i = 0; i < p->plan_count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        const struct pm_replace *replace = &r->policy->ops[edit->op].replace;
        if (max_used && replace->max > 0 && replace->where != PM_IN_PAYLOAD)
            max_used[replace->max_slot]++;
        pm_log_copy(log, &r->store, bytes + done, edit->position - done);
        pm_log_edit(log, &r->store, edit->old_len, edit->with, edit->new_len);
        done = edit->position + edit->old_len;
    }
    pm_log_copy(log, &r->store, bytes + done, len - done);
}

/* Without room the bytes pass as they are. */
static void give_up_edits(struct pm_rewriter *r, struct pm_passage *p)
{
    for (uint32_t i = 0; i < p->plan_count; i++)
        pm_count_why(r, PM_WHY_EDITS_FULL);
    p->plan_count = 0;
}

static uint32_t *max_counters(const struct pm_rewriter *r, const struct pm_passage *p)
{
    uint32_t slots = r->policy->max_slots;
    struct pm_stream *stream = pm_stream_at(r, pm_rewriter_own(p)->stream);
    return slots ? stream->max_used + p->tracked.side * slots : NULL;
}

/* How many of the first len bytes, with the edits planned in them, there is room for: plan_count is
 * cut to those. */
static size_t fit(const struct pm_rewriter *r, struct pm_passage *p, const struct pm_half *half,
                  size_t len)
{
    size_t done = 0, kept = 0;
    for (uint32_t i = 0; i < p->plan_count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        size_t plain = edit->position - done;
        if (!pm_stream_has_room(r, half, 2 * i + 3, kept + plain + edit->new_len)) {
            bool has_plain = pm_stream_has_room(r, half, 2 * i + 1, kept + plain);
            p->plan_count = i;
            return has_plain ? edit->position : done;
        }
        kept += plain + edit->new_len;
        done = edit->position + edit->old_len;
    }
    return pm_stream_has_room(r, half, 2 * p->plan_count + 1, kept + len - done) ? len : done;
}

/* Live: bytes for whose rewriting there is no room wait until the receiver acknowledged others.
 * Answers how many can be decided now. Where it has nothing to acknowledge, an edit without room is
 * given up: it never will have any. */
static size_t limit_to_room(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                            size_t len)
{
    bool has_edits = p->plan_count > 0;
    size_t room = fit(r, p, half, len);
    bool was_stalled = half->live.is_stalled;
    half->live.is_stalled = room < len;
    if (room == len)
        return len;
    if (!was_stalled)
        pm_count_why(r, PM_WHY_RETAIN_FULL);
    if (room > 0 || half->live.acked_m < half->log.m_end)
        return room;
    const struct pm_plan_edit *first = &r->plan[0];
    pm_count_why(r, PM_WHY_EDITS_FULL);
    p->plan_count = 0;
    return has_edits ? first->position + first->old_len : len;
}

/* Decides what can be decided of them, and logs it; answers how many bytes that were. */
size_t pm_decide(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                 const struct pm_front *front)
{
    struct pm_log *log = &half->log;
    struct pm_search search = {.bytes = front->bytes,
                               .len = front->len,
                               .in_stream = true,
                               .may_hold = front->may_hold,
                               .before = half->before,
                               .before_len = half->before_len,
                               .stream_off = log->o_end - half->begin_o,
                               .payload_off = front->payload_off,
                               .payload_end = front->payload_end,
                               .max_used = max_counters(r, p),
                               .decided = front->len};
    p->plan_offset = search.stream_off;
    p->plan_count = front->is_searched ? pm_search_run(r, p, &search) : 0;
    size_t len = search.decided;
    if (pm_is_live(r))
        len = limit_to_room(r, p, half, len);
    if (len == 0)
        return 0;
    size_t kept = planned_len(r, p->plan_count, len);
    if (p->plan_count > 0 && !pm_stream_make_room(r, half, 2 * p->plan_count + 1, kept))
        give_up_edits(r, p);
    if (p->plan_count > 0 || pm_stream_make_room(r, half, 1, len))
        log_plan(r, p, log, front->bytes, len, max_counters(r, p));
    else
        pm_log_gap(log, &r->store, len);
    if (r->policy->regex_count > 0)
        pm_half_pass(half, front->bytes, len);
    pm_count_edits(r, p);
    return len;
}

/* ------------------------------------------------------------------ pending bytes */

bool pm_ends_with_fin(const struct pm_half *half, uint64_t end)
{
    return half->has_fin && half->fin_o == end;
}

/* The next thing that is known at or behind o: a byte, or the FIN; UINT64_MAX: nothing. */
uint64_t pm_next_known(const struct pm_rewriter *r, const struct pm_half *half, uint64_t o)
{
    uint64_t next = pm_pending_next(&half->pending, &r->pieces, o);
    return next == UINT64_MAX && half->has_fin && half->fin_o > o ? half->fin_o : next;
}

/* What stands at the frontier, of all that is pending. */
struct pm_front pm_front_of(struct pm_rewriter *r, const struct pm_half *half, bool may_hold)
{
    uint64_t o = half->log.o_end;
    size_t len = pm_pending_run(&half->pending, &r->pieces, o, r->work, r->work_cap);
    return (struct pm_front){.bytes = r->work,
                             .len = len,
                             .may_hold = may_hold && !pm_ends_with_fin(half, o + len),
                             .is_searched = true};
}

/* Takes decided bytes out, and keeps the wait and its time in step with what is left. */
void pm_settle(struct pm_rewriter *r, struct pm_half *half)
{
    uint64_t o = half->log.o_end;
    pm_pending_drop(&half->pending, &r->pieces, o);
    if (pm_next_known(r, half, o) == UINT64_MAX) {
        pm_wait_end(r, half);
        return;
    }
    struct pm_stretch tail;
    bool has_tail =
        pm_pending_stretches(&half->pending, &r->pieces, o, &tail, 1) == 1 && tail.begin == o;
    if (has_tail && !half->live.is_stalled)
        pm_wait_time(r, half, o, tail.end);
    else
        pm_wait_untime(r, half);
}

void pm_advance(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                struct pm_front *front)
{
    if (front->len > 0)
        pm_decide(r, p, half, front);
    pm_settle(r, half);
}

void pm_skip_gap(struct pm_rewriter *r, struct pm_half *half, uint64_t to)
{
    pm_count_why(r, PM_WHY_GAP);
    if (!pm_log_has_room(&half->log, &r->store, 1, 0))
        pm_stream_reclaim(r);
    pm_log_gap(&half->log, &r->store, to - half->log.o_end);
    pm_half_pass(half, NULL, 0);
}

/* Everything pending is decided, as if nothing followed. */
void pm_decide_pending(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    uint64_t next;
    while ((next = pm_pending_next(&half->pending, &r->pieces, half->log.o_end)) != UINT64_MAX) {
        if (next > half->log.o_end)
            pm_skip_gap(r, half, next);
        struct pm_front front = pm_front_of(r, half, false);
        pm_advance(r, p, half, &front);
    }
}

/* And so is what is missing before the FIN. */
void pm_decide_all(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    pm_decide_pending(r, p, half);
    if (half->has_fin && half->fin_o > half->log.o_end)
        pm_skip_gap(r, half, half->fin_o);
    pm_settle(r, half);
}
