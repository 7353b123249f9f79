/* lint_cost.c - what rules cost: bytes that wait, expressions that are slow, connections that
 * stall; and finds that never come, since only ciphertext passes. */
#include <string.h>

#include "lint.h"

#define REGEXES_MAX 64u   /* more of them are told of */
#define WAIT_MS     1000u /* about when a sender repeats itself */

static const struct node *key_of(const struct linted_rule *rule, const char *key)
{
    const struct node *n = pmr_node_get(rule->node, key);

    return n == NULL ? pmr_linted_id(rule) : n;
}

static bool is_find(const struct pm_op_spec *op)
{
    return op->kind == PM_OP_REPLACE;
}

/* ------------------------------------------------------------------ what waits */

static bool may_be_tcp(const struct boxes *boxes)
{
    bool may = boxes->is_unknown;

    for (size_t i = 0; i < boxes->count; i++)
        may = may || (boxes->at[i].l4 & BOX_TCP) != 0;
    return may;
}

static uint32_t held_by(const struct load *l, const struct pm_op_spec *op, bool may_be_stream)
{
    uint32_t usual = l->hold_bytes < 1024 ? l->hold_bytes : 1024;
    bool is_dns = op->kind == PM_OP_DNS || op->kind == PM_OP_DNS_NAME;

    if (is_dns && may_be_stream)
        return l->hold_bytes;
    if (!is_find(op) || op->replace.where == PM_IN_PAYLOAD || !may_be_stream)
        return 0;
    if (op->replace.is_regex)
        return op->replace.max_match > 0 ? op->replace.max_match : usual;
    return op->replace.find_len - 1;
}

static void look_at_waiting(struct load *l)
{
    struct lint *x = l->lint;
    const struct pm_settings *settings = pm_policy_settings(l->rules->policy);
    const struct linted_rule *longest = NULL;
    const struct node *policy = pmr_node_get(&l->files[0]->nodes[0], "policy"), *ms;
    uint32_t held = 0;

    for (size_t i = 0; i < x->rule_count; i++) {
        const struct linted_rule *rule = &x->rules[i];
        struct memory scratch = {0};
        struct boxes boxes;

        if (rule->index == PMR_NO_INDEX || rule->spec.action != PM_ACTION_REWRITE)
            continue;
        boxes = pmr_boxes_of(&x->geometry, &scratch, rule->spec.match);
        for (size_t j = 0; j < rule->spec.op_count; j++) {
            uint32_t len = held_by(l, &rule->spec.ops[j], may_be_tcp(&boxes));

            longest = len > held ? rule : longest;
            held = len > held ? len : held;
        }
        pmr_memory_free(&scratch);
    }
    if (longest == NULL)
        return;
    held = held < settings->hold_bytes ? held : settings->hold_bytes;
    pmr_note(l,
             "edits of streams hold back up to %u byte%s of a direction, for up to %u ms (\"%s\")",
             held, held == 1 ? "" : "s", settings->hold_ms, longest->spec.id);
    ms = policy == NULL ? NULL : pmr_node_get(policy, "hold_ms");
    if (settings->hold_ms > WAIT_MS && ms != NULL && x->options.platform != PM_PLATFORM_REPLAY)
        pmr_remark(l, &(struct remark){.code = CODE_LONG_HOLD, .at = ms},
                   "up to %u bytes wait for up to %u ms; a live sender repeats them after about %u",
                   held, settings->hold_ms, WAIT_MS);
}

/* ------------------------------------------------------------------ expressions */

