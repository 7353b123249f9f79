/* diff_rules.c - what two rule files mean differently, rule by rule. */
#include "app/diff_rules.h"

#include <stdlib.h>
#include <string.h>

#include "app/diff_order.h"

bool pm_meant_is_same(const struct pm_meant *a, const struct pm_meant *b)
{
    return strcmp(a->means, b->means) == 0 || strcmp(a->expanded, b->expanded) == 0;
}

/* ------------------------------------------------------------------ rules by id */

struct named {
    const char *id;
    size_t index;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static struct named *sorted_ids(const struct pm_rules *rules)
{
    size_t count = pm_meaning_rule_count(rules);
    struct named *list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count && list != NULL; i++)
        list[i] = (struct named){pm_meaning_rule(rules, i)->id, i};
    if (list != NULL)
        qsort(list, count, sizeof *list, by_id);
    return list;
}

/* For each rule of the new file its place in the old one; PM_NOWHERE: it is not there. */
static size_t *old_places(const struct pm_rules *old, const struct pm_rules *new)
{
    size_t count = pm_meaning_rule_count(new);
    size_t *places = calloc(count + 1, sizeof *places);
    struct named *ids = sorted_ids(old);
    for (size_t i = 0; i < count && places != NULL && ids != NULL; i++) {
        const struct named key = {pm_meaning_rule(new, i)->id, 0};
        const struct named *found =
            bsearch(&key, ids, pm_meaning_rule_count(old), sizeof *ids, by_id);
        places[i] = found == NULL ? PM_NOWHERE : found->index;
    }
    if (ids == NULL) {
        free(places);
        places = NULL;
    }
    free(ids);
    return places;
}

/* ------------------------------------------------------------------ changes */

