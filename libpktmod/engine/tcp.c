/* tcp.c - one TCP segment of a flow that rules may rewrite: its bytes go through the edit log, its
 * numbers through the map.
 *
 *     SYN            begins a direction: from its ISN + 1 on, O = M
 *     [a,b) of O     new bytes are searched once and logged; what leaves is [img(a), img(b)) of M
 *     ack, SACK      lifted through the log of the other direction
 *     FIN, RST       behind everything logged
 *
 * Segments are taken in order. A gap is given up at once: its length stays, and what fills it later
 * passes as it comes.
 */
#include "engine/rewriter.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "edit/sack.h"
#include "wire/tcpopt.h"

#define TCP_SEQ    4
#define TCP_ACK    8
#define TCP_FLAGS  13
#define TCP_URGENT 18

#define LARGEST_GAP   (UINT64_C(1) << 30)
#define KEEP_ACKED    (64u << 10) /* acknowledged bytes remembered for late retransmissions */
#define RECLAIM_FLOWS 64          /* flows asked for acknowledged bytes when memory is short */

/* A segment in terms of the stream. */
struct segment {
    struct pm_stream *stream;
    struct pm_half *half, *peer;
    uint64_t a, b;       /* [a,b) of O; b = a for an empty one */
    const uint8_t *data; /* byte a */
    uint8_t flags;
    bool is_same; /* what leaves for [a,b) are the same bytes */
    uint64_t m_low, m_high;
    enum pm_why why; /* the exception it passes under, if any */
};

static const uint8_t *tcp_header(const struct pm_passage *p)
{
    return p->buffer + p->headers.l4_off;
}

/* ------------------------------------------------------------------ a flow's stream */

void pm_stream_close(struct pm_rewriter *r, struct pm_rewriter_flow *flow)
{
    if (!flow->stream)
        return;
    struct pm_stream *stream = pm_stream_at(r, flow->stream);
    for (unsigned side = 0; side < 2; side++)
        if (stream->half[side].is_active)
            pm_log_drop(&stream->half[side].log, &r->store);
    pm_pool_put(&r->streams, flow->stream - 1);
    flow->stream = 0;
}

static struct pm_stream *open_stream(struct pm_rewriter *r, struct pm_rewriter_flow *flow)
{
    uint32_t index = pm_pool_take(&r->streams);
    if (index == PM_NIL)
        return NULL;
    flow->stream = index + 1;
    struct pm_stream *stream = pm_stream_at(r, flow->stream);
    memset(stream, 0, r->streams.object_size);
    return stream;
}

/* The first byte of a direction whose position is known. */
static void begin_half(struct pm_half *half, uint32_t first_seq)
{
    half->is_active = true;
    half->has_fin = false;
    half->begin_o = half->acked_o = PM_SEQ_BASE + first_seq;
    pm_log_begin(&half->log, half->begin_o);
}

/* Both directions begin anew behind these ISNs. */
static void restart(struct pm_rewriter *r, struct pm_stream *stream, const uint32_t isn[2])
{
    for (unsigned side = 0; side < 2; side++) {
        struct pm_half *half = &stream->half[side];
        half->has_pending_isn = false;
        half->isn = isn[side];
        if (!half->is_active)
            continue;
        pm_log_drop(&half->log, &r->store);
        begin_half(half, isn[side] + 1);
    }
    memset(stream->max_used, 0, 2 * r->policy->max_slots * sizeof stream->max_used[0]);
}

static bool is_edited(const struct pm_stream *stream)
{
    return stream->half[0].log.is_edited || stream->half[1].log.is_edited;
}

static bool is_stretched(const struct pm_stream *stream)
{
    return stream->half[0].log.is_stretched || stream->half[1].log.is_stretched;
}

/* From here on the flow passes as it is. Only before any edit. */
static void bypass(struct pm_rewriter *r, struct pm_rewriter_flow *flow, enum pm_why why)
{
    pm_stream_close(r, flow);
    flow->bypass = (uint8_t)why;
}

/* ------------------------------------------------------------------ SYN */

