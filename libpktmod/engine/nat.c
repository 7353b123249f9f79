/* nat.c - mapping flows to other ends; the contract is in nat.h. */
#include "engine/nat.h"

#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "wire/icmpquote.h"
#include "wire/tcpopt.h"

#define PORT_TRIES      256u
#define FIRST_FREE_PORT 1024u
#define NAT_DRAWS       UINT64_C(0x6e61742d706f7274) /* instead of a rule's hash */
#define ECHOES_MOST     64u                          /* identifiers of one ICMP flow */

#define SECOND_NS   UINT64_C(1000000000)
#define CLOSED_NS   (60 * SECOND_NS)
#define RESET_NS    (10 * SECOND_NS)
#define UDP_IDLE_NS (300 * SECOND_NS)
#define IDLE_NS     (60 * SECOND_NS)

/* What became of a flow's question for a mapping. */
enum nat_state { NAT_OPEN, NAT_DECLINED, NAT_MAPPED };

static bool is_proto(const struct pm_headers *h, uint8_t proto)
{
    return h->parse == PM_PARSE_L4 && h->ip_proto == proto;
}

static bool is_icmp(const struct pm_headers *h)
{
    return is_proto(h, PM_PROTO_ICMP) || is_proto(h, PM_PROTO_ICMP6);
}

/* ------------------------------------------------------------------ arriving */

/* In a recording the answers have near ends already, and another flow may own these. */
static bool is_recorded_flow(struct pm_rewriter *r, const struct pm_headers *h)
{
    struct pm_flow_key key;
    if (pm_is_live(r))
        return false;
    pm_flow_key_make(h, &key);
    return pm_flow_find(&r->flows, &key, pm_flow_hash(&r->flows, &key), r->now_ns);
}

static void read_ends_anew(struct pm_headers *h)
{
    if (!is_proto(h, PM_PROTO_TCP) && !is_proto(h, PM_PROTO_UDP))
        return;
    h->src_port = pm_get16(pm_l4(h));
    h->dst_port = pm_get16(pm_l4(h) + 2);
}

void pm_nat_arrive(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_flow_key key;
    unsigned side;
    if (r->mappings.pool.used == 0)
        return;
    if (is_icmp(&p->headers) && !pm_icmp_has_id(&p->headers)) {
        pm_nat_quote_arrive(r, p);
        return;
    }
    if (!pm_nat_key_make(&p->headers, &key, &side))
        return;
    const struct pm_mapping *m = pm_mappings_far(&r->mappings, &key);
    if (!m || side == m->far_side || is_recorded_flow(r, &p->headers))
        return;
    pm_packet_read_sum(r, p);
    pm_nat_write(&p->headers, p->buffer, &m->near, 1 - m->near_side, true);
    read_ends_anew(&p->headers);
    p->is_changed = true;
}

bool pm_nat_knows(const struct pm_rewriter *r, const struct pm_headers *h)
{
    struct pm_flow_key key;
    unsigned side;
    return r->mappings.pool.used > 0 && pm_nat_key_make(h, &key, &side) &&
           (pm_mappings_far(&r->mappings, &key) || pm_mappings_near(&r->mappings, &key));
}

/* ------------------------------------------------------------------ the ends a rule wants */

struct wish {
    struct pm_nat_end src, dst;
    bool is_port_named; /* of the source: no other will do */
    uint32_t rule;      /* last one that named anything; PM_NO_RULE */
};

static bool wants_port(const struct pm_headers *h, enum pm_field field, bool *is_src)
{
    *is_src = field == PM_FIELD_L4_SRCPORT || field == PM_FIELD_TCP_SRCPORT ||
              field == PM_FIELD_UDP_SRCPORT;
    switch ((int)field) {
    case PM_FIELD_TCP_SRCPORT:
    case PM_FIELD_TCP_DSTPORT:
        return is_proto(h, PM_PROTO_TCP);
    case PM_FIELD_UDP_SRCPORT:
    case PM_FIELD_UDP_DSTPORT:
        return is_proto(h, PM_PROTO_UDP);
    case PM_FIELD_L4_SRCPORT:
    case PM_FIELD_L4_DSTPORT:
        return is_proto(h, PM_PROTO_TCP) || is_proto(h, PM_PROTO_UDP);
    default:
        return false;
    }
}

