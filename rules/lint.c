/* lint.c - what is no error but hardly meant: what is kept for lint, and its steps in order. */
#include "lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Comparisons of conditions in one run: so many, and one more for each byte of the files. A million
 * of them take about a second. */
#define WORK_LEAST UINT64_C(500000)

/* ------------------------------------------------------------------ keeping */

#define KEEP(l, array, count, cap)                                                                 \
    pmr_memory_grow(&(l)->memory, array, count, &(cap), sizeof *(array))

void pmr_lint_rule(struct load *l, const struct node *rule, const struct pm_rule_spec *spec,
                   bool is_enabled)
{
    struct lint *x = l->lint;
    struct linted_rule *grown;

    if (x == NULL)
        return;
    grown = KEEP(l, x->rules, x->rule_count, x->rule_cap);
    if (grown == NULL)
        return;
    x->rules = grown;
    x->rules[x->rule_count++] = (struct linted_rule){
        .node = rule, .spec = *spec, .index = PMR_NO_INDEX, .is_enabled = is_enabled};
}

void pmr_lint_group(struct load *l, const struct node *n, const pm_cond_id *ids, size_t count,
                    bool is_any)
{
    struct lint *x = l->lint;
    struct linted_group *grown;

    if (x == NULL || l->in_test)
        return;
    grown = KEEP(l, x->groups, x->group_count, x->group_cap);
    if (grown == NULL)
        return;
    x->groups = grown;
    x->groups[x->group_count++] =
        (struct linted_group){.node = n, .ids = ids, .count = (uint32_t)count, .is_any = is_any};
}

void pmr_lint_list(struct load *l, const struct node *n, enum pm_field field,
                   const struct pm_value *values, size_t count, size_t cond_count)
{
    struct lint *x = l->lint;
    struct linted_list *grown;

    if (x == NULL || l->in_test || pmr_node_kind(n) != NODE_LIST || cond_count > 0 || count < 2 ||
        count != pmr_node_count(n))
        return;
    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
        if (pmr_node_kind(m) == NODE_STRING && strchr("$@", pmr_node_text(m)[0]) != NULL)
            return;
    grown = KEEP(l, x->lists, x->list_count, x->list_cap);
    if (grown == NULL)
        return;
    x->lists = grown;
    x->lists[x->list_count++] =
        (struct linted_list){.node = n, .field = field, .values = values, .count = (uint32_t)count};
}

/* The values of the set with that index. */
static struct set_values *values_of(struct load *l, uint32_t index)
{
    struct lint *x = l->lint;

    while (x->set_count <= index) {
        struct set_values *grown = KEEP(l, x->sets, x->set_count, x->set_cap);

        if (grown == NULL)
            return NULL;
        x->sets = grown;
        x->sets[x->set_count++] = (struct set_values){.values = NULL};
    }
    return &x->sets[index];
}

void pmr_lint_set(struct load *l, const struct set *set, const struct node *values)
{
    struct lint *x = l->lint;
    struct linted_set *grown;
    struct set_values *kept;

    if (x == NULL || set->is_broken)
        return;
    kept = values_of(l, set->index);
    grown = KEEP(l, x->set_places, x->place_count, x->place_cap);
    if (grown == NULL || kept == NULL)
        return;
    x->set_places = grown;
    x->set_places[x->place_count++] =
        (struct linted_set){.set = set, .node = values, .listed = kept->count};
}

void pmr_lint_set_value(struct load *l, const struct set *set, const struct pm_value *value)
{
    struct set_values *kept = l->lint == NULL ? NULL : values_of(l, set->index);
    size_t cap;
    struct pm_value *grown;

    if (kept == NULL || kept->is_cut)
        return;
    if (kept->count == PMR_SET_VALUES || (set->type != SET_CIDR && set->type != SET_PORT)) {
        kept->is_cut = true; /* texts of a file are not kept */
        return;
    }
    cap = kept->cap;
    grown = pmr_memory_grow(&l->memory, kept->values, kept->count, &cap, sizeof *grown);
    if (grown == NULL)
        return;
    grown[kept->count++] = *value;
    kept->values = grown;
    kept->cap = (uint32_t)cap;
}

void pmr_lint_use(struct load *l, bool is_set, const char *name)
{
    struct lint *x = l->lint;

    if (x != NULL)
        pmr_names_put(is_set ? &x->used_sets : &x->used_vars, &l->memory, name, name);
}

