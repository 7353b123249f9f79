/* ruletest_leaving.c - tests of a rule file: conditions that what leaves has to meet.
 *
 * They become a policy of their own, with a rule for each member that drops what does not meet it:
 * whoever runs the test lets a filter judge what leaves, and a drop names the member.
 */
#include <string.h>

#include "cond.h"
#include "diagnostic.h"
#include "expect.h"
#include "ruletests.h"

/* Policies are freed with what was loaded, however the load ends. */
struct leaving {
    struct pm_policy *policy;
    struct leaving *next;
};

/* A filter of this policy sees one packet after the other; there is nothing to remember. */
static const struct pm_settings small = {.bad_checksum_drop = false,
                                         .hold_bytes = 1,
                                         .hold_ms = 0,
                                         .flows = 16,
                                         .flow_idle_s = 1,
                                         .delayed_packets = 1,
                                         .delayed_bytes = 1,
                                         .asks = 1,
                                         .answers = 1,
                                         .meters = 1,
                                         .reject_rate = 1,
                                         .streams = 1,
                                         .stream_bytes = 4096,
                                         .stream_dir_bytes = 4096,
                                         .stream_match = 64};

static void add_member(struct load *l, const struct node *n)
{
    struct cond met = pmr_cond_member_of(l, n);
    struct pm_rule_spec spec = {.id = pmr_node_key(n), .action = PM_ACTION_DROP};

    if (met.stream != NULL)
        pmr_fail_key(l, n, CODE_RULETEST, "expect \"to_server\" or \"to_client\" of a \"stream\"",
                     "a single packet that leaves has no stream");
    else if (met.hello != NULL)
        pmr_fail_key(l, n, CODE_RULETEST, "expect the verdict and its rule",
                     "a single packet that leaves is not asked for its flow's hello");
    spec.match = pm_cond_not(l->builder, met.id);
    if (l->rules->error_count == 0)
        pm_builder_add_rule(l->builder, &spec);
}

static struct pm_policy *policy_of(struct load *l, const struct node *n)
{
    struct pm_builder *of_rules = l->builder;
    struct pm_error error = {.status = PM_OK};
    struct pm_policy *policy = NULL;

    l->builder = pmr_memory_grants(&l->memory) ? pm_builder_new() : NULL;
    l->in_test = true;
    if (l->builder == NULL) {
        l->memory.failed = true;
    } else {
        pm_builder_settings(l->builder, &small);
        for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
            add_member(l, m);
    }
    if (l->builder != NULL && l->rules->error_count > 0)
        pm_builder_free(l->builder);
    else if (l->builder != NULL && (policy = pm_builder_finish(l->builder, &error)) == NULL)
        pmr_fail(l, n, CODE_REFUSED, NULL, "%s", error.text);
    l->in_test = false;
    l->builder = of_rules;
    return policy;
}

void pmr_ruletest_leaving_of(struct load *l, const struct node *n, struct pm_policy **out)
{
    struct leaving *leaving;

    if (!pmr_expect_filled(l, n, NODE_OBJECT))
        return;
    leaving = pmr_memory_take(&l->rules->memory, sizeof *leaving);
    if (leaving == NULL)
        return;
    leaving->policy = policy_of(l, n);
    leaving->next = l->rules->leaving;
    l->rules->leaving = leaving;
    *out = leaving->policy;
}

void pmr_ruletest_leaving_free(struct pm_rules *rules)
{
    for (const struct leaving *at = rules->leaving; at != NULL; at = at->next)
        pm_policy_unref(at->policy);
    rules->leaving = NULL;
}
