/* watch.c - the properties of what enters and leaves; the contract is in watch.h. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#define MS           UINT64_C(1000000)
#define LONGEST_TAIL 300 /* of a needle, see plan.c */

void watch_begin(struct watch *w, const struct plan *plan, int sender)
{
    *w = (struct watch){.plan = plan, .sender = sender, .una_m = -1, .acked_o = -1};
    w->edge_m = w->edge_o = w->edge_most = INT64_MIN;
    oracle_begin(&w->oracle, plan->out[sender], plan->out_len[sender], &plan->edits[sender]);
}

void watch_end(struct watch *w)
{
    oracle_end(&w->oracle);
    spans_free(&w->received);
    spans_free(&w->sent_spans);
    spans_free(&w->sacked_m);
    free(w->steps);
    free(w->sent);
}

/* ------------------------------------------------------------------ what enters */

static int64_t offset_of(const struct watch *w, uint32_t wire, int64_t near)
{
    return tcp_unwrap(near, wire - (w->iss + 1));
}

int64_t watch_frontier(const struct watch *w)
{
    return spans_next_hole(&w->received, 0);
}

int64_t watch_offset(const struct watch *w, uint32_t seq)
{
    return offset_of(w, seq, w->emitted_m);
}

static void note_step(struct watch *w, int64_t o, uint64_t now_ns)
{
    if (w->step_count > 0 && w->steps[w->step_count - 1].o >= o)
        return;
    if (w->step_count == w->step_cap) {
        w->step_cap = w->step_cap * 2 + 64;
        w->steps = realloc(w->steps, w->step_cap * sizeof *w->steps);
        if (!w->steps)
            abort();
    }
    w->steps[w->step_count++] = (struct watch_step){o, now_ns};
}

/* When the engine had the byte at o and all before it. */
static uint64_t arrived_ns(const struct watch *w, int64_t o)
{
    size_t low = 0, high = w->step_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->steps[middle].o > o)
            high = middle;
        else
            low = middle + 1;
    }
    return low < w->step_count ? w->steps[low].at_ns : UINT64_MAX;
}

void watch_data_in(struct watch *w, const struct wire_segment *s, uint64_t now_ns)
{
    if (s->flags & WIRE_SYN) {
        w->has_iss = true;
        w->iss = s->seq;
        w->sender_scale = s->has_scale ? s->scale : 0;
    }
    if (s->has_ts && (!w->has_ts || (int32_t)(s->tsval - w->ts_max) > 0))
        w->ts_max = s->tsval;
    w->has_ts = w->has_ts || s->has_ts;
    if (!w->has_iss || (s->flags & (WIRE_SYN | WIRE_RST)))
        return;
    int64_t frontier = watch_frontier(w);
    int64_t a = offset_of(w, s->seq, frontier), b = a + (int64_t)s->len;
    bool is_garbage = s->len == 1 && a < frontier; /* a keep-alive's byte */
    if (!is_garbage)
        spans_add(&w->received, a > 0 ? a : 0, b);
    w->has_fin = w->has_fin || (s->flags & WIRE_FIN);
    if (watch_frontier(w) > frontier)
        note_step(w, watch_frontier(w), now_ns);
}

void watch_ack_in(struct watch *w, const struct wire_segment *s)
{
    unsigned scale = 0;
    if (s->flags & WIRE_SYN) {
        w->has_receiver_syn = true;
        w->receiver_room = s->has_mss ? s->mss : tcp_default_mss(s->ip_version);
    } else {
        scale = plan_has_scale(w->plan) ? w->plan->tcp[1 - w->sender].scale : 0;
    }
    if (!(s->flags & WIRE_ACK) || !w->has_iss) {
        if ((s->flags & WIRE_SYN) && w->edge_m < s->window - 1)
            w->edge_m = s->window - 1;
        return;
    }
    int64_t ack = offset_of(w, s->ack, w->una_m);
    int64_t edge = ack + ((int64_t)s->window << scale);
    w->una_m = ack > w->una_m ? ack : w->una_m;
    if (s->flags & WIRE_RST)
        return;
    w->edge_m = edge > w->edge_m ? edge : w->edge_m;
    for (unsigned i = 0; i < s->sack_count; i++)
        spans_add(&w->sacked_m, offset_of(w, s->sack[i].left, ack),
                  offset_of(w, s->sack[i].right, ack));
}

