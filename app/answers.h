/* answers.h - scripted answers of a replay to what `ask` rules ask, in virtual time.
 *
 *     { "answers": [ { "rule": id?, "answer": "allow"|"drop", "after_ms": n?,
 *                      "for": "flow"|"rule"|seconds?, "times": n? } ] }
 *
 * A question takes the first entry that fits its rule and was not used `times` times yet; without
 * one it times out.
 */
#ifndef PKTMOD_APP_ANSWERS_H
#define PKTMOD_APP_ANSWERS_H

#include <pktmod/pktmod.h>

/* One that is to be given. */
struct pm_answer {
    uint64_t when_ns, ask_id, duration_ns;
    enum pm_answer_for answer_for;
    bool allow;
};

struct pm_answer_entry {
    uint32_t rule; /* PM_NO_RULE: any */
    uint64_t after_ns, duration_ns;
    uint64_t uses_left;
    enum pm_answer_for answer_for;
    bool allow;
};

struct pm_answers {
    struct pm_answer_entry *entries;
    size_t count;
    struct pm_answer *pending; /* the soonest last; of equals the first asked last */
    size_t pending_count, pending_cap;
};

/* False: complained already. `answers` begins zeroed. */
bool pm_answers_load(struct pm_answers *answers, const char *path, const struct pm_policy *policy);
void pm_answers_free(struct pm_answers *answers);

/* A question was asked. False: no memory. */
bool pm_answers_expect(struct pm_answers *answers, uint32_t rule, uint64_t ask_id, uint64_t now_ns);
/* When the next answer comes; UINT64_MAX: none does. */
uint64_t pm_answers_next_ns(const struct pm_answers *answers);
struct pm_answer pm_answers_take(struct pm_answers *answers); /* that one */

#endif
