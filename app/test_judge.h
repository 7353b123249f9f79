/* test_judge.h - runs a case and holds what comes out to what is expected. */
#ifndef PKTMOD_APP_TEST_JUDGE_H
#define PKTMOD_APP_TEST_JUDGE_H

#include "app/test_item.h"
#include "app/test_replay.h"
#include "app/verify.h"

/* The context is the path of the case's folder. */
enum pm_test_status pm_case_test(const void *folder, const struct pm_test_options *options,
                                 FILE *text);

/* What pktmod verify finds in what left in a run, with the input as baseline; at most so many of it
 * are kept. False: no memory, told to `text`. pm_verify_end() in any case. */
bool pm_case_verify(const struct pm_case *c, const struct pm_case_run *run,
                    const struct pm_case_result *result, size_t most, struct pm_verify *verify,
                    FILE *text);

#endif
