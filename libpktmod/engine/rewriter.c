/* rewriter.c - the rewriting engine: its life and the line each packet takes. */
#include "engine/rewriter.h"
#include "engine/dnswork.h"
#include "engine/external.h"
#include "engine/fragments.h"
#include "engine/nat.h"
#include "engine/parts.h"
#include "engine/quote.h"
#include "engine/regexes.h"
#include "engine/segment.h"
#include "engine/splices.h"
#include "engine/wait.h"
#include "match/vectorscan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RETAIN      (64u << 20)
#define DEFAULT_RETAIN_DIR  (1u << 20)
#define DEFAULT_EDITS       262144u
#define DEFAULT_PENDING     (64u << 20)
#define DEFAULT_PENDING_DIR (256u << 10)
#define DEFAULT_WAITS       4096u

/* Live: what a fast path may have in flight. */
#define LIVE_RETAIN      (256u << 20)
#define LIVE_RETAIN_DIR  (4u << 20)
#define LIVE_PENDING_DIR (1u << 20)

#define DEFAULT_EXTERNAL     (16u << 20)
#define DEFAULT_EXTERNAL_DIR (64u << 10)

#define DEFAULT_DATAGRAMS          1024u
#define DEFAULT_SOURCE_DATAGRAMS   64u
#define DEFAULT_DATAGRAM_FRAGMENTS 64u
#define DEFAULT_FRAGMENT_BYTES     (4u << 20)
#define DEFAULT_FRAGMENT_MS        10000u

static void complete_fragments(struct pm_rewriter_config *c)
{
    if (c->datagrams == 0)
        c->datagrams = DEFAULT_DATAGRAMS;
    if (c->source_datagrams == 0)
        c->source_datagrams = DEFAULT_SOURCE_DATAGRAMS;
    if (c->datagram_fragments == 0)
        c->datagram_fragments = DEFAULT_DATAGRAM_FRAGMENTS;
    if (c->fragment_bytes == 0)
        c->fragment_bytes = DEFAULT_FRAGMENT_BYTES;
    if (c->fragment_ms == 0)
        c->fragment_ms = DEFAULT_FRAGMENT_MS;
}

static struct pm_rewriter_config complete(const struct pm_policy *policy,
                                          const struct pm_rewriter_config *config)
{
    struct pm_rewriter_config c = *config;
    if (c.streams == 0 || c.streams > policy->settings.flows)
        c.streams = policy->settings.flows;
    bool is_live = c.mode == PM_MODE_LIVE;
    if (c.retain_bytes == 0)
        c.retain_bytes = is_live ? LIVE_RETAIN : DEFAULT_RETAIN;
    if (c.retain_dir_bytes == 0)
        c.retain_dir_bytes = is_live ? LIVE_RETAIN_DIR : DEFAULT_RETAIN_DIR;
    if (c.edits == 0)
        c.edits = DEFAULT_EDITS;
    if (c.pending_bytes == 0)
        c.pending_bytes = DEFAULT_PENDING;
    if (c.pending_dir_bytes == 0)
        c.pending_dir_bytes = is_live ? LIVE_PENDING_DIR : DEFAULT_PENDING_DIR;
    if (c.waits == 0)
        c.waits = DEFAULT_WAITS;
    if (is_live) {
        if (c.checksums == PM_CHECKSUMS_AUTO)
            c.checksums = PM_CHECKSUMS_VERIFY; /* a sender could write what passes for offloaded */
        c.view = PM_VIEW_REWRITTEN;
        c.waits = c.streams < UINT32_MAX / 2 ? 2 * c.streams : c.streams;
    }
    if (!policy->has_nat)
        c.mappings = 0;
    else if (c.mappings == 0)
        c.mappings = policy->settings.flows;
    if (c.external_bytes == 0)
        c.external_bytes = DEFAULT_EXTERNAL;
    if (c.external_dir_bytes == 0)
        c.external_dir_bytes = DEFAULT_EXTERNAL_DIR;
    if (!c.has_hold_ms)
        c.hold_ms = policy->settings.hold_ms;
    complete_fragments(&c);
    return c;
}

