/* lint_reach.c - rules that never decide, since others before them do.
 *
 * The filter itself finds the candidates, however many rules there are: a packet out of a rule's
 * box is judged by the policy. Where an earlier rule decides, what that rule takes is cut off the
 * box, and a packet out of what is left is tried. When nothing is left, no packet reaches the rule.
 *
 *     rule      [20 .................. 30]      tcp.dstport
 *     "a"             [23 ......... 30]         decided for port 30: [20 .. 22] is left
 *     "b"       [20 .. 22]                      decided for port 20: nothing is left
 */
#include <string.h>

#include "lint.h"

#define TRIES_MAX 64u
#define NAMES_MAX 3u

/* What was found about one rule. */
struct search {
    struct load *l;
    const struct linted_rule *rule;
    struct memory scratch;
    struct boxes left;
    const struct linted_rule *deciders[NAMES_MAX];
    size_t decider_count; /* all of them */
    struct witness witness;
    bool has_witness;
};

static const struct linted_rule *rule_at(const struct load *l, uint32_t index)
{
    return index < pm_policy_rule_count(l->rules->policy) ? l->lint->by_index[index] : NULL;
}

static void note_decider(struct search *s, const struct linted_rule *by, const struct witness *w)
{
    for (size_t i = 0; i < s->decider_count && i < NAMES_MAX; i++)
        if (s->deciders[i] == by)
            return;
    if (s->decider_count < NAMES_MAX)
        s->deciders[s->decider_count] = by;
    s->decider_count++;
    if (w->is_exact && !s->has_witness) {
        s->witness = *w;
        s->has_witness = true;
    }
}

/* Cuts off the box what `by` takes, and keeps the rest in s->left. False: nothing was taken. */
static bool cut_off(struct search *s, const struct box *box, const struct linted_rule *by)
{
    struct geometry *g = &s->l->lint->geometry;
    struct boxes taken = pmr_boxes_of(g, &s->scratch, by->spec.match), pieces = {.count = 0};
    bool is_taken = false;

    if (taken.is_unknown)
        return false;
    pmr_boxes_add(&s->scratch, &pieces, box);
    for (size_t i = 0; i < taken.count; i++) {
        struct boxes next = {.count = 0};
        struct box shared;

        is_taken = is_taken || pmr_box_and(g, box, &taken.at[i], &shared);
        for (size_t j = 0; j < pieces.count; j++)
            pmr_box_minus(g, &s->scratch, &pieces.at[j], &taken.at[i], &next);
        pieces = next;
        if (pieces.is_unknown)
            return false;
    }
    for (size_t i = 0; i < pieces.count; i++)
        pmr_boxes_add(&s->scratch, &s->left, &pieces.at[i]);
    return is_taken && !s->left.is_unknown;
}

/* Whether earlier rules decide about all packets of the rule. */
static bool is_covered(struct search *s)
{
    struct load *l = s->l;
    struct lint *x = l->lint;

    s->left = pmr_boxes_of(&x->geometry, &s->scratch, s->rule->spec.match);
    if (s->left.is_unknown || s->left.count == 0)
        return false;
    for (unsigned tries = 0; s->left.count > 0; tries++) {
        struct box box = s->left.at[--s->left.count];
        const struct linted_rule *by;
        uint32_t decided;
        struct witness w;

        if (tries == TRIES_MAX || !pmr_lint_may(x, 1) || !pmr_witness_of(x, &box, &w) ||
            !pmr_witness_judge(l, s->rule->spec.stage, &w, &decided) || decided >= s->rule->index)
            return false;
        by = rule_at(l, decided);
        if (by == NULL || !pmr_rule_decides(&by->spec) || !cut_off(s, &box, by))
            return false;
        note_decider(s, by, &w);
    }
    return true;
}

