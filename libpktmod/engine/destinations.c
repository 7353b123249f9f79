/* destinations.c - the addresses that a rule asks for, so that only what it can touch is sent its
 * way. */
#include "engine/policy.h"

struct asked {
    struct pm_prefix *out;
    size_t cap, count;
};

static bool is_address(enum pm_field field)
{
    return field == PM_FIELD_IP_SRC || field == PM_FIELD_IP_DST || field == PM_FIELD_IP_ADDR;
}

static bool are_prefixes(const struct pm_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].kind != PM_VALUE_PREFIX)
            return false;
    return true;
}

static void add(struct asked *asked, const struct pm_value *value)
{
    if (asked->count < asked->cap)
        asked->out[asked->count] =
            (struct pm_prefix){.addr = value->prefix.addr, .bits = value->prefix.bits};
    asked->count++;
}

static void visit(void *context, enum pm_field field, const struct pm_value *values, size_t count,
                  const struct pm_conds *conds)
{
    (void)conds;
    if (!is_address(field) || !are_prefixes(values, count))
        return;
    for (size_t i = 0; i < count; i++)
        add(context, &values[i]);
}

size_t pm_policy_rule_prefixes(const struct pm_policy *policy, uint32_t rule, struct pm_prefix *out,
                               size_t cap)
{
    struct asked asked = {.out = out, .cap = cap, .count = 0};
    pm_cond_required(policy->conds, policy->rules[rule].match, visit, &asked);
    return asked.count;
}
