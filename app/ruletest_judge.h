/* ruletest_judge.h - holds a run of a test to what is expected of it, and explains what differs. */
#ifndef PKTMOD_APP_RULETEST_JUDGE_H
#define PKTMOD_APP_RULETEST_JUDGE_H

#include "app/ruletest_seen.h"

/* The first thing that differs, for who explains it. */
struct pm_ruletest_wrong {
    uint64_t frame;   /* 0: the rule did not do what it should, in whatever frame */
    const char *rule; /* that was expected; NULL: none */
    bool is_edit;     /* what is wrong is what left, not the verdict */
    bool is_set;
};

/* How many things differ; the first `most` of them are told. *wrong begins zeroed. */
size_t pm_ruletest_judge(const struct pm_ruletest *test, const struct pm_ruletest_seen *seen,
                         const struct pm_policy *policy, size_t most, FILE *text,
                         struct pm_ruletest_wrong *wrong);

#endif
