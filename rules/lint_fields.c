/* lint_fields.c - rewrites that set the same field of the same packets. */
#include <string.h>

#include "lint.h"

struct setting {
    const struct linted_rule *rule;
    const struct pm_op_spec *op;
};

/* The key in the file where the rule sets the field, the last one. */
static const struct node *place_of(const struct linted_rule *rule, enum pm_field field)
{
    const struct node *list = pmr_node_get(rule->node, "rewrite"), *found = NULL;

    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        const struct node *set = pmr_node_get(n, "set");

        for (const struct node *m = set == NULL ? NULL : pmr_node_first(set); m != NULL;
             m = pmr_node_next(m)) {
            enum pm_field named;

            if (pm_field_find(pmr_node_key(m), &named) && named == field)
                found = m;
        }
    }
    return found == NULL ? pmr_linted_id(rule) : found;
}

static bool is_same_value(const struct pm_op_spec *a, const struct pm_op_spec *b)
{
    return a->set.number == b->set.number && a->set.addr.version == b->set.addr.version &&
           memcmp(a->set.addr.bytes, b->set.addr.bytes, sizeof a->set.addr.bytes) == 0 &&
           memcmp(a->set.mac, b->set.mac, sizeof a->set.mac) == 0;
}

/* False: nothing can be shown. */
static bool tell(struct load *l, const struct setting *a, const struct setting *b, bool is_all,
                 const struct box *shared)
{
    const char *field = pm_field_info(b->op->set.field)->name;
    struct remark remark = {.code = CODE_SET_TWICE,
                            .at = place_of(b->rule, b->op->set.field),
                            .related = pmr_linted_id(a->rule)};
    struct witness w;

    if (pmr_witness_of(l->lint, shared, &w) && w.is_exact)
        remark.witness = pmr_witness_text(l, &w);
    if (a->rule == b->rule)
        pmr_remark(l, &remark, "\"%s\" sets %s twice, and the last one counts", b->rule->spec.id,
                   field);
    else if (is_all)
        pmr_remark(l, &remark, "this replaces %s wherever %s sets it", field,
                   pmr_linted_name(l, a->rule).text);
    else if (remark.witness != NULL)
        pmr_remark(l, &remark, "%s sets %s of some of these packets too, and this one counts",
                   pmr_linted_name(l, a->rule).text, field);
    else
        return false;
    return true;
}

/* The first two boxes that share something. */
static bool find_shared(struct geometry *g, const struct boxes *a, const struct boxes *b,
                        struct box *out)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (pmr_box_and(g, &a->at[i], &b->at[j], out))
                return true;
    return false;
}

static bool compare(struct load *l, const struct setting *a, const struct setting *b)
{
    struct geometry *g = &l->lint->geometry;
    struct memory scratch = {0};
    struct boxes first = pmr_boxes_of(g, &scratch, a->rule->spec.match);
    struct boxes second = pmr_boxes_of(g, &scratch, b->rule->spec.match);
    struct box shared;
    bool is_all, is_override, is_told = false;

    is_all = pmr_boxes_within(g, &first, &second);
    /* for all, and then otherwise for a few: that is how it is written on purpose */
    is_override = !is_all && pmr_boxes_within(g, &second, &first);
    if (!first.is_unknown && !second.is_unknown && !is_override &&
        find_shared(g, &first, &second, &shared))
        is_told = tell(l, a, b, is_all, &shared);
    pmr_memory_free(&scratch);
    return is_told;
}

static struct setting *gather(struct load *l, size_t *count)
{
    struct lint *x = l->lint;
    struct setting *list = NULL;
    size_t cap = 0;

    for (size_t i = 0; i < x->rule_count; i++) {
        const struct linted_rule *rule = &x->rules[i];

        if (rule->index == PMR_NO_INDEX || rule->spec.is_dry_run ||
            rule->spec.action != PM_ACTION_REWRITE || pmr_rule_has_modifier(&rule->spec))
            continue;
        for (size_t j = 0; j < rule->spec.op_count; j++) {
            struct setting *grown;

            if (rule->spec.ops[j].kind != PM_OP_SET)
                continue;
            grown = pmr_memory_grow(&l->memory, list, *count, &cap, sizeof *grown);
            if (grown == NULL)
                return list;
            list = grown;
            list[(*count)++] = (struct setting){rule, &rule->spec.ops[j]};
        }
    }
    return list;
}

void pmr_lint_fields(struct load *l)
{
    size_t count = 0;
    struct setting *list = gather(l, &count);

    for (size_t j = 1; j < count; j++) {
        bool is_told = false; /* one remark about a setting is enough */

        for (size_t i = 0; i < j && !is_told; i++) {
            if (!pmr_lint_may(l->lint, 1))
                return;
            is_told = list[i].op->set.field == list[j].op->set.field &&
                      !is_same_value(list[i].op, list[j].op) && compare(l, &list[i], &list[j]);
        }
    }
}
