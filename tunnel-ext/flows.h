/* flows.h - the TCP connections that a reflecting tunnel carries, each under a port of its own.
 *
 *     the program's          app   ->  dst          found by a keyed hash
 *     on the way to us       P:n   ->  T:L          found by n
 *
 * A port is taken from the end of a queue where it has waited longest, and never within
 * PM_FLOW_QUARANTINE_NS after its connection: a late segment, or a TIME_WAIT, must not meet another
 * one. While it waits its connection is still known, so that both ends can say goodbye; unless the
 * program begins the same connection anew.
 *
 *     [free, longest first ... | closed, longest first ...]   n: 1024..65535
 *      ^ open takes here                                  ^ close puts here
 */
#ifndef PKTMOD_TUNNEL_FLOWS_H
#define PKTMOD_TUNNEL_FLOWS_H

#include "tunnel-ext/packet.h"

#define PM_FLOW_QUARANTINE_NS UINT64_C(120000000000)
#define PM_FLOW_NONE          0u /* no port */

enum pm_flow_state {
    PM_FLOW_FREE,
    PM_FLOW_DIALLING,   /* the SYN is held while the destination is asked */
    PM_FLOW_REFLECTING, /* the SYN went on to our listener */
    PM_FLOW_OPEN,       /* the listener accepted it */
    PM_FLOW_CLOSED,     /* its sockets are gone */
};

struct pm_tunnel_flow {
    struct pm_end app, dst;
    enum pm_flow_state state;
    uint64_t since_ns; /* in this state */
    void *talk;        /* the owner's */
    uint16_t next_in_bucket, next_alive, prev_alive;
    bool is_hashed;
};

struct pm_flows;

/* At most `most` that are not closed. NULL: no memory. */
struct pm_flows *pm_flows_new(uint32_t most, const uint64_t hash_key[2]);
void pm_flows_free(struct pm_flows *flows);

/* A new one, dialling, whose connection is not known already (or is closed). PM_FLOW_NONE: there
 * are too many, or every free port is in quarantine. */
uint16_t pm_flows_open(struct pm_flows *flows, const struct pm_end *app, const struct pm_end *dst,
                       uint64_t now_ns);
void pm_flows_set(struct pm_flows *flows, uint16_t n, enum pm_flow_state state, uint64_t now_ns);
/* Of one that is not closed yet. */
void pm_flows_close(struct pm_flows *flows, uint16_t n, uint64_t now_ns);

/* PM_FLOW_NONE: no such connection. */
uint16_t pm_flows_find(struct pm_flows *flows, const struct pm_end *app, const struct pm_end *dst);
/* NULL: nobody has the port. */
struct pm_tunnel_flow *pm_flows_at(struct pm_flows *flows, uint16_t n);

/* A walk over those that are not closed; the one at hand may be closed. */
uint16_t pm_flows_first(const struct pm_flows *flows);
uint16_t pm_flows_next(const struct pm_flows *flows, uint16_t n);
uint32_t pm_flows_count(const struct pm_flows *flows);
uint32_t pm_flows_dialling(const struct pm_flows *flows);

#endif
