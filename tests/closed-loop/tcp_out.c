/* tcp_out.c - what a TCP end sends, and when it may. */
#include <string.h>

#include "tcp.h"

#define WINDOW_FIELD_MAX 65535

/* ------------------------------------------------------------------ one packet */

/* The right edge moves by worthwhile steps only (RFC 9293 3.8.6.2.2) and never back. */
static int64_t edge_to_tell(const struct tcp *t)
{
    int64_t room = t->config.buffer_len - (t->rcv - t->read_to);
    int64_t edge = t->rcv + (room > 0 ? room : 0);
    int64_t step =
        t->config.buffer_len / 2 < t->config.mss ? t->config.buffer_len / 2 : t->config.mss;
    return edge < t->advertised + step ? t->advertised : edge;
}

static uint16_t window_field(struct tcp *t, bool is_syn)
{
    unsigned scale = t->scale_on && !is_syn ? t->config.scale : 0;
    int64_t edge = edge_to_tell(t), window = edge - t->rcv;
    if (window < 0)
        window = 0;
    int64_t field = window >> scale;
    if (edge == t->advertised && field << scale < window)
        field++; /* rounding must not take back what was told */
    if (field > WINDOW_FIELD_MAX)
        field = WINDOW_FIELD_MAX;
    if (t->rcv + (field << scale) > t->advertised)
        t->advertised = t->rcv + (field << scale);
    return (uint16_t)field;
}

static void add_sack(struct tcp *t, struct wire_segment *s, int64_t left, int64_t right)
{
    s->sack[s->sack_count].left = t->irs + (uint32_t)left;
    s->sack[s->sack_count].right = t->irs + (uint32_t)right;
    s->sack_count++;
}

/* The span that changed last comes first (RFC 2018); a duplicate before it (RFC 2883). */
static void fill_sacks(struct tcp *t, struct wire_segment *s)
{
    unsigned most = t->ts_on ? 3 : 4;
    if (!t->sack_on)
        return;
    if (t->config.use_dsack && t->dsack_to > t->dsack_from)
        add_sack(t, s, t->dsack_from, t->dsack_to);
    t->dsack_from = t->dsack_to = 0;
    const struct span *newest = t->last_early < 0 ? NULL : spans_find(&t->early, t->last_early);
    if (newest)
        add_sack(t, s, newest->begin, newest->end);
    for (size_t i = t->early.count; i-- > 0 && s->sack_count < most;)
        if (&t->early.at[i] != newest)
            add_sack(t, s, t->early.at[i].begin, t->early.at[i].end);
}

static void fill_addresses(const struct tcp *t, struct wire_segment *s)
{
    s->ip_version = t->config.ip_version;
    s->ttl = t->config.ttl;
    s->tos = t->config.tos;
    s->df = t->config.df;
    s->ip_id = (uint16_t)t->counts.sent;
    memcpy(s->src, t->config.own, 16);
    memcpy(s->dst, t->config.peer, 16);
    s->src_port = t->config.own_port;
    s->dst_port = t->config.peer_port;
}

static uint32_t ts_now(const struct tcp *t)
{
    return t->config.ts_start + (uint32_t)(t->now_ns / 1000000);
}

static void send_segment(struct tcp *t, struct wire_segment *s)
{
    uint8_t packet[WIRE_MAX];
    t->counts.sent++;
    size_t len = wire_build(s, packet);
    t->world.send(t->world.context, packet, len);
}

void tcp_send_syn(struct tcp *t)
{
    struct wire_segment s = {.seq = t->config.iss, .flags = WIRE_SYN};
    bool is_answer = t->state == TCP_SYN_RECEIVED;
    fill_addresses(t, &s);
    s.has_mss = t->config.use_mss_option;
    s.mss = t->config.mss;
    s.has_sack_ok = is_answer ? t->sack_on : t->config.use_sack;
    s.has_scale = is_answer ? t->scale_on : t->config.use_scale;
    s.scale = t->config.scale;
    s.has_ts = is_answer ? t->ts_on : t->config.use_ts;
    s.tsval = ts_now(t);
    if (is_answer) {
        s.flags |= WIRE_ACK;
        s.ack = t->irs + (uint32_t)t->rcv;
        s.tsecr = t->ts_recent;
        s.window = window_field(t, true);
    } else {
        s.window = (uint16_t)(t->config.buffer_len < 65535 ? t->config.buffer_len : 65535);
    }
    send_segment(t, &s);
}

