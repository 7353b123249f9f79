/* rulespec.c - faults of rules; the contract is in rulespec.h. */
#include "engine/rulespec.h"

static bool edits_flow(const struct pm_op_spec *op)
{
    switch (op->kind) {
    case PM_OP_REPLACE:
        return op->replace.where != PM_IN_PAYLOAD;
    case PM_OP_INSERT:
        return op->insert.where != PM_IN_PAYLOAD;
    case PM_OP_DELETE:
        return op->delete.where != PM_IN_PAYLOAD;
    case PM_OP_EXTERNAL:
    case PM_OP_HTTP:
    case PM_OP_NAT:
        return true;
    case PM_OP_SET:
    case PM_OP_ADD:
    case PM_OP_TCP_OPTIONS:
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_SEGMENT:
    case PM_OP_FRAGMENT:
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
        return false;
    }
    return false;
}

bool pm_rulespec_edits_stream(const struct pm_rule_spec *spec)
{
    for (size_t i = 0; i < spec->op_count; i++)
        if (edits_flow(&spec->ops[i]))
            return true;
    return false;
}

static const char *modifiers_fault(const struct pm_policy *p, const struct pm_rule_spec *spec)
{
    const struct pm_modifiers *m = &spec->modifiers;
    const char *fault = pm_modifiers_fault(m, p->zone_count);
    if (fault || !pm_modifiers_are_set(m) || !pm_rulespec_edits_stream(spec))
        return fault;
    bool is_sampled = m->sample.is_set || m->sample.probability > 0 || m->sample.every > 0;
    if (is_sampled && !m->sample.by_flow)
        return "an edit of streams, or nat, is sampled by flow: a repeated segment gets what the "
               "first got";
    if (m->count.max_per_flow > 0)
        return "an edit of streams, or nat, is counted once for each flow";
    return p->answer_count < PM_FLOW_ANSWERS ? NULL
                                             : "too many edits of streams have modifiers (1024)";
}

static const char *verdict_fault(const struct pm_rule_spec *spec)
{
    bool is_late = spec->stage == PM_STAGE_AFTER_REWRITE;
    if (is_late && spec->action == PM_ACTION_REWRITE)
        return "a stage is for verdicts";
    if (is_late && spec->final)
        return "final after rewriting would come too late";
    if (is_late && (spec->action == PM_ACTION_DELAY || spec->action == PM_ACTION_ASK))
        return "after rewriting, a packet is on its way out and does not wait";
    if (spec->action == PM_ACTION_ASK &&
        !pm_key_is_sound(spec->ask.coalesce, spec->ask.coalesce_count))
        return "a question coalesces by at most 4 fields, and not by bpf";
    return NULL;
}

const char *pm_rulespec_fault(const struct pm_policy *policy, const struct pm_rule_spec *spec)
{
    const char *fault = modifiers_fault(policy, spec);
    return fault ? fault : verdict_fault(spec);
}