static bool add(struct pm_rules_diff *diff, const struct pm_rule_change *change)
{
    if (diff->count == diff->cap) {
        size_t cap = diff->cap == 0 ? 64 : diff->cap * 2;
        struct pm_rule_change *grown = realloc(diff->changes, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        diff->changes = grown;
        diff->cap = cap;
    }
    diff->changes[diff->count++] = *change;
    diff->kinds[change->kind]++;
    return true;
}

static unsigned parts_that_differ(const struct pm_rule_meaning *old,
                                  const struct pm_rule_meaning *new)
{
    unsigned parts = 0;
    for (unsigned part = 0; part < PM_PART_COUNT; part++)
        if (!pm_meant_is_same(&old->parts[part], &new->parts[part]))
            parts |= 1u << part;
    return parts;
}

static bool compare(struct pm_rules_diff *diff, const struct pm_rule_meaning *old,
                    const struct pm_rule_meaning *new)
{
    unsigned parts = parts_that_differ(old, new);
    struct pm_rule_change change = {
        .kind = PM_CHANGE_WORDS, .old = old, .new = new, .parts = parts};
    if (parts != 0 && (old->is_enabled || new->is_enabled))
        change.kind = PM_CHANGE_CHANGED;
    else if (parts != 0)
        change.why = "it is not enabled in either file";
    else if (strcmp(old->words, new->words) != 0)
        change.why = "its note or tags";
    else
        return true;
    return add(diff, &change);
}

static bool add_new(struct pm_rules_diff *diff, const struct pm_rule_meaning *new)
{
    struct pm_rule_change change = {.kind = PM_CHANGE_ADDED, .new = new};
    if (!new->is_enabled) {
        change.kind = PM_CHANGE_WORDS;
        change.why = "it is new, but not enabled";
    }
    return add(diff, &change);
}

static bool add_gone(struct pm_rules_diff *diff, const struct pm_rule_meaning *old)
{
    struct pm_rule_change change = {.kind = PM_CHANGE_REMOVED, .old = old};
    if (!old->is_enabled) {
        change.kind = PM_CHANGE_WORDS;
        change.why = "it is gone, but was not enabled";
    }
    return add(diff, &change);
}

static bool find_gone(struct pm_rules_diff *diff, const size_t *places)
{
    size_t count = pm_meaning_rule_count(diff->old), new_count = pm_meaning_rule_count(diff->new);
    bool *is_kept = calloc(count + 1, sizeof *is_kept), good = is_kept != NULL;
    for (size_t i = 0; i < new_count && good; i++)
        if (places[i] != PM_NOWHERE)
            is_kept[places[i]] = true;
    for (size_t i = 0; i < count && good; i++)
        if (!is_kept[i])
            good = add_gone(diff, pm_meaning_rule(diff->old, i));
    free(is_kept);
    return good;
}

static bool add_move(struct pm_rules_diff *diff, const struct pm_order_move *move)
{
    if (!move->is_moved)
        return true;
    struct pm_rule_change change = {.kind = PM_CHANGE_MOVED,
                                    .old = move->old,
                                    .new = move->new,
                                    .past = move->past,
                                    .is_behind = move->is_behind};
    if (move->past == NULL) {
        change.kind = PM_CHANGE_WORDS;
        change.why = "it moved, but past no rule whose order to it counts";
    }
    return add(diff, &change);
}

static bool find_changes(struct pm_rules_diff *diff, const size_t *places)
{
    size_t count = pm_meaning_rule_count(diff->new);
    struct pm_order_move *moves = pm_order_find(diff->old, diff->new, places);
    bool good = moves != NULL && find_gone(diff, places);
    for (size_t i = 0; i < count && good; i++) {
        const struct pm_rule_meaning *new = pm_meaning_rule(diff->new, i);
        if (places[i] == PM_NOWHERE)
            good = add_new(diff, new);
        else
            good = compare(diff, pm_meaning_rule(diff->old, places[i]), new) &&
                   add_move(diff, &moves[i]);
    }
    free(moves);
    return good;
}

/* ------------------------------------------------------------------ settings and sets */

static bool find_settings(struct pm_rules_diff *diff)
{
    size_t count = pm_meaning_setting_count(diff->new);
    diff->settings = calloc(count + 1, sizeof *diff->settings);
    for (size_t i = 0; i < count && diff->settings != NULL; i++) {
        const struct pm_setting_meaning *old = pm_meaning_setting(diff->old, i),
                                        *new = pm_meaning_setting(diff->new, i);
        if (strcmp(old->value.means, new->value.means) != 0)
            diff->settings[diff->setting_count++] = (struct pm_setting_change){old, new};
    }
    return diff->settings != NULL;
}

static const struct pm_set_meaning *set_named(const struct pm_rules *rules, const char *name)
{
    for (size_t i = 0; i < pm_meaning_set_count(rules); i++)
        if (strcmp(pm_meaning_set(rules, i)->name, name) == 0)
            return pm_meaning_set(rules, i);
    return NULL;
}

static bool is_used(const struct pm_rules *rules, const char *set)
{
    for (size_t i = 0; i < pm_meaning_rule_count(rules); i++)
        if (pm_meaning_rule(rules, i)->is_enabled &&
            pm_meaning_uses_set(pm_meaning_rule(rules, i), set))
            return true;
    return false;
}

/* Both lists are ascending. */
static void count_values(struct pm_set_change *change)
{
    const struct pm_set_meaning *old = change->old, *new = change->new;
    size_t i = 0, j = 0;
    while (i < old->value_count || j < new->value_count) {
        int order = i == old->value_count   ? 1
                    : j == new->value_count ? -1
                                            : strcmp(old->values[i], new->values[j]);
        change->removed += order < 0;
        change->added += order > 0;
        i += order <= 0;
        j += order >= 0;
    }
}

static bool find_sets(struct pm_rules_diff *diff)
{
    size_t count = pm_meaning_set_count(diff->new);
    diff->sets = calloc(count + 1, sizeof *diff->sets);
    for (size_t i = 0; i < count && diff->sets != NULL; i++) {
        const struct pm_set_meaning *new = pm_meaning_set(diff->new, i),
                                    *old = set_named(diff->old, new->name);
        if (old == NULL || strcmp(old->means, new->means) == 0)
            continue;
        struct pm_set_change *change = &diff->sets[diff->set_count++];
        *change = (struct pm_set_change){
            .old = old, .new = new, .is_used = is_used(diff->new, new->name)};
        count_values(change);
        diff->used_sets += change->is_used;
    }
    return diff->sets != NULL;
}

/* ------------------------------------------------------------------ all */

bool pm_rules_diff_find(struct pm_rules_diff *diff, const struct pm_rules *old,
                        const struct pm_rules *new)
{
    *diff = (struct pm_rules_diff){.old = old, .new = new};
    size_t *places = old_places(old, new);
    bool good = places != NULL && find_settings(diff) && find_sets(diff);
    good = good && find_changes(diff, places);
    free(places);
    return good;
}

void pm_rules_diff_free(struct pm_rules_diff *diff)
{
    free(diff->changes);
    free(diff->sets);
    free(diff->settings);
    *diff = (struct pm_rules_diff){.old = NULL};
}

bool pm_rules_diff_differs(const struct pm_rules_diff *diff)
{
    return diff->count > diff->kinds[PM_CHANGE_WORDS] || diff->setting_count > 0 ||
           diff->used_sets > 0;
}
