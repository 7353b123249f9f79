/* diff_text.c - what differs between two rule files, for people. */
#include "app/diff_text.h"

#include <string.h>

#define TEXT_SHOWN   240 /* characters of a rule's text */
#define RULES_SHOWN  100
#define VALUES_SHOWN 5

static const char *const part_names[] = {
#define PART_NAME(id, name) name,
    PM_PART_MAP(PART_NAME)
#undef PART_NAME
};

const char *pm_meant_name(const struct pm_rule_meaning *rule, enum pm_part part)
{
    return part == PM_PART_ACTION ? rule->action_key : part_names[part];
}

const char *pm_change_name(enum pm_change kind)
{
    static const char *const names[] = {"added", "removed", "changed", "moved", "words"};
    return names[kind];
}

/* ------------------------------------------------------------------ what was written */

static void put_text(FILE *out, const char *text, bool is_all)
{
    size_t len = strlen(text);
    if (is_all || len <= TEXT_SHOWN) {
        fputs(text, out);
        return;
    }
    size_t cut = TEXT_SHOWN;
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    fprintf(out, "%.*s ... (%zu more bytes; --all shows them)", (int)cut, text, len - cut);
}

/* What holds where nothing is said. */
static const char *default_of(const struct pm_meant *meant)
{
    return meant->means[0] == '\0' ? "none" : meant->means;
}

static void put_meant(FILE *out, const struct pm_rule_meaning *rule, const struct pm_meant *meant,
                      bool is_all)
{
    if (meant->said.text == NULL) {
        fprintf(out, "%s:%zu  %s, as nothing is said", rule->at.file, rule->at.line,
                default_of(meant));
    } else {
        fprintf(out, "%s:%zu  ", meant->said.file, meant->said.line);
        put_text(out, meant->said.text, is_all);
    }
    fputc('\n', out);
}

/* ------------------------------------------------------------------ rules */

static void put_pair(FILE *out, const struct pm_rule_change *change, const struct pm_meant *old,
                     const struct pm_meant *new, bool is_all)
{
    if (old != NULL) {
        fputs("    - ", out);
        put_meant(out, change->old, old, is_all);
    }
    if (new != NULL) {
        fputs("    + ", out);
        put_meant(out, change->new, new, is_all);
    }
}

/* Of two lists of edits, those at the same place that differ. */
static void put_ops(FILE *out, const struct pm_rule_change *change, bool is_all)
{
    const struct pm_rule_meaning *old = change->old, *new = change->new;
    size_t most = old->op_count > new->op_count ? old->op_count : new->op_count;
    for (size_t i = 0; i < most; i++) {
        const struct pm_meant *left = i < old->op_count ? &old->ops[i] : NULL;
        const struct pm_meant *right = i < new->op_count ? &new->ops[i] : NULL;
        if (left != NULL && right != NULL && pm_meant_is_same(left, right))
            continue;
        fprintf(out, "  rewrite, operation %zu\n", i + 1);
        put_pair(out, change, left, right, is_all);
    }
}

static void put_part(FILE *out, const struct pm_rule_change *change, enum pm_part part, bool is_all)
{
    const struct pm_rule_meaning *old = change->old, *new = change->new;
    bool rewrites = part == PM_PART_ACTION && old->op_count > 0 && new->op_count > 0;
    const char *was = pm_meant_name(old, part), *is = pm_meant_name(new, part);
    if (rewrites) {
        put_ops(out, change, is_all);
        return;
    }
    fprintf(out, "  %s", was);
    if (strcmp(was, is) != 0)
        fprintf(out, ", now %s", is);
    fputc('\n', out);
    put_pair(out, change, &old->parts[part], &new->parts[part], is_all);
}

/* What a rule that is new, or gone, is. */
static void put_rule(FILE *out, const struct pm_rule_meaning *rule, bool is_all)
{
    static const enum pm_part shown[] = {PM_PART_MATCH, PM_PART_ACTION};
    for (size_t i = 0; i < 2; i++) {
        const struct pm_said *said = &rule->parts[shown[i]].said;
        if (said->text == NULL)
            continue;
        fprintf(out, "  %s  ", pm_meant_name(rule, shown[i]));
        put_text(out, said->text, is_all);
        fputc('\n', out);
    }
}

static void put_change(FILE *out, const struct pm_rule_change *change, bool is_all)
{
    const struct pm_rule_meaning *old = change->old, *new = change->new;
    const struct pm_rule_meaning *rule = new == NULL ? old : new;
    fprintf(out, "\n%s rule \"%s\"  ", pm_change_name(change->kind), rule->id);
    if (old != NULL)
        fprintf(out, "%s:%zu%s", old->at.file, old->at.line, new == NULL ? "" : " -> ");
    if (new != NULL)
        fprintf(out, "%s:%zu", new->at.file, new->at.line);
    fputc('\n', out);
    bool has_both = old != NULL && new != NULL;
    if (change->kind == PM_CHANGE_MOVED && change->past != NULL) {
        fprintf(out, "  stands %s \"%s\" (%s:%zu) now\n", change->is_behind ? "behind" : "before",
                change->past->id, change->past->at.file, change->past->at.line);
    } else if (change->kind == PM_CHANGE_CHANGED && has_both) {
        for (unsigned part = 0; part < PM_PART_COUNT; part++)
            if ((change->parts >> part & 1) != 0)
                put_part(out, change, (enum pm_part)part, is_all);
    } else {
        put_rule(out, rule, is_all);
    }
}

