/* mapping.h - what a nat remembers: which ends a flow has on either side of it.
 *
 *     near ends  A:a > B:b    as the flow's own packets arrive      near[hash] -> mapping ->
 * mapping far ends   N:n > B:b    as they leave; answers come for them  far[hash]  -> mapping ->
 * mapping
 *
 * No two mappings have the same near ends, nor the same far ends. A flow has one, but an ICMP flow
 * one for each identifier.
 */
#ifndef PM_EDIT_MAPPING_H
#define PM_EDIT_MAPPING_H

#include "base/pool.h"
#include "edit/nat.h"

struct pm_flow;

struct pm_mapping {
    struct pm_flow_key near, far;
    uint64_t near_hash, far_hash;
    uint64_t last_ns;             /* its latest packet */
    struct pm_flow *flow;         /* of near */
    uint32_t next_near, next_far; /* in the buckets */
    uint32_t sibling;             /* another of the flow, made before, plus 1; 0: none */
    uint32_t rule;                /* that made it */
    uint8_t near_side, far_side;  /* of who began, in each key */
    uint8_t dir;                  /* enum pm_dir: of who began */
};

struct pm_mappings {
    struct pm_pool pool;
    uint32_t *near, *far; /* buckets */
    uint32_t mask;
    uint64_t hash_key[2];
};

size_t pm_mappings_footprint(uint32_t cap);
/* False: no memory. With a cap of 0 there is nothing to find. */
bool pm_mappings_init(struct pm_mappings *t, uint32_t cap, const uint64_t hash_key[2]);
void pm_mappings_release(struct pm_mappings *t);

/* NULL: none. */
struct pm_mapping *pm_mappings_near(const struct pm_mappings *t, const struct pm_flow_key *key);
struct pm_mapping *pm_mappings_far(const struct pm_mappings *t, const struct pm_flow_key *key);

/* Adds a copy of one whose keys, sides and owner are set; neither end of it is known yet. NULL:
 * full. */
struct pm_mapping *pm_mappings_add(struct pm_mappings *t, const struct pm_mapping *mapping);
void pm_mappings_remove(struct pm_mappings *t, struct pm_mapping *mapping);

static inline struct pm_mapping *pm_mapping_at(const struct pm_mappings *t, uint32_t index)
{
    return pm_pool_at(&t->pool, index);
}

static inline uint32_t pm_mapping_index(const struct pm_mappings *t, const struct pm_mapping *m)
{
    return (uint32_t)((size_t)((const uint8_t *)m - t->pool.memory) / t->pool.object_size);
}

#endif