static void note_syn_options(struct pm_rewriter *r, const struct pm_passage *p)
{
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    uint8_t bit = (uint8_t)(1u << p->tracked.side);
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, tcp_header(p));
    while (pm_tcpopt_next(&option)) {
        if (option.kind == PM_OPT_MD5 || option.kind == PM_OPT_AO)
            flow->auth_syn |= bit;
        else if (option.kind == PM_OPT_MPTCP)
            flow->mptcp_syn |= bit;
    }
    bool is_open = flow->bypass || (flow->stream && is_edited(pm_stream_at(r, flow->stream)));
    if (is_open)
        return;
    if (flow->auth_syn == 3)
        bypass(r, flow, PM_WHY_TCP_AUTH);
    else if (flow->mptcp_syn == 3)
        bypass(r, flow, PM_WHY_MPTCP);
}

/* A SYN in a live flow: the same ISN is a retransmission; another one may be forged, and counts
 * only when a SYN-ACK answers it. True: the segment was a new SYN, and nothing moves. */
static bool is_new_syn(struct pm_rewriter *r, struct pm_passage *p, struct segment *s)
{
    uint32_t seq = pm_get32(tcp_header(p) + TCP_SEQ);
    uint32_t ack = pm_get32(tcp_header(p) + TCP_ACK);
    if (!s->half->has_isn) {
        s->half->has_isn = true;
        s->half->isn = seq;
    }
    if (s->half->isn == seq)
        return false;
    if ((s->flags & PM_ACK) && s->peer->has_pending_isn && ack == s->peer->pending_isn + 1) {
        uint32_t isn[2];
        isn[p->tracked.side] = seq;
        isn[1 - p->tracked.side] = s->peer->pending_isn;
        restart(r, s->stream, isn);
        return false;
    }
    s->half->has_pending_isn = true;
    s->half->pending_isn = seq;
    return true;
}

/* ------------------------------------------------------------------ memory */

static void forget_acked(struct pm_rewriter *r, struct pm_half *half, size_t keep)
{
    if (half->is_active && pm_log_kept(&half->log) > keep)
        pm_log_forget(&half->log, &r->store, keep, half->acked_o);
}

/* Takes acknowledged bytes back from the flows that were idle longest. */
static void reclaim(struct pm_rewriter *r)
{
    uint32_t index = r->flows.oldest[PM_FLOW_SETTLED];
    for (unsigned i = 0; i < RECLAIM_FLOWS && index != PM_NIL; i++) {
        struct pm_flow *flow = pm_pool_at(&r->flows.pool, index);
        struct pm_rewriter_flow *own = pm_flow_own(flow);
        if (own->stream) {
            forget_acked(r, &pm_stream_at(r, own->stream)->half[0], 0);
            forget_acked(r, &pm_stream_at(r, own->stream)->half[1], 0);
        }
        index = flow->newer;
    }
}

/* Room for that many runs and bytes, forgetting old bytes where it must. */
static bool make_room(struct pm_rewriter *r, struct pm_half *half, uint32_t runs, size_t bytes)
{
    struct pm_log *log = &half->log;
    size_t limit = r->config.retain_dir_bytes;
    forget_acked(r, half, KEEP_ACKED);
    if (bytes > limit)
        return false;
    if (pm_log_kept(log) + bytes > limit) {
        forget_acked(r, half, limit - bytes);
        if (pm_log_kept(log) + bytes > limit) {
            pm_log_forget(log, &r->store, limit - bytes, log->o_end);
            pm_count_why(r, PM_WHY_RETAIN_FULL);
        }
    }
    if (pm_log_has_room(log, &r->store, runs, bytes))
        return true;
    reclaim(r);
    if (pm_log_has_room(log, &r->store, runs, bytes))
        return true;
    pm_count_why(r, PM_WHY_RETAIN_FULL);
    pm_log_forget(log, &r->store, 0, log->o_end);
    return pm_log_has_room(log, &r->store, runs, bytes);
}

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
                              const struct segment *s)
{
    uint32_t slots = r->policy->max_slots;
    return slots ? s->stream->max_used + p->tracked.side * slots : NULL;
}

/* Decides [o_end, b), whose first byte is data[o_end - a]. */
static void decide(struct pm_rewriter *r, struct pm_passage *p, struct segment *s)
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
    if (make_room(r, s->half, 2 * p->plan_count + 1, kept))
        log_plan(r, p, log, bytes, len);
    else
        log_without_room(r, p, log, len);
    pm_count_edits(r, p);
    if (p->plan_count > 0)
        s->is_same = false;
}

/* ------------------------------------------------------------------ placing a segment */

/* The bytes before `a` were not seen: their length is taken as it is. */
static void give_up_gap(struct pm_rewriter *r, struct segment *s)
{
    struct pm_log *log = &s->half->log;
    s->why = PM_WHY_OUT_OF_ORDER;
    if (!pm_log_has_room(log, &r->store, 1, 0))
        reclaim(r);
    pm_log_gap(log, &r->store, s->a - log->o_end);
}

