/* ruletests.c - tests that stand in rule files, as items of pktmod test. */
#include "app/ruletests.h"

#include <stdlib.h>
#include <string.h>

#include "app/ruletest_explain.h"
#include "rules/source.h"

/* A loaded file, shared by the items of its tests. */
struct loaded {
    struct pm_rules *rules;
    size_t users;
};

struct context {
    struct loaded *loaded;
    const struct pm_ruletest *test;
};

static void release(struct loaded *loaded)
{
    if (--loaded->users > 0)
        return;
    pm_rules_free(loaded->rules);
    free(loaded);
}

static void release_context(void *context)
{
    struct context *c = context;
    release(c->loaded);
    free(c);
}

/* ------------------------------------------------------------------ running */

struct runs {
    size_t plans, failed;
    bool is_broken;
};

static void run_plan(const struct context *c, size_t index, size_t most, FILE *text,
                     struct runs *runs)
{
    struct pm_ruletest_plan plan = pm_ruletest_plan_at(c->test, index);
    struct pm_policy *policy = pm_rules_policy(c->loaded->rules);
    struct pm_ruletest_seen seen;
    struct pm_ruletest_wrong wrong = {.is_set = false}, first = {.is_set = false};
    char said[PM_RULETEST_PLAN_TEXT];
    bool is_told = runs->failed == 0;
    if (!pm_ruletest_run(c->test, &plan, policy, &seen, text)) {
        runs->is_broken = true;
    } else if (pm_ruletest_judge(c->test, &seen, policy, 0, text, &wrong) > 0) {
        pm_ruletest_plan_text(&plan, said);
        if (is_told && runs->plans > 1)
            fprintf(text, "%s\n", said);
        size_t count = is_told ? pm_ruletest_judge(c->test, &seen, policy, most, text, &first) : 0;
        if (count > most)
            fprintf(text, "%zu more differences are not told\n", count - most);
        if (is_told && first.is_set)
            pm_ruletest_explain(c->test, &plan, c->loaded->rules, &first, text);
        runs->failed++;
    }
    pm_ruletest_seen_free(&seen);
}

static enum pm_test_status run(const void *context, const struct pm_test_options *options,
                               FILE *text)
{
    const struct context *c = context;
    struct runs runs = {.plans = pm_ruletest_plan_count(c->test)};
    char *told = NULL;
    size_t len = 0;
    FILE *kept = open_memstream(&told, &len);
    if (kept == NULL) {
        fputs("no memory\n", text);
        return PM_TEST_ERROR;
    }
    for (size_t i = 0; i < runs.plans && !runs.is_broken; i++)
        run_plan(c, i, options->most_told, kept, &runs);
    fclose(kept);
    if (runs.failed > 0 && runs.plans > 1)
        fprintf(text, "%zu of %zu ways to send it fail; the first:\n", runs.failed, runs.plans);
    if (told != NULL)
        fputs(told, text);
    if (runs.failed > 0)
        fprintf(text, "the test stands in %s:%zu\n", c->test->file, c->test->line);
    free(told);
    if (runs.is_broken)
        return PM_TEST_ERROR;
    return runs.failed > 0 ? PM_TEST_FAIL : PM_TEST_PASS;
}

/* ------------------------------------------------------------------ collecting */

static bool add(struct pm_test_items *items, const char *path, struct loaded *loaded,
                const struct pm_ruletest *test)
{
    struct context *c = malloc(sizeof *c);
    if (c == NULL)
        return false;
    *c = (struct context){.loaded = loaded, .test = test};
    loaded->users++;
    return pm_test_items_add(items, path, test->name, run, c, release_context);
}

static enum pm_exit collect(struct pm_test_items *items, const char *path,
                            const struct pm_test_choice *choice, struct loaded *loaded)
{
    size_t count = pm_rules_test_count(loaded->rules);
    pm_rules_print_text(loaded->rules, stderr, pm_colour_wanted(stderr));
    if (pm_rules_policy(loaded->rules) == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: has errors; its tests are not run", path);
    if (count == 0)
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: has no tests (the key \"tests\")", path);
    for (size_t i = 0; i < count; i++) {
        const struct pm_ruletest *test = pm_rules_test(loaded->rules, i);
        if (pm_test_is_chosen(choice, test->name) && !add(items, path, loaded, test))
            return pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    }
    return PM_EXIT_GOOD;
}

enum pm_exit pm_ruletests_collect(struct pm_test_items *items, const char *path,
                                  const struct pm_test_choice *choice)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    loaded->users = 1;
    loaded->rules = pm_rules_load_traced(path);
    if (loaded->rules == NULL) {
        free(loaded);
        return pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    }
    enum pm_exit code = collect(items, path, choice, loaded);
    release(loaded);
    return code;
}
