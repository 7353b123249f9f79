/* op.h - the operations of a rewrite, one after the other. */
#ifndef PMR_OP_H
#define PMR_OP_H

#include "cond.h"

/* Fills out->ops from the list; match is the rule's condition. */
void pmr_ops_of(struct load *l, const struct node *list, const struct cond *match,
                struct pm_rule_spec *out);

#endif