/* ------------------------------------------------------------------ what the engine tells */

static const char *still_holds(const struct watch *w)
{
    for (size_t i = 0; i < w->sent_spans.count; i++) {
        struct span span = w->sent_spans.at[i];
        int64_t end = span.end < w->oracle.m_len ? span.end : w->oracle.m_len;
        if (span.end > w->oracle.m_len ||
            memcmp(w->sent + span.begin, w->oracle.m + span.begin, (size_t)(end - span.begin)) != 0)
            return "what was sent before is not what the stream becomes";
    }
    return NULL;
}

const char *watch_release(struct watch *w, int64_t offset, int64_t len, bool is_timeout,
                          uint64_t now_ns)
{
    int64_t from = offset - len;
    if (len <= 0 || from < 0 || offset > watch_frontier(w))
        return "bytes were released that the engine does not have";
    if (!oracle_may_wait(&w->oracle, from, len))
        return "bytes were released that had no reason to wait";
    uint64_t waited = now_ns - arrived_ns(w, from), limit = w->plan->hold_ms * MS;
    if (is_timeout && arrived_ns(w, from) <= now_ns && waited < limit)
        return "bytes were released before their time";
    if (is_timeout && w->plan->is_calm && w->oracle.o_len < w->plan->pending_dir_bytes &&
        waited > limit)
        return "bytes were held longer than hold_ms";
    if (!oracle_release(&w->oracle, offset, len))
        return "a release takes back what was certain";
    return still_holds(w);
}

const char *watch_reset(struct watch *w)
{
    if (!oracle_release(&w->oracle, watch_frontier(w), 0))
        return NULL;
    return still_holds(w);
}

/* ------------------------------------------------------------------ towards the receiver */

/* Where no rule reaches, and in a packet that leaves as it came, what its sender does is its own
 * affair. */
static bool is_judged(const struct watch *w, const struct watch_cause *cause)
{
    return oracle_is_ruled(&w->oracle) && !cause->is_same;
}

static const char *note_sent(struct watch *w, int64_t a, const uint8_t *data, int64_t len)
{
    if (a + len > w->sent_cap) {
        w->sent_cap = (a + len) * 2 + 256;
        w->sent = realloc(w->sent, (size_t)w->sent_cap);
        if (!w->sent)
            abort();
    }
    for (size_t i = 0; i < w->sent_spans.count; i++) {
        struct span span = w->sent_spans.at[i];
        int64_t from = span.begin > a ? span.begin : a;
        int64_t to = span.end < a + len ? span.end : a + len;
        if (from < to && memcmp(w->sent + from, data + (from - a), (size_t)(to - from)) != 0)
            return "a sequence number carries another byte than before";
    }
    memcpy(w->sent + a, data, (size_t)len);
    spans_add(&w->sent_spans, a, a + len);
    return NULL;
}

static bool is_keepalive_byte(const struct watch *w, const struct wire_segment *s, int64_t a)
{
    return s->len == 1 && a == w->emitted_m - 1 + (w->fin_emitted ? 1 : 0);
}

static const char *check_bytes(struct watch *w, const struct wire_segment *s, int64_t a,
                               const struct watch_cause *cause)
{
    int64_t b = a + (int64_t)s->len;
    if (s->len == 0 || (!is_judged(w, cause) && is_keepalive_byte(w, s, a)))
        return NULL;
    if (a < 0 || b > w->oracle.m_len)
        return "data outside of the stream";
    if (memcmp(w->oracle.m + a, s->data, s->len) != 0)
        return "other bytes than the stream's rewriting";
    if (b > oracle_low(&w->oracle, watch_frontier(w)) && is_judged(w, cause))
        return "data whose original did not arrive yet";
    return note_sent(w, a, s->data, (int64_t)s->len);
}

