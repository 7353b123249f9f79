/* ruletest_answers.c - tests of a rule file: what questions of `ask` rules are answered. */
#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "ruletests.h"

#define AFTER_MS_MAX INT64_C(86400000) /* a day */
#define FOR_S_MAX    INT64_C(31536000) /* a year */
#define TIMES_MAX    INT32_MAX

/* The node is what stands behind "id" in the rule. */
static bool asks(const struct node *id)
{
    const struct node *verdict = pmr_node_get(id - id->up, "verdict");

    return verdict != NULL && pmr_node_get(verdict, "ask") != NULL;
}

static void take_rule(struct load *l, const struct node *n, struct pm_ruletest_answer *out)
{
    const char *id;

    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    id = pmr_node_text(n);
    if (!pmr_ruletest_is_rule(l, n, id, false))
        return;
    if (!asks(pmr_names_get(&l->ids, id)))
        pmr_fail(l, n, CODE_RULETEST, NULL, "rule %s asks nothing", pmr_quote(id).text);
    else
        out->rule = pmr_memory_copy(&l->rules->memory, id, strlen(id));
}

/* "flow", "rule", or seconds */
static void take_for(struct load *l, const struct node *n, struct pm_ruletest_answer *out)
{
    static const char *const words[] = {"flow", "rule", NULL};
    int64_t seconds = 0;
    size_t word = 0;

    if (pmr_node_kind(n) == NODE_NUMBER) {
        pmr_expect_whole(l, n, 1, FOR_S_MAX, &seconds);
        out->answer_for = PM_RULETEST_FOR_TIME;
        out->duration_ns = (uint64_t)seconds * 1000000000;
    } else if (pmr_expect_word(l, n, words, &word)) {
        out->answer_for = word == 0 ? PM_RULETEST_FOR_FLOW : PM_RULETEST_FOR_RULE;
    }
}

static void take_word(struct load *l, const struct node *n, struct pm_ruletest_answer *out)
{
    static const char *const words[] = {"allow", "drop", NULL};
    size_t index = 0;

    if (pmr_expect_word(l, n, words, &index))
        out->is_allow = index == 0;
}

/* "allow", "drop", or an object with more */
static void take_answer(struct load *l, const struct node *n, struct pm_ruletest_answer *out)
{
    static const struct key keys[] = {
        {"rule", false}, {"answer", false}, {"after_ms", false}, {"for", false}, {"times", false}};
    const struct node *member;
    int64_t after_ms = 0, times = 1;

    out->times = 1;
    if (pmr_node_kind(n) != NODE_OBJECT) {
        take_word(l, n, out);
        return;
    }
    pmr_expect_keys(l, n, keys, sizeof keys / sizeof keys[0], "an answer");
    member = pmr_expect_member(l, n, "answer", "an answer");
    if (member != NULL)
        take_word(l, member, out);
    if ((member = pmr_node_get(n, "rule")) != NULL)
        take_rule(l, member, out);
    if ((member = pmr_node_get(n, "for")) != NULL)
        take_for(l, member, out);
    if ((member = pmr_node_get(n, "times")) != NULL)
        pmr_expect_whole(l, member, 1, TIMES_MAX, &times);
    pmr_ruletest_number(l, n, "after_ms", AFTER_MS_MAX, &after_ms);
    out->after_ns = (uint64_t)after_ms * 1000000;
    out->times = (uint64_t)times;
}

void pmr_ruletest_answers_of(struct load *l, const struct node *n, struct pm_ruletest *out)
{
    struct pm_ruletest_answer *answers;

    if (!pmr_expect_filled(l, n, NODE_LIST))
        return;
    answers = pmr_memory_array(&l->rules->memory, pmr_node_count(n), sizeof *answers);
    if (answers == NULL)
        return;
    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
        take_answer(l, m, &answers[out->answer_count++]);
    out->answers = answers;
}
