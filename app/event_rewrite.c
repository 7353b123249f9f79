/* event_rewrite.c - tells what the rewriter changed, would not change, and dropped. */
#include "app/event_state.h"

static const char *op_name(enum pm_op_kind kind)
{
    static const char *const names[] = {
        [PM_OP_REPLACE] = "replace",   [PM_OP_SET] = "set",
        [PM_OP_ADD] = "add",           [PM_OP_INSERT] = "insert",
        [PM_OP_DELETE] = "delete",     [PM_OP_NAT] = "nat",
        [PM_OP_EXTERNAL] = "external", [PM_OP_TCP_OPTIONS] = "tcp_options",
        [PM_OP_CORRUPT] = "corrupt",   [PM_OP_DUPLICATE] = "duplicate",
        [PM_OP_TRUNCATE] = "truncate", [PM_OP_SEGMENT] = "segment",
        [PM_OP_FRAGMENT] = "fragment",
    };
    return names[kind];
}

static void put_edits(struct pm_events *events, const struct pm_edit_note *notes, uint32_t count,
                      uint32_t header_rule)
{
    struct pm_json *json = &events->json;
    pm_json_open(json, "rewrite", '[');
    for (uint32_t i = 0; i < count; i++) {
        if (pm_event_is_off(events, notes[i].rule))
            continue;
        pm_json_open(json, NULL, '{');
        pm_json_text(json, "rule", pm_policy_rule_id(events->policy, notes[i].rule));
        pm_json_text(json, "op",
                     op_name(pm_policy_op_kind(events->policy, notes[i].rule, notes[i].op)));
        pm_json_uint(json, "offset", notes[i].offset);
        pm_json_uint(json, "old_len", notes[i].old_len);
        pm_json_uint(json, "new_len", notes[i].new_len);
        pm_json_close(json, '}');
    }
    if (header_rule != PM_NO_RULE && !pm_event_is_off(events, header_rule)) {
        pm_json_open(json, NULL, '{');
        pm_json_text(json, "rule", pm_policy_rule_id(events->policy, header_rule));
        pm_json_text(json, "op", "header");
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
}

/* The first rule that changed something and may be heard of; false: there is none. */
static bool first_rule(const struct pm_events *events, const struct pm_edit_note *notes,
                       uint32_t count, uint32_t header_rule, uint32_t *rule)
{
    for (uint32_t i = 0; i < count; i++)
        if (!pm_event_is_off(events, notes[i].rule)) {
            *rule = notes[i].rule;
            return true;
        }
    *rule = header_rule;
    return header_rule != PM_NO_RULE && !pm_event_is_off(events, header_rule);
}

/* The packet at hand left changed by rules. */
static void tell_rewrite(struct pm_events *events, uint64_t now_ns)
{
    const struct pm_event_change *change = &events->change;
    uint32_t rule;
    if (events->flow != NULL)
        events->flow->edited++;
    if (!first_rule(events, change->notes, change->note_count, change->header_rule, &rule) ||
        !pm_event_may_tell(events, rule, now_ns))
        return;
    struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
    pm_event_begin(&events->json, &about);
    pm_event_put_verdict(&events->json, events->policy, &events->verdict);
    put_edits(events, change->notes, change->note_count, change->header_rule);
    pm_event_put_alert_if_wanted(events, rule, false);
    pm_event_open_own(events, "rewrite", rule);
    if (change->edit_count > change->note_count)
        pm_json_uint(&events->json, "more_edits", change->edit_count - change->note_count);
    if (pm_event_payload_of(events, rule) == PM_LOG_DIFF)
        pm_event_put_diff(&events->json, change,
                          pm_policy_rule_log(events->policy, rule)->max_bytes);
    pm_event_close_own(events);
}

/* Bytes that waited left changed; their packet is gone. */
static void tell_late(struct pm_events *events, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_event_flow *flow = pm_event_flow_of_frame(events, emitted->cookie);
    uint32_t rule;
    if (flow != NULL)
        flow->edited++;
    if (!first_rule(events, emitted->notes, emitted->note_count, emitted->header_rule, &rule) ||
        !pm_event_may_tell(events, rule, now_ns))
        return;
    struct pm_event_about about = {.type = "pktmod",
                                   .time_ns = now_ns,
                                   .frame = emitted->cookie,
                                   .flow = flow,
                                   .seed = events->seed};
    pm_event_begin(&events->json, &about);
    put_edits(events, emitted->notes, emitted->note_count, emitted->header_rule);
    pm_json_open(&events->json, "pktmod", '{');
    pm_json_text(&events->json, "event", "rewrite");
    pm_json_bool(&events->json, "late", true);
    pm_event_put_suppressed(events, rule);
    if (emitted->edit_count > emitted->note_count)
        pm_json_uint(&events->json, "more_edits", emitted->edit_count - emitted->note_count);
    pm_event_close_own(events);
}

void pm_event_on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_events *events = context;
    if (!emitted->is_late && emitted->cookie == events->change.copy.record.frame)
        pm_event_change_add(&events->change, emitted);
    else if (emitted->edit_count > 0 || emitted->header_rule != PM_NO_RULE)
        tell_late(events, emitted, now_ns);
}

