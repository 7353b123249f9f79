/* timerq.h - what is due next: a bounded binary heap of (when, arrival) -> value. */
#ifndef PM_BASE_TIMERQ_H
#define PM_BASE_TIMERQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_timer {
    uint64_t when_ns;
    uint64_t arrival; /* equal times leave in order of arrival */
    uint64_t value;
};

struct pm_timerq {
    struct pm_timer *heap;
    uint32_t cap, count;
    uint64_t arrivals;
};

bool pm_timerq_init(struct pm_timerq *q, uint32_t cap); /* false: no memory */
void pm_timerq_release(struct pm_timerq *q);

bool pm_timerq_add(struct pm_timerq *q, uint64_t when_ns, uint64_t value); /* false: full */
/* The next one, or NULL; valid until the queue changes. */
const struct pm_timer *pm_timerq_peek(const struct pm_timerq *q);
void pm_timerq_pop(struct pm_timerq *q); /* the one peek shows */
/* The first that has the value, wherever it stands; there is one. Looks at all of them. */
void pm_timerq_remove(struct pm_timerq *q, uint64_t value);

#endif
