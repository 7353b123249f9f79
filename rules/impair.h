/* impair.h - operations that do to packets what bad networks do. */
#ifndef PMR_IMPAIR_H
#define PMR_IMPAIR_H

#include "load.h"

void pmr_corrupt_of(struct load *l, const struct node *n, struct pm_op_spec *op);
void pmr_duplicate_of(struct load *l, const struct node *n, struct pm_op_spec *op);
void pmr_truncate_of(struct load *l, const struct node *n, struct pm_op_spec *op);
void pmr_segment_of(struct load *l, const struct node *n, struct pm_op_spec *op);
void pmr_fragment_of(struct load *l, const struct node *n, struct pm_op_spec *op);

#endif
