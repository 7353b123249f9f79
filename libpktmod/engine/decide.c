/* decide.c - bytes at the frontier: searched, edited, logged; the contract is in decide.h. */
#include "engine/decide.h"
#include "engine/dnsstream.h"
#include "engine/external.h"
#include "engine/parts.h"
#include "engine/splices.h"
#include "engine/wait.h"

/* ------------------------------------------------------------------ deciding new bytes */

static size_t planned_len(const struct pm_rewriter *r, uint32_t count, size_t len)
{
    int64_t total = (int64_t)len;
    for (uint32_t i = 0; i < count; i++)
        total += (int64_t)r->plan[i].new_len - (int64_t)r->plan[i].old_len;
    return (size_t)total;
}

static uint32_t *max_counters(const struct pm_rewriter *r, const struct pm_passage *p)
{
    uint32_t slots = r->policy->max_slots;
    struct pm_stream *stream = pm_stream_at(r, pm_rewriter_own(p)->stream);
    return slots ? stream->max_used + p->tracked.side * slots : NULL;
}

static void count_max(const struct pm_op *op, uint32_t *max_used)
{
    if (max_used && op->kind == PM_OP_REPLACE && op->replace.max > 0 &&
        op->replace.where != PM_IN_PAYLOAD)
        max_used[op->replace.max_slot]++;
}

/* A delete that begins takes its whole range, also what comes later of it. */
static void note_cut(const struct pm_op *op, uint32_t index, struct pm_half *half)
{
    if (op->kind != PM_OP_DELETE || op->splice.where == PM_IN_PAYLOAD)
        return;
    bool is_far = op->splice.end > UINT64_MAX - half->begin_o;
    half->cut_until = is_far ? UINT64_MAX : half->begin_o + op->splice.end;
    half->cut_op = index;
}

/* Logs bytes [from, to) with the edits from `first` on. An insert goes with the byte that it stands
 * before. */
static void log_plan(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half,
                     const uint8_t *bytes, size_t from, size_t to, uint32_t first)
{
    struct pm_log *log = &half->log;
    uint32_t *max_used = max_counters(r, p);
    size_t done = from;
    for (uint32_t i = first; i < p->plan_count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        if (!(edit->op & PM_REPAIR))
            count_max(&r->policy->ops[edit->op], max_used);
        note_cut(&r->policy->ops[pm_plan_op(edit)], pm_plan_op(edit), half);
        pm_log_copy(log, &r->store, bytes + done, edit->position - done);
        done = edit->position + edit->old_len;
        if (edit->old_len > 0) {
            pm_log_edit(log, &r->store, edit->old_len, edit->with, edit->new_len);
            continue;
        }
        pm_log_insert(log, &r->store, edit->with, edit->new_len);
        bool is_carried = i + 1 < p->plan_count && r->plan[i + 1].position == edit->position;
        if (!is_carried)
            pm_log_edit(log, &r->store, 1, bytes + done++, 1);
    }
    pm_log_copy(log, &r->store, bytes + done, to - done);
}

/* Inserts right behind the first len bytes have nothing to go with. */
static void drop_loose(const struct pm_rewriter *r, struct pm_passage *p, size_t len)
{
    while (p->plan_count > 0 && r->plan[p->plan_count - 1].old_len == 0 &&
           r->plan[p->plan_count - 1].position == len)
        p->plan_count--;
}

/* Without room the bytes pass as they are. */
static void give_up_edits(struct pm_rewriter *r, struct pm_passage *p)
{
    for (uint32_t i = 0; i < p->plan_count; i++)
        pm_count_why(r, PM_WHY_EDITS_FULL);
    p->plan_count = 0;
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
    uint32_t first_len = first->old_len > 0 ? first->old_len : 1;
    return has_edits ? first->position + first_len : len;
}

/* ------------------------------------------------------------------ part by part */