void tcp_send_bytes(struct tcp *t, int64_t from, const uint8_t *data, int64_t len, uint8_t flags)
{
    struct wire_segment s = {.seq = t->config.iss + (uint32_t)from,
                             .ack = t->irs + (uint32_t)t->rcv,
                             .flags = (uint8_t)(flags | WIRE_ACK)};
    fill_addresses(t, &s);
    s.window = window_field(t, false);
    s.has_ts = t->ts_on;
    s.tsval = ts_now(t);
    s.tsecr = t->ts_recent;
    fill_sacks(t, &s);
    int64_t mss = tcp_segment_room(t);
    while (s.sack_count > 0 && len > 0 && len + 4 + 8 * s.sack_count > mss)
        s.sack_count--; /* data goes first (RFC 6691: options count) */
    s.data = data;
    s.len = (size_t)len;
    t->must_ack = false;
    t->unacked_segments = 0;
    t->delack_at = TCP_NEVER;
    send_segment(t, &s);
}

void tcp_send_data(struct tcp *t, int64_t from, int64_t len, uint8_t flags)
{
    tcp_send_bytes(t, from, len > 0 ? t->out + (from - 1) : NULL, len, flags);
}

void tcp_send_ack(struct tcp *t)
{
    tcp_send_data(t, t->nxt, 0, 0);
}

/* RFC 9293 3.10.7.1: the answer to a segment that belongs to nothing. NULL: an abort. */
void tcp_send_reset(struct tcp *t, const struct wire_segment *cause)
{
    struct wire_segment s = {.flags = WIRE_RST};
    fill_addresses(t, &s);
    if (!cause) {
        s.seq = t->config.iss + (uint32_t)t->nxt;
        s.ack = t->irs + (uint32_t)t->rcv;
        s.flags |= WIRE_ACK;
    } else if (cause->flags & WIRE_ACK) {
        s.seq = cause->ack;
    } else {
        s.ack = cause->seq + (uint32_t)cause->len + (cause->flags & WIRE_SYN ? 1 : 0) +
                (cause->flags & WIRE_FIN ? 1 : 0);
        s.flags |= WIRE_ACK;
    }
    send_segment(t, &s);
}

/* ------------------------------------------------------------------ what may go */

/* Position behind what the application has given, its FIN included. */
static int64_t end_of_given(const struct tcp *t)
{
    return 1 + t->written + (t->is_closing && t->written == t->out_len ? 1 : 0);
}

static int64_t lost_below(const struct tcp *t)
{
    if (t->recovery == TCP_LOSS)
        return t->recover;
    if (t->recovery == TCP_CALM)
        return t->una;
    int64_t first = t->una + tcp_segment_room(t);
    if (first > t->recover)
        first = t->recover;
    int64_t top = spans_top(&t->sacked, t->una);
    if (top > t->recover)
        top = t->recover;
    return t->sack_on && top > first ? top : first;
}

static int64_t unsacked(const struct tcp *t, int64_t from, int64_t to)
{
    return to > from ? to - from - spans_within(&t->sacked, from, to) : 0;
}

/* RFC 6675: what is thought to be in the network. */
static int64_t pipe(const struct tcp *t)
{
    int64_t lost = lost_below(t);
    if (t->recovery == TCP_CALM)
        return unsacked(t, t->una, t->nxt);
    int64_t from = lost > t->high_rxt ? lost : t->high_rxt;
    int64_t flying = unsacked(t, t->una, t->high_rxt) + unsacked(t, from, t->nxt);
    if (!t->sack_on && t->recovery == TCP_FAST)
        flying -= t->dup_acks * tcp_segment_room(t);
    return flying > 0 ? flying : 0;
}

static int64_t cut_len(struct tcp *t, int64_t room)
{
    switch (t->config.cut) {
    case TCP_CUT_FULL:
        return room;
    case TCP_CUT_RANDOM:
        return dice_percent(&t->dice, 50) ? room : (int64_t)dice_range(&t->dice, 1, (uint64_t)room);
    case TCP_CUT_TINY:
        return (int64_t)dice_range(&t->dice, 1, (uint64_t)(room < 40 ? room : 40));
    }
    return room;
}

/* Sends [from, from+len), where len may take in the FIN. */
static void send_range(struct tcp *t, int64_t from, int64_t end)
{
    int64_t fin = tcp_fin_position(t);
    bool has_fin = end > fin;
    int64_t data_end = has_fin ? fin : end;
    uint8_t flags = has_fin ? WIRE_FIN : 0;
    if (data_end > from && data_end == 1 + t->written)
        flags |= WIRE_PSH;
    if (from < t->nxt)
        t->counts.resent_bytes += (uint64_t)((end < t->nxt ? end : t->nxt) - from);
    if (end > t->nxt) {
        t->nxt = end;
        if (t->timed_end == 0) {
            t->timed_end = end;
            t->timed_ns = t->now_ns;
        }
    }
    tcp_send_data(t, from, data_end - from, flags);
}

