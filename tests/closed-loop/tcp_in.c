/* tcp_in.c - a packet arrives at a TCP end (RFC 9293 3.10.7). */
#include <stdlib.h>
#include <string.h>

#include "tcp.h"

static void complain(struct tcp *t, const char *what)
{
    t->world.complain(t->world.context, what);
}

/* ------------------------------------------------------------------ data */

static void keep_bytes(struct tcp *t, int64_t from, const uint8_t *data, int64_t len)
{
    int64_t need = from - 1 + len;
    if (need > t->in_cap) {
        t->in_cap = need * 2 + 1024;
        t->in = realloc(t->in, (size_t)t->in_cap);
        if (!t->in)
            abort();
    }
    memcpy(t->in + (from - 1), data, (size_t)len);
}

/* What is here already must be the same as what comes; but for the byte of a keep-alive. */
static void compare_bytes(struct tcp *t, int64_t from, const uint8_t *data, int64_t len)
{
    if (len == 1 && from == t->rcv - 1)
        return;
    for (int64_t i = 0; i < len; i++) {
        int64_t at = from + i;
        bool is_here = at < t->rcv || spans_hold(&t->early, at, at + 1);
        if (is_here && t->in[at - 1] != data[i]) {
            complain(t, "a byte of the stream came with another value");
            return;
        }
    }
}

static void note_duplicate(struct tcp *t, int64_t from, int64_t to)
{
    t->dsack_from = from;
    t->dsack_to = to;
    t->must_ack = true;
}

/* Moves rcv over what is now contiguous, and over the FIN. */
static void advance(struct tcp *t)
{
    int64_t end = spans_next_hole(&t->early, t->rcv);
    if (end > t->rcv) {
        t->rcv = end;
        spans_cut_below(&t->early, end);
    }
    if (t->rcv == t->peer_fin)
        t->rcv++;
}

static void take_fin_state(struct tcp *t)
{
    bool is_acked = t->una > tcp_fin_position(t);
    switch ((int)t->state) {
    case TCP_ESTABLISHED:
        t->state = TCP_CLOSE_WAIT;
        break;
    case TCP_FIN_WAIT_1:
        t->state = is_acked ? TCP_TIME_WAIT : TCP_CLOSING;
        break;
    case TCP_FIN_WAIT_2:
        t->state = TCP_TIME_WAIT;
        break;
    default:
        break;
    }
}

static void schedule_ack(struct tcp *t, int64_t len)
{
    t->unacked_segments++;
    if (t->config.delack_ns == 0 || t->unacked_segments >= 2 || t->early.count > 0)
        t->must_ack = true;
    else if (len > 0 && t->delack_at == TCP_NEVER)
        t->delack_at = t->now_ns + t->config.delack_ns;
}

/* [from, from+len) within the window. */
static void take_bytes(struct tcp *t, int64_t from, const uint8_t *data, int64_t len, bool was_gap)
{
    compare_bytes(t, from, data, len);
    if (from < t->rcv) {
        note_duplicate(t, from, from + len < t->rcv ? from + len : t->rcv);
        if (from + len <= t->rcv)
            return;
        data += t->rcv - from;
        len -= t->rcv - from;
        from = t->rcv;
    } else if (spans_hold(&t->early, from, from + len)) {
        note_duplicate(t, from, from + len);
    }
    keep_bytes(t, from, data, len);
    spans_add(&t->early, from, from + len);
    t->last_early = from;
    if (from > t->rcv || was_gap)
        t->must_ack = true; /* out of order, or filling a gap: RFC 5681 4.2 */
    else
        schedule_ack(t, len);
}

