/* courier.c - the thread, and what is handed to it; the contract is in courier.h.
 *
 * Two locks, never one within the other: `inbox_lock` for what other threads hand over, `work_lock`
 * for the bearer. Events are told under neither; the device's write and flush under the second. */
#include "tunnel-ext/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS_NS     UINT64_C(1000000)
#define OPEN_NS   (5000 * MS_NS)
#define TEST_NS   (2000 * MS_NS)
#define RETRY_MS  50
#define ERROR_CAP 512u
#define INBOX_CAP (2u << 20)   /* bytes */
#define INBOX_LOW (256u << 10) /* beyond it nobody reads on: what comes then was on its way */

/* Packets one behind the other, each after its length. */
struct inbox {
    uint8_t *bytes;
    size_t used;
};

struct pm_courier {
    struct pm_courier_config config;
    struct pm_bearer *bearer; /* under work_lock */
    uint64_t policies;        /* the same */
    pthread_mutex_t inbox_lock, work_lock;
    pthread_t thread;
    bool has_thread;
    int wake[2]; /* a pipe: its end to read, to write */

    struct inbox filling; /* under inbox_lock, with all below */
    bool is_woken, wants_room, must_move, must_stop;
    uint64_t inbox_full;

    struct inbox taken; /* of the thread, with all below */
    bool has_outside;
    bool is_orphan; /* freed in an event: it frees itself */
};

static void lock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_lock(mutex);
}

static void unlock(pthread_mutex_t *mutex)
{
    (void)pthread_mutex_unlock(mutex);
}

/* ------------------------------------------------------------------ from other threads */

/* Locked. */
static void wake(struct pm_courier *c)
{
    if (c->is_woken)
        return;
    c->is_woken = true;
    while (write(c->wake[1], "", 1) < 0 && errno == EINTR)
        continue;
}

void pm_courier_put(struct pm_courier *courier, const void *bytes, size_t len)
{
    uint32_t size = (uint32_t)len;
    struct inbox *inbox = &courier->filling;
    lock(&courier->inbox_lock);
    if (len > UINT16_MAX || len + sizeof size > INBOX_CAP - inbox->used) {
        courier->inbox_full++;
    } else {
        memcpy(inbox->bytes + inbox->used, &size, sizeof size);
        memcpy(inbox->bytes + inbox->used + sizeof size, bytes, len);
        inbox->used += sizeof size + len;
    }
    unlock(&courier->inbox_lock);
}

bool pm_courier_send(struct pm_courier *courier)
{
    lock(&courier->inbox_lock);
    bool has_room = courier->filling.used < INBOX_LOW;
    courier->wants_room |= !has_room;
    wake(courier);
    unlock(&courier->inbox_lock);
    return has_room;
}

void pm_courier_move(struct pm_courier *courier)
{
    lock(&courier->inbox_lock);
    courier->must_move = true;
    wake(courier);
    unlock(&courier->inbox_lock);
}

bool pm_courier_replace(struct pm_courier *courier, struct pm_rules *rules, char *error,
                        size_t error_cap)
{
    lock(&courier->work_lock);
    bool is_good = pm_bearer_replace(courier->bearer, pm_rules_policy(rules), error, error_cap);
    courier->policies += is_good;
    pm_rules_free(rules);
    unlock(&courier->work_lock);
    return is_good;
}

void pm_courier_stats(struct pm_courier *courier, struct pm_courier_stats *out)
{
    lock(&courier->work_lock);
    const struct pm_bearer *b = courier->bearer;
    struct pm_line_stats line;
    pm_line_stats(pm_bearer_line(b), &line);
    *out = (struct pm_courier_stats){.tunnel = pm_bearer_stats(b),
                                     .rewriter = line.rewriter,
                                     .edits = line.edits,
                                     .policies = courier->policies,
                                     .earlier = line.generations,
                                     .inside = pm_bearer_inside(b),
                                     .outside = pm_bearer_outside(b),
                                     .has_passed = pm_bearer_has_passed(b)};
    unlock(&courier->work_lock);
    lock(&courier->inbox_lock);
    out->inbox_full = courier->inbox_full;
    unlock(&courier->inbox_lock);
}

