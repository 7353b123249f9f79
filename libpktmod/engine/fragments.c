/* fragments.c - fragments that wait, and what leaves for them; the contract is in fragments.h. */
#include "engine/fragments.h"

#include <stdlib.h>

#include "engine/nat.h"
#include "wire/ipv6ext.h"

/* The engine's own part of a datagram. */
struct own {
    bool flow_is_new; /* its first fragment began the flow */
};

static struct own *own_of(struct pm_datagram *d)
{
    return pm_datagram_own(d);
}

/* ------------------------------------------------------------------ life */

static struct pm_reassembly_limits limits_of(const struct pm_rewriter_config *config)
{
    return (struct pm_reassembly_limits){.datagrams = config->datagrams,
                                         .source_datagrams = config->source_datagrams,
                                         .fragments = config->datagram_fragments,
                                         .bytes = config->fragment_bytes,
                                         .timeout_ns = config->fragment_ms * UINT64_C(1000000)};
}

size_t pm_fragments_footprint(const struct pm_rewriter_config *config)
{
    struct pm_reassembly_limits limits = limits_of(config);
    return pm_reassembly_footprint(&limits, sizeof(struct own)) + 2 * (size_t)PM_REASSEMBLY_ROOM;
}

static void release(struct pm_rewriter *r, const struct pm_datagram *d, enum pm_why why);
static void discard(struct pm_rewriter *r, const struct pm_datagram *d, uint32_t until,
                    enum pm_why why);

/* The fragments, not their number, are what a report counts. */
static void give_up(struct pm_rewriter *r, struct pm_datagram *d, enum pm_why why)
{
    switch (r->config.mode) {
    case PM_MODE_REPLAY:
        release(r, d, why);
        break;
    case PM_MODE_LIVE:
        discard(r, d, PM_NIL, why);
        break;
    }
}

static void on_give_up(void *context, struct pm_datagram *datagram, enum pm_give_up why)
{
    give_up(context, datagram,
            why == PM_GIVE_UP_TIMEOUT ? PM_WHY_FRAGMENT_TIMEOUT : PM_WHY_FRAGMENTS_FULL);
}

bool pm_fragments_init(struct pm_rewriter *r)
{
    struct pm_reassembly_limits limits = limits_of(&r->config);
    r->whole = malloc(PM_REASSEMBLY_ROOM);
    r->piece = malloc(PM_REASSEMBLY_ROOM);
    if (!r->whole || !r->piece ||
        !pm_reassembly_init(&r->fragments, &limits, sizeof(struct own), r->config.hash_key))
        return false;
    r->fragments.on_give_up = on_give_up;
    r->fragments.context = r;
    return true;
}

void pm_fragments_release(struct pm_rewriter *r)
{
    pm_reassembly_release(&r->fragments);
    free(r->whole);
    free(r->piece);
}

/* ------------------------------------------------------------------ out, as they came */

static void send_kept(struct pm_rewriter *r, const struct pm_kept_fragment *kept, enum pm_dir dir,
                      enum pm_why why)
{
    pm_reassembly_frame(&r->fragments, kept, r->piece);
    struct pm_emitted out = {.data = r->piece,
                             .len = kept->packet.len,
                             .wire_len = kept->packet.wire_len,
                             .cookie = kept->packet.cookie,
                             .dir = dir,
                             .ifindex = kept->packet.ifindex,
                             .link = kept->packet.link,
                             .is_late = true,
                             .why = why,
                             .header_rule = PM_NO_RULE};
    pm_emit_out(r, &out);
}

/* Sends those that waited. */
static void release(struct pm_rewriter *r, const struct pm_datagram *d, enum pm_why why)
{
    for (uint32_t i = d->first_arrived; i != PM_NIL; i = pm_kept_at(&r->fragments, i)->next) {
        const struct pm_kept_fragment *kept = pm_kept_at(&r->fragments, i);
        send_kept(r, kept, kept->packet.dir, why);
        if (why != PM_WHY_NONE)
            pm_count_why(r, why);
    }
}

