/* verify_flow.h - the flows of both captures, side by side, and what each packet does to its flow.
 */
#ifndef PKTMOD_APP_VERIFY_FLOW_H
#define PKTMOD_APP_VERIFY_FLOW_H

#include "app/verify_anchor.h"
#include "app/verify_half.h"

enum pm_verify_capture { PM_VERIFY_IN, PM_VERIFY_OUT };

/* A flow as one of the captures has it. */
struct pm_verify_take {
    struct pm_verify_half halves[2]; /* by sender: ends.addr[0], ends.addr[1] of the flow */
    uint64_t packets;
    uint64_t chain;          /* fingerprint of all of them in order */
    uint32_t latest;         /* which flow of the same ends this capture is at */
    uint32_t pending_isn[2]; /* of a SYN that may open the next one */
    bool has_pending[2];
};

struct pm_verify_flow {
    struct pm_verify_ends ends;
    enum pm_verify_kind kind;
    uint32_t number;                     /* how many connections of the same ends were before */
    uint64_t id;                         /* mixes ends, kind and number */
    uint64_t step, compared_step;        /* of its latest packet, and when it was compared */
    struct pm_verify_take takes[2];      /* by capture */
    struct pm_verify_anchors anchors[2]; /* by sender */
    struct pm_verify_flow *older;        /* in the list of all */
};

struct pm_verify_flows {
    struct pm_verify_flow **slots;
    size_t count, cap;
    struct pm_verify_flow *newest;
    uint64_t bytes;              /* that windows occupy */
    enum pm_checksums checksums; /* which packets a receiver would take */
};

/* What a packet did. `dir` is its sender among flow->ends. */
struct pm_verify_event {
    struct pm_verify_flow *flow;
    unsigned dir;
    bool has_ack;
    struct pm_verify_sent sent;
    struct pm_verify_acknowledged acknowledged;
};

void pm_verify_flows_free(struct pm_verify_flows *flows);

/* Sorts a packet in. False: no memory. */
bool pm_verify_flows_take(struct pm_verify_flows *flows, enum pm_verify_capture capture,
                          const struct pm_verify_packet *packet, uint64_t step,
                          struct pm_verify_event *event);

#endif
