/* verdict.c - which rule decides about a packet; the contract is in filter.h. */
#include "base/prefetch.h"
#include "engine/filter.h"

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
    if (f->policy->settings.engine_error_drop && !pm_rule_watches(&f->policy->rules[rule]))
        t->doubt = why;
    else if (why != t->told)
        f->stats.why[why]++;
    t->told = why;
    return t->doubt != PM_WHY_NONE;
}

/* Whether a rule holds will be told by the rest of the flow's hello. */
static bool awaits_hello(const struct pm_filter *f, enum pm_truth truth)
{
    return truth == PM_DEPENDS && f->hellos.is_used &&
           pm_cond_room_doubt(f->room) == PM_WHY_HELLO_AWAITED;
}

/* Its condition holds, now its modifiers are asked. */
static bool is_admitted(struct pm_filter *f, const struct pm_trial *t, const struct pm_rule *rule)
{
    struct pm_occasion occasion = {
        .subject = &t->subject, .flow = t->tracked.flow, .number = t->number, .now_ns = f->now_ns};
    return rule->modifier == PM_NO_SLOT || pm_meters_admit(&f->meters, rule, &occasion);
}

/* The rule matched, but the search goes on. */
static void watch(struct pm_filter *f, struct pm_trial *t, uint32_t index)
{
    pm_verdict_count(f, index, t);
    if (f->policy->rules[index].action != PM_ACTION_LOG && t->decision.dry_rule == PM_NO_RULE)
        t->decision.dry_rule = index;
}

/* What will be read of a rule that decides comes while its condition is evaluated. */
static void expect_rule(const struct pm_filter *f, uint32_t rule)
{
    pm_prefetch(&f->policy->rules[rule]);
    pm_prefetch(&f->rules[rule]);
}

/* The first rule, from position `from` on, that holds and ends the search; PM_NO_RULE: none. */
static uint32_t first_match(struct pm_filter *f, struct pm_trial *t, uint32_t from)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, f->verdicts, &t->subject, from);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = f->verdicts->rules[position];
        expect_rule(f, rule);
        enum pm_truth truth =
            pm_cond_truth(policy->conds, f->verdicts->conds[position], &t->subject);
        if (awaits_hello(f, truth)) {
            t->awaits_hello = !pm_rule_watches(&policy->rules[rule]);
            if (t->awaits_hello)
                return PM_NO_RULE;
            continue;
        }
        if (truth == PM_DEPENDS && drops_in_doubt(f, t, rule))
            return PM_NO_RULE;
        if (truth != PM_TRUE || !is_admitted(f, t, &policy->rules[rule]))
            continue;
        if (!pm_rule_watches(&policy->rules[rule]))
            return rule;
        watch(f, t, rule);
    }
    return PM_NO_RULE;
}

/* The whole flow got `latched`. Rules before it that do not end a search still see its packets. */
static void let_watch(struct pm_filter *f, struct pm_trial *t, uint32_t latched)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, f->verdicts, &t->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = f->verdicts->rules[position];
        if (rule >= latched)
            return;
        if (pm_rule_watches(&policy->rules[rule]) &&
            pm_cond_truth(policy->conds, f->verdicts->conds[position], &t->subject) == PM_TRUE &&
            is_admitted(f, t, &policy->rules[rule]))
            watch(f, t, rule);
    }
}

/* It is to be asked for every packet that its condition holds for. */
static bool must_be_asked(const struct pm_rule *rule)
{
    return pm_rule_watches(rule) || rule->modifier != PM_NO_SLOT;
}

/* Works out where the search has to begin for every packet of this side. A rule that counts each
 * packet, or that is asked more than its condition, is never stepped over. */
static void fill_cache(const struct pm_filter *f, const struct pm_trial *t,
                       struct pm_verdict_cache *cache)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    *cache = (struct pm_verdict_cache){
        .rule = PM_NO_RULE, .is_known = 1, .is_final = 1, .dir = (uint8_t)t->tracked.dir};
    uint32_t position;
    pm_rule_walk_begin(&walk, f->verdicts, &t->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = f->verdicts->rules[position];
        expect_rule(f, rule);
        enum pm_truth truth =
            pm_cond_for_flow(policy->conds, f->verdicts->conds[position], &t->subject);
        if (truth == PM_FALSE)
            continue;
        cache->is_final = truth == PM_TRUE && !must_be_asked(&policy->rules[rule]);
        if (cache->is_final)
            cache->rule = rule;
        else
            cache->position = position;
        return;
    }
}

static const struct pm_verdict_cache *cache_of(struct pm_filter *f, struct pm_trial *t)
{
    struct pm_verdict_cache *cache = &pm_filter_own(t)->cache[t->tracked.side];
    if (!cache->is_known)
        fill_cache(f, t, cache);
    return cache;
}

