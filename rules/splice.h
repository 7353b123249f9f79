/* splice.h - operations at a place rather than at a find: insert, delete. */
#ifndef PMR_SPLICE_H
#define PMR_SPLICE_H

#include "load.h"

void pmr_insert_of(struct load *l, const struct node *n, struct pm_op_spec *op);
/* Of a range; or of what is found, which is a replace with nothing. */
void pmr_delete_of(struct load *l, const struct node *n, struct pm_op_spec *op);

#endif
