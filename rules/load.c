/* load.c - the door: a rule file becomes a policy, or diagnostics. */
#include "load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "file.h"
#include "lint.h"
#include "meaningof.h"
#include "record.h"
#include "rule.h"
#include "ruletest.h"
#include "ruletests.h"
#include "set.h"
#include "settings.h"
#include "trace.h"
#include "var.h"

/* ------------------------------------------------------------------ the keys of a file */

static void check_version(struct load *l, const struct file *file)
{
    const struct node *root = &file->nodes[0], *n = pmr_node_get(root, "pktmod");

    if (n == NULL && file->parent == NULL)
        pmr_fail(l, root, CODE_MISSING_KEY, "begin with \"pktmod\": 1",
                 "a rule file needs \"pktmod\"");
    if (n == NULL || !pmr_expect_kind(l, n, NODE_NUMBER) || pmr_node_number(n) == 1)
        return;
    pmr_fail(l, n, CODE_VERSION, NULL, "this is version 1 of the language, the file is for %s",
             pmr_found(n).text);
}

static void check_names(struct load *l, const struct node *root)
{
    const struct node *schema = pmr_node_get(root, "$schema"), *name = pmr_node_get(root, "name");

    if (schema != NULL)
        pmr_expect_kind(l, schema, NODE_STRING);
    if (name == NULL || !pmr_expect_kind(l, name, NODE_STRING) || l->rules->name != NULL)
        return;
    l->rules->name =
        pmr_memory_copy(&l->rules->memory, pmr_node_text(name), strlen(pmr_node_text(name)));
}

/* What is only for the file that is loaded, not for those it includes. */
static void check_place(struct load *l, const struct file *file)
{
    const struct node *root = &file->nodes[0], *policy = pmr_node_get(root, "policy");

    if (file->parent != NULL && policy != NULL)
        pmr_fail_key(l, policy, CODE_KEYS_CLASH, NULL,
                     "\"policy\" belongs into the file that is loaded, not into one it includes");
    if (file->parent == NULL && pmr_node_get(root, "rules") == NULL)
        pmr_expect_member(l, root, "rules", "a rule file");
}

static void check_file(struct load *l, struct file *file)
{
    static const struct key keys[] = {
        {"pktmod", false}, {"$schema", false}, {"name", false},  {"policy", false}, {"vars", false},
        {"sets", false},   {"include", false}, {"rules", false}, {"tests", false},
    };

    if (file->node_count == 0)
        return;
    if (!pmr_expect_kind(l, &file->nodes[0], NODE_OBJECT)) {
        file->node_count = 0;
        return;
    }
    pmr_expect_keys(l, &file->nodes[0], keys, sizeof keys / sizeof keys[0], "a rule file");
    check_version(l, file);
    check_names(l, &file->nodes[0]);
    check_place(l, file);
}

static void take_member(struct load *l, const struct file *file, const char *key,
                        void (*take)(struct load *l, const struct node *n))
{
    const struct node *n = file->node_count == 0 ? NULL : pmr_node_get(&file->nodes[0], key);

    if (n != NULL)
        take(l, n);
}

/* ------------------------------------------------------------------ rules, in order */

static void rules_of_file(struct load *l, const struct file *file);

static void rules_of_included(struct load *l, const struct node *list)
{
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        const struct file *file = pmr_file_included_at(l, n);

        if (file != NULL)
            rules_of_file(l, file);
    }
}

/* A file is read from its top to its end: rules that it includes come where "include" stands,
 * before or behind its own. Files nest no deeper than file.c lets them. */
static void rules_of_file(struct load *l, const struct file *file)
{
    const struct node *n = file->node_count == 0 ? NULL : pmr_node_first(&file->nodes[0]);

    for (; n != NULL; n = pmr_node_next(n)) {
        if (strcmp(pmr_node_key(n), "include") == 0)
            rules_of_included(l, n);
        else if (strcmp(pmr_node_key(n), "rules") == 0)
            pmr_rules_of(l, n);
    }
}

