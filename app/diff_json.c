/* diff_json.c - what differs between two rule files, for programs. */
#include <string.h>

#include "app/diff_text.h"

/* ------------------------------------------------------------------ rules */

static void put_said(struct pm_json *json, const char *key, const struct pm_said *said,
                     const char *means)
{
    pm_json_open(json, key, '{');
    if (said->file != NULL) {
        pm_json_text(json, "file", said->file);
        pm_json_uint(json, "line", said->line);
    }
    if (said->text != NULL)
        pm_json_text(json, "text", said->text);
    else if (means != NULL)
        pm_json_text(json, "default", means[0] == '\0' ? "none" : means);
    pm_json_close(json, '}');
}

static void put_parts(struct pm_json *json, const struct pm_rule_change *change)
{
    pm_json_open(json, "parts", '[');
    for (unsigned part = 0; part < PM_PART_COUNT; part++) {
        const struct pm_meant *old = &change->old->parts[part], *new = &change->new->parts[part];
        if ((change->parts >> part & 1) == 0)
            continue;
        pm_json_open(json, NULL, '{');
        pm_json_text(json, "part", pm_meant_name(change->new, (enum pm_part)part));
        put_said(json, "old", &old->said, old->means);
        put_said(json, "new", &new->said, new->means);
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
}

static void put_change(struct pm_json *json, const struct pm_rule_change *change)
{
    const struct pm_rule_meaning *rule = change->new == NULL ? change->old : change->new;
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "change", pm_change_name(change->kind));
    pm_json_text(json, "rule", rule->id);
    if (change->old != NULL)
        put_said(json, "old", &change->old->at, NULL);
    if (change->new != NULL)
        put_said(json, "new", &change->new->at, NULL);
    if (change->kind == PM_CHANGE_CHANGED && change->old != NULL && change->new != NULL)
        put_parts(json, change);
    if (change->kind == PM_CHANGE_MOVED && change->past != NULL)
        pm_json_text(json, change->is_behind ? "behind" : "before", change->past->id);
    if (change->why != NULL)
        pm_json_text(json, "why", change->why);
    pm_json_close(json, '}');
}

static void put_setting(struct pm_json *json, const struct pm_setting_change *change)
{
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "setting", change->new->name);
    pm_json_text(json, "old", change->old->value.means);
    pm_json_text(json, "new", change->new->value.means);
    pm_json_close(json, '}');
}

static void put_values(struct pm_json *json, const char *key, const struct pm_set_meaning *has,
                       const struct pm_set_meaning *lacks)
{
    pm_json_open(json, key, '[');
    for (size_t i = 0, j = 0; i < has->value_count; i++) {
        while (j < lacks->value_count && strcmp(lacks->values[j], has->values[i]) < 0)
            j++;
        if (j == lacks->value_count || strcmp(lacks->values[j], has->values[i]) != 0)
            pm_json_text(json, NULL, has->values[i]);
    }
    pm_json_close(json, ']');
}

static void put_set(struct pm_json *json, const struct pm_set_change *change)
{
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "set", change->new->name);
    pm_json_bool(json, "used", change->is_used);
    put_said(json, "old", &change->old->at, NULL);
    put_said(json, "new", &change->new->at, NULL);
    put_values(json, "removed", change->old, change->new);
    put_values(json, "added", change->new, change->old);
    pm_json_close(json, '}');
}

void pm_diff_json_rules(const struct pm_rules_diff *diff, struct pm_json *json)
{
    pm_json_open(json, "settings", '[');
    for (size_t i = 0; i < diff->setting_count; i++)
        put_setting(json, &diff->settings[i]);
    pm_json_close(json, ']');
    pm_json_open(json, "sets", '[');
    for (size_t i = 0; i < diff->set_count; i++)
        put_set(json, &diff->sets[i]);
    pm_json_close(json, ']');
    pm_json_open(json, "rules", '[');
    for (size_t i = 0; i < diff->count; i++)
        put_change(json, &diff->changes[i]);
    pm_json_close(json, ']');
}

/* ------------------------------------------------------------------ packets */

static void put_cause(struct pm_json *json, const char *key, const struct pm_slot_cause *cause,
                      const struct pm_policy *policy)
{
    static const char *const verdicts[] = {[PM_ALLOW] = "allow",
                                           [PM_DROP] = "drop",
                                           [PM_DELAY] = "delay",
                                           [PM_REJECT] = "reject",
                                           [PM_ASK] = "ask"};
    pm_json_open(json, key, '{');
    pm_json_text(json, "verdict", verdicts[cause->verdict]);
    if (cause->ended != cause->verdict)
        pm_json_text(json, "then", verdicts[cause->ended]);
    if (cause->rule != PM_NO_RULE)
        pm_json_text(json, "rule", pm_policy_rule_id(policy, cause->rule));
    pm_json_text(json, "reason", pm_why_name((enum pm_why)cause->why));
    if (cause->edit_rule != PM_NO_RULE)
        pm_json_text(json, "edited_by", pm_policy_rule_id(policy, cause->edit_rule));
    pm_json_close(json, '}');
}

static void put_group(struct pm_json *json, const struct pm_packets_diff *diff,
                      const struct pm_diff_group *group)
{
    static const char *const fates[] = {"verdict", "presence", "bytes", "time"};
    uint64_t kept = group->count < PM_DIFF_FRAMES ? group->count : PM_DIFF_FRAMES;
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "differs", fates[group->fate]);
    put_cause(json, "old", &group->old, diff->old_policy);
    put_cause(json, "new", &group->new, diff->new_policy);
    pm_json_uint(json, "packets", group->count);
    pm_json_uint(json, "flows", group->flows);
    pm_json_open(json, "frames", '[');
    for (uint64_t i = 0; i < kept; i++)
        pm_json_uint(json, NULL, group->frames[i]);
    pm_json_close(json, ']');
    pm_json_close(json, '}');
}

void pm_diff_json_packets(const struct pm_packets_diff *diff, struct pm_json *json)
{
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "capture", diff->capture);
    pm_json_uint(json, "packets", diff->packets);
    pm_json_uint(json, "changed", diff->changed);
    pm_json_uint(json, "other_rule_same_end", diff->renamed);
    pm_json_bool(json, "flows_are_least", diff->are_flows_capped);
    pm_json_uint(json, "ungrouped", diff->ungrouped);
    pm_json_open(json, "groups", '[');
    for (size_t i = 0; i < diff->group_count; i++)
        put_group(json, diff, diff->groups[i]);
    pm_json_close(json, ']');
    pm_json_close(json, '}');
}