/* An edit that a rule wanted was not made. */
static bool is_refusal(enum pm_why why)
{
    return why == PM_WHY_REFUSED || why == PM_WHY_TOO_BIG || why == PM_WHY_EDITS_FULL ||
           why == PM_WHY_REGEX_LIMIT || why == PM_WHY_MATCH_TOO_LONG;
}

static void tell_refusal(struct pm_events *events, enum pm_why why, uint64_t now_ns)
{
    struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
    pm_event_begin(&events->json, &about);
    pm_event_put_verdict(&events->json, events->policy, &events->verdict);
    pm_event_open_own(events, "refused", PM_NO_RULE);
    pm_json_text(&events->json, "reason", pm_why_name(why));
    pm_event_close_own(events);
}

void pm_event_on_rewritten(void *context, const struct pm_record *record, enum pm_why why,
                           uint64_t now_ns)
{
    struct pm_events *events = context;
    uint64_t dropped = pm_rewriter_stats(events->replay->rewriter)->dropped;
    bool is_dropped = dropped != events->dropped;
    events->dropped = dropped;
    if (events->change.copy.record.frame != record->frame)
        return;
    if (events->change.edit_count > 0 || events->change.header_rule != PM_NO_RULE)
        tell_rewrite(events, now_ns);
    struct pm_event_verdict verdict = {.verdict = PM_DROP, .why = why, .rule = PM_NO_RULE};
    if (is_dropped)
        pm_event_tell_drop(events, &verdict, now_ns, "rewriter");
    else if (is_refusal(why))
        tell_refusal(events, why, now_ns);
}

void pm_event_on_happened(void *context, const struct pm_event *event, uint64_t now_ns)
{
    struct pm_events *events = context;
    struct pm_event_about about = {.type = "pktmod",
                                   .time_ns = now_ns,
                                   .frame = event->cookie,
                                   .flow = pm_event_flow_of_frame(events, event->cookie),
                                   .seed = events->seed};
    switch (event->kind) {
    case PM_EVENT_HOLD_RELEASE:
        pm_event_begin(&events->json, &about);
        pm_json_open(&events->json, "pktmod", '{');
        pm_json_text(&events->json, "event", "hold_release");
        pm_json_text(&events->json, "reason", pm_why_name(event->why));
        pm_json_text(&events->json, "dir", event->dir == PM_DIR_OUT ? "out" : "in");
        pm_json_uint(&events->json, "offset", event->offset);
        pm_json_uint(&events->json, "len", event->len);
        pm_event_close_own(events);
        break;
    }
}
