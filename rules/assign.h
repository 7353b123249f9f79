/* assign.h - one header field that a rewrite sets, adds to, or maps (nat). */
#ifndef PMR_ASSIGN_H
#define PMR_ASSIGN_H

#include "cond.h"

/* n: the member "field": value of a "set", an "add" or a "nat"; match: which packets it will meet.
 */
void pmr_assign_of(struct load *l, const struct node *n, enum pm_op_kind kind,
                   const struct cond *match, struct pm_op_spec *out);

#endif
