/* event_tell.c - events that filter and rewriter have in common, and pieces of all. */
#include <string.h>

#include "app/event_state.h"

struct pm_event_about pm_event_about_packet(const struct pm_events *events, const char *type,
                                            uint64_t now_ns)
{
    const struct pm_event_change *change = &events->change;
    struct pm_event_about about = {
        .type = type,
        .time_ns = now_ns,
        .frame = change->copy.record.frame,
        .flow = events->flow,
        .packet = &change->came,
        .interface = change->copy.record.interface,
        .seed = events->seed,
    };
    if (events->flow != NULL) {
        const struct pm_verify_ends *ends = &change->came.ends;
        const struct pm_endpoints *client = &events->flow->ends;
        about.to_server = memcmp(ends->addr[0], client->src.bytes, 16) == 0 &&
                          (!client->has_ports || ends->port[0] == client->src_port);
    }
    return about;
}

void pm_event_open_own(struct pm_events *events, const char *event, uint32_t rule)
{
    pm_json_open(&events->json, "pktmod", '{');
    if (event != NULL)
        pm_json_text(&events->json, "event", event);
    if (events->dir != PM_DIR_UNKNOWN)
        pm_json_text(&events->json, "dir", events->dir == PM_DIR_OUT ? "out" : "in");
    pm_event_put_suppressed(events, rule);
    if (pm_event_payload_of(events, rule) == PM_LOG_HEX)
        pm_event_put_payload(&events->json, &events->change.came,
                             pm_policy_rule_log(events->policy, rule)->max_bytes);
}

void pm_event_close_own(struct pm_events *events)
{
    pm_json_close(&events->json, '}');
    pm_event_end(&events->json);
}

void pm_event_put_alert_if_wanted(struct pm_events *events, uint32_t rule, bool is_blocked)
{
    if (!pm_event_wants_alert(events, rule))
        return;
    pm_event_put_alert(&events->json, events->policy, rule, is_blocked);
    if (events->flow != NULL)
        events->flow->is_alerted = true;
}

void pm_event_tell_drop(struct pm_events *events, const struct pm_event_verdict *verdict,
                        uint64_t now_ns, const char *engine)
{
    struct pm_event_about about = pm_event_about_packet(events, "drop", now_ns);
    if (events->flow != NULL)
        events->flow->dropped++;
    if (!pm_event_may_tell(events, verdict->rule, now_ns))
        return;
    pm_event_begin(&events->json, &about);
    pm_event_put_drop(&events->json, &events->change.came, verdict->why);
    pm_event_put_verdict(&events->json, events->policy, verdict);
    pm_event_put_alert_if_wanted(events, verdict->rule, true);
    pm_event_open_own(events, NULL, verdict->rule);
    pm_json_text(&events->json, "engine", engine);
    pm_event_close_own(events);
}

void pm_event_tell_alert(struct pm_events *events, uint32_t rule, uint64_t now_ns)
{
    struct pm_event_about about = pm_event_about_packet(events, "alert", now_ns);
    if (!pm_event_may_tell(events, rule, now_ns))
        return;
    if (events->flow != NULL)
        events->flow->is_alerted = true;
    pm_event_begin(&events->json, &about);
    pm_event_put_alert(&events->json, events->policy, rule, false);
    pm_event_open_own(events, NULL, rule);
    pm_event_close_own(events);
}

struct pm_event_flow *pm_event_flow_of_frame(struct pm_events *events, uint64_t frame)
{
    const struct pm_event_frame *place = &events->frames[frame % PM_EVENT_FRAMES];
    if (place->frame != frame || place->flow_id == 0)
        return NULL;
    return pm_event_flows_find(&events->flows, &place->ends, place->flow_id);
}
