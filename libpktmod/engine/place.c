/* place.c - where a TCP segment stands in its stream: new bytes are searched once and logged, old
 * ones compared with what was decided, and both ends mapped. */
#include "engine/live.h"
#include "engine/wait.h"

#define LARGEST_GAP (UINT64_C(1) << 30)

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

/* Bytes at the frontier. */
struct front {
    const uint8_t *bytes;
    size_t len;
    bool may_hold, is_searched;
    int64_t payload_off; /* of bytes in the packet's payload */
    size_t payload_end;  /* where that ends in bytes */
};

/* Live: without room for what became of them the bytes wait for the receiver to acknowledge others.
 */
static bool is_stalled(struct pm_rewriter *r, struct pm_half *half, uint32_t runs, size_t bytes)
{
    bool is_full = pm_is_live(r) && !pm_stream_has_room(r, half, runs, bytes);
    if (is_full && !half->live.is_stalled)
        pm_count_why(r, PM_WHY_RETAIN_FULL);
    half->live.is_stalled = is_full;
    return is_full;
}

/* Decides what can be decided of them, and logs it; answers how many bytes that were. */
static size_t decide(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                     const struct front *front)
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
    size_t kept = planned_len(r, p->plan_count, len);
    if (is_stalled(r, half, 2 * p->plan_count + 1, kept)) {
        p->plan_count = 0;
        return 0;
    }
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

static bool ends_with_fin(const struct pm_half *half, uint64_t end)
{
    return half->has_fin && half->fin_o == end;
}

/* The next thing that is known at or behind o: a byte, or the FIN; UINT64_MAX: nothing. */
static uint64_t next_known(const struct pm_rewriter *r, const struct pm_half *half, uint64_t o)
{
    uint64_t next = pm_pending_next(&half->pending, &r->pieces, o);
    return next == UINT64_MAX && half->has_fin && half->fin_o > o ? half->fin_o : next;
}

/* What stands at the frontier, of all that is pending. */
static struct front front_of(struct pm_rewriter *r, const struct pm_half *half, bool may_hold)
{
    uint64_t o = half->log.o_end;
    size_t len = pm_pending_run(&half->pending, &r->pieces, o, r->work, r->work_cap);
    return (struct front){.bytes = r->work,
                          .len = len,
                          .may_hold = may_hold && !ends_with_fin(half, o + len),
                          .is_searched = true};
}

/* Takes decided bytes out, and keeps the wait and its time in step with what is left. */
static void settle(struct pm_rewriter *r, struct pm_half *half)
{
    uint64_t o = half->log.o_end;
    pm_pending_drop(&half->pending, &r->pieces, o);
    if (next_known(r, half, o) == UINT64_MAX) {
        pm_wait_end(r, half);
        return;
    }
    struct pm_stretch tail;
    bool has_tail =
        pm_pending_stretches(&half->pending, &r->pieces, o, &tail, 1) == 1 && tail.begin == o;
    if (has_tail && o < half->tail_o && pm_wait_is_timed(r, half))
        return; /* its oldest byte is one that waits already */
    half->tail_o = has_tail ? tail.end : o;
    pm_wait_time(r, half, has_tail);
}

static void advance(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                    struct front *front)
{
    if (front->len > 0)
        decide(r, p, half, front);
    settle(r, half);
}

static void skip_gap(struct pm_rewriter *r, struct pm_half *half, uint64_t to)
{
    pm_count_why(r, PM_WHY_GAP);
    if (!pm_log_has_room(&half->log, &r->store, 1, 0))
        pm_stream_reclaim(r);
    pm_log_gap(&half->log, &r->store, to - half->log.o_end);
    pm_half_pass(half, NULL, 0);
}

/* Everything pending is decided, as if nothing followed. */
static void decide_pending(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    uint64_t next;
    while ((next = pm_pending_next(&half->pending, &r->pieces, half->log.o_end)) != UINT64_MAX) {
        if (next > half->log.o_end)
            skip_gap(r, half, next);
        struct front front = front_of(r, half, false);
        advance(r, p, half, &front);
    }
}

/* And so is what is missing before the FIN. */
static void decide_all(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    decide_pending(r, p, half);
    if (half->has_fin && half->fin_o > half->log.o_end)
        skip_gap(r, half, half->fin_o);
    settle(r, half);
}

/* Sends what was decided since m_low without a packet. */
static void send_late(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                      uint64_t m_low)
{
    if (pm_is_live(r)) {
        pm_live_push(r, half);
        return;
    }
    struct pm_segment s = {.half = half,
                           .a = half->log.o_end,
                           .b = half->log.o_end,
                           .data = p->buffer,
                           .flags = p->headers.tcp_flags,
                           .m_low = m_low,
                           .m_high = half->log.m_end};
    if (ends_with_fin(half, half->log.o_end) && !half->fin_sent) {
        s.flags |= PM_FIN;
        half->fin_sent = true;
    }
    if (p->is_shown_rewritten && (s.m_high > s.m_low || (s.flags & PM_FIN)))
        pm_segment_send(r, p, &s);
}

