/* explanation_json.c - an explanation for programs; pktmod(1) lists the members. */
#include <inttypes.h>
#include <string.h>

#include "app/explanation.h"
#include "app/json.h"
#include "app/report.h"
#include "app/test_summary.h"
#include "app/text.h"

static void put_rule_id(struct pm_json *json, const char *key, const struct pm_explanation *e,
                        uint32_t rule)
{
    pm_json_text(json, key, rule == PM_NO_RULE ? NULL : pm_policy_rule_id(e->policy, rule));
}

/* True, false, or null where it cannot be told. */
static void put_truth(struct pm_json *json, const char *key, enum pm_truth truth)
{
    if (truth == PM_DEPENDS)
        pm_json_text(json, key, NULL);
    else
        pm_json_bool(json, key, truth == PM_TRUE);
}

static void put_condition(struct pm_json *json, const struct pm_explanation *e,
                          const struct pm_explained_rule *rule, const struct pm_source_item *item,
                          size_t level)
{
    static const char *const kinds[] = {[PM_SOURCE_TEST] = "test",
                                        [PM_SOURCE_ALL] = "all",
                                        [PM_SOURCE_ANY] = "any",
                                        [PM_SOURCE_NOT] = "not"};
    const struct pm_about_cond *cond = pm_explanation_cond(e, item);
    struct pm_text value = {.at = NULL}, found = {.at = NULL};
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "kind", kinds[item->kind]);
    pm_json_uint(json, "level", level);
    pm_json_uint(json, "line", item->line);
    put_truth(json, "holds", cond->now);
    if (item->kind == PM_SOURCE_TEST) {
        pm_explained_value(e, &e->engines[rule->engine], item->field, &value);
        pm_explained_found(e, rule, item, &found);
        pm_json_text(json, "field", pm_field_info(item->field)->name);
        pm_json_text(json, "text", item->text);
        pm_json_text(json, "value", value.len == 0 ? NULL : pm_text_of(&value));
        pm_json_text(json, "found", pm_text_of(&found));
        pm_json_bool(json, "may_change",
                     cond->now != PM_TRUE && cond->for_flow == PM_DEPENDS &&
                         item->field == PM_FIELD_STREAM);
    }
    pm_json_close(json, '}');
    pm_text_free(&value);
    pm_text_free(&found);
}

static void put_conditions(struct pm_json *json, const struct pm_explanation *e,
                           const struct pm_source_rule *source)
{
    size_t ends[256];
    unsigned open = 0;
    pm_json_open(json, "conditions", '[');
    for (size_t i = 0; i < source->item_count; i++) {
        while (open > 0 && i >= ends[open - 1])
            open--;
        put_condition(json, e, &e->by_rule[source->rule], &source->items[i], open);
        if (source->items[i].size > 1 && open < sizeof ends / sizeof ends[0])
            ends[open++] = i + source->items[i].size;
    }
    pm_json_close(json, ']');
}

static void put_modifiers(struct pm_json *json, const struct pm_explained_rule *rule)
{
    static const char *const names[] = {
        [PM_MODIFIER_NONE] = NULL,       [PM_MODIFIER_WHEN] = "when",
        [PM_MODIFIER_SAMPLE] = "sample", [PM_MODIFIER_COUNT] = "count",
        [PM_MODIFIER_LIMIT] = "limit",   [PM_MODIFIER_BEFORE] = "before",
    };
    const struct pm_about_modifiers *about = &rule->about.modifiers;
    if (!about->are_set)
        return;
    pm_json_open(json, "modifiers", '{');
    pm_json_text(json, "refused_by", names[about->refused_by]);
    pm_json_uint(json, "sampled", about->sampled);
    pm_json_uint(json, "counted", about->counted);
    pm_json_uint(json, "counted_in_flow", about->counted_in_flow);
    pm_json_uint(json, "tokens", about->tokens);
    pm_json_ms(json, "refill_ms", about->refill_ns);
    pm_json_close(json, '}');
}

