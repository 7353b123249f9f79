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
        [PM_OP_FRAGMENT] = "fragment", [PM_OP_DNS] = "dns",
        [PM_OP_DNS_NAME] = "replace",  [PM_OP_HTTP] = "http",
    };
    return names[kind];
}

/* What rules did, or dry-run ones would have done. */
struct edits {
    const struct pm_edit_note *notes;
    uint32_t note_count, edit_count;
    uint32_t header_rule; /* or PM_NO_RULE */
    bool is_dry;
};

static struct edits edits_of(const struct pm_event_change *change, bool is_dry)
{
    return (struct edits){change->notes, change->note_count, change->edit_count,
                          change->header_rule, is_dry};
}

static bool has_any(const struct edits *edits)
{
    return edits->edit_count > 0 || edits->header_rule != PM_NO_RULE;
}

static void open_edit(struct pm_events *events, uint32_t rule, const char *op, bool is_dry)
{
    struct pm_json *json = &events->json;
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "rule", pm_policy_rule_id(events->policy, rule));
    pm_json_text(json, "op", op);
    if (is_dry)
        pm_json_bool(json, "dry_run", true);
}

static void put_edits(struct pm_events *events, const struct edits *edits)
{
    struct pm_json *json = &events->json;
    pm_json_open(json, "rewrite", '[');
    for (uint32_t i = 0; i < edits->note_count; i++) {
        const struct pm_edit_note *note = &edits->notes[i];
        if (pm_event_is_off(events, note->rule))
            continue;
        open_edit(events, note->rule,
                  op_name(pm_policy_op_kind(events->policy, note->rule, note->op)), edits->is_dry);
        pm_json_uint(json, "offset", note->offset);
        pm_json_uint(json, "old_len", note->old_len);
        pm_json_uint(json, "new_len", note->new_len);
        pm_json_close(json, '}');
    }
    if (edits->header_rule != PM_NO_RULE && !pm_event_is_off(events, edits->header_rule)) {
        open_edit(events, edits->header_rule, "header", edits->is_dry);
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
}

/* The first rule that changed something and may be heard of; false: there is none. */
static bool first_rule(const struct pm_events *events, const struct edits *edits, uint32_t *rule)
{
    for (uint32_t i = 0; i < edits->note_count; i++)
        if (!pm_event_is_off(events, edits->notes[i].rule)) {
            *rule = edits->notes[i].rule;
            return true;
        }
    *rule = edits->header_rule;
    return *rule != PM_NO_RULE && !pm_event_is_off(events, *rule);
}

static void put_more_edits(struct pm_events *events, const struct edits *edits)
{
    if (edits->edit_count > edits->note_count)
        pm_json_uint(&events->json, "more_edits", edits->edit_count - edits->note_count);
}

/* The packet at hand left changed by rules, or would have. */
static void tell_rewrite(struct pm_events *events, const struct pm_event_change *change,
                         uint64_t now_ns)
{
    struct edits edits = edits_of(change, change == &events->dry);
    uint32_t rule;
    if (!has_any(&edits))
        return;
    if (events->flow != NULL && !edits.is_dry)
        events->flow->edited++;
    if (!first_rule(events, &edits, &rule) || !pm_event_may_tell(events, rule, now_ns))
        return;
    struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
    pm_event_begin(&events->json, &about);
    pm_event_put_verdict(&events->json, events->policy, &events->verdict);
    put_edits(events, &edits);
    pm_event_put_alert_if_wanted(events, rule, false);
    pm_event_open_own(events, edits.is_dry ? "dry_run" : "rewrite", rule);
    put_more_edits(events, &edits);
    if (pm_event_payload_of(events, rule) == PM_LOG_DIFF)
        pm_event_put_diff(&events->json, change,
                          pm_policy_rule_log(events->policy, rule)->max_bytes);
    pm_event_close_own(events);
}

/* Bytes that waited left changed, or would have; their packet is gone. */
static void tell_late(struct pm_events *events, uint64_t frame, const struct edits *edits,
                      uint64_t now_ns)
{
    struct pm_event_flow *flow = pm_event_flow_of_frame(events, frame);
    uint32_t rule;
    if (flow != NULL && !edits->is_dry)
        flow->edited++;
    if (!first_rule(events, edits, &rule) || !pm_event_may_tell(events, rule, now_ns))
        return;
    struct pm_event_about about = {
        .type = "pktmod", .time_ns = now_ns, .frame = frame, .flow = flow, .seed = events->seed};
    pm_event_begin(&events->json, &about);
    put_edits(events, edits);
    pm_json_open(&events->json, "pktmod", '{');
    pm_json_text(&events->json, "event", edits->is_dry ? "dry_run" : "rewrite");
    pm_json_bool(&events->json, "late", true);
    pm_event_put_suppressed(events, rule);
    put_more_edits(events, edits);
    pm_event_close_own(events);
}

static bool is_at_hand(const struct pm_events *events, const struct pm_emitted *emitted)
{
    return !emitted->is_late && emitted->cookie == events->change.copy.record.frame;
}

void pm_event_on_rehearsed(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_events *events = context;
    struct pm_event_change late = {.header_rule = PM_NO_RULE};
    if (is_at_hand(events, emitted)) {
        pm_event_change_add_dry(&events->dry, events->policy, emitted);
        return;
    }
    pm_event_change_add_dry(&late, events->policy, emitted);
    struct edits edits = edits_of(&late, true);
    if (has_any(&edits))
        tell_late(events, emitted->cookie, &edits, now_ns);
}

void pm_event_on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_events *events = context;
    struct edits edits = {emitted->notes, emitted->note_count, emitted->edit_count,
                          emitted->header_rule, false};
    if (is_at_hand(events, emitted))
        pm_event_change_add(&events->change, emitted);
    else if (has_any(&edits))
        tell_late(events, emitted->cookie, &edits, now_ns);
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
    tell_rewrite(events, &events->change, now_ns);
    if (events->has_dry)
        tell_rewrite(events, &events->dry, now_ns);
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