static const char *does(const struct linted_rule *rule)
{
    switch (rule->spec.action) {
    case PM_ACTION_ALLOW:
        return "allows";
    case PM_ACTION_DROP:
        return "drops";
    case PM_ACTION_DELAY:
        return "delays";
    case PM_ACTION_REJECT:
        return "rejects";
    case PM_ACTION_ASK:
        return "asks about";
    case PM_ACTION_LOG:
    case PM_ACTION_REWRITE:
        break;
    }
    return "takes";
}

static void tell_covered(struct search *s)
{
    struct load *l = s->l;
    const struct linted_rule *by = s->deciders[0];
    bool is_watching = s->rule->spec.action == PM_ACTION_LOG || s->rule->spec.is_dry_run;
    const char *never = is_watching ? "is never asked" : "never decides";
    struct remark remark = {
        .at = pmr_linted_id(s->rule),
        .related = pmr_linted_id(by),
        .witness = s->has_witness ? pmr_witness_text(l, &s->witness) : NULL,
    };

    if (s->decider_count > 1) {
        bool more = s->decider_count > 2;

        remark.code = CODE_SHADOWED_TOGETHER;
        pmr_remark(l, &remark, "\"%s\" %s: %s and %s%s before it decide about all its packets",
                   s->rule->spec.id, never, pmr_linted_name(l, by).text,
                   pmr_linted_name(l, s->deciders[1]).text, more ? " and others" : "");
        return;
    }
    remark.code = CODE_SHADOWED;
    remark.hint =
        is_watching ? "put it before that rule" : "put it before that rule, or take it out";
    pmr_remark(l, &remark, "\"%s\" %s: %s before it %s all its packets", s->rule->spec.id, never,
               pmr_linted_name(l, by).text, does(by));
}

/* A rule that takes everything, told once with how many rules stand behind it. */
static void tell_behind(struct load *l, const struct linted_rule *all,
                        const struct linted_rule *first, size_t count)
{
    struct remark remark = {.code = CODE_BEHIND_ALL,
                            .at = pmr_linted_id(first),
                            .related = pmr_linted_id(all),
                            .hint = "rules for everything come last"};

    if (count == 1)
        pmr_remark(l, &remark, "\"%s\" is never asked: %s before it %s every packet",
                   first->spec.id, pmr_linted_name(l, all).text, does(all));
    else
        pmr_remark(l, &remark,
                   "\"%s\" and %zu more rules are never asked: %s before them %s every "
                   "packet",
                   first->spec.id, count - 1, pmr_linted_name(l, all).text, does(all));
}

/* The first rule of the stage that takes everything; verified by a packet of nothing special. */
static const struct linted_rule *find_all(struct load *l, enum pm_stage stage)
{
    struct lint *x = l->lint;

    for (size_t i = 0; i < x->rule_count; i++) {
        const struct linted_rule *rule = &x->rules[i];

        if (rule->index != PMR_NO_INDEX && rule->spec.stage == stage &&
            rule->spec.match == PM_COND_TRUE && pmr_rule_decides(&rule->spec))
            return rule;
    }
    return NULL;
}

void pmr_lint_reach(struct load *l)
{
    struct lint *x = l->lint;
    const struct linted_rule *all[2] = {find_all(l, PM_STAGE_ORIGINAL),
                                        find_all(l, PM_STAGE_AFTER_REWRITE)};
    const struct linted_rule *behind[2] = {NULL, NULL};
    size_t behind_count[2] = {0, 0};

    for (size_t i = 0; i < x->rule_count; i++) {
        struct search s = {.l = l, .rule = &x->rules[i]};
        enum pm_stage stage = s.rule->spec.stage;

        if (s.rule->index == PMR_NO_INDEX || s.rule->spec.action == PM_ACTION_REWRITE)
            continue;
        if (all[stage] != NULL && s.rule->index > all[stage]->index) {
            behind[stage] = behind[stage] == NULL ? s.rule : behind[stage];
            behind_count[stage]++;
            continue;
        }
        if (is_covered(&s)) {
            x->rules[i].is_covered = true;
            tell_covered(&s);
        }
        pmr_memory_free(&s.scratch);
    }
    for (unsigned stage = 0; stage < 2; stage++)
        if (behind[stage] != NULL)
            tell_behind(l, all[stage], behind[stage], behind_count[stage]);
}

