/* event_state.h - what the parts that write events share; nobody else includes it.
 *
 *     events.c         flows, and what the filter decides
 *     event_rewrite.c  what the rewriter does
 *     event_tell.c     events that both tell, and the pieces of them
 *     event_rule.c     what a rule wants told: its "log"
 */
#ifndef PKTMOD_APP_EVENT_STATE_H
#define PKTMOD_APP_EVENT_STATE_H

#include "app/event_change.h"
#include "app/event_line.h"
#include "app/events.h"

/* Frames whose flow is remembered, for what leaves or is told late. */
#define PM_EVENT_FRAMES 65536u

/* What is told of a rule, and what was not for its `rate`. */
struct pm_event_rule {
    uint64_t credit_ns, last_ns; /* an event costs per_ns / tokens */
    uint64_t suppressed;         /* since the last one that was told */
    uint64_t hits;               /* LOG rules: as the filter has counted them */
    bool has_begun;
};

struct pm_event_frame {
    uint64_t frame, flow_id;
    struct pm_endpoints ends;
    enum pm_dir dir;
};

struct pm_events {
    struct pm_observer observer;
    struct pm_replay *replay;
    const struct pm_policy *policy;
    struct pm_sink sink;
    struct pm_json json;
    struct pm_event_flows flows;
    struct pm_event_frame *frames;
    struct pm_event_rule *rules;
    uint32_t *log_rules; /* those that only log */
    uint32_t log_rule_count;
    struct pm_event_change change;   /* the packet that is on its way */
    struct pm_event_change dry;      /* what dry-run rules would make of it */
    struct pm_event_change waited;   /* one that is judged after it waited */
    bool has_dry;                    /* some dry-run rule rewrites */
    struct pm_event_verdict verdict; /* what it got */
    struct pm_event_flow *flow;      /* or NULL */
    enum pm_dir dir;
    uint64_t dropped;  /* by the rewriter before this packet */
    uint64_t last_ask; /* whose answer was told */
    uint16_t seed;
};

/* ---- event_rule.c */

/* "log": false */
bool pm_event_is_off(const struct pm_events *events, uint32_t rule);
/* The rule has a "log" and it is not false. */
bool pm_event_wants_alert(const struct pm_events *events, uint32_t rule);
enum pm_log_payload pm_event_payload_of(const struct pm_events *events, uint32_t rule);
/* Takes a token. What goes beyond the rule's rate is counted for the next event. */
bool pm_event_may_tell(struct pm_events *events, uint32_t rule, uint64_t now_ns);
void pm_event_put_suppressed(struct pm_events *events, uint32_t rule);

/* ---- event_tell.c */

struct pm_event_about pm_event_about_packet(const struct pm_events *events, const char *type,
                                            uint64_t now_ns);
/* "pktmod": what Suricata has no name for. event: or NULL. */
void pm_event_open_own(struct pm_events *events, const char *event, uint32_t rule);
void pm_event_close_own(struct pm_events *events); /* and the event */
void pm_event_put_alert_if_wanted(struct pm_events *events, uint32_t rule, bool is_blocked);
/* The packet at hand goes no further. */
void pm_event_tell_drop(struct pm_events *events, const struct pm_event_verdict *verdict,
                        uint64_t now_ns, const char *engine);
/* The rule matched the packet at hand. */
void pm_event_tell_alert(struct pm_events *events, uint32_t rule, uint64_t now_ns);
/* The flow of a frame that came some time ago; NULL where that is too long. */
struct pm_event_flow *pm_event_flow_of_frame(struct pm_events *events, uint64_t frame);

/* ---- event_rewrite.c: members of struct pm_observer */

void pm_event_on_rehearsed(void *context, const struct pm_emitted *emitted, uint64_t now_ns);
void pm_event_on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns);
void pm_event_on_rewritten(void *context, const struct pm_record *record, enum pm_why why,
                           uint64_t now_ns);
void pm_event_on_happened(void *context, const struct pm_event *event, uint64_t now_ns);

#endif
