/* check_judge.h - packets that lint shows, judged by the filter that runs. */
#ifndef PKTMOD_APP_CHECK_JUDGE_H
#define PKTMOD_APP_CHECK_JUDGE_H

#include <pktmod/pktmod.h>

#include "rules/check.h"

/* Zeroed at first; for one policy at a time. */
struct pm_check_judge {
    struct pm_filter *filters[2]; /* by stage; made when needed */
    uint8_t *frame;
    uint64_t now_ns;
};

/* A pm_check_judge_fn; the context is a struct pm_check_judge. */
bool pm_check_judge(void *context, struct pm_policy *policy, enum pm_stage stage,
                    const struct pm_ruletest_packet *packet, struct pm_check_judged *out);
/* Ready for another policy. */
void pm_check_judge_end(struct pm_check_judge *judge);

#endif
