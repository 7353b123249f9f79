/* test_judge.h - runs a case and holds what comes out to what is expected. */
#ifndef PKTMOD_APP_TEST_JUDGE_H
#define PKTMOD_APP_TEST_JUDGE_H

#include "app/test_item.h"

/* The context is the path of the case's folder. */
enum pm_test_status pm_case_test(const void *folder, const struct pm_test_options *options,
                                 FILE *text);

#endif
