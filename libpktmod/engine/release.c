/* release.c - what waited leaves without a packet that brings it along: its time is over, its gap
 * is given up, there is room again. */
#include "engine/decide.h"
#include "engine/live.h"
#include "engine/wait.h"

/* The wait for the rest of a match is given up: what leaves as it is, is told. */
void pm_tell_release(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_half *half,
                     uint64_t len, enum pm_why why)
{
    if (!r->config.event || len == 0)
        return;
    struct pm_event event = {.kind = PM_EVENT_HOLD_RELEASE,
                             .why = why,
                             .dir = p->tracked.dir,
                             .flow_id = p->tracked.flow->id,
                             .cookie = p->packet->cookie,
                             .offset = half->log.o_end - half->begin_o,
                             .len = len};
    r->config.event(r->config.context, &event);
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
    if (pm_ends_with_fin(half, half->log.o_end) && !half->fin_sent) {
        s.flags |= PM_FIN;
        half->fin_sent = true;
    }
    if (p->is_shown_rewritten && (s.m_high > s.m_low || (s.flags & PM_FIN)))
        pm_segment_send(r, p, &s);
}

void pm_late_begin(struct pm_rewriter *r, const struct pm_half *half, struct pm_late *late)
{
    pm_wait_passage(r, half, late->headers, &late->packet, &late->passage);
}

void pm_late_send(struct pm_rewriter *r, struct pm_late *late, struct pm_half *half, uint64_t m_low)
{
    send_late(r, &late->passage, half, m_low);
}

void pm_segment_release(struct pm_rewriter *r, struct pm_half *half, enum pm_release how)
{
    if (!half->is_active || !half->is_waiting)
        return;
    struct pm_late late;
    uint64_t m_low = half->log.m_end;
    half->sent_o = half->log.o_end;
    pm_late_begin(r, half, &late);
    if (how == PM_RELEASE_ALL && !pm_is_live(r)) {
        pm_decide_all(r, &late.passage, half);
    } else {
        struct pm_front front = pm_front_of(r, half, false);
        front.is_searched = how == PM_RELEASE_ALL;
        pm_advance(r, &late.passage, half, &front);
        if (how == PM_RELEASE_TAIL_AS_IS)
            pm_tell_release(r, &late.passage, half, front.len, PM_WHY_HOLD_TIMEOUT);
    }
    pm_late_send(r, &late, half, m_low);
}

void pm_segment_acked(struct pm_rewriter *r, struct pm_half *half, uint64_t ack_o)
{
    if (!half->is_waiting)
        return;
    uint64_t m_low = half->log.m_end;
    half->sent_o = half->log.o_end;
    bool is_begun = false;
    struct pm_late late;
    while (half->is_waiting) {
        struct pm_front front = pm_front_of(r, half, false);
        uint64_t end = half->log.o_end + front.len;
        uint64_t next = pm_next_known(r, half, end);
        if (next == UINT64_MAX || next > ack_o)
            break;
        if (!is_begun)
            pm_late_begin(r, half, &late);
        is_begun = true;
        if (front.len > 0)
            pm_decide(r, &late.passage, half, &front);
        pm_skip_gap(r, half, next);
        front = pm_front_of(r, half, true);
        pm_advance(r, &late.passage, half, &front);
    }
    if (is_begun)
        pm_late_send(r, &late, half, m_low);
}

void pm_segment_resume(struct pm_rewriter *r, struct pm_half *half)
{
    if (!half->is_waiting) {
        half->live.is_stalled = false;
        return;
    }
    struct pm_late late;
    pm_late_begin(r, half, &late);
    struct pm_front front = pm_front_of(r, half, true);
    pm_advance(r, &late.passage, half, &front);
}
