/* test_junit.h - results of tests as JUnit XML, in the shape that CI servers read. */
#ifndef PKTMOD_APP_TEST_JUNIT_H
#define PKTMOD_APP_TEST_JUNIT_H

#include "app/test_report.h"

/* One <testsuite> for each argument. Without times: the same results give the same bytes. */
void pm_test_junit(FILE *out, const struct pm_test_items *items,
                   const struct pm_test_result *results, const struct pm_test_counts *counts);

#endif
