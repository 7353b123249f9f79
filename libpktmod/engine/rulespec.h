/* rulespec.h - which combinations of verdict, stage, modifiers and edits make no sense in a rule.
 */
#ifndef PM_ENGINE_RULESPEC_H
#define PM_ENGINE_RULESPEC_H

#include "engine/policy.h"

/* What is wrong with the rule, but for its edits, or NULL. policy: as far as it is built. */
const char *pm_rulespec_fault(const struct pm_policy *policy, const struct pm_rule_spec *spec);
/* Some edit looks at streams, or maps flows; then its modifiers are asked once for each flow. */
bool pm_rulespec_edits_stream(const struct pm_rule_spec *spec);

#endif
