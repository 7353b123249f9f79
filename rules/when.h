/* when.h - the days and hours of a rule. */
#ifndef PMR_WHEN_H
#define PMR_WHEN_H

#include "load.h"

/* n: the rule's "when"; fills out->when. */
void pmr_when_of(struct load *l, const struct node *n, struct pm_modifiers *out);

#endif
