/* hello.h - the hellos that verdict rules test: read from the beginning of a flow, kept with it,
 * and the packets that wait while one is incomplete.
 *
 *     UNASKED -- a rule may test it --> AWAITED -- all of it came --------------> KNOWN
 *                                          |  ---- the flow begins otherwise ---> ABSENT
 *                                          '  ---- malformed, no room, a gap ---> LOST
 *
 * Only a rule whose outcome hangs on the hello makes a packet wait, and only data of the side that
 * says hello waits; policy.on_incomplete says how. It waits until a later packet of that side is
 * judged with the hello known or found absent, and gets what that one gets; where that is a delay,
 * it leaves at once. After hello_ms, or where there is no room, on_engine_error decides.
 *
 *     readings   hellos that are incomplete, each with its bytes and its packets   few, large
 *     kept       what complete ones say; the oldest gives way                      many, small */
#ifndef PM_ENGINE_HELLO_H
#define PM_ENGINE_HELLO_H

#include <pktmod/pktmod.h>

#include "base/pool.h"
#include "base/timerq.h"
#include "flow/table.h"
#include "match/packet.h"
#include "proto/quic.h"
#include "proto/tls.h"

struct pm_filter;
struct pm_trial;

enum pm_hello_progress {
    PM_HELLO_UNASKED,
    PM_HELLO_AWAITED,
    PM_HELLO_ABSENT,
    PM_HELLO_KNOWN,
    PM_HELLO_LOST,
};

/* What a flow knows of its hello. */
struct pm_flow_hello {
    uint32_t reading, kept; /* index + 1; 0: none */
    uint8_t progress;       /* enum pm_hello_progress */
    uint8_t doubt;          /* LOST: enum pm_why */
    uint8_t is_sure;        /* the receiver has what it was made of: nothing changes it any more */
};

/* The hellos of a filter; all zero where no verdict rule tests them. */
struct pm_hellos {
    bool is_used;
    struct pm_pool readings, kept;
    struct pm_timerq deadlines; /* of readings that packets wait for; value: index */
    uint32_t oldest, newest;    /* readings */
    uint32_t kept_oldest, kept_newest;
    uint8_t *message; /* room to gather one that may be whole at once */
    struct pm_quic_gather *quic;
    struct pm_quic_room quic_room; /* all NULL: built without QUIC */
};

size_t pm_hellos_footprint(const struct pm_policy *policy);
/* False: no memory. */
bool pm_hellos_init(struct pm_hellos *hellos, const struct pm_policy *policy, bool is_used);
void pm_hellos_release(struct pm_hellos *hellos);

/* ---- what comes of it */

/* Some rule that may decide about the flow tests its hello. */
void pm_hello_want(struct pm_flow *flow);
/* Bytes of it are still to come. */
bool pm_hello_is_awaited(const struct pm_flow *flow);
/* The next bytes, in order, of the stream that begins with it: at `offset` of it. */
void pm_hello_take(struct pm_filter *f, struct pm_flow *flow, uint64_t offset, const uint8_t *bytes,
                   size_t len);
/* The receiver has all bytes that were taken. */
void pm_hello_confirm(struct pm_flow *flow);
/* A datagram, if it is one: of QUIC it may bring a part of it. The first hello of a flow counts. A
 * flow that begins otherwise may still come to one. */
void pm_hello_take_datagram(struct pm_filter *f, struct pm_trial *t);
/* The stream ended, or bytes of it were given up. */
void pm_hello_end(struct pm_filter *f, struct pm_flow *flow);
void pm_hello_lose(struct pm_filter *f, struct pm_flow *flow, enum pm_why why);
/* The connection begins anew. */
void pm_hello_restart(struct pm_filter *f, struct pm_flow *flow);
/* The flow is about to be forgotten. */
void pm_hello_forget(struct pm_filter *f, struct pm_flow *flow);
/* For a filter that takes over the flow `was` of the one before it. */
void pm_hello_adopt(struct pm_filter *f, struct pm_flow *flow, const struct pm_filter *before,
                    const struct pm_flow *was);

/* ---- the packet at hand */

/* Gives the subject what is known. */
void pm_hello_show(const struct pm_filter *f, struct pm_trial *t);
/* The outcome hangs on the hello: the packet waits, or what the policy says. */
void pm_hello_wait(struct pm_filter *f, struct pm_trial *t);
/* The packet was judged. True: packets that waited for the hello leave before it. */
bool pm_hello_settle(struct pm_filter *f, struct pm_trial *t);

/* ---- time */

/* Packets whose time is over by now_ns leave as on_engine_error says. */
void pm_hello_expire(struct pm_filter *f, uint64_t now_ns);
/* When that will be; UINT64_MAX: none waits. */
uint64_t pm_hello_next_ns(const struct pm_filter *f);

#endif
