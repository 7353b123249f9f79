/* live.c - the line of a live TCP segment: acknowledgement, bytes, what leaves, what is answered;
 * the contract is in live.h. */
#include "engine/live.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "engine/external.h"
#include "engine/wait.h"

#define TCP_SEQ    4
#define TCP_FLAGS  13
#define TCP_URGENT 18
#define OWED_MOST  2 /* duplicate ACKs that are sent at once, later */

/* ------------------------------------------------------------------ sending */

static void set_seq(struct pm_passage *p, uint64_t m)
{
    uint8_t *tcp = p->buffer + p->headers.l4_off;
    if (pm_get32(tcp + TCP_SEQ) == (uint32_t)m)
        return;
    pm_fixup_l4_word32(&p->headers, p->buffer, TCP_SEQ, (uint32_t)m);
    p->is_changed = true;
}

/* The packet itself leaves, with other numbers at most. */
static enum pm_why send_packet(struct pm_rewriter *r, struct pm_passage *p, enum pm_why why)
{
    if (why == PM_WHY_NONE && p->is_changed)
        why = PM_WHY_FOLLOWED;
    return pm_emit_buffer(r, p, why);
}

/* An empty segment of the packet's own headers, at m. */
static void send_empty(struct pm_rewriter *r, struct pm_passage *p, const struct pm_segment *s,
                       uint64_t m)
{
    struct pm_segment empty = *s;
    empty.m_low = empty.m_high = m;
    empty.flags &= (uint8_t) ~(PM_PSH | PM_FIN | PM_URG);
    pm_segment_send(r, p, &empty);
}

/* What may leave now of [.., end) of M, and whether the FIN may. */
struct reach {
    uint64_t end;
    bool has_fin;
};

static bool is_whole(const struct pm_half *half)
{
    return half->has_fin && half->fin_o == half->log.o_end;
}

static struct reach reach_of(const struct pm_half *half, uint64_t end, bool wants_fin)
{
    const struct pm_live *live = &half->live;
    struct reach reach = {.end = end};
    uint64_t limit = live->has_edge ? live->edge_m : UINT64_MAX;
    if (limit < live->sent_m)
        limit = live->sent_m;
    if (reach.end > limit)
        reach.end = limit;
    bool fits = half->fin_sent || limit > half->log.m_end;
    reach.has_fin = wants_fin && is_whole(half) && fits && reach.end == half->log.m_end;
    return reach;
}

/* Sends [m_low, reach.end) and keeps count. */
static void send_range(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                       const struct reach *reach)
{
    struct pm_live *live = &s->half->live;
    uint32_t room = pm_payload_room(r, p);
    uint64_t most = (uint64_t)((s->flags & PM_SYN) ? 1 : PM_LIVE_PIECES) * (room ? room : 1);
    s->m_high = reach->end;
    if (s->m_high - s->m_low > most)
        s->m_high = s->m_low + most;
    bool has_fin = reach->has_fin && s->m_high == reach->end;
    s->flags = (uint8_t)(has_fin ? s->flags | PM_FIN : s->flags & ~PM_FIN);
    pm_segment_send(r, p, s);
    uint64_t pieces = room ? (s->m_high - s->m_low + room - 1) / room : 1;
    if (pieces > 1) {
        live->pieces = pieces < UINT8_MAX ? (uint8_t)pieces : UINT8_MAX;
        live->swallowed = 0;
    }
    if (s->m_high > live->sent_m)
        live->sent_m = s->m_high;
    s->half->fin_sent |= has_fin;
}

/* A few bytes of many, while others are on their way, would be a silly window's segment (RFC 9293
 * section 3.8.6.2.1). */
static bool is_sliver(const struct pm_half *half, const struct reach *reach, uint32_t room)
{
    const struct pm_live *live = &half->live;
    return reach->end < half->log.m_end && reach->end - live->sent_m < room &&
           live->acked_m < live->sent_m;
}

