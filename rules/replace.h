/* replace.h - operations that look for bytes: replace, and delete of what is found. */
#ifndef PMR_REPLACE_H
#define PMR_REPLACE_H

#include "load.h"

void pmr_replace_of(struct load *l, const struct node *n, struct pm_op_spec *op);
/* The members of a delete that has "find" or "regex"; its keys are checked already. */
void pmr_delete_found_of(struct load *l, const struct node *n, struct pm_op_spec *op);

/* "in" */
void pmr_where_of(struct load *l, const struct node *n, enum pm_where *out);

#endif
