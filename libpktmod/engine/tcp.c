/* tcp.c - one TCP segment of a flow that rules may rewrite: its bytes go through the edit log, its
 * numbers through the map.
 *
 *     SYN            begins a direction: from its ISN + 1 on, O = M
 *     [a,b) of O     new bytes are searched once and logged; what leaves is [img(a), img(b)) of M
 *     ack, SACK      lifted through the log of the other direction
 *     FIN, RST       behind everything logged
 *
 * Segments that come too early wait for what is missing; a tail that may still become a match waits
 * for what follows.
 */
#include "engine/segment.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "edit/sack.h"
#include "engine/external.h"
#include "engine/live.h"
#include "engine/options.h"
#include "engine/parts.h"
#include "engine/wait.h"
#include "wire/tcpopt.h"

#define TCP_SEQ 4
#define TCP_ACK 8

static const uint8_t *tcp_header(const struct pm_passage *p)
{
    return p->buffer + p->headers.l4_off;
}

/* From here on the flow passes as it is. Only before any edit. */
static void bypass(struct pm_rewriter *r, struct pm_rewriter_flow *flow, enum pm_why why)
{
    pm_stream_close(r, flow);
    flow->bypass = (uint8_t)why;
}

/* ------------------------------------------------------------------ SYN */

/* Until the other end answers, a SYN may be repeated with other options. */
static bool is_handshake(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    if (!flow->stream || !flow->syn[p->tracked.side].is_seen)
        return true;
    const struct pm_half *half = &pm_stream_at(r, flow->stream)->half[p->tracked.side];
    return !half->live.has_ack &&
           (!half->has_isn || half->isn == pm_get32(tcp_header(p) + TCP_SEQ));
}

static void note_syn_options(struct pm_rewriter *r, struct pm_passage *p)
{
    if (pm_is_live(r) && pm_packet_sum(r, p) == PM_SUM_WRONG)
        return;
    if (pm_is_live(r) && is_handshake(r, p))
        pm_rewriter_own(p)->syn[p->tracked.side] = pm_live_read_syn(tcp_header(p));
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
    bool is_open =
        flow->bypass || (flow->stream && pm_stream_is_edited(pm_stream_at(r, flow->stream)));
    if (is_open)
        return;
    if (flow->auth_syn == 3)
        bypass(r, flow, PM_WHY_TCP_AUTH);
    else if (flow->mptcp_syn == 3)
        bypass(r, flow, PM_WHY_MPTCP);
}

/* A SYN in a live flow: the same ISN is a retransmission; another one may be forged, and counts
 * only when a SYN-ACK answers it. True: the segment was a new SYN, and nothing moves. */
static bool is_new_syn(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
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
        pm_rewriter_own(p)->syn[1 - p->tracked.side] = s->peer->pending_syn;
        pm_rewriter_own(p)->syn[p->tracked.side] = pm_live_read_syn(tcp_header(p));
        pm_segment_release(r, s->half, PM_RELEASE_ALL);
        pm_segment_release(r, s->peer, PM_RELEASE_ALL);
        pm_stream_restart(r, s->stream, isn);
        return false;
    }
    s->half->has_pending_isn = true;
    s->half->pending_isn = seq;
    s->half->pending_syn = pm_live_read_syn(tcp_header(p));
    return true;
}

/* ------------------------------------------------------------------ acknowledgements */

/* The recorded receiver acknowledged original bytes; had it received the rewritten ones it would
 * have acknowledged their images. */
static uint64_t lift_ack(const struct pm_rewriter *r, const struct pm_half *peer, uint64_t ack_o)
{
    const struct pm_log *log = &peer->log;
    if (ack_o <= log->o_end)
        return pm_log_image_low(log, &r->store, ack_o);
    if (!log->is_stretched && !peer->is_waiting)
        return log->m_end + (ack_o - log->o_end);
    return log->m_end + (peer->fin_sent && ack_o > peer->fin_o ? 1 : 0);
}

