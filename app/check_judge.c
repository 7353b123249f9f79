/* check_judge.c - packets that lint shows, judged by the filter that runs. */
#include "app/check_judge.h"

#include <stdlib.h>

#include "app/ruletest_plan.h"

#define SECOND_NS      UINT64_C(1000000000)
#define LONGEST_WAIT_S UINT64_C(7300) /* of a delay with its jitter, or a question */

static struct pm_filter *filter_of(struct pm_check_judge *judge, struct pm_policy *policy,
                                   enum pm_stage stage)
{
    const struct pm_filter_config config = {.stage = stage};
    struct pm_error error;
    if (judge->frame == NULL)
        judge->frame = malloc(PM_CRAFT_FRAME_LEN);
    if (judge->filters[stage] == NULL && judge->frame != NULL)
        judge->filters[stage] = pm_filter_new(policy, &config, &error);
    return judge->filters[stage];
}

/* So much later that flows are forgotten, and nothing waits any more. False: time is up. */
static bool go_on(struct pm_check_judge *judge, struct pm_filter *filter, uint64_t idle_s)
{
    uint64_t step_ns = (idle_s < LONGEST_WAIT_S ? LONGEST_WAIT_S : idle_s + 1) * SECOND_NS;
    struct pm_due due;
    if (judge->now_ns > INT64_MAX - step_ns)
        return false;
    judge->now_ns += step_ns;
    while (pm_filter_due(filter, judge->now_ns, &due))
        continue;
    return true;
}

bool pm_check_judge(void *context, struct pm_policy *policy, enum pm_stage stage,
                    const struct pm_ruletest_packet *packet, struct pm_check_judged *out)
{
    struct pm_check_judge *judge = context;
    struct pm_filter *filter = filter_of(judge, policy, stage);
    struct pm_packet p = {.link = PM_CRAFT_ETHERNET,
                          .dir = packet->is_in ? PM_DIR_IN : PM_DIR_OUT,
                          .interface = packet->interface};
    if (filter == NULL || !go_on(judge, filter, pm_policy_settings(policy)->flow_idle_s))
        return false;
    p.data = judge->frame;
    p.len = p.wire_len = pm_ruletest_frame(packet, judge->frame);
    struct pm_decision decision = pm_filter_decide(filter, &p, judge->now_ns);
    out->is_by_rule = decision.why == PM_WHY_RULE || decision.why == PM_WHY_ASKED;
    out->rule = decision.rule;
    return decision.is_new_flow || decision.flow_id == 0;
}

void pm_check_judge_end(struct pm_check_judge *judge)
{
    pm_filter_free(judge->filters[PM_STAGE_ORIGINAL]);
    pm_filter_free(judge->filters[PM_STAGE_AFTER_REWRITE]);
    free(judge->frame);
    *judge = (struct pm_check_judge){.now_ns = 0};
}
