/* test.h - the test of one field: what stands behind its name in a condition. */
#ifndef PMR_TEST_H
#define PMR_TEST_H

#include "cond.h"

struct cond pmr_test_of(struct load *l, enum pm_field field, const struct node *n);

/* The field named by the key of n; false: complained, or it is of a later version. */
bool pmr_field_of(struct load *l, const struct node *n, enum pm_field *field);
/* The same by the text of n. */
bool pmr_field_named(struct load *l, const struct node *n, enum pm_field *field);

/* Whether only packets that are not TCP have the field. */
bool pmr_field_excludes_tcp(enum pm_field field);

#endif