static void put_rule(struct pm_json *json, const struct pm_explanation *e,
                     const struct pm_source_rule *source)
{
    static const char *const engines[] = {[PM_ASKED_FILTER] = "filter",
                                          [PM_ASKED_REWRITER] = "rewriter",
                                          [PM_ASKED_LATE] = "filter_after_rewrite"};
    struct pm_text says = {.at = NULL};
    pm_explained_say(e, source, &says);
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "id", source->id);
    pm_json_text(json, "file", source->file);
    pm_json_uint(json, "line", source->line);
    pm_json_text(json, "part", pm_part_name(pm_explanation_part(e, source)));
    pm_json_text(json, "says", pm_text_of(&says));
    if (source->is_enabled) {
        const struct pm_explained_rule *rule = &e->by_rule[source->rule];
        enum pm_action action = pm_policy_rule_action(e->policy, source->rule);
        pm_json_text(json, "action", pm_action_name(action));
        pm_json_text(json, "seen_by", engines[rule->engine]);
        pm_json_bool(json, "dry_run", pm_policy_rule_is_dry_run(e->policy, source->rule));
        put_truth(json, "holds", rule->about.cond.now);
        pm_json_uint(json, "conditions_hold", rule->holds);
        pm_json_uint(json, "conditions_count", rule->parts);
        pm_json_uint(json, "misses", rule->misses);
        put_conditions(json, e, source);
        put_modifiers(json, rule);
    }
    pm_json_close(json, '}');
    pm_text_free(&says);
}

static bool is_told(const struct pm_explanation *e, const struct pm_source_rule *source,
                    const struct pm_explained_view *view)
{
    if (view->only != NULL)
        return strcmp(view->only, source->id) == 0;
    if (view->all || pm_rules_source_count(e->rules) <= PM_EXPLAINED_RULES)
        return true;
    enum pm_explained_part part = pm_explanation_part(e, source);
    return part != PM_PART_MISSED && part != PM_PART_NOT_ASKED && part != PM_PART_DISABLED;
}

static void put_rules(struct pm_json *json, const struct pm_explanation *e,
                      const struct pm_explained_view *view)
{
    uint32_t near[PM_EXPLAINED_NEAR];
    size_t count = pm_explanation_near(e, near, PM_EXPLAINED_NEAR);
    size_t all = pm_rules_source_count(e->rules), told = 0;
    pm_json_open(json, "rules", '[');
    for (size_t i = 0; i < all; i++) {
        const struct pm_source_rule *source = pm_rules_source(e->rules, i);
        if (!is_told(e, source, view))
            continue;
        put_rule(json, e, source);
        told++;
    }
    pm_json_close(json, ']');
    pm_json_uint(json, "rules_not_told", all - told);
    pm_json_open(json, "near_misses", '[');
    for (size_t i = 0; i < count; i++)
        put_rule(json, e, e->sources[near[i]]);
    pm_json_close(json, ']');
}

static void put_verdict(struct pm_json *json, const struct pm_explanation *e)
{
    const struct pm_decision *d = &e->decision;
    const struct pm_about_packet *packet = &e->engines[PM_ASKED_FILTER].packet;
    pm_json_open(json, "verdict", '{');
    pm_json_text(json, "action", pm_verdict_name(d->verdict));
    put_rule_id(json, "rule", e, d->rule);
    pm_json_text(json, "why", pm_why_name(d->why));
    put_rule_id(json, "dry_run_rule", e, d->dry_rule);
    pm_json_bool(json, "is_final", d->is_final);
    pm_json_bool(json, "before_rules", packet->refused != PM_WHY_NONE);
    pm_json_bool(json, "as_first_fragment", packet->follows);
    pm_json_bool(json, "as_whole_datagram", packet->is_whole);
    if (e->was_released) {
        pm_json_ms(json, "waited_ms", e->released_ns - e->arrived_ns);
        pm_json_text(json, "then", pm_verdict_name(e->due.verdict));
    }
    pm_json_close(json, '}');
}

