/* answers.c - scripted answers; the contract is in answers.h. */
#include "app/answers.h"

#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "rules/document.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
#define MOST_MS   INT64_C(86400000)
#define MOST_S    INT64_C(31536000)

/* ------------------------------------------------------------------ the file */

static void read_rule(struct pm_document *d, const struct pm_node *node,
                      const struct pm_policy *policy, struct pm_answer_entry *entry)
{
    const char *id;
    if (!pm_document_text(d, node, &id))
        return;
    for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
        if (strcmp(pm_policy_rule_id(policy, i), id) == 0)
            entry->rule = i;
    if (entry->rule == PM_NO_RULE)
        pm_document_fail(d, node, NULL, "no rule has the id \"%s\"", id);
    else if (pm_policy_rule_action(policy, entry->rule) != PM_ACTION_ASK)
        pm_document_fail(d, node, NULL, "rule \"%s\" asks nothing", id);
}

static void read_for(struct pm_document *d, const struct pm_node *node,
                     struct pm_answer_entry *entry)
{
    static const char *const words[] = {"flow", "rule", NULL};
    int64_t seconds = 0;
    size_t word = 0;
    if (pm_node_kind(node) == PM_NODE_NUMBER) {
        pm_document_whole(d, node, 1, MOST_S, &seconds);
        entry->answer_for = PM_FOR_TIME;
        entry->duration_ns = (uint64_t)seconds * NS_PER_S;
    } else if (pm_document_word(d, node, words, &word)) {
        entry->answer_for = word == 0 ? PM_FOR_FLOW : PM_FOR_RULE;
    }
}

static void read_entry(struct pm_document *d, const struct pm_node *node,
                       const struct pm_policy *policy, struct pm_answer_entry *entry)
{
    static const char *const keys[] = {"rule", "answer", "after_ms", "for", "times", NULL};
    static const char *const words[] = {"allow", "drop", NULL};
    const struct pm_node *member;
    int64_t number = 0;
    size_t word = 0;
    *entry = (struct pm_answer_entry){.rule = PM_NO_RULE, .uses_left = UINT64_MAX};
    if (!pm_document_expect(d, node, PM_NODE_OBJECT))
        return;
    pm_document_keys(d, node, keys, "an answer");
    if ((member = pm_document_member(d, node, "answer", "an answer")) != NULL &&
        pm_document_word(d, member, words, &word))
        entry->allow = word == 0;
    if ((member = pm_node_get(node, "rule")) != NULL)
        read_rule(d, member, policy, entry);
    if ((member = pm_node_get(node, "after_ms")) != NULL &&
        pm_document_whole(d, member, 0, MOST_MS, &number))
        entry->after_ns = (uint64_t)number * NS_PER_MS;
    if ((member = pm_node_get(node, "for")) != NULL)
        read_for(d, member, entry);
    if ((member = pm_node_get(node, "times")) != NULL &&
        pm_document_whole(d, member, 1, INT32_MAX, &number))
        entry->uses_left = (uint64_t)number;
}

static bool read_document(struct pm_answers *answers, struct pm_document *d,
                          const struct pm_policy *policy)
{
    static const char *const keys[] = {"answers", NULL};
    const struct pm_node *root = pm_document_root(d), *list, *node;
    if (root == NULL || !pm_document_expect(d, root, PM_NODE_OBJECT))
        return true;
    pm_document_keys(d, root, keys, "a file of answers");
    list = pm_document_member(d, root, "answers", "a file of answers");
    if (list == NULL || !pm_document_filled(d, list, PM_NODE_LIST))
        return true;
    answers->entries = calloc(pm_node_count(list), sizeof *answers->entries);
    if (answers->entries == NULL)
        return false;
    for (node = pm_node_first(list); node != NULL; node = pm_node_next(node))
        read_entry(d, node, policy, &answers->entries[answers->count++]);
    return true;
}

bool pm_answers_load(struct pm_answers *answers, const char *path, const struct pm_policy *policy)
{
    struct pm_document *d = pm_document_load(path);
    bool has_memory = d != NULL && read_document(answers, d, policy);
    bool good = has_memory && pm_document_error_count(d) == 0;
    if (!has_memory)
        pm_complain(PM_EXIT_INTERNAL, "%s: no memory", path);
    else
        pm_document_print_text(d, stderr, pm_colour_wanted(stderr));
    pm_document_free(d);
    return good;
}

void pm_answers_free(struct pm_answers *answers)
{
    free(answers->entries);
    free(answers->pending);
    *answers = (struct pm_answers){0};
}

/* ------------------------------------------------------------------ the run */

static bool make_room(struct pm_answers *answers)
{
    if (answers->pending_count < answers->pending_cap)
        return true;
    size_t cap = answers->pending_cap == 0 ? 16 : answers->pending_cap * 2;
    struct pm_answer *grown = realloc(answers->pending, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    answers->pending = grown;
    answers->pending_cap = cap;
    return true;
}

static void put(struct pm_answers *answers, struct pm_answer answer)
{
    size_t at = answers->pending_count++;
    while (at > 0 && answers->pending[at - 1].when_ns <= answer.when_ns) {
        answers->pending[at] = answers->pending[at - 1];
        at--;
    }
    answers->pending[at] = answer;
}

bool pm_answers_expect(struct pm_answers *answers, uint32_t rule, uint64_t ask_id, uint64_t now_ns)
{
    for (size_t i = 0; i < answers->count; i++) {
        struct pm_answer_entry *entry = &answers->entries[i];
        if (entry->uses_left == 0 || (entry->rule != PM_NO_RULE && entry->rule != rule))
            continue;
        if (!make_room(answers))
            return false;
        entry->uses_left--;
        put(answers, (struct pm_answer){.when_ns = now_ns + entry->after_ns,
                                        .ask_id = ask_id,
                                        .duration_ns = entry->duration_ns,
                                        .answer_for = entry->answer_for,
                                        .allow = entry->allow});
        return true;
    }
    return true;
}

uint64_t pm_answers_next_ns(const struct pm_answers *answers)
{
    size_t count = answers->pending_count;
    return count == 0 ? UINT64_MAX : answers->pending[count - 1].when_ns;
}

struct pm_answer pm_answers_take(struct pm_answers *answers)
{
    return answers->pending[--answers->pending_count];
}
