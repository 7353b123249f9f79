/* worker.c - takes packets from the kernel's queue to the filter and back; see worker.h. */
#include "filter-ext/linux/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "filter-ext/held.h"
#include "filter-ext/linux/names.h"
#include "filter-ext/linux/rawsend.h"

#define LINK_RAW    101
#define COPY_ALL    0xffffu
#define COPY_HEADER 512u  /* IPv6 with extension headers and TCP options */
#define COPY_REJECT 1280u /* what an ICMP error quotes, at most */
#define QUEUE_LEN   4096u /* and what may be delayed */
#define RETIRED_MAX 8u
#define NS_PER_S    UINT64_C(1000000000)
#define FOREVER_NS  (UINT64_MAX - 1)

/* A filter, the policy it runs, and what it is counted with. */
struct generation {
    struct pm_policy *policy;
    struct pm_filter *filter;
};

struct question {
    struct pm_worker_ask ask;
    const struct pm_filter *filter;
    uint64_t filter_id;
    bool is_answered;
};

struct pm_worker {
    struct pm_worker_config config;
    struct pm_worker_listener listener;
    pthread_mutex_t mutex;
    pthread_t thread;
    bool has_thread, must_stop, has_failed;
    int wake_fd;
    struct pm_nfqueue *queue;
    struct pm_rawsend raw;
    struct pm_names names;
    struct pm_held held;
    struct generation now;
    struct generation retired[RETIRED_MAX]; /* the oldest first */
    unsigned retired_count;
    struct question *questions;
    uint32_t questions_cap, questions_used;
    uint64_t questions_asked;
    struct pm_stats past; /* of filters that are gone */
    uint64_t numbers, settled, late_max_ns;
};

/* ------------------------------------------------------------------ life */

static uint32_t copy_len_of(const struct pm_policy *policy)
{
    uint32_t len = COPY_HEADER;
    if (pm_policy_reads_payload(policy))
        return COPY_ALL;
    for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
        if (pm_policy_rule_action(policy, i) == PM_ACTION_REJECT)
            len = COPY_REJECT;
    return len;
}

static struct pm_nf_config queue_of(const struct pm_worker_config *config,
                                    const struct pm_policy *policy)
{
    const struct pm_settings *settings = pm_policy_settings(policy);
    return (struct pm_nf_config){
        .queue = config->queue,
        .copy_len = copy_len_of(policy),
        .queue_len =
            config->queue_len > 0 ? config->queue_len : QUEUE_LEN + settings->delayed_packets,
        .fail_open = !settings->engine_error_drop,
    };
}

struct pm_filter *pm_worker_make_filter(const struct pm_worker *worker, struct pm_policy *policy,
                                        struct pm_error *error)
{
    struct pm_filter_config config = {
        .seed = worker->config.seed,
        .hash_key = {worker->config.hash_key[0], worker->config.hash_key[1]},
    };
    return pm_filter_new(policy, &config, error);
}

bool pm_worker_reserve(struct pm_worker *worker, const struct pm_policy *policy)
{
    const struct pm_settings *s = pm_policy_settings(policy);
    uint32_t cap = worker->questions_used + s->asks;
    if (!pm_held_reserve(&worker->held, s->delayed_packets + 1))
        return false;
    if (cap <= worker->questions_cap)
        return true;
    struct question *grown = realloc(worker->questions, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    worker->questions = grown;
    worker->questions_cap = cap;
    return true;
}

static bool furnish(struct pm_worker *w, struct pm_policy *policy, char *error, size_t error_cap)
{
    struct pm_error why = {.text = "no memory"};
    if (pm_worker_reserve(w, policy))
        w->now.filter = pm_worker_make_filter(w, policy, &why);
    if (w->now.filter == NULL) {
        snprintf(error, error_cap, "%s", why.text);
        return false;
    }
    w->now.policy = pm_policy_ref(policy);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake_fd < 0)
        snprintf(error, error_cap, "cannot make an eventfd: %s", strerror(errno));
    return w->wake_fd >= 0;
}