static void take_text(struct tcp *t, const struct wire_segment *s, int64_t seq)
{
    int64_t len = (int64_t)s->len, end = seq + len;
    const uint8_t *data = s->data;
    int64_t skip = seq < 1 ? 1 - seq : 0;
    bool was_gap = t->early.count > 0, has_fin = s->flags & WIRE_FIN;
    int64_t rcv = t->rcv;
    if (end > t->advertised) {
        end = t->advertised;
        has_fin = false;
        t->must_ack = true;
    }
    if (t->peer_fin >= 0 && end > t->peer_fin) {
        complain(t, "data behind the FIN");
        return;
    }
    if (end - seq > skip)
        take_bytes(t, seq + skip, data + skip, end - seq - skip, was_gap);
    if (has_fin) {
        if (t->peer_fin >= 0 && t->peer_fin != end)
            complain(t, "the FIN moved");
        if (end < t->rcv && t->peer_fin < 0)
            complain(t, "a FIN before the end of what came");
        t->peer_fin = end;
        t->must_ack = true;
    }
    advance(t);
    if (t->peer_fin >= 0 && t->rcv > t->peer_fin && rcv <= t->peer_fin)
        take_fin_state(t);
}

/* ------------------------------------------------------------------ what is acceptable */

static bool is_in_window(const struct tcp *t, const struct wire_segment *s, int64_t seq)
{
    int64_t end = seq + (int64_t)s->len + (s->flags & WIRE_FIN ? 1 : 0);
    return end >= t->rcv && seq <= t->advertised;
}

static bool passes_paws(struct tcp *t, const struct wire_segment *s, int64_t seq)
{
    if (!t->ts_on)
        return true;
    if (!s->has_ts) {
        if (!(s->flags & WIRE_RST))
            complain(t, "a segment without the timestamps that were agreed on");
        return s->flags & WIRE_RST;
    }
    if ((int32_t)(s->tsval - t->ts_recent) < 0 && !(s->flags & WIRE_RST)) {
        t->counts.paws++;
        return false;
    }
    if (seq <= t->rcv && !(s->flags & WIRE_RST))
        t->ts_recent = s->tsval;
    return true;
}

static void challenge(struct tcp *t)
{
    t->counts.challenged++;
    tcp_send_ack(t);
}

/* RFC 5961 3.2: only the exact number resets. */
static void take_reset(struct tcp *t, int64_t seq)
{
    if (seq == t->rcv) {
        t->was_reset = true;
        tcp_become_closed(t);
    } else if (seq > t->rcv && seq <= t->advertised) {
        challenge(t);
    }
}

static void enter_time_wait(struct tcp *t)
{
    t->rto_at = t->persist_at = t->keepalive_at = TCP_NEVER;
    t->time_wait_at = t->now_ns + t->config.time_wait_ns;
}

static void note_fin_acked(struct tcp *t)
{
    if (t->una <= tcp_fin_position(t))
        return;
    switch ((int)t->state) {
    case TCP_FIN_WAIT_1:
        t->state = TCP_FIN_WAIT_2;
        break;
    case TCP_CLOSING:
        t->state = TCP_TIME_WAIT;
        break;
    case TCP_LAST_ACK:
        tcp_become_closed(t);
        break;
    default:
        break;
    }
}

static bool take_ack_field(struct tcp *t, const struct wire_segment *s, int64_t seq)
{
    if (!(s->flags & WIRE_ACK))
        return false;
    int64_t ack = tcp_unwrap(t->una, s->ack - t->config.iss);
    if (ack > t->nxt) {
        complain(t, "an acknowledgement of what was not sent");
        return false;
    }
    bool is_bare = s->len == 0 && !(s->flags & (WIRE_SYN | WIRE_FIN));
    tcp_take_ack(t, s, seq, ack, is_bare);
    note_fin_acked(t);
    return true;
}

static void become_established(struct tcp *t)
{
    t->state = t->is_closing ? TCP_FIN_WAIT_1 : TCP_ESTABLISHED;
    if (t->config.keepalive_ns)
        t->keepalive_at = t->now_ns + t->config.keepalive_ns;
}

