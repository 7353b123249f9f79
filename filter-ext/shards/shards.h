/* shards.h - one filter for packets that come on several threads at once.
 *
 *     thread 1 ─┐                        ┌ lock, engine 0, places 0
 *     thread 2 ─┼─► hash of both ends ─► ┤ lock, engine 1, places 1   ─► allow, drop, held
 *     thread 3 ─┘   (either way round)   └ ...
 *                                              ▲
 *     alarm ── pm_shards_release() ────────────┘ ─► let_go(kept, allow)
 *
 * Packets of two hosts go to the same shard, both ways and whatever their ports: so do a flow, its
 * fragments and the answers to it. A policy that counts or asks over flows (limits, samples,
 * counts, questions) has one shard, because only one engine can count them rightly.
 *
 * A packet is judged whole by one policy. A new policy judges what comes after it; packets that
 * wait keep their time, but only while there is one policy before: the next one ends their wait.
 */
#ifndef PKTMOD_FILTER_SHARDS_H
#define PKTMOD_FILTER_SHARDS_H

#include <pktmod/pktmod.h>

#define PM_SHARDS_MAX     64u
#define PM_SHARDS_DEFAULT 4u

#define PM_SHARDS_RULE_CAP 65u /* of a rule's id, with its NUL */

enum pm_shards_answer { PM_SHARDS_ALLOW, PM_SHARDS_DROP, PM_SHARDS_HELD };

/* A question that was just asked, to be answered with pm_shards_reply(). */
struct pm_shards_question {
    uint64_t id;
    uint64_t until_ns;
    char rule[PM_SHARDS_RULE_CAP];
    struct pm_endpoints ends; /* as pm_packet_endpoints() has them */
};

struct pm_shards_platform {
    /* Keeps the packet that pm_shards_decide() is judging, in its thread and before it returns;
     * `call` is what it was given. NULL: it cannot be kept. */
    void *(*keep)(void *call);
    /* Ends the wait of what was kept, once, in any thread. */
    void (*let_go)(void *context, void *kept, bool allow);
    void (*asked)(void *context, const struct pm_shards_question *question); /* or NULL */
    void *context;
};

struct pm_shards_config {
    unsigned count; /* up to PM_SHARDS_MAX; 0: PM_SHARDS_DEFAULT */
    struct pm_filter_config filter;
    struct pm_shards_platform platform;
};

struct pm_shards;

/* NULL with *error filled when memory is short. Each engine has the pools that the policy says;
 * packets that wait are bounded by delayed_packets and delayed_bytes in all. */
struct pm_shards *pm_shards_new(struct pm_policy *policy, const struct pm_shards_config *config,
                                struct pm_error *error);
/* After pm_shards_stop(). NULL is fine. */
void pm_shards_free(struct pm_shards *shards);

/* From any thread. The packet is lent for the call. HELD: keep() was asked and answered. Once it
 * is stopped: ALLOW. release_ns of HELD: when pm_shards_release() is to be called. */
enum pm_shards_answer pm_shards_decide(struct pm_shards *shards, const struct pm_packet *packet,
                                       void *call, uint64_t now_ns, uint64_t *release_ns);

/* Lets go what is due. When to come again; UINT64_MAX: nothing waits. */
uint64_t pm_shards_release(struct pm_shards *shards, uint64_t now_ns);

/* Another policy from now on. Flows go on under it (pm_filter_adopt), unless the one of the two
 * needs a single shard and the other does not: then they begin anew. False with *error filled: the
 * one in force stays. References of policies are counted without a lock: give up your own before
 * the next call of this function. */
bool pm_shards_replace(struct pm_shards *shards, struct pm_policy *policy, struct pm_error *error);

/* As pm_filter_answer(); pm_shards_release() is to be called then. */
bool pm_shards_reply(struct pm_shards *shards, uint64_t id, bool allow,
                     enum pm_answer_for answer_for, uint64_t duration_ns, uint64_t now_ns);

/* No packet is judged any more, and what waits is decided as when its time is over: delayed packets
 * are allowed, questions get their on_timeout. When it returns no call is inside
 * pm_shards_decide(), and everything kept was let go. */
void pm_shards_stop(struct pm_shards *shards);

struct pm_shards_stats {
    struct pm_stats filter; /* sums over all shards and policies */
    uint64_t held, held_bytes;
    uint64_t held_full;  /* packets that were to wait beyond the bound of all shards */
    uint64_t not_kept;   /* that the platform could not keep */
    uint64_t untold;     /* rejects that are drops: the platform can send nothing */
    uint64_t cut_short;  /* whose wait ended early, because two policies came after theirs */
    uint64_t after_stop; /* calls that were still running */
    uint64_t policies;   /* put in force */
    unsigned shards;     /* that judge packets */
};

void pm_shards_stats(struct pm_shards *shards, struct pm_shards_stats *out);

#endif
