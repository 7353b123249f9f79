/* question.c - open questions and remembered answers; the contract is in question.h. */
#include "engine/question.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kin.h"

struct answer {
    uint64_t until_ns;
    bool allow;
};

size_t pm_questions_footprint(const struct pm_policy *policy)
{
    const struct pm_settings *s = &policy->settings;
    if (policy->ask_count == 0)
        return 0;
    return pm_pool_footprint(sizeof(struct pm_question), s->asks) +
           pm_keytable_footprint(s->asks, sizeof(uint32_t)) + s->asks * sizeof(struct pm_timer) +
           pm_keytable_footprint(s->answers, sizeof(struct answer)) + policy->ask_count;
}

bool pm_questions_init(struct pm_questions *q, const struct pm_policy *policy)
{
    const struct pm_settings *s = &policy->settings;
    *q = (struct pm_questions){.policy = policy};
    if (policy->ask_count == 0)
        return true;
    q->of_rule = calloc(policy->ask_count, sizeof *q->of_rule);
    return q->of_rule && pm_pool_init(&q->open, sizeof(struct pm_question), s->asks) &&
           pm_keytable_init(&q->by_key, s->asks, sizeof(uint32_t)) &&
           pm_timerq_init(&q->deadlines, s->asks) &&
           pm_keytable_init(&q->answers, s->answers, sizeof(struct answer));
}

void pm_questions_release(struct pm_questions *q)
{
    pm_keytable_release(&q->answers);
    pm_timerq_release(&q->deadlines);
    pm_keytable_release(&q->by_key);
    pm_pool_release(&q->open);
    free(q->of_rule);
    q->of_rule = NULL;
}

/* ------------------------------------------------------------------ answers */

uint32_t pm_questions_adopt(struct pm_questions *q, const struct pm_questions *before)
{
    if (q->policy->ask_count == 0 || before->policy->ask_count == 0)
        return 0;
    for (uint32_t i = 0; i < q->policy->ask_count; i++) {
        uint32_t was = pm_kin_find(before->policy, q->policy->asks[i].kin);
        if (was != PM_NO_SLOT && q->of_rule[i] == PM_KNOWN_NOTHING)
            q->of_rule[i] = before->of_rule[was];
    }
    return pm_keytable_take(&q->answers, &before->answers);
}

enum pm_known pm_questions_known(struct pm_questions *q, uint32_t ask, struct pm_key key,
                                 uint64_t now_ns)
{
    if (q->of_rule[ask] != PM_KNOWN_NOTHING)
        return (enum pm_known)q->of_rule[ask];
    const struct answer *answer = pm_keytable_find(&q->answers, key);
    if (!answer)
        return PM_KNOWN_NOTHING;
    if (answer->until_ns > now_ns)
        return answer->allow ? PM_KNOWN_ALLOW : PM_KNOWN_DROP;
    pm_keytable_remove(&q->answers, key);
    return PM_KNOWN_NOTHING;
}

void pm_questions_remember(struct pm_questions *q, struct pm_key key, bool allow, uint64_t until_ns,
                           bool *forgot)
{
    *forgot = false;
    struct answer *answer = pm_keytable_find(&q->answers, key);
    if (!answer)
        answer = pm_keytable_add(&q->answers, key, forgot);
    if (answer)
        *answer = (struct answer){.until_ns = until_ns, .allow = allow};
}

void pm_questions_settle_rule(struct pm_questions *q, uint32_t ask, bool allow)
{
    q->of_rule[ask] = allow ? PM_KNOWN_ALLOW : PM_KNOWN_DROP;
}

/* ------------------------------------------------------------------ questions */

static struct pm_question *at(const struct pm_questions *q, uint64_t index)
{
    return pm_pool_at(&q->open, (uint32_t)index);
}

struct pm_question *pm_question_by_key(struct pm_questions *q, struct pm_key key)
{
    const uint32_t *index = pm_keytable_find(&q->by_key, key);
    return index ? at(q, *index) : NULL;
}

struct pm_question *pm_question_by_id(const struct pm_questions *q, uint64_t id)
{
    for (uint32_t i = 0; i < q->deadlines.count; i++)
        if (at(q, q->deadlines.heap[i].value)->id == id)
            return at(q, q->deadlines.heap[i].value);
    return NULL;
}

struct pm_question *pm_question_open(struct pm_questions *q, uint32_t rule, struct pm_key key,
                                     uint64_t deadline_ns)
{
    bool forgot;
    uint32_t index = pm_pool_take(&q->open);
    if (index == PM_NIL)
        return NULL;
    memcpy(pm_keytable_add(&q->by_key, key, &forgot), &index, sizeof index);
    pm_timerq_add(&q->deadlines, deadline_ns, index);
    *at(q, index) = (struct pm_question){.rule = rule,
                                         .first = PM_NIL,
                                         .last = PM_NIL,
                                         .id = ++q->last_id,
                                         .deadline_ns = deadline_ns,
                                         .key = key};
    return at(q, index);
}

void pm_question_close(struct pm_questions *q, struct pm_question *question)
{
    uint32_t index;
    memcpy(&index, pm_keytable_peek(&q->by_key, question->key), sizeof index);
    pm_keytable_remove(&q->by_key, question->key);
    pm_timerq_remove(&q->deadlines, index);
    question->id = 0;
    pm_pool_put(&q->open, index);
}

struct pm_question *pm_question_next(const struct pm_questions *q)
{
    const struct pm_timer *timer = pm_timerq_peek(&q->deadlines);
    return timer ? at(q, timer->value) : NULL;
}
