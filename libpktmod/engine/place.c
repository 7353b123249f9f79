/* place.c - where a TCP segment stands in its stream: new bytes are searched once and logged, old
 * ones compared with what was decided, and both ends mapped. */
#include "engine/segment.h"

#define LARGEST_GAP (UINT64_C(1) << 30)

/* ------------------------------------------------------------------ deciding new bytes */

static size_t planned_len(const struct pm_rewriter *r, uint32_t count, size_t len)
{
    int64_t total = (int64_t)len;
    for (uint32_t i = 0; i < count; i++) {
        const struct pm_replace *replace = &r->policy->ops[r->plan[i].op].replace;
        total += (int64_t)replace->with_len - (int64_t)replace->find_len;
    }
    return (size_t)total;
}

static void log_plan(struct pm_rewriter *r, const struct pm_passage *p, struct pm_log *log,
                     const uint8_t *bytes, size_t len)
{
    size_t done = 0;
    for (uint32_t i = 0; i < p->plan_count; i++) {
        const struct pm_replace *replace = &r->policy->ops[r->plan[i].op].replace;
        pm_log_copy(log, &r->store, bytes + done, r->plan[i].position - done);
        pm_log_edit(log, &r->store, replace->find_len, replace->with, replace->with_len);
        done = r->plan[i].position + replace->find_len;
    }
    pm_log_copy(log, &r->store, bytes + done, len - done);
}

/* Without room the bytes pass as they are and are not remembered. */
static void log_without_room(struct pm_rewriter *r, struct pm_passage *p, struct pm_log *log,
                             size_t len)
{
    for (uint32_t i = 0; i < p->plan_count; i++)
        pm_count_why(r, PM_WHY_EDITS_FULL);
    p->plan_count = 0;
    pm_log_gap(log, &r->store, len);
}

static uint32_t *max_counters(const struct pm_rewriter *r, const struct pm_passage *p,
                              const struct pm_segment *s)
{
    uint32_t slots = r->policy->max_slots;
    return slots ? s->stream->max_used + p->tracked.side * slots : NULL;
}

/* Decides [o_end, b), whose first byte is data[o_end - a]. */
static void decide(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_log *log = &s->half->log;
    size_t skip = (size_t)(log->o_end - s->a);
    const uint8_t *bytes = s->data + skip;
    size_t len = (size_t)(s->b - log->o_end);
    struct pm_search search = {.bytes = bytes,
                               .len = len,
                               .in_stream = true,
                               .stream_off = log->o_end - s->half->begin_o,
                               .payload_off = skip,
                               .max_used = max_counters(r, p, s)};
    p->plan_offset = search.stream_off;
    if (!(s->flags & PM_SYN))
        p->plan_count = pm_search_run(r, p, &search);
    else
        s->why = PM_WHY_TFO_DATA;
    size_t kept = planned_len(r, p->plan_count, len);
    if (pm_stream_make_room(r, s->half, 2 * p->plan_count + 1, kept))
        log_plan(r, p, log, bytes, len);
    else
        log_without_room(r, p, log, len);
    pm_count_edits(r, p);
    if (p->plan_count > 0)
        s->is_same = false;
}

/* ------------------------------------------------------------------ placing a segment */

/* The bytes before `a` were not seen: their length is taken as it is. */
static void give_up_gap(struct pm_rewriter *r, struct pm_segment *s)
{
    struct pm_log *log = &s->half->log;
    s->why = PM_WHY_OUT_OF_ORDER;
    if (!pm_log_has_room(log, &r->store, 1, 0))
        pm_stream_reclaim(r);
    pm_log_gap(log, &r->store, s->a - log->o_end);
}

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
    bool is_harmless = !log->is_edited && to <= s->half->acked_o && s->b <= log->o_end;
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

/* Where a segment without bytes stands: at the end of what was decided (behind the FIN if it knows
 * of it), one before it (keep-alive), or wherever its image is. */
static uint64_t empty_image(const struct pm_rewriter *r, const struct pm_segment *s)
{
    const struct pm_half *half = s->half;
    const struct pm_log *log = &half->log;
    uint64_t behind_fin = half->has_fin && s->a > half->fin_o ? 1 : 0;
    if (s->a >= log->o_end)
        return log->is_stretched ? log->m_end + behind_fin : log->m_end + (s->a - log->o_end);
    if (s->a + 1 == log->o_end)
        return log->m_end - 1;
    return pm_log_image_low(log, &r->store, s->a);
}

static void note_fin(struct pm_segment *s)
{
    if (!(s->flags & PM_FIN) || s->half->has_fin || s->b != s->half->log.o_end)
        return;
    s->half->has_fin = true;
    s->half->fin_o = s->b;
}

bool pm_segment_place(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_log *log = &s->half->log;
    cut_beyond_fin(s);
    if (s->a > log->o_end + LARGEST_GAP || s->b + LARGEST_GAP < log->o_end)
        return false;
    bool brings = s->b > s->a || ((s->flags & PM_FIN) && !s->half->has_fin);
    if (brings && s->a > log->o_end)
        give_up_gap(r, s);
    if (s->a < log->o_end && s->b > s->a)
        repeat(r, s);
    if (s->b > log->o_end && brings)
        decide(r, p, s);
    note_fin(s);
    if (s->b == s->a) {
        s->m_low = s->m_high = (s->flags & PM_SYN) ? s->a : empty_image(r, s);
        return true;
    }
    uint64_t from = s->a < log->o_floor && !s->is_same ? log->o_floor : s->a;
    s->m_low = pm_log_image_low(log, &r->store, from);
    s->m_high = pm_log_image_high(log, &r->store, s->b);
    if (s->m_high < s->m_low)
        s->m_high = s->m_low;
    return true;
}