/* ------------------------------------------------------------------ telling */

void pmr_remark(struct load *l, const struct remark *remark, const char *format, ...)
{
    struct pm_rules *rules = l->rules;
    size_t before = rules->entry_count;
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    pmr_warn_key(l, remark->at, remark->code, remark->hint, "%s", text);
    if (rules->entry_count == before)
        return;
    rules->entries[before].shown.witness = remark->witness;
    if (remark->related != NULL) {
        rules->entries[before].shown.related_file = pmr_file_of(l, remark->related)->path;
        rules->entries[before].shown.related_line = pmr_line_of(l, remark->related);
    }
}

void pmr_note(struct load *l, const char *format, ...)
{
    struct pm_rules *rules = l->rules;
    char text[2048];
    const char **grown;
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    grown = pmr_memory_grow(&rules->memory, rules->notes, rules->note_count, &rules->note_cap,
                            sizeof(const char *));
    if (grown == NULL)
        return;
    rules->notes = grown;
    rules->notes[rules->note_count++] = pmr_memory_copy(&rules->memory, text, strlen(text));
}

const struct node *pmr_linted_id(const struct linted_rule *rule)
{
    return pmr_node_get(rule->node, "id");
}

struct quote pmr_linted_name(const struct load *l, const struct linted_rule *rule)
{
    const struct node *id = pmr_linted_id(rule);
    const char *path = pmr_file_of(l, id)->path, *slash = strrchr(path, '/');
    struct quote quote;

    snprintf(quote.text, sizeof quote.text, "\"%.40s\" (%.32s:%zu)", rule->spec.id,
             slash == NULL ? path : slash + 1, pmr_line_of(l, id));
    return quote;
}

bool pmr_lint_may(struct lint *x, uint64_t steps)
{
    struct geometry *g = &x->geometry;

    g->work = g->work < steps ? 0 : g->work - steps;
    return g->work > 0;
}

bool pmr_rule_has_modifier(const struct pm_rule_spec *spec)
{
    const struct pm_modifiers *m = &spec->modifiers;

    return m->limit.tokens > 0 || m->sample.is_set || m->sample.probability > 0 ||
           m->sample.every > 0 || m->count.has_first || m->count.skip > 0 ||
           m->count.max_per_flow > 0 || m->when.is_set;
}

bool pmr_rule_decides(const struct pm_rule_spec *spec)
{
    return spec->action != PM_ACTION_LOG && spec->action != PM_ACTION_REWRITE &&
           !spec->is_dry_run && !pmr_rule_has_modifier(spec);
}

/* ------------------------------------------------------------------ the steps */

/* The policy has the enabled rules in order. */
static bool number_rules(struct load *l)
{
    struct lint *x = l->lint;
    size_t count = pm_policy_rule_count(l->rules->policy), next = 0;

    x->by_index = pmr_memory_array(&l->memory, count + 1, sizeof(const struct linted_rule *));
    if (x->by_index == NULL)
        return false;
    for (size_t i = 0; i < x->rule_count; i++) {
        if (!x->rules[i].is_enabled || next == count)
            continue;
        x->by_index[next] = &x->rules[i];
        x->rules[i].index = (uint32_t)next++;
    }
    return next == count;
}

static uint64_t work_of(const struct load *l)
{
    uint64_t work = WORK_LEAST;

    for (size_t i = 0; i < l->file_count; i++)
        work += l->files[i]->len;
    return work;
}

void pmr_lint(struct load *l)
{
    struct lint *x = l->lint;

    if (!number_rules(l))
        return;
    x->geometry.work = work_of(l);
    x->geometry.memory = &l->memory;
    x->geometry.symbols = &x->symbols;
    x->geometry.sets = x->sets;
    x->geometry.set_count = x->set_count;
    pmr_lint_values(l);
    pmr_lint_groups(l);
    pmr_lint_reach(l);
    pmr_lint_cross(l);
    pmr_lint_rewrites(l);
    pmr_lint_fields(l);
    pmr_lint_cost(l);
    pmr_lint_platform(l);
    pmr_lint_routes(l);
    if (x->geometry.work == 0)
        pmr_remark(l, &(struct remark){.code = CODE_LINT_STOPPED, .at = &l->files[0]->nodes[0]},
                   "lint stopped early: the conditions take too long to compare; what is told is "
                   "right, but there may be more");
}
