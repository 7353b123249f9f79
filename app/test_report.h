/* test_report.h - tells the results of tests: as text for people, TAP 13 and JUnit XML for CI.
 *
 * Nothing in it depends on how long anything took or on how many ran at a time.
 */
#ifndef PKTMOD_APP_TEST_REPORT_H
#define PKTMOD_APP_TEST_REPORT_H

#include "app/test_pool.h"

enum pm_test_format { PM_TEST_TEXT, PM_TEST_TAP, PM_TEST_JUNIT };

struct pm_test_counts {
    size_t all, of[4]; /* by status */
};

struct pm_test_report {
    FILE *out;
    enum pm_test_format format;
    bool is_verbose; /* TEXT: those that passed, too */
    bool is_coloured;
    const struct pm_test_items *items;
    struct pm_test_counts counts;
    struct pm_test_result *kept; /* JUNIT: counts come first, so everything waits */
};

/* False: no memory. */
bool pm_test_report_begin(struct pm_test_report *report);
/* In the order of the items. False: no memory. */
bool pm_test_report_tell(struct pm_test_report *report, size_t index,
                         const struct pm_test_result *result);
void pm_test_report_end(struct pm_test_report *report);
void pm_test_report_free(struct pm_test_report *report);

#endif
