/* modifier.c - what narrows a rule beyond its match: limit, sample, count; when has its own file.
 */
#include "modifier.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "keyfield.h"
#include "notation.h"
#include "when.h"

#define BURST_MAX 1000000000

/* ------------------------------------------------------------------ limit */

bool pmr_rate_of(struct load *l, const struct node *n, uint32_t *count, uint64_t *per_ns)
{
    struct complaint c = {.text = ""};
    struct rate rate;

    if (pmr_node_kind(n) == NODE_NUMBER && !n->bad) {
        pmr_fail(l, n, CODE_TYPE,
                 pmr_text(&l->rules->memory, "write \"%.0f/s\"", pmr_node_number(n)),
                 "expected a rate like \"10/s\", found %s", pmr_found(n).text);
        return false;
    }
    if (!pmr_expect_kind(l, n, NODE_STRING))
        return false;
    if (!pmr_parse_rate(pmr_node_text(n), &rate, &c)) {
        pmr_fail(l, n, c.code, NULL, "%s", c.text);
        return false;
    }
    *count = rate.count;
    *per_ns = rate.per_ns;
    return true;
}

static bool is_word(const struct node *n, const char *word)
{
    return pmr_node_kind(n) == NODE_STRING && !n->bad && strcmp(pmr_node_text(n), word) == 0;
}

/* "flow" and "rule" stand alone in the list; "flow" is not the field of that name here. */
static void take_per(struct load *l, const struct node *list, struct pm_modifiers *out)
{
    struct key_fields key;

    if (pmr_node_kind(list) == NODE_STRING && !list->bad) {
        pmr_fail(l, list, CODE_TYPE,
                 pmr_text(&l->rules->memory, "write [%s]", pmr_found(list).text),
                 "expected a list, found %s", pmr_found(list).text);
        return;
    }
    if (!pmr_expect_filled(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        if (!is_word(n, "flow") && !is_word(n, "rule"))
            continue;
        if (pmr_node_count(list) > 1)
            pmr_fail(l, n, CODE_KEYS_CLASH, NULL, "%s stands alone in \"per\"", pmr_found(n).text);
        out->limit.per = is_word(n, "flow") ? PM_PER_FLOW : PM_PER_RULE;
        return;
    }
    if (!pmr_key_fields_of(l, list, &key))
        return;
    out->limit.per = PM_PER_FIELDS;
    memcpy(out->limit.fields, key.fields, sizeof out->limit.fields);
    out->limit.field_count = key.count;
}

static void take_limit(struct load *l, const struct node *n, struct pm_modifiers *out)
{
    static const struct key keys[] = {
        {"rate", false}, {"burst", false}, {"per", false}, {"over", false}};
    static const char *const overs[] = {"no-match", "match", NULL};
    const struct node *rate, *per = pmr_node_get(n, "per"), *over = pmr_node_get(n, "over");
    uint64_t burst = 0;
    size_t index;

    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 4, "a limit");
    rate = pmr_expect_member(l, n, "rate", "a limit");
    if (rate != NULL)
        pmr_rate_of(l, rate, &out->limit.tokens, &out->limit.per_ns);
    if (pmr_take_number(l, n, "burst", 1, BURST_MAX, &burst))
        out->limit.burst = (uint32_t)burst;
    if (per != NULL)
        take_per(l, per, out);
    if (over != NULL && pmr_expect_word(l, over, overs, &index))
        out->limit.over_matches = index == 1;
}

/* ------------------------------------------------------------------ sample */

static void take_sample(struct load *l, const struct node *n, struct pm_modifiers *out)
{
    static const struct key keys[] = {
        {"probability", false}, {"every", false}, {"by", false}, {"seed", false}};
    static const char *const bys[] = {"packet", "flow", NULL};
    const struct node *probability = pmr_node_get(n, "probability"),
                      *every = pmr_node_get(n, "every"), *by = pmr_node_get(n, "by");
    uint64_t number = 0;
    size_t index;

    if (!pmr_expect_some(l, n, keys, 4, "a sample"))
        return;
    if ((probability == NULL) == (every == NULL))
        pmr_fail(l, n, probability == NULL ? CODE_MISSING_KEY : CODE_KEYS_CLASH, NULL,
                 "a sample has either \"probability\" or \"every\"");
    if (every != NULL && pmr_node_get(n, "seed") != NULL)
        pmr_fail_key(l, pmr_node_get(n, "seed"), CODE_KEYS_CLASH, NULL,
                     "\"seed\" belongs to a \"probability\"; nothing is drawn for \"every\"");
    if (probability != NULL)
        out->sample.is_set = pmr_expect_probability(l, probability, true, &out->sample.probability);
    if (pmr_take_number(l, n, "every", 1, UINT32_MAX, &number))
        out->sample.every = (uint32_t)number;
    if (by != NULL && pmr_expect_word(l, by, bys, &index))
        out->sample.by_flow = index == 1;
    pmr_take_number(l, n, "seed", 0, PMR_WHOLE_MAX, &out->sample.seed);
}

