/* meaningof.h - keeps what rules, settings and sets mean, where somebody asked for it. */
#ifndef PMR_MEANINGOF_H
#define PMR_MEANINGOF_H

#include "load.h"

/* Each does nothing without rules->meaning. */
void pmr_meaning_rule(struct load *l, const struct node *rule, const struct pm_rule_spec *spec,
                      bool is_enabled);
/* policy: the object, or NULL. */
void pmr_meaning_settings(struct load *l, const struct node *policy,
                          const struct pm_settings *settings);
/* All sets, once they are filled. */
void pmr_meaning_sets(struct load *l);

#endif