struct pm_worker *pm_worker_new(const struct pm_worker_config *config, struct pm_policy *policy,
                                char *error, size_t error_cap, const char **notice)
{
    struct pm_worker *w = calloc(1, sizeof *w);
    struct pm_nf_config queue = queue_of(config, policy);
    *notice = "";
    if (w == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    w->config = *config;
    w->wake_fd = w->raw.fd4 = w->raw.fd6 = -1;
    pthread_mutex_init(&w->mutex, NULL);
    bool is_good = furnish(w, policy, error, error_cap);
    if (is_good)
        w->queue = pm_nfqueue_open(&queue, error, error_cap, notice);
    if (is_good && w->queue != NULL && pm_rawsend_open(&w->raw, PM_MARK_OURS, error, error_cap))
        return w;
    pm_worker_free(w);
    return NULL;
}

void pm_worker_free(struct pm_worker *worker)
{
    if (worker == NULL)
        return;
    pm_nfqueue_close(worker->queue);
    pm_rawsend_close(&worker->raw);
    pm_held_free(&worker->held);
    pm_filter_free(worker->now.filter);
    pm_policy_unref(worker->now.policy);
    for (unsigned i = 0; i < worker->retired_count; i++) {
        pm_filter_free(worker->retired[i].filter);
        pm_policy_unref(worker->retired[i].policy);
    }
    if (worker->wake_fd >= 0)
        close(worker->wake_fd);
    pthread_mutex_destroy(&worker->mutex);
    free(worker->questions);
    free(worker);
}

void pm_worker_listen(struct pm_worker *worker, const struct pm_worker_listener *listener)
{
    worker->listener = *listener;
}

void pm_worker_lock(struct pm_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
}

void pm_worker_unlock(struct pm_worker *worker)
{
    pthread_mutex_unlock(&worker->mutex);
}

static void wake(const struct pm_worker *w)
{
    uint64_t one = 1;
    if (write(w->wake_fd, &one, sizeof one) < 0)
        return; /* it is awake already */
}

/* ------------------------------------------------------------------ questions */

static void note_question(struct pm_worker *w, const struct pm_packet *packet,
                          struct pm_decision *decision, uint64_t now_ns)
{
    const struct pm_worker_config *config = &w->config;
    uint64_t filter_id = decision->ask_id;
    if (!decision->is_new_ask || w->questions_used == w->questions_cap)
        return;
    struct question *q = &w->questions[w->questions_used++];
    *q = (struct question){.filter = w->now.filter, .filter_id = filter_id};
    q->ask.id = w->questions_asked++ * config->count + config->index + 1;
    q->ask.since_ns = now_ns;
    q->ask.deadline_ns = decision->release_ns;
    q->ask.has_ends = pm_packet_endpoints(packet, &q->ask.ends);
    snprintf(q->ask.rule, sizeof q->ask.rule, "%s",
             pm_policy_rule_id(w->now.policy, decision->rule));
}

static struct question *find_question(const struct pm_worker *w, const struct pm_filter *filter,
                                      uint64_t filter_id)
{
    for (uint32_t i = 0; i < w->questions_used; i++)
        if (w->questions[i].filter == filter && w->questions[i].filter_id == filter_id)
            return &w->questions[i];
    return NULL;
}

/* Engines number their own questions; users see one row of numbers. */
static uint64_t public_id(const struct pm_worker *w, const struct pm_filter *filter,
                          uint64_t filter_id)
{
    const struct question *q = filter_id == 0 ? NULL : find_question(w, filter, filter_id);
    return q == NULL ? 0 : q->ask.id;
}

/* Questions whose packets were all released. */
static void drop_closed(struct pm_worker *w, uint64_t now_ns)
{
    for (uint32_t i = w->questions_used; i-- > 0;)
        if (w->questions[i].is_answered || w->questions[i].ask.deadline_ns <= now_ns)
            w->questions[i] = w->questions[--w->questions_used];
}

static struct pm_filter *asking_filter(const struct pm_worker *w, const struct question *q)
{
    for (unsigned i = 0; i < w->retired_count; i++)
        if (w->retired[i].filter == q->filter)
            return w->retired[i].filter;
    return w->now.filter;
}

size_t pm_worker_asks(const struct pm_worker *worker, struct pm_worker_ask *out, size_t cap)
{
    size_t count = 0;
    for (uint32_t i = 0; i < worker->questions_used && count < cap; i++)
        if (!worker->questions[i].is_answered)
            out[count++] = worker->questions[i].ask;
    return count;
}

bool pm_worker_answer(struct pm_worker *worker, uint64_t id, bool allow,
                      enum pm_answer_for answer_for, uint64_t duration_ns)
{
    uint64_t now_ns = pm_clock_now_ns(&worker->config.clock);
    for (uint32_t i = 0; i < worker->questions_used; i++) {
        struct question *q = &worker->questions[i];
        if (q->ask.id != id || q->is_answered)
            continue;
        struct pm_filter *asked = asking_filter(worker, q);
        q->is_answered =
            pm_filter_answer(asked, q->filter_id, allow, answer_for, duration_ns, now_ns);
        if (q->is_answered && asked != worker->now.filter)
            pm_filter_adopt_answers(worker->now.filter, asked);
        wake(worker);
        return q->is_answered;
    }
    return false;
}

/* ------------------------------------------------------------------ packets */

/* inside may end in a + for whatever follows. */
static bool is_inside(const char *inside, const char *interface)
{
    size_t len = strlen(inside);
    bool is_pattern = inside[len - 1] == '+';
    return is_pattern ? strncmp(interface, inside, len - 1) == 0 : strcmp(interface, inside) == 0;
}

static enum pm_dir dir_of(const struct pm_worker *w, const struct pm_nf_message *m,
                          const char *interface)
{
    if (m->hook == NF_INET_LOCAL_OUT || m->hook == NF_INET_POST_ROUTING)
        return PM_DIR_OUT;
    if (m->hook != NF_INET_FORWARD)
        return PM_DIR_IN;
    if (w->config.inside == NULL)
        return PM_DIR_UNKNOWN;
    bool is_from_inside = interface != NULL && is_inside(w->config.inside, interface);
    return is_from_inside ? PM_DIR_OUT : PM_DIR_IN;
}

static struct pm_packet packet_of(struct pm_worker *w, const struct pm_nf_message *m,
                                  uint64_t now_ns)
{
    static const uint8_t nothing[1] = {0};
    uint32_t ifindex = m->in_ifindex != 0 ? m->in_ifindex : m->out_ifindex;
    const char *interface = pm_names_of(&w->names, ifindex, now_ns);
    return (struct pm_packet){
        .data = m->data == NULL ? nothing : m->data,
        .len = m->len,
        .wire_len = m->wire_len,
        .link = LINK_RAW,
        .dir = dir_of(w, m, interface),
        .csum = m->is_checksum_partial ? PM_CSUM_PARTIAL : PM_CSUM_ON_WIRE,
        .ifindex = ifindex,
        .interface = interface,
        .cookie = pm_held_next_cookie(&w->held),
    };
}

static void send_replies(struct pm_worker *w, const struct pm_decision *decision)
{
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct pm_reply reply = pm_filter_reply(w->now.filter, i);
        pm_rawsend_packet(&w->raw, reply.data, reply.len);
    }
}