/* Compares what is repeated with what was decided. */
static void repeat(struct pm_rewriter *r, struct segment *s)
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

static void cut_beyond_fin(struct segment *s)
{
    if (!s->half->has_fin || s->b <= s->half->fin_o || s->a == s->b)
        return;
    s->why = PM_WHY_BEYOND_FIN;
    s->is_same = false;
    s->b = s->a < s->half->fin_o ? s->half->fin_o : s->a;
}

/* Where a segment without bytes stands: at the end of what was decided (behind the FIN if it knows
 * of it), one before it (keep-alive), or wherever its image is. */
static uint64_t empty_image(const struct pm_rewriter *r, const struct segment *s)
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

static void note_fin(struct segment *s)
{
    if (!(s->flags & PM_FIN) || s->half->has_fin || s->b != s->half->log.o_end)
        return;
    s->half->has_fin = true;
    s->half->fin_o = s->b;
}

/* Decides and maps a segment of an active direction. False: it has no place in the stream. */
static bool place(struct pm_rewriter *r, struct pm_passage *p, struct segment *s)
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

/* ------------------------------------------------------------------ acknowledgements */

/* The recorded receiver acknowledged original bytes; had it received the rewritten ones it would
 * have acknowledged their images. */
static uint64_t lift_ack(const struct pm_rewriter *r, struct pm_half *peer, uint64_t ack_o)
{
    const struct pm_log *log = &peer->log;
    if (ack_o <= log->o_end)
        return pm_log_image_low(log, &r->store, ack_o);
    if (!log->is_stretched)
        return log->m_end + (ack_o - log->o_end);
    return log->m_end + (peer->has_fin && ack_o > peer->fin_o ? 1 : 0);
}

static void lift(struct pm_rewriter *r, struct pm_passage *p, const struct segment *s)
{
    struct pm_half *peer = s->peer;
    if (!(s->flags & PM_ACK) || !peer->is_active)
        return;
    uint32_t ack = pm_get32(tcp_header(p) + TCP_ACK);
    uint64_t ack_o = pm_seq_unwrap(peer->log.o_end, ack);
    uint64_t known_o = ack_o < peer->log.o_end ? ack_o : peer->log.o_end;
    if (known_o > peer->acked_o)
        peer->acked_o = known_o;
    if (!p->is_ack_lifted || !peer->log.is_stretched)
        return;
    uint32_t lifted = (uint32_t)lift_ack(r, peer, ack_o);
    pm_packet_sum(r, p);
    if (lifted != ack) {
        pm_fixup_l4_word32(&p->headers, p->buffer, TCP_ACK, lifted);
        p->is_changed = true;
    }
    if (pm_sack_lift(&p->headers, p->buffer, &peer->log, &r->store))
        p->is_changed = true;
}

/* ------------------------------------------------------------------ sending */

static void set_seq(struct pm_passage *p, uint64_t m)
{
    if (pm_get32(tcp_header(p) + TCP_SEQ) == (uint32_t)m)
        return;
    pm_fixup_l4_word32(&p->headers, p->buffer, TCP_SEQ, (uint32_t)m);
    p->is_changed = true;
}

/* The same bytes leave: only numbers may have moved. */
static enum pm_why send_same(struct pm_rewriter *r, struct pm_passage *p, const struct segment *s)
{
    pm_packet_sum(r, p);
    if (p->is_shown_rewritten)
        set_seq(p, s->m_low - ((s->flags & PM_SYN) ? 1 : 0));
    enum pm_why why = s->why;
    if (why == PM_WHY_NONE && p->is_changed)
        why = PM_WHY_FOLLOWED;
    return pm_emit_buffer(r, p, why);
}

/* The urgent pointer counts from the part's own seq (RFC 6093: one past the urgent byte). */
static void set_urgent(const struct pm_rewriter *r, const struct pm_passage *p,
                       const struct segment *s, uint8_t *tcp, uint64_t m)
{
    if (!(s->flags & PM_URG))
        return;
    uint64_t urgent_o = s->a + pm_get16(tcp_header(p) + TCP_URGENT);
    uint64_t urgent_m = pm_log_image_high(&s->half->log, &r->store, urgent_o);
    bool fits = urgent_m > m && urgent_m - m <= UINT16_MAX;
    pm_put16(tcp + TCP_URGENT, fits ? (uint16_t)(urgent_m - m) : 0);
    if (!fits)
        tcp[TCP_FLAGS] &= (uint8_t)~PM_URG;
}

