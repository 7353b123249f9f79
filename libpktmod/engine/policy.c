/* policy.c - the compiled policy's life and its readers; the contract is in policy.h. */
#include "engine/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#include "match/reads.h"

static void free_list(struct pm_rule_list *list)
{
    pm_classifier_free(list->classifier);
    free(list->rules);
    free(list->conds);
}

static void free_op(struct pm_op *op)
{
    switch (op->kind) {
    case PM_OP_REPLACE:
        pm_replace_release(&op->replace);
        break;
    case PM_OP_INSERT:
    case PM_OP_DELETE:
        pm_splice_release(&op->splice);
        break;
    case PM_OP_EXTERNAL:
        free(op->external.socket);
        break;
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
        pm_dns_op_release(op);
        break;
    case PM_OP_HTTP:
        pm_http_op_release(&op->http);
        break;
    case PM_OP_SET:
    case PM_OP_ADD:
    case PM_OP_NAT:
    case PM_OP_TCP_OPTIONS:
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_SEGMENT:
    case PM_OP_FRAGMENT:
        break;
    }
}

struct pm_policy *pm_policy_ref(struct pm_policy *policy)
{
    policy->references++;
    return policy;
}

void pm_policy_unref(struct pm_policy *policy)
{
    if (!policy || --policy->references > 0)
        return;
    free(policy->ids);
    for (uint32_t i = 0; i < policy->op_count; i++)
        free_op(&policy->ops[i]);
    free_list(&policy->verdicts);
    free_list(&policy->late_verdicts);
    free_list(&policy->rewrites);
    free_list(&policy->rehearsed);
    pm_literals_free(policy->literals);
    pm_conds_free(policy->conds);
    for (uint32_t i = 0; i < policy->zone_count; i++)
        free(policy->zones[i].steps);
    free(policy->zones);
    free(policy->modifiers);
    free(policy->asks);
    pm_keytable_release(&policy->kin);
    free(policy->pauses);
    free(policy->logs);
    free(policy->literal_op);
    free(policy->regex_op);
    free(policy->rules);
    free(policy->ops);
    free(policy);
}

uint64_t pm_rule_key_of_draws(const struct pm_policy *policy, const struct pm_rule *rule)
{
    static const uint64_t no_key[2];
    const char *id = pm_rule_id(policy, rule);
    return pm_hash(no_key, id, strlen(id));
}

static size_t list_footprint(const struct pm_rule_list *list)
{
    return list->count * (sizeof *list->rules + sizeof *list->conds) +
           (list->classifier ? pm_classifier_footprint(list->classifier) : 0);
}

size_t pm_policy_footprint(const struct pm_policy *policy)
{
    size_t sum = sizeof *policy + policy->rule_count * sizeof *policy->rules +
                 policy->op_count * sizeof *policy->ops +
                 policy->modifier_count * sizeof *policy->modifiers +
                 policy->ask_count * sizeof *policy->asks +
                 policy->pause_count * sizeof *policy->pauses +
                 policy->log_count * sizeof *policy->logs + pm_conds_footprint(policy->conds) +
                 list_footprint(&policy->verdicts) + list_footprint(&policy->late_verdicts) +
                 list_footprint(&policy->rewrites) + list_footprint(&policy->rehearsed);
    if (policy->kin.buckets)
        sum += pm_keytable_footprint(policy->kin.pool.cap, sizeof(uint32_t));
    return sum + policy->ids_len;
}

size_t pm_policy_rule_count(const struct pm_policy *policy)
{
    return policy->rule_count;
}

const char *pm_policy_rule_id(const struct pm_policy *policy, uint32_t rule)
{
    return pm_rule_id(policy, &policy->rules[rule]);
}

enum pm_action pm_policy_rule_action(const struct pm_policy *policy, uint32_t rule)
{
    return policy->rules[rule].action;
}

enum pm_scope pm_policy_rule_scope(const struct pm_policy *policy, uint32_t rule)
{
    return policy->rules[rule].scope;
}

bool pm_policy_rule_is_dry_run(const struct pm_policy *policy, uint32_t rule)
{
    return policy->rules[rule].is_dry_run;
}

const struct pm_log_spec *pm_policy_rule_log(const struct pm_policy *policy, uint32_t rule)
{
    static const struct pm_log_spec none = {.is_set = false};
    uint32_t log = policy->rules[rule].log;
    return log == PM_NO_SLOT ? &none : &policy->logs[log];
}

enum pm_op_kind pm_policy_op_kind(const struct pm_policy *policy, uint32_t rule, uint32_t op)
{
    return policy->ops[policy->rules[rule].first_op + op].kind;
}

uint32_t pm_policy_op_count(const struct pm_policy *policy, uint32_t rule)
{
    return policy->rules[rule].op_count;
}

const char *pm_policy_rule_socket(const struct pm_policy *policy, uint32_t rule)
{
    uint32_t external = policy->rules[rule].external;
    return external ? policy->ops[external - 1].external.socket : NULL;
}

bool pm_policy_has_stage(const struct pm_policy *policy, enum pm_stage stage)
{
    return pm_policy_verdicts(policy, stage)->count > 0;
}

const struct pm_settings *pm_policy_settings(const struct pm_policy *policy)
{
    return &policy->settings;
}

bool pm_policy_rewrites(const struct pm_policy *policy)
{
    return policy->rewrites.count > 0 || policy->rehearsed.count > 0;
}

bool pm_policy_tests_hello(const struct pm_policy *policy)
{
    return policy->has_hello;
}

bool pm_policy_spans_flows(const struct pm_policy *policy)
{
    return policy->modifier_count > 0 || policy->ask_count > 0;
}

bool pm_policy_reads_payload(const struct pm_policy *policy)
{
    if (policy->settings.bad_checksum_drop)
        return true;
    for (uint32_t i = 0; i < policy->rule_count; i++) {
        const struct pm_rule *rule = &policy->rules[i];
        if (pm_policy_rule_log(policy, i)->payload == PM_LOG_HEX ||
            pm_cond_reads_payload(policy->conds, rule->match))
            return true;
    }
    return false;
}

void pm_rule_walk_begin(struct pm_rule_walk *walk, const struct pm_rule_list *list,
                        const struct pm_subject *s, uint32_t from)
{
    walk->list = list;
    walk->position = from;
    if (list->classifier)
        pm_candidates_begin(&walk->candidates, list->classifier, s, from);
}

uint32_t pm_rule_walk_next(struct pm_rule_walk *walk)
{
    if (walk->list->classifier)
        return pm_candidates_next(&walk->candidates);
    return walk->position < walk->list->count ? walk->position++ : PM_NO_RULE;
}
