/* kin.h - which rule of another policy is the same one, as far as what it counts and what it was
 * answered goes: it has the same id, and counts, or asks about, the same things in the same way.
 *
 *     policy before: rule "web", limit 10/s per ip.src  --kin--> rule "web", limit 10/s per ip.src
 *                    rule "dns", limit 10/s                     rule "dns", limit 20/s (no kin)
 */
#ifndef PM_ENGINE_KIN_H
#define PM_ENGINE_KIN_H

#include "engine/policy.h"

/* Gives each of policy->modifiers and policy->asks its kin, unlike all others of the policy, and
 * fills policy->kin. False: no memory. */
bool pm_kin_assign(struct pm_policy *policy);
/* Where it is in policy->modifiers or, of an ask, in policy->asks; PM_NO_SLOT: nowhere. */
uint32_t pm_kin_find(const struct pm_policy *policy, uint64_t kin);

#endif
