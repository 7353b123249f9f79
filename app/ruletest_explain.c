/* ruletest_explain.c - why a packet of a test did not get what it should. */
#include "app/ruletest_explain.h"

#include <inttypes.h>
#include <string.h>

#include "app/explanation.h"

#define MOST_FRAMES   64u /* that are looked at for the one a rule was nearest to */
#define MOST_REWRITES 3u  /* rules told of where an edit is not as expected */

/* False: nothing is there to be freed. */
static bool explain_frame(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                          const struct pm_rules *rules, uint64_t frame, struct pm_explanation *e)
{
    struct pm_replay_options options = pm_ruletest_options(test);
    struct pm_capture *capture = pm_ruletest_capture(test, plan, NULL, NULL);
    bool good = pm_explanation_begin(e, rules, frame) && capture != NULL &&
                pm_ruletest_give_answers(test, e->policy, &e->answers) &&
                pm_explanation_run(e, &options, capture) && e->was_seen;
    pm_capture_close(capture);
    if (!good)
        pm_explanation_free(e);
    return good;
}

static const struct pm_source_rule *source_named(const struct pm_rules *rules, const char *id)
{
    for (size_t i = 0; id != NULL && i < pm_rules_source_count(rules); i++)
        if (strcmp(pm_rules_source(rules, i)->id, id) == 0)
            return pm_rules_source(rules, i);
    return NULL;
}

/* Of the rule, or of the rewrite rule that has the fewest. */
static uint32_t misses_of(const struct pm_explanation *e, const struct pm_source_rule *source)
{
    uint32_t least = UINT32_MAX;
    if (source != NULL)
        return source->is_enabled ? e->by_rule[source->rule].misses : UINT32_MAX;
    for (uint32_t i = 0; i < pm_policy_rule_count(e->policy); i++)
        if (pm_policy_rule_action(e->policy, i) == PM_ACTION_REWRITE &&
            e->by_rule[i].misses < least)
            least = e->by_rule[i].misses;
    return least;
}

/* The first frame, of so many, that the rule (NULL: any rewrite rule) was nearest to match; 0: none
 * can be told. */
static uint64_t nearest_frame(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                              const struct pm_rules *rules, const struct pm_source_rule *source,
                              uint32_t *least)
{
    struct pm_explanation e;
    uint64_t nearest = 0;
    *least = UINT32_MAX;
    for (uint64_t frame = 1; frame <= MOST_FRAMES && *least > 0; frame++) {
        if (!explain_frame(test, plan, rules, frame, &e))
            break;
        uint32_t misses = misses_of(&e, source);
        if (misses < *least) {
            *least = misses;
            nearest = frame;
        }
        pm_explanation_free(&e);
    }
    return nearest;
}

static void tell_rewrites(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    unsigned told = 0;
    for (uint32_t i = 0; i < pm_policy_rule_count(e->policy) && told < MOST_REWRITES; i++)
        if (pm_policy_rule_action(e->policy, i) == PM_ACTION_REWRITE) {
            pm_explanation_rule(e, e->sources[i], view);
            told++;
        }
}

static void tell(const struct pm_explanation *e, const struct pm_source_rule *expected,
                 const struct pm_ruletest_wrong *wrong, FILE *text)
{
    const struct pm_explained_view view = {.out = text};
    uint32_t decider = e->decision.rule;
    bool is_decider = expected != NULL && expected->is_enabled && expected->rule == decider;
    fprintf(text,
            wrong->frame > 0 ? "why, for packet %" PRIu64 ":\n"
                             : "nearest to a match was packet %" PRIu64 ":\n",
            e->frame);
    if (decider != PM_NO_RULE && !wrong->is_edit)
        pm_explanation_rule(e, e->sources[decider], &view);
    if (expected != NULL && !(is_decider && !wrong->is_edit))
        pm_explanation_rule(e, expected, &view);
    if (wrong->is_edit && expected == NULL)
        tell_rewrites(e, &view);
    if (wrong->is_edit && wrong->frame > 0 && e->was_rewritten)
        fprintf(text, "  rewriting: %s\n",
                e->rewritten_why == PM_WHY_NONE ? "nothing was changed"
                                                : pm_why_text(e->rewritten_why));
}

void pm_ruletest_explain(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                         const struct pm_rules *rules, const struct pm_ruletest_wrong *wrong,
                         FILE *text)
{
    const struct pm_source_rule *expected = source_named(rules, wrong->rule);
    uint64_t frame = wrong->frame;
    uint32_t misses = UINT32_MAX;
    struct pm_explanation e;
    if (frame == 0)
        frame = nearest_frame(test, plan, rules, expected, &misses);
    if (frame == 0 || misses == 0 || !explain_frame(test, plan, rules, frame, &e)) {
        if (misses == 0 && expected != NULL)
            fprintf(text, "the conditions of \"%s\" hold, first for packet %" PRIu64 "\n",
                    wrong->rule, frame);
        return;
    }
    tell(&e, expected, wrong, text);
    pm_explanation_free(&e);
}
