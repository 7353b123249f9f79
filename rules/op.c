/* op.c - the operations of a rewrite: replace, set, add. */
#include "op.h"

#include <string.h>

#include "assign.h"
#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"

/* ------------------------------------------------------------------ replace */

static void take_where(struct load *l, const struct node *n, enum pm_where *out)
{
    static const char *const words[] = {"stream", "payload", NULL};
    static const char *const later[] = {"http.body", "http.header", "dns.name"};
    size_t index;

    for (size_t i = 0; i < 3 && pmr_node_kind(n) == NODE_STRING; i++)
        if (strcmp(pmr_node_text(n), later[i]) == 0) {
            pmr_not_yet(l, n, later[i]);
            return;
        }
    if (pmr_expect_word(l, n, words, &index))
        *out = index == 0 ? PM_IN_STREAM : PM_IN_PAYLOAD;
}

static void take_within(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"offset", false}, {"depth", false}};
    const struct node *offset = pmr_node_get(n, "offset"), *depth = pmr_node_get(n, "depth");
    int64_t number;

    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 2, "\"within\"");
    if (offset == NULL && depth == NULL)
        pmr_fail(l, n, CODE_EMPTY, NULL, "\"within\" needs \"offset\" or \"depth\"");
    if (offset != NULL && pmr_expect_whole(l, offset, 0, PM_NO_LIMIT - 1, &number))
        op->replace.within_offset = (uint32_t)number;
    if (depth == NULL || !pmr_expect_whole(l, depth, 1, PM_NO_LIMIT - 1, &number))
        return;
    op->replace.within_depth = (uint32_t)number;
    if (!op->replace.is_regex && op->replace.within_depth < op->replace.find_len)
        pmr_fail(l, depth, CODE_RANGE, NULL, "%u bytes are not found within a depth of %u",
                 (unsigned)op->replace.find_len, (unsigned)op->replace.within_depth);
}

static void take_find(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    struct bytes bytes;

    if (pmr_bytes_filled(l, n, &bytes)) {
        op->replace.find = bytes.at;
        op->replace.find_len = bytes.len;
    }
}

static void take_regex(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    op->replace.find = (const uint8_t *)pmr_node_text(n);
    op->replace.find_len = (uint32_t)strlen(pmr_node_text(n));
}

/* Bytes that are not written as text have no groups among them: each $ is one. */
static void keep_dollars(struct load *l, struct bytes *bytes)
{
    uint8_t *room = pmr_memory_take(&l->memory, 2 * (size_t)bytes->len + 1);
    uint32_t len = 0;

    for (uint32_t i = 0; room != NULL && i < bytes->len; i++) {
        room[len++] = bytes->at[i];
        if (bytes->at[i] == '$')
            room[len++] = '$';
    }
    *bytes = (struct bytes){.at = room, .len = len};
}

static void take_with(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    struct bytes bytes;

    if (!pmr_bytes_of(l, n, &bytes))
        return;
    if (op->replace.is_regex && pmr_node_kind(n) != NODE_STRING)
        keep_dollars(l, &bytes);
    op->replace.with = bytes.at;
    op->replace.with_len = bytes.len;
}

static void take_max_match(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    int64_t number;

    if (!op->replace.is_regex)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "\"max_match\" belongs to a \"regex\"");
    if (!pmr_expect_whole(l, n, 1, PM_MAX_MATCH, &number))
        return;
    op->replace.max_match = (uint32_t)number;
    if (op->replace.where != PM_IN_PAYLOAD && number > (int64_t)l->hold_bytes)
        pmr_fail(l, n, CODE_RANGE, NULL,
                 "no more than hold_bytes (%u) of a match can be waited for",
                 (unsigned)l->hold_bytes);
}

/* Whether the library takes regex and template; it tells at which byte it does not. */
static void check_regex(struct load *l, const struct node *replace, const struct pm_op_spec *op)
{
    const struct node *regex = pmr_node_get(replace, "regex"),
                      *with = pmr_node_get(replace, "with");
    struct pm_op_fault fault;

    if (regex == NULL || with == NULL || op->replace.find_len == 0 || op->replace.find == NULL ||
        pm_op_check(op, &fault))
        return;
    if (fault.in_with)
        pmr_fail_inside(l, with, fault.offset, CODE_REGEX, "%s", fault.text);
    else if (fault.offset > 0)
        pmr_fail_inside(l, regex, fault.offset, CODE_REGEX, "%s", fault.text);
    else
        pmr_fail(l, regex, CODE_REGEX, NULL, "%s", fault.text);
}

