/* keytable.c - a bounded table by key; the contract is in keytable.h. */
#include "base/keytable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct pm_key key;
    uint32_t next; /* in the bucket */
    uint32_t newer, older;
    /* the value follows */
};

_Static_assert(sizeof(struct entry) % 8 == 0, "values are aligned");

static struct entry *at(const struct pm_keytable *t, uint32_t index)
{
    return pm_pool_at(&t->pool, index);
}

static uint32_t *bucket_of(const struct pm_keytable *t, struct pm_key key)
{
    return &t->buckets[key.a & t->bucket_mask];
}

static uint32_t bucket_count(uint32_t cap)
{
    uint32_t count = 16;
    while (count < cap && count < (1u << 31))
        count *= 2;
    return count;
}

size_t pm_keytable_footprint(uint32_t cap, size_t value_size)
{
    return pm_pool_footprint(sizeof(struct entry) + value_size, cap) +
           bucket_count(cap) * sizeof(uint32_t);
}

bool pm_keytable_init(struct pm_keytable *t, uint32_t cap, size_t value_size)
{
    uint32_t count = bucket_count(cap);
    *t = (struct pm_keytable){.oldest = PM_NIL, .newest = PM_NIL, .bucket_mask = count - 1};
    t->buckets = malloc(count * sizeof *t->buckets);
    if (!t->buckets)
        return false;
    memset(t->buckets, 0xff, count * sizeof *t->buckets); /* PM_NIL */
    if (pm_pool_init(&t->pool, sizeof(struct entry) + value_size, cap))
        return true;
    free(t->buckets);
    t->buckets = NULL;
    return false;
}

void pm_keytable_release(struct pm_keytable *t)
{
    free(t->buckets);
    t->buckets = NULL;
    pm_pool_release(&t->pool);
}

static void enqueue(struct pm_keytable *t, uint32_t index)
{
    struct entry *e = at(t, index);
    e->newer = PM_NIL;
    e->older = t->newest;
    if (e->older != PM_NIL)
        at(t, e->older)->newer = index;
    else
        t->oldest = index;
    t->newest = index;
}

static void dequeue(struct pm_keytable *t, const struct entry *e)
{
    if (e->older != PM_NIL)
        at(t, e->older)->newer = e->newer;
    else
        t->oldest = e->newer;
    if (e->newer != PM_NIL)
        at(t, e->newer)->older = e->older;
    else
        t->newest = e->older;
}

static uint32_t index_of(const struct pm_keytable *t, struct pm_key key)
{
    uint32_t index = *bucket_of(t, key);
    while (index != PM_NIL && (at(t, index)->key.a != key.a || at(t, index)->key.b != key.b))
        index = at(t, index)->next;
    return index;
}

void *pm_keytable_peek(const struct pm_keytable *t, struct pm_key key)
{
    uint32_t index = index_of(t, key);
    return index == PM_NIL ? NULL : at(t, index) + 1;
}

void *pm_keytable_find(struct pm_keytable *t, struct pm_key key)
{
    uint32_t index = index_of(t, key);
    if (index == PM_NIL)
        return NULL;
    if (t->newest != index) {
        dequeue(t, at(t, index));
        enqueue(t, index);
    }
    return at(t, index) + 1;
}

static void forget(struct pm_keytable *t, uint32_t index)
{
    struct entry *e = at(t, index);
    uint32_t *link = bucket_of(t, e->key);
    while (*link != index)
        link = &at(t, *link)->next;
    *link = e->next;
    dequeue(t, e);
    pm_pool_put(&t->pool, index);
}

void *pm_keytable_add(struct pm_keytable *t, struct pm_key key, bool *forgot)
{
    *forgot = t->pool.used == t->pool.cap && t->oldest != PM_NIL;
    if (*forgot)
        forget(t, t->oldest);
    uint32_t index = pm_pool_take(&t->pool);
    if (index == PM_NIL)
        return NULL;
    struct entry *e = at(t, index);
    memset(e, 0, t->pool.object_size);
    e->key = key;
    e->next = *bucket_of(t, key);
    *bucket_of(t, key) = index;
    enqueue(t, index);
    return e + 1;
}

uint32_t pm_keytable_take(struct pm_keytable *t, const struct pm_keytable *from)
{
    uint32_t forgotten = 0;
    assert(t->pool.object_size == from->pool.object_size);
    for (uint32_t i = from->oldest; i != PM_NIL; i = at(from, i)->newer) {
        bool forgot;
        if (index_of(t, at(from, i)->key) != PM_NIL)
            continue;
        void *value = pm_keytable_add(t, at(from, i)->key, &forgot);
        if (value)
            memcpy(value, at(from, i) + 1, t->pool.object_size - sizeof(struct entry));
        forgotten += forgot;
    }
    return forgotten;
}

void pm_keytable_remove(struct pm_keytable *t, struct pm_key key)
{
    uint32_t index = index_of(t, key);
    assert(index != PM_NIL);
    forget(t, index);
}