/* Counts those that waited, before `until`, as dropped. */
static void discard(struct pm_rewriter *r, const struct pm_datagram *d, uint32_t until,
                    enum pm_why why)
{
    for (uint32_t i = d->first_arrived; i != until; i = pm_kept_at(&r->fragments, i)->next) {
        r->stats.dropped++;
        r->stats.dropped_bytes += pm_kept_at(&r->fragments, i)->packet.wire_len;
        if (why != PM_WHY_NONE)
            pm_count_why(r, why);
    }
}

/* ------------------------------------------------------------------ out, whole */

static void send_originals(struct pm_rewriter *r, const struct pm_passage *p,
                           struct pm_emitted *out)
{
    const struct pm_assembly *a = p->assembly;
    uint32_t last = a->datagram->last_arrived;
    for (uint32_t i = a->datagram->first_arrived; i != last; i = pm_kept_at(&r->fragments, i)->next)
        send_kept(r, pm_kept_at(&r->fragments, i), out->dir, out->why);
    out->data = a->last->data;
    out->len = a->last->len;
    out->wire_len = a->last->wire_len;
    pm_emit_out(r, out);
}

static void send_cut(struct pm_rewriter *r, const struct pm_passage *p,
                     const struct pm_emitted *out, uint32_t size)
{
    struct pm_refragment cut;
    struct pm_emitted piece = *out;
    pm_refragment_begin(&cut, out->data, out->len, &p->headers,
                        p->assembly ? &p->assembly->v6 : NULL, size);
    piece.data = r->piece;
    while ((piece.len = piece.wire_len = pm_refragment_next(&cut, r->piece)) > 0) {
        pm_emit_out(r, &piece);
        piece.part++;
        piece.notes = NULL;
        piece.note_count = piece.edit_count = 0;
    }
}

void pm_fragments_send(struct pm_rewriter *r, const struct pm_passage *p, struct pm_emitted *out)
{
    struct pm_assembly *a = p->assembly;
    if (a && !out->changed) {
        a->is_sent = true;
        send_originals(r, p, out);
        return;
    }
    if (a && !a->is_sent)
        r->stats.joined += a->datagram->fragments - 1;
    if (a)
        a->is_sent = true;
    uint32_t size = a ? a->datagram->largest : p->cut_size;
    if (out->len - p->headers.l3_off <= size)
        pm_emit_out(r, out);
    else
        send_cut(r, p, out, size);
}

/* ------------------------------------------------------------------ who waits */

static bool may_carry(const struct pm_rewriter *r, const struct pm_headers *h)
{
    if (h->ip_proto == PM_PROTO_TCP || h->ip_proto == PM_PROTO_UDP)
        return true;
    if (r->policy->has_nat && (h->ip_proto == PM_PROTO_ICMP || h->ip_proto == PM_PROTO_ICMP6))
        return true; /* by its identifier */
    return h->ip_version == 6 && !h->is_first_fragment && pm_ipv6ext_is(h->ip_proto);
}

/* Whether a rule may hold for a datagram of which no more than this is known. One that writes
 * header fields and holds for every fragment alone needs no datagram. */
static bool is_reachable_as(const struct pm_rewriter *r, const struct pm_passage *p, uint8_t proto)
{
    const struct pm_rule_list *list = r->rewrites;
    struct pm_headers headers = p->headers;
    struct pm_subject subject = p->subject;
    headers.ip_proto = proto;
    headers.parse = PM_PARSE_L3;
    headers.is_first_fragment = false;
    subject.headers = &headers;
    subject.has_flow = true;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct pm_rule *rule = &r->policy->rules[list->rules[i]];
        enum pm_truth truth = pm_cond_for_flow(r->policy->conds, rule->match, &subject);
        if (truth == PM_DEPENDS || (truth == PM_TRUE && (pm_rule_edits_text(rule) ||
                                                         rule->has_nat || rule->dns_count > 0)))
            return true;
    }
    return false;
}

