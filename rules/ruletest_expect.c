/* ruletest_expect.c - tests of a rule file: what is expected. */
#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "ruletests.h"
#include "suggest.h"

/* ------------------------------------------------------------------ rules */

static const char *nearest_id(const struct load *l, const char *wrong)
{
    struct suggest suggest = pmr_suggest_for(wrong);

    for (size_t i = 0; i < l->ids.cap; i++)
        if (l->ids.slots[i].text != NULL)
            pmr_suggest_offer(&suggest, l->ids.slots[i].text);
    return suggest.best;
}

bool pmr_ruletest_is_rule(struct load *l, const struct node *n, const char *id, bool is_key)
{
    const char *hint;

    if (pmr_names_get(&l->ids, id) != NULL)
        return true;
    hint = pmr_did_you_mean(l, nearest_id(l, id));
    (is_key ? pmr_fail_key : pmr_fail)(l, n, CODE_UNKNOWN_RULE, hint, "there is no rule %s",
                                       pmr_quote(id).text);
    return false;
}

/* n, {"ge": n}, {"le": n} */
static void take_hits(struct load *l, const struct node *n, struct pm_ruletest_hits *out)
{
    static const struct key keys[] = {{"ge", false}, {"le", false}};
    int64_t least = 0, most = INT64_C(1) << 53;

    if (pmr_node_kind(n) != NODE_OBJECT) {
        if (pmr_expect_whole(l, n, 0, most, &least))
            out->least = out->most = (uint64_t)least;
        return;
    }
    pmr_expect_keys(l, n, keys, 2, "a number of hits");
    if (pmr_node_first(n) == NULL)
        pmr_fail(l, n, CODE_EMPTY, NULL, "a number of hits has \"ge\" or \"le\"");
    pmr_ruletest_number(l, n, "ge", most, &least);
    pmr_ruletest_number(l, n, "le", most, &most);
    out->least = (uint64_t)least;
    out->most = (uint64_t)most;
}

static void take_rule(struct load *l, const struct node *n, struct pm_ruletest_hits *out)
{
    static const struct key keys[] = {{"hits", false}};
    const struct node *hits;

    pmr_ruletest_is_rule(l, n, pmr_node_key(n), true);
    out->rule = pmr_memory_copy(&l->rules->memory, pmr_node_key(n), strlen(pmr_node_key(n)));
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 1, "what is expected of a rule");
    hits = pmr_expect_member(l, n, "hits", "what is expected of a rule");
    if (hits != NULL)
        take_hits(l, hits, out);
}

static void take_rules(struct load *l, const struct node *object, struct pm_ruletest *out)
{
    struct pm_ruletest_hits *hits;

    if (!pmr_expect_filled(l, object, NODE_OBJECT))
        return;
    hits = pmr_memory_array(&l->rules->memory, pmr_node_count(object), sizeof *hits);
    if (hits == NULL)
        return;
    for (const struct node *n = pmr_node_first(object); n != NULL; n = pmr_node_next(n))
        take_rule(l, n, &hits[out->hit_count++]);
    out->hits = hits;
}

/* ------------------------------------------------------------------ packets */

static void take_expected_rule(struct load *l, const struct node *n,
                               struct pm_ruletest_packet_expected *out)
{
    if (pmr_node_kind(n) == NODE_NULL) {
        out->has_rule = true;
        return;
    }
    out->rule = pmr_ruletest_text(l, n);
    out->has_rule = out->rule != NULL && pmr_ruletest_is_rule(l, n, out->rule, false);
}

static void take_expected(struct load *l, const struct node *n,
                          struct pm_ruletest_packet_expected *out)
{
    static const struct key keys[] = {
        {"verdict", false}, {"rule", false}, {"payload", false}, {"leaves", false}};
    static const char *const words[] = {"allow", "drop", "delay", "reject", "ask", NULL};
    const struct node *verdict, *rule, *payload, *leaves;
    size_t index;

    if (!pmr_expect_filled(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 4, "what is expected of a packet");
    verdict = pmr_node_get(n, "verdict");
    rule = pmr_node_get(n, "rule");
    payload = pmr_node_get(n, "payload");
    leaves = pmr_node_get(n, "leaves");
    if (leaves != NULL && pmr_node_kind(leaves) == NODE_OBJECT) {
        out->has_leaves = out->leaves = true;
        pmr_ruletest_leaving_of(l, leaves, &out->leaving);
    } else if (leaves != NULL) {
        out->has_leaves = pmr_expect_bool(l, leaves, &out->leaves);
    }
    if (verdict != NULL && pmr_expect_word(l, verdict, words, &index))
        out->verdict = (enum pm_ruletest_verdict)(PM_RULETEST_ALLOW + index);
    if (rule != NULL)
        take_expected_rule(l, rule, out);
    if (payload != NULL)
        pmr_ruletest_bytes(l, payload, &out->payload);
}

static void take_packets(struct load *l, const struct node *list, struct pm_ruletest *out)
{
    struct pm_ruletest_packet_expected *expected;
    size_t count = pmr_node_count(list), at = 0, whole = 0;

    if (!pmr_expect_kind(l, list, NODE_LIST))
        return;
    if (out->kind != PM_RULETEST_PACKETS) {
        pmr_fail(l, list, CODE_RULETEST, NULL, "single packets are expected of \"packets\" only");
        return;
    }
    if (out->packets != NULL && count != out->packet_count) {
        pmr_fail(l, list, CODE_RULETEST, NULL, "%zu packets come in, but %zu are expected",
                 out->packet_count, count);
        return;
    }
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n))
        whole += pmr_node_first(n) != NULL;
    expected = pmr_memory_array(&l->rules->memory, whole + 1, sizeof *expected);
    if (expected == NULL)
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        struct pm_ruletest_packet_expected none = {.rule = NULL};

        /* without room for what is empty: the file is refused for it */
        take_expected(l, n, pmr_node_first(n) != NULL ? &expected[at++] : &none);
    }
    out->expected = expected;
}

/* ------------------------------------------------------------------ all of it */

static void take_stream(struct load *l, const struct node *n, struct pm_ruletest *out, unsigned way)
{
    if (out->kind != PM_RULETEST_STREAM)
        pmr_fail_key(l, n, CODE_RULETEST, NULL, "%s is expected of a \"stream\" only",
                     pmr_quote(pmr_node_key(n)).text);
    else
        pmr_ruletest_bytes(l, n, &out->streams[way]);
}

void pmr_ruletest_expect_of(struct load *l, const struct node *n, struct pm_ruletest *out)
{
    static const struct key keys[] = {
        {"packets", false}, {"to_server", false}, {"to_client", false}, {"rules", false}};
    const struct node *packets, *rules, *ways[2];

    if (pmr_node_kind(n) == NODE_LIST) {
        take_packets(l, n, out);
        return;
    }
    if (!pmr_expect_filled(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 4, "what is expected");
    packets = pmr_node_get(n, "packets");
    rules = pmr_node_get(n, "rules");
    ways[0] = pmr_node_get(n, "to_server");
    ways[1] = pmr_node_get(n, "to_client");
    if (packets != NULL)
        take_packets(l, packets, out);
    if (rules != NULL)
        take_rules(l, rules, out);
    for (unsigned i = 0; i < 2; i++)
        if (ways[i] != NULL)
            take_stream(l, ways[i], out, i);
}