/* ------------------------------------------------------------------ the thread */

/* What other threads asked for since the last time. */
struct asked {
    bool to_move, to_stop, for_room;
};

static struct asked take_asked(struct pm_courier *c)
{
    char bytes[16];
    lock(&c->inbox_lock);
    struct asked asked = {
        .to_move = c->must_move, .to_stop = c->must_stop, .for_room = c->wants_room};
    struct inbox full = c->filling;
    c->filling = c->taken;
    c->filling.used = 0;
    c->taken = full;
    c->must_move = c->wants_room = false;
    if (c->is_woken)
        while (read(c->wake[0], bytes, sizeof bytes) < 0 && errno == EINTR)
            continue;
    c->is_woken = false;
    unlock(&c->inbox_lock);
    return asked;
}

static bool is_to_stop(struct pm_courier *c)
{
    lock(&c->inbox_lock);
    bool must_stop = c->must_stop;
    unlock(&c->inbox_lock);
    return must_stop;
}

static void move(struct pm_courier *c)
{
    lock(&c->work_lock);
    bool has_outside = pm_bearer_move(c->bearer);
    unlock(&c->work_lock);
    if (has_outside != c->has_outside)
        c->config.events.moved(c->config.events.context, has_outside);
    c->has_outside = has_outside;
}

static void carry(struct pm_courier *c)
{
    lock(&c->work_lock);
    for (size_t off = 0; off < c->taken.used;) {
        uint32_t size;
        memcpy(&size, c->taken.bytes + off, sizeof size);
        off += sizeof size;
        pm_bearer_take(c->bearer, c->taken.bytes + off, size);
        off += size;
    }
    pm_bearer_work(c->bearer);
    unlock(&c->work_lock);
}

/* Waits for something, and does it. False: it is to stop. */
static bool turn(struct pm_courier *c)
{
    struct pollfd fds[1 + PM_BEARER_POLLED] = {{.fd = c->wake[0], .events = POLLIN}};
    lock(&c->work_lock); /* rules may be replaced meanwhile */
    size_t count = 1 + pm_bearer_poll(c->bearer, fds + 1);
    int pause_ms = pm_bearer_pause_ms(c->bearer);
    unlock(&c->work_lock);
    (void)poll(fds, (nfds_t)count, pause_ms);
    struct asked asked = take_asked(c);
    if (asked.to_stop)
        return false;
    if (asked.to_move)
        move(c);
    if (is_to_stop(c))
        return false;
    carry(c);
    if (asked.for_room)
        c->config.events.drained(c->config.events.context);
    return true;
}

/* The address may come after whoever gave it said so. */
static bool open_bearer(struct pm_courier *c, char *error, size_t error_cap)
{
    uint64_t wait_ns = c->config.open_ns == 0 ? OPEN_NS : c->config.open_ns;
    uint64_t deadline_ns = pm_bearer_now_ns() + wait_ns;
    for (;;) {
        lock(&c->work_lock);
        bool is_open = pm_bearer_open(c->bearer, error, error_cap);
        unlock(&c->work_lock);
        if (is_open)
            return true;
        if (pm_bearer_now_ns() >= deadline_ns)
            return false;
        struct pollfd woken = {.fd = c->wake[0], .events = POLLIN};
        (void)poll(&woken, 1, RETRY_MS);
        if (is_to_stop(c)) {
            snprintf(error, error_cap, "stopped before it began");
            return false;
        }
        if (woken.revents != 0) /* by something else, which waits for the first turn */
            (void)poll(NULL, 0, RETRY_MS);
    }
}