/* An edit takes a run of its own and another for the copy behind it. */
static uint32_t runs_for(uint32_t edits)
{
    return edits < UINT32_MAX / 2 ? 2 * edits : edits;
}

static size_t stream_size(const struct pm_policy *policy)
{
    return sizeof(struct pm_stream) + 2 * policy->max_slots * sizeof(uint32_t);
}

static size_t flow_size(const struct pm_policy *policy)
{
    return sizeof(struct pm_rewriter_flow) + (policy->answer_count + 3) / 4;
}

/* All that one direction may have pending, and a packet. */
static size_t work_cap(const struct pm_rewriter_config *config)
{
    return (size_t)config->pending_dir_bytes + PM_IP_MAX;
}

static uint32_t longest_find(const struct pm_policy *policy)
{
    uint32_t longest = 1;
    for (uint32_t i = 0; i < policy->literal_count; i++) {
        uint32_t len = policy->ops[policy->literal_op[i]].replace.find_len;
        longest = len > longest ? len : longest;
    }
    return longest;
}

size_t pm_rewriter_footprint(const struct pm_policy *policy,
                             const struct pm_rewriter_config *config)
{
    return pm_rewriter_size(policy, config) + pm_rehearsal_footprint(policy, config);
}

size_t pm_rewriter_size(const struct pm_policy *policy, const struct pm_rewriter_config *config)
{
    struct pm_rewriter_config c = complete(policy, config);
    size_t rules = policy->rule_count + 1;
    return sizeof(struct pm_rewriter) +
           pm_flow_table_footprint(policy->settings.flows, flow_size(policy)) +
           pm_pool_footprint(stream_size(policy), c.streams) +
           pm_log_store_footprint(runs_for(c.edits), c.retain_bytes) +
           rules * (sizeof(struct pm_rule_stats) + 2 * sizeof(uint64_t) + 2 * sizeof(uint32_t)) +
           pm_pending_footprint(c.pending_bytes) + pm_regexes_footprint(policy) +
           pm_cond_room_footprint(policy->conds) + pm_meters_footprint(policy) +
           (policy->literals ? pm_literals_room_footprint(policy->literals) : 0) +
           pm_splices_footprint(policy) + pm_dns_room_footprint(policy) +
           pm_framing_footprint(policy, c.streams) +
           policy->splice_count * sizeof(struct pm_plan_edit) +
           pm_pool_footprint(sizeof(struct pm_wait), c.waits) + pm_fragments_footprint(&c) +
           pm_mappings_footprint(c.mappings) + work_cap(&c) * (1 + sizeof(struct pm_plan_edit)) +
           (policy->has_impair ? 2 : 1) * (size_t)(PM_IP_MAX + PM_LINK_ROOM);
}

/* What waits leaves before its flow is forgotten; behind a reset no receiver is left for it. */
static void on_forget(void *context, struct pm_flow *flow)
{
    struct pm_rewriter *r = context;
    struct pm_rewriter_flow *own = pm_flow_own(flow);
    bool is_reset = pm_is_live(r) && flow->rst_seen;
    for (unsigned side = 0; side < 2 && own->stream && !is_reset; side++)
        pm_segment_release(r, &pm_stream_at(r, own->stream)->half[side], PM_RELEASE_ALL);
    pm_stream_close(r, own);
    pm_nat_forget(r, flow);
}

/* Live, a late copy of the SYN that began this life begins no other. A recording may be several in
 * one file, and hold the same connection twice. */
static bool may_renew(void *context, const struct pm_flow *flow, unsigned side, uint32_t seq)
{
    const struct pm_rewriter *r = context;
    const struct pm_rewriter_flow *own = pm_flow_own_const(flow);
    if (!own->stream || !pm_is_live(r))
        return true;
    const struct pm_half *half = &pm_stream_at(r, own->stream)->half[side];
    return !half->has_isn || half->isn != seq;
}

