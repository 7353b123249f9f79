/* filter.h - the filter's inside, shared by the files that make its straight line:
 *
 *     filter.c     parse -> flow -> judge -> count
 *     verdict.c    -> which rule decides
 *     apply.c      -> what the rule does
 */
#ifndef PM_ENGINE_FILTER_H
#define PM_ENGINE_FILTER_H

#include "engine/delay.h"
#include "engine/policy.h"
#include "flow/reassembly.h"
#include "flow/track.h"

/* What is known of the verdict on one side of a flow. */
struct pm_verdict_cache {
    union {
        uint32_t position; /* in policy->verdicts: rules before it can never hold on this side */
        uint32_t rule;     /* is_final: it, or PM_NO_RULE, is the answer for every packet */
    };
    uint8_t is_known; /* it was worked out */
    uint8_t is_final;
    uint8_t dir; /* for packets of this direction */
};

/* The filter's own part of a flow. */
struct pm_filter_flow {
    struct pm_verdict_cache cache[2];
    uint64_t hold_until_ns[2]; /* a delayed packet leaves then; later ones not before */
    uint64_t draws;
    uint32_t latched; /* rule of scope flow that holds for the rest of the flow, plus 1 */
};

struct pm_filter {
    struct pm_policy *policy;
    struct pm_flow_table flows;
    struct pm_delay delay;
    struct pm_reassembly firsts; /* fragments, and what they got */
    struct pm_cond_room *room;   /* for the conditions */
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
    struct pm_decision decision;
    enum pm_why doubt; /* of a rule cannot be told whether it holds, and that drops; NONE */
};

static inline struct pm_filter_flow *pm_filter_own(const struct pm_trial *t)
{
    return pm_flow_own(t->tracked.flow);
}

/* ---- verdict.c: which rule decides */

/* The deciding rule, or PM_NO_RULE. Rules that only log are counted on the way. */
uint32_t pm_verdict_rule(struct pm_filter *f, struct pm_trial *t);
void pm_verdict_count(struct pm_filter *f, uint32_t rule, const struct pm_trial *t);

/* ---- apply.c: what follows from it */

void pm_apply_rule(struct pm_filter *f, struct pm_trial *t, uint32_t rule);
/* No rule decided. */
void pm_apply_default(const struct pm_filter *f, struct pm_trial *t);
/* A packet that may pass waits behind those of its side that wait. */
void pm_apply_order(struct pm_filter *f, struct pm_trial *t);
void pm_put_verdict(struct pm_trial *t, bool drop, enum pm_why why);

#endif
