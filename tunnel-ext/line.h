/* line.h - the straight line of a tunnel's packets, and how another policy takes its place.
 *
 *     pm_line_judge -> allow        -> pass() .. pm_line_rewrite -> judged again -> leave()
 *                      drop
 *                      reject       -> reply()
 *                      delay, ask   -> waits -> pass()
 *
 * The first filter sees packets as their sender made them. Between pass() and pm_line_rewrite()
 * the owner may let time go by.
 *
 *     generations   [ 0: policy, rewriter ] [ 1: .. ] [ now: policy, filter, rewriter, late filter
 * ]
 *
 * A new policy judges every packet from then on, and rewrites the connections that begin then. One
 * that is there already is rewritten to its end by the rules that it began with: its generation
 * stays as long. Packets that wait keep their time. IP fragments of TCP belong to nobody knows
 * which generation: while there are several they are dropped, and TCP sends again.
 *
 * It does no I/O; one thread at a time. */
#ifndef PKTMOD_TUNNEL_LINE_H
#define PKTMOD_TUNNEL_LINE_H

#include <pktmod/pktmod.h>

#define PM_LINE_GENERATIONS 32u /* that may stand behind the one in force */

/* Who is told what happens, as it happens; any of them may be NULL. */
struct pm_line_listener {
    void (*judged)(void *context, const struct pm_packet *packet, uint64_t number,
                   const struct pm_decision *decision, struct pm_filter *filter, uint64_t now_ns);
    /* policy: that the rule in due belongs to */
    void (*released)(void *context, const struct pm_packet *packet, uint64_t number,
                     const struct pm_due *due, const struct pm_policy *policy, uint64_t now_ns);
    /* All that came was dealt with for now. */
    void (*rested)(void *context);
    void *context;
};

struct pm_line_config {
    uint64_t seed, hash_key[2];
    int64_t wall_ns;         /* as in pm_filter_config */
    uint64_t memory;         /* bytes for the engines of a policy; 0: PM_MEMORY_DEFAULT */
    uint32_t mtu;            /* as in pm_rewriter_config */
    bool clamp_mss, offload; /* the same */
    bool only_rewrites;      /* a filter of the platform judges: verdict rules are asked for `final`
                                alone, and pm_line_judge() passes all */
    uint64_t ask_id, asks;   /* questions are numbered ask_id, ask_id + asks, ...; asks 0: 1 */
    void *context;           /* of those that follow */
    /* A packet was allowed, now or after its wait; buffer is packet->data and may be changed. */
    void (*pass)(void *context, const struct pm_packet *packet, uint8_t *buffer);
    void (*leave)(void *context, const struct pm_emitted *emitted);
    /* What tells the sender of a reject, as it is to reach it: `dir` is its way. */
    void (*reply)(void *context, enum pm_dir dir, const uint8_t *bytes, size_t len);
    /* As in pm_rewriter_config; NULL: nobody is ever there. */
    bool (*external)(void *context, const struct pm_external_data *data);
};

struct pm_line;
struct pm_generation;

/* NULL with `error` filled. */
struct pm_line *pm_line_new(struct pm_policy *policy, const struct pm_line_config *config,
                            char *error, size_t error_cap);
void pm_line_free(struct pm_line *line);
void pm_line_listen(struct pm_line *line, const struct pm_line_listener *listener);

/* The engines of another policy, made aside. NULL with `error` filled. */
struct pm_generation *pm_line_prepare(const struct pm_line *line, struct pm_policy *policy,
                                      char *error, size_t error_cap);
/* There is a place for one more. False with `error` filled. */
bool pm_line_has_room(struct pm_line *line, const struct pm_policy *policy, uint64_t now_ns,
                      char *error, size_t error_cap);
/* Puts it in force; there is room. */
void pm_line_replace(struct pm_line *line, struct pm_generation *next, uint64_t now_ns);
void pm_generation_free(struct pm_generation *generation); /* one that was not put in force */

/* A packet in a buffer of the owner's that may be changed: packet->data. Its cookie is the owner's
 * and comes back in pass() and leave(). */
void pm_line_judge(struct pm_line *line, const struct pm_packet *packet, uint8_t *buffer,
                   uint64_t now_ns);
void pm_line_rewrite(struct pm_line *line, const struct pm_packet *packet, uint8_t *buffer,
                     uint64_t now_ns);

/* The owner has done what there was to do. */
void pm_line_rest(struct pm_line *line);
uint64_t pm_line_next_ns(const struct pm_line *line);
void pm_line_due(struct pm_line *line, uint64_t now_ns);
/* The line ends: what waits is decided as when its time were over. */
void pm_line_flush(struct pm_line *line, uint64_t now_ns);
/* About once a second, in the thread that counts references of policies: generations whose
 * connections are over go. */
void pm_line_tick(struct pm_line *line, uint64_t now_ns);

/* An open question. */
struct pm_line_ask {
    uint64_t id;
    uint64_t deadline_ns;
    char rule[65];
    bool has_ends;
    struct pm_endpoints ends;
};

size_t pm_line_asks(const struct pm_line *line, struct pm_line_ask *out, size_t cap);
/* False: no such question. */
bool pm_line_answer(struct pm_line *line, uint64_t id, bool allow, enum pm_answer_for answer_for,
                    uint64_t duration_ns, uint64_t now_ns);

struct pm_line_stats {
    struct pm_stats filter, rewriter; /* of all policies so far; flows of the one in force */
    uint64_t edits;                   /* the same */
    uint64_t waiting;                 /* packets, now */
    uint64_t asks;                    /* questions, now */
    uint64_t generations;             /* behind the one in force */
    uint64_t parted; /* fragments that were dropped because there were several generations */
};

void pm_line_stats(const struct pm_line *line, struct pm_line_stats *out);
/* Counters of one added to those of another. */
void pm_stats_add(struct pm_stats *sum, const struct pm_stats *more);
/* Of the policy in force. */
const struct pm_filter *pm_line_filter(const struct pm_line *line);
struct pm_rule_stats pm_line_rule_stats(const struct pm_line *line, uint32_t rule);
/* For who answers `external` edits. */
struct pm_rewriter *pm_line_rewriter(const struct pm_line *line);

#endif