static bool is_reachable(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    if (r->rewrites->classifier)
        return true; /* too many to ask each of them */
    if (r->mappings.pool.used > 0)
        return true; /* its ends may have to follow */
    if (h->ip_proto == PM_PROTO_ICMP || h->ip_proto == PM_PROTO_ICMP6)
        return is_reachable_as(r, p, h->ip_proto);
    if (h->ip_proto == PM_PROTO_UDP)
        return is_reachable_as(r, p, PM_PROTO_UDP);
    if (r->streams.used > 0)
        return true; /* its numbers may have to follow */
    return is_reachable_as(r, p, PM_PROTO_TCP) ||
           (h->ip_proto != PM_PROTO_TCP && is_reachable_as(r, p, PM_PROTO_UDP));
}

/* Whether the flow that the first fragment shows is one that rules reach. */
static bool is_selected(struct pm_rewriter *r, struct pm_passage *p, bool *flow_is_new)
{
    if (pm_nat_knows(r, &p->headers))
        return true;
    pm_track(&r->flows, &p->headers, p->packet->dir, false, r->now_ns, &p->tracked);
    pm_passage_track(r, p);
    pm_track_undo(&p->tracked); /* its flags count when it is whole */
    if (!p->tracked.flow)
        return false;
    r->stats.flows += p->tracked.is_new;
    *flow_is_new = p->tracked.is_new;
    const struct pm_side *side = pm_select_side(r, p);
    return side->may_replace || side->may_assign || side->may_more || side->may_dns ||
           (p->headers.ip_proto == PM_PROTO_TCP && pm_rewriter_own(p)->stream);
}

/* A receiver should not take it. It counts for nothing, and live it does not leave. */
static bool has_bad_sum(const struct pm_rewriter *r, const struct pm_headers *h)
{
    enum pm_sum_state sum = pm_check_ip(h);
    switch (r->config.checksums) {
    case PM_CHECKSUMS_AUTO:
        return sum == PM_SUM_WRONG;
    case PM_CHECKSUMS_VERIFY:
        return sum == PM_SUM_WRONG || sum == PM_SUM_ZERO;
    case PM_CHECKSUMS_IGNORE:
        return false;
    }
    return false;
}

/* ------------------------------------------------------------------ the way */

/* `until` is the packet at hand where it is kept: its end is counted by who handed it over. */
static enum pm_why poison(struct pm_rewriter *r, struct pm_datagram *d, uint32_t until,
                          enum pm_why why)
{
    discard(r, d, until, why);
    pm_reassembly_settle(&r->fragments, d, PM_DATAGRAM_POISONED);
    return why;
}

/* Its fragments leave, and those that follow at once. */
static void let_pass(struct pm_rewriter *r, struct pm_datagram *d, const struct pm_fragment *f,
                     enum pm_why why)
{
    release(r, d, why);
    pm_reassembly_settle(&r->fragments, d, PM_DATAGRAM_PASSES);
    if (pm_reassembly_count(d, f))
        pm_reassembly_close(&r->fragments, d);
}

static enum pm_why take_whole(struct pm_rewriter *r, struct pm_passage *p, struct pm_datagram *d)
{
    struct pm_packet packet;
    struct pm_passage whole;
    const struct pm_kept_fragment *first = pm_kept_at(&r->fragments, d->lowest);
    struct pm_assembly assembly = {
        .datagram = d, .last = p->packet, .flow_is_new = own_of(d)->flow_is_new};
    if (pm_reassembly_whole(&r->fragments, d, r->whole, &packet) == 0)
        return poison(r, d, d->last_arrived, PM_WHY_FRAGMENT_OVERLAP);
    packet.cookie = p->packet->cookie;
    packet.ifindex = p->packet->ifindex;
    packet.interface = p->packet->interface;
    pm_passage_begin(r, &whole, &packet, r->whole);
    if (whole.headers.is_fragment || whole.headers.parse == PM_PARSE_BAD_L3)
        return poison(r, d, d->last_arrived, PM_WHY_FRAGMENT_OVERLAP);
    if (d->key.ip_version == 6)
        assembly.v6 = (struct pm_fragment_header){.off = first->data_off - 8 - whole.headers.l3_off,
                                                  .id = d->key.id};
    whole.assembly = &assembly;
    enum pm_why why = pm_rewriter_line(r, &whole);
    if (!assembly.is_sent)
        discard(r, d, d->last_arrived, PM_WHY_NONE);
    pm_reassembly_close(&r->fragments, d);
    return why;
}

