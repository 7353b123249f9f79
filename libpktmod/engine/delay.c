/* delay.c - packets that wait; the contract is in delay.h. */
#include "engine/delay.h"

#include <string.h>

struct waiting {
    uint64_t cookie;
    uint32_t len;
    uint32_t next_early;
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
    return d->timers.count < d->cap && len <= d->bytes_cap - d->bytes;
}

static void leave_early(struct pm_delay *d)
{
    uint32_t index = (uint32_t)pm_timerq_peek(&d->timers)->value;
    struct waiting *w = at(d, index);
    pm_timerq_pop(&d->timers);
    d->bytes -= w->len;
    w->next_early = PM_NIL;
    if (d->last_early != PM_NIL)
        at(d, d->last_early)->next_early = index;
    else
        d->first_early = index;
    d->last_early = index;
}

enum pm_delay_answer pm_delay_add(struct pm_delay *d, uint64_t release_ns, uint64_t cookie,
                                  size_t len, bool refuse_when_full)
{
    enum pm_delay_answer answer = PM_DELAY_TAKEN;
    if (d->cap == 0 || len > d->bytes_cap || len > UINT32_MAX ||
        d->waiting.used == d->waiting.cap || (refuse_when_full && !has_room(d, len)))
        return PM_DELAY_REFUSED;
    while (!has_room(d, len)) {
        leave_early(d);
        answer = PM_DELAY_TAKEN_ONE_LEFT_EARLY;
    }
    uint32_t index = pm_pool_take(&d->waiting);
    *at(d, index) = (struct waiting){.cookie = cookie, .len = (uint32_t)len, .next_early = PM_NIL};
    pm_timerq_add(&d->timers, release_ns, index);
    d->bytes += len;
    return answer;
}

static bool take_early(struct pm_delay *d, uint64_t *cookie)
{
    uint32_t index = d->first_early;
    if (index == PM_NIL)
        return false;
    *cookie = at(d, index)->cookie;
    d->first_early = at(d, index)->next_early;
    if (d->first_early == PM_NIL)
        d->last_early = PM_NIL;
    pm_pool_put(&d->waiting, index);
    return true;
}

bool pm_delay_take(struct pm_delay *d, uint64_t now_ns, uint64_t *cookie)
{
    if (take_early(d, cookie))
        return true;
    const struct pm_timer *timer = pm_timerq_peek(&d->timers);
    if (!timer || timer->when_ns > now_ns)
        return false;
    uint32_t index = (uint32_t)timer->value;
    *cookie = at(d, index)->cookie;
    d->bytes -= at(d, index)->len;
    pm_timerq_pop(&d->timers);
    pm_pool_put(&d->waiting, index);
    return true;
}

uint64_t pm_delay_next_ns(const struct pm_delay *d)
{
    if (d->first_early != PM_NIL)
        return 0;
    const struct pm_timer *timer = pm_timerq_peek(&d->timers);
    return timer ? timer->when_ns : UINT64_MAX;
}