static void lift(struct pm_rewriter *r, struct pm_passage *p, const struct pm_half *peer,
                 uint64_t ack_o)
{
    uint32_t ack = pm_get32(tcp_header(p) + TCP_ACK);
    uint32_t lifted = (uint32_t)lift_ack(r, peer, ack_o);
    pm_packet_sum(r, p);
    if (lifted != ack) {
        pm_fixup_l4_word32(&p->headers, p->buffer, TCP_ACK, lifted);
        p->is_changed = true;
    }
    if (pm_sack_lift(&p->headers, p->buffer, &peer->log, &r->store, peer->fin_sent))
        p->is_changed = true;
}

static void take_ack(struct pm_rewriter *r, struct pm_passage *p, const struct pm_segment *s)
{
    struct pm_half *peer = s->peer;
    if (!(s->flags & PM_ACK) || !peer->is_active)
        return;
    uint64_t ack_o = pm_seq_unwrap(peer->log.o_end, pm_get32(tcp_header(p) + TCP_ACK));
    pm_segment_acked(r, peer, ack_o);
    uint64_t known_o = ack_o < peer->log.o_end ? ack_o : peer->log.o_end;
    if (known_o > peer->acked_o)
        peer->acked_o = known_o;
    if (p->is_ack_lifted && (peer->log.is_stretched || peer->is_waiting))
        lift(r, p, peer, ack_o);
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
static enum pm_why send_same(struct pm_rewriter *r, struct pm_passage *p,
                             const struct pm_segment *s)
{
    pm_packet_sum(r, p);
    if (p->is_shown_rewritten)
        set_seq(p, s->m_low - ((s->flags & PM_SYN) ? 1 : 0));
    enum pm_why why = s->why;
    if (why == PM_WHY_NONE && p->is_changed)
        why = PM_WHY_FOLLOWED;
    return pm_emit_buffer(r, p, why);
}

/* ------------------------------------------------------------------ the line */

/* A view of one side shows what came in at that side, and what no rule may change in it, as
 * recorded. */
static bool is_shown_as_recorded(const struct pm_rewriter *r, const struct pm_passage *p,
                                 const struct pm_segment *s)
{
    return r->config.view != PM_VIEW_REWRITTEN && !(p->is_shown_rewritten && s->half->is_active);
}

/* A segment that no receiver takes teaches nothing. It is not sent on: with its numbers mapped it
 * might be taken. */
static enum pm_why refuse(struct pm_rewriter *r, struct pm_passage *p, const struct pm_segment *s,
                          enum pm_why why)
{
    pm_track_undo(&p->tracked);
    return is_shown_as_recorded(r, p, s) ? pm_emit_buffer(r, p, why) : why;
}

/* Whether numbers of the packet are no longer the original ones in what this view shows. */
static bool is_remapped(const struct pm_passage *p, const struct pm_segment *s)
{
    return (p->is_shown_rewritten && s->half->log.is_stretched) ||
           (p->is_ack_lifted && s->peer->log.is_stretched);
}

/* A packet that cannot be placed passes while the stream's numbers are still the original ones.
 * Live it does not: its receiver would read bytes that nobody searched. */
static enum pm_why unplaced(struct pm_rewriter *r, struct pm_passage *p, const struct pm_segment *s,
                            enum pm_why why)
{
    bool is_searched = pm_is_live(r) && s->half->is_active;
    if (!is_searched && !is_remapped(p, s))
        return pm_emit_buffer(r, p, why);
    pm_count_why(r, why);
    return PM_WHY_UNMAPPABLE;
}

static bool has_bad_flags(uint8_t flags)
{
    bool is_syn = flags & PM_SYN;
    return (is_syn && (flags & (PM_FIN | PM_RST))) || !(flags & (PM_SYN | PM_RST | PM_ACK));
}

/* A signature that this direction did not ask for in its SYN: no receiver takes it (RFC 2385). */
static bool has_stray_auth(const struct pm_passage *p, const struct pm_segment *s)
{
    bool is_asked = pm_rewriter_own(p)->auth_syn & (1u << p->tracked.side);
    struct pm_tcpopt option;
    if (is_asked || !s->half->has_isn || (s->flags & PM_SYN))
        return false;
    pm_tcpopt_begin(&option, tcp_header(p));
    while (pm_tcpopt_next(&option))
        if (option.kind == PM_OPT_MD5 || option.kind == PM_OPT_AO)
            return true;
    return false;
}

/* Truncated: what was not captured cannot be searched. */
static enum pm_why take_truncated(struct pm_rewriter *r, struct pm_passage *p,
                                  const struct pm_segment *s)
{
    if (pm_stream_is_edited(s->stream)) {
        if (is_shown_as_recorded(r, p, s) && !is_remapped(p, s))
            return pm_emit_buffer(r, p, PM_WHY_TRUNCATED);
        pm_count_why(r, PM_WHY_TRUNCATED);
        return PM_WHY_UNMAPPABLE;
    }
    pm_segment_release(r, s->half, PM_RELEASE_ALL);
    pm_segment_release(r, s->peer, PM_RELEASE_ALL);
    bypass(r, pm_rewriter_own(p), PM_WHY_TRUNCATED);
    return pm_emit_buffer(r, p, PM_WHY_TRUNCATED);
}

/* A direction that no rule reaches, or whose own SYN was not seen. */
static enum pm_why send_unlogged(struct pm_rewriter *r, struct pm_passage *p)
{
    if (pm_rewriter_own(p)->sides[p->tracked.side].may_replace && p->headers.payload_len > 0)
        return pm_emit_buffer(r, p, PM_WHY_MIDSTREAM);
    return pm_emit_buffer(r, p, p->is_changed ? PM_WHY_FOLLOWED : PM_WHY_NONE);
}

/* The rest of a segment's way once it is known to be sound. */
static enum pm_why take_segment(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s)
{
    if ((s->flags & PM_SYN) && is_new_syn(r, p, s)) {
        p->selection.has_replace = false;
        return pm_emit_buffer(r, p, PM_WHY_SYN_UNCONFIRMED);
    }
    if (pm_is_live(r))
        return pm_live_take(r, p, s);
    take_ack(r, p, s);
    if (!s->half->is_active)
        return send_unlogged(r, p);
    if (s->flags & PM_RST)
        pm_segment_release(r, s->half, PM_RELEASE_ALL);
    if (pm_external_has_ended(s->half, s->b))
        return PM_WHY_EXTERNAL_DROPPED;
    if (!pm_segment_place(r, p, s))
        return unplaced(r, p, s, PM_WHY_UNMAPPABLE);
    if (pm_external_has_ended(s->half, s->b))
        return PM_WHY_EXTERNAL_DROPPED;
    if (s->half->is_waiting)
        pm_wait_keep(r, p, s->half); /* what waits leaves with the newest headers */
    p->tracked.flow->is_pinned = pm_stream_is_stretched(s->stream) &&
                                 p->tracked.flow->fin_seen != 3 && !p->tracked.flow->rst_seen;
    if (s->is_same || !p->is_shown_rewritten)
        return send_same(r, p, s);
    pm_segment_send(r, p, s);
    if (s->why != PM_WHY_NONE)
        return s->why;
    return p->plan_count > 0 ? PM_WHY_EDITED : PM_WHY_FOLLOWED;
}

static void read_segment(const struct pm_rewriter *r, const struct pm_passage *p,
                         struct pm_segment *s)
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
    uint64_t near = s->half->is_active ? s->half->log.o_end : s->half->live.sent_m;
    s->a = near ? pm_seq_unwrap(near, seq) : PM_SEQ_BASE + seq;
    s->b = s->a + ((s->flags & PM_RST) ? 0 : h->payload_len);
}

