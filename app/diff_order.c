/* diff_order.c - which rules stand in another order than before, and whether that counts.
 *
 *     old   a b c d         places of the new order in the old one:  1 2 3 0
 *     new   b c d a         the longest ascending part:              1 2 3     so a has moved
 */
#include "app/diff_order.h"

#include <stdlib.h>
#include <string.h>

#define COMPARED_MOST 20000000u /* pairs of rules; what is left then counts as if it mattered */

enum class { VERDICTS, LATE_VERDICTS, REWRITES, CLASSES };

static enum class class_of(const struct pm_rule_meaning *rule) {
    if (rule->action == PM_ACTION_REWRITE) return REWRITES;
    return rule->stage == PM_STAGE_ORIGINAL ? VERDICTS : LATE_VERDICTS;
}

/* ------------------------------------------------------------------ whether two may be swapped */

static size_t stretch(const struct pm_rule_meaning *rule, size_t from)
{
    size_t to = from;
    while (to < rule->narrow_count && rule->narrows[to].field == rule->narrows[from].field)
        to++;
    return to;
}

static bool ranges_meet(const struct pm_narrow *a, size_t a_count, const struct pm_narrow *b,
                        size_t b_count)
{
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            if (a[i].lo <= b[j].hi && b[j].lo <= a[i].hi)
                return true;
    return false;
}

/* No packet is of both: some field would need two values. */
static bool are_apart(const struct pm_rule_meaning *a, const struct pm_rule_meaning *b)
{
    for (size_t i = 0, i_end; i < a->narrow_count; i = i_end) {
        i_end = stretch(a, i);
        for (size_t j = 0, j_end; j < b->narrow_count; j = j_end) {
            j_end = stretch(b, j);
            if (a->narrows[i].field == b->narrows[j].field &&
                !ranges_meet(a->narrows + i, i_end - i, b->narrows + j, j_end - j))
                return true;
        }
    }
    return false;
}

static bool watches(const struct pm_rule_meaning *rule)
{
    return rule->action == PM_ACTION_LOG || strcmp(rule->parts[PM_PART_MODE].means, "dry-run") == 0;
}

/* Either of them gives the packet the same, and neither counts packets. */
static bool say_the_same(const struct pm_rule_meaning *a, const struct pm_rule_meaning *b)
{
    static const enum pm_part narrowing[] = {PM_PART_LIMIT, PM_PART_SAMPLE,
                                             PM_PART_COUNT_OF_PACKETS, PM_PART_LOG};
    static const enum pm_part alike[] = {PM_PART_ACTION, PM_PART_SCOPE, PM_PART_FINAL};
    if (a->action != PM_ACTION_ALLOW && a->action != PM_ACTION_DROP)
        return false;
    for (size_t i = 0; i < sizeof narrowing / sizeof narrowing[0]; i++)
        if (a->parts[narrowing[i]].means[0] != '\0' || b->parts[narrowing[i]].means[0] != '\0')
            return false;
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        if (strcmp(a->parts[alike[i]].means, b->parts[alike[i]].means) != 0)
            return false;
    return true;
}

static bool may_swap(const struct pm_rule_meaning *a, const struct pm_rule_meaning *b)
{
    if (!a->is_enabled || !b->is_enabled || are_apart(a, b) || (watches(a) && watches(b)))
        return true;
    return !watches(a) && !watches(b) && say_the_same(a, b);
}

/* ------------------------------------------------------------------ what moved */

struct order {
    const struct pm_rules *old, *new;
    const size_t *places;
    struct pm_order_move *moves;
    size_t *members; /* rules of the new file that are of the class in both, in order */
    size_t count;
    size_t *tails, *before; /* of the search for the longest ascending part */
    size_t compared;
};

static bool is_of(const struct order *o, size_t rule, enum class class)
{
    return o->places[rule] != PM_NOWHERE && class_of(pm_meaning_rule(o->new, rule)) == class &&
           class_of(pm_meaning_rule(o->old, o->places[rule])) == class;
}

static void gather(struct order *o, enum class class)
{
    o->count = 0;
    for (size_t i = 0; i < pm_meaning_rule_count(o->new); i++)
        if (is_of(o, i, class))
            o->members[o->count++] = i;
}

static size_t place_of(const struct order *o, size_t member)
{
    return o->places[o->members[member]];
}

/* Among the ends of ascending parts, the first that is not below the place. */
static size_t end_for(const struct order *o, size_t ends, size_t place)
{
    size_t from = 0, to = ends;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (place_of(o, o->tails[middle]) < place)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* What is not of the longest ascending part has moved. */
static void mark_moved(struct order *o)
{
    size_t ends = 0;
    for (size_t i = 0; i < o->count; i++) {
        size_t end = end_for(o, ends, place_of(o, i));
        o->before[i] = end == 0 ? PM_NOWHERE : o->tails[end - 1];
        o->tails[end] = i;
        ends += end == ends;
        o->moves[o->members[i]].is_moved = true;
    }
    for (size_t i = ends == 0 ? PM_NOWHERE : o->tails[ends - 1]; i != PM_NOWHERE; i = o->before[i])
        o->moves[o->members[i]].is_moved = false;
}

/* The first rule that the moved one passed and should not have. */
static void find_past(struct order *o, size_t moved)
{
    struct pm_order_move *move = &o->moves[o->members[moved]];
    for (size_t i = 0; i < o->count && move->past == NULL; i++) {
        bool was_behind = place_of(o, moved) > place_of(o, i);
        if (i == moved || was_behind == (moved > i))
            continue;
        const struct pm_rule_meaning *old = pm_meaning_rule(o->old, place_of(o, i)),
                                     *new = pm_meaning_rule(o->new, o->members[i]);
        if (++o->compared < COMPARED_MOST && may_swap(move->old, old) && may_swap(move->new, new))
            continue;
        move->past = new;
        move->is_behind = moved > i;
    }
}

static void sort_out(struct order *o, enum class class)
{
    gather(o, class);
    mark_moved(o);
    for (size_t i = 0; i < o->count; i++) {
        struct pm_order_move *move = &o->moves[o->members[i]];
        move->new = pm_meaning_rule(o->new, o->members[i]);
        move->old = pm_meaning_rule(o->old, place_of(o, i));
        if (move->is_moved)
            find_past(o, i);
    }
}

struct pm_order_move *pm_order_find(const struct pm_rules *old, const struct pm_rules *new,
                                    const size_t *places)
{
    size_t count = pm_meaning_rule_count(new) + 1;
    struct order o = {.old = old, .new = new, .places = places};
    o.moves = calloc(count, sizeof *o.moves);
    o.members = calloc(count, sizeof *o.members);
    o.tails = calloc(count, sizeof *o.tails);
    o.before = calloc(count, sizeof *o.before);
    if (o.moves != NULL && o.members != NULL && o.tails != NULL && o.before != NULL) {
        for (int class = 0; class < CLASSES; class ++)
            sort_out(&o, (enum class) class);
    } else {
        free(o.moves);
        o.moves = NULL;
    }
    free(o.members);
    free(o.tails);
    free(o.before);
    return o.moves;
}
