/* reads.h - the tests of a condition, and how much of a packet they look at. */
#ifndef PM_MATCH_READS_H
#define PM_MATCH_READS_H

#include "match/cond.h"
#include "match/condtree.h"

typedef void pm_test_visit_fn(void *context, const struct pm_node *node);

/* Calls visit for every test, and every question whether a field is there, at any depth. */
void pm_cond_visit_tests(const struct pm_conds *c, pm_cond_id cond, pm_test_visit_fn *visit,
                         void *context);

/* Whether the condition, at any depth, looks behind the headers: payload, what is read from it,
 * stream, or BPF, which may look anywhere. */
bool pm_cond_reads_payload(const struct pm_conds *c, pm_cond_id cond);
/* Whether it tests HTTP messages. */
bool pm_cond_tests_http(const struct pm_conds *c, pm_cond_id cond);

#endif