static bool allocate(struct pm_rewriter *r)
{
    const struct pm_policy *policy = r->policy;
    const struct pm_settings *s = &policy->settings;
    size_t rules = policy->rule_count + 1;
    struct pm_meters_config meters = {.seed = r->config.seed,
                                      .wall_ns = r->config.wall_ns,
                                      .hash_key = {r->config.hash_key[0], r->config.hash_key[1]},
                                      .forgotten = &r->stats.why[PM_WHY_METERS_FULL]};
    r->rules = calloc(rules, sizeof *r->rules);
    r->rule_packet = calloc(rules, sizeof *r->rule_packet);
    r->rule_mark = calloc(rules, sizeof *r->rule_mark);
    r->selected = calloc(rules, sizeof *r->selected);
    r->late_selected = calloc(rules, sizeof *r->late_selected);
    r->work_cap = work_cap(&r->config);
    r->plan = malloc(r->work_cap * sizeof *r->plan);
    r->work = malloc(r->work_cap);
    r->room = pm_cond_room_new(policy->conds);
    r->longest_find = longest_find(policy);
    r->oldest_wait = r->newest_wait = PM_NIL;
    r->frame = malloc(PM_IP_MAX + PM_LINK_ROOM);
    r->cut = policy->has_impair ? malloc(PM_IP_MAX + PM_LINK_ROOM) : NULL;
    return r->rules && r->rule_packet && r->rule_mark && r->selected && r->late_selected &&
           r->plan && r->work && r->room && r->frame && (r->cut || !policy->has_impair) &&
           pm_regexes_init(r) && pm_splices_init(r) && pm_dns_room_init(r) && pm_framing_init(r) &&
           (!policy->literals || pm_literals_fit(&r->scan_room, policy->literals)) &&
           pm_meters_init(&r->meters, policy, &meters) &&
           pm_flow_table_init(&r->flows, s->flows, flow_size(policy), r->config.hash_key,
                              s->flow_idle_s * UINT64_C(1000000000)) &&
           pm_pool_init(&r->streams, stream_size(policy), r->config.streams) &&
           pm_log_store_init(&r->store, runs_for(r->config.edits), r->config.retain_bytes) &&
           pm_pending_store_init(&r->pieces, r->config.pending_bytes) &&
           pm_pool_init(&r->waits, sizeof(struct pm_wait), r->config.waits) &&
           pm_mappings_init(&r->mappings, r->config.mappings, r->config.hash_key) &&
           pm_fragments_init(r);
}

struct pm_rewriter *pm_rewriter_new(struct pm_policy *policy,
                                    const struct pm_rewriter_config *config, struct pm_error *error)
{
    struct pm_rewriter *r = pm_rewriter_make(policy, &policy->rewrites, config, error);
    if (r && policy->rehearsed.count > 0 && !pm_rehearsal_init(r, config, error)) {
        pm_rewriter_free(r);
        return NULL;
    }
    return r;
}

struct pm_rewriter *pm_rewriter_make(struct pm_policy *policy, const struct pm_rule_list *rewrites,
                                     const struct pm_rewriter_config *config,
                                     struct pm_error *error)
{
    assert(config->emit);
    struct pm_rewriter *r = calloc(1, sizeof *r);
    if (r) {
        r->policy = pm_policy_ref(policy);
        r->rewrites = rewrites;
        r->config = complete(policy, config);
    }
    if (!r || !allocate(r)) {
        pm_rewriter_free(r);
        *error = (struct pm_error){PM_NO_MEMORY, "out of memory for the rewriter"};
        return NULL;
    }
    r->flows.on_forget = on_forget;
    r->flows.may_renew = may_renew;
    r->flows.context = r;
    return r;
}

