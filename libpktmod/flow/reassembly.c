/* reassembly.c - the table of unfinished datagrams; the contract is in reassembly.h. */
#include "flow/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "flow/chain.h"

/* Who sends fragments: an IPv4 address, or an IPv6 network of a site. */
struct source {
    uint64_t hash;
    uint8_t prefix[8];
    uint8_t ip_version;
    uint32_t next; /* in the bucket */
    uint32_t datagrams, blocks;
    uint32_t oldest, newest;
};

static struct pm_datagram *at(const struct pm_reassembly *t, uint32_t index)
{
    return pm_pool_at(&t->datagrams, index);
}

static struct source *source_at(const struct pm_reassembly *t, uint32_t index)
{
    return pm_pool_at(&t->sources, index);
}

static uint32_t index_of(const struct pm_pool *pool, const void *object)
{
    return (uint32_t)((size_t)((const uint8_t *)object - pool->memory) / pool->object_size);
}

/* ------------------------------------------------------------------ life */

static uint32_t bucket_count(uint32_t cap)
{
    uint32_t n = 16;
    while (n < cap && n < (1u << 31))
        n *= 2;
    return n;
}

static size_t datagram_size(size_t own_size)
{
    return sizeof(struct pm_datagram) + own_size;
}

/* Each fragment takes a block at least. */
static uint32_t block_count(const struct pm_reassembly_limits *limits)
{
    return limits->bytes / (uint32_t)sizeof(struct pm_chain_block);
}

size_t pm_reassembly_footprint(const struct pm_reassembly_limits *limits, size_t own_size)
{
    return pm_pool_footprint(datagram_size(own_size), limits->datagrams) +
           pm_pool_footprint(sizeof(struct source), limits->datagrams) +
           pm_pool_footprint(sizeof(struct pm_kept_fragment), block_count(limits)) +
           pm_pool_footprint(sizeof(struct pm_chain_block), block_count(limits)) +
           2 * bucket_count(limits->datagrams) * sizeof(uint32_t);
}

bool pm_reassembly_init(struct pm_reassembly *t, const struct pm_reassembly_limits *limits,
                        size_t own_size, const uint64_t hash_key[2])
{
    uint32_t buckets = bucket_count(limits->datagrams);
    memset(t, 0, sizeof *t);
    t->limits = *limits;
    memcpy(t->hash_key, hash_key, sizeof t->hash_key);
    t->bucket_mask = buckets - 1;
    t->oldest = t->newest = PM_NIL;
    t->buckets = malloc(buckets * sizeof t->buckets[0]);
    t->source_buckets = malloc(buckets * sizeof t->source_buckets[0]);
    bool good = t->buckets && t->source_buckets &&
                pm_pool_init(&t->datagrams, datagram_size(own_size), limits->datagrams) &&
                pm_pool_init(&t->sources, sizeof(struct source), limits->datagrams) &&
                pm_pool_init(&t->fragments, sizeof(struct pm_kept_fragment), block_count(limits)) &&
                pm_pool_init(&t->blocks, sizeof(struct pm_chain_block), block_count(limits));
    if (!good) {
        pm_reassembly_release(t);
        return false;
    }
    memset(t->buckets, 0xff, buckets * sizeof t->buckets[0]); /* PM_NIL */
    memset(t->source_buckets, 0xff, buckets * sizeof t->source_buckets[0]);
    return true;
}

void pm_reassembly_release(struct pm_reassembly *t)
{
    free(t->buckets);
    free(t->source_buckets);
    t->buckets = t->source_buckets = NULL;
    pm_pool_release(&t->datagrams);
    pm_pool_release(&t->sources);
    pm_pool_release(&t->fragments);
    pm_pool_release(&t->blocks);
}

/* ------------------------------------------------------------------ sources */

static uint32_t source_find(const struct pm_reassembly *t, const struct source *wanted)
{
    uint32_t index = t->source_buckets[wanted->hash & t->bucket_mask];
    while (index != PM_NIL) {
        const struct source *s = source_at(t, index);
        if (s->hash == wanted->hash && s->ip_version == wanted->ip_version &&
            memcmp(s->prefix, wanted->prefix, sizeof s->prefix) == 0)
            break;
        index = s->next;
    }
    return index;
}