void pm_live_push(struct pm_rewriter *r, struct pm_half *half)
{
    if (!half->is_active || !half->wait)
        return;
    struct reach reach = reach_of(half, half->log.m_end, !half->fin_sent);
    if (reach.end <= half->live.sent_m && !reach.has_fin)
        return;
    uint8_t headers[PM_WAIT_HEADERS];
    struct pm_packet packet;
    struct pm_passage p;
    pm_wait_passage(r, half, headers, &packet, &p);
    if (!(p.headers.tcp_flags & PM_ACK))
        return; /* nothing but a SYN came: the rest follows its next segment */
    if (is_sliver(half, &reach, pm_payload_room(r, &p)))
        return;
    struct pm_segment s = {.stream = pm_stream_at(r, pm_rewriter_own(&p)->stream),
                           .half = half,
                           .a = half->log.o_end,
                           .b = half->log.o_end,
                           .data = headers,
                           .flags = p.headers.tcp_flags,
                           .m_low = half->live.sent_m};
    s.peer = &s.stream->half[1 - p.tracked.side];
    send_range(r, &p, &s, &reach);
}

/* ------------------------------------------------------------------ segments without bytes */

/* Where one stands: at the end of what was sent; one below it (a keep-alive or a probe stays one);
 * or wherever its image is. */
static uint64_t empty_image(const struct pm_rewriter *r, const struct pm_segment *s)
{
    const struct pm_half *half = s->half;
    const struct pm_log *log = &half->log;
    uint64_t sent = half->live.sent_m + half->fin_sent;
    if (s->flags & PM_SYN)
        return s->a - 1;
    if (s->a >= log->o_end + (is_whole(half) ? 1 : 0))
        return sent; /* also beyond a gap: what will stand there is not known yet */
    if (s->a + 1 == log->o_end + (is_whole(half) ? 1 : 0))
        return sent - 1;
    uint64_t image = pm_log_image_low(log, &r->store, s->a);
    return image < sent ? image : sent;
}

static bool is_pure_ack(const struct pm_segment *s)
{
    bool is_bare = s->b == s->a && !(s->flags & (PM_SYN | PM_FIN | PM_RST));
    return is_bare && (s->half->is_active ? s->a >= s->half->log.o_end
                                          : (uint32_t)s->a == (uint32_t)s->half->live.sent_m);
}

/* What the receiver's duplicate ACKs mean to the sender: as many as its own segments could have
 * caused, of which each may have become several. */
static bool is_swallowed(struct pm_live *live)
{
    if (live->pieces < 2 || live->swallowed + 1 >= live->pieces) {
        live->swallowed = 0;
        return false;
    }
    live->swallowed++;
    return true;
}

/* A packet that only acknowledges, and has nothing to say: why it does not travel on. */
static enum pm_why silence(const struct pm_segment *s, enum pm_ack_news news)
{
    if (!is_pure_ack(s))
        return PM_WHY_NONE;
    switch (news) {
    case PM_ACK_OLD:
        return PM_WHY_OLD_ACK;
    case PM_ACK_ABSORBED:
        return PM_WHY_ACK_ABSORBED;
    case PM_ACK_SAME:
        return is_swallowed(&s->peer->live) ? PM_WHY_ACK_ABSORBED : PM_WHY_NONE;
    case PM_ACK_NONE:
    case PM_ACK_NEW:
    case PM_ACK_FUTURE:
        return PM_WHY_NONE;
    }
    return PM_WHY_NONE;
}

/* ------------------------------------------------------------------ segments with bytes */

static uint64_t end_of(const struct pm_segment *s, bool has_fin_flag)
{
    return s->b + (has_fin_flag ? 1 : 0);
}

/* Where the bytes that came without a gap end. */
static uint64_t arrived_o(const struct pm_rewriter *r, const struct pm_half *half)
{
    struct pm_stretch first;
    uint64_t frontier = half->log.o_end;
    bool has_tail = pm_pending_stretches(&half->pending, &r->pieces, frontier, &first, 1) == 1 &&
                    first.begin == frontier;
    return has_tail ? first.end : frontier;
}