static void set_part_headers(const struct pm_rewriter *r, const struct pm_passage *p,
                             const struct segment *s, uint64_t m, uint32_t part, bool is_last)
{
    const struct pm_headers *h = &p->headers;
    uint8_t *tcp = r->frame + h->l4_off;
    uint8_t flags = s->flags;
    memcpy(r->frame, p->buffer, h->payload_off);
    pm_put32(tcp + TCP_SEQ, (uint32_t)m - ((flags & PM_SYN) ? 1 : 0));
    if (!is_last)
        flags &= (uint8_t) ~(PM_PSH | PM_FIN);
    if (part > 0)
        flags &= (uint8_t)~PM_CWR;
    tcp[TCP_FLAGS] = flags;
    set_urgent(r, p, s, tcp, m);
    if (part > 0 && h->ip_version == 4) {
        /* Far from the numbers that the sender uses next. */
        uint8_t *id = r->frame + h->l3_off + 4;
        pm_put16(id, (uint16_t)(pm_get16(id) + 0x8000u + part));
    }
}

/* Other bytes leave: [m_low, m_high) of M, cut to size. An empty image leaves an empty segment. */
static enum pm_why send_image(struct pm_rewriter *r, struct pm_passage *p, const struct segment *s)
{
    const struct pm_headers *h = &p->headers;
    uint32_t room = pm_payload_room(r, p);
    uint64_t m = s->m_low;
    uint32_t part = 0;
    if (room == 0)
        room = 1;
    do {
        size_t want = s->m_high - m < room ? (size_t)(s->m_high - m) : room;
        size_t got = want == 0 ? 0
                               : pm_log_read(&s->half->log, &r->store, m, want, s->data, s->a,
                                             (size_t)(s->b - s->a), r->frame + h->payload_off);
        bool is_last = got < want || m + got == s->m_high;
        set_part_headers(r, p, s, m, part, is_last);
        pm_emit_frame(r, p, (uint32_t)got, part++);
        m += got;
        if (got < want)
            break;
    } while (m < s->m_high);
    if (s->why != PM_WHY_NONE)
        return s->why;
    return PM_WHY_EDITED;
}

/* ------------------------------------------------------------------ the line */

/* A packet that cannot be placed passes while the stream's numbers are still the original ones. */
static enum pm_why unplaced(struct pm_rewriter *r, struct pm_passage *p, const struct segment *s,
                            enum pm_why why)
{
    if (!is_stretched(s->stream))
        return pm_emit_buffer(r, p, why);
    pm_count_why(r, why);
    return PM_WHY_UNMAPPABLE;
}

static bool has_bad_flags(uint8_t flags)
{
    bool is_syn = flags & PM_SYN;
    return (is_syn && (flags & (PM_FIN | PM_RST))) || !(flags & (PM_SYN | PM_RST | PM_ACK));
}

/* Truncated: what was not captured cannot be searched. */
static enum pm_why take_truncated(struct pm_rewriter *r, struct pm_passage *p,
                                  const struct segment *s)
{
    if (is_edited(s->stream)) {
        pm_count_why(r, PM_WHY_TRUNCATED);
        return PM_WHY_UNMAPPABLE;
    }
    bypass(r, pm_rewriter_own(p), PM_WHY_TRUNCATED);
    return pm_emit_buffer(r, p, PM_WHY_TRUNCATED);
}

/* The rest of a segment's way once it is known to be sound. */
static enum pm_why take_segment(struct pm_rewriter *r, struct pm_passage *p, struct segment *s)
{
    if ((s->flags & PM_SYN) && is_new_syn(r, p, s)) {
        p->selection.has_replace = false;
        return pm_emit_buffer(r, p, PM_WHY_SYN_UNCONFIRMED);
    }
    lift(r, p, s);
    if (!s->half->is_active)
        return pm_emit_buffer(r, p, p->is_changed ? PM_WHY_FOLLOWED : PM_WHY_NONE);
    if (!place(r, p, s))
        return unplaced(r, p, s, PM_WHY_UNMAPPABLE);
    p->tracked.flow->is_pinned =
        is_stretched(s->stream) && p->tracked.flow->fin_seen != 3 && !p->tracked.flow->rst_seen;
    if (s->is_same || !p->is_shown_rewritten)
        return send_same(r, p, s);
    return send_image(r, p, s);
}

