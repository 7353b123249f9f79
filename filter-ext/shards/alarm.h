/* alarm.h - a thread that sleeps until something is due, and the clock it sleeps by. */
#ifndef PKTMOD_FILTER_ALARM_H
#define PKTMOD_FILTER_ALARM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Does what is due at now_ns, in the thread of the alarm; answers when to come again, UINT64_MAX:
 * not before pm_alarm_set(). */
typedef uint64_t pm_alarm_fn(void *context, uint64_t now_ns);

struct pm_alarm {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    pm_alarm_fn *due;
    void *context;
    uint64_t wake_ns; /* under the lock */
    bool stops;       /* under the lock */
};

/* Monotonic. */
uint64_t pm_alarm_now_ns(void);

/* False: no thread could be made. */
bool pm_alarm_start(struct pm_alarm *alarm, pm_alarm_fn *due, void *context);
/* Something is due at when_ns; an earlier one that was set stays. From any thread. */
void pm_alarm_set(struct pm_alarm *alarm, uint64_t when_ns);
/* The thread has ended when it returns. Not from that thread. */
void pm_alarm_stop(struct pm_alarm *alarm);

#endif
