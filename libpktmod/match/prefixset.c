/* prefixset.c - millions of address prefixes: one hash table per length that occurs. */
#include "match/prefixset.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define KEY_WORDS 4

/* The first `bits` bits of the address as numbers, the rest zero. */
static void mask_key(const uint8_t *addr, uint32_t words, uint32_t bits, uint32_t key[KEY_WORDS])
{
    for (uint32_t i = 0; i < words; i++) {
        uint32_t here = bits > 32 * i ? bits - 32 * i : 0;
        uint32_t mask = here >= 32 ? UINT32_MAX : ~(UINT32_MAX >> here);
        key[i] = pm_get32(addr + 4 * i) & mask;
    }
}

static bool is_zero(const uint32_t *key, uint32_t words)
{
    uint32_t any = 0;
    for (uint32_t i = 0; i < words; i++)
        any |= key[i];
    return any == 0;
}

/* Who fills a set chooses its collisions, so no secret key is needed. */
static uint32_t hash(const uint32_t *key, uint32_t words)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < words; i++) {
        h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

/* The slot that holds the key, or the empty one where it would stand. */
static uint32_t *slot_of(const struct pm_prefix_table *table, const uint32_t *key)
{
    uint32_t at = hash(key, table->words);
    for (;; at++) {
        uint32_t *slot = table->keys + (size_t)(at & (table->slots - 1)) * table->words;
        if (is_zero(slot, table->words) || memcmp(slot, key, table->words * sizeof *key) == 0)
            return slot;
    }
}

static bool grow(struct pm_prefix_table *table)
{
    struct pm_prefix_table bigger = *table;
    if (table->slots > UINT32_MAX / 2)
        return false;
    bigger.slots = table->slots ? table->slots * 2 : 8;
    bigger.keys = calloc(bigger.slots, table->words * sizeof *bigger.keys);
    if (!bigger.keys)
        return false;
    for (uint32_t i = 0; i < table->slots; i++) {
        const uint32_t *key = table->keys + (size_t)i * table->words;
        if (!is_zero(key, table->words))
            memcpy(slot_of(&bigger, key), key, table->words * sizeof *key);
    }
    free(table->keys);
    *table = bigger;
    return true;
}

static bool table_put(struct pm_prefix_table *table, const uint32_t *key)
{
    if (is_zero(key, table->words)) {
        table->has_zero = true;
        return true;
    }
    if (table->used >= table->slots / 3 * 2 && !grow(table))
        return false;
    uint32_t *slot = slot_of(table, key);
    table->used += is_zero(slot, table->words);
    memcpy(slot, key, table->words * sizeof *key);
    return true;
}

static bool table_has(const struct pm_prefix_table *table, const uint8_t *addr)
{
    uint32_t key[KEY_WORDS];
    mask_key(addr, table->words, table->bits, key);
    if (is_zero(key, table->words))
        return table->has_zero;
    return table->used && !is_zero(slot_of(table, key), table->words);
}

/* NULL: no memory. */
static struct pm_prefix_table *table_for(struct pm_prefixset *set, uint8_t version, uint8_t bits)
{
    struct pm_prefix_table **tables = version == 4 ? &set->v4 : &set->v6, *more;
    uint32_t *count = version == 4 ? &set->v4_count : &set->v6_count;
    for (uint32_t i = 0; i < *count; i++)
        if ((*tables)[i].bits == bits)
            return &(*tables)[i];
    more = realloc(*tables, (*count + 1) * sizeof *more);
    if (!more)
        return NULL;
    *tables = more;
    more[*count] = (struct pm_prefix_table){.bits = bits, .words = version == 4 ? 1 : 4};
    return &more[(*count)++];
}

bool pm_prefixset_put(struct pm_prefixset *set, const struct pm_addr *addr, uint8_t bits)
{
    struct pm_prefix_table *table = table_for(set, addr->version, bits);
    uint32_t key[KEY_WORDS];
    if (!table)
        return false;
    mask_key(addr->bytes, table->words, bits, key);
    return table_put(table, key);
}

bool pm_prefixset_has(const struct pm_prefixset *set, uint8_t version, const uint8_t *addr)
{
    const struct pm_prefix_table *tables = version == 4 ? set->v4 : set->v6;
    uint32_t count = version == 4 ? set->v4_count : set->v6_count;
    for (uint32_t i = 0; i < count; i++)
        if (table_has(&tables[i], addr))
            return true;
    return false;
}

void pm_prefixset_release(struct pm_prefixset *set)
{
    for (uint32_t i = 0; i < set->v4_count; i++)
        free(set->v4[i].keys);
    for (uint32_t i = 0; i < set->v6_count; i++)
        free(set->v6[i].keys);
    free(set->v4);
    free(set->v6);
}