/* ------------------------------------------------------------------ the load */

static void take_settings(struct load *l)
{
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    const struct file *file = l->files[0];
    const struct node *policy = pmr_node_get(&file->nodes[0], "policy");

    if (policy != NULL)
        pmr_settings_of(l, policy, &settings);
    l->hold_bytes = settings.hold_bytes;
    l->stream_dir_bytes = settings.stream_dir_bytes;
    pmr_meaning_settings(l, policy, &settings);
    pm_builder_settings(l->builder, &settings);
}

/* What `stream` looks for has to fit into what is kept of a stream. */
static void check_stream_room(struct load *l)
{
    const struct node *policy, *limit;
    uint32_t tail;

    if (l->seen.stream == NULL || l->rules->error_count > 0)
        return;
    tail = pm_builder_stream_tail(l->builder);
    policy = pmr_node_get(&l->files[0]->nodes[0], "policy");
    limit = policy == NULL ? NULL : pmr_node_get(policy, "stream_dir_bytes");
    if (tail < l->stream_dir_bytes)
        return;
    pmr_fail_key(l, limit != NULL ? limit : l->seen.stream, CODE_RANGE, NULL,
                 "what \"stream\" is tested for needs %" PRIu32
                 " bytes kept, and \"stream_dir_bytes\" is %" PRIu32,
                 tail + 1, l->stream_dir_bytes);
}

static void take_files(struct load *l)
{
    pmr_file_includes(l);
    for (size_t i = 0; i < l->file_count; i++)
        check_file(l, l->files[i]);
    if (l->files[0]->node_count > 0)
        take_settings(l);
    for (size_t i = 0; i < l->file_count; i++)
        take_member(l, l->files[i], "vars", pmr_vars_of);
    for (size_t i = 0; i < l->file_count; i++)
        take_member(l, l->files[i], "sets", pmr_sets_of);
    pmr_meaning_sets(l);
    rules_of_file(l, l->files[0]);
    pmr_rules_check(l);
    check_stream_room(l);
    take_member(l, l->files[0], "tests", pmr_ruletests_of);
}

/* What was needed until the builder had all of it. */
static void release(struct load *l)
{
    pmr_files_free(l);
    pmr_memory_free(&l->memory);
    l->file_count = 0;
}

static void finish(struct load *l)
{
    struct pm_error error = {.status = PM_NO_MEMORY};
    struct pm_rules *rules = l->rules;
    struct line_of where = {.path = l->file_count == 0 ? "" : l->files[0]->path};
    bool is_whole = !l->memory.failed && !rules->memory.failed;

    if (l->lint == NULL)
        release(l); /* before the policy takes memory too */
    if (!is_whole || rules->error_count > 0) {
        pm_builder_free(l->builder);
    } else {
        rules->policy = pm_builder_finish(l->builder, &error);
        is_whole = rules->policy != NULL || error.status != PM_NO_MEMORY;
    }
    l->builder = NULL;
    if (is_whole && rules->error_count == 0 && rules->policy == NULL) {
        pmr_fail_line(l, &where, CODE_REFUSED, NULL, "%s", error.text);
        is_whole = !rules->memory.failed;
    }
    if (is_whole && l->lint != NULL && rules->policy != NULL) {
        pmr_lint(l);
        is_whole = !l->memory.failed && !rules->memory.failed;
    }
    if (l->lint != NULL)
        release(l);
    if (!is_whole) {
        pm_policy_unref(rules->policy);
        rules->policy = NULL;
        pmr_no_memory(l);
    }
    pmr_diagnostics_sort(rules);
}

/* What else is wanted of a load. */
struct extra {
    bool is_traced, is_recorded;         /* trace.h, record.h */
    const struct pm_check_options *lint; /* NULL: none */
};