/* pktmod acknowledges, in the receiver's name, what that will not. */
static void acknowledge(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_live *live = &s->half->live;
    unsigned receiver = 1 - p->tracked.side;
    uint64_t was_told = live->told_o;
    pm_live_tell(r, s->half);
    if (live->told_o != was_told)
        live->out_window =
            pm_live_window(r, pm_rewriter_own(p), s->half, receiver, live->is_syn_window);
    pm_live_answer(r, s->stream, &(struct pm_answer){.from = receiver});
}

/* A duplicate ACK that overtook the receiver's own would make the sender repeat what that has. A
 * few early segments long it is waited for. */
static void answer_early(struct pm_rewriter *r, const struct pm_passage *p,
                         const struct pm_segment *s)
{
    struct pm_live *live = &s->half->live;
    if (live->acked_m < live->sent_m && live->owed < OWED_MOST) {
        live->owed++;
        return;
    }
    live->owed = 0;
    pm_live_answer_early(r, p->tracked.flow, 1 - p->tracked.side, s->a);
}

/* The receiver has all that was sent: now what is owed can be said. */
static void pay_owed(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half)
{
    struct pm_live *live = &half->live;
    if (live->owed == 0 || live->acked_m < live->sent_m)
        return;
    uint64_t early = pm_pending_next(&half->pending, &r->pieces, arrived_o(r, half));
    for (; live->owed > 0 && early != UINT64_MAX; live->owed--)
        pm_live_answer_early(r, p->tracked.flow, p->tracked.side, early);
    live->owed = 0;
}

/* Nothing of the segment leaves: whoever needs an answer gets it. */
static enum pm_why answer(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                          bool has_fin_flag, bool is_repeat)
{
    struct pm_half *half = s->half;
    struct pm_live *live = &half->live;
    uint64_t acked_o = pm_live_acked_o(r, half);
    if (s->a > arrived_o(r, half)) {
        answer_early(r, p, s);
        return s->why != PM_WHY_NONE ? s->why : PM_WHY_OUT_OF_ORDER;
    }
    bool is_settled = acked_o >= end_of(s, has_fin_flag);
    if (is_settled || (acked_o > live->told_o && live->acked_m >= live->sent_m))
        acknowledge(r, p, s);
    if (is_settled)
        return PM_WHY_ANSWERED;
    bool is_blocked = live->sent_m < half->log.m_end || (is_whole(half) && !half->fin_sent);
    if (is_repeat && is_blocked && live->acked_m >= live->sent_m)
        pm_live_answer(r, s->stream,
                       &(struct pm_answer){.from = p->tracked.side, .is_probe = true});
    if (s->why != PM_WHY_NONE)
        return s->why;
    return is_blocked ? PM_WHY_WINDOW_CLOSED : PM_WHY_HELD;
}

/* One byte that the receiver has acknowledged, right below what it expects: a keep-alive. */
static bool is_keepalive(const struct pm_segment *s)
{
    return s->b - s->a == 1 && s->b == s->half->log.o_end && s->b <= s->half->live.told_o &&
           !(s->flags & PM_FIN);
}

static void clear_urgent(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    uint8_t *tcp = p->buffer + p->headers.l4_off;
    static const uint8_t none[2] = {0, 0};
    if (!(s->flags & PM_URG))
        return;
    pm_count_why(r, PM_WHY_URGENT);
    uint8_t pair[2] = {tcp[TCP_FLAGS - 1], (uint8_t)(tcp[TCP_FLAGS] & ~PM_URG)};
    pm_fixup_l4_bytes(&p->headers, p->buffer, TCP_FLAGS - 1, pair, sizeof pair);
    pm_fixup_l4_bytes(&p->headers, p->buffer, TCP_URGENT, none, sizeof none);
    s->flags &= (uint8_t)~PM_URG;
    p->is_changed = true;
}