/* The wait for the rest of a match is given up: what leaves as it is, is told. */
static void tell_release(struct pm_rewriter *r, const struct pm_passage *p,
                         const struct pm_half *half, uint64_t len, enum pm_why why)
{
    if (!r->config.event || len == 0)
        return;
    struct pm_event event = {.kind = PM_EVENT_HOLD_RELEASE,
                             .why = why,
                             .dir = p->tracked.dir,
                             .flow_id = p->tracked.flow->id,
                             .offset = half->log.o_end - half->begin_o,
                             .len = len};
    r->config.event(r->config.context, &event);
}

/* The wait's place may be used anew while its passage is still under way: a copy of the headers. */
struct late {
    struct pm_packet packet;
    struct pm_passage passage;
    uint8_t headers[PM_WAIT_HEADERS];
};

static void begin_late(struct pm_rewriter *r, const struct pm_half *half, struct late *late)
{
    pm_wait_passage(r, half, late->headers, &late->packet, &late->passage);
}

void pm_segment_release(struct pm_rewriter *r, struct pm_half *half, enum pm_release how)
{
    if (!half->is_active || !half->is_waiting)
        return;
    struct late late;
    uint64_t m_low = half->log.m_end;
    half->sent_o = half->log.o_end;
    begin_late(r, half, &late);
    if (how == PM_RELEASE_ALL && !pm_is_live(r)) {
        decide_all(r, &late.passage, half);
    } else {
        struct front front = front_of(r, half, false);
        front.is_searched = how == PM_RELEASE_ALL;
        advance(r, &late.passage, half, &front);
        if (how == PM_RELEASE_TAIL_AS_IS && !half->live.is_stalled)
            tell_release(r, &late.passage, half, front.len, PM_WHY_HOLD_TIMEOUT);
    }
    send_late(r, &late.passage, half, m_low);
}

void pm_segment_acked(struct pm_rewriter *r, struct pm_half *half, uint64_t ack_o)
{
    if (!half->is_waiting)
        return;
    uint64_t m_low = half->log.m_end;
    half->sent_o = half->log.o_end;
    bool is_begun = false;
    struct late late;
    while (half->is_waiting) {
        struct front front = front_of(r, half, false);
        uint64_t end = half->log.o_end + front.len;
        uint64_t next = next_known(r, half, end);
        if (next == UINT64_MAX || next > ack_o)
            break;
        if (!is_begun)
            begin_late(r, half, &late);
        is_begun = true;
        if (front.len > 0)
            decide(r, &late.passage, half, &front);
        skip_gap(r, half, next);
        front = front_of(r, half, true);
        advance(r, &late.passage, half, &front);
    }
    if (is_begun)
        send_late(r, &late.passage, half, m_low);
}

void pm_segment_resume(struct pm_rewriter *r, struct pm_half *half)
{
    if (!half->is_waiting) {
        half->live.is_stalled = false;
        return;
    }
    struct late late;
    begin_late(r, half, &late);
    struct front front = front_of(r, half, true);
    advance(r, &late.passage, half, &front);
}

/* ------------------------------------------------------------------ receiving */

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
    struct front front = {.bytes = s->data + skip,
                          .len = (size_t)(s->b - half->log.o_end),
                          .may_hold = !ends_with_fin(half, s->b),
                          .is_searched = true,
                          .payload_off = (int64_t)skip};
    front.payload_end = front.len;
    size_t len = decide(r, p, half, &front);
    if (p->plan_count > 0 || len < front.len)
        s->is_same = false;
    if (len == front.len)
        return;
    if (keep_pending(r, p, s, half->log.o_end)) {
        half->tail_o = s->b;
        pm_wait_time(r, half, true);
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
    decide(r, p, half, &front);
    tell_release(r, p, half, front.len, PM_WHY_HOLD_FULL);
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
                                struct front *tail)
{
    struct pm_half *half = s->half;
    tail->is_searched = false;
    size_t len = tail->len > 0 ? decide(r, p, half, tail) : 0;
    tell_release(r, p, half, len, PM_WHY_HOLD_FULL);
    settle(r, half);
    if (s->b > half->log.o_end && !half->live.is_stalled)
        receive_next(r, p, s);
}

/* False: nothing more is to be done with the segment. */
static bool receive_crowded(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                            uint64_t from)
{
    struct pm_half *half = s->half;
    struct front tail = front_of(r, half, false);
    uint64_t arrived = half->log.o_end + tail.len;
    s->why = PM_WHY_HOLD_FULL;
    if (s->a > arrived)
        return false;
    if (keep_crowded(r, p, s, from, arrived)) {
        pm_count_why(r, PM_WHY_HOLD_FULL);
        s->why = PM_WHY_NONE;
        return true;
    }
    receive_behind_tail(r, p, s, &tail);
    return false;
}

/* A recording, and no room: what waits is decided without what is missing. */
static void receive_over_gap(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    pm_count_why(r, PM_WHY_HOLD_FULL);
    decide_pending(r, p, half);
    if (s->a > half->log.o_end)
        skip_gap(r, half, s->a);
    if (s->b > half->log.o_end)
        receive_next(r, p, s);
    if (half->is_waiting)
        settle(r, half);
}