static bool take_wish(struct wish *w, const struct pm_headers *h, const struct pm_assign *nat)
{
    bool is_src;
    if (nat->field == PM_FIELD_IP_SRC || nat->field == PM_FIELD_IP_DST) {
        struct pm_nat_end *end = nat->field == PM_FIELD_IP_SRC ? &w->src : &w->dst;
        if (nat->addr.version != h->ip_version)
            return false;
        memcpy(end->addr, nat->addr.bytes, h->ip_version == 4 ? 4 : 16);
        return true;
    }
    if (nat->field == PM_FIELD_ICMP_IDENT && is_icmp(h)) {
        w->src.port = w->dst.port = (uint16_t)nat->number;
        w->is_port_named = true;
        return true;
    }
    if (!wants_port(h, nat->field, &is_src))
        return false;
    *(is_src ? &w->src.port : &w->dst.port) = (uint16_t)nat->number;
    w->is_port_named |= is_src;
    return true;
}

static struct pm_nat_end end_of(const struct pm_flow_key *key, unsigned side)
{
    struct pm_nat_end end;
    memcpy(end.addr, key->addr[side], sizeof end.addr);
    end.port = key->port[side];
    return end;
}

static struct wish wish_of(struct pm_rewriter *r, const struct pm_passage *p,
                           const struct pm_flow_key *near, unsigned side)
{
    struct wish w = {.src = end_of(near, side), .dst = end_of(near, 1 - side), .rule = PM_NO_RULE};
    for (uint32_t i = 0; i < p->selection.count; i++) {
        const struct pm_rule *rule = &r->policy->rules[p->selection.rules[i]];
        for (uint32_t k = 0; rule->has_nat && k < rule->op_count; k++) {
            const struct pm_op *op = &r->policy->ops[rule->first_op + k];
            if (op->kind != PM_OP_NAT)
                continue;
            if (take_wish(&w, &p->headers, &op->assign))
                w.rule = p->selection.rules[i];
            else
                pm_count_why(r, PM_WHY_FIELD_ABSENT);
        }
    }
    return w;
}

/* ------------------------------------------------------------------ far ends that are free */

static bool is_flow_over(const struct pm_rewriter *r, const struct pm_flow *flow)
{
    uint64_t idle_ns = r->now_ns - flow->last_ns;
    if (flow->key.ip_proto == PM_PROTO_UDP)
        return idle_ns >= UDP_IDLE_NS;
    if (flow->key.ip_proto != PM_PROTO_TCP)
        return idle_ns >= IDLE_NS;
    return (flow->rst_seen && idle_ns >= RESET_NS) || (flow->fin_seen == 3 && idle_ns >= CLOSED_NS);
}

static void unlink_echo(struct pm_rewriter *r, const struct pm_mapping *m)
{
    struct pm_rewriter_flow *own = pm_flow_own(m->flow);
    uint32_t *link = &own->mapping, index = pm_mapping_index(&r->mappings, m);
    while (*link != index + 1)
        link = &pm_mapping_at(&r->mappings, *link - 1)->sibling;
    *link = m->sibling;
    own->mappings--;
}

/* A mapping that nobody needs any more gives way. True: it did. */
static bool give_way(struct pm_rewriter *r, struct pm_mapping *m)
{
    bool is_echo = m->near.ip_proto == PM_PROTO_ICMP || m->near.ip_proto == PM_PROTO_ICMP6;
    if (is_echo ? r->now_ns - m->last_ns < IDLE_NS : !is_flow_over(r, m->flow))
        return false;
    if (!is_echo) {
        pm_flow_forget(&r->flows, m->flow);
        return true;
    }
    unlink_echo(r, m);
    pm_mappings_remove(&r->mappings, m);
    return true;
}

/* Whether another flow leaves with these ends. */
static bool is_taken(struct pm_rewriter *r, const struct pm_passage *p,
                     const struct pm_flow_key *far)
{
    struct pm_mapping *m = pm_mappings_far(&r->mappings, far);
    if (m && !give_way(r, m))
        return true;
    if (far->ip_proto == PM_PROTO_ICMP || far->ip_proto == PM_PROTO_ICMP6)
        return pm_mappings_near(&r->mappings, far);
    struct pm_flow *flow = pm_flow_find(&r->flows, far, pm_flow_hash(&r->flows, far), r->now_ns);
    if (!flow)
        return false;
    const struct pm_rewriter_flow *own = pm_flow_own(flow);
    return flow == p->tracked.flow || (own->nat != NAT_MAPPED && !is_flow_over(r, flow));
}

static uint16_t draw_port(const struct pm_rewriter *r, const struct pm_mapping *m, uint16_t port,
                          uint32_t count)
{
    bool is_low = port > 0 && port < FIRST_FREE_PORT;
    uint32_t first = is_low ? 1 : FIRST_FREE_PORT, end = is_low ? FIRST_FREE_PORT : 65536;
    uint64_t draw = pm_draw(r->config.seed, NAT_DRAWS, m->flow->hash ^ port, count);
    return (uint16_t)(first + pm_draw_below(draw, end - first));
}