static struct source source_of(const struct pm_reassembly *t, const struct pm_fragment_key *key)
{
    struct source s = {.ip_version = key->ip_version, .oldest = PM_NIL, .newest = PM_NIL};
    memcpy(s.prefix, key->src, key->ip_version == 4 ? 4 : 8);
    s.hash = pm_hash(t->hash_key, s.prefix, sizeof s.prefix) + s.ip_version;
    return s;
}

/* There are as many sources as datagrams, so one is always free for a new datagram. */
static uint32_t source_add(struct pm_reassembly *t, const struct source *s)
{
    uint32_t index = pm_pool_take(&t->sources);
    uint32_t *bucket = &t->source_buckets[s->hash & t->bucket_mask];
    *source_at(t, index) = *s;
    source_at(t, index)->next = *bucket;
    *bucket = index;
    return index;
}

static void source_drop(struct pm_reassembly *t, uint32_t index)
{
    struct source *s = source_at(t, index);
    uint32_t *link = &t->source_buckets[s->hash & t->bucket_mask];
    while (*link != index)
        link = &source_at(t, *link)->next;
    *link = s->next;
    pm_pool_put(&t->sources, index);
}

/* What a source costs others: blocks, and places in the table. */
static uint32_t weight(const struct source *s)
{
    return s->blocks + s->datagrams;
}

/* Any datagram leads to its source; all are looked at, there are few. */
static uint32_t biggest_source(const struct pm_reassembly *t)
{
    uint32_t biggest = PM_NIL;
    for (uint32_t i = t->oldest; i != PM_NIL; i = at(t, i)->newer)
        if (biggest == PM_NIL ||
            weight(source_at(t, at(t, i)->source)) > weight(source_at(t, biggest)))
            biggest = at(t, i)->source;
    return biggest;
}

/* ------------------------------------------------------------------ lists */

static void join_lists(struct pm_reassembly *t, struct pm_datagram *d, uint32_t index)
{
    struct source *s = source_at(t, d->source);
    d->newer = d->source_newer = PM_NIL;
    d->older = t->newest;
    d->source_older = s->newest;
    *(d->older != PM_NIL ? &at(t, d->older)->newer : &t->oldest) = index;
    *(d->source_older != PM_NIL ? &at(t, d->source_older)->source_newer : &s->oldest) = index;
    t->newest = s->newest = index;
    s->datagrams++;
}

static void leave_lists(struct pm_reassembly *t, struct pm_datagram *d)
{
    struct source *s = source_at(t, d->source);
    *(d->older != PM_NIL ? &at(t, d->older)->newer : &t->oldest) = d->newer;
    *(d->newer != PM_NIL ? &at(t, d->newer)->older : &t->newest) = d->older;
    *(d->source_older != PM_NIL ? &at(t, d->source_older)->source_newer : &s->oldest) =
        d->source_newer;
    *(d->source_newer != PM_NIL ? &at(t, d->source_newer)->source_older : &s->newest) =
        d->source_older;
    if (--s->datagrams == 0)
        source_drop(t, d->source);
}

static void drop_fragments(struct pm_reassembly *t, struct pm_datagram *d)
{
    for (uint32_t i = d->first_arrived; i != PM_NIL;) {
        struct pm_kept_fragment *kept = pm_kept_at(t, i);
        uint32_t next = kept->next;
        pm_chain_drop(&t->blocks, kept->first_block);
        pm_pool_put(&t->fragments, i);
        i = next;
    }
    source_at(t, d->source)->blocks -= d->blocks;
    d->first_arrived = d->last_arrived = d->lowest = PM_NIL;
    d->fragments = d->blocks = 0;
}

/* ------------------------------------------------------------------ datagrams */