/* Decides what the bytes that the segment added to the pending ones make possible. */
static void take_pending(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    struct front front = front_of(r, half, true);
    int64_t end = (int64_t)(s->b - half->log.o_end);
    front.payload_off = (int64_t)(half->log.o_end - s->a);
    front.payload_end = end < (int64_t)front.len ? (size_t)end : front.len;
    advance(r, p, half, &front);
    if (front.len == 0)
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

/* ------------------------------------------------------------------ placing a segment */

/* Compares what is repeated with what was decided. */
static void repeat(struct pm_rewriter *r, struct pm_segment *s)
{
    const struct pm_log *log = &s->half->log;
    uint64_t from = s->a < log->o_floor ? log->o_floor : s->a;
    uint64_t to = s->b < log->o_end ? s->b : log->o_end;
    bool has_gap;
    if (s->a < log->o_floor) {
        s->is_same = !log->is_edited;
        s->why = log->is_edited ? PM_WHY_FORGOTTEN : s->why;
    }
    if (from >= to)
        return;
    enum pm_repeat answer = pm_log_compare(log, &r->store, from, s->data + (from - s->a),
                                           (size_t)(to - from), &has_gap);
    if (has_gap)
        s->why = PM_WHY_LATE;
    if (answer == PM_REPEAT_DIFFERS)
        s->why = PM_WHY_OVERLAP_DIFFERS;
    /* Acknowledged bytes cannot be taken again: there other bytes do no harm (a keep-alive's). */
    bool is_harmless =
        !pm_is_live(r) && !log->is_edited && to <= s->half->acked_o && s->b <= log->o_end;
    if (answer != PM_REPEAT_SAME && !is_harmless)
        s->is_same = false;
}

static void cut_beyond_fin(struct pm_segment *s)
{
    if (!s->half->has_fin || s->b <= s->half->fin_o || s->a == s->b)
        return;
    s->why = PM_WHY_BEYOND_FIN;
    s->is_same = false;
    s->b = s->a < s->half->fin_o ? s->half->fin_o : s->a;
}

/* Where a segment without bytes stands: at the end of what was decided (behind the FIN if it left),
 * one before it (keep-alive), or wherever its image is. */
static uint64_t empty_image(const struct pm_rewriter *r, const struct pm_segment *s)
{
    const struct pm_half *half = s->half;
    const struct pm_log *log = &half->log;
    uint64_t behind_fin = half->fin_sent && s->a > half->fin_o ? 1 : 0;
    if (s->flags & PM_SYN)
        return s->a;
    if (s->a >= log->o_end)
        return log->is_stretched || half->is_waiting ? log->m_end + behind_fin
                                                     : log->m_end + (s->a - log->o_end);
    if (s->a + 1 == log->o_end)
        return log->m_end - 1;
    return pm_log_image_low(log, &r->store, s->a);
}

/* A FIN leaves with the last byte of the stream, on whatever packet brings that out. */
static void place_fin(struct pm_segment *s, bool has_fin_flag)
{
    struct pm_half *half = s->half;
    bool is_at_end = ends_with_fin(half, half->log.o_end) && s->m_high == half->log.m_end;
    if (is_at_end && (has_fin_flag || !half->fin_sent)) {
        s->is_same = s->is_same && has_fin_flag;
        s->flags |= PM_FIN;
        half->fin_sent = true;
    } else if (has_fin_flag) {
        s->is_same = false;
        s->flags &= (uint8_t)~PM_FIN;
    }
}

static void note_fin(struct pm_segment *s)
{
    if (!(s->flags & PM_FIN) || s->half->has_fin || s->b < s->half->log.o_end)
        return;
    s->half->has_fin = true;
    s->half->fin_o = s->b;
}

bool pm_segment_place(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    struct pm_log *log = &half->log;
    uint64_t o_end = log->o_end, m_end = log->m_end;
    bool has_fin_flag = s->flags & PM_FIN;
    half->sent_o = o_end;
    cut_beyond_fin(s);
    if (s->a > log->o_end + LARGEST_GAP || s->b + LARGEST_GAP < log->o_end)
        return false;
    note_fin(s);
    if (s->a < log->o_end && s->b > s->a)
        repeat(r, s);
    bool brings = s->b > s->a || has_fin_flag;
    if (brings && s->b > log->o_end) {
        if (half->is_waiting || s->a > log->o_end)
            receive_pending(r, p, s);
        else
            receive_next(r, p, s);
    }
    if (s->b == s->a && log->o_end == o_end) {
        s->m_low = s->m_high = empty_image(r, s);
    } else {
        uint64_t from = s->a < log->o_floor && !s->is_same ? log->o_floor : s->a;
        s->m_low = s->a < o_end ? pm_log_image_low(log, &r->store, from) : m_end;
        s->m_high = log->o_end > o_end ? log->m_end : pm_log_image_high(log, &r->store, s->b);
        if (s->m_high < s->m_low)
            s->m_high = s->m_low;
    }
    if (!pm_is_live(r))
        place_fin(s, has_fin_flag);
    return true;
}
