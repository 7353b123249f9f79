/* tcpoptions.c - the operation on the options of TCP. */
#include "tcpoptions.h"

#include "diagnostic.h"
#include "expect.h"

static void take_mss(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"max", false}};
    uint64_t most = 0;

    if (pmr_node_kind(n) == NODE_NUMBER && !n->bad) {
        pmr_fail(l, n, CODE_TYPE,
                 pmr_text(&l->rules->memory, "write {\"max\": %.0f}", pmr_node_number(n)),
                 "expected an object, found %s", pmr_found(n).text);
        return;
    }
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 1, "\"mss\"");
    pmr_expect_member(l, n, "max", "\"mss\"");
    if (pmr_take_number(l, n, "max", 1, 0xffff, &most))
        op->tcp_options.mss_max = (uint16_t)most;
}

static void take_remove(struct load *l, const struct node *list, struct pm_op_spec *op)
{
    /* in the order of the bits of enum pm_tcp_option */
    static const char *const words[] = {"wscale", "sack",    "timestamps", "fastopen",
                                        "mptcp",  "unknown", NULL};
    size_t index;

    if (!pmr_expect_filled(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n))
        if (pmr_expect_word(l, n, words, &index))
            op->tcp_options.remove |= 1u << index;
}

void pmr_tcp_options_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"mss", false}, {"remove", false}};
    const struct node *mss = pmr_node_get(n, "mss"), *remove = pmr_node_get(n, "remove");

    *op = (struct pm_op_spec){.kind = PM_OP_TCP_OPTIONS};
    if (!pmr_expect_some(l, n, keys, 2, "\"tcp_options\""))
        return;
    if (mss != NULL)
        take_mss(l, mss, op);
    if (remove != NULL)
        take_remove(l, remove, op);
}
