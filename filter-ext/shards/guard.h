/* guard.h - a packet filter behind a platform's call: a frame and its interface in; allow, drop or
 * held out.
 *
 *     call of the platform ─► own tunnel? ─► start of the frame ─► shards ─► answer
 *                                                                    ▲
 *                            alarm: what waited is let go ───────────┘
 *
 * For platforms that call from several threads at once and may not write (NEFilterPacketProvider).
 * Rules come as JSON text and may be replaced while packets come. */
#ifndef PKTMOD_FILTER_GUARD_H
#define PKTMOD_FILTER_GUARD_H

#include "filter-ext/shards/asked.h"
#include "filter-ext/shards/shards.h"
#include "filter-ext/shards/start.h"

/* Interfaces of our own tunnel, whose packets are judged where they leave it. */
#define PM_GUARD_OWN_MAX 8u

struct pm_guard_frame {
    const uint8_t *bytes; /* lent for the call, and only read */
    size_t len;
    const char *interface; /* or NULL */
    uint32_t ifindex;      /* 0: unknown */
    enum pm_interface_kind kind;
    enum pm_dir dir;
};

struct pm_guard_config {
    unsigned shards;      /* as pm_shards_config.count */
    uint64_t hash_key[2]; /* random */
    uint64_t seed;
    int64_t wall_ns; /* time since 1970 minus pm_alarm_now_ns() */
    struct pm_shards_platform platform;
};

struct pm_guard;

/* Starts a thread. NULL, with `error` holding all diagnostics as far as they fit. Rules may not
 * name other files: there is no folder that they stand in. */
struct pm_guard *pm_guard_new(const struct pm_guard_config *config, const char *rules, size_t len,
                              char *error, size_t error_cap);
/* After pm_guard_stop(); NULL is fine. */
void pm_guard_free(struct pm_guard *guard);

/* From any thread. `call` goes to platform.keep(), which is asked within it or not at all. */
enum pm_shards_answer pm_guard_decide(struct pm_guard *guard, const struct pm_guard_frame *frame,
                                      void *call);

/* False, with `error` filled: the rules in force stay. */
bool pm_guard_replace(struct pm_guard *guard, const char *rules, size_t len, char *error,
                      size_t error_cap);

/* These pass at once from now on, and no others; at most PM_GUARD_OWN_MAX of them are taken. */
void pm_guard_set_own(struct pm_guard *guard, const uint32_t *ifindex, size_t count);

/* Questions that wait for an answer, the oldest first; at most `cap`. Answers their number. The
 * latest PM_ASKED_CAP are kept. */
size_t pm_guard_questions(struct pm_guard *guard, struct pm_shards_question *out, size_t cap);

/* True: the answer was taken. */
bool pm_guard_reply(struct pm_guard *guard, uint64_t id, bool allow, enum pm_answer_for answer_for,
                    uint64_t duration_ns);

/* As pm_shards_stop(). A second call does nothing. */
void pm_guard_stop(struct pm_guard *guard);

struct pm_guard_stats {
    struct pm_shards_stats shards;
    uint64_t own;     /* packets of our tunnel, passed unseen */
    uint64_t cut;     /* frames that the system had cut */
    uint64_t refused; /* rules that were not put in force */
};

void pm_guard_stats(struct pm_guard *guard, struct pm_guard_stats *out);

#endif
