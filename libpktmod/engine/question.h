/* question.h - questions that wait for an answer, and the answers that are remembered.
 *
 *     rule and key -> open question -> packets that wait (parked in engine/delay.h)
 *                  -> remembered answer, until its time is over
 *     rule         -> answer for every later question
 */
#ifndef PM_ENGINE_QUESTION_H
#define PM_ENGINE_QUESTION_H

#include "base/keytable.h"
#include "base/timerq.h"
#include "engine/policy.h"

struct pm_question {
    uint32_t rule;
    uint32_t count;       /* packets that wait for it, without those that only keep order */
    uint32_t first, last; /* parked packets; PM_NIL: none */
    uint64_t id;          /* from 1; 0: closed */
    uint64_t deadline_ns;
    struct pm_key key;
};

enum pm_known { PM_KNOWN_NOTHING, PM_KNOWN_ALLOW, PM_KNOWN_DROP };

struct pm_questions {
    const struct pm_policy *policy;
    struct pm_pool open;
    struct pm_keytable by_key; /* value: index of an open question */
    struct pm_timerq deadlines;
    struct pm_keytable answers;
    uint8_t *of_rule; /* enum pm_known for each of policy->asks */
    uint64_t last_id;
};

/* Nothing is allocated for a policy that asks nothing. */
size_t pm_questions_footprint(const struct pm_policy *policy);
bool pm_questions_init(struct pm_questions *q,
                       const struct pm_policy *policy); /* false: no memory */
void pm_questions_release(struct pm_questions *q);

/* Of a policy before: what was answered to rules that are the same (kin.h) is remembered on, where
 * nothing else was answered here. Answers how many answers there was no room for. */
uint32_t pm_questions_adopt(struct pm_questions *q, const struct pm_questions *before);

/* What an earlier answer says about a question of the rule (its pm_ask) and key. */
enum pm_known pm_questions_known(struct pm_questions *q, uint32_t ask, struct pm_key key,
                                 uint64_t now_ns);
/* An answer for the key until a time; *forgot: another one made room. */
void pm_questions_remember(struct pm_questions *q, struct pm_key key, bool allow, uint64_t until_ns,
                           bool *forgot);
/* And for every later question of the rule. */
void pm_questions_settle_rule(struct pm_questions *q, uint32_t ask, bool allow);

/* The open question with the key, or with the id; NULL: none. */
struct pm_question *pm_question_by_key(struct pm_questions *q, struct pm_key key);
struct pm_question *pm_question_by_id(const struct pm_questions *q, uint64_t id);
/* A new one. NULL: too many are open. */
struct pm_question *pm_question_open(struct pm_questions *q, uint32_t rule, struct pm_key key,
                                     uint64_t deadline_ns);
/* Its packets were taken off. */
void pm_question_close(struct pm_questions *q, struct pm_question *question);

/* The one whose time ends next; NULL: none is open. */
struct pm_question *pm_question_next(const struct pm_questions *q);

#endif
