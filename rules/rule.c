/* rule.c - rules: id, match, and what to do. */
#include "rule.h"

#include <string.h>

#include "cond.h"
#include "diagnostic.h"
#include "expect.h"
#include "lint.h"
#include "logging.h"
#include "meaningof.h"
#include "modifier.h"
#include "notation.h"
#include "op.h"
#include "trace.h"
#include "verdict.h"

static const struct key rule_keys[] = {
    {"id", false},    {"note", false},    {"tags", false},    {"enabled", false},  {"mode", false},
    {"match", false}, {"verdict", false}, {"rewrite", false}, {"log_only", false}, {"scope", false},
    {"final", false}, {"stage", false},   {"limit", false},   {"sample", false},   {"count", false},
    {"when", false},  {"log", false},
};

static void take_id(struct load *l, const struct node *rule, struct pm_rule_spec *out)
{
    const struct node *n = pmr_expect_member(l, rule, "id", "a rule");

    if (n == NULL || !pmr_expect_kind(l, n, NODE_STRING))
        return;
    out->id = pmr_node_text(n);
    if (!pmr_is_id(out->id))
        pmr_fail(l, n, CODE_NAME, NULL, "an id has 1 to 64 of A-Z a-z 0-9 . _ -, found %s",
                 pmr_found(n).text);
    else if (pmr_names_put(&l->ids, &l->memory, out->id, n) != NULL)
        pmr_fail(l, n, CODE_REPEATED_ID, NULL, "another rule has the id %s before",
                 pmr_found(n).text);
}

/* What has no effect on packets. */
static void check_remarks(struct load *l, const struct node *rule)
{
    const struct node *note = pmr_node_get(rule, "note"), *tags = pmr_node_get(rule, "tags");

    if (note != NULL)
        pmr_expect_kind(l, note, NODE_STRING);
    if (tags == NULL || !pmr_expect_kind(l, tags, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(tags); n != NULL; n = pmr_node_next(n))
        pmr_expect_filled(l, n, NODE_STRING);
}

static void take_mode(struct load *l, const struct node *rule, struct pm_rule_spec *out)
{
    static const char *const words[] = {"enforce", "dry-run", NULL};
    const struct node *n = pmr_node_get(rule, "mode");
    size_t index;

    if (n != NULL && pmr_expect_word(l, n, words, &index))
        out->is_dry_run = index == 1;
}

/* What the rule does: one of three. */
static void take_action(struct load *l, const struct node *rule, const struct cond *match,
                        struct pm_rule_spec *out)
{
    const struct node *verdict = pmr_node_get(rule, "verdict"),
                      *rewrite = pmr_node_get(rule, "rewrite"),
                      *log_only = pmr_node_get(rule, "log_only");
    int count = (verdict != NULL) + (rewrite != NULL) + (log_only != NULL);
    bool only = true;

    if (count == 0)
        pmr_fail(l, rule, CODE_MISSING_KEY, NULL,
                 "a rule needs \"verdict\", \"rewrite\" or \"log_only\"");
    if (count > 1)
        pmr_fail(l, rule, CODE_KEYS_CLASH, "write two rules",
                 "a rule has only one of \"verdict\", \"rewrite\" and \"log_only\"");
    out->action = PM_ACTION_LOG;
    if (log_only != NULL && pmr_expect_bool(l, log_only, &only) && !only)
        pmr_fail(l, log_only, CODE_WORD, "leave it out", "\"log_only\" can only be true");
    if (rewrite != NULL)
        pmr_ops_of(l, rewrite, match, out);
    if (verdict != NULL)
        pmr_verdict_of(l, verdict, out);
}

/* What was found in a stream, or in the hello it begins with, is true of all of its flow. */
static void take_scope(struct load *l, const struct node *rule, const struct cond *match,
                       struct pm_rule_spec *out)
{
    static const char *const words[] = {"packet", "flow", NULL};
    const struct node *n = pmr_node_get(rule, "scope");
    size_t index;

    if ((match->stream != NULL || match->hello != NULL) && pmr_node_get(rule, "verdict") != NULL)
        out->scope = PM_SCOPE_FLOW;
    if (n == NULL)
        return;
    if (pmr_node_get(rule, "verdict") == NULL)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "\"scope\" belongs to rules with a verdict");
    if (pmr_expect_word(l, n, words, &index))
        out->scope = index == 0 ? PM_SCOPE_PACKET : PM_SCOPE_FLOW;
}

/* After rewriting a packet is on its way out: nothing waits there. */
static void check_late(struct load *l, const struct node *stage, const struct pm_rule_spec *spec)
{
    const char *what = spec->action == PM_ACTION_DELAY ? "delay"
                       : spec->action == PM_ACTION_ASK ? "ask"
                                                       : NULL;

    if (what != NULL)
        pmr_fail_key(l, stage, CODE_KEYS_CLASH,
                     "leave \"stage\" out: the packet is judged before it is rewritten",
                     "after rewriting, a packet is on its way out; \"%s\" comes too late", what);
}

static void take_stage(struct load *l, const struct node *rule, struct pm_rule_spec *out)
{
    static const char *const words[] = {"original", "after-rewrite", NULL};
    const struct node *n = pmr_node_get(rule, "stage");
    size_t index;

    if (n == NULL)
        return;
    if (pmr_node_get(rule, "verdict") == NULL)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "\"stage\" belongs to rules with a verdict");
    if (pmr_expect_word(l, n, words, &index))
        out->stage = index == 0 ? PM_STAGE_ORIGINAL : PM_STAGE_AFTER_REWRITE;
    if (out->stage == PM_STAGE_AFTER_REWRITE)
        check_late(l, n, out);
}