static void read_segment(const struct pm_rewriter *r, const struct pm_passage *p, struct segment *s)
{
    const struct pm_headers *h = &p->headers;
    uint32_t seq = pm_get32(tcp_header(p) + TCP_SEQ);
    s->stream = pm_stream_at(r, pm_rewriter_own(p)->stream);
    s->half = &s->stream->half[p->tracked.side];
    s->peer = &s->stream->half[1 - p->tracked.side];
    s->flags = h->tcp_flags;
    s->data = p->buffer + h->payload_off;
    s->is_same = true;
    s->why = PM_WHY_NONE;
    if (s->flags & PM_SYN)
        seq++;
    s->a = s->half->is_active ? pm_seq_unwrap(s->half->log.o_end, seq) : PM_SEQ_BASE + seq;
    s->b = s->a + ((s->flags & PM_RST) ? 0 : h->payload_len);
}

static enum pm_why take_stream(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    struct segment s;
    read_segment(r, p, &s);
    if (h->is_fragment || h->is_unmodifiable || h->payload_off > PM_LINK_ROOM)
        return unplaced(r, p, &s, h->is_fragment ? PM_WHY_FRAGMENT : PM_WHY_UNSUPPORTED);
    if (h->is_truncated)
        return take_truncated(r, p, &s);
    if (pm_packet_sum(r, p) == PM_SUM_WRONG)
        return PM_WHY_BAD_CHECKSUM;
    if (has_bad_flags(s.flags))
        return PM_WHY_BAD_FLAGS;
    return take_segment(r, p, &s);
}

/* Makes the packet's direction part of a stream, if rules may rewrite it and its start is known. */
static enum pm_why activate(struct pm_rewriter *r, const struct pm_passage *p)
{
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    const uint8_t *tcp = tcp_header(p);
    uint32_t seq = pm_get32(tcp + TCP_SEQ);
    bool is_syn = p->headers.tcp_flags & PM_SYN;
    if (!is_syn && r->policy->settings.midstream != PM_MIDSTREAM_REWRITE)
        return PM_WHY_MIDSTREAM;
    struct pm_stream *stream = flow->stream ? pm_stream_at(r, flow->stream) : open_stream(r, flow);
    if (!stream)
        return PM_WHY_STREAMS_FULL;
    struct pm_half *half = &stream->half[p->tracked.side];
    half->isn = is_syn ? seq : seq - 1;
    half->has_isn = is_syn;
    begin_half(half, half->isn + 1);
    struct pm_half *peer = &stream->half[1 - p->tracked.side];
    if (is_syn && (p->headers.tcp_flags & PM_ACK) && !peer->has_isn) {
        peer->has_isn = true;
        peer->isn = pm_get32(tcp + TCP_ACK) - 1;
    }
    return PM_WHY_NONE;
}

static bool is_half_active(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    return flow->stream && pm_stream_at(r, flow->stream)->half[p->tracked.side].is_active;
}

/* The flow stays as it is from its beginning. */
static enum pm_why pass_bypassed(struct pm_rewriter *r, struct pm_passage *p, enum pm_why why)
{
    if (why == PM_WHY_TCP_AUTH)
        p->selection.has_assign = false; /* the signature covers the headers too */
    bool drop = why == PM_WHY_MIDSTREAM && r->policy->settings.midstream == PM_MIDSTREAM_DROP;
    return drop ? why : pm_emit_buffer(r, p, why);
}

enum pm_why pm_rewrite_tcp(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    const struct pm_side *side = &flow->sides[p->tracked.side];
    if (p->headers.tcp_flags & PM_SYN)
        note_syn_options(r, p);
    if ((p->headers.tcp_flags & PM_SYN) && flow->bypass == PM_WHY_MIDSTREAM)
        flow->bypass = PM_WHY_NONE; /* now its start is seen */
    if (flow->bypass)
        return pass_bypassed(r, p, (enum pm_why)flow->bypass);
    bool is_reset = p->headers.tcp_flags & PM_RST;
    if (side->may_replace && !is_half_active(r, p) && !is_reset) {
        enum pm_why why = activate(r, p);
        if (why != PM_WHY_NONE && !flow->stream) {
            flow->bypass = (uint8_t)why;
            return pass_bypassed(r, p, why);
        }
    }
    return flow->stream ? take_stream(r, p) : pm_emit_buffer(r, p, PM_WHY_NONE);
}