static enum pm_why take_stream(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    struct pm_segment s;
    read_segment(r, p, &s);
    if (h->is_fragment || h->is_unmodifiable || h->payload_off > PM_LINK_ROOM)
        return unplaced(r, p, &s, h->is_fragment ? PM_WHY_FRAGMENT : PM_WHY_UNSUPPORTED);
    if (h->is_truncated)
        return take_truncated(r, p, &s);
    if (pm_packet_sum(r, p) == PM_SUM_WRONG)
        return refuse(r, p, &s, PM_WHY_BAD_CHECKSUM);
    if (has_bad_flags(s.flags))
        return refuse(r, p, &s, PM_WHY_BAD_FLAGS);
    if (has_stray_auth(p, &s))
        return refuse(r, p, &s, PM_WHY_TCP_AUTH);
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
    if (pm_is_live(r) && p->headers.is_unmodifiable)
        return PM_WHY_UNSUPPORTED;
    struct pm_stream *stream =
        flow->stream ? pm_stream_at(r, flow->stream) : pm_stream_open(r, flow);
    if (!stream)
        return PM_WHY_STREAMS_FULL;
    struct pm_half *half = &stream->half[p->tracked.side];
    half->isn = is_syn ? seq : seq - 1;
    half->has_isn = is_syn;
    pm_half_begin(half, half->isn + 1);
    half->has_gap = !is_syn;
    pm_parts_begin(r, p, stream);
    half->frames.is_lost = !is_syn;
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
    const struct pm_settings *settings = &r->policy->settings;
    bool drop = (why == PM_WHY_MIDSTREAM && settings->midstream == PM_MIDSTREAM_DROP) ||
                (why == PM_WHY_UNSUPPORTED && settings->rewrite_refused_drop) ||
                (why == PM_WHY_STREAMS_FULL && settings->engine_error_drop);
    return drop ? why : pm_emit_buffer(r, p, why);
}

