/* adopt.c - a new policy takes over the flows of the filter before it; and a look at them. */
#include "engine/filter.h"

#include <string.h>

/* ------------------------------------------------------------------ taking over */

/* The rule of the new policy that asks under the same name, plus 1; 0: none. */
static uint32_t same_ask(const struct pm_policy *now, const struct pm_policy *was, uint32_t rule)
{
    for (uint32_t i = 0; i < now->rule_count; i++)
        if (now->rules[i].action == PM_ACTION_ASK &&
            strcmp(pm_policy_rule_id(now, i), pm_policy_rule_id(was, rule)) == 0)
            return i + 1;
    return 0;
}

static void take_answer(const struct pm_filter *f, const struct pm_filter *before,
                        struct pm_filter_flow *own, const struct pm_filter_flow *old)
{
    if (old->answered == 0 || own->answered > 0)
        return;
    own->answered = same_ask(f->policy, before->policy, old->answered - 1);
    own->answer_allows = old->answer_allows;
}

/* What belongs to the flow stays; what the old rules made of it does not. */
static void take_flow(struct pm_filter *f, const struct pm_filter *before,
                      const struct pm_flow *was)
{
    struct pm_flow *flow = pm_flow_add(&f->flows, &was->key, pm_flow_hash(&f->flows, &was->key),
                                       (enum pm_flow_queue)was->queue, was->last_ns);
    if (!flow)
        return;
    const struct pm_filter_flow *old = pm_flow_own_const(was);
    struct pm_filter_flow *own = pm_flow_own(flow);
    flow->id = was->id;
    flow->client = was->client;
    flow->host_side = was->host_side;
    flow->syn_seen = was->syn_seen;
    flow->fin_seen = was->fin_seen;
    flow->rst_seen = was->rst_seen;
    flow->is_midstream = was->is_midstream;
    memcpy(own->hold_until_ns, old->hold_until_ns, sizeof own->hold_until_ns);
    memcpy(own->sent_end, old->sent_end, sizeof own->sent_end);
    own->has_sent = old->has_sent;
    pm_hello_adopt(f, flow, before, was);
    own->packets = old->packets;
    own->draws = old->draws;
    take_answer(f, before, own, old);
}

static void take_remembered(struct pm_filter *filter, const struct pm_filter *before)
{
    filter->stats.why[PM_WHY_ANSWERS_FULL] +=
        pm_questions_adopt(&filter->questions, &before->questions);
}

void pm_filter_adopt_answers(struct pm_filter *filter, const struct pm_filter *before)
{
    const struct pm_flow_table *old = &before->flows;
    take_remembered(filter, before);
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++)
        for (uint32_t i = old->oldest[q]; i != PM_NIL;) {
            const struct pm_flow *was = pm_pool_at(&old->pool, i);
            struct pm_flow *flow = pm_flow_find(
                &filter->flows, &was->key, pm_flow_hash(&filter->flows, &was->key), filter->now_ns);
            if (flow && flow->id == was->id)
                take_answer(filter, before, pm_flow_own(flow), pm_flow_own_const(was));
            i = was->newer;
        }
}

void pm_filter_adopt(struct pm_filter *filter, const struct pm_filter *before)
{
    const struct pm_flow_table *old = &before->flows;
    filter->now_ns = before->now_ns;
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++)
        for (uint32_t i = old->oldest[q]; i != PM_NIL;) {
            const struct pm_flow *was = pm_pool_at(&old->pool, i);
            take_flow(filter, before, was);
            i = was->newer;
        }
    filter->flows.last_id = old->last_id;
    pm_meters_adopt(&filter->meters, &before->meters);
    take_remembered(filter, before);
    if (filter->policy->settings.reject_rate == before->policy->settings.reject_rate)
        filter->reject_bucket = before->reject_bucket;
    filter->stats.flows_now = filter->flows.pool.used;
    filter->stats.flows_max = filter->flows.flows_max;
}

/* ------------------------------------------------------------------ settled flows */

/* Every packet of the side is allowed, whatever it brings. */
static bool passes_for_good(const struct pm_filter *f, const struct pm_filter_flow *own,
                            unsigned side)
{
    const struct pm_verdict_cache *cache = &own->cache[side];
    if (!cache->is_known || !cache->is_final || own->hold_until_ns[side] > f->now_ns)
        return false;
    if (cache->rule == PM_NO_RULE)
        return !f->policy->settings.default_drop;
    return f->policy->rules[cache->rule].action == PM_ACTION_ALLOW;
}

bool pm_flow_is_settled(const struct pm_filter *f, const struct pm_flow *flow)
{
    const struct pm_settings *s = &f->policy->settings;
    const struct pm_filter_flow *own = pm_flow_own_const(flow);
    if (own->latched || s->bad_checksum_drop || s->midstream == PM_MIDSTREAM_DROP)
        return false;
    return passes_for_good(f, own, 0) && passes_for_good(f, own, 1);
}

/* ------------------------------------------------------------------ looking */

static void describe(const struct pm_filter *f, const struct pm_flow *flow,
                     struct pm_flow_info *out)
{
    const struct pm_filter_flow *own = pm_flow_own_const(flow);
    unsigned client = flow->client;
    *out =
        (struct pm_flow_info){.id = flow->id,
                              .packets = own->packets,
                              .idle_ns = f->now_ns > flow->last_ns ? f->now_ns - flow->last_ns : 0,
                              .dir = flow->host_side > 1         ? PM_DIR_UNKNOWN
                                     : flow->host_side == client ? PM_DIR_OUT
                                                                 : PM_DIR_IN,
                              .is_settled = pm_flow_is_settled(f, flow),
                              .is_closed = flow->rst_seen || flow->fin_seen == 3};
    struct pm_endpoints *ends = &out->ends;
    size_t len = flow->key.ip_version == 4 ? 4 : 16;
    ends->src.version = ends->dst.version = flow->key.ip_version;
    memcpy(ends->src.bytes, flow->key.addr[client], len);
    memcpy(ends->dst.bytes, flow->key.addr[1 - client], len);
    ends->src_port = flow->key.port[client];
    ends->dst_port = flow->key.port[1 - client];
    ends->ip_proto = flow->key.ip_proto;
    ends->has_ports = flow->key.has_ports;
}

size_t pm_filter_flows(const struct pm_filter *filter, struct pm_flow_info *out, size_t cap)
{
    const struct pm_flow_table *t = &filter->flows;
    size_t count = 0;
    for (unsigned q = PM_FLOW_QUEUES; q-- > 0;)
        for (uint32_t i = t->newest[q]; i != PM_NIL && count < cap;) {
            const struct pm_flow *flow = pm_pool_at(&t->pool, i);
            if (filter->now_ns - flow->last_ns <= t->idle_ns)
                describe(filter, flow, &out[count++]);
            i = flow->older;
        }
    return count;
}
