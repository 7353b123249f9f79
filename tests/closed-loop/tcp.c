/* tcp.c - the life of a TCP end: opening, closing, timers, the application's side. */
#include "tcp.h"

#include <stdlib.h>
#include <string.h>

#define RTO_FIRST_NS UINT64_C(1000000000)

const char *tcp_state_name(enum tcp_state state)
{
    static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN_SENT",   "SYN_RECEIVED",
                                        "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT",
                                        "CLOSING",     "LAST_ACK",   "TIME_WAIT"};
    return names[state];
}

void tcp_begin(struct tcp *t, const struct tcp_config *config, const struct tcp_world *world,
               struct dice dice, const uint8_t *out, int64_t out_len)
{
    memset(t, 0, sizeof *t);
    t->config = *config;
    t->world = *world;
    t->dice = dice;
    t->out = out;
    t->out_len = out_len;
    t->rto_ns = RTO_FIRST_NS;
    t->rto_at = t->persist_at = t->delack_at = t->keepalive_at = t->time_wait_at = TCP_NEVER;
    t->peer_fin = t->last_early = -1;
    t->read_to = 1;
}

void tcp_end(struct tcp *t)
{
    spans_free(&t->sacked);
    spans_free(&t->early);
    free(t->in);
    t->in = NULL;
}

/* ------------------------------------------------------------------ opening */

static void begin_stream(struct tcp *t)
{
    t->una = 0;
    t->nxt = 1;
    t->peer_mss = tcp_default_mss(t->config.ip_version);
    t->ssthresh = INT64_C(1) << 40;
    t->cwnd = 10 * (int64_t)t->config.mss;
    t->timed_end = 1;
    t->timed_ns = t->now_ns;
    t->rto_at = t->now_ns + t->rto_ns;
}

void tcp_listen(struct tcp *t)
{
    t->state = TCP_LISTEN;
}

void tcp_connect(struct tcp *t, uint64_t now_ns)
{
    t->now_ns = now_ns;
    t->state = TCP_SYN_SENT;
    t->is_active_open = true;
    begin_stream(t);
    tcp_send_syn(t);
}

/* What the other end's SYN says. */
void tcp_note_syn(struct tcp *t, const struct wire_segment *s)
{
    t->irs = s->seq;
    t->rcv = t->advertised = 1;
    if (t->state == TCP_SYN_SENT)
        t->advertised += t->config.buffer_len < 65535 ? t->config.buffer_len : 65535;
    t->ts_on = t->config.use_ts && s->has_ts;
    t->sack_on = t->config.use_sack && s->has_sack_ok;
    t->scale_on = t->config.use_scale && s->has_scale;
    t->peer_scale = s->scale;
    t->peer_mss = s->has_mss ? s->mss : tcp_default_mss(s->ip_version);
    t->ts_recent = s->tsval;
    t->wl1 = 0;
    t->edge = t->edge_max = t->una + s->window;
    t->window_max = s->window;
}

void tcp_become_closed(struct tcp *t)
{
    t->state = TCP_CLOSED;
    t->rto_at = t->persist_at = t->delack_at = t->keepalive_at = t->time_wait_at = TCP_NEVER;
}

/* ------------------------------------------------------------------ the application */

void tcp_write(struct tcp *t, uint64_t now_ns, int64_t written, bool is_end)
{
    t->now_ns = now_ns;
    t->written = written;
    if (is_end && !t->is_closing) {
        t->is_closing = true;
        if (t->state == TCP_ESTABLISHED)
            t->state = TCP_FIN_WAIT_1;
        else if (t->state == TCP_CLOSE_WAIT)
            t->state = TCP_LAST_ACK;
    }
    tcp_output(t);
}

int64_t tcp_delivered(const struct tcp *t)
{
    int64_t end = t->peer_fin >= 0 && t->rcv > t->peer_fin ? t->peer_fin : t->rcv;
    return end > 1 ? end - 1 : 0;
}

int64_t tcp_unread(const struct tcp *t)
{
    return tcp_delivered(t) + 1 - t->read_to;
}

