/* ack.c - acknowledgements of live streams: what the receiver has of M becomes what its sender may
 * forget of O. Rounded down, never said twice where once was enough, never taken back. */
#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "edit/sack.h"
#include "engine/live.h"

#define TCP_ACK    8
#define TCP_WINDOW 14

static const uint8_t *tcp_of(const struct pm_passage *p)
{
    return p->buffer + p->headers.l4_off;
}

uint64_t pm_live_acked_o(const struct pm_rewriter *r, const struct pm_half *half)
{
    const struct pm_log *log = &half->log;
    if (half->live.acked_m > log->m_end)
        return half->fin_o + 1;
    return pm_log_pre_max(log, &r->store, half->live.acked_m);
}

/* ------------------------------------------------------------------ window */

static bool has_scales(const struct pm_rewriter_flow *flow)
{
    return flow->syn[0].is_seen && flow->syn[1].is_seen;
}

static unsigned scale_of(const struct pm_rewriter_flow *flow, unsigned side, bool is_syn)
{
    bool is_used = flow->syn[0].has_wscale && flow->syn[1].has_wscale && !is_syn;
    return is_used ? flow->syn[side].wscale : 0;
}

/* The room that the receiver has behind the end of M, in terms of O: as much less as the stream has
 * grown until now, but a segment's worth while it has that. */
static uint64_t room_o(const struct pm_half *half, uint64_t room, uint32_t mss)
{
    uint64_t consumed = half->log.o_end - half->begin_o;
    uint64_t produced = half->log.m_end - half->begin_o;
    if (produced <= consumed)
        return room;
    for (; produced > UINT32_MAX; produced >>= 1)
        consumed >>= 1;
    uint64_t scaled = room * consumed / produced; /* room is at most 2^30 */
    uint64_t least = room < mss ? room : mss;
    return scaled > least ? scaled : least;
}

static uint64_t edge_o(const struct pm_rewriter *r, const struct pm_half *half, uint32_t mss)
{
    const struct pm_log *log = &half->log;
    uint64_t edge_m = half->live.edge_m;
    if (edge_m < log->m_end)
        return pm_log_pre_max(log, &r->store, edge_m);
    if (half->live.sent_m < log->m_end)
        return log->o_end;
    return log->o_end + room_o(half, edge_m - log->m_end, mss);
}

/* What the sender may have on its way: no more than can be kept. */
static uint32_t most_unanswered(const struct pm_rewriter *r, const struct pm_half *half)
{
    uint32_t kept = r->config.retain_dir_bytes, waiting = r->config.pending_dir_bytes;
    return half->external.state == PM_EXTERNAL_ON && waiting < kept ? waiting : kept;
}

uint16_t pm_live_window(const struct pm_rewriter *r, const struct pm_rewriter_flow *flow,
                        struct pm_half *half, unsigned receiver, bool is_syn)
{
    struct pm_live *live = &half->live;
    unsigned scale = scale_of(flow, receiver, is_syn);
    uint64_t cap = live->told_o + most_unanswered(r, half);
    if (live->in_window == 0 || !live->has_edge)
        return live->in_window;
    bool is_same = !half->log.is_stretched && live->told_o == live->acked_m;
    if (is_same && live->edge_m <= cap && live->edge_m >= live->told_edge_o) {
        live->told_edge_o = live->edge_m;
        return live->in_window;
    }
    uint32_t mss = flow->syn[receiver].mss ? flow->syn[receiver].mss : 536;
    uint64_t edge = edge_o(r, half, mss);
    edge = edge < cap ? edge : cap;
    edge = edge > live->told_edge_o ? edge : live->told_edge_o;
    uint64_t size = edge > live->told_o ? edge - live->told_o : 0;
    uint64_t field = size >> scale;
    if (field == 0 && size > 0)
        field = 1;
    if (field > UINT16_MAX)
        field = UINT16_MAX;
    if (live->told_o + (field << scale) > live->told_edge_o)
        live->told_edge_o = live->told_o + (field << scale);
    return (uint16_t)field;
}

uint16_t pm_live_told_window(const struct pm_rewriter_flow *flow, const struct pm_half *half,
                             unsigned receiver)
{
    const struct pm_live *live = &half->live;
    if (live->in_window == 0 || !has_scales(flow))
        return live->out_window;
    unsigned scale = scale_of(flow, receiver, false);
    uint64_t size = live->told_edge_o > live->told_o ? live->told_edge_o - live->told_o : 0;
    uint64_t field = size >> scale;
    return field > UINT16_MAX ? (uint16_t)UINT16_MAX : (uint16_t)field;
}

/* ------------------------------------------------------------------ taking it */

/* Older than any window that its receiver ever had (RFC 5961 section 5). */
static bool is_ancient(const struct pm_live *live, uint64_t ack_m, unsigned scale)
{
    return live->has_ack && ack_m + ((uint64_t)UINT16_MAX << scale) < live->acked_m;
}

static bool is_repeated(const struct pm_live *live, uint32_t ack, uint16_t window, bool is_syn)
{
    return live->has_ack && ack == live->in_ack && window == live->in_window &&
           is_syn == live->is_syn_window;
}