static const char *check_size(const struct watch *w, const struct wire_segment *s)
{
    if (s->header_len + s->len > w->plan->mtu)
        return "a packet above the MTU";
    if (s->len > 0 && w->has_receiver_syn && (int64_t)(s->len + s->option_len) > w->receiver_room)
        return "a segment above the receiver's MSS";
    return NULL;
}

/* Whether the segment carries bytes that the packet at hand did not bring. */
static bool has_other_bytes(const struct watch *w, const struct wire_segment *s,
                            const struct watch_cause *cause)
{
    int64_t m = offset_of(w, s->seq, w->emitted_m);
    if (s->len == 0 || !cause->in)
        return s->len > 0;
    int64_t o = offset_of(w, cause->in->seq, watch_frontier(w));
    return m < oracle_low(&w->oracle, o) ||
           m + (int64_t)s->len > oracle_high(&w->oracle, o + (int64_t)cause->in->len);
}

static const char *check_times(const struct watch *w, const struct wire_segment *s,
                               const struct watch_cause *cause)
{
    bool agreed = plan_has_timestamps(w->plan);
    if (s->flags & (WIRE_RST | WIRE_SYN))
        return NULL;
    if (agreed && !s->has_ts)
        return "timestamps were agreed on and are missing";
    if (!s->has_ts || cause->is_same || !w->has_ts)
        return NULL;
    bool must_be_newest = cause->is_own || cause->is_late || has_other_bytes(w, s, cause);
    if (must_be_newest && (int32_t)(s->tsval - w->ts_max) < 0)
        return "an older timestamp than the newest seen";
    if ((int32_t)(s->tsval - w->ts_max) > 0)
        return "a timestamp that its sender never sent";
    return NULL;
}

static const char *check_header(const struct watch *w, const struct wire_segment *s,
                                const struct watch_cause *cause)
{
    const struct tcp_config *c = &w->plan->tcp[w->sender], *to = &w->plan->tcp[1 - w->sender];
    size_t len = c->ip_version == 4 ? 4 : 16;
    if (s->ip_version != c->ip_version || memcmp(s->src, to->peer, len) != 0 ||
        memcmp(s->dst, to->own, len) != 0 || s->src_port != to->peer_port ||
        s->dst_port != to->own_port)
        return "addresses that nobody used";
    uint8_t tos = cause->is_own ? c->tos & 0xfc : c->tos; /* an answer is not ECN-capable */
    if (s->ttl != c->ttl || s->tos != tos || (s->ip_version == 4 && s->df != c->df))
        return "another TTL, TOS or DF than the sender's";
    if (s->has_odd_option || (s->flags & 0xc0))
        return "an option or a flag that nobody used";
    return NULL;
}

/* What rules take off a SYN is gone, and what nobody may use later does not come later. Off an
 * answer only the permission of SACK is taken. */
static const char *check_options(const struct watch *w, const struct wire_segment *s)
{
    uint32_t gone = w->plan->removed[PLAN_A];
    if (w->sender == PLAN_B)
        gone |= w->plan->removed[PLAN_B] & PM_TCPOPT_SACK;
    bool is_kept = ((gone & PM_TCPOPT_WSCALE) && s->has_scale) ||
                   ((gone & PM_TCPOPT_TIMESTAMPS) && s->has_ts) ||
                   ((gone & PM_TCPOPT_SACK) && (s->has_sack_ok || s->sack_count > 0));
    if (is_kept)
        return "an option that rules take off";
    uint16_t most = w->plan->mss_max[w->sender];
    if (most > 0 && s->has_mss && s->mss > most)
        return "a larger MSS than rules let through";
    return NULL;
}

static const char *check_place(struct watch *w, const struct wire_segment *s, int64_t a,
                               const struct watch_cause *cause)
{
    int64_t b = a + (int64_t)s->len;
    bool has_fin = s->flags & WIRE_FIN;
    bool is_ended = w->has_fin && (!is_judged(w, cause) || watch_frontier(w) == w->oracle.o_len);
    if (has_fin && !is_ended)
        return "a FIN whose sender did not send it, or not all before it";
    if (has_fin && b != w->oracle.m_len)
        return "a FIN at another place than the end";
    bool is_empty = s->len == 0 && !has_fin;
    if (is_empty && a > w->emitted_m + (w->fin_emitted ? 1 : 0) && is_judged(w, cause))
        return "an empty segment beyond what was sent";
    if ((s->len > 0 || has_fin) && b + has_fin > w->edge_m && is_judged(w, cause))
        return "beyond the right edge of the receiver's window";
    return NULL;
}

