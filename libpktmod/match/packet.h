/* packet.h - what conditions look at: one parsed packet and what is known around it. */
#ifndef PM_MATCH_PACKET_H
#define PM_MATCH_PACKET_H

#include <pktmod/pktmod.h>

#include "wire/headers.h"

struct pm_cond_room;

struct pm_subject {
    const struct pm_headers *headers;
    const struct pm_packet *packet;
    enum pm_dir dir;           /* known by now; UNKNOWN only for packets without a flow */
    bool has_flow;             /* the two below are valid */
    bool to_server;            /* else to_client */
    bool flow_is_new;          /* first packet of its flow */
    struct pm_cond_room *room; /* the engine's, for its conditions; may be NULL without regexes */
};

#endif
