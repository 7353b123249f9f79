/* verdict.c - which rule decides about a packet; the contract is in filter.h. */
#include "base/prefetch.h"
#include "engine/filter.h"
#include "engine/follow.h"

void pm_verdict_count(struct pm_filter *f, uint32_t rule, const struct pm_trial *t)
{
    f->rules[rule].packets++;
    f->rules[rule].bytes += t->packet->wire_len;
}

/* A rule of which cannot be told whether it holds: it drops the packet where the policy says so,
 * else it does not hold. */
static bool drops_in_doubt(struct pm_filter *f, struct pm_trial *t, uint32_t rule)
{
    enum pm_why why = pm_cond_room_doubt(f->room);
    if (f->policy->settings.engine_error_drop && f->policy->rules[rule].action != PM_ACTION_LOG)
        t->doubt = why;
    else
        f->stats.why[why]++;
    return t->doubt != PM_WHY_NONE;
}

/* What will be read of a rule that decides comes while its condition is evaluated. */
static void expect_rule(const struct pm_filter *f, uint32_t rule)
{
    pm_prefetch(&f->policy->rules[rule]);
    pm_prefetch(&f->rules[rule]);
}

/* The position of the first rule from `from` on that holds and ends the search. Rules that only
 * log are counted on the way. */
static uint32_t first_match(struct pm_filter *f, struct pm_trial *t, uint32_t from)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, &policy->verdicts, &t->subject, from);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = policy->verdicts.rules[position];
        expect_rule(f, rule);
        enum pm_truth truth =
            pm_cond_truth(policy->conds, policy->verdicts.conds[position], &t->subject);
        if (truth == PM_DEPENDS && drops_in_doubt(f, t, rule))
            return policy->verdicts.count;
        if (truth != PM_TRUE)
            continue;
        if (policy->rules[rule].action != PM_ACTION_LOG)
            return position;
        pm_verdict_count(f, rule, t);
    }
    return policy->verdicts.count;
}

/* Works out where the search has to begin for every packet of this side. A rule that only logs is
 * never stepped over, because it counts each packet. */
static void fill_cache(const struct pm_filter *f, const struct pm_trial *t,
                       struct pm_verdict_cache *cache)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    *cache = (struct pm_verdict_cache){
        .rule = PM_NO_RULE, .is_known = 1, .is_final = 1, .dir = (uint8_t)t->tracked.dir};
    uint32_t position;
    pm_rule_walk_begin(&walk, &policy->verdicts, &t->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = policy->verdicts.rules[position];
        expect_rule(f, rule);
        enum pm_truth truth =
            pm_cond_for_flow(policy->conds, policy->verdicts.conds[position], &t->subject);
        if (truth == PM_FALSE)
            continue;
        cache->is_final = truth == PM_TRUE && policy->rules[rule].action != PM_ACTION_LOG;
        if (cache->is_final)
            cache->rule = rule;
        else
            cache->position = position;
        return;
    }
}

static uint32_t rule_at(const struct pm_filter *f, uint32_t position)
{
    const struct pm_rule_list *verdicts = &f->policy->verdicts;
    return position == verdicts->count ? PM_NO_RULE : verdicts->rules[position];
}

static uint32_t match_in_flow(struct pm_filter *f, struct pm_trial *t)
{
    struct pm_filter_flow *flow = pm_filter_own(t);
    struct pm_verdict_cache *cache = &flow->cache[t->tracked.side];
    if (!cache->is_known)
        fill_cache(f, t, cache);
    if (cache->dir != (uint8_t)t->tracked.dir)
        return rule_at(f, first_match(f, t, 0));
    return cache->is_final ? cache->rule : rule_at(f, first_match(f, t, cache->position));
}

/* The deciding rule, or PM_NO_RULE. */
static uint32_t decide_rule(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_policy *policy = f->policy;
    bool has_flow = t->tracked.flow;
    if (has_flow && pm_filter_own(t)->latched)
        return pm_filter_own(t)->latched - 1;
    uint32_t rule = has_flow ? match_in_flow(f, t) : rule_at(f, first_match(f, t, 0));
    if (rule != PM_NO_RULE && has_flow && policy->rules[rule].scope == PM_SCOPE_FLOW)
        pm_filter_own(t)->latched = rule + 1;
    return rule;
}

/* As decide_rule. What the first fragment of a datagram got is for its later ones too. */
uint32_t pm_verdict_rule(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    uint16_t link = t->packet->link;
    bool is_read = h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3;
    struct pm_first_verdict first;
    if (!is_read || !h->is_fragment || h->has_no_length)
        return decide_rule(f, t);
    if (!h->is_first_fragment && pm_follow_find(&f->firsts, h, link, f->now_ns, &first)) {
        t->decision.dir = first.dir;
        return first.rule;
    }
    first.rule = decide_rule(f, t);
    first.dir = t->decision.dir;
    if (h->parse == PM_PARSE_L4)
        pm_follow_remember(&f->firsts, h, link, first, f->now_ns);
    else
        f->stats.why[PM_WHY_FRAGMENT]++;
    return first.rule;
}
