/* impair.c - operations that do to packets what bad networks do. */
#include "impair.h"

#include "diagnostic.h"
#include "expect.h"

#define BITS_MAX     64
#define COPIES_MAX   16
#define SIZE_MAX_IP  65535
#define FRAGMENT_MIN 68 /* RFC 791: every network takes an IP packet as large as that */

static void begin(struct pm_op_spec *op, enum pm_op_kind kind, uint32_t amount)
{
    *op = (struct pm_op_spec){.kind = kind, .impair = {.probability = PM_ALWAYS, .amount = amount}};
}

static void take_amount(struct load *l, const struct node *n, const char *key, int64_t least,
                        int64_t most, struct pm_op_spec *op)
{
    uint64_t number = op->impair.amount;

    if (pmr_take_number(l, n, key, least, most, &number))
        op->impair.amount = (uint32_t)number;
}

static void take_draw(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    const struct node *probability = pmr_node_get(n, "probability");

    if (probability != NULL)
        pmr_expect_probability(l, probability, false, &op->impair.probability);
    pmr_take_number(l, n, "seed", 0, PMR_WHOLE_MAX, &op->impair.seed);
}

static void take_fix(struct load *l, const struct node *n, const char *key, struct pm_op_spec *op)
{
    const struct node *fix = pmr_node_get(n, key);

    if (fix != NULL)
        pmr_expect_bool(l, fix, &op->impair.fix);
}

void pmr_corrupt_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"bits", false}, {"probability", false}, {"seed", false}, {"fix_checksum", false}};

    begin(op, PM_OP_CORRUPT, 1);
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 4, "\"corrupt\"");
    take_amount(l, n, "bits", 1, BITS_MAX, op);
    take_draw(l, n, op);
    take_fix(l, n, "fix_checksum", op);
}

void pmr_duplicate_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"copies", false}, {"probability", false}, {"seed", false}};

    begin(op, PM_OP_DUPLICATE, 1);
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 3, "\"duplicate\"");
    take_amount(l, n, "copies", 1, COPIES_MAX, op);
    take_draw(l, n, op);
}

void pmr_truncate_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"payload", false}, {"fix", false}, {"probability", false}, {"seed", false}};

    begin(op, PM_OP_TRUNCATE, 0);
    op->impair.fix = true;
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 4, "\"truncate\"");
    pmr_expect_member(l, n, "payload", "\"truncate\"");
    take_amount(l, n, "payload", 0, SIZE_MAX_IP, op);
    take_draw(l, n, op);
    take_fix(l, n, "fix", op);
}

void pmr_segment_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"size", false}};

    begin(op, PM_OP_SEGMENT, 1);
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 1, "\"segment\"");
    pmr_expect_member(l, n, "size", "\"segment\"");
    take_amount(l, n, "size", 1, SIZE_MAX_IP, op);
}

void pmr_fragment_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"size", false}, {"order", false}};
    static const char *const orders[] = {"forward", "reverse", NULL};
    const struct node *order = pmr_node_get(n, "order");
    size_t index;

    begin(op, PM_OP_FRAGMENT, FRAGMENT_MIN);
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 2, "\"fragment\"");
    pmr_expect_member(l, n, "size", "\"fragment\"");
    take_amount(l, n, "size", FRAGMENT_MIN, SIZE_MAX_IP, op);
    if (order != NULL && pmr_expect_word(l, order, orders, &index))
        op->impair.is_reversed = index == 1;
}