/* The packet may leave as it came: its bytes are the ones, and in their place. */
static bool is_forwardable(const struct pm_rewriter *r, const struct pm_passage *p,
                           const struct pm_segment *s, const struct reach *reach)
{
    const struct pm_live *live = &s->half->live;
    bool has_fin_flag = s->flags & PM_FIN;
    bool fits = !s->half->log.is_stretched || p->packet->gso_len > 0 ||
                s->b - s->a <= pm_payload_room(r, p);
    if (pm_live_is_overtaken(s->half, p->buffer + p->headers.l4_off))
        return false;
    return s->is_same && fits && s->m_low <= live->sent_m && reach->end == s->m_high &&
           has_fin_flag == reach->has_fin && s->m_low >= live->acked_m;
}

static enum pm_why forward(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                           bool has_fin)
{
    struct pm_live *live = &s->half->live;
    set_seq(p, s->m_low - ((s->flags & PM_SYN) ? 1 : 0));
    if (s->m_high > live->sent_m)
        live->sent_m = s->m_high;
    s->half->fin_sent |= has_fin;
    return send_packet(r, p, s->why);
}

/* What of the segment's image the receiver lacks and has room for leaves; if nothing does, someone
 * may need an answer. */
static enum pm_why send_bytes(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                              enum pm_ack_news news, bool is_repeat)
{
    struct pm_half *half = s->half;
    struct pm_live *live = &half->live;
    bool has_fin_flag = s->flags & PM_FIN;
    uint64_t m_end = half->log.m_end;
    if (s->m_high > m_end) /* a FIN that claims to stand behind another */
        s->m_high = m_end;
    if (s->m_low > s->m_high)
        s->m_low = s->m_high;
    bool wants_fin = s->m_high == m_end && (has_fin_flag || !half->fin_sent);
    struct reach reach = reach_of(half, s->m_high, wants_fin);
    if (is_forwardable(r, p, s, &reach))
        return forward(r, p, s, reach.has_fin);
    if (s->m_low > live->sent_m)
        s->m_low = live->sent_m;
    if (s->m_low < live->acked_m)
        s->m_low = live->acked_m < m_end ? live->acked_m : m_end;
    bool fin_is_acked = live->acked_m > m_end;
    if (reach.end > s->m_low || (reach.has_fin && !fin_is_acked)) {
        if (reach.end < s->m_low)
            reach.end = s->m_low;
        send_range(r, p, s, &reach);
        return s->why != PM_WHY_NONE ? s->why : p->plan_count > 0 ? PM_WHY_EDITED : PM_WHY_FOLLOWED;
    }
    if (is_keepalive(s)) {
        send_empty(r, p, s, live->sent_m + half->fin_sent - 1);
        return PM_WHY_FOLLOWED;
    }
    if (news == PM_ACK_NEW)
        send_empty(r, p, s, live->sent_m + half->fin_sent);
    return answer(r, p, s, has_fin_flag, is_repeat);
}

/* ------------------------------------------------------------------ resets */

/* Where a reset stands: one beyond all that arrived as far beyond all that left, so that it stays
 * as wrong as it is. */
static uint64_t reset_image(const struct pm_rewriter *r, const struct pm_segment *s, uint64_t end)
{
    if (s->a <= end)
        return empty_image(r, s);
    return s->half->live.sent_m + s->half->fin_sent + (s->a - end);
}

/* A reset that answers a segment carries the number it was told; its end knows its own. Bytes that
 * wait leave before one that stands right behind them, and none that claims to follow it: the reset
 * may die on its way, and the rest of a match come after it. */
static enum pm_why send_reset(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    struct pm_half *half = s->half;
    struct pm_live *live = &half->live;
    uint64_t arrived = arrived_o(r, half), end = arrived + (is_whole(half) ? 1 : 0);
    if (s->a == end && arrived > half->log.o_end) {
        pm_segment_release(r, half, PM_RELEASE_ALL);
        live->is_dead = true;
    }
    uint64_t m = reset_image(r, s, end);
    if (half->log.is_edited && s->a == live->told_o && live->has_ack)
        m = live->acked_m;
    if (p->headers.payload_len == 0) {
        set_seq(p, m);
        return send_packet(r, p, PM_WHY_NONE);
    }
    send_empty(r, p, s, m);
    return PM_WHY_FOLLOWED;
}

