/* tcp_ack.c - what an acknowledgement tells a TCP end: RTT, losses, window. */
#include <stdlib.h>

#include "tcp.h"

#define RTO_MIN_NS UINT64_C(200000000)

static void note_rtt(struct tcp *t, uint64_t rtt_ns)
{
    if (rtt_ns < 1000000)
        rtt_ns = 1000000;
    if (t->srtt_ns == 0) {
        t->srtt_ns = rtt_ns;
        t->rttvar_ns = rtt_ns / 2;
    } else {
        uint64_t off = t->srtt_ns > rtt_ns ? t->srtt_ns - rtt_ns : rtt_ns - t->srtt_ns;
        t->rttvar_ns = (3 * t->rttvar_ns + off) / 4;
        t->srtt_ns = (7 * t->srtt_ns + rtt_ns) / 8;
    }
    uint64_t rto = t->srtt_ns + 4 * t->rttvar_ns;
    t->rto_ns = rto < RTO_MIN_NS ? RTO_MIN_NS : rto;
}

static void take_rtt(struct tcp *t, const struct wire_segment *s, int64_t ack)
{
    if (t->ts_on && s->has_ts) {
        uint32_t now = t->config.ts_start + (uint32_t)(t->now_ns / 1000000);
        if ((int32_t)(now - s->tsecr) < 0)
            t->world.complain(t->world.context, "an echoed timestamp lies in the future");
        else
            note_rtt(t, (uint64_t)(now - s->tsecr) * 1000000);
    } else if (!t->ts_on && t->timed_end > 0 && ack >= t->timed_end) {
        note_rtt(t, t->now_ns - t->timed_ns);
    }
    if (ack >= t->timed_end)
        t->timed_end = 0;
}

/* True: a block told something new. */
static bool take_sacks(struct tcp *t, const struct wire_segment *s, int64_t ack)
{
    bool is_news = false;
    for (unsigned i = 0; t->sack_on && i < s->sack_count; i++) {
        int64_t left = tcp_unwrap(ack, s->sack[i].left - t->config.iss);
        int64_t right = tcp_unwrap(ack, s->sack[i].right - t->config.iss);
        if (left >= right)
            t->world.complain(t->world.context, "an empty SACK block");
        if (right > t->nxt)
            t->world.complain(t->world.context, "a SACK block covers what was not sent");
        if (left < ack || left >= right || right > t->nxt)
            continue; /* a duplicate's */
        is_news = is_news || !spans_hold(&t->sacked, left, right);
        spans_add(&t->sacked, left, right);
    }
    return is_news;
}

static void enter_fast(struct tcp *t)
{
    int64_t room = tcp_segment_room(t), half = (t->nxt - t->una) / 2;
    t->ssthresh = half > 2 * room ? half : 2 * room;
    t->cwnd = t->ssthresh + (t->sack_on ? 0 : 3 * room);
    t->recovery = TCP_FAST;
    t->recover = t->nxt;
    t->high_rxt = t->una;
    t->counts.fast++;
}

static void advance(struct tcp *t, const struct wire_segment *s, int64_t ack)
{
    int64_t room = tcp_segment_room(t), acked = ack - t->una;
    take_rtt(t, s, ack);
    t->una = ack;
    t->backoff = 0;
    t->rto_at = TCP_NEVER;
    spans_cut_below(&t->sacked, ack);
    if (t->recovery != TCP_CALM && ack >= t->recover) {
        if (t->recovery == TCP_FAST)
            t->cwnd = t->ssthresh;
        t->recovery = TCP_CALM;
    }
    if (t->high_rxt < ack)
        t->high_rxt = ack;
    if (t->recovery == TCP_FAST) {
        if (!t->sack_on)
            t->high_rxt = ack; /* NewReno: the next hole begins here */
    } else if (t->cwnd < t->ssthresh) {
        t->cwnd += acked < room ? acked : room;
    } else {
        int64_t step = room * room / t->cwnd;
        t->cwnd += step > 0 ? step : 1;
    }
    t->dup_acks = 0;
}

static void take_window(struct tcp *t, const struct wire_segment *s, int64_t seq, int64_t ack)
{
    unsigned scale = t->scale_on && !(s->flags & WIRE_SYN) ? t->peer_scale : 0;
    int64_t window = (int64_t)s->window << scale;
    if (seq < t->wl1 || (seq == t->wl1 && ack < t->wl2))
        return;
    t->counts.shut += window == 0 && ack < t->nxt;
    t->wl1 = seq;
    t->wl2 = ack;
    if (ack + window > t->edge)
        t->persist_at = TCP_NEVER;
    t->edge = ack + window;
    if (t->edge > t->edge_max)
        t->edge_max = t->edge;
    if (window > t->window_max)
        t->window_max = window;
}

void tcp_take_ack(struct tcp *t, const struct wire_segment *s, int64_t seq, int64_t ack,
                  bool is_bare)
{
    int64_t edge = t->edge;
    bool is_news = take_sacks(t, s, ack > t->una ? ack : t->una);
    if (ack >= t->una)
        take_window(t, s, seq, ack);
    if (ack > t->una) {
        advance(t, s, ack);
        return;
    }
    bool is_dup = ack == t->una && is_bare && t->una < t->nxt &&
                  (t->sack_on && s->sack_count > 0 ? is_news : t->edge == edge);
    if (!is_dup)
        return;
    t->dup_acks++;
    bool is_lost = t->dup_acks >= 3;
    if (is_lost && t->recovery == TCP_CALM && t->una >= t->recover)
        enter_fast(t);
}
