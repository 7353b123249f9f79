/* sametest.c - a table of tests while a policy is built; the contract is in sametest.h. */
#include "match/sametest.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "match/condtree.h"

#define FIRST_CAP 256u

bool pm_same_test_value(const struct pm_value *value, struct pm_value *own)
{
    memset(own, 0, sizeof *own);
    own->kind = value->kind;
    switch (value->kind) {
    case PM_VALUE_RANGE:
        own->range = value->range;
        return true;
    case PM_VALUE_MASK:
        own->mask = value->mask;
        return true;
    case PM_VALUE_PREFIX:
        memcpy(own->prefix.addr.bytes, value->prefix.addr.bytes,
               value->prefix.addr.version == 4 ? 4 : 16);
        own->prefix.addr.version = value->prefix.addr.version;
        own->prefix.bits = value->prefix.bits;
        return true;
    case PM_VALUE_SET:
        own->set = value->set;
        return true;
    case PM_VALUE_MAC:
    case PM_VALUE_BYTES:
    case PM_VALUE_REGEX:
    case PM_VALUE_BPF:
        break;
    }
    return false;
}

static uint64_t hash_of(enum pm_field field, const struct pm_value *own)
{
    const uint64_t key[2] = {(uint64_t)field, 0};
    return pm_hash(key, own, sizeof *own);
}

/* The slot that holds the test, or where it would go. */
static uint32_t slot_of(const struct pm_conds *c, const struct pm_same_tests *tests,
                        enum pm_field field, const struct pm_value *own)
{
    uint32_t slot = (uint32_t)hash_of(field, own) & (tests->cap - 1);
    while (tests->slots[slot] != PM_COND_TRUE) {
        const struct pm_node *node = pm_node_at(c, tests->slots[slot]);
        const void *there = pm_node_values(node), *wanted = own; /* all bytes are known */
        if (node->field == field && memcmp(there, wanted, sizeof *own) == 0)
            break;
        slot = (slot + 1) & (tests->cap - 1);
    }
    return slot;
}

pm_cond_id pm_same_test_find(const struct pm_conds *c, const struct pm_same_tests *tests,
                             enum pm_field field, const struct pm_value *own)
{
    return tests->cap == 0 ? PM_COND_TRUE : tests->slots[slot_of(c, tests, field, own)];
}

static void put(const struct pm_conds *c, struct pm_same_tests *tests, pm_cond_id id)
{
    const struct pm_node *node = pm_node_at(c, id);
    tests->slots[slot_of(c, tests, (enum pm_field)node->field, pm_node_values(node))] = id;
}

static bool grow(const struct pm_conds *c, struct pm_same_tests *tests)
{
    struct pm_same_tests larger = {.cap = tests->cap == 0 ? FIRST_CAP : tests->cap * 2};
    larger.slots = larger.cap == 0 ? NULL : calloc(larger.cap, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (uint32_t i = 0; i < tests->cap; i++)
        if (tests->slots[i] != PM_COND_TRUE)
            put(c, &larger, tests->slots[i]);
    larger.count = tests->count;
    free(tests->slots);
    *tests = larger;
    return true;
}

void pm_same_test_add(const struct pm_conds *c, struct pm_same_tests *tests, pm_cond_id id)
{
    if (tests->count >= tests->cap / 2 && !grow(c, tests))
        return;
    put(c, tests, id);
    tests->count++;
}

void pm_same_tests_release(struct pm_same_tests *tests)
{
    free(tests->slots);
    *tests = (struct pm_same_tests){.cap = 0};
}