void pm_rewriter_free(struct pm_rewriter *rewriter)
{
    if (!rewriter)
        return;
    pm_rehearsal_release(rewriter);
    pm_flow_table_release(&rewriter->flows);
    pm_pool_release(&rewriter->streams);
    pm_log_store_release(&rewriter->store);
    pm_pool_release(&rewriter->pieces);
    pm_pool_release(&rewriter->waits);
    pm_mappings_release(&rewriter->mappings);
    pm_fragments_release(rewriter);
    pm_regexes_release(rewriter);
    pm_cond_room_free(rewriter->room);
    pm_vectorscan_room_free(rewriter->scan_room);
    pm_splices_release(rewriter);
    pm_dns_room_release(rewriter);
    pm_framing_release(rewriter);
    pm_meters_release(&rewriter->meters);
    free(rewriter->work);
    free(rewriter->rules);
    free(rewriter->rule_packet);
    free(rewriter->rule_mark);
    free(rewriter->selected);
    free(rewriter->late_selected);
    free(rewriter->plan);
    free(rewriter->frame);
    free(rewriter->cut);
    pm_policy_unref(rewriter->policy);
    free(rewriter);
}

/* ------------------------------------------------------------------ the line */

static bool is_shown_rewritten(const struct pm_rewriter *r, enum pm_dir dir)
{
    switch (r->config.view) {
    case PM_VIEW_REWRITTEN:
        return true;
    case PM_VIEW_WIRE:
        return dir == PM_DIR_OUT;
    case PM_VIEW_HOST:
        return dir == PM_DIR_IN;
    }
    return true;
}

static bool is_ack_lifted(const struct pm_rewriter *r, enum pm_dir dir)
{
    return r->config.view == PM_VIEW_REWRITTEN || !is_shown_rewritten(r, dir);
}

/* `final` rules: the first verdict rule that holds says allow, and not to rewrite. */
static bool is_exempt(struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_policy *policy = r->policy;
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    if (p->packet->final != PM_FINAL_UNKNOWN)
        return p->packet->final == PM_FINAL_YES;
    if (flow->final_latched)
        return flow->final_latched == 2;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, &policy->verdicts, &p->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        const struct pm_rule *rule = &policy->rules[policy->verdicts.rules[position]];
        if (pm_rule_watches(rule) || !pm_cond_holds(policy->conds, rule->match, &p->subject) ||
            !pm_select_admits(r, p, rule))
            continue;
        if (rule->scope == PM_SCOPE_FLOW)
            flow->final_latched = rule->final ? 2 : 1;
        return rule->final;
    }
    return false;
}

static enum pm_why pass_unread(struct pm_rewriter *r, struct pm_passage *p)
{
    enum pm_why why = PM_WHY_MALFORMED;
    if (p->headers.parse == PM_PARSE_NOT_IP)
        why = PM_WHY_NOT_IP;
    else if (p->headers.is_truncated)
        why = PM_WHY_TRUNCATED;
    /* No receiver takes it; none shall read it otherwise than we do. */
    bool is_strict = pm_is_live(r) || r->policy->settings.engine_error_drop;
    if (why == PM_WHY_MALFORMED && is_strict && r->rewrites->count > 0)
        return why;
    return pm_emit_buffer(r, p, why);
}

/* Without a flow nothing can be rewritten. */
static enum pm_why pass_without_room(struct pm_rewriter *r, struct pm_passage *p)
{
    bool drop = r->policy->settings.engine_error_drop && r->rewrites->count > 0;
    return drop ? PM_WHY_FLOWS_FULL : pm_emit_buffer(r, p, PM_WHY_FLOWS_FULL);
}

/* In a recording the first checksum of a side says what its others are worth; see sums.c. */
static void look_at_first_sum(struct pm_rewriter *r, struct pm_passage *p)
{
    bool is_first = !(pm_rewriter_own(p)->sums_seen & (1u << p->tracked.side));
    if (is_first && r->config.checksums == PM_CHECKSUMS_AUTO)
        pm_packet_sum(r, p);
}

/* Live, a SYN with a wrong checksum begins nothing. In a recording that is not known so early. */
static bool may_begin(const struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    bool is_syn = h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP && (h->tcp_flags & PM_SYN);
    return !is_syn || !pm_is_live(r) || pm_packet_sum(r, p) != PM_SUM_WRONG;
}

