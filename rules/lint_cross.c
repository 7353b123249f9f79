/* lint_cross.c - rules of which an earlier one takes a part that looks like a mistake.
 *
 * That rules overlap is how exceptions are written, and nothing is said of it. Two whose values of
 * the same field overlap crosswise, with different verdicts, are hardly meant so:
 *
 *     "a"    [1 ........... 1000]                   allow     tcp.dstport
 *     "b"              [500 ........... 2000]       drop      not for 500-1000
 */
#include <string.h>

#include "lint.h"

struct side_of {
    const struct linted_rule *rule;
    struct box box;
};

struct sides {
    struct side_of *at;
    size_t count, cap;
};

static bool is_single(const struct numbers *n)
{
    return n->count == 1 && pmr_number_compare(n->at[0].lo, n->at[0].hi) == 0;
}

/* An address block, or a port: two of them never overlap crosswise. */
static bool is_block(const struct numbers *n)
{
    struct number lo, hi;
    uint64_t high, low;

    if (n->count != 1)
        return false;
    lo = n->at[0].lo;
    hi = n->at[0].hi;
    high = lo.high ^ hi.high;
    low = lo.low ^ hi.low;
    if (high != 0)
        return low == UINT64_MAX && (high & (high + 1)) == 0 && lo.low == 0 &&
               (lo.high & high) == 0;
    return (low & (low + 1)) == 0 && (lo.low & low) == 0;
}

static bool can_cross(unsigned side, const struct numbers *n)
{
    return n != NULL && !n->may_miss && n->count > 0 && side != PM_FIELD_TCP_FLAGS &&
           side != PM_FIELD_IP_DSFIELD && !is_single(n);
}

static bool has_wide_side(const struct box *box, bool is_strict)
{
    for (unsigned side = 0; side < SIDE_COUNT; side++)
        if (can_cross(side, box->sides[side]) && !(is_strict && is_block(box->sides[side])))
            return true;
    return false;
}

static bool is_crossing(struct geometry *g, const struct box *a, const struct box *b,
                        unsigned *where)
{
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        const struct numbers *x = a->sides[side], *y = b->sides[side], *shared;

        if (!can_cross(side, x) || !can_cross(side, y) || pmr_numbers_within(x, y) ||
            pmr_numbers_within(y, x))
            continue;
        shared = pmr_numbers_and(&g->pool, g->memory, x, y);
        if (shared == NULL || shared->count == 0)
            return false;
        *where = side;
        return true;
    }
    return false;
}

static void tell(struct load *l, const struct linted_rule *a, const struct linted_rule *b,
                 const struct box *shared, unsigned where)
{
    struct lint *x = l->lint;
    const char *field = where == SIDE_SRC6   ? "ip.src"
                        : where == SIDE_DST6 ? "ip.dst"
                                             : pm_field_info((enum pm_field)where)->name;
    uint32_t decided;
    struct witness w;

    if (!pmr_witness_of(x, shared, &w) || !w.is_exact ||
        !pmr_witness_judge(l, a->spec.stage, &w, &decided) || decided != a->index)
        return;
    pmr_remark(l,
               &(struct remark){.code = CODE_PARTLY_SHADOWED,
                                .at = pmr_linted_id(b),
                                .related = pmr_linted_id(a),
                                .witness = pmr_witness_text(l, &w)},
               "\"%s\" does not get all its packets: %s before it overlaps in %s and decides "
               "otherwise",
               b->spec.id, pmr_linted_name(l, a).text, field);
}

/* One remark about a rule is enough. */
static void compare(struct load *l, const struct side_of *a, const struct side_of *b,
                    const struct linted_rule **told)
{
    struct geometry *g = &l->lint->geometry;
    struct box shared;
    unsigned where;

    if (a->rule == b->rule || a->rule->spec.action == b->rule->spec.action || *told == b->rule ||
        a->rule->spec.stage != b->rule->spec.stage || !is_crossing(g, &a->box, &b->box, &where) ||
        !pmr_box_and(g, &a->box, &b->box, &shared))
        return;
    *told = b->rule;
    tell(l, a->rule, b->rule, &shared, where);
}

static void add_rule(struct load *l, const struct linted_rule *rule, struct memory *keep,
                     struct sides *sides)
{
    struct memory scratch = {0};
    struct boxes boxes = pmr_boxes_of(&l->lint->geometry, &scratch, rule->spec.match);

    for (size_t i = 0; i < boxes.count && !boxes.is_unknown; i++) {
        struct side_of *grown;

        if (!has_wide_side(&boxes.at[i], false))
            continue;
        grown = pmr_memory_grow(keep, sides->at, sides->count, &sides->cap, sizeof *grown);
        if (grown == NULL)
            break;
        sides->at = grown;
        sides->at[sides->count++] = (struct side_of){rule, boxes.at[i]};
    }
    pmr_memory_free(&scratch);
}

void pmr_lint_cross(struct load *l)
{
    struct lint *x = l->lint;
    struct memory keep = {0};
    struct sides sides = {.count = 0};

    for (size_t i = 0; i < x->rule_count; i++)
        if (x->rules[i].index != PMR_NO_INDEX && !x->rules[i].is_covered &&
            pmr_rule_decides(&x->rules[i].spec))
            add_rule(l, &x->rules[i], &keep, &sides);
    for (size_t j = 0; j < sides.count; j++) {
        const struct linted_rule *told = NULL;
        bool is_wide = has_wide_side(&sides.at[j].box, true);

        for (size_t i = 0; i < j; i++) {
            if (!is_wide && !has_wide_side(&sides.at[i].box, true))
                continue;
            if (!pmr_lint_may(x, 1))
                break;
            compare(l, &sides.at[i], &sides.at[j], &told);
        }
    }
    pmr_memory_free(&keep);
}