/* ------------------------------------------------------------------ rewrites that never apply */

static bool blocks(const struct pm_rule_spec *spec)
{
    return spec->action == PM_ACTION_DROP || spec->action == PM_ACTION_REJECT ||
           (spec->action == PM_ACTION_ALLOW && spec->final);
}

/* No rule before `by` that could let a packet of the box through, or only sometimes. */
static bool nothing_lets_it_through(struct search *s, const struct box *box, uint32_t by)
{
    struct lint *x = s->l->lint;

    for (uint32_t i = 0; i < by; i++) {
        const struct linted_rule *rule = x->by_index[i];
        bool is_unknown = false;
        struct boxes taken;
        struct box shared;

        if (rule->spec.action == PM_ACTION_REWRITE || rule->spec.action == PM_ACTION_LOG ||
            rule->spec.is_dry_run || rule->spec.stage != PM_STAGE_ORIGINAL || blocks(&rule->spec))
            continue;
        if (!pmr_lint_may(x, 1))
            return false;
        taken = pmr_boxes_of(&x->geometry, &s->scratch, rule->spec.match);
        if (taken.is_unknown)
            return false;
        for (size_t j = 0; j < taken.count; j++)
            if (pmr_box_join(&x->geometry, box, &taken.at[j], &shared, &is_unknown) || is_unknown)
                return false;
    }
    return true;
}

/* Every packet of it is dropped or kept from rewriting by verdict rules. */
static bool is_blocked(struct search *s)
{
    struct load *l = s->l;
    struct lint *x = l->lint;

    s->left = pmr_boxes_of(&x->geometry, &s->scratch, s->rule->spec.match);
    if (s->left.is_unknown || s->left.count == 0)
        return false;
    for (unsigned tries = 0; s->left.count > 0; tries++) {
        struct box box = s->left.at[--s->left.count];
        const struct linted_rule *by;
        uint32_t decided;
        struct witness w;

        if (tries == TRIES_MAX || !pmr_lint_may(x, 1) || !pmr_witness_of(x, &box, &w) ||
            !pmr_witness_judge(l, PM_STAGE_ORIGINAL, &w, &decided))
            return false;
        by = rule_at(l, decided);
        if (by == NULL || !pmr_rule_decides(&by->spec) || !blocks(&by->spec) ||
            !nothing_lets_it_through(s, &box, by->index) || !cut_off(s, &box, by))
            return false;
        note_decider(s, by, &w);
    }
    return true;
}

void pmr_lint_rewrites(struct load *l)
{
    struct lint *x = l->lint;

    for (size_t i = 0; i < x->rule_count; i++) {
        struct search s = {.l = l, .rule = &x->rules[i]};
        const struct linted_rule *by;

        if (s.rule->index == PMR_NO_INDEX || s.rule->spec.action != PM_ACTION_REWRITE)
            continue;
        if (is_blocked(&s)) {
            by = s.deciders[0];
            pmr_remark(
                l,
                &(struct remark){.code = CODE_NEVER_REWRITES,
                                 .at = pmr_linted_id(s.rule),
                                 .related = pmr_linted_id(by),
                                 .witness = s.has_witness ? pmr_witness_text(l, &s.witness) : NULL},
                "\"%s\" never rewrites: %s%s %s all its packets%s", s.rule->spec.id,
                pmr_linted_name(l, by).text, s.decider_count > 1 ? " with others" : "", does(by),
                by->spec.action == PM_ACTION_ALLOW ? ", and its \"final\" keeps them as "
                                                     "they are"
                                                   : "");
        }
        pmr_memory_free(&s.scratch);
    }
}
