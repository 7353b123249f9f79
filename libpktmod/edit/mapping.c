/* mapping.c - the table of mappings; the contract is in mapping.h. */
#include "edit/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static uint32_t bucket_count(uint32_t cap)
{
    uint32_t n = 16;
    while (n < cap && n < (1u << 31))
        n *= 2;
    return n;
}

size_t pm_mappings_footprint(uint32_t cap)
{
    if (cap == 0)
        return 0;
    return pm_pool_footprint(sizeof(struct pm_mapping), cap) +
           2 * (size_t)bucket_count(cap) * sizeof(uint32_t);
}

bool pm_mappings_init(struct pm_mappings *t, uint32_t cap, const uint64_t hash_key[2])
{
    size_t bytes = (size_t)bucket_count(cap) * sizeof(uint32_t);
    memset(t, 0, sizeof *t);
    if (cap == 0)
        return true;
    memcpy(t->hash_key, hash_key, sizeof t->hash_key);
    t->mask = bucket_count(cap) - 1;
    t->near = malloc(bytes);
    t->far = malloc(bytes);
    if (!t->near || !t->far || !pm_pool_init(&t->pool, sizeof(struct pm_mapping), cap)) {
        pm_mappings_release(t);
        return false;
    }
    memset(t->near, 0xff, bytes); /* PM_NIL */
    memset(t->far, 0xff, bytes);
    return true;
}

void pm_mappings_release(struct pm_mappings *t)
{
    free(t->near);
    free(t->far);
    t->near = t->far = NULL;
    pm_pool_release(&t->pool);
}

struct pm_mapping *pm_mappings_near(const struct pm_mappings *t, const struct pm_flow_key *key)
{
    if (t->pool.used == 0)
        return NULL;
    uint64_t hash = pm_hash(t->hash_key, key, sizeof *key);
    for (uint32_t i = t->near[hash & t->mask]; i != PM_NIL; i = pm_mapping_at(t, i)->next_near) {
        struct pm_mapping *m = pm_mapping_at(t, i);
        if (m->near_hash == hash && memcmp(&m->near, key, sizeof *key) == 0)
            return m;
    }
    return NULL;
}

struct pm_mapping *pm_mappings_far(const struct pm_mappings *t, const struct pm_flow_key *key)
{
    if (t->pool.used == 0)
        return NULL;
    uint64_t hash = pm_hash(t->hash_key, key, sizeof *key);
    for (uint32_t i = t->far[hash & t->mask]; i != PM_NIL; i = pm_mapping_at(t, i)->next_far) {
        struct pm_mapping *m = pm_mapping_at(t, i);
        if (m->far_hash == hash && memcmp(&m->far, key, sizeof *key) == 0)
            return m;
    }
    return NULL;
}

struct pm_mapping *pm_mappings_add(struct pm_mappings *t, const struct pm_mapping *mapping)
{
    uint32_t index = t->pool.cap == 0 ? PM_NIL : pm_pool_take(&t->pool);
    if (index == PM_NIL)
        return NULL;
    struct pm_mapping *m = pm_mapping_at(t, index);
    *m = *mapping;
    m->near_hash = pm_hash(t->hash_key, &m->near, sizeof m->near);
    m->far_hash = pm_hash(t->hash_key, &m->far, sizeof m->far);
    m->next_near = t->near[m->near_hash & t->mask];
    m->next_far = t->far[m->far_hash & t->mask];
    t->near[m->near_hash & t->mask] = t->far[m->far_hash & t->mask] = index;
    return m;
}

void pm_mappings_remove(struct pm_mappings *t, struct pm_mapping *mapping)
{
    uint32_t index = pm_mapping_index(t, mapping);
    uint32_t *link = &t->near[mapping->near_hash & t->mask];
    while (*link != index)
        link = &pm_mapping_at(t, *link)->next_near;
    *link = mapping->next_near;
    link = &t->far[mapping->far_hash & t->mask];
    while (*link != index)
        link = &pm_mapping_at(t, *link)->next_far;
    *link = mapping->next_far;
    pm_pool_put(&t->pool, index);
}
