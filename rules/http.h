/* http.h - the operation on HTTP messages. */
#ifndef PMR_HTTP_H
#define PMR_HTTP_H

#include "load.h"

void pmr_http_of(struct load *l, const struct node *n, struct pm_op_spec *op);

#endif