static void put_flow(struct pm_json *json, const struct pm_explanation *e)
{
    const struct pm_about_packet *packet = &e->engines[PM_ASKED_FILTER].packet;
    if (!packet->has_flow)
        return;
    pm_json_open(json, "flow", '{');
    pm_json_uint(json, "id", packet->flow_id);
    pm_json_uint(json, "packets_before", packet->number);
    pm_json_bool(json, "to_server", packet->to_server);
    put_rule_id(json, "decided_by", e, packet->latched);
    if (packet->latched != PM_NO_RULE)
        pm_json_uint(json, "decided_in_frame", e->decided_frame);
    if (packet->stream.is_tested) {
        pm_json_uint(json, "stream_in_order", packet->stream.in_order);
        pm_json_uint(json, "stream_highest", packet->stream.highest);
        pm_json_bool(json, "stream_is_midstream", packet->stream.is_midstream);
    }
    pm_json_close(json, '}');
}

static void put_left(struct pm_json *json, const struct pm_explanation *e,
                     const struct pm_explained_packet *left)
{
    pm_json_open(json, NULL, '{');
    pm_json_bool(json, "changed", left->changed);
    pm_json_bool(json, "late", left->is_late);
    pm_json_text(json, "why", pm_why_name(left->why));
    put_rule_id(json, "header_rule", e, left->header_rule);
    pm_json_open(json, "edits", '[');
    for (uint32_t i = 0; i < left->edit_notes; i++) {
        pm_json_open(json, NULL, '{');
        put_rule_id(json, "rule", e, left->edits[i].rule);
        pm_json_uint(json, "op", left->edits[i].op);
        pm_json_uint(json, "offset", left->edits[i].offset);
        pm_json_uint(json, "old_len", left->edits[i].old_len);
        pm_json_uint(json, "new_len", left->edits[i].new_len);
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
    pm_json_hex(json, "bytes", left->bytes, left->len);
    pm_json_close(json, '}');
}

static void put_rewriting(struct pm_json *json, const struct pm_explanation *e)
{
    uint64_t encrypted = pm_explanation_encrypted(e);
    if (!pm_policy_rewrites(e->policy))
        return;
    pm_json_open(json, "rewriting", '{');
    pm_json_text(json, "why", e->was_rewritten ? pm_why_name(e->rewritten_why) : NULL);
    pm_json_open(json, "whys", '[');
    for (unsigned why = 1; why < PM_WHY_COUNT && e->was_rewritten; why++)
        if (e->engines[PM_ASKED_REWRITER].was_asked && e->whys[why] > 0)
            pm_json_text(json, NULL, pm_why_name((enum pm_why)why));
    pm_json_close(json, ']');
    if (e->engines[PM_ASKED_REWRITER].packet.encrypted != NULL)
        pm_json_text(json, "encrypted", e->engines[PM_ASKED_REWRITER].packet.encrypted);
    if (encrypted > 0)
        pm_json_uint(json, "tls_record_in_frame", encrypted);
    pm_json_open(json, "left", '[');
    for (size_t i = 0; i < e->left_count; i++)
        put_left(json, e, &e->left[i]);
    pm_json_close(json, ']');
    pm_json_close(json, '}');
}

void pm_explanation_json(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    static const char *const dirs[] = {
        [PM_DIR_OUT] = "out", [PM_DIR_IN] = "in", [PM_DIR_UNKNOWN] = NULL};
    struct pm_json json = {.out = view->out};
    struct pm_text who = {.at = NULL};
    char time[PM_TIME_TEXT];
    pm_summary_name_packet(&who, &e->packet);
    pm_report_time(e->time_ns, 'T', time);
    pm_json_open(&json, NULL, '{');
    pm_json_text(&json, "capture", view->name);
    pm_json_uint(&json, "frame", e->frame);
    pm_json_text(&json, "time", time);
    pm_json_text(&json, "packet", pm_text_of(&who));
    pm_json_text(&json, "dir", dirs[e->decision.dir]);
    pm_json_hex(&json, "bytes", e->bytes, e->len);
    put_verdict(&json, e);
    put_flow(&json, e);
    put_rules(&json, e, view);
    put_rewriting(&json, e);
    pm_json_close(&json, '}');
    pm_text_free(&who);
}
