/* verdict.c - allow, drop, delay. */
#include "verdict.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"

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

static void take_word(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const char *const words[] = {"allow", "drop", NULL};
    const char *text = pmr_node_text(n);
    size_t index;

    if (strcmp(text, "reject") == 0 || strcmp(text, "ask") == 0)
        pmr_not_yet(l, n, text);
    else if (strcmp(text, "delay") == 0)
        pmr_fail(l, n, CODE_TYPE, "write {\"delay\": {\"ms\": 50}}", "a delay has to say how long");
    else if (pmr_expect_word(l, n, words, &index))
        out->action = index == 0 ? PM_ACTION_ALLOW : PM_ACTION_DROP;
}

void pmr_verdict_of(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const struct key keys[] = {{"delay", false}, {"reject", true}, {"ask", true}};
    const struct node *delay = pmr_node_get(n, "delay");

    out->action = PM_ACTION_DROP;
    if (n->bad)
        return;
    if (pmr_node_kind(n) == NODE_STRING) {
        take_word(l, n, out);
        return;
    }
    if (pmr_node_kind(n) != NODE_OBJECT) {
        pmr_fail(l, n, CODE_TYPE, NULL,
                 "expected \"allow\", \"drop\" or {\"delay\": ...}, found %s", pmr_found(n).text);
        return;
    }
    pmr_expect_keys(l, n, keys, 3, "a verdict");
    if (pmr_node_count(n) != 1)
        pmr_fail(l, n, CODE_KEYS_CLASH, NULL, "a verdict object has exactly one key");
    if (delay != NULL)
        take_delay(l, delay, out);
}
