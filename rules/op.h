/* op.h - the operations of a rewrite, one after the other. */
#ifndef PMR_OP_H
#define PMR_OP_H

#include "cond.h"

/* Fills out->ops from the list; match is the rule's condition. */
void pmr_ops_of(struct load *l, const struct node *list, const struct cond *match,
                struct pm_rule_spec *out);

/* It edits the text of messages in a stream, and nothing else. */
bool pmr_op_edits_messages(const struct pm_op_spec *op);

#endif
