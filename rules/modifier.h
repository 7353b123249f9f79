/* modifier.h - what narrows a rule beyond its match: limit, sample, count; when has its own file.
 */
#ifndef PMR_MODIFIER_H
#define PMR_MODIFIER_H

#include "cond.h"

/* Fills out->modifiers from the rule; its action and edits are there already. */
void pmr_modifiers_of(struct load *l, const struct node *rule, const struct cond *match,
                      struct pm_rule_spec *out);

/* "10/s" and the like; false: complained. */
bool pmr_rate_of(struct load *l, const struct node *n, uint32_t *count, uint64_t *per_ns);

/* Counts rules that are in use and asked once for each flow: there is an end to them. */
void pmr_modifiers_count(struct load *l, const struct node *rule, const struct cond *match,
                         const struct pm_rule_spec *spec);

#endif