static void hold(struct pm_worker *w, const struct pm_nf_message *m, const struct pm_packet *packet,
                 const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_held_packet *place = pm_held_keep(&w->held, packet);
    if (place == NULL) { /* there is one for every packet that a filter lets wait */
        pm_nfqueue_drop(w->queue, m->id, false);
        return;
    }
    place->id = m->id;
    place->number = w->numbers;
    place->arrived_ns = now_ns;
    place->dir = decision->dir;
}

static void take_packet(struct pm_worker *w, const struct pm_nf_message *m)
{
    uint64_t now_ns = pm_clock_now_ns(&w->config.clock);
    struct pm_packet packet = packet_of(w, m, now_ns);
    struct pm_decision decision = pm_filter_decide(w->now.filter, &packet, now_ns);
    bool in_order = w->held.used == 0;
    w->numbers++;
    note_question(w, &packet, &decision, now_ns);
    decision.ask_id = public_id(w, w->now.filter, decision.ask_id);
    packet.dir = decision.dir;
    if (w->listener.judged != NULL)
        w->listener.judged(w->listener.context, &packet, w->numbers, &decision, w->now.filter,
                           now_ns);
    switch (decision.verdict) {
    case PM_ALLOW:
        if (w->config.offload && decision.is_settled) {
            w->settled++;
            pm_nfqueue_repeat(w->queue, m->id, m->mark | PM_MARK_SETTLED);
        } else {
            pm_nfqueue_allow(w->queue, m->id, in_order);
        }
        break;
    case PM_REJECT:
        send_replies(w, &decision);
        pm_nfqueue_drop(w->queue, m->id, in_order);
        break;
    case PM_DROP:
        pm_nfqueue_drop(w->queue, m->id, in_order);
        break;
    case PM_DELAY:
    case PM_ASK:
        hold(w, m, &packet, &decision, now_ns);
        break;
    }
}