void pm_reassembly_close(struct pm_reassembly *t, struct pm_datagram *datagram)
{
    uint32_t index = index_of(&t->datagrams, datagram);
    uint32_t *link = &t->buckets[datagram->hash & t->bucket_mask];
    while (*link != index)
        link = &at(t, *link)->next;
    *link = datagram->next;
    drop_fragments(t, datagram);
    leave_lists(t, datagram);
    pm_pool_put(&t->datagrams, index);
}

void pm_reassembly_settle(struct pm_reassembly *t, struct pm_datagram *datagram,
                          enum pm_datagram_state state)
{
    drop_fragments(t, datagram);
    datagram->state = (uint8_t)state;
}

static void give_up(struct pm_reassembly *t, struct pm_datagram *d, enum pm_give_up why)
{
    if (t->on_give_up)
        t->on_give_up(t->context, d, why);
    pm_reassembly_close(t, d);
}

struct pm_datagram *pm_reassembly_find(struct pm_reassembly *t, const struct pm_fragment_key *key,
                                       uint64_t now_ns)
{
    uint64_t hash = pm_hash(t->hash_key, key, sizeof *key);
    uint32_t index = t->buckets[hash & t->bucket_mask];
    while (index != PM_NIL) {
        struct pm_datagram *d = at(t, index);
        index = d->next;
        if (d->hash != hash || memcmp(&d->key, key, sizeof *key) != 0)
            continue;
        if (now_ns < d->deadline_ns)
            return d;
        give_up(t, d, PM_GIVE_UP_TIMEOUT);
        return NULL;
    }
    return NULL;
}

/* Makes sure that a datagram and its source can be added. */
static uint32_t source_with_room(struct pm_reassembly *t, const struct pm_fragment_key *key)
{
    struct source wanted = source_of(t, key);
    uint32_t source = source_find(t, &wanted);
    if (source != PM_NIL && source_at(t, source)->datagrams >= t->limits.source_datagrams)
        give_up(t, at(t, source_at(t, source)->oldest), PM_GIVE_UP_FULL);
    else if (t->datagrams.used == t->datagrams.cap)
        give_up(t, at(t, source_at(t, biggest_source(t))->oldest), PM_GIVE_UP_FULL);
    source = source_find(t, &wanted); /* it may have gone with its only datagram */
    return source != PM_NIL ? source : source_add(t, &wanted);
}

bool pm_reassembly_reserve(struct pm_reassembly *t, struct pm_datagram *datagram, uint32_t blocks)
{
    while (t->blocks.cap - t->blocks.used < blocks) {
        struct pm_datagram *oldest = at(t, source_at(t, biggest_source(t))->oldest);
        if (oldest == datagram)
            return false;
        give_up(t, oldest, PM_GIVE_UP_FULL);
    }
    datagram->blocks += blocks;
    source_at(t, datagram->source)->blocks += blocks;
    return true;
}

struct pm_datagram *pm_reassembly_open(struct pm_reassembly *t, const struct pm_fragment_key *key,
                                       uint64_t now_ns)
{
    if (t->datagrams.cap == 0)
        return NULL;
    uint32_t source = source_with_room(t, key);
    uint32_t index = pm_pool_take(&t->datagrams);
    struct pm_datagram *d = at(t, index);
    memset(d, 0, t->datagrams.object_size);
    d->key = *key;
    d->hash = pm_hash(t->hash_key, key, sizeof *key);
    d->deadline_ns = now_ns + t->limits.timeout_ns;
    d->next = t->buckets[d->hash & t->bucket_mask];
    t->buckets[d->hash & t->bucket_mask] = index;
    d->source = source;
    d->first_arrived = d->last_arrived = d->lowest = PM_NIL;
    d->state = PM_DATAGRAM_WAITS;
    join_lists(t, d, index);
    return d;
}

uint64_t pm_reassembly_next_ns(const struct pm_reassembly *t)
{
    return t->oldest == PM_NIL ? UINT64_MAX : at(t, t->oldest)->deadline_ns;
}

void pm_reassembly_due(struct pm_reassembly *t, uint64_t now_ns)
{
    while (t->oldest != PM_NIL && at(t, t->oldest)->deadline_ns <= now_ns)
        give_up(t, at(t, t->oldest), PM_GIVE_UP_TIMEOUT);
}
