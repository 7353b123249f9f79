/* run_plan.c - destinations of rewrite rules; the contract is in run_plan.h. */
#include "tunnel-ext/run_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t addr_len(const struct pm_addr *addr)
{
    return addr->version == 4 ? 4 : 16;
}

/* Bits behind the prefix are no part of it; the kernel refuses them. */
static struct pm_prefix masked(const struct pm_prefix *prefix)
{
    struct pm_prefix out = {.addr.version = prefix->addr.version, .bits = prefix->bits};
    for (unsigned i = 0; i < addr_len(&prefix->addr); i++) {
        unsigned here = prefix->bits > 8 * i ? prefix->bits - 8 * i : 0;
        unsigned mask = here >= 8 ? 0xffu : 0xffu & ~(0xffu >> here);
        out.addr.bytes[i] = (uint8_t)(prefix->addr.bytes[i] & mask);
    }
    return out;
}

static bool is_same(const struct pm_prefix *a, const struct pm_prefix *b)
{
    return a->bits == b->bits && a->addr.version == b->addr.version &&
           memcmp(a->addr.bytes, b->addr.bytes, addr_len(&a->addr)) == 0;
}

static bool grow(struct pm_run_plan *plan)
{
    size_t cap = plan->cap ? plan->cap * 2 : 16;
    struct pm_prefix *prefixes = realloc(plan->prefixes, cap * sizeof *prefixes);
    if (prefixes != NULL)
        plan->prefixes = prefixes;
    uint32_t *rules = realloc(plan->rules, cap * sizeof *rules);
    if (rules != NULL)
        plan->rules = rules;
    if (prefixes == NULL || rules == NULL)
        return false;
    plan->cap = cap;
    return true;
}

bool pm_run_plan_add(struct pm_run_plan *plan, const struct pm_prefix *prefix, uint32_t rule)
{
    struct pm_prefix wanted = masked(prefix);
    for (size_t i = 0; i < plan->count; i++)
        if (is_same(&plan->prefixes[i], &wanted))
            return true;
    if (plan->count == plan->cap && !grow(plan))
        return false;
    plan->prefixes[plan->count] = wanted;
    plan->rules[plan->count++] = rule;
    return true;
}

static bool add_all(struct pm_run_plan *plan, uint32_t rule)
{
    const struct pm_prefix all[] = {{.addr.version = 4}, {.addr.version = 6}};
    return pm_run_plan_add(plan, &all[0], rule) && pm_run_plan_add(plan, &all[1], rule);
}

static bool add_rule(struct pm_run_plan *plan, const struct pm_policy *policy, uint32_t rule)
{
    size_t count = pm_policy_rule_prefixes(policy, rule, NULL, 0);
    if (count == 0)
        return add_all(plan, rule);
    struct pm_prefix *found = calloc(count, sizeof *found);
    bool is_good = found != NULL;
    if (is_good)
        pm_policy_rule_prefixes(policy, rule, found, count);
    for (size_t i = 0; is_good && i < count; i++)
        is_good = pm_run_plan_add(plan, &found[i], rule);
    free(found);
    return is_good;
}

bool pm_run_plan_derive(struct pm_run_plan *plan, const struct pm_policy *policy)
{
    uint32_t count = (uint32_t)pm_policy_rule_count(policy);
    for (uint32_t rule = 0; rule < count; rule++) {
        bool is_in_force = pm_policy_rule_action(policy, rule) == PM_ACTION_REWRITE &&
                           !pm_policy_rule_is_dry_run(policy, rule);
        if (is_in_force && !add_rule(plan, policy, rule))
            return false;
    }
    return true;
}

void pm_run_plan_free(struct pm_run_plan *plan)
{
    free(plan->prefixes);
    free(plan->rules);
    *plan = (struct pm_run_plan){.count = 0};
}

void pm_run_plan_print(const struct pm_run_plan *plan, const struct pm_policy *policy, FILE *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct pm_prefix *prefix = &plan->prefixes[i];
        char text[PM_ADDR_TEXT];
        pm_addr_text(&prefix->addr, text);
        fprintf(out, "  %s/%u enters: ", text, prefix->bits);
        if (plan->rules[i] == PM_NO_RULE)
            fputs("--to\n", out);
        else
            fprintf(out, "rule \"%s\"%s\n", pm_policy_rule_id(policy, plan->rules[i]),
                    prefix->bits == 0 ? ", which names no address" : "");
    }
}
