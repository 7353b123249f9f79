/* event_flow.h - the flows that events tell of: who talks, how much, since when, and when it ends.
 *
 * The filter forgets flows that are idle, that a new connection replaces, or that make room; it
 * does not say so. Here the same rules are applied to the same packets: a flow ends when the filter
 * forgets it. In memory that the number of flows bounds.
 */
#ifndef PKTMOD_APP_EVENT_FLOW_H
#define PKTMOD_APP_EVENT_FLOW_H

#include <pktmod/pktmod.h>

enum pm_event_way { PM_TO_SERVER, PM_TO_CLIENT, PM_EVENT_WAYS };

struct pm_event_flow {
    uint64_t id;
    struct pm_endpoints ends; /* src is the client */
    int icmp_type, icmp_code; /* of the first packet; -1: none */
    uint64_t start_ns, last_ns;
    uint64_t packets[PM_EVENT_WAYS], bytes[PM_EVENT_WAYS];
    uint8_t tcp_flags[PM_EVENT_WAYS]; /* all that were seen */
    bool is_midstream;                /* TCP, its first packet was no SYN */
    bool is_alerted;
    uint64_t dropped, edited; /* packets */
    uint64_t hash;
    uint32_t next, newer, older; /* in the bucket; in the queue */
    uint8_t queue;
};

/* Why it ended, in the words of Suricata: timeout, forced, tcp_reuse, shutdown. */
typedef void pm_event_flow_ended(void *context, const struct pm_event_flow *flow,
                                 const char *reason, uint64_t now_ns);

struct pm_event_flows {
    struct pm_event_flow *slots;
    uint32_t *buckets;
    uint32_t cap, mask, first_free, used;
    uint32_t oldest[2], newest[2]; /* half-open, settled: the filter makes room in this order */
    uint64_t idle_ns;
    pm_event_flow_ended *ended;
    void *context;
};

/* False: no memory. */
bool pm_event_flows_init(struct pm_event_flows *flows, uint32_t cap, uint64_t idle_ns,
                         pm_event_flow_ended *ended, void *context);
void pm_event_flows_free(struct pm_event_flows *flows);

/* What a packet was judged; `ends` as pm_packet_endpoints() found them. Its flow, or NULL. *is_new:
 * it is the first packet that is seen of the flow. Flows that made room, or whose next life begins,
 * are ended first. */
struct pm_event_flow *pm_event_flows_see(struct pm_event_flows *flows,
                                         const struct pm_endpoints *ends, uint32_t wire_len,
                                         const struct pm_decision *decision, uint64_t now_ns,
                                         bool *is_new);
/* id 0: the newest between these ends. NULL: none. */
struct pm_event_flow *pm_event_flows_find(struct pm_event_flows *flows,
                                          const struct pm_endpoints *ends, uint64_t id);
/* The packet that has `ends` was sent by the client. */
bool pm_event_flow_from_client(const struct pm_event_flow *flow, const struct pm_endpoints *ends);

/* Ends what has been idle for too long at now_ns, each at its own time. */
void pm_event_flows_pass(struct pm_event_flows *flows, uint64_t now_ns);
/* Ends all that are left, in the order they began. */
void pm_event_flows_end(struct pm_event_flows *flows, uint64_t now_ns);

#endif