const char *watch_data_out(struct watch *w, const struct wire_segment *s,
                           const struct watch_cause *cause)
{
    const char *wrong = check_header(w, s, cause);
    if (wrong || (wrong = check_times(w, s, cause)) || (wrong = check_options(w, s)))
        return wrong;
    if (s->flags & WIRE_SYN)
        return w->has_iss && s->seq == w->iss && s->len == 0 ? NULL : "a SYN that nobody sent";
    if (s->flags & WIRE_RST)
        return s->len == 0 ? NULL : "a reset with data";
    if (!w->has_iss)
        return cause->is_same ? NULL : "a segment before its SYN";
    int64_t a = offset_of(w, s->seq, w->emitted_m), b = a + (int64_t)s->len;
    if ((wrong = check_size(w, s)) || (wrong = check_place(w, s, a, cause)) ||
        (wrong = check_bytes(w, s, a, cause)))
        return wrong;
    w->emitted_m = b > w->emitted_m && s->len > 0 ? b : w->emitted_m;
    w->fin_emitted = w->fin_emitted || (s->flags & WIRE_FIN);
    return NULL;
}

const char *watch_repeated(const struct watch *w, const struct wire_segment *in,
                           const struct spans *out, int64_t sent_m)
{
    int64_t frontier = watch_frontier(w), a = offset_of(w, in->seq, frontier);
    int64_t b = a + (int64_t)in->len;
    if (!oracle_is_ruled(&w->oracle) || in->len == 0 || a < 0 || b > frontier)
        return NULL;
    int64_t low = oracle_low(&w->oracle, a), high = oracle_high(&w->oracle, b);
    low = low > w->una_m ? low : w->una_m;
    high = high < sent_m ? high : sent_m;
    if (high - low > w->receiver_room)
        high = low + w->receiver_room;
    if (low < high && !spans_hold(out, low, high))
        return "a retransmission did not bring what its bytes became";
    return NULL;
}

/* ------------------------------------------------------------------ towards the sender */

/* The receiver has everything that the originals below o became. */
static bool is_acked(const struct watch *w, int64_t o)
{
    return oracle_high(&w->oracle, o) <= w->una_m;
}

static const char *check_ack(struct watch *w, int64_t ack)
{
    int64_t fin = w->oracle.o_len, frontier = watch_frontier(w);
    if (ack <= 0) /* the SYN at most */
        return ack > w->una_m ? "the SYN is acknowledged before the receiver did" : NULL;
    if (ack > fin + 1 || (ack == fin + 1 && !w->has_fin) || (ack <= fin && ack > frontier))
        return "what did not arrive is acknowledged";
    if (!is_acked(w, ack))
        return "bytes are acknowledged that the receiver has not acknowledged";
    return NULL;
}

/* [low, high) of M is with the receiver, or was never sent. */
static bool is_there_or_waits(const struct watch *w, int64_t low, int64_t high, bool is_edit)
{
    if (low >= w->emitted_m)
        return true;
    if (!is_edit && high > w->emitted_m)
        high = w->emitted_m;
    return spans_hold(&w->sacked_m, low < w->una_m ? w->una_m : low, high);
}

/* Every byte of the block is with the receiver, or waits in the engine. */
static const char *check_sack(const struct watch *w, int64_t left, int64_t right)
{
    int64_t fin = w->oracle.o_len, end = right < fin ? right : fin;
    if (left >= right || left < 0 || right > fin + 1)
        return "a SACK block outside of the stream";
    if (right == fin + 1 && !w->has_fin)
        return "a SACK block covers a FIN that did not come";
    if (!spans_hold(&w->received, left, end))
        return "a SACK block covers bytes that did not arrive";
    for (int64_t o = left; o < end;) {
        bool is_edit;
        int64_t run_end = oracle_run_end(&w->oracle, o, end, &is_edit);
        int64_t low = oracle_low(&w->oracle, o), high = oracle_high(&w->oracle, run_end);
        if (!is_there_or_waits(w, low, high, is_edit))
            return "a SACK block covers bytes that the receiver does not have";
        o = run_end;
    }
    return NULL;
}

