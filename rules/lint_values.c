/* lint_values.c - values that are there twice, and names that nobody uses. */
#include <stdlib.h>
#include <string.h>

#include "lint.h"

/* A value of a list: from lo to hi, of an address in its version's numbers. */
struct placed {
    unsigned version;
    struct number lo, hi;
    uint32_t place;
};

static uint64_t get(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

static bool place_value(const struct pm_value *v, struct placed *out)
{
    bool is4;

    switch (v->kind) {
    case PM_VALUE_RANGE:
        out->lo = pmr_number(v->range.lo);
        out->hi = pmr_number(v->range.hi);
        return true;
    case PM_VALUE_MAC:
        out->lo = out->hi = pmr_number(get(v->mac, 6));
        return true;
    case PM_VALUE_PREFIX:
        is4 = v->prefix.addr.version == 4;
        out->version = v->prefix.addr.version;
        out->lo =
            is4 ? pmr_number(get(v->prefix.addr.bytes, 4))
                : (struct number){get(v->prefix.addr.bytes, 8), get(v->prefix.addr.bytes + 8, 8)};
        out->hi = v->prefix.bits == (is4 ? 32 : 128)
                      ? pmr_number(0)
                      : pmr_number_most((is4 ? 32u : 128u) - v->prefix.bits);
        out->lo.high &= ~out->hi.high;
        out->lo.low &= ~out->hi.low;
        out->hi.high |= out->lo.high;
        out->hi.low |= out->lo.low;
        return true;
    case PM_VALUE_MASK:
    case PM_VALUE_BYTES:
    case PM_VALUE_SET:
    case PM_VALUE_BPF:
    case PM_VALUE_REGEX:
        break;
    }
    return false;
}

static int by_numbers(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order;

    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    order = pmr_number_compare(x->lo, y->lo);
    if (order == 0)
        order = pmr_number_compare(y->hi, x->hi); /* the wider one first */
    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

/* By place: lists may be long. */
static const struct node **items_of(const struct node *list, size_t count)
{
    const struct node **items = calloc(count, sizeof(const struct node *));
    size_t at = 0;

    for (const struct node *n = pmr_node_first(list); n != NULL && items != NULL && at < count;
         n = pmr_node_next(n))
        items[at++] = n;
    return items;
}

static void tell_pair(struct load *l, const struct node *first, const struct node *second,
                      const struct placed *a, const struct placed *b)
{
    struct remark remark = {.code = CODE_VALUE_TWICE, .at = second, .related = first};
    bool is_same = pmr_number_compare(a->lo, b->lo) == 0 && pmr_number_compare(a->hi, b->hi) == 0;

    if (is_same) {
        remark.hint = "take it out";
        pmr_remark(l, &remark, "%s is in the list before", pmr_found(second).text);
    } else if (pmr_number_compare(b->hi, a->hi) <= 0) {
        remark.hint = "take it out";
        pmr_remark(l, &remark, "%s is in %s, which stands in the list too", pmr_found(second).text,
                   pmr_found(first).text);
    } else {
        pmr_remark(l, &remark, "%s and %s overlap", pmr_found(first).text, pmr_found(second).text);
    }
}

static void look_at(struct load *l, const struct node *list, const struct pm_value *values,
                    size_t count)
{
    struct placed *placed = calloc(count, sizeof *placed);
    const struct node **items = items_of(list, count);
    size_t kept = 0, widest = 0;

    for (size_t i = 0; i < count && placed != NULL; i++) {
        placed[kept].place = (uint32_t)i;
        kept += place_value(&values[i], &placed[kept]);
    }
    if (kept > 1)
        qsort(placed, kept, sizeof *placed, by_numbers);
    for (size_t i = 1; i < kept && items != NULL; i++) {
        const struct placed *a = &placed[widest], *b = &placed[i];

        if (a->version != b->version || pmr_number_compare(b->lo, a->hi) > 0) {
            widest = i;
            continue;
        }
        if (items[a->place] != NULL && items[b->place] != NULL)
            tell_pair(l, items[a->place], items[b->place], a, b);
        widest = pmr_number_compare(b->hi, a->hi) > 0 ? i : widest;
    }
    free(placed);
    free(items);
}

/* ------------------------------------------------------------------ names */

static void look_for_unused(struct load *l, const char *key, const struct names *used,
                            const char *what)
{
    const struct file *file = l->files[0];
    const struct node *list = pmr_node_get(&file->nodes[0], key);

    for (const struct node *n = list == NULL ? NULL : pmr_node_first(list); n != NULL;
         n = pmr_node_next(n))
        if (pmr_names_get(used, pmr_node_key(n)) == NULL)
            pmr_remark(l, &(struct remark){.code = CODE_UNUSED, .at = n}, "no rule uses the %s %s",
                       what, pmr_quote(pmr_node_key(n)).text);
}

/* ------------------------------------------------------------------ tests of disabled rules */

static const struct linted_rule *disabled_rule(const struct lint *x, const char *id)
{
    for (size_t i = 0; i < x->rule_count; i++)
        if (!x->rules[i].is_enabled && strcmp(x->rules[i].spec.id, id) == 0)
            return &x->rules[i];
    return NULL;
}

static void look_at_expected(struct load *l, const struct node *n, const char *id)
{
    const struct linted_rule *rule = disabled_rule(l->lint, id);

    if (rule != NULL)
        pmr_remark(
            l,
            &(struct remark){.code = CODE_DISABLED_RULE, .at = n, .related = pmr_linted_id(rule)},
            "the test expects something of rule %s, which is not enabled",
            pmr_linted_name(l, rule).text);
}

static void look_at_expect(struct load *l, const struct node *expect)
{
    const struct node *packets = expect, *hits = NULL;

    if (pmr_node_kind(expect) == NODE_OBJECT) {
        packets = pmr_node_get(expect, "packets");
        hits = pmr_node_get(expect, "rules");
    }
    for (const struct node *n = packets == NULL ? NULL : pmr_node_first(packets); n != NULL;
         n = pmr_node_next(n)) {
        const struct node *rule = pmr_node_kind(n) == NODE_OBJECT ? pmr_node_get(n, "rule") : NULL;

        if (rule != NULL && pmr_node_kind(rule) == NODE_STRING)
            look_at_expected(l, rule, pmr_node_text(rule));
    }
    for (const struct node *n = hits == NULL ? NULL : pmr_node_first(hits); n != NULL;
         n = pmr_node_next(n))
        if (pmr_node_kind(n) != NODE_NUMBER || pmr_node_number(n) > 0)
            look_at_expected(l, n, pmr_node_key(n));
}

void pmr_lint_values(struct load *l)
{
    struct lint *x = l->lint;
    const struct node *tests = pmr_node_get(&l->files[0]->nodes[0], "tests");

    for (size_t i = 0; i < x->list_count; i++)
        look_at(l, x->lists[i].node, x->lists[i].values, x->lists[i].count);
    for (size_t i = 0; i < x->place_count; i++) {
        const struct linted_set *place = &x->set_places[i];
        const struct set_values *values = &x->sets[place->set->index];

        if (place->node != NULL && place->listed <= values->count &&
            place->listed == pmr_node_count(place->node))
            look_at(l, place->node, values->values, place->listed);
    }
    look_for_unused(l, "vars", &x->used_vars, "variable");
    look_for_unused(l, "sets", &x->used_sets, "set");
    for (const struct node *n = tests == NULL ? NULL : pmr_node_first(tests); n != NULL;
         n = pmr_node_next(n))
        if (pmr_node_kind(n) == NODE_OBJECT && pmr_node_get(n, "expect") != NULL)
            look_at_expect(l, pmr_node_get(n, "expect"));
}
