/* ruletest_explain.h - why a packet of a test did not get what it should: what the rules made of
 * it. */
#ifndef PKTMOD_APP_RULETEST_EXPLAIN_H
#define PKTMOD_APP_RULETEST_EXPLAIN_H

#include "app/ruletest_judge.h"

/* Runs the packets of the plan again, up to the wrong one, and tells of the rule that decided and
 * of the one that should have. rules are traced. Says nothing where nothing can be said. */
void pm_ruletest_explain(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                         const struct pm_rules *rules, const struct pm_ruletest_wrong *wrong,
                         FILE *text);

#endif