static bool find_far(struct pm_rewriter *r, const struct pm_passage *p, struct wish *w,
                     struct pm_mapping *m)
{
    uint16_t port = w->src.port;
    bool is_echo = is_icmp(&p->headers);
    for (uint32_t i = 0; i <= PORT_TRIES; i++) {
        unsigned side;
        if (i > 0)
            w->src.port = draw_port(r, m, port, i);
        if (is_echo)
            w->dst.port = w->src.port;
        pm_nat_key_of(&m->near, &w->src, &w->dst, &m->far, &side);
        m->far_side = (uint8_t)side;
        if (!is_taken(r, p, &m->far))
            return true;
        if (w->is_port_named || !m->near.has_ports)
            return false;
    }
    return false;
}

/* ------------------------------------------------------------------ deciding */

static bool is_signed(const struct pm_headers *h)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, pm_l4(h));
    while (pm_tcpopt_next(&option))
        if (option.kind == PM_OPT_MD5 || option.kind == PM_OPT_AO)
            return true;
    return false;
}

static bool is_query(const struct pm_headers *h)
{
    uint8_t type = *pm_l4(h);
    return h->ip_version == 6 ? type == 128 : type == 8 || type == 13 || type == 15 || type == 17;
}

/* Why the flow cannot be mapped although a rule wants it; NONE: it can. */
static enum pm_why obstacle(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    bool is_tcp = is_proto(h, PM_PROTO_TCP);
    if (is_tcp && !(h->tcp_flags & PM_SYN) && r->policy->settings.midstream != PM_MIDSTREAM_REWRITE)
        return PM_WHY_MIDSTREAM;
    return is_tcp && is_signed(h) ? PM_WHY_TCP_AUTH : PM_WHY_NONE;
}

/* An ICMP flow's oldest identifier gives way to another one. */
static void make_room_for_echo(struct pm_rewriter *r, struct pm_rewriter_flow *own)
{
    if (own->mappings < ECHOES_MOST)
        return;
    struct pm_mapping *oldest = pm_mapping_at(&r->mappings, own->mapping - 1);
    while (oldest->sibling != 0)
        oldest = pm_mapping_at(&r->mappings, oldest->sibling - 1);
    unlink_echo(r, oldest);
    pm_mappings_remove(&r->mappings, oldest);
}

static enum pm_why map_flow(struct pm_rewriter *r, struct pm_passage *p,
                            const struct pm_flow_key *near, unsigned side)
{
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    struct pm_mapping m = {.near = *near,
                           .near_side = (uint8_t)side,
                           .flow = p->tracked.flow,
                           .last_ns = r->now_ns,
                           .dir = (uint8_t)p->tracked.dir};
    struct wish w = wish_of(r, p, near, side);
    struct pm_nat_end src = end_of(near, side), dst = end_of(near, 1 - side);
    own->nat = NAT_DECLINED;
    if (w.rule == PM_NO_RULE ||
        (memcmp(w.src.addr, src.addr, sizeof src.addr) == 0 && w.src.port == src.port &&
         memcmp(w.dst.addr, dst.addr, sizeof dst.addr) == 0 && w.dst.port == dst.port))
        return PM_WHY_NONE;
    enum pm_why why = obstacle(r, p);
    if (why != PM_WHY_NONE)
        return why;
    if (!find_far(r, p, &w, &m))
        return PM_WHY_NAT_COLLISION;
    make_room_for_echo(r, own);
    m.rule = w.rule;
    m.sibling = own->mapping;
    const struct pm_mapping *made = pm_mappings_add(&r->mappings, &m);
    if (!made)
        return PM_WHY_NAT_FULL;
    own->nat = NAT_MAPPED;
    own->mapping = pm_mapping_index(&r->mappings, made) + 1;
    own->mappings++;
    return PM_WHY_NONE;
}

/* Its own ends are those that a mapped flow leaves with: its answers would go to that. */
static bool is_alien(const struct pm_rewriter *r, const struct pm_flow_key *key, unsigned side)
{
    const struct pm_mapping *m = pm_mappings_far(&r->mappings, key);
    return m && side == m->far_side && pm_is_live(r);
}

static enum pm_why decide_flow(struct pm_rewriter *r, struct pm_passage *p,
                               const struct pm_flow_key *key, unsigned side)
{
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    enum pm_why why = map_flow(r, p, key, side);
    if (own->nat == NAT_DECLINED && why == PM_WHY_NONE && is_alien(r, key, side))
        why = PM_WHY_NAT_COLLISION;
    own->nat_why = (uint8_t)why;
    return why;
}