/* A retransmission from `from`, within the hole or, cut anew, across what follows. */
static void resend_from(struct tcp *t, int64_t from, int64_t limit)
{
    int64_t room = tcp_segment_room(t);
    if (t->config.recuts && dice_percent(&t->dice, 50)) {
        room = (int64_t)dice_range(&t->dice, 1, (uint64_t)room);
        limit = end_of_given(t) < t->edge ? end_of_given(t) : t->edge;
        if (limit < t->nxt)
            limit = t->nxt;
        if (from > t->una && dice_percent(&t->dice, 20))
            from -= (int64_t)dice_below(&t->dice, (uint64_t)(from - t->una)) % room;
    }
    int64_t end = from + room < limit ? from + room : limit;
    if (end > t->high_rxt)
        t->high_rxt = end;
    t->timed_end = -1; /* RFC 6298 (3): no RTT from what was sent twice */
    send_range(t, from, end);
}

static void fill_holes(struct tcp *t)
{
    while (t->recovery != TCP_CALM) {
        int64_t lost = lost_below(t);
        int64_t hole = spans_next_hole(&t->sacked, t->high_rxt > t->una ? t->high_rxt : t->una);
        int64_t flying = pipe(t);
        if (hole >= lost || (flying > 0 && flying + tcp_segment_room(t) > t->cwnd))
            return;
        resend_from(t, hole, spans_next_begin(&t->sacked, hole, lost));
    }
}

/* Nagle, and the sender's side of silly windows (RFC 9293 3.8.6.2.1). */
static bool should_wait(const struct tcp *t, int64_t len, int64_t given)
{
    bool is_full = len >= tcp_segment_room(t), is_all = t->nxt + len == given;
    bool has_fin = t->nxt + len > tcp_fin_position(t);
    bool is_idle = t->una == t->nxt;
    if (is_full || t->config.cut != TCP_CUT_FULL)
        return false;
    if (is_all && (has_fin || is_idle || !t->config.nagle))
        return false;
    if (!is_all && len >= t->window_max / 2)
        return false;
    return true;
}

static void send_new(struct tcp *t)
{
    for (;;) {
        int64_t given = end_of_given(t), room = tcp_segment_room(t);
        int64_t limit = given < t->edge ? given : t->edge;
        if (t->nxt >= limit)
            return;
        int64_t flying = pipe(t);
        if (flying > 0 && flying + room > t->cwnd)
            return;
        int64_t fin = tcp_fin_position(t);
        int64_t len = limit - t->nxt;
        bool has_fin = limit > fin && len <= room + 1;
        len = len > room ? room : len;
        if (has_fin && t->nxt + len == fin)
            len++;
        if (should_wait(t, len, given))
            return;
        if (len > 1 && t->config.cut != TCP_CUT_FULL)
            len = cut_len(t, len);
        send_range(t, t->nxt, t->nxt + len);
    }
}

static void set_timers(struct tcp *t)
{
    bool flying = t->una < t->nxt;
    if (flying && t->rto_at == TCP_NEVER)
        t->rto_at = t->now_ns + (t->rto_ns << t->backoff);
    if (!flying)
        t->rto_at = TCP_NEVER;
    bool is_stuck = !flying && t->nxt < end_of_given(t);
    if (!is_stuck) {
        t->persist_at = TCP_NEVER;
        t->persist_backoff = 0;
    } else if (t->persist_at == TCP_NEVER) {
        uint64_t wait = t->rto_ns << t->persist_backoff;
        t->persist_at = t->now_ns + (wait < t->config.rto_max_ns ? wait : t->config.rto_max_ns);
    }
    if (t->rto_at != TCP_NEVER && t->rto_at > t->now_ns + t->config.rto_max_ns)
        t->rto_at = t->now_ns + t->config.rto_max_ns;
}

void tcp_output(struct tcp *t)
{
    bool may_send = tcp_is_synchronized(t) && t->state != TCP_TIME_WAIT;
    if (may_send) {
        fill_holes(t);
        send_new(t);
    }
    if (t->must_ack && t->state >= TCP_SYN_RECEIVED)
        tcp_send_ack(t);
    if (may_send)
        set_timers(t);
}