bool pm_verdict_is_settled(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_verdict_cache *cache = cache_of(f, t);
    return cache->is_final && cache->dir == (uint8_t)t->tracked.dir;
}

static uint32_t match_in_flow(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_verdict_cache *cache = cache_of(f, t);
    if (cache->dir != (uint8_t)t->tracked.dir)
        return first_match(f, t, 0);
    return cache->is_final ? cache->rule : first_match(f, t, cache->position);
}

/* The deciding rule, or PM_NO_RULE. */
static uint32_t decide_rule(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_policy *policy = f->policy;
    bool has_flow = t->tracked.flow;
    if (has_flow && pm_filter_own(t)->latched) {
        uint32_t latched = pm_filter_own(t)->latched - 1;
        if (f->verdicts->has_watchers)
            let_watch(f, t, latched);
        return latched;
    }
    uint32_t rule = has_flow ? match_in_flow(f, t) : first_match(f, t, 0);
    if (rule != PM_NO_RULE && has_flow && policy->rules[rule].scope == PM_SCOPE_FLOW)
        pm_filter_own(t)->latched = rule + 1;
    return rule;
}

/* What a question would be about. */
static struct pm_key question_of(const struct pm_filter *f, const struct pm_trial *t, uint32_t rule)
{
    uint32_t ask = rule == PM_NO_RULE ? PM_NO_SLOT : f->policy->rules[rule].ask;
    if (ask == PM_NO_SLOT)
        return (struct pm_key){.a = 0};
    const struct pm_ask *about = &f->policy->asks[ask];
    return pm_rule_key(f->meters.hash_key, PM_KEY_ASK, about->kin, &about->key, &t->subject,
                       t->tracked.flow);
}

uint32_t pm_verdict_alone(struct pm_filter *f, struct pm_trial *t)
{
    uint32_t rule = decide_rule(f, t);
    t->question = question_of(f, t, rule);
    return rule;
}

uint32_t pm_verdict_rule(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    bool is_read = h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3;
    if (is_read && h->is_fragment && !h->has_no_length)
        return pm_whole_rule(f, t);
    return pm_verdict_alone(f, t);
}

/* ------------------------------------------------------------------ wholes */

/* What its first fragment is known to have got, before and at first_rule. */
enum known { KNOWN_NOT, KNOWN_FALSE, KNOWN_TRUE };

static enum known known_of(const struct pm_rule *rule, uint32_t index, bool is_first_known,
                           uint32_t first_rule)
{
    if (!is_first_known || rule->tests_payload || index > first_rule)
        return KNOWN_NOT;
    return index == first_rule ? KNOWN_TRUE : KNOWN_FALSE;
}

/* A rule that watches and held for the first fragment has counted the datagram. */
static bool was_seen(const struct pm_filter *f, uint32_t position, const struct pm_trial *alone)
{
    return alone && pm_cond_truth(f->policy->conds, f->verdicts->conds[position],
                                  &alone->subject) == PM_TRUE;
}

static uint32_t search_whole(struct pm_filter *f, struct pm_trial *w, const struct pm_trial *alone,
                             bool is_first_known, uint32_t first_rule)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, f->verdicts, &w->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t index = f->verdicts->rules[position];
        const struct pm_rule *rule = &policy->rules[index];
        enum known known = known_of(rule, index, is_first_known, first_rule);
        if (known == KNOWN_TRUE)
            return index;
        if (known == KNOWN_FALSE)
            continue;
        enum pm_truth truth =
            pm_cond_truth(policy->conds, f->verdicts->conds[position], &w->subject);
        if (truth == PM_DEPENDS && drops_in_doubt(f, w, index))
            return PM_NO_RULE;
        bool was_admitted = is_first_known && index == first_rule;
        if (truth != PM_TRUE || (pm_rule_watches(rule) && was_seen(f, position, alone)) ||
            (!was_admitted && !is_admitted(f, w, rule)))
            continue;
        if (!pm_rule_watches(rule))
            return index;
        watch(f, w, index);
    }
    return PM_NO_RULE;
}

uint32_t pm_verdict_of_whole(struct pm_filter *f, struct pm_trial *whole,
                             const struct pm_trial *alone, bool is_first_known, uint32_t first_rule)
{
    bool has_flow = whole->tracked.flow;
    if (has_flow && pm_filter_own(whole)->latched)
        return pm_filter_own(whole)->latched - 1;
    uint32_t rule = search_whole(f, whole, alone, is_first_known, first_rule);
    if (rule != PM_NO_RULE && has_flow && f->policy->rules[rule].scope == PM_SCOPE_FLOW)
        pm_filter_own(whole)->latched = rule + 1;
    whole->question = question_of(f, whole, rule);
    return rule;
}
