/* tcpoptions.h - the operation on the options of TCP. */
#ifndef PMR_TCPOPTIONS_H
#define PMR_TCPOPTIONS_H

#include "load.h"

void pmr_tcp_options_of(struct load *l, const struct node *n, struct pm_op_spec *op);

#endif
