/* quote.c - mapping quoted numbers; the contract is in quote.h. */
#include "engine/quote.h"

#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "wire/icmpquote.h"

#define TCP_SEQ      4
#define TCP_ACK      8
#define TCP_FLAGS    13
#define TCP_CHECKSUM 16

/* Less than this no error makes segments (RFC 791: every host takes 576; RFC 8200: every link). */
#define LEAST_MTU_V4 576u
#define LEAST_MTU_V6 1280u

/* A quoted segment and its stream. */
struct quote {
    struct pm_icmpquote read;
    struct pm_half *half, *peer; /* half: of its own direction */
    bool shows_seq, shows_ack;   /* the view shows these mapped */
};

static const uint8_t *tcp_of(const struct pm_passage *p, const struct quote *q)
{
    return p->buffer + q->read.l4_off;
}

static bool find_stream(struct pm_rewriter *r, struct quote *q)
{
    struct pm_flow_key key;
    unsigned side = pm_flow_key_make(&q->read.headers, &key);
    struct pm_flow *flow = pm_flow_find(&r->flows, &key, pm_flow_hash(&r->flows, &key), r->now_ns);
    const struct pm_rewriter_flow *own = flow ? pm_flow_own(flow) : NULL;
    if (!own || !own->stream)
        return false;
    struct pm_stream *stream = pm_stream_at(r, own->stream);
    q->half = &stream->half[side];
    q->peer = &stream->half[1 - side];
    return true;
}

/* The quoted packet went the other way, and a view of one side shows it as that side saw it. */
static void see_view(const struct pm_rewriter *r, const struct pm_passage *p, struct quote *q)
{
    bool is_both = r->config.view == PM_VIEW_REWRITTEN;
    q->shows_seq = is_both || !p->is_shown_rewritten;
    q->shows_ack = is_both || p->is_shown_rewritten;
}

static bool has_flag(const struct pm_passage *p, const struct quote *q, uint8_t flag)
{
    return q->read.l4_len > TCP_FLAGS && (tcp_of(p, q)[TCP_FLAGS] & flag);
}

/* Quotes that end before the flags: a segment without an acknowledgement has zero there. */
static bool has_ack(const struct pm_passage *p, const struct quote *q)
{
    if (q->read.l4_len > TCP_FLAGS)
        return has_flag(p, q, PM_ACK);
    return q->read.l4_len >= TCP_ACK + 4 && pm_get32(tcp_of(p, q) + TCP_ACK) != 0;
}

/* Writes a number of the quoted header. Its checksum is of the quoted packet, in whose own terms
 * both words stand at even places; the error's covers all three. */
static void write_number(struct pm_passage *p, const struct quote *q, uint32_t off, uint32_t value)
{
    const struct pm_headers *h = &p->headers;
    uint32_t at = q->read.l4_off - h->l4_off;
    uint32_t old = pm_get32(tcp_of(p, q) + off);
    uint8_t sum[2];
    if (old == value)
        return;
    p->is_changed = p->is_quote = true;
    pm_fixup_l4_word32(h, p->buffer, at + off, value);
    if (q->read.l4_len < TCP_CHECKSUM + 2)
        return;
    pm_put16(sum, pm_checksum_update32(pm_get16(tcp_of(p, q) + TCP_CHECKSUM), old, value));
    pm_fixup_l4_bytes(h, p->buffer, at + TCP_CHECKSUM, sum, sizeof sum);
}

/* Acknowledgements of the other direction: original positions become their images. */
static void map_ack(const struct pm_rewriter *r, struct pm_passage *p, const struct quote *q)
{
    const struct pm_log *log = &q->peer->log;
    if (!q->shows_ack || !q->peer->is_active || !log->is_stretched || !has_ack(p, q))
        return;
    uint64_t o = pm_seq_unwrap(log->o_end, pm_get32(tcp_of(p, q) + TCP_ACK));
    if (o < q->peer->begin_o)
        return;
    uint64_t m = o <= log->o_end ? pm_log_image_low(log, &r->store, o) : log->m_end;
    if (o > log->o_end && q->peer->fin_sent)
        m++;
    write_number(p, q, TCP_ACK, (uint32_t)m);
}

static void take_mtu(const struct pm_passage *p, const struct quote *q)
{
    struct pm_live *live = &q->half->live;
    uint32_t least = p->headers.ip_version == 4 ? LEAST_MTU_V4 : LEAST_MTU_V6;
    uint32_t mtu = q->read.mtu > least ? q->read.mtu : least;
    if (q->read.mtu == 0 || mtu > UINT16_MAX || (live->pmtu != 0 && live->pmtu <= mtu))
        return;
    live->pmtu = (uint16_t)mtu;
}

static void map_live(const struct pm_rewriter *r, struct pm_passage *p, const struct quote *q)
{
    const struct pm_half *half = q->half;
    uint64_t end = half->live.sent_m + half->fin_sent;
    uint64_t m = pm_seq_unwrap(half->live.sent_m, pm_get32(tcp_of(p, q) + TCP_SEQ));
    if (half->is_active && m > end)
        return;
    map_ack(r, p, q);
    if (!half->is_active || m < half->begin_o)
        return;
    if (m >= half->live.acked_m && half->live.acked_m < end)
        take_mtu(p, q);
    if (half->log.is_stretched)
        write_number(p, q, TCP_SEQ, (uint32_t)pm_log_pre_max(&half->log, &r->store, m));
}

static void map_replay(const struct pm_rewriter *r, struct pm_passage *p, const struct quote *q)
{
    const struct pm_log *log = &q->half->log;
    map_ack(r, p, q);
    if (!q->shows_seq || !q->half->is_active || !log->is_stretched)
        return;
    uint64_t o = pm_seq_unwrap(log->o_end, pm_get32(tcp_of(p, q) + TCP_SEQ));
    if (o >= q->half->begin_o)
        write_number(p, q, TCP_SEQ, (uint32_t)pm_log_image_low(log, &r->store, o));
}

void pm_quote_map(struct pm_rewriter *r, struct pm_passage *p)
{
    struct quote q;
    if (r->streams.used == 0 || !pm_icmpquote_read(&p->headers, &q.read) ||
        q.read.headers.ip_proto != PM_PROTO_TCP || !find_stream(r, &q) || has_flag(p, &q, PM_SYN))
        return;
    see_view(r, p, &q);
    pm_packet_sum(r, p); /* as it came */
    switch (r->config.mode) {
    case PM_MODE_REPLAY:
        map_replay(r, p, &q);
        break;
    case PM_MODE_LIVE:
        map_live(r, p, &q);
        break;
    }
}
