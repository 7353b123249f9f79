/* table.c - the flow table; the contract is in table.h. */
#include "flow/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Pinned flows at the old end are stepped over, so many at most for one new flow. */
#define FORGET_TRIES 16

static struct pm_flow *at(const struct pm_flow_table *t, uint32_t index)
{
    return pm_pool_at(&t->pool, index);
}

static uint32_t index_of(const struct pm_flow_table *t, const struct pm_flow *flow)
{
    return (uint32_t)((size_t)((const uint8_t *)flow - t->pool.memory) / t->pool.object_size);
}

static uint32_t bucket_count(uint32_t cap)
{
    uint32_t n = 16;
    while (n < cap && n < (1u << 31))
        n *= 2;
    return n;
}

size_t pm_flow_table_footprint(uint32_t cap, size_t own_size)
{
    return pm_pool_footprint(sizeof(struct pm_flow) + own_size, cap) +
           bucket_count(cap) * sizeof(uint32_t);
}

bool pm_flow_table_init(struct pm_flow_table *t, uint32_t cap, size_t own_size,
                        const uint64_t hash_key[2], uint64_t idle_ns)
{
    uint32_t buckets = bucket_count(cap);
    memset(t, 0, sizeof *t);
    t->idle_ns = idle_ns;
    memcpy(t->hash_key, hash_key, sizeof t->hash_key);
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++)
        t->oldest[q] = t->newest[q] = PM_NIL;
    if (!pm_pool_init(&t->pool, sizeof(struct pm_flow) + own_size, cap))
        return false;
    t->buckets = malloc(buckets * sizeof t->buckets[0]);
    if (!t->buckets) {
        pm_pool_release(&t->pool);
        return false;
    }
    memset(t->buckets, 0xff, buckets * sizeof t->buckets[0]); /* PM_NIL */
    t->bucket_mask = buckets - 1;
    return true;
}

void pm_flow_table_release(struct pm_flow_table *t)
{
    free(t->buckets);
    t->buckets = NULL;
    pm_pool_release(&t->pool);
}

static void enqueue(struct pm_flow_table *t, struct pm_flow *flow, enum pm_flow_queue queue)
{
    uint32_t index = index_of(t, flow);
    flow->queue = (uint8_t)queue;
    flow->newer = PM_NIL;
    flow->older = t->newest[queue];
    if (flow->older != PM_NIL)
        at(t, flow->older)->newer = index;
    else
        t->oldest[queue] = index;
    t->newest[queue] = index;
}

static void dequeue(struct pm_flow_table *t, struct pm_flow *flow)
{
    if (flow->older != PM_NIL)
        at(t, flow->older)->newer = flow->newer;
    else
        t->oldest[flow->queue] = flow->newer;
    if (flow->newer != PM_NIL)
        at(t, flow->newer)->older = flow->older;
    else
        t->newest[flow->queue] = flow->older;
}

uint64_t pm_flow_hash(const struct pm_flow_table *t, const struct pm_flow_key *key)
{
    return pm_hash(t->hash_key, key, sizeof *key);
}

struct pm_flow *pm_flow_find(struct pm_flow_table *t, const struct pm_flow_key *key, uint64_t hash,
                             uint64_t now_ns)
{
    uint32_t index = t->buckets[hash & t->bucket_mask];
    while (index != PM_NIL) {
        struct pm_flow *flow = at(t, index);
        if (flow->hash == hash && memcmp(&flow->key, key, sizeof *key) == 0) {
            if (now_ns - flow->last_ns <= t->idle_ns)
                return flow;
            pm_flow_forget(t, flow);
            return NULL;
        }
        index = flow->next;
    }
    return NULL;
}

static bool forget_one(struct pm_flow_table *t)
{
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++) {
        uint32_t index = t->oldest[q];
        for (unsigned tries = 0; index != PM_NIL && tries < FORGET_TRIES; tries++) {
            struct pm_flow *flow = at(t, index);
            if (!flow->is_pinned) {
                pm_flow_forget(t, flow);
                return true;
            }
            index = flow->newer;
        }
    }
    return false;
}

struct pm_flow *pm_flow_add(struct pm_flow_table *t, const struct pm_flow_key *key, uint64_t hash,
                            enum pm_flow_queue queue, uint64_t now_ns)
{
    uint32_t index = pm_pool_take(&t->pool);
    if (index == PM_NIL && forget_one(t))
        index = pm_pool_take(&t->pool);
    if (index == PM_NIL)
        return NULL;

    struct pm_flow *flow = at(t, index);
    memset(flow, 0, t->pool.object_size);
    flow->key = *key;
    flow->hash = hash;
    flow->id = ++t->last_id;
    flow->last_ns = now_ns;
    flow->host_side = 2;
    flow->next = t->buckets[hash & t->bucket_mask];
    t->buckets[hash & t->bucket_mask] = index;
    enqueue(t, flow, queue);
    if (t->pool.used > t->flows_max)
        t->flows_max = t->pool.used;
    return flow;
}

void pm_flow_touch(struct pm_flow_table *t, struct pm_flow *flow, enum pm_flow_queue queue,
                   uint64_t now_ns)
{
    flow->last_ns = now_ns;
    if (flow->queue == queue && flow->newer == PM_NIL)
        return;
    dequeue(t, flow);
    enqueue(t, flow, queue);
}

void pm_flow_forget(struct pm_flow_table *t, struct pm_flow *flow)
{
    uint32_t index = index_of(t, flow);
    uint32_t *link = &t->buckets[flow->hash & t->bucket_mask];
    while (*link != index)
        link = &at(t, *link)->next;
    if (t->on_forget)
        t->on_forget(t->context, flow);
    *link = flow->next;
    dequeue(t, flow);
    pm_pool_put(&t->pool, index);
}

void pm_flow_renew(struct pm_flow_table *t, struct pm_flow *flow)
{
    if (t->on_forget)
        t->on_forget(t->context, flow);
    flow->id = ++t->last_id;
    flow->client = 0;
    flow->host_side = 2;
    flow->is_pinned = 0;
    flow->syn_seen = flow->fin_seen = flow->rst_seen = 0;
    flow->is_midstream = 0;
    memset(pm_flow_own(flow), 0, t->pool.object_size - sizeof *flow);
}
