/* filter.c - the read-only packet filter: parse -> flow -> match -> verdict. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "engine/delay.h"
#include "engine/follow.h"
#include "engine/policy.h"
#include "flow/track.h"
#include "wire/checksum.h"

/* What is known of the verdict on one side of a flow. Positions are those of policy->verdicts. */
struct side_cache {
    uint32_t position; /* rules before it can never hold on this side */
    uint8_t is_known;  /* position was worked out */
    uint8_t is_final;  /* and the rule there (or the default, at the end) holds for every packet */
    uint8_t dir;       /* for packets of this direction */
};

struct filter_flow {
    struct side_cache cache[2];
    uint64_t hold_until_ns[2]; /* a delayed packet leaves then; later ones not before */
    uint64_t draws;
    uint32_t latched; /* rule of scope flow that holds for the rest of the flow, plus 1 */
};

struct pm_filter {
    struct pm_policy *policy;
    struct pm_flow_table flows;
    struct pm_delay delay;
    struct pm_reassembly firsts; /* fragments, and what they got */
    struct pm_stats stats;
    struct pm_rule_stats *rules;
    uint64_t seed;
    uint64_t now_ns;
};

/* One packet on its way through the filter. */
struct passage {
    const struct pm_packet *packet;
    struct pm_headers headers;
    struct pm_tracked tracked;
    struct pm_subject subject;
    struct pm_decision decision;
};

static struct filter_flow *own(const struct passage *p)
{
    return pm_flow_own(p->tracked.flow);
}

/* ------------------------------------------------------------------ life */

size_t pm_filter_footprint(const struct pm_policy *policy)
{
    const struct pm_settings *s = &policy->settings;
    return sizeof(struct pm_filter) +
           pm_flow_table_footprint(s->flows, sizeof(struct filter_flow)) +
           pm_delay_footprint(s->delayed_packets) + pm_follow_footprint() +
           (policy->rule_count + 1) * sizeof(struct pm_rule_stats);
}

struct pm_filter *pm_filter_new(struct pm_policy *policy, const struct pm_filter_config *config,
                                struct pm_error *error)
{
    const struct pm_settings *s = &policy->settings;
    struct pm_filter *f = calloc(1, sizeof *f);
    if (f) {
        f->policy = pm_policy_ref(policy);
        f->seed = config->seed;
        f->rules = calloc(policy->rule_count + 1, sizeof *f->rules);
    }
    if (!f || !f->rules ||
        !pm_flow_table_init(&f->flows, s->flows, sizeof(struct filter_flow), config->hash_key,
                            s->flow_idle_s * UINT64_C(1000000000)) ||
        !pm_delay_init(&f->delay, s->delayed_packets, s->delayed_bytes) ||
        !pm_follow_init(&f->firsts, config->hash_key)) {
        pm_filter_free(f);
        *error = (struct pm_error){PM_NO_MEMORY, "out of memory for the filter"};
        return NULL;
    }
    return f;
}

void pm_filter_free(struct pm_filter *filter)
{
    if (!filter)
        return;
    pm_delay_release(&filter->delay);
    pm_reassembly_release(&filter->firsts);
    pm_flow_table_release(&filter->flows);
    free(filter->rules);
    pm_policy_unref(filter->policy);
    free(filter);
}

/* ------------------------------------------------------------------ match */

static void count_hit(struct pm_filter *f, uint32_t rule, const struct passage *p)
{
    f->rules[rule].packets++;
    f->rules[rule].bytes += p->packet->wire_len;
}

/* The position of the first rule from `from` on that holds and ends the search. Rules that only
 * log are counted on the way. */
static uint32_t first_match(struct pm_filter *f, const struct passage *p, uint32_t from)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, &policy->verdicts, &p->subject, from);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = policy->verdicts.rules[position];
        if (!pm_cond_holds(policy->conds, policy->rules[rule].match, &p->subject))
            continue;
        if (policy->rules[rule].action != PM_ACTION_LOG)
            return position;
        count_hit(f, rule, p);
    }
    return policy->verdicts.count;
}

/* Works out where the search has to begin for every packet of this side. A rule that only logs is
 * never stepped over, because it counts each packet. */
static void fill_cache(const struct pm_filter *f, const struct passage *p, struct side_cache *cache)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    *cache = (struct side_cache){.position = policy->verdicts.count,
                                 .is_known = 1,
                                 .is_final = 1,
                                 .dir = (uint8_t)p->tracked.dir};
    uint32_t position;
    pm_rule_walk_begin(&walk, &policy->verdicts, &p->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        const struct pm_rule *rule = &policy->rules[policy->verdicts.rules[position]];
        enum pm_truth truth = pm_cond_for_flow(policy->conds, rule->match, &p->subject);
        if (truth == PM_FALSE)
            continue;
        cache->position = position;
        cache->is_final = truth == PM_TRUE && rule->action != PM_ACTION_LOG;
        return;
    }
}

