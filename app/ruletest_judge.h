/* ruletest_judge.h - holds a run of a test to what is expected of it, and explains what differs. */
#ifndef PKTMOD_APP_RULETEST_JUDGE_H
#define PKTMOD_APP_RULETEST_JUDGE_H

#include "app/ruletest_seen.h"

/* How many things differ; the first `most` of them are told. */
size_t pm_ruletest_judge(const struct pm_ruletest *test, const struct pm_ruletest_seen *seen,
                         const struct pm_policy *policy, size_t most, FILE *text);

#endif