/* Of a direction without a log: M is O. */
static enum pm_ack_news take_plain(struct pm_live *live, uint32_t ack, uint16_t window,
                                   unsigned scale, bool is_syn)
{
    bool is_same = is_repeated(live, ack, window, is_syn);
    if (live->sent_m == 0) /* nothing of that direction was seen yet */
        live->sent_m = live->acked_m = PM_SEQ_BASE + ack;
    uint64_t ack_m = pm_seq_unwrap(live->sent_m, ack);
    if (ack_m > live->sent_m || is_ancient(live, ack_m, scale))
        return PM_ACK_FUTURE;
    if (ack_m < live->acked_m)
        return PM_ACK_NEW; /* overtaken, and passes as it is */
    live->acked_m = live->told_o = ack_m;
    uint64_t edge = ack_m + ((uint64_t)window << scale);
    live->told_edge_o = edge > live->told_edge_o ? edge : live->told_edge_o;
    live->in_ack = ack;
    live->in_window = live->out_window = window;
    live->is_syn_window = is_syn;
    live->has_ack = true;
    return is_same ? PM_ACK_SAME : PM_ACK_NEW;
}

void pm_live_tell(struct pm_rewriter *r, struct pm_half *half)
{
    struct pm_live *live = &half->live;
    uint64_t acked_o = pm_live_acked_o(r, half);
    if (acked_o > live->told_o)
        live->told_o = acked_o;
    half->acked_o = live->told_o < half->log.o_end ? live->told_o : half->log.o_end;
    pm_log_forget(&half->log, &r->store, 0, half->acked_o);
}

/* A receiver that had got the bytes behind a gap early would have acknowledged all of them at once.
 * Its acknowledgements one by one would look to a sender without timestamps like round trips as
 * long as the whole recovery took, and to one without SACK like reordering; so only the last is
 * handed on. */
static bool is_passed_over(const struct pm_rewriter_flow *flow, struct pm_live *live,
                           uint64_t ack_m, bool is_same)
{
    bool is_fooled = !pm_live_has_timestamps(flow) || !pm_live_has_sack(flow);
    if (ack_m < live->filled_m && !is_same && is_fooled)
        return true;
    live->filled_m = 0;
    return false;
}

static void advance(struct pm_rewriter *r, struct pm_half *half, uint64_t ack_m, bool is_told)
{
    struct pm_live *live = &half->live;
    if (ack_m > live->acked_m)
        live->acked_m = ack_m;
    if (is_told)
        pm_live_tell(r, half);
    if (live->acked_m >= live->sent_m)
        live->pieces = live->swallowed = 0;
}

static void note_edge(struct pm_live *live, const struct pm_rewriter_flow *flow, uint64_t ack_m,
                      unsigned scale)
{
    uint64_t edge = ack_m + ((uint64_t)live->in_window << scale);
    if (!has_scales(flow))
        return; /* from the middle on: the scale is not known, the window stays as it is */
    live->edge_m = edge > live->edge_m ? edge : live->edge_m;
    live->has_edge = true;
}

static void write_ack(const struct pm_rewriter *r, struct pm_passage *p, const struct pm_half *half)
{
    const struct pm_live *live = &half->live;
    uint8_t window[2];
    if (pm_get32(tcp_of(p) + TCP_ACK) != (uint32_t)live->told_o) {
        pm_fixup_l4_word32(&p->headers, p->buffer, TCP_ACK, (uint32_t)live->told_o);
        p->is_changed = true;
    }
    if (pm_get16(tcp_of(p) + TCP_WINDOW) != live->out_window) {
        pm_put16(window, live->out_window);
        pm_fixup_l4_bytes(&p->headers, p->buffer, TCP_WINDOW, window, sizeof window);
        p->is_changed = true;
    }
    if (half->log.is_edited &&
        pm_sack_lower(&p->headers, p->buffer, &half->log, &r->store, half->fin_sent))
        p->is_changed = true;
}

enum pm_ack_news pm_live_ack(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->peer;
    struct pm_live *live = &half->live;
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    uint32_t ack = pm_get32(tcp_of(p) + TCP_ACK);
    uint16_t window = pm_get16(tcp_of(p) + TCP_WINDOW);
    bool is_syn = s->flags & PM_SYN;
    if (!(s->flags & PM_ACK))
        return PM_ACK_NONE;
    unsigned scale = scale_of(flow, p->tracked.side, is_syn);
    if (!half->is_active)
        return take_plain(live, ack, window, scale, is_syn);
    uint64_t ack_m = pm_seq_unwrap(live->sent_m, ack);
    if (ack_m > live->sent_m + half->fin_sent || is_ancient(live, ack_m, scale))
        return PM_ACK_FUTURE;
    if (ack_m < live->acked_m) {
        write_ack(r, p, half);
        return PM_ACK_OLD;
    }
    bool is_same = is_repeated(live, ack, window, is_syn);
    uint64_t was_told = live->told_o;
    uint16_t was_window = live->out_window;
    live->in_ack = ack;
    live->in_window = window;
    live->is_syn_window = is_syn;
    bool is_held = is_passed_over(flow, live, ack_m, is_same);
    advance(r, half, ack_m, !is_held);
    note_edge(live, flow, ack_m, scale);
    if (!is_same || !live->has_ack || live->told_o != was_told)
        live->out_window = pm_live_window(r, flow, half, p->tracked.side, is_syn);
    bool was_there = live->has_ack;
    live->has_ack = true;
    write_ack(r, p, half);
    if (!was_there || live->told_o != was_told || live->out_window != was_window ||
        pm_sack_is_there(&p->headers, p->buffer))
        return PM_ACK_NEW;
    if (is_same)
        return PM_ACK_SAME;
    return is_held || half->log.is_edited ? PM_ACK_ABSORBED : PM_ACK_NEW;
}