/* Nothing in a signed SYN may change, and nothing is repaired. */
static bool is_clampable(const struct pm_rewriter *r, struct pm_passage *p)
{
    bool is_signed = pm_rewriter_own(p)->auth_syn & (1u << p->tracked.side);
    return !is_signed && p->is_shown_rewritten && !p->headers.is_fragment &&
           !p->headers.is_truncated && !p->headers.is_unmodifiable &&
           pm_packet_sum(r, p) != PM_SUM_WRONG;
}

static enum pm_why drop_unsound(struct pm_passage *p)
{
    pm_track_undo(&p->tracked);
    return PM_WHY_BAD_CHECKSUM;
}

enum pm_why pm_rewrite_tcp(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    const struct pm_side *side = &flow->sides[p->tracked.side];
    pm_options_edit(r, p);
    if (p->headers.tcp_flags & PM_SYN)
        note_syn_options(r, p);
    bool is_lasting = flow->bypass != PM_WHY_MIDSTREAM && flow->bypass != PM_WHY_UNSUPPORTED;
    if ((p->headers.tcp_flags & PM_SYN) && !is_lasting)
        flow->bypass = PM_WHY_NONE; /* now its start is seen */
    if (flow->bypass)
        return pass_bypassed(r, p, (enum pm_why)flow->bypass);
    if ((p->headers.tcp_flags & PM_SYN) && r->config.clamp_mss && is_clampable(r, p))
        pm_clamp_mss(r, p);
    bool is_reset = p->headers.tcp_flags & PM_RST;
    if (side->may_replace && !is_half_active(r, p) && !is_reset) {
        if (pm_is_live(r) && pm_packet_sum(r, p) == PM_SUM_WRONG)
            return drop_unsound(p); /* nothing begins with it */
        enum pm_why why = activate(r, p);
        if (why != PM_WHY_NONE && !flow->stream) {
            flow->bypass = (uint8_t)why;
            return pass_bypassed(r, p, why);
        }
    }
    return flow->stream ? take_stream(r, p) : pm_emit_buffer(r, p, PM_WHY_NONE);
}
