/* event_line.h - one event as a line of JSON, with the names that Suricata's EVE gives the same.
 *
 *     pm_event_begin(events, &about);        {"timestamp":...,"event_type":...,"src_ip":...
 *     pm_event_put_...(...)                  the objects that belong to this event
 *     pm_event_end(...)                      }
 *
 * What Suricata has no name for stands in "pktmod", in "rewrite", and beside "action" in "verdict".
 * EVENTS.md is the description for users.
 */
#ifndef PKTMOD_APP_EVENT_LINE_H
#define PKTMOD_APP_EVENT_LINE_H

#include "app/event_flow.h"
#include "app/json.h"
#include "app/verify_packet.h"

/* Whom and what an event is about. */
struct pm_event_about {
    const char *type;
    uint64_t time_ns;
    uint64_t frame;                        /* 0: of no single packet */
    const struct pm_event_flow *flow;      /* NULL: none */
    const struct pm_verify_packet *packet; /* NULL: the ends are those of the flow */
    bool to_server;                        /* with a flow and a packet */
    const char *interface;                 /* or NULL */
    uint16_t seed;                         /* of the Community ID */
};

struct pm_event_verdict {
    enum pm_verdict verdict;
    enum pm_why why;
    uint32_t rule;             /* or PM_NO_RULE */
    bool is_reset;             /* REJECT: told by a reset, else by ICMP */
    bool to_client, to_server; /* REJECT: who is told */
};

void pm_event_begin(struct pm_json *json, const struct pm_event_about *about);
void pm_event_end(struct pm_json *json);

void pm_event_put_verdict(struct pm_json *json, const struct pm_policy *policy,
                          const struct pm_event_verdict *verdict);
/* "drop": the headers of the packet that goes no further. */
void pm_event_put_drop(struct pm_json *json, const struct pm_verify_packet *packet,
                       enum pm_why why);
/* "alert": a rule that wants to be heard of. */
void pm_event_put_alert(struct pm_json *json, const struct pm_policy *policy, uint32_t rule,
                        bool is_blocked);
/* "flow" and "tcp" of a flow that ended. */
void pm_event_put_flow(struct pm_json *json, const struct pm_event_flow *flow, const char *reason);

#endif
