/* events.c - listens to a replay and decides what is worth a line; the contract is in events.h. */
#include "app/events.h"

#include <errno.h>
#include <stdlib.h>

#include "app/event_state.h"

enum { ICMP = 1, ICMPV6 = 58 };

/* Taken anew for each packet: what tells of a reject takes the rewriter's way too. */
static uint64_t dropped_by_rewriter(const struct pm_events *events)
{
    const struct pm_rewriter *rewriter = events->replay->rewriter;
    return rewriter == NULL ? 0 : pm_rewriter_stats(rewriter)->dropped;
}

/* ------------------------------------------------------------------ flows */

static void flow_ended(void *context, const struct pm_event_flow *flow, const char *reason,
                       uint64_t now_ns)
{
    struct pm_events *events = context;
    struct pm_event_about about = {
        .type = "flow", .time_ns = now_ns, .flow = flow, .seed = events->seed};
    pm_event_begin(&events->json, &about);
    pm_event_put_flow(&events->json, flow, reason);
    pm_json_open(&events->json, "pktmod", '{');
    pm_json_uint(&events->json, "dropped", flow->dropped);
    pm_json_uint(&events->json, "rewritten", flow->edited);
    pm_event_close_own(events);
}

static void flow_began(struct pm_events *events, uint64_t now_ns)
{
    const struct pm_verify_packet *came = &events->change.came;
    if (came->kind == PM_VERIFY_ICMP && came->l4_off + 2 <= came->caplen) {
        events->flow->icmp_type = came->bytes[came->l4_off];
        events->flow->icmp_code = came->bytes[came->l4_off + 1];
    }
    struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
    pm_event_begin(&events->json, &about);
    pm_event_open_own(events, "flow_start", PM_NO_RULE);
    pm_event_close_own(events);
}

static void see_flow(struct pm_events *events, const struct pm_packet *packet, uint64_t frame,
                     const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_event_frame *place = &events->frames[frame % PM_EVENT_FRAMES];
    bool is_new = false;
    *place = (struct pm_event_frame){.frame = frame, .dir = decision->dir};
    events->flow = NULL;
    if (!pm_packet_endpoints(packet, &place->ends))
        return;
    place->flow_id = decision->flow_id;
    events->flow = pm_event_flows_see(&events->flows, &place->ends, (uint32_t)packet->wire_len,
                                      decision, now_ns, &is_new);
    if (is_new)
        flow_began(events, now_ns);
}

/* ------------------------------------------------------------------ the filter */

static enum pm_verdict verdict_of(enum pm_action action)
{
    switch (action) {
    case PM_ACTION_DROP:
        return PM_DROP;
    case PM_ACTION_DELAY:
        return PM_DELAY;
    case PM_ACTION_REJECT:
        return PM_REJECT;
    case PM_ACTION_ASK:
        return PM_ASK;
    case PM_ACTION_ALLOW:
    case PM_ACTION_LOG:
    case PM_ACTION_REWRITE:
        break;
    }
    return PM_ALLOW;
}

/* Whom a reject tells, and how: the filter still has the packets. */
static void see_replies(const struct pm_events *events, const struct pm_filter *filter,
                        uint32_t count, struct pm_event_verdict *verdict)
{
    uint64_t number = events->change.copy.record.frame;
    const struct pm_event_frame *frame = &events->frames[number % PM_EVENT_FRAMES];
    bool from_client = events->flow == NULL || frame->frame != number ||
                       pm_event_flow_from_client(events->flow, &frame->ends);
    for (uint32_t i = 0; i < count; i++) {
        struct pm_reply reply = pm_filter_reply(filter, i);
        struct pm_packet packet = {
            .data = reply.data, .len = reply.len, .wire_len = reply.len, .link = reply.link};
        struct pm_endpoints ends;
        bool is_read = pm_packet_endpoints(&packet, &ends);
        verdict->is_reset = is_read && ends.ip_proto != ICMP && ends.ip_proto != ICMPV6;
        if (reply.to_sender == from_client)
            verdict->to_client = true;
        else
            verdict->to_server = true;
    }
}

static void tell_log_rules(struct pm_events *events, uint64_t now_ns)
{
    for (uint32_t i = 0; i < events->log_rule_count; i++) {
        uint32_t rule = events->log_rules[i];
        uint64_t hits = pm_filter_rule_stats(events->replay->filter, rule)->packets;
        if (events->replay->late_filter != NULL)
            hits += pm_filter_rule_stats(events->replay->late_filter, rule)->packets;
        if (hits != events->rules[rule].hits)
            pm_event_tell_alert(events, rule, now_ns);
        events->rules[rule].hits = hits;
    }
}

static void tell_dry_run(struct pm_events *events, uint32_t rule, uint64_t now_ns)
{
    struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
    struct pm_event_verdict verdict = {
        .verdict = verdict_of(pm_policy_rule_action(events->policy, rule)),
        .why = PM_WHY_RULE,
        .rule = rule,
    };
    if (!pm_event_may_tell(events, rule, now_ns))
        return;
    pm_event_begin(&events->json, &about);
    pm_event_put_verdict(&events->json, events->policy, &verdict);
    pm_event_put_alert_if_wanted(events, rule, false);
    pm_event_open_own(events, "dry_run", rule);
    pm_event_close_own(events);
}