/* ------------------------------------------------------------------ what waits */

static void tell_released(struct pm_worker *w, const struct generation *g,
                          const struct pm_held_packet *place, struct pm_due due, uint64_t now_ns)
{
    struct pm_packet packet = {.data = place->bytes,
                               .len = place->len,
                               .wire_len = place->wire_len,
                               .link = LINK_RAW,
                               .dir = place->dir,
                               .ifindex = place->ifindex,
                               .interface = pm_names_of(&w->names, place->ifindex, now_ns)};
    due.ask_id = public_id(w, g->filter, due.ask_id);
    if (w->listener.released != NULL)
        w->listener.released(w->listener.context, &packet, place->number, &due, g->policy, now_ns);
}

static void release(struct pm_worker *w, const struct generation *g, uint64_t until_ns,
                    uint64_t now_ns)
{
    struct pm_due due;
    while (pm_filter_due(g->filter, until_ns, &due)) {
        const struct pm_held_packet *place = pm_held_at(&w->held, due.cookie);
        tell_released(w, g, place, due, now_ns);
        if (due.verdict == PM_ALLOW)
            pm_nfqueue_allow(w->queue, place->id, false);
        else
            pm_nfqueue_drop(w->queue, place->id, false);
        pm_held_drop(&w->held, due.cookie);
    }
}

static uint64_t next_ns(const struct pm_worker *w)
{
    uint64_t soonest_ns = pm_filter_next_ns(w->now.filter);
    for (unsigned i = 0; i < w->retired_count; i++) {
        uint64_t at_ns = pm_filter_next_ns(w->retired[i].filter);
        soonest_ns = at_ns < soonest_ns ? at_ns : soonest_ns;
    }
    return soonest_ns;
}

static void add_stats(struct pm_stats *sum, const struct pm_stats *more)
{
    _Static_assert(sizeof(struct pm_stats) % sizeof(uint64_t) == 0, "all counters");
    uint64_t a[sizeof *sum / sizeof(uint64_t)], b[sizeof *sum / sizeof(uint64_t)];
    memcpy(a, sum, sizeof a);
    memcpy(b, more, sizeof b);
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] += b[i];
    memcpy(sum, a, sizeof a);
}

/* Its packets are all decided. */
static void bury_oldest(struct pm_worker *w)
{
    struct generation g = w->retired[0];
    for (uint32_t i = w->questions_used; i-- > 0;)
        if (w->questions[i].filter == g.filter)
            w->questions[i] = w->questions[--w->questions_used];
    add_stats(&w->past, pm_filter_stats(g.filter));
    pm_filter_free(g.filter);
    pm_policy_unref(g.policy);
    w->retired_count--;
    memmove(w->retired, w->retired + 1, w->retired_count * sizeof w->retired[0]);
}

static void release_due(struct pm_worker *w)
{
    uint64_t now_ns = pm_clock_now_ns(&w->config.clock), due_ns = next_ns(w);
    if (due_ns > now_ns)
        return;
    if (due_ns > 0 && now_ns - due_ns > w->late_max_ns)
        w->late_max_ns = now_ns - due_ns;
    for (unsigned i = 0; i < w->retired_count; i++)
        release(w, &w->retired[i], now_ns, now_ns);
    release(w, &w->now, now_ns, now_ns);
    drop_closed(w, now_ns);
}

/* As when every time were over: what is delayed leaves, questions get what their rules say. */
static void release_all(struct pm_worker *w, const struct generation *g)
{
    uint64_t now_ns = pm_clock_now_ns(&w->config.clock);
    while (pm_filter_next_ns(g->filter) != UINT64_MAX)
        release(w, g, FOREVER_NS, now_ns);
}