static enum pm_why decide_echo(struct pm_rewriter *r, struct pm_passage *p,
                               const struct pm_flow_key *key, unsigned side)
{
    struct pm_mapping *m = pm_mappings_near(&r->mappings, key);
    if (!m && is_query(&p->headers)) {
        enum pm_why why = map_flow(r, p, key, side);
        if (why != PM_WHY_NONE)
            return why;
        m = pm_mappings_near(&r->mappings, key);
    }
    if (m)
        m->last_ns = r->now_ns;
    return PM_WHY_NONE;
}

enum pm_why pm_nat_decide(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_flow_key key;
    unsigned side;
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    bool is_syn = is_proto(&p->headers, PM_PROTO_TCP) && (p->headers.tcp_flags & PM_SYN);
    if (own->nat_why == PM_WHY_MIDSTREAM && is_syn)
        own->nat = own->nat_why = 0; /* now its start is seen */
    if (!is_icmp(&p->headers) && own->nat != NAT_OPEN)
        return (enum pm_why)own->nat_why;
    if (!pm_nat_key_make(&p->headers, &key, &side))
        return PM_WHY_NONE;
    return is_icmp(&p->headers) ? decide_echo(r, p, &key, side) : decide_flow(r, p, &key, side);
}

bool pm_nat_lets_pass(const struct pm_rewriter *r, enum pm_why why)
{
    const struct pm_settings *settings = &r->policy->settings;
    if (why == PM_WHY_MIDSTREAM)
        return settings->midstream != PM_MIDSTREAM_DROP;
    return why == PM_WHY_NAT_FULL ? !settings->engine_error_drop : !settings->rewrite_refused_drop;
}

/* ------------------------------------------------------------------ leaving */

bool pm_nat_shows_far(const struct pm_rewriter *r, const struct pm_mapping *m, bool is_forward)
{
    if (pm_is_live(r))
        return is_forward;
    switch (r->config.view) {
    case PM_VIEW_REWRITTEN:
        return true;
    case PM_VIEW_WIRE:
        return m->dir != PM_DIR_IN;
    case PM_VIEW_HOST:
        return m->dir == PM_DIR_IN;
    }
    return true;
}

/* The mapping of the packet's own ends. */
static const struct pm_mapping *mapping_of(const struct pm_rewriter *r, const struct pm_passage *p,
                                           bool *is_forward)
{
    const struct pm_mapping *m = NULL;
    unsigned side = p->tracked.side;
    struct pm_flow_key key;
    if (!p->tracked.flow || pm_rewriter_own(p)->mapping == 0)
        return NULL;
    if (!is_icmp(&p->headers))
        m = pm_mapping_at(&r->mappings, pm_rewriter_own(p)->mapping - 1);
    else if (pm_nat_key_make(&p->headers, &key, &side))
        m = pm_mappings_near(&r->mappings, &key);
    *is_forward = m && side == m->near_side;
    return m;
}

bool pm_nat_is_leaving(const struct pm_rewriter *r, const struct pm_passage *p)
{
    bool is_forward;
    if (r->mappings.pool.used == 0)
        return false;
    const struct pm_mapping *m = mapping_of(r, p, &is_forward);
    return m ? pm_nat_shows_far(r, m, is_forward) : pm_nat_quote_leaves(r, p) != NULL;
}

bool pm_nat_leave(struct pm_rewriter *r, struct pm_passage *p, uint8_t *frame)
{
    bool is_forward = false;
    if (r->mappings.pool.used == 0)
        return false;
    const struct pm_mapping *m = mapping_of(r, p, &is_forward);
    if (!m && (m = pm_nat_quote_leaves(r, p)) != NULL) {
        pm_nat_quote_write(p, frame, m, true);
        p->is_quote = true;
        return true;
    }
    if (!m || !pm_nat_shows_far(r, m, is_forward))
        return false;
    pm_nat_write(&p->headers, frame, &m->far, is_forward ? m->far_side : 1 - m->far_side, true);
    p->header_rule = m->rule;
    pm_count_rule(r, p, m->rule);
    return true;
}

void pm_nat_forget(struct pm_rewriter *r, struct pm_flow *flow)
{
    struct pm_rewriter_flow *own = pm_flow_own(flow);
    while (own->mapping != 0) {
        struct pm_mapping *m = pm_mapping_at(&r->mappings, own->mapping - 1);
        own->mapping = m->sibling;
        pm_mappings_remove(&r->mappings, m);
    }
    own->mappings = 0;
}
