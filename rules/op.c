/* op.c - the operations of a rewrite, one after the other. */
#include "op.h"

#include <string.h>

#include "assign.h"
#include "diagnostic.h"
#include "dns.h"
#include "expect.h"
#include "external.h"
#include "http.h"
#include "impair.h"
#include "replace.h"
#include "splice.h"
#include "tcpoptions.h"

struct ops {
    struct load *load;
    const struct cond *match;
    struct pm_op_spec *list;
    size_t count, cap;
    bool has_external;
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

/* {"field": value, ...} is an edit for each of them. */
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

/* Operations that are one edit. */
static const struct {
    const char *name;
    void (*take)(struct load *l, const struct node *n, struct pm_op_spec *op);
} single[] = {
    {"replace", pmr_replace_of},         {"insert", pmr_insert_of},     {"delete", pmr_delete_of},
    {"tcp_options", pmr_tcp_options_of}, {"external", pmr_external_of}, {"corrupt", pmr_corrupt_of},
    {"duplicate", pmr_duplicate_of},     {"truncate", pmr_truncate_of}, {"segment", pmr_segment_of},
    {"fragment", pmr_fragment_of},       {"dns", pmr_dns_of},           {"http", pmr_http_of},
};

static const struct {
    const char *name;
    enum pm_op_kind kind;
} assigns[] = {{"set", PM_OP_SET}, {"add", PM_OP_ADD}, {"nat", PM_OP_NAT}};

/* A stream goes to one program. */
static void check_external(struct ops *ops, const struct node *n, const struct pm_op_spec *op)
{
    if (op == NULL || op->kind != PM_OP_EXTERNAL)
        return;
    if (ops->has_external)
        pmr_fail_key(ops->load, n, CODE_KEYS_CLASH, "write a rule for each",
                     "a rule hands its streams to one \"external\" program");
    ops->has_external = true;
}

/* Without TCP there are only payloads, and no flow edit is in question. */
static void settle_where(struct pm_op_spec *op)
{
    enum pm_where *where = op->kind == PM_OP_REPLACE  ? &op->replace.where
                           : op->kind == PM_OP_INSERT ? &op->insert.where
                           : op->kind == PM_OP_DELETE ? &op->delete.where
                                                      : NULL;

    if (where != NULL && *where == PM_IN_AUTO)
        *where = PM_IN_PAYLOAD;
}

/* The member that says what the operation is. */
static void add_named(struct ops *ops, const struct node *n)
{
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        if (strcmp(pmr_node_key(n), single[i].name) == 0) {
            struct pm_op_spec *op = another(ops);

            if (op != NULL)
                single[i].take(ops->load, n, op);
            check_external(ops, n, op);
            return;
        }
    for (size_t i = 0; i < sizeof assigns / sizeof assigns[0]; i++)
        if (strcmp(pmr_node_key(n), assigns[i].name) == 0)
            add_assigns(ops, n, assigns[i].kind);
}

static void add_op(struct ops *ops, const struct node *n)
{
    static const struct key keys[] = {
        {"replace", false},  {"set", false},      {"add", false},         {"insert", false},
        {"delete", false},   {"nat", false},      {"tcp_options", false}, {"http", false},
        {"dns", false},      {"external", false}, {"corrupt", false},     {"duplicate", false},
        {"truncate", false}, {"segment", false},  {"fragment", false},
    };

    if (!pmr_expect_kind(ops->load, n, NODE_OBJECT))
        return;
    pmr_expect_keys(ops->load, n, keys, sizeof keys / sizeof keys[0], "an operation");
    if (pmr_node_count(n) != 1)
        pmr_fail(ops->load, n, CODE_KEYS_CLASH, NULL,
                 "an operation has exactly one key; write several of them");
    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
        add_named(ops, m);
}

static bool is_for_http(const struct pm_op_spec *op)
{
    return op->kind == PM_OP_HTTP ||
           (op->kind == PM_OP_REPLACE &&
            (op->replace.where == PM_IN_HTTP_HEADER || op->replace.where == PM_IN_HTTP_BODY));
}

bool pmr_op_edits_messages(const struct pm_op_spec *op)
{
    return op->kind == PM_OP_HTTP ||
           (op->kind == PM_OP_REPLACE && op->replace.where != PM_IN_PAYLOAD);
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
    for (size_t i = 0; i < ops.count && !match->can_be_tcp; i++)
        settle_where(&ops.list[i]);
    for (size_t i = 0; i < ops.count && !match->can_be_tcp; i++)
        if (is_for_http(&ops.list[i])) {
            pmr_fail_key(l, list, CODE_KEYS_CLASH, NULL,
                         "HTTP messages are in TCP streams, and the condition leaves TCP out");
            break;
        }
    out->ops = ops.list;
    out->op_count = ops.count;
}