/* False: a condition gave up at a limit, and the packet is to be dropped for that. */
static bool select_rules(struct pm_rewriter *r, struct pm_passage *p)
{
    uint64_t limits = pm_cond_room_limits(r->room);
    if (!(r->policy->has_final && is_exempt(r, p)))
        pm_select(r, p);
    limits = pm_cond_room_limits(r->room) - limits;
    if (limits > 0 && r->policy->settings.engine_error_drop)
        return false;
    r->stats.why[PM_WHY_REGEX_LIMIT] += limits;
    return true;
}

/* Where a mapping is refused the packet goes on without one, if it may. */
static bool is_turned_away(struct pm_rewriter *r, struct pm_passage *p)
{
    if (!r->policy->has_nat)
        return false;
    p->refused = pm_nat_decide(r, p);
    return p->refused != PM_WHY_NONE && !pm_nat_lets_pass(r, p->refused);
}

static enum pm_why take_ruled(struct pm_rewriter *r, struct pm_passage *p, bool has_rules)
{
    const struct pm_headers *h = &p->headers;
    bool is_tcp = h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP;
    if (h->parse == PM_PARSE_BAD_L4)
        return pass_unread(r, p);
    look_at_first_sum(r, p);
    if (has_rules && !select_rules(r, p))
        return PM_WHY_REGEX_LIMIT;
    pm_encrypted_count(r, p);
    if (is_turned_away(r, p))
        return p->refused;
    return is_tcp ? pm_rewrite_tcp(r, p) : pm_rewrite_datagram(r, p);
}

enum pm_why pm_rewriter_line(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    pm_nat_arrive(r, p);
    pm_track(&r->flows, h, p->packet->dir, may_begin(r, p), r->now_ns, &p->tracked);
    pm_passage_track(r, p);
    if (!p->tracked.flow)
        return pass_without_room(r, p);
    r->stats.flows += p->tracked.is_new;
    p->number = pm_rewriter_own(p)->packets++;
    if (h->ip_proto == PM_PROTO_ICMP || h->ip_proto == PM_PROTO_ICMP6)
        pm_quote_map(r, p);

    const struct pm_side *side = pm_select_side(r, p);
    if (side->may_replace)
        pm_encrypted_look(p);
    if (r->explainer)
        pm_explain_passage(r, p);
    bool is_tcp = h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP;
    bool has_rules = side->may_replace || side->may_assign || side->may_more || side->may_dns;
    const struct pm_rewriter_flow *own = pm_rewriter_own(p);
    if (has_rules || (is_tcp && (own->stream || own->options_off || (h->tcp_flags & PM_SYN))))
        return take_ruled(r, p, has_rules);
    return is_turned_away(r, p) ? p->refused : pm_emit_buffer(r, p, PM_WHY_NONE);
}

static enum pm_why take_line(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    enum pm_why why;
    if (h->parse == PM_PARSE_NOT_IP || h->parse == PM_PARSE_BAD_L3)
        return pass_unread(r, p);
    if (h->is_fragment && pm_fragments_take(r, p, &why))
        return why;
    return pm_rewriter_line(r, p);
}

void pm_passage_begin(struct pm_rewriter *r, struct pm_passage *p, const struct pm_packet *packet,
                      uint8_t *buffer)
{
    p->packet = packet;
    p->buffer = buffer;
    p->subject = (struct pm_subject){
        .headers = &p->headers, .packet = packet, .dir = packet->dir, .room = r->room};
    p->selection.rules = r->selected;
    p->selection.epoch = 0;
    p->selection.count = p->selection.literal_count = 0;
    p->selection.has_replace = p->selection.has_regex = p->selection.has_datagram = false;
    p->selection.has_assign = p->selection.is_many = p->selection.has_splice = false;
    p->selection.has_more = p->selection.has_dns = p->selection.has_http = false;
    p->selection.external = 0;
    p->tracked = (struct pm_tracked){.dir = packet->dir};
    p->plan_count = 0;
    p->plan_offset = 0;
    p->plan_bytes = NULL;
    p->number = 0;
    p->is_changed = p->is_shown_rewritten = p->is_ack_lifted = false;
    p->is_late = p->is_own = false;
    p->header_rule = PM_NO_RULE;
    p->is_sum_known = p->is_sum_read = p->is_quote = false;
    p->is_ruled = p->is_impaired = false;
    p->refused = PM_WHY_NONE;
    p->assembly = NULL;
    p->cut_size = p->gso_len = 0;
    pm_headers_parse(packet->link, packet->data, packet->len, packet->wire_len, &p->headers);
}

