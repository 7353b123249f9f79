/* condbuild.c - making conditions: nodes, values, sets and programs move into flat arrays. */
#include "match/condtree.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN  65536u
#define COUNT_MOST (UINT32_MAX / 4)

/* Room for `more` items behind `count`; the array, moved if need be, or NULL (it stays as it is).
 */
static void *reserve(void *array, uint32_t *cap, uint32_t count, size_t more, size_t size)
{
    if (more <= *cap - count && array)
        return array;
    if (more > COUNT_MOST - count)
        return NULL;
    uint32_t wanted = *cap < 8 ? 8 : *cap;
    while (wanted - count < more)
        wanted *= 2;
    void *moved = realloc(array, wanted * size);
    if (moved)
        *cap = wanted;
    return moved;
}

static bool room_for_nodes(struct pm_conds *c, size_t more)
{
    void *moved = reserve(c->nodes, &c->nodes_cap, c->nodes_count, more, sizeof *c->nodes);
    c->nodes = moved ? moved : c->nodes;
    return moved != NULL;
}

static bool room_for_kids(struct pm_conds *c, size_t more)
{
    void *moved = reserve(c->kids, &c->kids_cap, c->kids_count, more, sizeof *c->kids);
    c->kids = moved ? moved : c->kids;
    return moved != NULL;
}

static bool room_for_values(struct pm_conds *c, size_t more)
{
    void *moved = reserve(c->values, &c->values_cap, c->values_count, more, sizeof *c->values);
    c->values = moved ? moved : c->values;
    return moved != NULL;
}

static bool add_node(struct pm_conds *c, const struct pm_node *node, pm_cond_id *id)
{
    *id = PM_COND_TRUE;
    if (node->depth > PM_COND_DEPTH || !room_for_nodes(c, 1))
        return false;
    *id = c->nodes_count++;
    c->nodes[*id] = *node;
    return true;
}

struct pm_conds *pm_conds_new(void)
{
    struct pm_conds *c = calloc(1, sizeof *c);
    pm_cond_id id;
    if (c && !add_node(c, &(struct pm_node){.kind = PM_NODE_ALL, .depth = 1}, &id)) {
        free(c);
        return NULL;
    }
    return c;
}

void pm_conds_free(struct pm_conds *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->sets_count; i++)
        pm_set_free(c->sets[i]);
    while (c->blocks) {
        struct pm_block *next = c->blocks->next;
        free(c->blocks);
        c->blocks = next;
    }
    free(c->nodes);
    free(c->kids);
    free(c->values);
    free(c->sets);
    free(c->bpfs);
    free(c->programs);
    free(c->insns);
    free(c);
}

size_t pm_conds_footprint(const struct pm_conds *c)
{
    size_t sum = sizeof *c + c->nodes_cap * sizeof *c->nodes + c->kids_cap * sizeof *c->kids +
                 c->values_cap * sizeof *c->values + c->sets_cap * sizeof *c->sets +
                 c->bpfs_cap * sizeof *c->bpfs + c->programs_cap * sizeof *c->programs +
                 c->insns_cap * sizeof *c->insns;
    for (const struct pm_block *block = c->blocks; block; block = block->next)
        sum += sizeof *block + block->cap;
    return sum;
}

/* A copy that lives as long as the conditions; NULL: no memory. */
static const uint8_t *keep_bytes(struct pm_conds *c, const uint8_t *bytes, uint32_t len)
{
    struct pm_block *block = c->blocks;
    if (!block || block->cap - block->used < len) {
        size_t cap = len > BLOCK_LEN ? len : BLOCK_LEN;
        block = malloc(sizeof *block + cap);
        if (!block)
            return NULL;
        *block = (struct pm_block){.next = c->blocks, .cap = cap};
        c->blocks = block;
    }
    uint8_t *copy = block->bytes + block->used;
    if (len)
        memcpy(copy, bytes, len);
    block->used += len;
    return copy;
}

bool pm_conds_test(struct pm_conds *c, enum pm_field field, const struct pm_value *values,
                   size_t count, pm_cond_id *id)
{
    *id = PM_COND_TRUE;
    if (!room_for_values(c, count))
        return false;
    struct pm_node node = {.kind = PM_NODE_TEST,
                           .field = (uint8_t)field,
                           .depth = 1,
                           .first = c->values_count,
                           .count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        struct pm_value *value = &c->values[c->values_count + i];
        *value = values[i];
        if (value->kind != PM_VALUE_BYTES)
            continue;
        value->bytes.bytes = keep_bytes(c, values[i].bytes.bytes, values[i].bytes.len);
        if (!value->bytes.bytes)
            return false;
    }
    if (!add_node(c, &node, id))
        return false;
    c->values_count += (uint32_t)count;
    return true;
}