/* The receiver's edge as this very packet announces it. */
static bool is_old_edge(const struct watch *w, const struct watch_cause *cause, unsigned scale)
{
    if (!cause->in || !(cause->in->flags & WIRE_ACK))
        return false;
    int64_t ack = offset_of(w, cause->in->ack, w->una_m);
    return ack + ((int64_t)cause->in->window << scale) < w->edge_m;
}

/* How far the receiver's room may reach in O: from wherever the engine may have decided up to, for
 * what waits may still grow or shrink. With limits it may have dropped what came. */
static int64_t farthest_edge(const struct watch *w)
{
    bool is_limited = w->oracle.o_len > w->plan->pending_dir_bytes || w->plan->retain_dir_bytes;
    int64_t frontier = watch_frontier(w);
    int64_t from = is_limited ? w->acked_o : frontier - LONGEST_TAIL;
    from = from < 0 ? 0 : from > frontier ? frontier : from;
    int64_t shift = from - oracle_low(&w->oracle, from);
    for (size_t i = oracle_first_edit(&w->oracle, from); i < w->oracle.edit_count; i++) {
        const struct oracle_edit *e = &w->oracle.edits[i];
        if (e->o0 > frontier)
            break;
        if (e->o0 >= from && e->o0 - e->m0 > shift)
            shift = e->o0 - e->m0;
        int64_t end = e->o1 < frontier ? e->o1 : frontier; /* a splice may be decided in part */
        bool is_decided = e->o1 <= frontier || w->oracle.wanted->splice_count > 0;
        if (e->o1 >= from && is_decided && end - e->m1 > shift)
            shift = end - e->m1;
    }
    int64_t edge = w->edge_m + shift;
    return edge > frontier ? edge : frontier;
}

static const char *check_window(struct watch *w, const struct wire_segment *s, int64_t ack,
                                const struct watch_cause *cause, unsigned scale)
{
    int64_t edge = ack + ((int64_t)s->window << scale), last = w->last_edge_o;
    bool may_be_old = s->window == 0 || is_old_edge(w, cause, scale) || (s->flags & WIRE_SYN);
    if (s->flags & WIRE_RST)
        return NULL;
    w->last_edge_o = edge;
    if (!may_be_old && edge + (1 << scale) - 1 < w->edge_o && edge < last)
        return "the right edge moved left";
    if (edge > w->edge_most) {
        int64_t farthest = farthest_edge(w);
        w->edge_most = farthest > w->edge_most ? farthest : w->edge_most;
    }
    if (edge > w->edge_most + (1 << scale) - 1)
        return "more window than the receiver has";
    w->edge_o = edge > w->edge_o ? edge : w->edge_o;
    return NULL;
}

const char *watch_ack_out(struct watch *w, const struct wire_segment *s,
                          const struct watch_cause *cause, unsigned scale)
{
    if (!(s->flags & WIRE_ACK) || !w->has_iss)
        return NULL;
    int64_t ack = offset_of(w, s->ack, w->acked_o);
    const char *wrong = check_ack(w, ack);
    if (!wrong)
        wrong = check_window(w, s, ack, cause, s->flags & WIRE_SYN ? 0 : scale);
    w->acked_o = ack > w->acked_o ? ack : w->acked_o;
    for (unsigned i = 0; i < s->sack_count && !wrong; i++)
        wrong =
            check_sack(w, offset_of(w, s->sack[i].left, ack), offset_of(w, s->sack[i].right, ack));
    return wrong;
}

const char *watch_delivered(const struct watch *w, const uint8_t *bytes, int64_t from, int64_t to)
{
    if (to > w->oracle.m_len)
        return "more was delivered than the stream has";
    if (to > from && memcmp(bytes + from, w->oracle.m + from, (size_t)(to - from)) != 0)
        return "what was delivered is not the stream's rewriting";
    return NULL;
}
