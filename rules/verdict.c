/* verdict.c - allow, drop, delay, reject; ask has a file of its own. */
#include "verdict.h"

#include <string.h>

#include "ask.h"
#include "diagnostic.h"
#include "expect.h"
#include "suggest.h"

#define DELAY_MS_MAX 3600000 /* an hour */

static const uint64_t ns_per_ms = 1000000;

static void take_ms(struct load *l, const struct node *n, uint64_t *out_ns)
{
    int64_t ms;

    if (n != NULL && pmr_expect_whole(l, n, 0, DELAY_MS_MAX, &ms))
        *out_ns = (uint64_t)ms * ns_per_ms;
}

static void take_delay(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const struct key keys[] = {
        {"ms", false}, {"jitter_ms", false}, {"keep_order", false}, {"on_full", false}};
    static const char *const fulls[] = {"release", "drop", NULL};
    const struct node *keep_order = pmr_node_get(n, "keep_order"),
                      *on_full = pmr_node_get(n, "on_full");
    size_t index;

    out->action = PM_ACTION_DELAY;
    out->delay.keep_order = true;
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 4, "a delay");
    take_ms(l, pmr_expect_member(l, n, "ms", "a delay"), &out->delay.delay_ns);
    take_ms(l, pmr_node_get(n, "jitter_ms"), &out->delay.jitter_ns);
    if (keep_order != NULL)
        pmr_expect_bool(l, keep_order, &out->delay.keep_order);
    if (on_full != NULL && pmr_expect_word(l, on_full, fulls, &index))
        out->delay.drop_when_full = index == 1;
}

static void take_reject(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const char *const words[] = {"auto", "tcp-reset", "icmp-admin", NULL};
    size_t index;

    out->action = PM_ACTION_REJECT;
    if (pmr_expect_word(l, n, words, &index))
        out->reject = (enum pm_reject)index;
}

/* Verdicts that are an object, and what to write for those that stand there as a word. */
static const struct {
    const char *name, *example, *why;
} objects[] = {
    {"delay", "write {\"delay\": {\"ms\": 50}}", "a delay has to say how long"},
    {"reject", "write {\"reject\": \"auto\"}", "a reject has to say how the sender is told"},
    {"ask", "write {\"ask\": {\"timeout_ms\": 5000, \"on_timeout\": \"drop\"}}",
     "an ask has to say what happens without an answer"},
};

/* What other tools call it. */
static const char *hint_for(struct load *l, const char *word)
{
    static const char *const others[][2] = {
        {"deny", "drop"},  {"block", "drop"},   {"discard", "drop"},
        {"pass", "allow"}, {"accept", "allow"}, {"permit", "allow"},
    };
    struct suggest suggest = pmr_suggest_for(word);

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i][0], word) == 0)
            return pmr_text(&l->rules->memory, "write \"%s\"", others[i][1]);
    pmr_suggest_offer(&suggest, "allow");
    pmr_suggest_offer(&suggest, "drop");
    return pmr_did_you_mean(l, suggest.best);
}

static void no_verdict(struct load *l, const struct node *n, enum code code, const char *hint)
{
    pmr_fail(l, n, code, hint,
             "expected \"allow\", \"drop\", or an object with \"delay\", \"reject\" or \"ask\", "
             "found %s",
             pmr_found(n).text);
}

static void take_word(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    const char *word = pmr_node_text(n);

    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        if (strcmp(word, objects[i].name) == 0) {
            pmr_fail(l, n, CODE_TYPE, objects[i].example, "%s", objects[i].why);
            return;
        }
    if (strcmp(word, "allow") == 0)
        out->action = PM_ACTION_ALLOW;
    else if (strcmp(word, "drop") != 0)
        no_verdict(l, n, CODE_WORD, hint_for(l, word));
}

void pmr_verdict_of(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const struct key keys[] = {{"delay", false}, {"reject", false}, {"ask", false}};
    const struct node *delay = pmr_node_get(n, "delay"), *reject = pmr_node_get(n, "reject"),
                      *ask = pmr_node_get(n, "ask");

    out->action = PM_ACTION_DROP;
    if (n->bad)
        return;
    if (pmr_node_kind(n) == NODE_STRING) {
        take_word(l, n, out);
        return;
    }
    if (pmr_node_kind(n) != NODE_OBJECT) {
        no_verdict(l, n, CODE_TYPE, NULL);
        return;
    }
    pmr_expect_keys(l, n, keys, 3, "a verdict");
    if (pmr_node_count(n) != 1)
        pmr_fail(l, n, CODE_KEYS_CLASH, NULL, "a verdict object has exactly one key");
    if (delay != NULL)
        take_delay(l, delay, out);
    if (reject != NULL)
        take_reject(l, reject, out);
    if (ask != NULL)
        pmr_ask_of(l, ask, out);
}
