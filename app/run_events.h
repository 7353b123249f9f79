/* run_events.h - events of a live run: the lines of each worker and of the tunnel, gathered, and
 * brought to a file and to who listens.
 *
 *     worker -> events.h -> lines \
 *     tunnel -> events.h -> lines -+-> log (bounded) -> main thread -> file, control clients
 */
#ifndef PKTMOD_APP_RUN_EVENTS_H
#define PKTMOD_APP_RUN_EVENTS_H

#include <pthread.h>

#include "app/events.h"
#include "filter-ext/linux/worker.h"
#include "tunnel-ext/buffer.h"
#include "tunnel-ext/line.h"

/* Lines on their way from the workers to the main thread. */
#define PM_EVENT_LOG_BYTES (8u << 20)

struct pm_event_log {
    pthread_mutex_t mutex;
    struct pm_buffer lines; /* whole lines */
    int news_fd;            /* readable: there are lines */
    uint64_t lost;          /* lines for which there was no room */
    const char *path;       /* NULL: no file */
    int fd;                 /* -1: none */
    uint64_t failed;        /* writes to it */
};

/* path: as pm_run_options.events. False: complained already. */
bool pm_event_log_open(struct pm_event_log *log, const char *path);
void pm_event_log_close(struct pm_event_log *log);
/* The file was moved away: a new one of the same name. False: complained already; the old one
 * stays. */
bool pm_event_log_rotate(struct pm_event_log *log);
/* Moves what gathered into *lines (which is empty, and given back by the caller for the next time)
 * and writes it to the file. */
void pm_event_log_take(struct pm_event_log *log, struct pm_buffer *lines);

struct pm_run_events;

/* The events of one worker, or of the tunnel, before it starts. NULL: no memory. */
struct pm_run_events *pm_run_events_new(struct pm_event_log *log, struct pm_policy *policy,
                                        uint16_t community_seed);
/* What is told to them. */
void pm_run_events_hear_worker(struct pm_run_events *events, struct pm_worker *worker);
void pm_run_events_hear_line(struct pm_run_events *events, struct pm_line *line);
/* Who told them has stopped. NULL is fine. */
void pm_run_events_free(struct pm_run_events *events, uint64_t now_ns);

/* Both with the worker, or the tunnel, locked. */
bool pm_run_events_renew(struct pm_run_events *events, struct pm_policy *policy);
void pm_run_events_pass(struct pm_run_events *events, uint64_t now_ns);

#endif