static void take_texts(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    const struct node *find = pmr_node_get(n, "find"), *regex = pmr_node_get(n, "regex"),
                      *with = pmr_expect_member(l, n, "with", "a replace");

    op->replace.is_regex = regex != NULL;
    if (find != NULL && regex != NULL)
        pmr_fail_key(l, regex, CODE_KEYS_CLASH, NULL, "a replace has either \"find\" or \"regex\"");
    if (find == NULL && regex == NULL)
        pmr_expect_member(l, n, "find", "a replace");
    if (find != NULL)
        take_find(l, find, op);
    if (regex != NULL)
        take_regex(l, regex, op);
    if (with != NULL)
        take_with(l, with, op);
}

static void take_replace(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"find", false},   {"with", false},  {"in", false},    {"max", false}, {"nocase", false},
        {"within", false}, {"regex", false}, {"length", true}, {"pad", true},  {"max_match", false},
    };
    const struct node *in = pmr_node_get(n, "in"), *max = pmr_node_get(n, "max"),
                      *nocase = pmr_node_get(n, "nocase"), *within = pmr_node_get(n, "within"),
                      *max_match = pmr_node_get(n, "max_match");
    int64_t number;

    *op = (struct pm_op_spec){.kind = PM_OP_REPLACE, .replace = {.within_depth = PM_NO_LIMIT}};
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, sizeof keys / sizeof keys[0], "a replace");
    take_texts(l, n, op);
    if (in != NULL)
        take_where(l, in, &op->replace.where);
    if (max != NULL && pmr_expect_whole(l, max, 1, UINT32_MAX, &number))
        op->replace.max = (uint32_t)number;
    if (nocase != NULL)
        pmr_expect_bool(l, nocase, &op->replace.nocase);
    if (within != NULL)
        take_within(l, within, op);
    if (max_match != NULL)
        take_max_match(l, max_match, op);
    check_regex(l, n, op);
}

/* ------------------------------------------------------------------ the list */

struct ops {
    struct load *load;
    const struct cond *match;
    struct pm_op_spec *list;
    size_t count, cap;
};

static struct pm_op_spec *another(struct ops *ops)
{
    struct memory *m = &ops->load->memory;
    struct pm_op_spec *grown = pmr_memory_grow(m, ops->list, ops->count, &ops->cap, sizeof *grown);

    if (grown == NULL)
        return NULL;
    ops->list = grown;
    return &grown[ops->count++];
}

static void add_assigns(struct ops *ops, const struct node *fields, enum pm_op_kind kind)
{
    if (!pmr_expect_filled(ops->load, fields, NODE_OBJECT))
        return;
    for (const struct node *n = pmr_node_first(fields); n != NULL; n = pmr_node_next(n)) {
        struct pm_op_spec *op = another(ops);

        if (op != NULL)
            pmr_assign_of(ops->load, n, kind, ops->match, op);
    }
}

static void add_op(struct ops *ops, const struct node *n)
{
    static const struct key keys[] = {
        {"replace", false}, {"set", false},     {"add", false},        {"insert", true},
        {"delete", true},   {"nat", true},      {"tcp_options", true}, {"http", true},
        {"dns", true},      {"external", true}, {"corrupt", true},     {"duplicate", true},
        {"truncate", true}, {"segment", true},  {"fragment", true},
    };
    const struct node *replace = pmr_node_get(n, "replace"), *set = pmr_node_get(n, "set"),
                      *add = pmr_node_get(n, "add");
    struct pm_op_spec *op;

    if (!pmr_expect_kind(ops->load, n, NODE_OBJECT))
        return;
    pmr_expect_keys(ops->load, n, keys, sizeof keys / sizeof keys[0], "an operation");
    if (pmr_node_count(n) != 1)
        pmr_fail(ops->load, n, CODE_KEYS_CLASH, NULL,
                 "an operation has exactly one key; write several of them");
    op = replace == NULL ? NULL : another(ops);
    if (op != NULL)
        take_replace(ops->load, replace, op);
    if (set != NULL)
        add_assigns(ops, set, PM_OP_SET);
    if (add != NULL)
        add_assigns(ops, add, PM_OP_ADD);
}

void pmr_ops_of(struct load *l, const struct node *list, const struct cond *match,
                struct pm_rule_spec *out)
{
    struct ops ops = {.load = l, .match = match};

    out->action = PM_ACTION_REWRITE;
    if (!pmr_expect_filled(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n))
        add_op(&ops, n);
    out->ops = ops.list;
    out->op_count = ops.count;
}
