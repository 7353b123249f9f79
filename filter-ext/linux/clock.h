/* clock.h - the one clock of a live run: never goes back, and began with the time of day. */
#ifndef PKTMOD_FILTER_CLOCK_H
#define PKTMOD_FILTER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Add base_ns to the monotonic clock for the time since 1970. Steps of the system's clock that come
 * later are not followed. */
struct pm_clock {
    int64_t base_ns;
};

static inline int64_t pm_clock_read_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline struct pm_clock pm_clock_start(void)
{
    return (struct pm_clock){pm_clock_read_ns(CLOCK_REALTIME) - pm_clock_read_ns(CLOCK_MONOTONIC)};
}

static inline uint64_t pm_clock_now_ns(const struct pm_clock *clock)
{
    return (uint64_t)(pm_clock_read_ns(CLOCK_MONOTONIC) + clock->base_ns);
}

#endif
