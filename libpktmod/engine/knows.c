/* knows.c - which packets a rewriter alone can map, once another one has its place. */
#include "engine/live.h"
#include "engine/nat.h"
#include "wire/icmpquote.h"

#define SECOND_NS UINT64_C(1000000000)
#define BEGIN_NS  (20 * SECOND_NS) /* a SYN is sent again */
#define END_NS    (60 * SECOND_NS) /* and what was not acknowledged when both ends had ended */
#define ENDED_NS  (1 * SECOND_NS)  /* copies of last acknowledgements */

static bool is_over(const struct pm_flow *flow)
{
    return flow->rst_seen || flow->fin_seen == 3;
}

static bool is_tcp(const struct pm_flow *flow)
{
    return flow->key.ip_proto == PM_PROTO_TCP && flow->key.has_ports;
}

/* All that was rewritten has arrived. */
static bool is_settled(const struct pm_rewriter *r, const struct pm_rewriter_flow *own)
{
    const struct pm_stream *stream = own->stream ? pm_stream_at(r, own->stream) : NULL;
    for (unsigned side = 0; stream && side < 2; side++) {
        const struct pm_half *half = &stream->half[side];
        if (half->is_active && half->live.acked_m < half->live.sent_m + half->fin_sent)
            return false;
    }
    return true;
}

static uint64_t lasts_ns(const struct pm_rewriter *r, const struct pm_flow *flow)
{
    if (flow->rst_seen)
        return ENDED_NS;
    if (flow->fin_seen == 3)
        return is_settled(r, pm_flow_own_const(flow)) ? ENDED_NS : END_NS;
    return flow->queue == PM_FLOW_HALF_OPEN ? BEGIN_NS : r->flows.idle_ns;
}

/* Its connection goes on, or may still be spoken of; or its ends are mapped. */
static bool is_lasting(const struct pm_rewriter *r, const struct pm_flow *flow, uint64_t now_ns)
{
    const struct pm_rewriter_flow *own = pm_flow_own_const(flow);
    uint64_t quiet_ns = now_ns > flow->last_ns ? now_ns - flow->last_ns : 0;
    if (!is_tcp(flow))
        return own->mapping != 0 && quiet_ns <= END_NS;
    return quiet_ns <= lasts_ns(r, flow);
}

static bool begins(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP &&
           (h->tcp_flags & (PM_SYN | PM_ACK)) == PM_SYN;
}

static bool has_flow(struct pm_rewriter *r, const struct pm_headers *h, uint64_t now_ns)
{
    struct pm_flow_key key;
    if (h->parse != PM_PARSE_L4)
        return false;
    if (pm_nat_knows(r, h))
        return true;
    pm_flow_key_make(h, &key);
    const struct pm_flow *flow =
        pm_flow_find(&r->flows, &key, pm_flow_hash(&r->flows, &key), now_ns);
    return flow && is_lasting(r, flow, now_ns) && !(begins(h) && is_over(flow));
}

bool pm_rewriter_knows(struct pm_rewriter *rewriter, const struct pm_packet *packet,
                       uint64_t now_ns)
{
    struct pm_headers headers;
    struct pm_icmpquote quote;
    if (rewriter->flows.pool.used == 0)
        return false;
    if (now_ns < rewriter->now_ns)
        now_ns = rewriter->now_ns;
    pm_headers_parse(packet->link, packet->data, packet->len, packet->wire_len, &headers);
    if (headers.parse == PM_PARSE_L4 && pm_icmpquote_read(&headers, &quote))
        return has_flow(rewriter, &quote.headers, now_ns);
    return has_flow(rewriter, &headers, now_ns);
}

bool pm_rewriter_is_needed(const struct pm_rewriter *rewriter, uint64_t now_ns)
{
    const struct pm_flow_table *t = &rewriter->flows;
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++)
        for (uint32_t i = t->newest[q]; i != PM_NIL;) {
            const struct pm_flow *flow = pm_pool_at(&t->pool, i);
            if (is_lasting(rewriter, flow, now_ns))
                return true;
            i = flow->older;
        }
    return false;
}
