/* run_plan.h - the destinations whose traffic enters a tunnel: what the rewrite rules ask for, or
 * what the command line says. */
#ifndef PKTMOD_TUNNEL_RUN_PLAN_H
#define PKTMOD_TUNNEL_RUN_PLAN_H

#include <stdio.h>

#include <pktmod/pktmod.h>

struct pm_run_plan {
    struct pm_prefix *prefixes; /* each once */
    uint32_t *rules;            /* that asked for it first, or PM_NO_RULE */
    size_t count, cap;
};

/* From the rules in force. One that names no address asks for all of IPv4 and IPv6. False: no
 * memory. */
bool pm_run_plan_derive(struct pm_run_plan *plan, const struct pm_policy *policy);
/* One more. False: no memory. */
bool pm_run_plan_add(struct pm_run_plan *plan, const struct pm_prefix *prefix, uint32_t rule);
void pm_run_plan_free(struct pm_run_plan *plan);
/* A line for each. */
void pm_run_plan_print(const struct pm_run_plan *plan, const struct pm_policy *policy, FILE *out);

#endif
