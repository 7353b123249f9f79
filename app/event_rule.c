/* event_rule.c - what a rule's "log" wants told, and how often. */
#include "app/event_state.h"

bool pm_event_is_off(const struct pm_events *events, uint32_t rule)
{
    if (rule == PM_NO_RULE)
        return false;
    const struct pm_log_spec *log = pm_policy_rule_log(events->policy, rule);
    return log->is_set && log->is_off;
}

bool pm_event_wants_alert(const struct pm_events *events, uint32_t rule)
{
    if (rule == PM_NO_RULE)
        return false;
    const struct pm_log_spec *log = pm_policy_rule_log(events->policy, rule);
    return log->is_set && !log->is_off;
}

enum pm_log_payload pm_event_payload_of(const struct pm_events *events, uint32_t rule)
{
    return pm_event_wants_alert(events, rule) ? pm_policy_rule_log(events->policy, rule)->payload
                                              : PM_LOG_NONE;
}

bool pm_event_may_tell(struct pm_events *events, uint32_t rule, uint64_t now_ns)
{
    if (pm_event_is_off(events, rule))
        return false;
    if (rule == PM_NO_RULE)
        return true;
    const struct pm_log_spec *log = pm_policy_rule_log(events->policy, rule);
    struct pm_event_rule *own = &events->rules[rule];
    if (!log->is_set || log->tokens == 0)
        return true;
    uint64_t gained = own->has_begun && now_ns > own->last_ns ? now_ns - own->last_ns : 0;
    uint64_t room = log->per_ns - own->credit_ns;
    own->credit_ns = !own->has_begun || gained > room ? log->per_ns : own->credit_ns + gained;
    own->has_begun = true;
    own->last_ns = now_ns;
    if (own->credit_ns < log->per_ns / log->tokens) {
        own->suppressed++;
        return false;
    }
    own->credit_ns -= log->per_ns / log->tokens;
    return true;
}

void pm_event_put_suppressed(struct pm_events *events, uint32_t rule)
{
    if (rule == PM_NO_RULE || events->rules[rule].suppressed == 0)
        return;
    pm_json_uint(&events->json, "suppressed", events->rules[rule].suppressed);
    events->rules[rule].suppressed = 0;
}
