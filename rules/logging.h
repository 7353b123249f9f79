/* logging.h - what a rule wants told of what it matched. */
#ifndef PMR_LOGGING_H
#define PMR_LOGGING_H

#include "load.h"

/* n: the rule's "log"; fills out->log. The rule's action is there already. */
void pmr_logging_of(struct load *l, const struct node *n, struct pm_rule_spec *out);

#endif