static struct pm_rules *load(bool is_text, const char *name, const char *text, size_t len,
                             size_t *budget, struct extra extra)
{
    struct pm_rules *rules = calloc(1, sizeof *rules);
    struct lint lint = {.rule_count = 0};
    struct load l = {.rules = rules, .memory = {.budget = budget}};

    if (rules == NULL)
        return NULL;
    rules->memory.budget = budget;
    rules->trace.is_kept = extra.is_traced;
    if (extra.is_recorded)
        rules->meaning = pmr_memory_take(&rules->memory, sizeof *rules->meaning);
    if (extra.lint != NULL) {
        lint.options = *extra.lint;
        l.lint = &lint;
    }
    l.may_open = name != NULL;
    l.builder = pm_builder_new();
    if (l.builder == NULL)
        l.memory.failed = true;
    else if (is_text)
        pmr_file_first_text(&l, name == NULL ? "<text>" : name, text, len);
    else
        pmr_file_first(&l, name);
    if (l.file_count > 0 && l.builder != NULL)
        take_files(&l);
    pmr_trace_finish(&l);
    finish(&l);
    return rules;
}

struct pm_rules *pmr_load(bool is_text, const char *name, const char *text, size_t len,
                          size_t *budget)
{
    return load(is_text, name, text, len, budget, (struct extra){.is_traced = false});
}

struct pm_rules *pmr_load_meaning(const char *path, size_t *budget)
{
    return load(false, path, NULL, 0, budget, (struct extra){.is_recorded = true});
}

struct pm_rules *pm_rules_load_traced(const char *path)
{
    return load(false, path, NULL, 0, NULL, (struct extra){.is_traced = true});
}

struct pm_rules *pm_rules_load(const char *path)
{
    return pmr_load(false, path, NULL, 0, NULL);
}

struct pm_rules *pm_rules_load_text(const char *name, const char *text, size_t len)
{
    return pmr_load(true, name, text, len, NULL);
}

struct pm_rules *pmr_check(const char *name, const char *text, size_t len, size_t *budget,
                           const struct pm_check_options *options)
{
    return load(true, name, text, len, budget, (struct extra){.lint = options});
}

struct pm_rules *pm_rules_check(const char *path, const struct pm_check_options *options)
{
    return load(false, path, NULL, 0, NULL, (struct extra){.lint = options});
}

struct pm_rules *pm_rules_check_text(const char *name, const char *text, size_t len,
                                     const struct pm_check_options *options)
{
    return pmr_check(name, text, len, NULL, options);
}

/* ------------------------------------------------------------------ what came of it */

void pm_rules_free(struct pm_rules *rules)
{
    if (rules == NULL)
        return;
    pm_policy_unref(rules->policy);
    pmr_ruletest_leaving_free(rules);
    pmr_memory_free(&rules->memory);
    free(rules);
}

struct pm_policy *pm_rules_policy(const struct pm_rules *rules)
{
    return rules->policy;
}

const char *pm_rules_name(const struct pm_rules *rules)
{
    return rules->name;
}

size_t pm_rules_test_count(const struct pm_rules *rules)
{
    return rules->policy == NULL ? 0 : rules->test_count;
}

const struct pm_ruletest *pm_rules_test(const struct pm_rules *rules, size_t index)
{
    return index < pm_rules_test_count(rules) ? &rules->tests[index] : NULL;
}

size_t pm_rules_error_count(const struct pm_rules *rules)
{
    return rules->error_count;
}

size_t pm_rules_warning_count(const struct pm_rules *rules)
{
    return rules->warning_count;
}

size_t pm_rules_note_count(const struct pm_rules *rules)
{
    return rules->note_count;
}

const char *pm_rules_note(const struct pm_rules *rules, size_t index)
{
    return index < rules->note_count ? rules->notes[index] : NULL;
}

size_t pm_rules_diagnostic_count(const struct pm_rules *rules)
{
    return rules->entry_count + (rules->no_memory.shown.code != NULL);
}

const struct pm_diagnostic *pm_rules_diagnostic(const struct pm_rules *rules, size_t index)
{
    if (index < rules->entry_count)
        return &rules->entries[index].shown;
    return index < pm_rules_diagnostic_count(rules) ? &rules->no_memory.shown : NULL;
}
