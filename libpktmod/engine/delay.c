/* delay.c - packets that wait; the contract is in delay.h. */
#include "engine/delay.h"

#include <string.h>

struct waiting {
    struct pm_waiter waiter;
    uint32_t next; /* early, or parked */
};

/* Early ones that nobody took yet still have their place, hence twice the room. */
static uint32_t room_for(uint32_t packets)
{
    return packets < UINT32_MAX / 2 ? 2 * packets : packets;
}

static struct waiting *at(const struct pm_delay *d, uint64_t index)
{
    return pm_pool_at(&d->waiting, (uint32_t)index);
}

size_t pm_delay_footprint(uint32_t packets)
{
    return (packets ? packets : 1) * sizeof(struct pm_timer) +
           pm_pool_footprint(sizeof(struct waiting), room_for(packets ? packets : 1));
}

bool pm_delay_init(struct pm_delay *d, uint32_t packets, uint64_t bytes)
{
    memset(d, 0, sizeof *d);
    d->cap = packets;
    d->bytes_cap = bytes;
    d->first_early = d->last_early = PM_NIL;
    uint32_t room = packets ? packets : 1;
    if (!pm_timerq_init(&d->timers, room))
        return false;
    if (pm_pool_init(&d->waiting, sizeof(struct waiting), room_for(room)))
        return true;
    pm_timerq_release(&d->timers);
    return false;
}

void pm_delay_release(struct pm_delay *d)
{
    pm_timerq_release(&d->timers);
    pm_pool_release(&d->waiting);
}

static bool has_room(const struct pm_delay *d, size_t len)
{
    return d->timers.count + d->parked < d->cap && len <= d->bytes_cap - d->bytes;
}

static void leave_early(struct pm_delay *d)
{
    uint32_t index = (uint32_t)pm_timerq_peek(&d->timers)->value;
    struct waiting *w = at(d, index);
    pm_timerq_pop(&d->timers);
    d->bytes -= w->waiter.len;
    if (w->waiter.due.ask_id == 0)
        w->waiter.due.why = PM_WHY_DELAY_FULL;
    w->next = PM_NIL;
    if (d->last_early != PM_NIL)
        at(d, d->last_early)->next = index;
    else
        d->first_early = index;
    d->last_early = index;
}

static uint32_t keep(struct pm_delay *d, const struct pm_waiter *waiter)
{
    uint32_t index = pm_pool_take(&d->waiting);
    if (index == PM_NIL)
        return PM_NIL;
    *at(d, index) = (struct waiting){.waiter = *waiter, .next = PM_NIL};
    d->bytes += waiter->len;
    return index;
}

enum pm_delay_answer pm_delay_add(struct pm_delay *d, uint64_t release_ns,
                                  const struct pm_waiter *waiter, bool refuse_when_full)
{
    enum pm_delay_answer answer = PM_DELAY_TAKEN;
    if (d->cap == 0 || waiter->len > d->bytes_cap || d->waiting.used == d->waiting.cap)
        return PM_DELAY_REFUSED;
    while (!has_room(d, waiter->len)) {
        if (refuse_when_full || d->timers.count == 0)
            return PM_DELAY_REFUSED;
        leave_early(d);
        answer = PM_DELAY_TAKEN_ONE_LEFT_EARLY;
    }
    pm_timerq_add(&d->timers, release_ns, keep(d, waiter));
    return answer;
}

static void hand_back(struct pm_delay *d, uint32_t index, struct pm_due *due)
{
    *due = at(d, index)->waiter.due;
    pm_pool_put(&d->waiting, index);
}

static bool take_early(struct pm_delay *d, struct pm_due *due)
{
    uint32_t index = d->first_early;
    if (index == PM_NIL)
        return false;
    d->first_early = at(d, index)->next;
    if (d->first_early == PM_NIL)
        d->last_early = PM_NIL;
    hand_back(d, index, due);
    return true;
}

bool pm_delay_take(struct pm_delay *d, uint64_t now_ns, struct pm_due *due)
{
    if (take_early(d, due))
        return true;
    const struct pm_timer *timer = pm_timerq_peek(&d->timers);
    if (!timer || timer->when_ns > now_ns)
        return false;
    uint32_t index = (uint32_t)timer->value;
    d->bytes -= at(d, index)->waiter.len;
    pm_timerq_pop(&d->timers);
    hand_back(d, index, due);
    return true;
}

uint64_t pm_delay_next_ns(const struct pm_delay *d)
{
    if (d->first_early != PM_NIL)
        return 0;
    const struct pm_timer *timer = pm_timerq_peek(&d->timers);
    return timer ? timer->when_ns : UINT64_MAX;
}

uint32_t pm_delay_park(struct pm_delay *d, const struct pm_waiter *waiter)
{
    uint32_t index = has_room(d, waiter->len) ? keep(d, waiter) : PM_NIL;
    d->parked += index != PM_NIL;
    return index;
}

struct pm_waiter *pm_delay_parked(const struct pm_delay *d, uint32_t index, uint32_t **next)
{
    *next = &at(d, index)->next;
    return &at(d, index)->waiter;
}

void pm_delay_unpark(struct pm_delay *d, uint32_t index, uint64_t release_ns)
{
    d->parked--;
    pm_timerq_add(&d->timers, release_ns, index);
}
