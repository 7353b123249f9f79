/* test_explain.h - says in what a run differs from what is expected of it: the frame, the rule, the
 * field and byte, what follows from it, and what to do next. */
#ifndef PKTMOD_APP_TEST_EXPLAIN_H
#define PKTMOD_APP_TEST_EXPLAIN_H

#include "app/test_replay.h"
#include "app/verify_finding.h"

struct pm_explain {
    const struct pm_case *c;
    const struct pm_case_run *run;
    const struct pm_case_result *result;
    const char *summary; /* expected; NULL: there is none */
    const char *out;     /* expected, and other bytes came; NULL: nothing to say of it */
    size_t out_len;
    const char *out_name;
    unsigned most;  /* frames that are told */
    bool is_update; /* what came is what is expected from now on */
};

/* True: there is a difference, and it is told. */
bool pm_explain(const struct pm_explain *explain, FILE *text);
/* What pktmod verify found; is_folded: only how much, as other differences are told already. */
void pm_explain_findings(const struct pm_verify_findings *findings, const struct pm_case *c,
                         const struct pm_case_run *run, bool is_folded, FILE *text);

#endif
