/* ask.c - packets that wait for an answer, and what the answer does; filter.h has the contract. */
#include "engine/filter.h"

#include <string.h>

static void chain(struct pm_filter *f, struct pm_question *q, uint32_t index)
{
    uint32_t *next;
    if (q->last != PM_NIL) {
        pm_delay_parked(&f->delay, q->last, &next);
        *next = index;
    } else {
        q->first = index;
    }
    q->last = index;
}

static bool park(struct pm_filter *f, struct pm_trial *t, struct pm_question *q, bool is_settled)
{
    struct pm_waiter waiter = pm_waiter_of(t, is_settled ? PM_WHY_KEPT_ORDER : PM_WHY_ASKED);
    struct pm_filter_flow *flow = t->tracked.flow ? pm_filter_own(t) : NULL;
    waiter.due.ask_id = is_settled ? 0 : q->id;
    waiter.is_settled = is_settled;
    if (flow) {
        waiter.not_before_ns = flow->hold_until_ns[t->tracked.side];
        waiter.flow = t->tracked.flow;
        waiter.flow_id = t->tracked.flow->id;
    }
    uint32_t index = pm_delay_park(&f->delay, &waiter);
    if (index == PM_NIL)
        return false;
    chain(f, q, index);
    if (flow) {
        flow->asked[t->tracked.side] = q->id;
        flow->question[t->tracked.side] = q;
    }
    t->decision.verdict = PM_ASK;
    t->decision.why = waiter.due.why;
    t->decision.release_ns =
        q->deadline_ns > waiter.not_before_ns ? q->deadline_ns : waiter.not_before_ns;
    t->decision.ask_id = waiter.due.ask_id;
    return true;
}

/* What was answered before, to this flow or to questions like this one. */
static enum pm_known known(struct pm_filter *f, const struct pm_trial *t,
                           const struct pm_rule *rule)
{
    const struct pm_filter_flow *flow = t->tracked.flow ? pm_filter_own(t) : NULL;
    if (flow && flow->answered == t->decision.rule + 1)
        return flow->answer_allows ? PM_KNOWN_ALLOW : PM_KNOWN_DROP;
    return pm_questions_known(&f->questions, rule->ask, t->question, f->now_ns);
}

/* A packet without a flow has no key of its own where the flow is the key. */
static bool has_key(const struct pm_trial *t, const struct pm_ask *ask)
{
    return t->tracked.flow || ask->key.per != PM_PER_FLOW;
}

void pm_ask(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule)
{
    const struct pm_ask *ask = &f->policy->asks[rule->ask];
    enum pm_known answer = known(f, t, rule);
    if (answer != PM_KNOWN_NOTHING) {
        pm_put_verdict(t, answer == PM_KNOWN_DROP, PM_WHY_ANSWER);
        return;
    }
    pm_put_verdict(t, ask->timeout_drop, PM_WHY_ASK_FULL);
    struct pm_question *q = has_key(t, ask) ? pm_question_by_key(&f->questions, t->question) : NULL;
    bool is_new = !q && has_key(t, ask);
    if (is_new)
        q = pm_question_open(&f->questions, t->decision.rule, t->question,
                             pm_add_ns(f->now_ns, ask->timeout_ns));
    if (!q || q->count == ask->hold_packets)
        return;
    if (park(f, t, q, false)) {
        q->count++;
        t->decision.is_new_ask = is_new;
    } else if (is_new) {
        pm_question_close(&f->questions, q);
    }
}

bool pm_ask_follow(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_filter_flow *flow = pm_filter_own(t);
    uint64_t id = flow->asked[t->tracked.side];
    struct pm_question *q = flow->question[t->tracked.side];
    if (id == 0 || q->id != id)
        return false;
    if (!park(f, t, q, true))
        pm_put_verdict(t, false, PM_WHY_DELAY_FULL);
    return true;
}

/* ------------------------------------------------------------------ answers */

struct settlement {
    bool allow;
    enum pm_why why;
    bool for_flow;
    uint64_t now_ns;
};

static void tell_flow(const struct pm_waiter *w, uint32_t rule, bool allow)
{
    if (!w->flow || w->flow->id != w->flow_id)
        return;
    struct pm_filter_flow *flow = pm_flow_own(w->flow);
    flow->answered = rule + 1;
    flow->answer_allows = allow;
}

static void count_settled(struct pm_filter *f, const struct pm_waiter *w,
                          const struct settlement *how)
{
    f->stats.why[how->why]++;
    if (how->allow)
        return;
    f->stats.asked_dropped++;
    f->stats.asked_dropped_bytes += w->wire_len;
}

/* All its packets are due. */
static void settle(struct pm_filter *f, struct pm_question *q, const struct settlement *how)
{
    uint32_t index = q->first;
    while (index != PM_NIL) {
        uint32_t *next, here = index;
        struct pm_waiter *w = pm_delay_parked(&f->delay, index, &next);
        index = *next;
        if (!w->is_settled) {
            w->due.verdict = how->allow ? PM_ALLOW : PM_DROP;
            w->due.why = how->why;
            count_settled(f, w, how);
            if (how->for_flow)
                tell_flow(w, q->rule, how->allow);
        }
        pm_delay_unpark(&f->delay, here,
                        w->not_before_ns > how->now_ns ? w->not_before_ns : how->now_ns);
    }
    pm_question_close(&f->questions, q);
}

void pm_ask_expire(struct pm_filter *f, uint64_t now_ns)
{
    struct pm_question *q;
    while ((q = pm_question_next(&f->questions)) && q->deadline_ns <= now_ns) {
        const struct pm_ask *ask = &f->policy->asks[f->policy->rules[q->rule].ask];
        struct settlement how = {.allow = !ask->timeout_drop,
                                 .why = PM_WHY_ASK_TIMEOUT,
                                 .for_flow = false,
                                 .now_ns = q->deadline_ns};
        settle(f, q, &how);
    }
}

static void remember(struct pm_filter *f, const struct pm_question *q, bool allow,
                     uint64_t duration_ns)
{
    bool forgot;
    if (duration_ns == 0)
        return;
    pm_questions_remember(&f->questions, q->key, allow, pm_add_ns(f->now_ns, duration_ns), &forgot);
    f->stats.why[PM_WHY_ANSWERS_FULL] += forgot;
}

bool pm_filter_answer(struct pm_filter *filter, uint64_t ask_id, bool allow,
                      enum pm_answer_for answer_for, uint64_t duration_ns, uint64_t now_ns)
{
    if (now_ns > filter->now_ns)
        filter->now_ns = now_ns;
    struct pm_question *q = pm_question_by_id(&filter->questions, ask_id);
    if (!q || q->deadline_ns < filter->now_ns)
        return false;
    const struct pm_rule *rule = &filter->policy->rules[q->rule];
    uint64_t remember_ns = filter->policy->asks[rule->ask].remember_ns;
    switch (answer_for) {
    case PM_FOR_FLOW:
        remember(filter, q, allow, remember_ns);
        break;
    case PM_FOR_RULE:
        pm_questions_settle_rule(&filter->questions, rule->ask, allow);
        break;
    case PM_FOR_TIME:
        remember(filter, q, allow, duration_ns > remember_ns ? duration_ns : remember_ns);
        break;
    }
    struct settlement how = {.allow = allow,
                             .why = PM_WHY_ANSWER,
                             .for_flow = answer_for == PM_FOR_FLOW,
                             .now_ns = filter->now_ns};
    settle(filter, q, &how);
    return true;
}
