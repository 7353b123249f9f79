/* alarm.c - one thread, one condition; the two systems differ in how a wait is timed. */
#include "filter-ext/shards/alarm.h"

#include <time.h>

#define NS_PER_S   UINT64_C(1000000000)
#define LONGEST_NS (3600 * NS_PER_S) /* that is slept at a time: within every time_t */

uint64_t pm_alarm_now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct timespec span(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

#ifdef __APPLE__

/* Waits on it are relative, and do not follow the wall clock. */
static bool make_condition(pthread_cond_t *condition)
{
    return pthread_cond_init(condition, NULL) == 0;
}

static void wait_ns(struct pm_alarm *alarm, uint64_t now_ns, uint64_t ns)
{
    (void)now_ns;
    struct timespec relative = span(ns);
    (void)pthread_cond_timedwait_relative_np(&alarm->changed, &alarm->lock, &relative);
}

#else

static bool make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(condition, &monotonic) == 0;
    (void)pthread_condattr_destroy(&monotonic);
    return ok;
}

static void wait_ns(struct pm_alarm *alarm, uint64_t now_ns, uint64_t ns)
{
    struct timespec until = span(now_ns + ns);
    (void)pthread_cond_timedwait(&alarm->changed, &alarm->lock, &until);
}

#endif

static void *run(void *context)
{
    struct pm_alarm *alarm = context;
    (void)pthread_mutex_lock(&alarm->lock);
    while (!alarm->stops) {
        uint64_t now_ns = pm_alarm_now_ns();
        if (alarm->wake_ns > now_ns) {
            uint64_t ns = alarm->wake_ns - now_ns;
            wait_ns(alarm, now_ns, ns < LONGEST_NS ? ns : LONGEST_NS);
            continue;
        }
        alarm->wake_ns = UINT64_MAX;
        (void)pthread_mutex_unlock(&alarm->lock);
        uint64_t next_ns = alarm->due(alarm->context, now_ns);
        (void)pthread_mutex_lock(&alarm->lock);
        if (next_ns < alarm->wake_ns)
            alarm->wake_ns = next_ns;
    }
    (void)pthread_mutex_unlock(&alarm->lock);
    return NULL;
}

bool pm_alarm_start(struct pm_alarm *alarm, pm_alarm_fn *due, void *context)
{
    alarm->due = due;
    alarm->context = context;
    alarm->wake_ns = UINT64_MAX;
    alarm->stops = false;
    if (pthread_mutex_init(&alarm->lock, NULL) != 0)
        return false;
    if (make_condition(&alarm->changed)) {
        if (pthread_create(&alarm->thread, NULL, run, alarm) == 0)
            return true;
        (void)pthread_cond_destroy(&alarm->changed);
    }
    (void)pthread_mutex_destroy(&alarm->lock);
    return false;
}

void pm_alarm_set(struct pm_alarm *alarm, uint64_t when_ns)
{
    (void)pthread_mutex_lock(&alarm->lock);
    if (when_ns < alarm->wake_ns) {
        alarm->wake_ns = when_ns;
        (void)pthread_cond_signal(&alarm->changed);
    }
    (void)pthread_mutex_unlock(&alarm->lock);
}

void pm_alarm_stop(struct pm_alarm *alarm)
{
    (void)pthread_mutex_lock(&alarm->lock);
    alarm->stops = true;
    (void)pthread_cond_signal(&alarm->changed);
    (void)pthread_mutex_unlock(&alarm->lock);
    (void)pthread_join(alarm->thread, NULL);
    (void)pthread_cond_destroy(&alarm->changed);
    (void)pthread_mutex_destroy(&alarm->lock);
}