void pm_worker_swap(struct pm_worker *worker, struct pm_policy *policy, struct pm_filter *filter)
{
    if (worker->retired_count == RETIRED_MAX) {
        release_all(worker, &worker->retired[0]);
        bury_oldest(worker);
    }
    pm_filter_adopt(filter, worker->now.filter);
    struct pm_nf_config queue = queue_of(&worker->config, policy);
    pm_nfqueue_renew(worker->queue, &queue);
    worker->retired[worker->retired_count++] = worker->now;
    worker->now = (struct generation){.policy = pm_policy_ref(policy), .filter = filter};
    while (worker->retired_count > 0 && pm_filter_next_ns(worker->retired[0].filter) == UINT64_MAX)
        bury_oldest(worker);
    pm_nfqueue_flush(worker->queue);
    wake(worker);
}

/* ------------------------------------------------------------------ the thread */

static void work(struct pm_worker *w)
{
    struct pm_nf_message packets[PM_NFQUEUE_BATCH];
    int count = pm_nfqueue_receive(w->queue, packets);
    if (count < 0)
        w->has_failed = true;
    for (int i = 0; i < count; i++) {
        take_packet(w, &packets[i]);
        if (pm_filter_next_ns(w->now.filter) == 0)
            release_due(w);
    }
    release_due(w);
    pm_nfqueue_flush(w->queue);
    if (w->listener.rested != NULL)
        w->listener.rested(w->listener.context);
}

static void rest(const struct pm_worker *w, uint64_t until_ns)
{
    uint64_t now_ns = pm_clock_now_ns(&w->config.clock), count;
    uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    wait_ns = wait_ns < 60 * NS_PER_S ? wait_ns : 60 * NS_PER_S;
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                            .tv_nsec = (long)(wait_ns % NS_PER_S)};
    struct pollfd fds[2] = {{.fd = pm_nfqueue_fd(w->queue), .events = POLLIN},
                            {.fd = w->wake_fd, .events = POLLIN}};
    if (ppoll(fds, 2, &wait, NULL) > 0 && fds[1].revents != 0 &&
        read(w->wake_fd, &count, sizeof count) < 0)
        return;
}

static void *run(void *context)
{
    struct pm_worker *w = context;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* nanosecond: delays end on time */
    pm_worker_lock(w);
    while (!w->must_stop && !w->has_failed) {
        uint64_t until_ns = next_ns(w);
        pm_worker_unlock(w);
        rest(w, until_ns);
        pm_worker_lock(w);
        work(w);
    }
    pm_worker_unlock(w);
    return NULL;
}

bool pm_worker_start(struct pm_worker *worker)
{
    worker->has_thread = pthread_create(&worker->thread, NULL, run, worker) == 0;
    return worker->has_thread;
}

void pm_worker_stop(struct pm_worker *worker)
{
    if (!worker->has_thread)
        return;
    pm_worker_lock(worker);
    worker->must_stop = true;
    pm_worker_unlock(worker);
    wake(worker);
    pthread_join(worker->thread, NULL);
    worker->has_thread = false;
    work(worker);
    for (unsigned i = 0; i < worker->retired_count; i++)
        release_all(worker, &worker->retired[i]);
    release_all(worker, &worker->now);
    pm_nfqueue_flush(worker->queue);
    if (worker->listener.rested != NULL)
        worker->listener.rested(worker->listener.context);
}

/* ------------------------------------------------------------------ looking */

bool pm_worker_has_failed(const struct pm_worker *worker)
{
    return worker->has_failed;
}

const struct pm_filter *pm_worker_filter(const struct pm_worker *worker)
{
    return worker->now.filter;
}

uint16_t pm_worker_queue(const struct pm_worker *worker)
{
    return worker->config.queue;
}

void pm_worker_stats(const struct pm_worker *worker, struct pm_worker_stats *out)
{
    const struct pm_stats *now = pm_filter_stats(worker->now.filter);
    *out = (struct pm_worker_stats){
        .filter = worker->past,
        .queue = *pm_nfqueue_stats(worker->queue),
        .held = worker->held.used,
        .asks = worker->questions_used,
        .settled = worker->settled,
        .replies_sent = worker->raw.sent,
        .replies_failed = worker->raw.failed,
        .late_max_ns = worker->late_max_ns,
        .policies = worker->retired_count,
    };
    for (unsigned i = 0; i < worker->retired_count; i++)
        add_stats(&out->filter, pm_filter_stats(worker->retired[i].filter));
    add_stats(&out->filter, now);
    out->filter.flows_now = now->flows_now;
    out->filter.flows_max = now->flows_max;
}
