/* apply.c - what the deciding rule does; the contract is in filter.h. */
#include "base/rng.h"
#include "engine/filter.h"

void pm_put_verdict(struct pm_trial *t, bool drop, enum pm_why why)
{
    t->decision.verdict = drop ? PM_DROP : PM_ALLOW;
    t->decision.why = why;
}

static void delay_until(struct pm_filter *f, struct pm_trial *t, uint64_t release_ns,
                        enum pm_why why, bool drop_when_full)
{
    switch (
        pm_delay_add(&f->delay, release_ns, t->packet->cookie, t->packet->len, drop_when_full)) {
    case PM_DELAY_TAKEN:
        break;
    case PM_DELAY_TAKEN_ONE_LEFT_EARLY:
        f->stats.why[PM_WHY_DELAY_FULL]++;
        break;
    case PM_DELAY_REFUSED:
        pm_put_verdict(t, drop_when_full, PM_WHY_DELAY_FULL);
        return;
    }
    t->decision.verdict = PM_DELAY;
    t->decision.why = why;
    t->decision.release_ns = release_ns;
}

/* delay_ns +- jitter_ns, never below 0. */
static uint64_t draw_delay(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule)
{
    if (rule->jitter_ns == 0)
        return rule->delay_ns;
    uint64_t flow_hash = t->tracked.flow ? t->tracked.flow->hash : 0;
    uint64_t count = t->tracked.flow ? pm_filter_own(t)->draws++ : f->stats.packets;
    uint64_t draw = pm_draw(f->seed, rule->id_hash, flow_hash, count);
    uint64_t span = pm_draw_below(draw, 2 * rule->jitter_ns + 1);
    uint64_t sum = rule->delay_ns + span;
    return sum > rule->jitter_ns ? sum - rule->jitter_ns : 0;
}

static void delay(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule)
{
    uint64_t release_ns = f->now_ns + draw_delay(f, t, rule);
    if (rule->keep_order && t->tracked.flow) {
        uint64_t *hold = &pm_filter_own(t)->hold_until_ns[t->tracked.side];
        if (release_ns < *hold)
            release_ns = *hold;
        *hold = release_ns;
    }
    delay_until(f, t, release_ns, PM_WHY_RULE, rule->drop_when_full);
}

void pm_apply_rule(struct pm_filter *f, struct pm_trial *t, uint32_t index)
{
    const struct pm_rule *rule = &f->policy->rules[index];
    t->decision.rule = index;
    pm_verdict_count(f, index, t);
    if (rule->action == PM_ACTION_DELAY)
        delay(f, t, rule);
    else
        pm_put_verdict(t, rule->action == PM_ACTION_DROP, PM_WHY_RULE);
}

/* Nothing matched: the default, or what the policy says where the packet could not be read or
 * tracked; then the stricter of both. */
void pm_apply_default(const struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_settings *s = &f->policy->settings;
    enum pm_parse parse = t->headers.parse;
    if (t->doubt != PM_WHY_NONE)
        pm_put_verdict(t, true, t->doubt);
    else if (parse == PM_PARSE_BAD_L3 || parse == PM_PARSE_BAD_L4)
        pm_put_verdict(t, s->default_drop || s->engine_error_drop,
                       t->headers.is_truncated ? PM_WHY_TRUNCATED : PM_WHY_MALFORMED);
    else if (parse != PM_PARSE_NOT_IP && !t->tracked.flow)
        pm_put_verdict(t, s->default_drop || s->engine_error_drop, PM_WHY_FLOWS_FULL);
    else
        pm_put_verdict(t, s->default_drop, PM_WHY_DEFAULT);
}

void pm_apply_order(struct pm_filter *f, struct pm_trial *t)
{
    if (!t->tracked.flow || t->decision.verdict != PM_ALLOW)
        return;
    uint64_t hold_ns = pm_filter_own(t)->hold_until_ns[t->tracked.side];
    if (hold_ns > f->now_ns)
        delay_until(f, t, hold_ns, PM_WHY_KEPT_ORDER, false);
}