void pm_passage_track(struct pm_rewriter *r, struct pm_passage *p)
{
    p->subject.has_flow = true;
    p->subject.to_server = p->tracked.to_server;
    p->subject.flow_is_new = p->tracked.is_new || (p->assembly && p->assembly->flow_is_new);
    p->subject.dir = p->tracked.dir;
    p->subject.is_http_open = r->policy->http_rules > 0;
    p->is_shown_rewritten = is_shown_rewritten(r, p->tracked.dir);
    p->is_ack_lifted = is_ack_lifted(r, p->tracked.dir);
}

enum pm_why pm_rewrite(struct pm_rewriter *rewriter, const struct pm_packet *packet,
                       uint8_t *buffer, uint64_t now_ns)
{
    struct pm_rewriter *r = rewriter;
    struct pm_passage p;
    if (now_ns > r->now_ns)
        r->now_ns = now_ns;
    r->stats.packets++;
    r->stats.bytes += packet->wire_len;
    if (r->rehearsal)
        pm_rehearse(r, packet);
    pm_passage_begin(r, &p, packet, buffer);
    uint64_t prompt = r->prompt;
    enum pm_why why = take_line(r, &p);
    pm_count_why(r, why);
    if (r->prompt == prompt && why != PM_WHY_FRAGMENT_HELD) {
        r->stats.dropped++;
        r->stats.dropped_bytes += packet->wire_len;
    }
    pm_credit_serve(r);
    r->stats.flows_now = r->flows.pool.used;
    r->stats.flows_max = r->flows.flows_max;
    return why;
}

uint64_t pm_rewriter_next_ns(const struct pm_rewriter *rewriter)
{
    uint64_t fragments_ns = pm_reassembly_next_ns(&rewriter->fragments);
    uint64_t waits_ns = pm_wait_next_ns(rewriter);
    uint64_t next_ns = fragments_ns < waits_ns ? fragments_ns : waits_ns;
    uint64_t rehearsal_ns =
        rewriter->rehearsal ? pm_rewriter_next_ns(rewriter->rehearsal) : UINT64_MAX;
    return rehearsal_ns < next_ns ? rehearsal_ns : next_ns;
}

void pm_rewriter_due(struct pm_rewriter *rewriter, uint64_t now_ns)
{
    if (now_ns > rewriter->now_ns)
        rewriter->now_ns = now_ns;
    pm_reassembly_due(&rewriter->fragments, rewriter->now_ns);
    pm_wait_due(rewriter);
    pm_credit_serve(rewriter);
    if (rewriter->rehearsal)
        pm_rewriter_due(rewriter->rehearsal, now_ns);
}

void pm_rewriter_flush(struct pm_rewriter *rewriter, uint64_t now_ns)
{
    if (now_ns > rewriter->now_ns)
        rewriter->now_ns = now_ns;
    pm_reassembly_due(&rewriter->fragments, UINT64_MAX);
    pm_wait_flush(rewriter);
    if (rewriter->rehearsal)
        pm_rewriter_flush(rewriter->rehearsal, now_ns);
}

const struct pm_stats *pm_rewriter_stats(const struct pm_rewriter *rewriter)
{
    return &rewriter->stats;
}

const struct pm_rule_stats *pm_rewriter_rule_stats(const struct pm_rewriter *rewriter,
                                                   uint32_t rule)
{
    assert(rule < rewriter->policy->rule_count);
    if (rewriter->rehearsal && rewriter->policy->rules[rule].is_dry_run)
        return &rewriter->rehearsal->rules[rule];
    return &rewriter->rules[rule];
}
