/* track.c - finding the packet's flow; the contract is in track.h. */
#include "flow/track.h"

#include "base/bytes.h"

#define FIRST_UNPRIVILEGED_PORT 1024

static bool is_tcp(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP;
}

static bool sender_began(const struct pm_headers *h, const struct pm_flow_key *key)
{
    if (is_tcp(h) && (h->tcp_flags & PM_SYN))
        return !(h->tcp_flags & PM_ACK);
    if (!key->has_ports)
        return true;
    bool src_is_low = h->src_port < FIRST_UNPRIVILEGED_PORT;
    bool dst_is_low = h->dst_port < FIRST_UNPRIVILEGED_PORT;
    return src_is_low && !dst_is_low ? false : true;
}

static bool is_closed(const struct pm_flow *flow)
{
    return flow->rst_seen || flow->fin_seen == 3;
}

static void begin(struct pm_flow *flow, const struct pm_headers *h, unsigned side)
{
    flow->client = (uint8_t)(sender_began(h, &flow->key) ? side : 1 - side);
    flow->is_midstream = is_tcp(h) && !(h->tcp_flags & PM_SYN);
}

static void note_tcp(struct pm_flow *flow, const struct pm_headers *h, unsigned side)
{
    if (h->tcp_flags & PM_SYN)
        flow->syn_seen |= (uint8_t)(1u << side);
    if (h->tcp_flags & PM_FIN)
        flow->fin_seen |= (uint8_t)(1u << side);
    if (h->tcp_flags & PM_RST)
        flow->rst_seen = 1;
}

/* Half-open until both SYNs were seen or, from the middle on, the flow shows data or bare ACKs. */
static enum pm_flow_queue queue_for(const struct pm_flow *flow)
{
    bool is_half_open = flow->key.ip_proto == PM_PROTO_TCP && flow->key.has_ports &&
                        !flow->is_midstream && flow->syn_seen != 3;
    return is_half_open ? PM_FLOW_HALF_OPEN : PM_FLOW_SETTLED;
}

static enum pm_dir direction(struct pm_flow *flow, unsigned side, enum pm_dir given)
{
    if (given != PM_DIR_UNKNOWN) {
        flow->host_side = (uint8_t)(given == PM_DIR_OUT ? side : 1 - side);
        return given;
    }
    if (flow->host_side > 1)
        flow->host_side = flow->client;
    return side == flow->host_side ? PM_DIR_OUT : PM_DIR_IN;
}

/* Without a flow the packet is judged as if it were the first of one. */
static void track_alone(const struct pm_headers *h, const struct pm_flow_key *key,
                        enum pm_dir given, struct pm_tracked *out)
{
    out->flow = NULL;
    out->is_new = true;
    out->to_server = sender_began(h, key);
    out->dir = given != PM_DIR_UNKNOWN ? given : out->to_server ? PM_DIR_OUT : PM_DIR_IN;
}

static bool may_renew(const struct pm_flow_table *t, const struct pm_flow *flow,
                      const struct pm_headers *h, unsigned side)
{
    return !t->may_renew || t->may_renew(t->context, flow, side, pm_get32(pm_l4(h) + 4));
}

void pm_track(struct pm_flow_table *t, const struct pm_headers *h, enum pm_dir given,
              bool may_begin, uint64_t now_ns, struct pm_tracked *out)
{
    struct pm_flow_key key;
    out->side = pm_flow_key_make(h, &key);
    uint64_t hash = pm_flow_hash(t, &key);
    struct pm_flow *flow = pm_flow_find(t, &key, hash, now_ns);
    bool is_syn = is_tcp(h) && (h->tcp_flags & (PM_SYN | PM_ACK | PM_RST | PM_FIN)) == PM_SYN;

    out->is_new = !flow;
    if (!flow)
        flow = pm_flow_add(t, &key, hash, PM_FLOW_HALF_OPEN, now_ns);
    if (!flow) {
        track_alone(h, &key, given, out);
        return;
    }
    if (!out->is_new && is_syn && may_begin && is_closed(flow) &&
        may_renew(t, flow, h, out->side)) {
        pm_flow_renew(t, flow);
        out->is_new = true;
    }
    if (out->is_new)
        begin(flow, h, out->side);
    out->syn_before = flow->syn_seen;
    out->fin_before = flow->fin_seen;
    out->rst_before = flow->rst_seen;
    if (is_tcp(h))
        note_tcp(flow, h, out->side);
    pm_flow_touch(t, flow, queue_for(flow), now_ns);
    out->flow = flow;
    out->to_server = out->side == flow->client;
    out->dir = direction(flow, out->side, given);
}

void pm_track_undo(const struct pm_tracked *tracked)
{
    if (!tracked->flow)
        return;
    tracked->flow->syn_seen = tracked->syn_before;
    tracked->flow->fin_seen = tracked->fin_before;
    tracked->flow->rst_seen = tracked->rst_before;
}
