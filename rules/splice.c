/* splice.c - operations at a place rather than at a find: insert, delete. */
#include "splice.h"

#include <string.h>

#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"
#include "replace.h"

/* ------------------------------------------------------------------ insert */

static void take_at(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const char *const words[] = {"start", "end", NULL};
    int64_t number;
    size_t index;

    if (n->bad)
        return;
    if (pmr_node_kind(n) == NODE_STRING) {
        if (pmr_expect_word(l, n, words, &index))
            op->insert.at = (enum pm_insert_at)index;
    } else if (pmr_node_kind(n) != NODE_NUMBER) {
        pmr_fail(l, n, CODE_TYPE, NULL, "expected \"start\", \"end\" or an offset, found %s",
                 pmr_found(n).text);
    } else if (pmr_expect_whole(l, n, 0, PMR_WHOLE_MAX, &number)) {
        op->insert.at = PM_AT_OFFSET;
        op->insert.offset = (uint64_t)number;
    }
}

void pmr_insert_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"at", false}, {"bytes", false}, {"in", false}};
    const struct node *at, *put, *in = pmr_node_get(n, "in");
    struct bytes bytes;

    *op = (struct pm_op_spec){.kind = PM_OP_INSERT};
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 3, "an insert");
    at = pmr_expect_member(l, n, "at", "an insert");
    put = pmr_expect_member(l, n, "bytes", "an insert");
    if (at != NULL)
        take_at(l, at, op);
    if (in != NULL)
        pmr_where_of(l, in, &op->insert.where);
    if (put == NULL || !pmr_bytes_of(l, put, &bytes))
        return;
    if (bytes.len == 0)
        pmr_fail(l, put, CODE_EMPTY, NULL, "a byte string to insert may not be empty");
    op->insert.bytes = bytes.at;
    op->insert.len = bytes.len;
}

/* ------------------------------------------------------------------ delete */

static void take_range(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"offset", false}, {"length", false}};

    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 2, "a range");
    pmr_expect_member(l, n, "length", "a range");
    pmr_take_number(l, n, "offset", 0, PMR_WHOLE_MAX, &op->delete.offset);
    pmr_take_number(l, n, "length", 1, PMR_WHOLE_MAX, &op->delete.len);
}

static void delete_range_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const char *const others[] = {"find", "regex", "nocase", "within", "max", "max_match"};
    const struct node *in = pmr_node_get(n, "in");

    *op = (struct pm_op_spec){.kind = PM_OP_DELETE};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (pmr_node_get(n, others[i]) != NULL)
            pmr_fail_key(l, pmr_node_get(n, others[i]), CODE_KEYS_CLASH, NULL,
                         "\"%s\" does not go with \"range\"", others[i]);
    take_range(l, pmr_node_get(n, "range"), op);
    if (in != NULL)
        pmr_where_of(l, in, &op->delete.where);
}

void pmr_delete_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"find", false}, {"regex", false},    {"range", false},
                                      {"in", false},   {"nocase", false},   {"within", false},
                                      {"max", false},  {"max_match", false}};

    *op = (struct pm_op_spec){.kind = PM_OP_DELETE};
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, sizeof keys / sizeof keys[0], "a delete");
    if (pmr_node_get(n, "range") != NULL)
        delete_range_of(l, n, op);
    else if (pmr_node_get(n, "find") == NULL && pmr_node_get(n, "regex") == NULL)
        pmr_fail(l, n, CODE_MISSING_KEY, NULL, "a delete needs \"find\", \"regex\" or \"range\"");
    else
        pmr_delete_found_of(l, n, op);
}
