/* lint_groups.c - conditions that never hold, or hold wherever those beside them do. */
#include <stdio.h>
#include <string.h>

#include "lint.h"

/* What is said of a member: its key, in a list the whole of it. */
static const struct node *member(const struct node *n, size_t index)
{
    const struct node *m = pmr_node_first(n);

    for (; index > 0 && m != NULL; index--)
        m = pmr_node_next(m);
    return m;
}

static struct quote name_of(const struct linted_group *group, size_t index)
{
    const struct node *n = member(group->node, index);
    struct quote quote;

    if (n->key_start > 0)
        return pmr_quote(pmr_node_key(n));
    snprintf(quote.text, sizeof quote.text, "item %zu of the list", index + 1);
    return quote;
}

static bool never_holds(struct lint *x, struct memory *scratch, const pm_cond_id *ids, size_t count)
{
    struct boxes boxes = pmr_boxes_of_all(&x->geometry, scratch, ids, count, count);

    return !boxes.is_unknown && boxes.count == 0;
}

/* Two members that exclude each other; false: it takes more of them. */
static bool find_pair(struct lint *x, struct memory *scratch, const struct linted_group *group,
                      size_t pair[2])
{
    for (size_t i = 0; i < group->count; i++)
        for (size_t j = i + 1; j < group->count; j++) {
            const pm_cond_id ids[2] = {group->ids[i], group->ids[j]};

            if (pmr_lint_may(x, 1) && never_holds(x, scratch, ids, 2)) {
                pair[0] = i;
                pair[1] = j;
                return true;
            }
        }
    return false;
}

/* It is a condition with members of its own, which are looked at themselves. */
static bool is_group(const struct node *m)
{
    const char *key = pmr_node_key(m);

    return key[0] == '\0' || strcmp(key, "any") == 0 || strcmp(key, "all") == 0 ||
           strcmp(key, "not") == 0;
}

/* A member that holds for no packet whatever stands beside it. */
static bool tell_alone(struct load *l, struct memory *scratch, const struct linted_group *group)
{
    bool is_found = false;

    for (size_t i = 0; i < group->count && pmr_lint_may(l->lint, 1); i++) {
        const struct node *m = member(group->node, i);

        if (!never_holds(l->lint, scratch, &group->ids[i], 1))
            continue;
        is_found = true;
        if (!is_group(m))
            pmr_remark(l, &(struct remark){.code = CODE_NEVER_HOLDS, .at = m}, "no packet fits %s",
                       name_of(group, i).text);
    }
    return is_found;
}

static void tell_never(struct load *l, struct memory *scratch, const struct linted_group *group)
{
    const struct node *at = group->node;
    struct remark remark = {.code = CODE_NEVER_HOLDS, .at = at};
    size_t pair[2];

    if (tell_alone(l, scratch, group))
        return;
    if (!find_pair(l->lint, scratch, group, pair)) {
        pmr_remark(l, &remark, "no packet fits all of these conditions");
        return;
    }
    remark.at = member(at, pair[1]);
    remark.related = member(at, pair[0]);
    pmr_remark(l, &remark, "no packet fits both %s and %s", name_of(group, pair[0]).text,
               name_of(group, pair[1]).text);
}

/* A reader is glad to see it, though it goes without saying. */
static bool is_plain_speech(const struct node *n)
{
    const char *key = pmr_node_key(n);

    return strcmp(key, "ip.proto") == 0 || strcmp(key, "ip.version") == 0;
}

static void look_for_redundant(struct load *l, struct memory *scratch,
                               const struct linted_group *group)
{
    struct lint *x = l->lint;

    for (size_t i = 0; i < group->count && pmr_lint_may(x, 1); i++) {
        const struct node *m = member(group->node, i);
        struct boxes own, others;

        if (is_plain_speech(m))
            continue;
        own = pmr_boxes_of(&x->geometry, scratch, group->ids[i]);
        others = pmr_boxes_of_all(&x->geometry, scratch, group->ids, group->count, i);
        if (!pmr_boxes_within(&x->geometry, &others, &own))
            continue;
        pmr_remark(l, &(struct remark){.code = CODE_ALWAYS_HOLDS, .at = m, .hint = "take it out"},
                   "%s always holds where the conditions beside it do", name_of(group, i).text);
        return;
    }
}

/* Of two that are the same, the later one. */
static void look_for_swallowed(struct load *l, struct memory *scratch,
                               const struct linted_group *group)
{
    struct lint *x = l->lint;

    for (size_t i = group->count; i-- > 0;) {
        struct boxes own = pmr_boxes_of(&x->geometry, scratch, group->ids[i]);

        for (size_t j = 0; j < group->count; j++) {
            struct boxes other;

            if (j == i || own.count == 0 || !pmr_lint_may(x, 1))
                continue;
            other = pmr_boxes_of(&x->geometry, scratch, group->ids[j]);
            if (!pmr_boxes_within(&x->geometry, &own, &other))
                continue;
            pmr_remark(l,
                       &(struct remark){.code = CODE_SWALLOWED,
                                        .at = member(group->node, i),
                                        .related = member(group->node, j),
                                        .hint = "take it out"},
                       "this adds nothing: item %zu of the list holds wherever it does", j + 1);
            return;
        }
    }
}

/* Longest list that is compared pair by pair. */
#define GROUP_MAX 64u

void pmr_lint_groups(struct load *l)
{
    struct lint *x = l->lint;

    for (size_t i = 0; i < x->group_count; i++) {
        const struct linted_group *group = &x->groups[i];
        struct memory scratch = {0};

        if (group->count > GROUP_MAX || !pmr_lint_may(x, 1))
            continue;
        if (group->is_any)
            look_for_swallowed(l, &scratch, group);
        else if (never_holds(x, &scratch, group->ids, group->count))
            tell_never(l, &scratch, group);
        else if (group->count > 1)
            look_for_redundant(l, &scratch, group);
        pmr_memory_free(&scratch);
    }
}