static void tell_wait(struct pm_events *events, const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
    bool is_ask = decision->verdict == PM_ASK;
    if (is_ask && !decision->is_new_ask)
        return;
    if (!pm_event_may_tell(events, decision->rule, now_ns))
        return;
    pm_event_begin(&events->json, &about);
    pm_event_put_verdict(&events->json, events->policy, &events->verdict);
    pm_event_put_alert_if_wanted(events, decision->rule, false);
    pm_event_open_own(events, is_ask ? "ask" : "delay", decision->rule);
    if (is_ask)
        pm_json_uint(&events->json, "ask_id", decision->ask_id);
    uint64_t wait_ns = decision->release_ns > now_ns ? decision->release_ns - now_ns : 0;
    pm_json_ms(&events->json, is_ask ? "timeout_ms" : "delay_ms", wait_ns);
    pm_event_close_own(events);
}

static bool begin_packet(struct pm_events *events, const struct pm_record *record)
{
    if (pm_event_change_begin(&events->change, record) &&
        (!events->has_dry || pm_event_change_begin(&events->dry, record)))
        return true;
    events->sink.error = ENOMEM;
    return false;
}

static void on_judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                      const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_events *events = context;
    pm_event_flows_pass(&events->flows, now_ns);
    events->dropped = dropped_by_rewriter(events);
    if (!begin_packet(events, record))
        return;
    events->dir = decision->dir;
    see_flow(events, packet, record->frame, decision, now_ns);
    events->verdict = (struct pm_event_verdict){
        .verdict = decision->verdict, .why = decision->why, .rule = decision->rule};
    tell_log_rules(events, now_ns);
    if (decision->dry_rule != PM_NO_RULE)
        tell_dry_run(events, decision->dry_rule, now_ns);
    if (decision->verdict == PM_REJECT)
        see_replies(events, events->replay->filter, decision->reply_count, &events->verdict);
    switch (decision->verdict) {
    case PM_ALLOW:
        if (pm_event_wants_alert(events, decision->rule))
            pm_event_tell_alert(events, decision->rule, now_ns);
        break;
    case PM_DROP:
    case PM_REJECT:
        pm_event_tell_drop(events, &events->verdict, now_ns, "filter");
        break;
    case PM_DELAY:
    case PM_ASK:
        tell_wait(events, decision, now_ns);
        break;
    }
}

static void on_released(void *context, const struct pm_record *record, const struct pm_due *due,
                        uint64_t now_ns)
{
    struct pm_events *events = context;
    pm_event_flows_pass(&events->flows, now_ns);
    events->dropped = dropped_by_rewriter(events);
    if (!begin_packet(events, record))
        return;
    const struct pm_event_frame *place = &events->frames[record->frame % PM_EVENT_FRAMES];
    events->dir = place->frame == record->frame ? place->dir : PM_DIR_UNKNOWN;
    events->flow = pm_event_flow_of_frame(events, record->frame);
    events->verdict =
        (struct pm_event_verdict){.verdict = due->verdict, .why = due->why, .rule = due->rule};
    if (due->ask_id != 0 && due->ask_id != events->last_ask &&
        pm_event_may_tell(events, due->rule, now_ns)) {
        struct pm_event_about about = pm_event_about_packet(events, "pktmod", now_ns);
        events->last_ask = due->ask_id;
        pm_event_begin(&events->json, &about);
        pm_event_put_verdict(&events->json, events->policy, &events->verdict);
        pm_event_open_own(events, "answer", due->rule);
        pm_json_uint(&events->json, "ask_id", due->ask_id);
        pm_event_close_own(events);
    }
    if (due->verdict != PM_ALLOW)
        pm_event_tell_drop(events, &events->verdict, now_ns, "filter");
}

/* ------------------------------------------------------------------ after rewriting */

static void tell_late_verdict(struct pm_events *events, const struct pm_decision *decision,
                              uint64_t now_ns)
{
    struct pm_event_verdict verdict = {
        .verdict = decision->verdict, .why = decision->why, .rule = decision->rule};
    tell_log_rules(events, now_ns);
    if (decision->dry_rule != PM_NO_RULE)
        tell_dry_run(events, decision->dry_rule, now_ns);
    if (decision->verdict == PM_REJECT)
        see_replies(events, events->replay->late_filter, decision->reply_count, &verdict);
    if (decision->verdict != PM_ALLOW)
        pm_event_tell_drop(events, &verdict, now_ns, "after_rewrite");
    else if (pm_event_wants_alert(events, decision->rule))
        pm_event_tell_alert(events, decision->rule, now_ns);
}

