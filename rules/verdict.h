/* verdict.h - allow, drop, delay, reject, ask. */
#ifndef PMR_VERDICT_H
#define PMR_VERDICT_H

#include "load.h"

/* Fills action, delay, reject and ask. */
void pmr_verdict_of(struct load *l, const struct node *n, struct pm_rule_spec *out);

#endif
