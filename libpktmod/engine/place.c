/* place.c - where a TCP segment stands in its stream: old bytes are compared with what was decided,
 * new ones received, and both ends mapped. */
#include "engine/decide.h"

#define LARGEST_GAP (UINT64_C(1) << 30)

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
        return log->is_stretched || half->is_waiting || half->external.state == PM_EXTERNAL_ENDED
                   ? log->m_end + behind_fin
                   : log->m_end + (s->a - log->o_end);
    if (s->a + 1 == log->o_end)
        return log->m_end - 1;
    return pm_log_image_low(log, &r->store, s->a);
}

/* A FIN leaves with the last byte of the stream, on whatever packet brings that out. */
static void place_fin(struct pm_segment *s, bool has_fin_flag)
{
    struct pm_half *half = s->half;
    bool is_at_end = pm_ends_with_fin(half, half->log.o_end) && s->m_high == half->log.m_end;
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
    if (brings && s->b > log->o_end)
        pm_segment_receive(r, p, s);
    if (pm_finish(r, p, half) || log->m_end - m_end != log->o_end - o_end)
        s->is_same = false;
    if (s->b == s->a && log->m_end == m_end && log->o_end == o_end) {
        s->m_low = s->m_high = empty_image(r, s);
        if (has_fin_flag && s->a == half->fin_o) /* it goes with what was inserted before it */
            s->m_low = pm_log_image_low(log, &r->store, s->a);
    } else {
        uint64_t from = s->a < log->o_floor && !s->is_same ? log->o_floor : s->a;
        s->m_low = s->a < o_end ? pm_log_image_low(log, &r->store, from) : m_end;
        bool is_news = log->o_end > o_end || log->m_end > m_end;
        s->m_high = is_news ? log->m_end : pm_log_image_high(log, &r->store, s->b);
        if (s->m_high < s->m_low)
            s->m_high = s->m_low;
    }
    if (s->b > s->a || has_fin_flag)
        s->is_same = s->is_same && s->m_high - s->m_low == s->b - s->a;
    if (!pm_is_live(r))
        place_fin(s, has_fin_flag);
    return true;
}