static void on_judged_late(void *context, const struct pm_record *record,
                           const struct pm_emitted *emitted, const struct pm_decision *decision,
                           uint64_t now_ns)
{
    struct pm_events *events = context;
    struct pm_event_change change = events->change;
    struct pm_event_flow *flow = events->flow;
    enum pm_dir dir = events->dir;
    if (!emitted->is_late && emitted->cookie == change.copy.record.frame) {
        tell_late_verdict(events, decision, now_ns);
        return;
    }
    events->change = events->waited;
    events->flow = pm_event_flow_of_frame(events, emitted->cookie);
    events->dir = emitted->dir;
    if (pm_event_change_begin_late(&events->change, record, emitted))
        tell_late_verdict(events, decision, now_ns);
    else
        events->sink.error = ENOMEM;
    events->waited = events->change;
    events->change = change;
    events->flow = flow;
    events->dir = dir;
}

/* ------------------------------------------------------------------ life */

static void look_at_rules(struct pm_events *events)
{
    for (uint32_t rule = 0; rule < pm_policy_rule_count(events->policy); rule++) {
        if (pm_policy_rule_action(events->policy, rule) == PM_ACTION_LOG)
            events->log_rules[events->log_rule_count++] = rule;
        if (pm_event_payload_of(events, rule) == PM_LOG_DIFF)
            events->change.wants_bytes = events->dry.wants_bytes = true;
        events->has_dry |= pm_policy_rule_action(events->policy, rule) == PM_ACTION_REWRITE &&
                           pm_policy_rule_is_dry_run(events->policy, rule);
    }
}

static void free_all(struct pm_events *events)
{
    pm_event_flows_free(&events->flows);
    pm_event_change_free(&events->change);
    pm_event_change_free(&events->dry);
    pm_event_change_free(&events->waited);
    free(events->frames);
    free(events->rules);
    free(events->log_rules);
    free(events);
}

static bool allocate(struct pm_events *events)
{
    const struct pm_settings *settings = pm_policy_settings(events->policy);
    size_t rules = pm_policy_rule_count(events->policy) + 1;
    events->frames = calloc(PM_EVENT_FRAMES, sizeof *events->frames);
    events->rules = calloc(rules, sizeof *events->rules);
    events->log_rules = calloc(rules, sizeof *events->log_rules);
    bool has_flows =
        pm_event_flows_init(&events->flows, settings->flows,
                            settings->flow_idle_s * UINT64_C(1000000000), flow_ended, events);
    return has_flows && events->frames != NULL && events->rules != NULL &&
           events->log_rules != NULL;
}

struct pm_events *pm_events_open(struct pm_replay *replay, const char *path, uint16_t seed,
                                 const char *const *inputs, size_t input_count)
{
    struct pm_events *events = calloc(1, sizeof *events);
    if (events == NULL)
        return NULL;
    events->replay = replay;
    events->policy = replay->policy;
    events->seed = seed;
    bool has_memory = allocate(events);
    if (!has_memory)
        errno = ENOMEM;
    if (has_memory && path == NULL)
        pm_sink_open_memory(&events->sink);
    else if (!has_memory || !pm_sink_open(&events->sink, path, inputs, input_count)) {
        int why = errno;
        free_all(events);
        errno = why;
        return NULL;
    }
    events->json.sink = &events->sink;
    look_at_rules(events);
    events->observer = (struct pm_observer){
        .judged = on_judged,
        .released = on_released,
        .judged_late = on_judged_late,
        .rehearsed = events->has_dry ? pm_event_on_rehearsed : NULL,
        .emitted = pm_event_on_emitted,
        .rewritten = pm_event_on_rewritten,
        .happened = pm_event_on_happened,
        .context = events,
    };
    pm_replay_observe(replay, &events->observer);
    return events;
}

struct pm_sink *pm_events_sink(struct pm_events *events)
{
    return &events->sink;
}

bool pm_events_renew(struct pm_events *events)
{
    const struct pm_policy *policy = events->replay->policy;
    size_t count = pm_policy_rule_count(policy) + 1;
    struct pm_event_rule *rules = calloc(count, sizeof *rules);
    uint32_t *log_rules = calloc(count, sizeof *log_rules);
    if (rules == NULL || log_rules == NULL) {
        free(rules);
        free(log_rules);
        return false;
    }
    free(events->rules);
    free(events->log_rules);
    events->policy = policy;
    events->rules = rules;
    events->log_rules = log_rules;
    events->log_rule_count = 0;
    look_at_rules(events);
    return true;
}

void pm_events_pass(struct pm_events *events, uint64_t now_ns)
{
    pm_event_flows_pass(&events->flows, now_ns);
}

void pm_events_end(struct pm_events *events, uint64_t now_ns)
{
    pm_event_flows_end(&events->flows, now_ns);
}

int pm_events_close(struct pm_events *events)
{
    if (events == NULL)
        return 0;
    pm_event_flows_pass(&events->flows, events->replay->clock_ns);
    pm_event_flows_end(&events->flows, events->replay->clock_ns);
    int why = pm_sink_close(&events->sink);
    free_all(events);
    return why;
}
