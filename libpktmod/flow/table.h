/* table.h - all flows an engine knows: found by key, bounded, the idle ones forgotten first.
 *
 *     bucket[hash & mask] -> flow -> flow -> NIL          chained through flow.next
 *     lru[HALF_OPEN]   oldest ... newest                  TCP without a finished handshake
 *     lru[SETTLED]     oldest ... newest                  everything else
 *
 * A full table forgets the oldest half-open flow first, so that a flood of SYNs cannot push out
 * established flows; then the oldest settled one, unless it is pinned.
 */
#ifndef PM_FLOW_TABLE_H
#define PM_FLOW_TABLE_H

#include "base/pool.h"
#include "flow/key.h"

enum pm_flow_queue { PM_FLOW_HALF_OPEN, PM_FLOW_SETTLED, PM_FLOW_QUEUES };

struct pm_flow {
    struct pm_flow_key key;
    uint64_t hash;
    uint64_t id;      /* 1, 2, 3, ... in order of appearance */
    uint64_t last_ns; /* last packet */
    uint32_t next;    /* in the bucket */
    uint32_t newer, older;
    uint8_t queue;              /* enum pm_flow_queue */
    uint8_t client;             /* side of the initiator */
    uint8_t host_side;          /* side of the protected host; 2: not known */
    uint8_t is_pinned;          /* may not be forgotten to make room */
    uint8_t syn_seen, fin_seen; /* bit per side */
    uint8_t rst_seen;
    uint8_t is_midstream; /* TCP, first seen packet was no SYN */
    /* the engine's own part follows */
};

struct pm_flow_table {
    struct pm_pool pool;
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t oldest[PM_FLOW_QUEUES], newest[PM_FLOW_QUEUES];
    uint64_t hash_key[2];
    uint64_t idle_ns;
    uint64_t last_id;
    uint64_t flows_max;
    /* Asked whether a SYN from that side may start a closed flow's next life; may be NULL. */
    bool (*may_renew)(void *context, const struct pm_flow *flow, unsigned side, uint32_t seq);
    /* Called before a flow is forgotten or starts anew; may be NULL. */
    void (*on_forget)(void *context, struct pm_flow *flow);
    void *context;
};

size_t pm_flow_table_footprint(uint32_t cap, size_t own_size);
/* own_size: bytes of the engine's own part, zeroed for each new flow. False: no memory. */
bool pm_flow_table_init(struct pm_flow_table *t, uint32_t cap, size_t own_size,
                        const uint64_t hash_key[2], uint64_t idle_ns);
void pm_flow_table_release(struct pm_flow_table *t);

static inline void *pm_flow_own(struct pm_flow *flow)
{
    return flow + 1;
}

static inline const void *pm_flow_own_const(const struct pm_flow *flow)
{
    return flow + 1;
}

/* A flow idle for longer than idle_ns is not found. */
struct pm_flow *pm_flow_find(struct pm_flow_table *t, const struct pm_flow_key *key, uint64_t hash,
                             uint64_t now_ns);
uint64_t pm_flow_hash(const struct pm_flow_table *t, const struct pm_flow_key *key);
/* Adds a flow that find did not find. NULL: full, and none may be forgotten. */
struct pm_flow *pm_flow_add(struct pm_flow_table *t, const struct pm_flow_key *key, uint64_t hash,
                            enum pm_flow_queue queue, uint64_t now_ns);
/* Moves it to the newest end of that queue. */
void pm_flow_touch(struct pm_flow_table *t, struct pm_flow *flow, enum pm_flow_queue queue,
                   uint64_t now_ns);
void pm_flow_forget(struct pm_flow_table *t, struct pm_flow *flow);
/* The flow's next life: new id, everything but the key reset. */
void pm_flow_renew(struct pm_flow_table *t, struct pm_flow *flow);

#endif
