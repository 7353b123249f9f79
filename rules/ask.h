/* ask.h - the verdict that somebody else gives: a person, a program. */
#ifndef PMR_ASK_H
#define PMR_ASK_H

#include "load.h"

/* Fills action and ask. */
void pmr_ask_of(struct load *l, const struct node *n, struct pm_rule_spec *out);

#endif
