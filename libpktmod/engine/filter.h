/* filter.h - the filter's inside, shared by the files that make its straight line:
 *
 *     filter.c     parse -> flow -> judge -> count
 *     view.c       -> what the packet adds to its stream
 *     hello.c      -> and to the hello that its flow begins with; helloquic.c for QUIC
 *     verdict.c    -> which rule decides
 *     whole.c      -> of a fragment: what its datagram got
 *     apply.c      -> what the rule does: allow, drop, delay, reject
 *     hellowait.c  -> or, where the rest of the hello may change that, to wait
 *     ask.c        -> and ask; answers
 *     adopt.c      a new policy takes over the flows
 */
#ifndef PM_ENGINE_FILTER_H
#define PM_ENGINE_FILTER_H

#include "base/bucket.h"
#include "engine/delay.h"
#include "engine/explain.h"
#include "engine/hello.h"
#include "engine/meters.h"
#include "engine/policy.h"
#include "engine/question.h"
#include "engine/reject.h"
#include "engine/view.h"
#include "engine/whole.h"
#include "flow/track.h"

/* What is known of the verdict on one side of a flow. */
struct pm_verdict_cache {
    union {
        uint32_t position; /* in filter->verdicts: rules before it can never hold on this side */
        uint32_t rule;     /* is_final: it, or PM_NO_RULE, is the answer for every packet */
    };
    uint8_t is_known; /* it was worked out */
    uint8_t is_final;
    uint8_t dir; /* for packets of this direction */
};

/* The filter's own part of a flow. */
struct pm_filter_flow {
    struct pm_verdict_cache cache[2];
    struct pm_view_side streams[2];
    struct pm_flow_hello hello;
    uint64_t hold_until_ns[2]; /* a delayed packet leaves then; later ones not before */
    uint64_t packets;          /* before the one at hand */
    uint64_t draws;
    uint64_t asked[2];               /* id of the question that packets of the side wait for last */
    struct pm_question *question[2]; /* that one, where it has the id still */
    uint32_t sent_end[2];  /* TCP: the highest sequence number behind what was let through */
    uint8_t has_sent;      /* bit per side */
    uint8_t answer_allows; /* the answer for the rest of the flow */
    uint32_t answered;     /* to this rule, plus 1 */
    uint32_t latched;      /* rule of scope flow that holds for the rest of the flow, plus 1 */
};

struct pm_filter {
    struct pm_policy *policy;
    const struct pm_rule_list *verdicts; /* of policy, those of the filter's stage */
    enum pm_stage stage;
    struct pm_flow_table flows;
    struct pm_delay delay;
    struct pm_wholes wholes;   /* fragments, and what they got */
    struct pm_cond_room *room; /* for the conditions */
    struct pm_meters meters;
    struct pm_questions questions;
    bool has_replies; /* rejects may be told at all */
    struct pm_bucket reject_bucket;
    struct pm_bucket_rate reject_rate;
    struct pm_reply_room replies[2]; /* of the packet judged last */
    enum pm_dir reply_dir;           /* of that packet */
    uint16_t reply_link;
    struct pm_views views;
    struct pm_hellos hellos;
    const struct pm_explainer *explainer; /* of the packet at hand; NULL: nobody asks */
    struct pm_stats stats;
    struct pm_rule_stats *rules;
    uint64_t seed;
    uint64_t now_ns;
};

/* One packet before the filter. */
struct pm_trial {
    const struct pm_packet *packet;
    struct pm_headers headers;
    struct pm_tracked tracked;
    struct pm_subject subject;
    struct pm_stream_state stream;
    struct pm_hello_state hello;
    struct pm_decision decision;
    uint64_t number;        /* of the packet in its flow or, without one, in the filter */
    struct pm_key question; /* where the rule asks: what about */
    enum pm_why told;       /* counted for this packet beside its verdict; NONE */
    enum pm_why doubt;      /* of a rule cannot be told whether it holds, and that drops; NONE */
    bool awaits_hello;      /* of a rule that will be told by the rest of the flow's hello */
    bool follows_held;      /* packets that waited for the hello leave before this one */
};

static inline struct pm_filter_flow *pm_filter_own(const struct pm_trial *t)
{
    return pm_flow_own(t->tracked.flow);
}

/* ---- verdict.c: which rule decides */

/* The deciding rule, or PM_NO_RULE. Rules that do not end the search are counted on the way. */
uint32_t pm_verdict_rule(struct pm_filter *f, struct pm_trial *t);
/* The same for a packet that is judged by itself, whether or not it is a fragment. */
uint32_t pm_verdict_alone(struct pm_filter *f, struct pm_trial *t);
/* The same for a datagram that came in fragments, when it is complete. first_rule is what its first
 * fragment got, if that was judged with its ports: rules that do not look into payloads are not
 * asked again. alone: that fragment, so that rules that watch do not count it twice; or NULL. */
uint32_t pm_verdict_of_whole(struct pm_filter *f, struct pm_trial *whole,
                             const struct pm_trial *alone, bool is_first_known,
                             uint32_t first_rule);
/* Whether the same rule decides about every packet of the side, whatever comes. */
bool pm_verdict_is_settled(struct pm_filter *f, struct pm_trial *t);
void pm_verdict_count(struct pm_filter *f, uint32_t rule, const struct pm_trial *t);

/* ---- apply.c: what follows from it */

void pm_apply_rule(struct pm_filter *f, struct pm_trial *t, uint32_t index);
/* No rule decided. */
void pm_apply_default(const struct pm_filter *f, struct pm_trial *t);
/* A packet that may pass waits behind those of its side that wait. */
void pm_apply_order(struct pm_filter *f, struct pm_trial *t);
void pm_put_verdict(struct pm_trial *t, bool drop, enum pm_why why);
/* The packet as one that waits, to be allowed then. */
struct pm_waiter pm_waiter_of(const struct pm_trial *t, enum pm_why why);

static inline uint64_t pm_add_ns(uint64_t a_ns, uint64_t b_ns)
{
    return b_ns > UINT64_MAX - a_ns ? UINT64_MAX : a_ns + b_ns;
}

/* ---- adopt.c: flows, as others see them */

/* Every later packet of the flow is allowed, whatever it brings. */
bool pm_flow_is_settled(const struct pm_filter *f, const struct pm_flow *flow);

/* ---- ask.c: packets that wait for an answer */

void pm_ask(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule);
/* Packets of its side wait for an answer: so does this one. False: none does. */
bool pm_ask_follow(struct pm_filter *f, struct pm_trial *t);
/* Questions whose time is over by now_ns are answered as their rules say. */
void pm_ask_expire(struct pm_filter *f, uint64_t now_ns);

#endif
