/* rule.h - rules: id, match, and what to do. */
#ifndef PMR_RULE_H
#define PMR_RULE_H

#include "load.h"

/* All rules of the list, into the builder. */
void pmr_rules_of(struct load *l, const struct node *list);
/* After all rules: whether they go together. */
void pmr_rules_check(struct load *l);

#endif
