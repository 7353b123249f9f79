/* worker.h - one queue, one thread, one filter: packets are judged and get their verdicts.
 *
 *     receive -> judged -> allow, drop     verdict at once
 *                          reject          drop, and replies through a raw socket
 *                          delay, ask      stays in the kernel; -> due -> verdict
 *
 * The thread holds the worker's lock while it works and lets go of it while it waits for packets,
 * so that others may look and change between two batches: whatever has `locked` in its contract.
 *
 * A new policy gets a new filter, which takes over the flows. The filter before is kept until
 * nothing waits in it. */
#ifndef PKTMOD_FILTER_WORKER_H
#define PKTMOD_FILTER_WORKER_H

#include <pktmod/pktmod.h>

#include "filter-ext/linux/clock.h"
#include "filter-ext/linux/nfqueue.h"

struct pm_worker;

/* Who is told what the worker does, in its thread, locked. Any of them may be NULL. */
struct pm_worker_listener {
    void (*judged)(void *context, const struct pm_packet *packet, uint64_t number,
                   const struct pm_decision *decision, struct pm_filter *filter, uint64_t now_ns);
    /* bytes: the beginning of the packet; policy: that the rule in due belongs to. */
    void (*released)(void *context, const struct pm_packet *packet, uint64_t number,
                     const struct pm_due *due, const struct pm_policy *policy, uint64_t now_ns);
    /* All that came was dealt with for now. */
    void (*rested)(void *context);
    void *context;
};

struct pm_worker_config {
    uint16_t queue;
    uint32_t queue_len;    /* packets that may wait in the kernel; 0: by the policy */
    uint32_t index, count; /* of the workers: their questions are numbered in turn */
    bool offload;          /* let the kernel pass flows that are settled */
    const char *inside;    /* forwarded packets that come from this interface (or, with a + at its
                              end, those) go out; NULL: the initiator of the flow is taken for the
                              host */
    struct pm_clock clock;
    uint64_t hash_key[2];
    uint64_t seed;
};

/* Firewall marks (bits of them) that the rules of firewall.h know. */
#define PM_MARK_OURS    0x40000000u /* packets that tell of a reject */
#define PM_MARK_SETTLED 0x20000000u /* the flow of the packet needs no more asking */

/* Opens the queue and makes the filter; no thread yet. NULL with `error` filled; notice as in
 * pm_nfqueue_open(). */
struct pm_worker *pm_worker_new(const struct pm_worker_config *config, struct pm_policy *policy,
                                char *error, size_t error_cap, const char **notice);
/* Before the start. */
void pm_worker_listen(struct pm_worker *worker, const struct pm_worker_listener *listener);
/* False: no thread could be made. */
bool pm_worker_start(struct pm_worker *worker);
/* The thread ends; what waits is decided as when its time is over. */
void pm_worker_stop(struct pm_worker *worker);
void pm_worker_free(struct pm_worker *worker); /* stopped, or never started; NULL is fine */

void pm_worker_lock(struct pm_worker *worker);
void pm_worker_unlock(struct pm_worker *worker);
bool pm_worker_has_failed(const struct pm_worker *worker); /* locked; its socket is broken */

/* A filter for the next policy, made without the lock. NULL with `error` filled. */
struct pm_filter *pm_worker_make_filter(const struct pm_worker *worker, struct pm_policy *policy,
                                        struct pm_error *error);
/* Locked. Room for what the policy lets wait; false: no memory, all is as it was. */
bool pm_worker_reserve(struct pm_worker *worker, const struct pm_policy *policy);
/* Locked, with that room: the filter takes over, and the flows with it. */
void pm_worker_swap(struct pm_worker *worker, struct pm_policy *policy, struct pm_filter *filter);

/* An open question. */
struct pm_worker_ask {
    uint64_t id; /* the number that users see */
    uint64_t since_ns, deadline_ns;
    char rule[65];
    bool has_ends;
    struct pm_endpoints ends;
};

/* Locked. At most cap of them; answers their number. */
size_t pm_worker_asks(const struct pm_worker *worker, struct pm_worker_ask *out, size_t cap);
/* Locked. False: no such question of this worker. */
bool pm_worker_answer(struct pm_worker *worker, uint64_t id, bool allow,
                      enum pm_answer_for answer_for, uint64_t duration_ns);

struct pm_worker_stats {
    struct pm_stats filter; /* of all policies since the start; flows of the one in force */
    struct pm_nfqueue_stats queue;
    uint64_t held, asks; /* now */
    uint64_t settled;    /* packets that told the kernel to pass their flow */
    uint64_t replies_sent, replies_failed;
    uint64_t late_max_ns; /* a verdict that was due was given so late at most */
    uint64_t policies;    /* filters of older policies that still hold packets */
};

/* All three locked. */
void pm_worker_stats(const struct pm_worker *worker, struct pm_worker_stats *out);
const struct pm_filter *pm_worker_filter(const struct pm_worker *worker);
uint16_t pm_worker_queue(const struct pm_worker *worker);

#endif