/* ------------------------------------------------------------------ the line */

/* A direction that no rule reaches. */
static enum pm_why take_plain(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                              enum pm_ack_news news)
{
    struct pm_live *live = &s->half->live;
    enum pm_why why = silence(s, news);
    uint64_t end = s->b + ((s->flags & PM_FIN) ? 1 : 0);
    if (end > live->sent_m)
        live->sent_m = end;
    if (why != PM_WHY_NONE)
        return why;
    bool is_late_start =
        pm_rewriter_own(p)->sides[p->tracked.side].may_replace && p->headers.payload_len > 0;
    return send_packet(r, p, is_late_start ? PM_WHY_MIDSTREAM : PM_WHY_NONE);
}

static enum pm_why take_bytes(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s,
                              enum pm_ack_news news)
{
    bool has_fin_flag = s->flags & PM_FIN;
    bool is_repeat = s->b <= s->half->log.o_end && (s->b > s->a || s->half->has_fin);
    if (pm_external_has_ended(s->half, s->b))
        return PM_WHY_EXTERNAL_DROPPED;
    if (s->half->live.is_dead && s->b > s->half->log.o_end)
        return PM_WHY_BEYOND_FIN;
    clear_urgent(r, p, s);
    if (!pm_segment_place(r, p, s))
        return PM_WHY_OUT_OF_WINDOW;
    bool fills = s->half->log.o_end > s->b; /* more than its own bytes can leave */
    if (s->b > s->a || has_fin_flag) {
        enum pm_why sent = send_bytes(r, p, s, news, is_repeat);
        if (fills && !is_repeat)
            s->half->live.filled_m = s->half->live.sent_m;
        return sent;
    }
    enum pm_why why = silence(s, news);
    if (why != PM_WHY_NONE)
        return why;
    bool is_beyond_fin = p->headers.payload_len > 0;
    bool is_overtaken = pm_live_is_overtaken(s->half, p->buffer + p->headers.l4_off);
    if (is_beyond_fin || (is_overtaken && !(s->flags & PM_SYN))) {
        send_empty(r, p, s, empty_image(r, s));
        return s->why != PM_WHY_NONE ? s->why : PM_WHY_FOLLOWED;
    }
    set_seq(p, empty_image(r, s));
    return send_packet(r, p, s->why);
}

/* What the receiver newly has makes room: for bytes that were sent, or received, and had none. */
static void follow_up(struct pm_rewriter *r, struct pm_half *half)
{
    if (!half->is_active)
        return;
    uint64_t decided_o;
    do {
        decided_o = half->log.o_end;
        if (half->live.is_stalled)
            pm_segment_resume(r, half);
    } while (half->live.is_stalled && half->log.o_end > decided_o);
    pm_live_push(r, half);
}

enum pm_why pm_live_take(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    enum pm_why why = pm_live_refusal(r, p, s);
    if (why != PM_WHY_NONE) {
        pm_track_undo(&p->tracked);
        return why;
    }
    enum pm_ack_news news = pm_live_ack(r, p, s);
    if (news == PM_ACK_FUTURE) {
        pm_track_undo(&p->tracked);
        return PM_WHY_FUTURE_ACK;
    }
    pm_live_note_timestamps(r, p, s);
    if (!(s->flags & PM_RST))
        pm_wait_keep(r, p, s->half);
    if (!s->half->is_active)
        why = take_plain(r, p, s, news);
    else if (s->flags & PM_RST)
        why = send_reset(r, p, s);
    else
        why = take_bytes(r, p, s, news);
    follow_up(r, s->peer);
    follow_up(r, s->half);
    if (s->peer->is_active)
        pay_owed(r, p, s->peer);
    p->tracked.flow->is_pinned = pm_stream_is_stretched(s->stream) &&
                                 p->tracked.flow->fin_seen != 3 && !p->tracked.flow->rst_seen;
    return why;
}
