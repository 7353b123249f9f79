/* external.h - the operation that leaves the editing to another program. */
#ifndef PMR_EXTERNAL_H
#define PMR_EXTERNAL_H

#include "load.h"

void pmr_external_of(struct load *l, const struct node *n, struct pm_op_spec *op);

#endif