/* A window that opened by enough, or from nothing, is told at once. */
void tcp_read(struct tcp *t, uint64_t now_ns, int64_t len)
{
    t->now_ns = now_ns;
    t->read_to += len;
    if (!tcp_is_synchronized(t) || t->state == TCP_TIME_WAIT || t->peer_fin >= 0)
        return;
    int64_t room = t->config.buffer_len - (t->rcv - t->read_to);
    int64_t most = INT64_C(65535) << (t->scale_on ? t->config.scale : 0);
    int64_t edge = t->rcv + (room < most ? room : most);
    int64_t step = 2 * (int64_t)t->config.mss;
    if (step > t->config.buffer_len / 2)
        step = t->config.buffer_len / 2;
    bool was_shut = t->advertised <= t->rcv;
    if (edge - t->advertised >= (was_shut ? (step + 1) / 2 : step) && edge > t->advertised)
        tcp_send_ack(t);
}

void tcp_abort(struct tcp *t, uint64_t now_ns)
{
    t->now_ns = now_ns;
    if (tcp_is_synchronized(t) && t->state != TCP_TIME_WAIT)
        tcp_send_reset(t, NULL);
    t->was_reset = true;
    tcp_become_closed(t);
}

bool tcp_is_finished(const struct tcp *t)
{
    return t->state == TCP_CLOSED || t->state == TCP_TIME_WAIT;
}

/* ------------------------------------------------------------------ timers */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t tcp_next_ns(const struct tcp *t)
{
    return earlier(earlier(earlier(t->rto_at, t->persist_at), t->time_wait_at),
                   earlier(t->delack_at, t->keepalive_at));
}

static void retransmission_timeout(struct tcp *t)
{
    t->rto_at = TCP_NEVER;
    t->counts.timeouts++;
    if (t->backoff < 16)
        t->backoff++;
    if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED) {
        tcp_send_syn(t);
        uint64_t wait = t->rto_ns << t->backoff;
        t->rto_at = t->now_ns + earlier(wait, t->config.rto_max_ns);
        return;
    }
    int64_t room = tcp_segment_room(t), half = (t->nxt - t->una) / 2;
    if (t->recovery != TCP_LOSS)
        t->ssthresh = half > 2 * room ? half : 2 * room;
    t->cwnd = room;
    t->recovery = TCP_LOSS;
    t->recover = t->nxt;
    t->high_rxt = t->una;
    t->dup_acks = 0;
    t->sacked.count = 0; /* RFC 2018 section 8: what was reported may have been given up */
    tcp_output(t);
}

/* RFC 9293 3.8.6.1. The byte of a probe counts as sent: it may be taken. */
static void persist_timeout(struct tcp *t)
{
    t->persist_at = TCP_NEVER;
    if (t->persist_backoff < 16)
        t->persist_backoff++;
    t->counts.probes++;
    if (t->edge > t->nxt) { /* a sliver of window that silly-window avoidance left alone */
        int64_t fin = tcp_fin_position(t), end = 1 + t->written;
        int64_t len = (t->edge < end ? t->edge : end) - t->nxt;
        int64_t room = tcp_segment_room(t);
        len = len < room ? len : room;
        bool has_fin = t->is_closing && t->nxt + len == fin && t->edge > fin;
        int64_t from = t->nxt;
        t->nxt += len + has_fin;
        tcp_send_data(t, from, len, has_fin ? WIRE_FIN : WIRE_PSH);
    } else if (t->config.probe_is_below) {
        tcp_send_data(t, t->nxt - 1, 0, 0);
    } else if (t->nxt < 1 + t->written) {
        t->nxt++;
        tcp_send_data(t, t->nxt - 1, 1, 0);
    } else {
        t->nxt++;
        tcp_send_data(t, t->nxt - 1, 0, WIRE_FIN);
    }
    tcp_output(t);
}

static void keepalive_timeout(struct tcp *t)
{
    static const uint8_t garbage[1] = {0xee};
    t->keepalive_at = t->now_ns + t->config.keepalive_ns;
    bool may =
        (t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT || t->state == TCP_FIN_WAIT_2) &&
        t->una == t->nxt;
    if (!may)
        return;
    t->counts.probes++;
    bool has_byte = t->config.keepalive_has_byte && !t->is_closing;
    tcp_send_bytes(t, t->nxt - 1, garbage, has_byte ? 1 : 0, 0);
}

void tcp_due(struct tcp *t, uint64_t now_ns)
{
    t->now_ns = now_ns;
    if (t->time_wait_at <= now_ns)
        tcp_become_closed(t);
    if (t->delack_at <= now_ns)
        tcp_send_ack(t);
    if (t->rto_at <= now_ns)
        retransmission_timeout(t);
    if (t->persist_at <= now_ns)
        persist_timeout(t);
    if (t->keepalive_at <= now_ns)
        keepalive_timeout(t);
}