/* ------------------------------------------------------------------ count */

static void take_count(struct load *l, const struct node *n, struct pm_modifiers *out)
{
    static const struct key keys[] = {{"first", false}, {"skip", false}, {"max_per_flow", false}};

    if (!pmr_expect_some(l, n, keys, 3, "a count"))
        return;
    out->count.has_first = pmr_node_get(n, "first") != NULL;
    pmr_take_number(l, n, "first", 1, PMR_WHOLE_MAX, &out->count.first);
    pmr_take_number(l, n, "skip", 0, PMR_WHOLE_MAX, &out->count.skip);
    pmr_take_number(l, n, "max_per_flow", 1, PMR_WHOLE_MAX, &out->count.max_per_flow);
}

/* ------------------------------------------------------------------ what does not fit */

/* What an edit does to a whole flow, or NULL: it is made packet by packet. */
static const char *flow_edit(const struct pm_op_spec *op, const struct cond *match)
{
    enum pm_where where = PM_IN_PAYLOAD;

    switch (op->kind) {
    case PM_OP_REPLACE:
        where = op->replace.where;
        break;
    case PM_OP_INSERT:
        where = op->insert.where;
        break;
    case PM_OP_DELETE:
        where = op->delete.where;
        break;
    case PM_OP_NAT:
        return "translates whole flows";
    case PM_OP_TCP_OPTIONS:
        return "changes what a connection's ends agree on";
    case PM_OP_EXTERNAL:
    case PM_OP_HTTP:
        return "edits a TCP stream";
    case PM_OP_SET:
    case PM_OP_ADD:
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_SEGMENT:
    case PM_OP_FRAGMENT:
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
        break;
    }
    return where == PM_IN_PAYLOAD || !match->can_be_tcp ? NULL : "edits a TCP stream";
}

/* Such a rule is asked once for each flow: a packet that is sent again has to get what it got. */
static void check_flow_edit(struct load *l, const struct node *rule, const char *does,
                            const struct pm_modifiers *m)
{
    const struct node *sample = pmr_node_get(rule, "sample"), *count = pmr_node_get(rule, "count"),
                      *limit = pmr_node_get(rule, "limit");
    const struct node *most = count == NULL ? NULL : pmr_node_get(count, "max_per_flow");

    bool is_sampled = m->sample.is_set || m->sample.every != 0;

    if (sample != NULL && !m->sample.by_flow && is_sampled)
        pmr_fail_key(l, sample, CODE_MODIFIER, "add \"by\": \"flow\"",
                     "the rule %s, so packets cannot be sampled one by one", does);
    if (most != NULL)
        pmr_fail_key(l, most, CODE_MODIFIER, NULL,
                     "the rule %s, so it matches a flow once; \"max_per_flow\" has no meaning",
                     does);
    if (limit != NULL && m->limit.per == PM_PER_FLOW)
        pmr_fail_key(l, limit, CODE_MODIFIER, "leave \"per\" out to limit the flows of the rule",
                     "the rule %s, so it matches a flow once; a limit per flow has no meaning",
                     does);
}

static const char *what_it_does(const struct cond *match, const struct pm_rule_spec *spec)
{
    const char *does = NULL;

    for (size_t i = 0; i < spec->op_count && does == NULL; i++)
        does = flow_edit(&spec->ops[i], match);
    return does;
}

void pmr_modifiers_count(struct load *l, const struct node *rule, const struct cond *match,
                         const struct pm_rule_spec *spec)
{
    bool has_any = pmr_node_get(rule, "limit") != NULL || pmr_node_get(rule, "sample") != NULL ||
                   pmr_node_get(rule, "count") != NULL || pmr_node_get(rule, "when") != NULL;

    if (has_any && what_it_does(match, spec) != NULL && l->seen.answers++ == PM_FLOW_ANSWERS)
        pmr_fail(l, rule, CODE_LIMIT, NULL,
                 "at most %u rules that edit streams or whole flows can have modifiers",
                 PM_FLOW_ANSWERS);
}

static void check_fit(struct load *l, const struct node *rule, const struct cond *match,
                      const struct pm_rule_spec *spec)
{
    const char *does = what_it_does(match, spec);

    if (does != NULL)
        check_flow_edit(l, rule, does, &spec->modifiers);
}

void pmr_modifiers_of(struct load *l, const struct node *rule, const struct cond *match,
                      struct pm_rule_spec *out)
{
    const struct node *limit = pmr_node_get(rule, "limit"), *sample = pmr_node_get(rule, "sample"),
                      *count = pmr_node_get(rule, "count"), *when = pmr_node_get(rule, "when");

    if (limit != NULL)
        take_limit(l, limit, &out->modifiers);
    if (sample != NULL)
        take_sample(l, sample, &out->modifiers);
    if (count != NULL)
        take_count(l, count, &out->modifiers);
    if (when != NULL)
        pmr_when_of(l, when, &out->modifiers);
    check_fit(l, rule, match, out);
}