/* It begins with what fits at any byte, so that it is tried at every one to the end of the line. */
static bool begins_anywhere(const uint8_t *pattern, uint32_t len)
{
    static const char *const starts[] = {".*",        ".+",     "(.*",       "(.+",
                                         "(?s).*",    "(?s).+", "[\\s\\S]*", "[\\s\\S]+",
                                         "[\\S\\s]*", "(?:.*",  "(?i).*"};

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strlen(starts[i]) <= len && memcmp(pattern, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static bool has_text(const uint8_t *pattern, uint32_t len, const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(pattern + i, text, n) == 0)
            return true;
    return false;
}

/* Something in it goes on over everything, line ends too. */
static bool goes_on(const uint8_t *pattern, uint32_t len)
{
    bool is_dotall = has_text(pattern, len, "(?s)");

    return has_text(pattern, len, "[\\s\\S]*") || has_text(pattern, len, "[\\s\\S]+") ||
           has_text(pattern, len, "[\\S\\s]*") || has_text(pattern, len, "(.|\\n)*") ||
           (is_dotall && (has_text(pattern, len, ".*") || has_text(pattern, len, ".+")));
}

static void tell_open(struct load *l, const struct node *at)
{
    pmr_remark(l,
               &(struct remark){
                   .code = CODE_OPEN_REGEX, .at = at, .hint = "begin with what must be there"},
               "the expression begins with anything, so it is tried at every byte");
}

static void look_at_ops(struct load *l, const struct linted_rule *rule, size_t *regexes)
{
    for (size_t i = 0; i < rule->spec.op_count; i++) {
        const struct pm_op_spec *op = &rule->spec.ops[i];
        const struct node *at = key_of(rule, "rewrite");

        if (!is_find(op) || !op->replace.is_regex)
            continue;
        ++*regexes;
        if (begins_anywhere(op->replace.find, op->replace.find_len))
            tell_open(l, at);
        else if (goes_on(op->replace.find, op->replace.find_len) && op->replace.max_match == 0 &&
                 op->replace.where != PM_IN_PAYLOAD)
            pmr_remark(l,
                       &(struct remark){.code = CODE_UNBOUNDED_REGEX,
                                        .at = at,
                                        .hint = "give it a \"max_match\""},
                       "the expression has no end of its own: what it finds is cut at 1024 bytes");
    }
}

/* Adds the expressions in the condition. */
static void look_at_match(struct load *l, const struct linted_rule *rule, pm_cond_id id,
                          size_t *regexes)
{
    const struct symbol *s = pmr_symbol(&l->lint->symbols, id);

    if (s == NULL)
        return;
    for (uint32_t i = 0; s->kind == SYMBOL_TEST && i < s->count; i++) {
        const struct pm_value *v = &s->values[i];

        if (v->kind != PM_VALUE_REGEX)
            continue;
        ++*regexes;
        if (begins_anywhere(v->regex.pattern, v->regex.len))
            tell_open(l, key_of(rule, "match"));
    }
    /* no deeper than the loader lets conditions nest */
    for (uint32_t i = 0; s->kids != NULL && i < s->count; i++)
        look_at_match(l, rule, s->kids[i], regexes);
}

static void look_at_regexes(struct load *l)
{
    struct lint *x = l->lint;
    size_t regexes = 0;

    for (size_t i = 0; i < x->rule_count; i++) {
        size_t before = regexes;

        if (x->rules[i].index == PMR_NO_INDEX)
            continue;
        look_at_ops(l, &x->rules[i], &regexes);
        look_at_match(l, &x->rules[i], x->rules[i].spec.match, &regexes);
        if (before <= REGEXES_MAX && regexes > REGEXES_MAX)
            pmr_remark(l,
                       &(struct remark){.code = CODE_MANY_REGEXES,
                                        .at = pmr_linted_id(&x->rules[i]),
                                        .hint = "fixed texts go into a set, which is fast"},
                       "more than %u expressions from here on: each is tried on every payload that "
                       "gets to it",
                       REGEXES_MAX);
    }
}

/* ------------------------------------------------------------------ connections */

/* It drops TCP packets for what is in them. */
static bool drops_for_content(struct lint *x, const struct linted_rule *rule)
{
    struct memory scratch = {0};
    struct boxes boxes = pmr_boxes_of(&x->geometry, &scratch, rule->spec.match);
    bool is_found = false;

    for (size_t i = 0; i < boxes.count && !boxes.is_unknown; i++)
        for (uint32_t j = 0; j < boxes.at[i].atom_count; j++) {
            int32_t atom = boxes.at[i].atoms[j];
            enum pm_field field = atom > 0 ? x->geometry.atom_list[atom - 1].field : PM_FIELD_DIR;

            is_found = is_found || ((boxes.at[i].l4 & BOX_TCP) != 0 &&
                                    (field == PM_FIELD_PAYLOAD || field == PM_FIELD_STREAM ||
                                     (field >= PM_FIELD_TLS_NAME && field <= PM_FIELD_TLS_JA4)));
        }
    pmr_memory_free(&scratch);
    return is_found;
}

static bool is_within_ports(const struct numbers *n, bool is_tcp)
{
    static const uint16_t tcp[] = {22,  443, 465, 563, 636, 853,  989,
                                   990, 992, 993, 994, 995, 5061, 8443};
    static const uint16_t udp[] = {443, 853, 1194, 4500, 51820};
    const uint16_t *ports = is_tcp ? tcp : udp;
    size_t count = is_tcp ? sizeof tcp / sizeof tcp[0] : sizeof udp / sizeof udp[0];

    for (uint32_t i = 0; n != NULL && i < n->count; i++) {
        bool is_known = false;

        for (size_t j = 0; j < count; j++)
            is_known = is_known || (n->at[i].lo.low == ports[j] && n->at[i].hi.low == ports[j]);
        if (!is_known)
            return false;
    }
    return n != NULL && n->count > 0 && !n->may_miss;
}

/* On all of its ports TLS, SSH or the like is spoken. */
static bool sees_only_ciphertext(struct lint *x, const struct linted_rule *rule)
{
    struct memory scratch = {0};
    struct boxes boxes = pmr_boxes_of(&x->geometry, &scratch, rule->spec.match);
    bool is_only = !boxes.is_unknown && boxes.count > 0;

    for (size_t i = 0; i < boxes.count && is_only; i++) {
        const struct box *b = &boxes.at[i];

        is_only = is_within_ports(b->sides[PM_FIELD_TCP_SRCPORT], true) ||
                  is_within_ports(b->sides[PM_FIELD_TCP_DSTPORT], true) ||
                  is_within_ports(b->sides[PM_FIELD_UDP_SRCPORT], false) ||
                  is_within_ports(b->sides[PM_FIELD_UDP_DSTPORT], false);
    }
    pmr_memory_free(&scratch);
    return is_only;
}

static bool has_find(const struct linted_rule *rule)
{
    for (size_t i = 0; i < rule->spec.op_count; i++)
        if (is_find(&rule->spec.ops[i]))
            return true;
    return false;
}

static void look_at_connections(struct load *l)
{
    struct lint *x = l->lint;

    for (size_t i = 0; i < x->rule_count; i++) {
        const struct linted_rule *rule = &x->rules[i];

        if (rule->index == PMR_NO_INDEX || !pmr_lint_may(x, 1))
            continue;
        if (rule->spec.action == PM_ACTION_DROP && pmr_rule_decides(&rule->spec) &&
            drops_for_content(x, rule))
            pmr_remark(l,
                       &(struct remark){.code = CODE_STALLS,
                                        .at = key_of(rule, "verdict"),
                                        .hint = "{ \"reject\": \"auto\" } ends it at once"},
                       "where this drops data of a TCP connection, both ends hang until they time "
                       "out");
        if (rule->spec.action == PM_ACTION_REWRITE && has_find(rule) &&
            sees_only_ciphertext(x, rule))
            pmr_remark(l, &(struct remark){.code = CODE_CIPHERTEXT, .at = key_of(rule, "rewrite")},
                       "only encrypted data passes on these ports: what is looked for there is "
                       "never seen as text");
    }
}

void pmr_lint_cost(struct load *l)
{
    look_at_waiting(l);
    look_at_regexes(l);
    look_at_connections(l);
}
