/* track.h - from a packet to its flow: who began, which way it goes, whether it is a new one. */
#ifndef PM_FLOW_TRACK_H
#define PM_FLOW_TRACK_H

#include <pktmod/pktmod.h>

#include "flow/table.h"

struct pm_tracked {
    struct pm_flow *flow; /* NULL: the table is full */
    unsigned side;        /* the packet's source: 0 or 1 in the key */
    bool is_new;          /* first packet of the flow, or of its next life */
    bool to_server;
    enum pm_dir dir;
    uint8_t syn_before, fin_before, rst_before; /* the flow's *_seen without this packet */
};

/* may_begin: a SYN may start a new life of a flow that is there (its packet is sound).
 *
 * Finds or makes the packet's flow. h->parse is L4, L3 or BAD_L4. The initiator is the sender of a
 * SYN, the addressee of a SYN-ACK; of a flow seen from its middle on it is the end with the
 * unprivileged port if only one end has one, else the sender of the first packet. A SYN in a closed
 * flow (both FINs, or a RST) starts the flow's next life. */
void pm_track(struct pm_flow_table *t, const struct pm_headers *h, enum pm_dir given,
              bool may_begin, uint64_t now_ns, struct pm_tracked *out);

/* The packet turned out to be one that no receiver takes: its flags count for nothing. */
void pm_track_undo(const struct pm_tracked *tracked);

#endif