/* What is planned for a part has room in the log, or it is given up. False: it has to wait. */
static bool fit_part(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half, size_t len,
                     uint32_t first, bool *is_made)
{
    uint32_t count = p->plan_count - first;
    int64_t kept = (int64_t)len;
    for (uint32_t i = first; i < p->plan_count; i++)
        kept += (int64_t)r->plan[i].new_len - (int64_t)r->plan[i].old_len;
    *is_made = true;
    if (pm_is_live(r)) {
        bool fits = pm_stream_has_room(r, half, 2 * count + 3, (size_t)kept);
        bool was_stalled = half->live.is_stalled;
        half->live.is_stalled = !fits && half->live.acked_m < half->log.m_end;
        if (fits)
            return true;
        if (!was_stalled)
            pm_count_why(r, PM_WHY_RETAIN_FULL);
        if (half->live.is_stalled)
            return false;
    } else if (count == 0 || pm_stream_make_room(r, half, 2 * count + 1, (size_t)kept)) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        pm_count_why(r, PM_WHY_EDITS_FULL);
    *is_made = count == 0;
    p->plan_count = first;
    return true;
}

/* The stream beyond what a framer reads. */
static size_t next_plain(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                         const struct pm_part *part)
{
    const struct pm_front *front = part->front;
    struct pm_search search = {
        .bytes = part->bytes,
        .len = part->len,
        .in_stream = true,
        .may_hold = part->may_follow,
        .only_splices = !front->is_searched,
        .before = half->before,
        .before_len = half->before_len,
        .stream_off = part->stream_off,
        .payload_off = front->payload_off + (int64_t)part->at,
        .payload_end = front->payload_end > part->at ? front->payload_end - part->at : 0,
        .max_used = part->max_used,
        .is_continued = true,
        .first = p->plan_count,
        .at = (uint32_t)part->at,
        .decided = part->len};
    p->plan_count += pm_search_run(r, p, &search);
    return search.decided;
}

static size_t next_part(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                        const struct pm_part *part, bool *is_read)
{
    *is_read = pm_parts_reads(r, p, half);
    size_t len = *is_read ? pm_parts_next(r, p, half, part) : 0;
    if (len > 0 || pm_parts_reads(r, p, half))
        return len;
    *is_read = false;
    return next_plain(r, p, half, part);
}

static void log_part(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                     const struct pm_part *part, size_t len, uint32_t first)
{
    if (p->plan_count > first || pm_stream_make_room(r, half, 1, len))
        log_plan(r, p, half, part->front->bytes, part->at, part->at + len, first);
    else
        pm_log_gap(&half->log, &r->store, len);
    pm_count_edits(r, p, first);
}

static size_t decide_parts(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                           const struct pm_front *front)
{
    size_t done = 0;
    p->plan_offset = half->log.o_end - half->begin_o;
    p->plan_bytes = front->bytes;
    p->plan_count = 0;
    pm_parts_clear(r);
    while (done < front->len) {
        struct pm_part part = {.front = front,
                               .at = done,
                               .bytes = front->bytes + done,
                               .len = front->len - done,
                               .stream_off = half->log.o_end - half->begin_o,
                               .may_follow = front->may_hold && front->is_searched,
                               .max_used = max_counters(r, p)};
        uint32_t first = p->plan_count;
        bool is_read, is_made;
        size_t len = next_part(r, p, half, &part, &is_read);
        if (len == 0)
            break;
        if (!fit_part(r, p, half, len, first, &is_made)) {
            p->plan_count = first;
            break;
        }
        log_part(r, p, half, &part, len, first);
        if (is_read)
            pm_parts_passed(r, p, half, &part, len, is_made);
        else if (r->policy->regex_count > 0)
            pm_half_pass(half, part.bytes, len);
        done += len;
    }
    return done;
}

/* ------------------------------------------------------------------ the frontier */