static void arrive_synchronized(struct tcp *t, const struct wire_segment *s)
{
    int64_t seq = tcp_unwrap(t->rcv, s->seq - t->irs);
    bool is_paws_ok = passes_paws(t, s, seq);
    if (!is_paws_ok || !is_in_window(t, s, seq)) {
        if (s->flags & WIRE_RST)
            return;
        if (s->len > 0 && is_paws_ok)
            note_duplicate(t, seq, seq + (int64_t)s->len < t->rcv ? seq + (int64_t)s->len : seq);
        tcp_send_ack(t);
        return;
    }
    if (s->flags & WIRE_RST) {
        take_reset(t, seq);
        return;
    }
    if (s->flags & WIRE_SYN) {
        challenge(t);
        return;
    }
    if (!take_ack_field(t, s, seq))
        return;
    if (t->state == TCP_SYN_RECEIVED && t->una >= 1) {
        t->rto_at = TCP_NEVER;
        become_established(t);
    }
    if (t->state == TCP_SYN_RECEIVED || t->state == TCP_CLOSED)
        return;
    if (s->len > 0 || (s->flags & WIRE_FIN))
        take_text(t, s, seq);
    if (t->state == TCP_TIME_WAIT)
        enter_time_wait(t);
    if (t->keepalive_at != TCP_NEVER)
        t->keepalive_at = t->now_ns + t->config.keepalive_ns;
    tcp_output(t);
}

/* ------------------------------------------------------------------ before that */

static void arrive_listen(struct tcp *t, const struct wire_segment *s)
{
    if ((s->flags & WIRE_RST) || (s->flags & WIRE_ACK) || !(s->flags & WIRE_SYN)) {
        if ((s->flags & WIRE_ACK) && !(s->flags & WIRE_RST))
            tcp_send_reset(t, s);
        return;
    }
    t->nxt = 1;
    t->ssthresh = INT64_C(1) << 40;
    t->cwnd = 10 * (int64_t)t->config.mss;
    tcp_note_syn(t, s);
    t->state = TCP_SYN_RECEIVED;
    t->timed_end = 1;
    t->timed_ns = t->now_ns;
    tcp_send_syn(t);
    t->rto_at = t->now_ns + t->rto_ns;
}

static void arrive_syn_sent(struct tcp *t, const struct wire_segment *s)
{
    bool has_ack = s->flags & WIRE_ACK;
    if (has_ack && s->ack != t->config.iss + 1) {
        complain(t, "the SYN was acknowledged with another number");
        return;
    }
    if (s->flags & WIRE_RST) {
        if (has_ack) {
            t->was_reset = true;
            tcp_become_closed(t);
        }
        return;
    }
    if (!(s->flags & WIRE_SYN))
        return;
    tcp_note_syn(t, s);
    if (!has_ack) { /* both opened at once */
        t->state = TCP_SYN_RECEIVED;
        tcp_send_syn(t);
        return;
    }
    t->una = 1;
    t->edge = t->edge_max = 1 + s->window;
    t->wl2 = 1;
    t->rto_at = TCP_NEVER;
    t->backoff = 0;
    t->timed_end = 0;
    become_established(t);
    t->must_ack = true;
    tcp_output(t);
}

void tcp_arrive(struct tcp *t, uint64_t now_ns, const uint8_t *packet, size_t len)
{
    struct wire_segment s;
    t->now_ns = now_ns;
    t->counts.received++;
    if (wire_read(packet, len, &s) != WIRE_OK || s.dst_port != t->config.own_port ||
        memcmp(s.dst, t->config.own, s.ip_version == 4 ? 4 : 16) != 0) {
        t->counts.unsound++;
        return;
    }
    switch (t->state) {
    case TCP_CLOSED:
        if (!(s.flags & WIRE_RST))
            tcp_send_reset(t, &s);
        return;
    case TCP_LISTEN:
        arrive_listen(t, &s);
        return;
    case TCP_SYN_SENT:
        arrive_syn_sent(t, &s);
        return;
    case TCP_SYN_RECEIVED: /* a repeated SYN, or the other half of a simultaneous open */
        if ((s.flags & WIRE_SYN) && s.seq == t->irs) {
            if ((s.flags & WIRE_ACK) && s.ack == t->config.iss + 1) {
                t->una = 1;
                t->edge = t->edge_max = 1 + s.window;
                t->rto_at = TCP_NEVER;
                t->backoff = 0;
                t->timed_end = 0;
                become_established(t);
                t->must_ack = true;
                tcp_output(t);
            } else {
                tcp_send_syn(t);
            }
            return;
        }
        arrive_synchronized(t, &s);
        return;
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        arrive_synchronized(t, &s);
        return;
    }
}