static uint32_t match_in_flow(struct pm_filter *f, struct passage *p)
{
    struct filter_flow *flow = own(p);
    struct side_cache *cache = &flow->cache[p->tracked.side];
    if (!cache->is_known)
        fill_cache(f, p, cache);
    if (cache->dir != (uint8_t)p->tracked.dir)
        return first_match(f, p, 0);
    return cache->is_final ? cache->position : first_match(f, p, cache->position);
}

/* The deciding rule, or PM_NO_RULE. */
static uint32_t decide_rule(struct pm_filter *f, struct passage *p)
{
    const struct pm_policy *policy = f->policy;
    bool has_flow = p->tracked.flow;
    if (has_flow && own(p)->latched)
        return own(p)->latched - 1;
    uint32_t position = has_flow ? match_in_flow(f, p) : first_match(f, p, 0);
    if (position == policy->verdicts.count)
        return PM_NO_RULE;
    uint32_t rule = policy->verdicts.rules[position];
    if (has_flow && policy->rules[rule].scope == PM_SCOPE_FLOW)
        own(p)->latched = rule + 1;
    return rule;
}

/* ------------------------------------------------------------------ verdict */

static void put_verdict(struct passage *p, bool drop, enum pm_why why)
{
    p->decision.verdict = drop ? PM_DROP : PM_ALLOW;
    p->decision.why = why;
}

static void delay_until(struct pm_filter *f, struct passage *p, uint64_t release_ns,
                        enum pm_why why, bool drop_when_full)
{
    switch (
        pm_delay_add(&f->delay, release_ns, p->packet->cookie, p->packet->len, drop_when_full)) {
    case PM_DELAY_TAKEN:
        break;
    case PM_DELAY_TAKEN_ONE_LEFT_EARLY:
        f->stats.why[PM_WHY_DELAY_FULL]++;
        break;
    case PM_DELAY_REFUSED:
        put_verdict(p, drop_when_full, PM_WHY_DELAY_FULL);
        return;
    }
    p->decision.verdict = PM_DELAY;
    p->decision.why = why;
    p->decision.release_ns = release_ns;
}

/* delay_ns +- jitter_ns, never below 0. */
static uint64_t draw_delay(struct pm_filter *f, struct passage *p, const struct pm_rule *rule)
{
    if (rule->jitter_ns == 0)
        return rule->delay_ns;
    uint64_t flow_hash = p->tracked.flow ? p->tracked.flow->hash : 0;
    uint64_t count = p->tracked.flow ? own(p)->draws++ : f->stats.packets;
    uint64_t draw = pm_draw(f->seed, rule->id_hash, flow_hash, count);
    uint64_t span = pm_draw_below(draw, 2 * rule->jitter_ns + 1);
    uint64_t sum = rule->delay_ns + span;
    return sum > rule->jitter_ns ? sum - rule->jitter_ns : 0;
}

static void delay(struct pm_filter *f, struct passage *p, const struct pm_rule *rule)
{
    uint64_t release_ns = f->now_ns + draw_delay(f, p, rule);
    if (rule->keep_order && p->tracked.flow) {
        uint64_t *hold = &own(p)->hold_until_ns[p->tracked.side];
        if (release_ns < *hold)
            release_ns = *hold;
        *hold = release_ns;
    }
    delay_until(f, p, release_ns, PM_WHY_RULE, rule->drop_when_full);
}

static void apply_rule(struct pm_filter *f, struct passage *p, uint32_t index)
{
    const struct pm_rule *rule = &f->policy->rules[index];
    p->decision.rule = index;
    count_hit(f, index, p);
    if (rule->action == PM_ACTION_DELAY)
        delay(f, p, rule);
    else
        put_verdict(p, rule->action == PM_ACTION_DROP, PM_WHY_RULE);
}

/* Nothing matched: the default, or what the policy says where the packet could not be read or
 * tracked; then the stricter of both. */
static void apply_default(const struct pm_filter *f, struct passage *p)
{
    const struct pm_settings *s = &f->policy->settings;
    enum pm_parse parse = p->headers.parse;
    if (parse == PM_PARSE_BAD_L3 || parse == PM_PARSE_BAD_L4)
        put_verdict(p, s->default_drop || s->engine_error_drop,
                    p->headers.is_truncated ? PM_WHY_TRUNCATED : PM_WHY_MALFORMED);
    else if (parse != PM_PARSE_NOT_IP && !p->tracked.flow)
        put_verdict(p, s->default_drop || s->engine_error_drop, PM_WHY_FLOWS_FULL);
    else
        put_verdict(p, s->default_drop, PM_WHY_DEFAULT);
}

static void keep_order(struct pm_filter *f, struct passage *p)
{
    if (!p->tracked.flow || p->decision.verdict != PM_ALLOW)
        return;
    uint64_t hold_ns = own(p)->hold_until_ns[p->tracked.side];
    if (hold_ns > f->now_ns)
        delay_until(f, p, hold_ns, PM_WHY_KEPT_ORDER, false);
}

static bool is_bad(enum pm_sum_state sum)
{
    return sum == PM_SUM_WRONG || sum == PM_SUM_PARTIAL || sum == PM_SUM_ZERO;
}

