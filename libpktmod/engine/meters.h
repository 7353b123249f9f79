/* meters.h - asks a rule's modifiers, and counts what they need: one engine's state of them.
 *
 *     match holds -> when -> sample -> count -> limit -> the rule matched
 *                     no      no        no       no      it did not, and nothing behind is counted
 */
#ifndef PM_ENGINE_METERS_H
#define PM_ENGINE_METERS_H

#include <pktmod/explain.h>

#include "engine/policy.h"
#include "engine/rulekey.h"

/* What a rule with modifiers counts over all packets. */
struct pm_rule_meter {
    struct pm_bucket bucket;
    uint64_t sampled; /* packets or flows that the sample was asked about */
    uint64_t counted; /* packets that the count was asked about */
};

/* What is counted under a key; each use has its own part. */
struct pm_meter {
    struct pm_bucket bucket;
    uint64_t count;
    uint8_t is_known, is_sampled;
};

struct pm_meters {
    const struct pm_policy *policy;
    struct pm_rule_meter *rules; /* one for each of policy->modifiers */
    struct pm_keytable keys;     /* what they count under a key */
    uint64_t hash_key[2];
    uint64_t seed;
    int64_t wall_ns;
    uint64_t *forgotten;     /* the counter of METERS_FULL */
    struct pm_meter *copies; /* while somebody only asks: one for each use, in place of `keys` */
};

struct pm_meters_config {
    uint64_t seed;
    int64_t wall_ns;
    uint64_t hash_key[2];
    uint64_t *forgotten;
};

/* A packet that a rule's condition holds for. */
struct pm_occasion {
    const struct pm_subject *subject;
    const struct pm_flow *flow; /* NULL: none */
    uint64_t number;            /* of the packet, within its flow or, without one, the engine */
    uint64_t now_ns;            /* never goes back */
};

size_t pm_meters_footprint(const struct pm_policy *policy);
bool pm_meters_init(struct pm_meters *m, const struct pm_policy *policy,
                    const struct pm_meters_config *config); /* false: no memory */
void pm_meters_release(struct pm_meters *m);

/* For a new policy, before the first packet: rules that are the same (kin.h) go on counting from
 * where the meters before are. Those have the same hash_key; else only what has no key is taken. */
void pm_meters_adopt(struct pm_meters *m, const struct pm_meters *before);

/* Whether the rule, which has modifiers, matched. */
bool pm_meters_admit(struct pm_meters *m, const struct pm_rule *rule, const struct pm_occasion *o);

/* What pm_meters_admit would answer, and why; counts nothing. */
void pm_meters_peek(const struct pm_meters *m, const struct pm_rule *rule,
                    const struct pm_occasion *o, struct pm_about_modifiers *out);

#endif
