/* sametest.h - tests that stand in a policy already: many rules name the same port or protocol, and
 * one node is enough for all of them. While a policy is built. */
#ifndef PM_MATCH_SAMETEST_H
#define PM_MATCH_SAMETEST_H

#include "match/cond.h"

/* Open addressing; slots hold tests of one value, 0 is free. */
struct pm_same_tests {
    pm_cond_id *slots;
    uint32_t cap, count;
};

/* Whether values of its kind are compared; *own becomes the value with all else zero. */
bool pm_same_test_value(const struct pm_value *value, struct pm_value *own);

/* The test of that field and value; PM_COND_TRUE: there is none. */
pm_cond_id pm_same_test_find(const struct pm_conds *c, const struct pm_same_tests *tests,
                             enum pm_field field, const struct pm_value *own);
/* Remembers a test. Without memory it is not found later, and that is all. */
void pm_same_test_add(const struct pm_conds *c, struct pm_same_tests *tests, pm_cond_id id);
void pm_same_tests_release(struct pm_same_tests *tests);

#endif
