/* condbuild.c - making conditions: nodes, sets and programs move into flat arrays. */
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
        wanted += wanted / 2;
    void *moved = realloc(array, wanted * size);
    if (moved)
        *cap = wanted;
    return moved;
}

/* A new node with room for `size` bytes behind it; NULL: no memory, or too deep. */
static struct pm_node *add_node(struct pm_conds *c, const struct pm_node *node, size_t size,
                                pm_cond_id *id)
{
    size_t cells = 1 + (size + sizeof *c->cells - 1) / sizeof *c->cells;
    *id = PM_COND_TRUE;
    if (node->depth > PM_COND_DEPTH)
        return NULL;
    uint64_t *moved = reserve(c->cells, &c->cells_cap, c->cells_count, cells, sizeof *moved);
    if (!moved)
        return NULL;
    c->cells = moved;
    *id = c->cells_count;
    c->cells_count += (uint32_t)cells;
    struct pm_node *added = (struct pm_node *)(void *)(c->cells + *id);
    *added = *node;
    return added;
}

struct pm_conds *pm_conds_new(void)
{
    struct pm_conds *c = calloc(1, sizeof *c);
    pm_cond_id id;
    if (c && !add_node(c, &(struct pm_node){.kind = PM_NODE_ALL, .depth = 1}, 0, &id)) {
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
    for (uint32_t i = 0; i < c->regexes_count; i++)
        pm_regex_free(c->regexes[i]);
    pm_same_tests_release(&c->same);
    free(c->regexes);
    free(c->streams);
    free(c->cells);
    free(c->sets);
    free(c->bpfs);
    free(c->programs);
    free(c->insns);
    free(c);
}

size_t pm_conds_footprint(const struct pm_conds *c)
{
    size_t sum = sizeof *c + c->cells_cap * sizeof *c->cells + c->sets_cap * sizeof *c->sets +
                 c->bpfs_cap * sizeof *c->bpfs + c->programs_cap * sizeof *c->programs +
                 c->insns_cap * sizeof *c->insns + c->regexes_cap * sizeof(struct pm_regex *) +
                 c->streams_cap * sizeof *c->streams;
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

/* ------------------------------------------------------------------ values */

static struct pm_regex *compile(enum pm_field field, const struct pm_value *value,
                                struct pm_regex_fault *fault)
{
    return pm_regex_new(&(struct pm_regex_spec){.pattern = value->regex.pattern,
                                                .len = value->regex.len,
                                                .nocase = value->regex.nocase,
                                                .in_stream = field == PM_FIELD_STREAM},
                        fault);
}

bool pm_value_check(enum pm_field field, const struct pm_value *value, struct pm_op_fault *fault)
{
    *fault = (struct pm_op_fault){.offset = 0};
    if (field == PM_FIELD_STREAM && value->kind == PM_VALUE_BYTES && value->bytes.at_end) {
        static const char text[] = "a stream goes on: what it ends with is never known";
        memcpy(fault->text, text, sizeof text);
        return false;
    }
    if (value->kind != PM_VALUE_REGEX)
        return true;
    struct pm_regex_fault found;
    _Static_assert(sizeof fault->text == sizeof found.text, "the text fits");
    pm_regex_free(compile(field, value, &found));
    fault->offset = found.offset;
    memcpy(fault->text, found.text, sizeof fault->text);
    return fault->text[0] == '\0';
}

static bool keep_regex(struct pm_conds *c, enum pm_field field, struct pm_value *value)
{
    struct pm_regex_fault fault;
    void *moved = reserve(c->regexes, &c->regexes_cap, c->regexes_count, 1, sizeof *c->regexes);
    c->regexes = moved ? moved : c->regexes;
    struct pm_regex *regex = moved ? compile(field, value, &fault) : NULL;
    if (!regex)
        return false;
    value->set = c->regexes_count;
    c->regexes[c->regexes_count++] = regex;
    return true;
}

/* Makes the value live as long as the conditions. */
static bool keep_value(struct pm_conds *c, enum pm_field field, struct pm_value *value)
{
    if (value->kind == PM_VALUE_REGEX)
        return keep_regex(c, field, value);
    if (value->kind != PM_VALUE_BYTES)
        return true;
    value->bytes.bytes = keep_bytes(c, value->bytes.bytes, value->bytes.len);
    return value->bytes.bytes;
}

/* ------------------------------------------------------------------ nodes */

/* The values stand in streams, where the states of a stream go by their places. */
static bool test_stream(struct pm_conds *c, const struct pm_value *values, size_t count,
                        pm_cond_id *id)
{
    struct pm_node head = {.kind = PM_NODE_TEST, .field = PM_FIELD_STREAM, .depth = 1, .count = 1};
    struct pm_value stretch = {.kind = PM_VALUE_RANGE,
                               .range = {c->streams_count, (uint32_t)count}};
    void *moved = reserve(c->streams, &c->streams_cap, c->streams_count, count, sizeof *values);
    c->streams = moved ? moved : c->streams;
    for (size_t i = 0; i < count && moved; i++) {
        struct pm_value *own = &c->streams[c->streams_count];
        *own = values[i];
        if (!keep_value(c, PM_FIELD_STREAM, own))
            return false;
        c->streams_count++;
    }
    struct pm_node *node = moved ? add_node(c, &head, sizeof stretch, id) : NULL;
    if (node)
        memcpy(node + 1, &stretch, sizeof stretch);
    return node;
}

/* A test of one value that has no bytes of its own. */
static bool test_plain(struct pm_conds *c, enum pm_field field, const struct pm_value *value,
                       pm_cond_id *id)
{
    struct pm_node head = {.kind = PM_NODE_TEST, .field = (uint8_t)field, .depth = 1, .count = 1};
    *id = pm_same_test_find(c, &c->same, field, value);
    if (*id != PM_COND_TRUE)
        return true;
    struct pm_node *node = add_node(c, &head, sizeof *value, id);
    if (!node)
        return false;
    memcpy(node + 1, value, sizeof *value);
    pm_same_test_add(c, &c->same, *id);
    return true;
}

bool pm_conds_test(struct pm_conds *c, enum pm_field field, const struct pm_value *values,
                   size_t count, pm_cond_id *id)
{
    struct pm_node head = {
        .kind = PM_NODE_TEST, .field = (uint8_t)field, .depth = 1, .count = (uint32_t)count};
    *id = PM_COND_TRUE;
    if (count > COUNT_MOST)
        return false;
    if (field == PM_FIELD_STREAM)
        return test_stream(c, values, count, id);
    struct pm_value plain;
    if (count == 1 && pm_same_test_value(values, &plain))
        return test_plain(c, field, &plain, id);
    struct pm_node *node = add_node(c, &head, count * sizeof *values, id);
    if (!node)
        return false;
    struct pm_value *own = (struct pm_value *)(void *)(node + 1);
    for (size_t i = 0; i < count; i++) {
        own[i] = values[i];
        if (!keep_value(c, field, &own[i])) {
            *id = PM_COND_TRUE;
            return false;
        }
    }
    return true;
}

bool pm_conds_present(struct pm_conds *c, enum pm_field field, pm_cond_id *id)
{
    struct pm_node node = {.kind = PM_NODE_PRESENT, .field = (uint8_t)field, .depth = 1};
    return add_node(c, &node, 0, id) != NULL;
}

static bool add_parent(struct pm_conds *c, enum pm_node_kind kind, const pm_cond_id *conds,
                       size_t count, pm_cond_id *id)
{
    struct pm_node head = {.kind = (uint8_t)kind, .depth = 1, .count = (uint32_t)count};
    if (count > COUNT_MOST) {
        *id = PM_COND_TRUE;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t depth = pm_node_at(c, conds[i])->depth;
        head.depth = depth >= head.depth ? depth + 1u : head.depth;
    }
    pm_cond_id added;
    struct pm_node *node = add_node(c, &head, count * sizeof *conds, &added);
    if (node && count)
        memcpy(node + 1, conds, count * sizeof *conds);
    *id = added;
    return node != NULL;
}

bool pm_conds_all(struct pm_conds *c, const pm_cond_id *conds, size_t count, pm_cond_id *id)
{
    if (count > 1)
        return add_parent(c, PM_NODE_ALL, conds, count, id);
    *id = count ? conds[0] : PM_COND_TRUE;
    return true;
}

bool pm_conds_any(struct pm_conds *c, const pm_cond_id *conds, size_t count, pm_cond_id *id)
{
    if (count != 1)
        return add_parent(c, PM_NODE_ANY, conds, count, id);
    *id = conds[0];
    return true;
}

bool pm_conds_not(struct pm_conds *c, pm_cond_id cond, pm_cond_id *id)
{
    const struct pm_node *inner = pm_node_at(c, cond);
    if (inner->kind != PM_NODE_NOT)
        return add_parent(c, PM_NODE_NOT, &cond, 1, id);
    *id = pm_node_kids(inner)[0];
    return true;
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
    pm_same_tests_release(&c->same);
    uint64_t *cells = realloc(c->cells, c->cells_count * sizeof *cells);
    if (cells) {
        c->cells = cells;
        c->cells_cap = c->cells_count;
    }
    for (uint32_t i = 0; i < c->sets_count; i++)
        if (!pm_set_seal(c->sets[i]))
            return false;
    return true;
}