static bool has_bad_checksum(const struct passage *p)
{
    const struct pm_headers *h = &p->headers;
    if (h->parse == PM_PARSE_NOT_IP || h->parse == PM_PARSE_BAD_L3)
        return false;
    if (is_bad(pm_check_ip(h)))
        return true;
    return h->parse == PM_PARSE_L4 && p->packet->csum != PM_CSUM_PARTIAL && is_bad(pm_check_l4(h));
}

/* ------------------------------------------------------------------ the line */

static void find_flow(struct pm_filter *f, struct passage *p)
{
    enum pm_parse parse = p->headers.parse;
    p->tracked = (struct pm_tracked){.dir = p->packet->dir};
    if (parse == PM_PARSE_NOT_IP || parse == PM_PARSE_BAD_L3)
        return;
    pm_track(&f->flows, &p->headers, p->packet->dir, true, f->now_ns, &p->tracked);
    if (!p->tracked.flow)
        f->stats.why[PM_WHY_FLOWS_FULL]++;
    else if (p->tracked.is_new)
        f->stats.flows++;
    p->subject.has_flow = true;
    p->subject.to_server = p->tracked.to_server;
    p->subject.flow_is_new = p->tracked.is_new;
}

/* As decide_rule. What the first fragment of a datagram got is for its later ones too. */
static uint32_t decide_fragment(struct pm_filter *f, struct passage *p)
{
    const struct pm_headers *h = &p->headers;
    uint16_t link = p->packet->link;
    bool is_read = h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3;
    struct pm_first_verdict first;
    if (!is_read || !h->is_fragment || h->has_no_length)
        return decide_rule(f, p);
    if (!h->is_first_fragment && pm_follow_find(&f->firsts, h, link, f->now_ns, &first)) {
        p->decision.dir = first.dir;
        return first.rule;
    }
    first.rule = decide_rule(f, p);
    first.dir = p->decision.dir;
    if (h->parse == PM_PARSE_L4)
        pm_follow_remember(&f->firsts, h, link, first, f->now_ns);
    else
        f->stats.why[PM_WHY_FRAGMENT]++;
    return first.rule;
}

static void judge(struct pm_filter *f, struct passage *p)
{
    if (f->policy->settings.bad_checksum_drop && has_bad_checksum(p)) {
        put_verdict(p, true, PM_WHY_BAD_CHECKSUM);
        return;
    }
    uint32_t rule = decide_fragment(f, p);
    if (rule != PM_NO_RULE)
        apply_rule(f, p, rule);
    else
        apply_default(f, p);
    keep_order(f, p);
}

static void count(struct pm_filter *f, const struct passage *p)
{
    struct pm_stats *s = &f->stats;
    uint64_t bytes = p->packet->wire_len;
    s->packets++;
    s->bytes += bytes;
    if (p->decision.why != PM_WHY_FLOWS_FULL) /* counted where the table was full */
        s->why[p->decision.why]++;
    switch (p->decision.verdict) {
    case PM_ALLOW:
        s->allowed++;
        s->allowed_bytes += bytes;
        break;
    case PM_DROP:
    case PM_REJECT:
        s->dropped++;
        s->dropped_bytes += bytes;
        break;
    case PM_DELAY:
    case PM_ASK:
        s->delayed++;
        s->delayed_bytes += bytes;
        break;
    }
    s->flows_now = f->flows.pool.used;
    s->flows_max = f->flows.flows_max;
}

struct pm_decision pm_filter_decide(struct pm_filter *filter, const struct pm_packet *packet,
                                    uint64_t now_ns)
{
    struct passage p;
    if (now_ns > filter->now_ns)
        filter->now_ns = now_ns;
    p.packet = packet;
    p.decision =
        (struct pm_decision){.rule = PM_NO_RULE, .dry_rule = PM_NO_RULE, .dir = packet->dir};
    p.subject = (struct pm_subject){.headers = &p.headers, .packet = packet, .dir = packet->dir};

    pm_headers_parse(packet->link, packet->data, packet->len, packet->wire_len, &p.headers);
    find_flow(filter, &p);
    p.subject.dir = p.decision.dir = p.tracked.dir;
    p.decision.flow_id = p.tracked.flow ? p.tracked.flow->id : 0;
    p.decision.is_new_flow = p.tracked.flow && p.tracked.is_new;
    judge(filter, &p);
    count(filter, &p);
    return p.decision;
}

bool pm_filter_due(struct pm_filter *filter, uint64_t now_ns, struct pm_due *due)
{
    uint64_t cookie;
    if (!pm_delay_take(&filter->delay, now_ns, &cookie))
        return false;
    *due = (struct pm_due){
        .cookie = cookie, .verdict = PM_ALLOW, .why = PM_WHY_RULE, .rule = PM_NO_RULE};
    return true;
}

uint64_t pm_filter_next_ns(const struct pm_filter *filter)
{
    return pm_delay_next_ns(&filter->delay);
}

const struct pm_stats *pm_filter_stats(const struct pm_filter *filter)
{
    return &filter->stats;
}

const struct pm_rule_stats *pm_filter_rule_stats(const struct pm_filter *filter, uint32_t rule)
{
    assert(rule < filter->policy->rule_count);
    return &filter->rules[rule];
}