static void take_final(struct load *l, const struct node *rule, struct pm_rule_spec *out)
{
    const struct node *n = pmr_node_get(rule, "final"), *verdict = pmr_node_get(rule, "verdict");

    if (n == NULL)
        return;
    if (verdict == NULL || out->action != PM_ACTION_ALLOW)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "\"final\" belongs to rules that allow");
    else if (out->stage == PM_STAGE_AFTER_REWRITE)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL,
                     "\"final\" comes too late for rules that judge after rewriting");
    pmr_expect_bool(l, n, &out->final);
}

/* Notes what other rules may not be beside. */
static void see_rule(struct load *l, const struct node *rule, const struct cond *match,
                     const struct pm_rule_spec *spec)
{
    if (spec->final && l->seen.final == NULL)
        l->seen.final = pmr_node_get(rule, "final");
    if (match->stream != NULL && l->seen.stream == NULL) {
        l->seen.stream = match->stream;
        l->seen.stream_rule = spec->id;
    }
    if (match->hello != NULL && l->seen.hello_rule == NULL)
        l->seen.hello_rule = spec->id;
    pmr_modifiers_count(l, rule, match, spec);
}

static void check_http(struct load *l, const struct node *rule, const struct cond *match,
                       const struct pm_rule_spec *spec)
{
    const struct node *rewrite = pmr_node_get(rule, "rewrite");

    if (match->http == NULL)
        return;
    if (spec->action != PM_ACTION_REWRITE) {
        pmr_fail_key(l, match->http, CODE_TEST_KIND,
                     "test \"stream\" for the text of the request, with scope flow",
                     "only rules that rewrite can test HTTP messages: a verdict would come when "
                     "part of the message has passed");
        return;
    }
    for (size_t i = 0; i < spec->op_count; i++)
        if (!pmr_op_edits_messages(&spec->ops[i])) {
            pmr_fail_key(l, rewrite, CODE_KEYS_CLASH, "write a rule of its own for the others",
                         "a rule that tests HTTP messages can only edit them: \"http\", and "
                         "\"replace\" and \"delete\" of what is found in the stream");
            return;
        }
}

static void check_match(struct load *l, const struct cond *match, const struct pm_rule_spec *spec)
{
    if (spec->action == PM_ACTION_REWRITE && match->stream != NULL)
        pmr_fail_key(l, match->stream, CODE_TEST_KIND,
                     "test \"payload\", or let the edit itself look for it",
                     "a rule that rewrites cannot test \"stream\": what it tests may follow what "
                     "was to be rewritten");
    if (spec->action == PM_ACTION_REWRITE && match->hello != NULL)
        pmr_fail_key(l, match->hello, CODE_TEST_KIND, "test addresses and ports",
                     "a rule that rewrites cannot test %s: only verdicts are asked about hellos",
                     pmr_quote(pmr_node_key(match->hello)).text);
    if (spec->stage == PM_STAGE_AFTER_REWRITE && match->hello != NULL)
        pmr_fail_key(l, match->hello, CODE_TEST_KIND,
                     "leave \"stage\" out: no rule changes a hello",
                     "after rewriting, nothing waits for %s to be complete",
                     pmr_quote(pmr_node_key(match->hello)).text);
}

static void take_rule(struct load *l, const struct node *rule)
{
    struct pm_rule_spec spec = {.id = ""};
    const struct node *enabled = pmr_node_get(rule, "enabled"), *log = pmr_node_get(rule, "log"),
                      *match;
    struct cond cond = {.id = PM_COND_TRUE, .can_be_tcp = false};
    bool is_enabled = true;

    if (!pmr_expect_kind(l, rule, NODE_OBJECT))
        return;
    pmr_expect_keys(l, rule, rule_keys, sizeof rule_keys / sizeof rule_keys[0], "a rule");
    take_id(l, rule, &spec);
    check_remarks(l, rule);
    take_mode(l, rule, &spec);
    pmr_trace_rule(l, rule);
    match = pmr_expect_member(l, rule, "match", "a rule");
    if (match != NULL)
        cond = pmr_cond_of(l, match);
    spec.match = cond.id;
    take_action(l, rule, &cond, &spec);
    check_http(l, rule, &cond, &spec);
    take_scope(l, rule, &cond, &spec);
    take_stage(l, rule, &spec);
    check_match(l, &cond, &spec);
    take_final(l, rule, &spec);
    if (enabled != NULL)
        pmr_expect_bool(l, enabled, &is_enabled);
    pmr_modifiers_of(l, rule, &cond, &spec);
    if (log != NULL)
        pmr_logging_of(l, log, &spec);
    if (is_enabled)
        see_rule(l, rule, &cond, &spec);
    pmr_trace_rule_end(l, spec.id, is_enabled);
    pmr_meaning_rule(l, rule, &spec, is_enabled);
    if (is_enabled && l->rules->error_count == 0)
        pm_builder_add_rule(l->builder, &spec);
    pmr_lint_rule(l, rule, &spec, is_enabled);
}

void pmr_rules_check(struct load *l)
{
    if (l->seen.final != NULL && l->seen.stream != NULL)
        pmr_fail_key(l, l->seen.final, CODE_KEYS_CLASH, NULL,
                     "\"final\" and tests of \"stream\" exclude each other; rule %s tests it",
                     pmr_quote(l->seen.stream_rule).text);
    else if (l->seen.final != NULL && l->seen.hello_rule != NULL)
        pmr_fail_key(l, l->seen.final, CODE_KEYS_CLASH, NULL,
                     "\"final\" and tests of TLS hellos exclude each other; rule %s tests one",
                     pmr_quote(l->seen.hello_rule).text);
}

void pmr_rules_of(struct load *l, const struct node *list)
{
    if (!pmr_expect_kind(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n))
        take_rule(l, n);
}