/* The fragment joins those that wait. False: it goes on alone. */
static bool wait_with(struct pm_rewriter *r, struct pm_passage *p, struct pm_datagram *d,
                      const struct pm_fragment *f, enum pm_why *why)
{
    switch (pm_reassembly_add(&r->fragments, d, f, &p->headers, p->packet)) {
    case PM_FRAGMENT_WAITS:
        *why = PM_WHY_FRAGMENT_HELD;
        return true;
    case PM_FRAGMENT_COMPLETES:
        *why = take_whole(r, p, d);
        return true;
    case PM_FRAGMENT_CONTRADICTS:
        *why = poison(r, d, PM_NIL, PM_WHY_FRAGMENT_OVERLAP);
        return true;
    case PM_FRAGMENT_NO_ROOM:
        *why = PM_WHY_FRAGMENTS_FULL;
        if (r->config.mode == PM_MODE_LIVE) {
            poison(r, d, PM_NIL, PM_WHY_FRAGMENTS_FULL);
            return true;
        }
        let_pass(r, d, f, PM_WHY_FRAGMENTS_FULL);
        return false;
    }
    return false;
}

static bool take_unfinished(struct pm_rewriter *r, struct pm_passage *p, struct pm_datagram *d,
                            const struct pm_fragment *f, enum pm_why *why)
{
    const struct pm_headers *h = &p->headers;
    bool has_ports = h->is_first_fragment && h->parse == PM_PARSE_L4;
    bool flow_is_new = false;
    if (!d)
        d = pm_reassembly_open(&r->fragments, &f->key, r->now_ns);
    if (!d)
        return false;
    if (h->is_truncated || (has_ports && !is_selected(r, p, &flow_is_new))) {
        let_pass(r, d, f, h->is_truncated ? PM_WHY_TRUNCATED : PM_WHY_NONE);
        return false;
    }
    if (h->ip_version == 6 && h->is_first_fragment && !has_ports) {
        *why = poison(r, d, PM_NIL, PM_WHY_FRAGMENT_OVERLAP); /* RFC 7112 */
        return true;
    }
    own_of(d)->flow_is_new |= flow_is_new;
    return wait_with(r, p, d, f, why);
}

bool pm_fragments_take(struct pm_rewriter *r, struct pm_passage *p, enum pm_why *why)
{
    const struct pm_headers *h = &p->headers;
    struct pm_fragment f;
    if (!may_carry(r, h) || h->is_unmodifiable || h->has_no_length || !is_reachable(r, p))
        return false;
    pm_fragment_read(h, p->packet->link, &f);
    if (p->packet->len > PM_REASSEMBLY_ROOM || f.data_off > PM_REASSEMBLY_LINK)
        return false;
    if (has_bad_sum(r, h)) {
        *why = pm_is_live(r) ? PM_WHY_BAD_CHECKSUM : pm_emit_buffer(r, p, PM_WHY_BAD_CHECKSUM);
        return true;
    }
    struct pm_datagram *d = pm_reassembly_find(&r->fragments, &f.key, r->now_ns);
    switch (d ? (enum pm_datagram_state)d->state : PM_DATAGRAM_WAITS) {
    case PM_DATAGRAM_PASSES:
        if (pm_reassembly_count(d, &f))
            pm_reassembly_close(&r->fragments, d);
        return false;
    case PM_DATAGRAM_POISONED:
        *why = PM_WHY_FRAGMENT_OVERLAP;
        return true;
    case PM_DATAGRAM_WAITS:
        return take_unfinished(r, p, d, &f, why);
    }
    return false;
}