/* Decides what can be decided of them, and logs it; answers how many bytes that were. */
size_t pm_decide(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                 const struct pm_front *front)
{
    struct pm_log *log = &half->log;
    if (pm_external_is_on(p, half)) {
        if (!front->must_decide && pm_external_offer(r, p, half, front))
            return 0;
        pm_external_give_up(r, half);
    }
    if (half->external.state == PM_EXTERNAL_ENDED)
        return 0;
    if (pm_parts_reads(r, p, half))
        return decide_parts(r, p, half, front);
    struct pm_search search = {.bytes = front->bytes,
                               .len = front->len,
                               .in_stream = true,
                               .may_hold = front->may_hold && front->is_searched,
                               .only_splices = !front->is_searched,
                               .before = half->before,
                               .before_len = half->before_len,
                               .stream_off = log->o_end - half->begin_o,
                               .payload_off = front->payload_off,
                               .payload_end = front->payload_end,
                               .max_used = max_counters(r, p),
                               .frames = pm_dns_stream_is_on(p) ? &half->frames : NULL,
                               .begin_o = log->o_end,
                               .decided = front->len};
    if (half->cut_until > log->o_end) {
        uint64_t left = half->cut_until - log->o_end;
        search.cut = left < front->len ? (size_t)left : front->len;
        search.cut_op = half->cut_op;
    }
    p->plan_offset = search.stream_off;
    p->plan_bytes = front->bytes;
    p->plan_count = half->external.state == PM_EXTERNAL_OFF ? pm_search_run(r, p, &search) : 0;
    size_t len = search.decided;
    if (pm_is_live(r))
        len = limit_to_room(r, p, half, len);
    drop_loose(r, p, len);
    if (len == 0)
        return 0;
    if (search.frames)
        pm_dns_frames_pass(&half->frames, search.begin_o, front->bytes, len);
    size_t kept = planned_len(r, p->plan_count, len);
    if (p->plan_count > 0 && !pm_stream_make_room(r, half, 2 * p->plan_count + 1, kept))
        give_up_edits(r, p);
    if (p->plan_count > 0 || pm_stream_make_room(r, half, 1, len))
        log_plan(r, p, half, front->bytes, 0, len, 0);
    else
        pm_log_gap(log, &r->store, len);
    if (r->policy->regex_count > 0)
        pm_half_pass(half, front->bytes, len);
    pm_count_edits(r, p, 0);
    return len;
}

/* ------------------------------------------------------------------ the end */

static void insert_at_end(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                          uint32_t index)
{
    const struct pm_splice *splice = &r->policy->ops[index].splice;
    struct pm_log *log = &half->log;
    if (!pm_stream_has_room(r, half, 1, splice->len) &&
        (pm_is_live(r) || !pm_stream_make_room(r, half, 1, splice->len))) {
        pm_count_why(r, PM_WHY_EDITS_FULL);
        return;
    }
    uint64_t offset = log->o_end - half->begin_o;
    if (p->plan_count == 0) {
        p->plan_offset = offset;
        p->plan_bytes = splice->bytes; /* any: no byte of it is told */
    }
    pm_log_insert(log, &r->store, splice->bytes, splice->len);
    r->plan[p->plan_count++] =
        (struct pm_plan_edit){.position = (uint32_t)(offset - p->plan_offset),
                              .op = index,
                              .new_len = splice->len,
                              .with = splice->bytes};
    pm_count_edits(r, p, p->plan_count - 1);
}

bool pm_finish(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    uint64_t m_end = half->log.m_end;
    if (half->is_finished || !pm_ends_with_fin(half, half->log.o_end))
        return false;
    half->is_finished = true;
    if (half->external.state != PM_EXTERNAL_OFF) {
        pm_external_finish(r, p, half);
        return false;
    }
    for (uint32_t i = 0; p->selection.has_splice && i < p->selection.count; i++) {
        const struct pm_rule *rule = &r->policy->rules[p->selection.rules[i]];
        for (uint32_t j = 0; rule->splice_count > 0 && j < rule->op_count; j++)
            if (pm_splice_ends(&r->policy->ops[rule->first_op + j],
                               half->log.o_end - half->begin_o))
                insert_at_end(r, p, half, rule->first_op + j);
    }
    return half->log.m_end > m_end;
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
                             .must_decide = !may_hold,
                             .is_searched = true};
}

/* Takes decided bytes out, and keeps the wait and its time in step with what is left. */
void pm_settle(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    uint64_t o = half->log.o_end;
    if (half->external.state == PM_EXTERNAL_ENDED) {
        pm_pending_clear(&half->pending, &r->pieces);
        pm_wait_end(r, half);
        return;
    }
    pm_finish(r, p, half);
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
    pm_settle(r, p, half);
}

void pm_skip_gap(struct pm_rewriter *r, struct pm_half *half, uint64_t to)
{
    pm_count_why(r, PM_WHY_GAP);
    half->has_gap = true;
    if (!pm_log_has_room(&half->log, &r->store, 1, 0))
        pm_stream_reclaim(r);
    pm_log_gap(&half->log, &r->store, to - half->log.o_end);
    pm_half_pass(half, NULL, 0);
    pm_dns_frames_gap(&half->frames, to);
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
    pm_settle(r, p, half);
}