static void put_changes(FILE *out, const struct pm_rules_diff *diff, bool is_all)
{
    size_t left = is_all ? diff->count : RULES_SHOWN, hidden = 0;
    for (size_t i = 0; i < diff->count; i++) {
        if (diff->changes[i].kind == PM_CHANGE_WORDS)
            continue;
        if (left > 0)
            put_change(out, &diff->changes[i], is_all);
        else
            hidden++;
        left -= left > 0;
    }
    if (hidden > 0)
        fprintf(out, "\n%zu more rules; --all shows them\n", hidden);
}

/* What packets cannot show, a line each. */
static void put_words(FILE *out, const struct pm_rules_diff *diff, bool is_all)
{
    size_t left = is_all ? diff->count : RULES_SHOWN;
    if (diff->kinds[PM_CHANGE_WORDS] > 0)
        fputs("\nwithout effect on packets:\n", out);
    for (size_t i = 0; i < diff->count && left > 0; i++) {
        const struct pm_rule_change *change = &diff->changes[i];
        const struct pm_rule_meaning *rule = change->new == NULL ? change->old : change->new;
        if (change->kind != PM_CHANGE_WORDS)
            continue;
        fprintf(out, "  rule \"%s\"  %s:%zu  %s\n", rule->id, rule->at.file, rule->at.line,
                change->why);
        left--;
    }
}

/* ------------------------------------------------------------------ settings and sets */

static void put_setting(FILE *out, const struct pm_setting_change *change,
                        const struct pm_diff_shown *shown)
{
    const struct pm_said *said[] = {&change->old->value.said, &change->new->value.said};
    const char *const means[] = {change->old->value.means, change->new->value.means};
    const char *const files[] = {shown->old, shown->new};
    fprintf(out, "\nchanged setting \"%s\"\n", change->new->name);
    for (unsigned i = 0; i < 2; i++) {
        fprintf(out, "    %c ", "-+"[i]);
        if (said[i]->file == NULL)
            fprintf(out, "%s  %s, as nothing is said\n", files[i], means[i]);
        else
            fprintf(out, "%s:%zu  %s\n", said[i]->file, said[i]->line, means[i]);
    }
}

/* Values of one list that the other does not have; both are ascending. */
static void put_values(FILE *out, char sign, const struct pm_set_meaning *has,
                       const struct pm_set_meaning *lacks, size_t count, bool is_all)
{
    size_t shown = 0, most = is_all ? count : VALUES_SHOWN;
    if (count == 0)
        return;
    fprintf(out, "    %c ", sign);
    for (size_t i = 0, j = 0; i < has->value_count && shown < most; i++) {
        while (j < lacks->value_count && strcmp(lacks->values[j], has->values[i]) < 0)
            j++;
        if (j < lacks->value_count && strcmp(lacks->values[j], has->values[i]) == 0)
            continue;
        fprintf(out, "%s%s", shown == 0 ? "" : ", ", has->values[i]);
        shown++;
    }
    if (shown < count)
        fprintf(out, " and %zu more", count - shown);
    fputc('\n', out);
}

static void put_users(FILE *out, const struct pm_rules *rules, const char *set)
{
    size_t count = 0;
    for (size_t i = 0; i < pm_meaning_rule_count(rules); i++) {
        const struct pm_rule_meaning *rule = pm_meaning_rule(rules, i);
        if (!rule->is_enabled || !pm_meaning_uses_set(rule, set))
            continue;
        if (count < VALUES_SHOWN)
            fprintf(out, "%s\"%s\"", count == 0 ? "  rules that name it: " : ", ", rule->id);
        count++;
    }
    if (count > VALUES_SHOWN)
        fprintf(out, " and %zu more", count - VALUES_SHOWN);
    fputs(count == 0 ? "  no rule names it\n" : "\n", out);
}

static void put_set(FILE *out, const struct pm_set_change *change, const struct pm_rules *rules,
                    bool is_all)
{
    const struct pm_set_meaning *old = change->old, *new = change->new;
    fprintf(out, "\nchanged set \"%s\"  %s:%zu -> %s:%zu  %zu added, %zu removed\n", new->name,
            old->at.file, old->at.line, new->at.file, new->at.line, change->added, change->removed);
    put_values(out, '-', old, new, change->removed, is_all);
    put_values(out, '+', new, old, change->added, is_all);
    put_users(out, rules, new->name);
}

/* ------------------------------------------------------------------ the whole */

static void put_count(FILE *out, const char **before, size_t count, const char *what)
{
    if (count == 0)
        return;
    fprintf(out, "%s%zu %s%s", *before, count, what, count == 1 ? "" : "s");
    *before = ", ";
}

static void put_kind(FILE *out, const char **before, size_t count, const char *what)
{
    if (count == 0)
        return;
    fprintf(out, "%s%zu rule%s %s", *before, count, count == 1 ? "" : "s", what);
    *before = ", ";
}

static void put_head(FILE *out, const struct pm_rules_diff *diff, const struct pm_diff_shown *shown)
{
    const char *before = "";
    fprintf(out, "%s -> %s: ", shown->old, shown->new);
    for (int kind = 0; kind < PM_CHANGE_WORDS; kind++)
        put_kind(out, &before, diff->kinds[kind], pm_change_name((enum pm_change)kind));
    put_count(out, &before, diff->setting_count, "changed setting");
    put_count(out, &before, diff->used_sets, "changed set");
    if (before[0] == '\0')
        fputs("the rules mean the same", out);
    fputc('\n', out);
}

void pm_diff_text_rules(const struct pm_rules_diff *diff, const struct pm_diff_shown *shown,
                        FILE *out)
{
    put_head(out, diff, shown);
    for (size_t i = 0; i < diff->setting_count; i++)
        put_setting(out, &diff->settings[i], shown);
    for (size_t i = 0; i < diff->set_count; i++)
        put_set(out, &diff->sets[i], diff->new, shown->is_all);
    put_changes(out, diff, shown->is_all);
    put_words(out, diff, shown->is_all);
}