bool pm_conds_present(struct pm_conds *c, enum pm_field field, pm_cond_id *id)
{
    struct pm_node node = {.kind = PM_NODE_PRESENT, .field = (uint8_t)field, .depth = 1};
    return add_node(c, &node, id);
}

static bool add_group(struct pm_conds *c, enum pm_node_kind kind, const pm_cond_id *conds,
                      size_t count, pm_cond_id *id)
{
    *id = PM_COND_TRUE;
    if (count == 1) {
        *id = conds[0];
        return true;
    }
    if (!room_for_kids(c, count))
        return false;
    struct pm_node node = {
        .kind = (uint8_t)kind, .depth = 1, .first = c->kids_count, .count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        uint16_t depth = c->nodes[conds[i]].depth;
        node.depth = depth >= node.depth ? depth + 1u : node.depth;
        c->kids[c->kids_count + i] = conds[i];
    }
    if (!add_node(c, &node, id))
        return false;
    c->kids_count += (uint32_t)count;
    return true;
}

bool pm_conds_all(struct pm_conds *c, const pm_cond_id *conds, size_t count, pm_cond_id *id)
{
    *id = PM_COND_TRUE;
    return count == 0 || add_group(c, PM_NODE_ALL, conds, count, id);
}

bool pm_conds_any(struct pm_conds *c, const pm_cond_id *conds, size_t count, pm_cond_id *id)
{
    return add_group(c, PM_NODE_ANY, conds, count, id);
}

bool pm_conds_not(struct pm_conds *c, pm_cond_id cond, pm_cond_id *id)
{
    const struct pm_node *inner = &c->nodes[cond];
    if (inner->kind == PM_NODE_NOT) {
        *id = inner->first;
        return true;
    }
    struct pm_node node = {.kind = PM_NODE_NOT, .depth = inner->depth + 1u, .first = cond};
    return add_node(c, &node, id);
}

bool pm_conds_add_set(struct pm_conds *c, enum pm_set_kind kind, uint32_t *index)
{
    void *moved = reserve(c->sets, &c->sets_cap, c->sets_count, 1, sizeof *c->sets);
    struct pm_set *set = moved ? pm_set_new(kind) : NULL;
    c->sets = moved ? moved : c->sets;
    *index = c->sets_count;
    if (!set)
        return false;
    c->sets[c->sets_count++] = set;
    return true;
}

bool pm_conds_set_put(struct pm_conds *c, uint32_t set, const struct pm_value *value)
{
    return pm_set_put(c->sets[set], value);
}

bool pm_conds_add_bpf(struct pm_conds *c, uint32_t *index)
{
    void *moved = reserve(c->bpfs, &c->bpfs_cap, c->bpfs_count, 1, sizeof *c->bpfs);
    *index = c->bpfs_count;
    if (!moved)
        return false;
    c->bpfs = moved;
    c->bpfs[c->bpfs_count++] = UINT32_MAX;
    return true;
}

bool pm_conds_bpf_put(struct pm_conds *c, uint32_t bpf, uint16_t linktype,
                      const struct pm_bpf_insn *insns, size_t count)
{
    void *programs =
        reserve(c->programs, &c->programs_cap, c->programs_count, 1, sizeof *c->programs);
    void *moved = reserve(c->insns, &c->insns_cap, c->insns_count, count, sizeof *c->insns);
    c->programs = programs ? programs : c->programs;
    c->insns = moved ? moved : c->insns;
    if (!programs || !moved)
        return false;
    c->programs[c->programs_count] =
        (struct pm_bpf_program){pm_bpf_link(linktype), c->bpfs[bpf], c->insns_count};
    c->bpfs[bpf] = c->programs_count++;
    memcpy(c->insns + c->insns_count, insns, count * sizeof *insns);
    c->insns_count += (uint32_t)count;
    return true;
}

bool pm_conds_seal(struct pm_conds *c)
{
    for (uint32_t i = 0; i < c->sets_count; i++)
        if (!pm_set_seal(c->sets[i]))
            return false;
    return true;
}