/* False: it failed, with `error` filled, or it is to stop, without. */
static bool test(struct pm_courier *c, char *error, size_t error_cap)
{
    uint64_t deadline_ns = pm_bearer_now_ns() + TEST_NS;
    lock(&c->work_lock);
    int failed = pm_bearer_probe(c->bearer);
    unlock(&c->work_lock);
    while (failed == 0 && !pm_bearer_has_passed(c->bearer)) {
        if (pm_bearer_now_ns() >= deadline_ns) {
            snprintf(error, error_cap,
                     "self-test: a connection through the tunnel did not come back within 2 s; a "
                     "firewall may drop what comes in by the tunnel's device");
            return false;
        }
        if (!turn(c))
            return false;
    }
    if (failed != 0)
        snprintf(error, error_cap, "self-test: cannot dial through the tunnel: %s",
                 strerror(failed));
    return failed == 0;
}

static void carry_on(struct pm_courier *c)
{
    const struct pm_courier_events *events = &c->config.events;
    char error[ERROR_CAP] = "";
    if (!open_bearer(c, error, sizeof error)) {
        events->began(events->context, error);
        return;
    }
    c->has_outside = true;
    events->began(events->context, NULL);
    if (!is_to_stop(c))
        move(c);
    if (!is_to_stop(c) && test(c, error, sizeof error))
        while (turn(c))
            continue;
    if (error[0] != '\0' && !is_to_stop(c))
        events->failed(events->context, error);
}

/* ------------------------------------------------------------------ life */

static void destroy(struct pm_courier *c)
{
    bool has_policy = c->bearer != NULL;
    pm_bearer_free(c->bearer);
    if (has_policy)
        pm_policy_unref(c->config.bearer.policy);
    for (int i = 0; i < 2; i++)
        if (c->wake[i] >= 0)
            close(c->wake[i]);
    free(c->filling.bytes);
    free(c->taken.bytes);
    free(c);
}

static bool make_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        if (fcntl(ends[i], F_SETFL, O_NONBLOCK) != 0 || fcntl(ends[i], F_SETFD, FD_CLOEXEC) != 0)
            return false;
    return true;
}

static bool make_parts(struct pm_courier *c)
{
    c->filling.bytes = malloc(INBOX_CAP);
    c->taken.bytes = malloc(INBOX_CAP);
    return c->filling.bytes != NULL && c->taken.bytes != NULL &&
           pthread_mutex_init(&c->inbox_lock, NULL) == 0 &&
           pthread_mutex_init(&c->work_lock, NULL) == 0 && make_pipe(c->wake);
}

struct pm_courier *pm_courier_new(const struct pm_courier_config *config, char *error,
                                  size_t error_cap)
{
    struct pm_courier *c = calloc(1, sizeof *c);
    if (c == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    c->config = *config;
    c->policies = 1;
    c->wake[0] = c->wake[1] = -1;
    if (!make_parts(c))
        snprintf(error, error_cap, "no memory, or no descriptors are left");
    else
        c->bearer = pm_bearer_new(&config->bearer, error, error_cap);
    if (c->bearer != NULL) {
        (void)pm_policy_ref(config->bearer.policy);
        return c;
    }
    destroy(c);
    return NULL;
}

static void *run(void *context)
{
    struct pm_courier *c = context;
    (void)is_to_stop(c); /* waits for pm_courier_start() */
    carry_on(c);
    if (c->is_orphan)
        destroy(c);
    return NULL;
}

bool pm_courier_start(struct pm_courier *courier)
{
    lock(&courier->inbox_lock); /* until its name is known, which it may ask for */
    bool is_made = pthread_create(&courier->thread, NULL, run, courier) == 0;
    courier->has_thread = is_made;
    unlock(&courier->inbox_lock);
    return is_made;
}

void pm_courier_free(struct pm_courier *courier)
{
    if (courier == NULL)
        return;
    if (!courier->has_thread) {
        destroy(courier);
        return;
    }
    lock(&courier->inbox_lock);
    courier->must_stop = true;
    wake(courier);
    unlock(&courier->inbox_lock);
    if (pthread_equal(courier->thread, pthread_self())) {
        courier->is_orphan = true;
        (void)pthread_detach(courier->thread);
        return;
    }
    (void)pthread_join(courier->thread, NULL);
    destroy(courier);
}
