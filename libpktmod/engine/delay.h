/* delay.h - packets that wait: bounded by count and bytes, given back in order of time. */
#ifndef PM_ENGINE_DELAY_H
#define PM_ENGINE_DELAY_H

#include "base/pool.h"
#include "base/timerq.h"

struct pm_delay {
    struct pm_timerq timers; /* value: index of a waiting packet */
    struct pm_pool waiting;
    uint32_t first_early, last_early; /* released before their time, not yet taken */
    uint32_t cap;
    uint64_t bytes, bytes_cap; /* of those in timers */
};

enum pm_delay_answer {
    PM_DELAY_TAKEN,
    PM_DELAY_TAKEN_ONE_LEFT_EARLY, /* full: the packet due next was released to make room */
    PM_DELAY_REFUSED,              /* full, and no other may go early */
};

size_t pm_delay_footprint(uint32_t packets);
bool pm_delay_init(struct pm_delay *d, uint32_t packets, uint64_t bytes); /* false: no memory */
void pm_delay_release(struct pm_delay *d);

/* refuse_when_full: else packets that are due next leave early until there is room; they are taken
 * with pm_delay_take at once. A packet larger than the whole room is refused. */
enum pm_delay_answer pm_delay_add(struct pm_delay *d, uint64_t release_ns, uint64_t cookie,
                                  size_t len, bool refuse_when_full);
bool pm_delay_take(struct pm_delay *d, uint64_t now_ns, uint64_t *cookie);
/* 0 while packets released early wait to be taken; UINT64_MAX when none waits. */
uint64_t pm_delay_next_ns(const struct pm_delay *d);

#endif
