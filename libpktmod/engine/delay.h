/* delay.h - packets that wait: bounded by count and bytes, given back in order of time. */
#ifndef PM_ENGINE_DELAY_H
#define PM_ENGINE_DELAY_H

#include <pktmod/pktmod.h>

#include "base/pool.h"
#include "base/timerq.h"
#include "flow/table.h"

/* What is known of a packet that waits. */
struct pm_waiter {
    struct pm_due due;      /* what becomes of it, as far as that is known */
    uint32_t len;           /* bytes that the caller keeps */
    size_t wire_len;        /* as in pm_packet */
    bool is_settled;        /* parked, but the answer changes nothing for it */
    uint64_t not_before_ns; /* parked: leaves no earlier, whenever the answer comes */
    struct pm_flow *flow;   /* parked: its flow, valid while that has the id; or NULL */
    uint64_t flow_id;
};

/*     waiting (a pool)   [waiter] [waiter] ...          each in exactly one of
 *       timers           in order of time
 *       early            released before its time, to be taken at once
 *       parked           by whom it waits for, without a time
 */
struct pm_delay {
    struct pm_timerq timers; /* value: index of a waiting packet */
    struct pm_pool waiting;
    uint32_t first_early, last_early;
    uint32_t parked;
    uint32_t cap;
    uint64_t bytes, bytes_cap; /* of those in timers or parked */
};

enum pm_delay_answer {
    PM_DELAY_TAKEN,
    PM_DELAY_TAKEN_ONE_LEFT_EARLY, /* full: the packet due next was released to make room */
    PM_DELAY_REFUSED,              /* full, and no other may go early */
};

size_t pm_delay_footprint(uint32_t packets);
bool pm_delay_init(struct pm_delay *d, uint32_t packets, uint64_t bytes); /* false: no memory */
void pm_delay_release(struct pm_delay *d);

/* refuse_when_full: else packets that are due next leave early (DELAY_FULL) until there is room;
 * they are taken with pm_delay_take at once. Parked ones never make room. A packet larger than the
 * whole room is refused. */
enum pm_delay_answer pm_delay_add(struct pm_delay *d, uint64_t release_ns,
                                  const struct pm_waiter *waiter, bool refuse_when_full);
/* The next in order of (release, arrival) that is due. */
bool pm_delay_take(struct pm_delay *d, uint64_t now_ns, struct pm_due *due);
/* 0 while packets released early wait to be taken; UINT64_MAX when none waits for a time. */
uint64_t pm_delay_next_ns(const struct pm_delay *d);

/* A packet without a time: its index, for `next` to chain it; PM_NIL: full. */
uint32_t pm_delay_park(struct pm_delay *d, const struct pm_waiter *waiter);
struct pm_waiter *pm_delay_parked(const struct pm_delay *d, uint32_t index, uint32_t **next);
/* Now it has one. */
void pm_delay_unpark(struct pm_delay *d, uint32_t index, uint64_t release_ns);

#endif
