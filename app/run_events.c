/* run_events.c - makes events of what a worker tells; the contract is in run_events.h. */
#include "app/run_events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/command.h"

#define PACKET_MAX 65536u
#define LINK_RAW   101

/* Events are made of what a replay tells; this one has no capture, only what they look at. */
struct pm_run_events {
    struct pm_event_log *log;
    struct pm_replay replay;
    struct pm_events *events;
    uint8_t packet[PACKET_MAX]; /* the one at hand: a record may be written to */
};

/* ------------------------------------------------------------------ the log */

static bool open_file(struct pm_event_log *log)
{
    if (log->path == NULL)
        return true;
    int fd = strcmp(log->path, "-") == 0
                 ? dup(STDOUT_FILENO)
                 : open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot write events: %s", log->path, strerror(errno));
        return false;
    }
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    return true;
}

bool pm_event_log_open(struct pm_event_log *log, const char *path)
{
    bool has_file = path != NULL && strcmp(path, "none") != 0;
    *log = (struct pm_event_log){.fd = -1,
                                 .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                 .path = has_file ? path : NULL,
                                 .lines = {.most = PM_EVENT_LOG_BYTES}};
    pthread_mutex_init(&log->mutex, NULL);
    if (log->news_fd >= 0)
        return open_file(log);
    pm_complain(PM_EXIT_INTERNAL, "run: cannot make an eventfd: %s", strerror(errno));
    return false;
}

void pm_event_log_close(struct pm_event_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    if (log->news_fd >= 0)
        close(log->news_fd);
    pm_buffer_free(&log->lines);
    pthread_mutex_destroy(&log->mutex);
}

bool pm_event_log_rotate(struct pm_event_log *log)
{
    return open_file(log);
}

static uint64_t count_lines(const uint8_t *bytes, size_t len)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == '\n';
    return lines;
}

static void put_lines(struct pm_event_log *log, const uint8_t *bytes, size_t len)
{
    uint64_t one = 1;
    pthread_mutex_lock(&log->mutex);
    if (!pm_buffer_put(&log->lines, bytes, len))
        log->lost += count_lines(bytes, len);
    pthread_mutex_unlock(&log->mutex);
    if (write(log->news_fd, &one, sizeof one) < 0)
        return; /* it is readable already */
}

static void write_file(struct pm_event_log *log, const struct pm_buffer *lines)
{
    const uint8_t *at = pm_buffer_at(lines);
    size_t len = pm_buffer_len(lines);
    while (log->fd >= 0 && len > 0) {
        ssize_t put = write(log->fd, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            if (log->failed++ == 0)
                pm_complain(PM_EXIT_BAD_INPUT, "%s: events are lost: %s", log->path,
                            strerror(errno));
            return;
        }
        at += put;
        len -= (size_t)put;
    }
}

void pm_event_log_take(struct pm_event_log *log, struct pm_buffer *lines)
{
    uint64_t count;
    if (read(log->news_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&log->mutex);
    struct pm_buffer taken = log->lines;
    log->lines = *lines;
    log->lines.most = PM_EVENT_LOG_BYTES;
    pthread_mutex_unlock(&log->mutex);
    *lines = taken;
    if (pm_buffer_len(lines) > 0)
        write_file(log, lines);
}

/* ------------------------------------------------------------------ events of a filter */

/* Events take it that time does not go back; clocks of two processors may differ a little. */
static uint64_t no_earlier(struct pm_run_events *e, uint64_t now_ns)
{
    if (now_ns > e->replay.clock_ns)
        e->replay.clock_ns = now_ns;
    return e->replay.clock_ns;
}

static struct pm_record record_of(struct pm_run_events *e, const struct pm_packet *packet,
                                  uint64_t number, uint64_t now_ns)
{
    size_t len = packet->len < PACKET_MAX ? packet->len : PACKET_MAX;
    memcpy(e->packet, packet->data, len);
    return (struct pm_record){.data = e->packet,
                              .caplen = (uint32_t)len,
                              .origlen = (uint32_t)packet->wire_len,
                              .time_ns = now_ns,
                              .frame = number,
                              .link = LINK_RAW,
                              .kind = PM_RECORD_PCAP,
                              .dir = packet->dir,
                              .interface = packet->interface,
                              .raw = e->packet,
                              .raw_len = (uint32_t)len};
}

static void on_judged(void *context, const struct pm_packet *packet, uint64_t number,
                      const struct pm_decision *decision, struct pm_filter *filter, uint64_t now_ns)
{
    struct pm_run_events *e = context;
    const struct pm_observer *o = e->replay.observers[0];
    struct pm_record record = record_of(e, packet, number, now_ns);
    e->replay.filter = filter;
    o->judged(o->context, &record, packet, decision, now_ns);
}

/* Of an older policy: the rule that has the same name now. */
static uint32_t rule_now(const struct pm_policy *now, const struct pm_policy *was, uint32_t rule)
{
    if (rule == PM_NO_RULE || now == was)
        return rule;
    for (uint32_t i = 0; i < pm_policy_rule_count(now); i++)
        if (strcmp(pm_policy_rule_id(now, i), pm_policy_rule_id(was, rule)) == 0)
            return i;
    return PM_NO_RULE;
}

static void on_released(void *context, const struct pm_packet *packet, uint64_t number,
                        const struct pm_due *due, const struct pm_policy *policy, uint64_t now_ns)
{
    struct pm_run_events *e = context;
    const struct pm_observer *o = e->replay.observers[0];
    now_ns = no_earlier(e, now_ns);
    struct pm_record record = record_of(e, packet, number, now_ns);
    struct pm_due told = *due;
    told.rule = rule_now(e->replay.policy, policy, due->rule);
    o->released(o->context, &record, &told, now_ns);
}

static void on_rested(void *context)
{
    struct pm_run_events *e = context;
    struct pm_sink *sink = pm_events_sink(e->events);
    if (sink->len > 0)
        put_lines(e->log, sink->buffer, sink->len);
    sink->len = 0;
}

struct pm_run_events *pm_run_events_new(struct pm_event_log *log, struct pm_policy *policy,
                                        uint16_t community_seed)
{
    struct pm_run_events *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->log = log;
    e->replay.policy = policy;
    e->events = pm_events_open(&e->replay, NULL, community_seed, NULL, 0);
    if (e->events == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

void pm_run_events_hear_worker(struct pm_run_events *events, struct pm_worker *worker)
{
    pm_worker_listen(worker, &(struct pm_worker_listener){.judged = on_judged,
                                                          .released = on_released,
                                                          .rested = on_rested,
                                                          .context = events});
}

void pm_run_events_hear_line(struct pm_run_events *events, struct pm_line *line)
{
    pm_line_listen(line, &(struct pm_line_listener){.judged = on_judged,
                                                    .released = on_released,
                                                    .rested = on_rested,
                                                    .context = events});
}

void pm_run_events_free(struct pm_run_events *events, uint64_t now_ns)
{
    if (events == NULL)
        return;
    pm_events_end(events->events, no_earlier(events, now_ns));
    on_rested(events);
    uint8_t *buffer = pm_events_sink(events->events)->buffer;
    pm_events_close(events->events);
    free(buffer);
    free(events);
}

bool pm_run_events_renew(struct pm_run_events *events, struct pm_policy *policy)
{
    struct pm_policy *was = events->replay.policy;
    events->replay.policy = policy;
    if (pm_events_renew(events->events))
        return true;
    events->replay.policy = was;
    return false;
}

void pm_run_events_pass(struct pm_run_events *events, uint64_t now_ns)
{
    pm_events_pass(events->events, no_earlier(events, now_ns));
    on_rested(events);
}
