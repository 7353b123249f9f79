/* verdict.h - allow, drop, delay. */
#ifndef PMR_VERDICT_H
#define PMR_VERDICT_H

#include "load.h"

/* Fills action and delay. */
void pmr_verdict_of(struct load *l, const struct node *n, struct pm_rule_spec *out);

#endif
