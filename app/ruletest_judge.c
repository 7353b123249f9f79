/* ruletest_judge.c - holds a run of a test to what is expected of it, and explains what differs. */
#include "app/ruletest_judge.h"

#include <inttypes.h>
#include <string.h>

#include "app/explanation.h"

#define SHOWN_BEFORE 20u /* bytes around the first difference */
#define SHOWN_BEHIND 30u

struct judge {
    const struct pm_ruletest *test;
    const struct pm_ruletest_seen *seen;
    const struct pm_policy *policy;
    FILE *text;
    size_t count, most;
    struct pm_ruletest_wrong *wrong;
};

/* Counts one more; true: it is told. */
static bool differs(struct judge *j)
{
    return j->count++ < j->most;
}

static void note_wrong(struct judge *j, struct pm_ruletest_wrong wrong)
{
    if (j->wrong->is_set)
        return;
    *j->wrong = wrong;
    j->wrong->is_set = true;
}

/* ------------------------------------------------------------------ bytes */

/* One byte as it would stand in a JSON text or beside it; its width. */
static int show_byte(uint8_t byte, FILE *out)
{
    static const char named[] = "\r\n\t\"\\", names[] = "rnt\"\\";
    const char *name = byte == 0 ? NULL : strchr(named, byte);
    if (name != NULL) {
        if (out != NULL)
            fprintf(out, "\\%c", names[name - named]);
        return 2;
    }
    if (byte >= 0x20 && byte < 0x7f) {
        if (out != NULL)
            putc(byte, out);
        return 1;
    }
    if (out != NULL)
        fprintf(out, "\\x%02x", byte);
    return 4;
}

struct bytes {
    const uint8_t *at;
    size_t len;
};

static void show_around(const char *label, struct bytes bytes, size_t at, FILE *out)
{
    size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
    size_t to = bytes.len - from < SHOWN_BEFORE + SHOWN_BEHIND ? bytes.len
                                                               : from + SHOWN_BEFORE + SHOWN_BEHIND;
    fprintf(out, "    %-9s %s\"", label, from > 0 ? "..." : "");
    for (size_t i = from; i < to; i++)
        show_byte(bytes.at[i], out);
    fprintf(out, "\"%s\n", to < bytes.len ? "..." : "");
}

static void show_caret(struct bytes bytes, size_t at, FILE *out)
{
    size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
    int width = 4 + 9 + 2 + (from > 0 ? 3 : 0);
    for (size_t i = from; i < at && i < bytes.len; i++)
        width += show_byte(bytes.at[i], NULL);
    fprintf(out, "%*s^ byte %zu\n", width, "", at);
}

static size_t first_difference(struct bytes a, struct bytes b)
{
    size_t at = 0;
    while (at < a.len && at < b.len && a.at[at] == b.at[at])
        at++;
    return at;
}

static bool is_same(struct bytes a, struct bytes b)
{
    return a.len == b.len && first_difference(a, b) == a.len;
}

static void compare(struct judge *j, const char *what, struct bytes expected, struct bytes actual)
{
    size_t at = first_difference(expected, actual);
    if (is_same(expected, actual) || !differs(j))
        return;
    fprintf(j->text, "%s: ", what);
    if (at == actual.len)
        fprintf(j->text, "it ends after %zu bytes, expected %zu\n", actual.len, expected.len);
    else if (at == expected.len)
        fprintf(j->text, "%zu byte%s more than the %zu that are expected\n", actual.len - at,
                actual.len - at == 1 ? "" : "s", expected.len);
    else
        fprintf(j->text, "byte %zu is not as expected (%zu bytes came, expected %zu)\n", at,
                actual.len, expected.len);
    show_around("expected", expected, at, j->text);
    show_around("actual", actual, at, j->text);
    show_caret(actual, at, j->text);
}

/* ------------------------------------------------------------------ packets */

static bool is_verdict(enum pm_ruletest_verdict expected, enum pm_verdict actual)
{
    switch (expected) {
    case PM_RULETEST_ANY_VERDICT:
        return true;
    case PM_RULETEST_ALLOW:
        return actual == PM_ALLOW;
    case PM_RULETEST_DROP:
        return actual == PM_DROP;
    case PM_RULETEST_DELAY:
        return actual == PM_DELAY;
    case PM_RULETEST_REJECT:
        return actual == PM_REJECT;
    case PM_RULETEST_ASK:
        return actual == PM_ASK;
    }
    return false;
}

static const char *expected_name(enum pm_ruletest_verdict verdict)
{
    static const char *const names[] = {"any verdict", "allow", "drop", "delay", "reject", "ask"};
    return names[verdict];
}

static bool is_rule(const struct judge *j, const char *expected, uint32_t rule)
{
    if (expected == NULL || rule == PM_NO_RULE)
        return expected == NULL && rule == PM_NO_RULE;
    return strcmp(pm_policy_rule_id(j->policy, rule), expected) == 0;
}

static void tell_decision(const struct judge *j, const struct pm_decision *d)
{
    fprintf(j->text, "    actual    %s", pm_verdict_name(d->verdict));
    if (d->rule != PM_NO_RULE)
        fprintf(j->text, " by \"%s\"", pm_policy_rule_id(j->policy, d->rule));
    else
        fprintf(j->text, " (%s)", pm_why_text(d->why));
    if (d->rule != PM_NO_RULE && d->why != PM_WHY_RULE)
        fprintf(j->text, " (%s)", pm_why_text(d->why));
    putc('\n', j->text);
}

static void judge_decision(struct judge *j, size_t number,
                           const struct pm_ruletest_packet_expected *e, const struct pm_decision *d)
{
    if ((is_verdict(e->verdict, d->verdict) && (!e->has_rule || is_rule(j, e->rule, d->rule))) ||
        !differs(j))
        return;
    fprintf(j->text, "packet %zu: another %s\n    expected  %s", number,
            is_verdict(e->verdict, d->verdict) ? "rule decided" : "verdict",
            expected_name(e->verdict));
    if (e->has_rule && e->rule != NULL)
        fprintf(j->text, " by \"%s\"", e->rule);
    else if (e->has_rule)
        fputs(" by no rule", j->text);
    putc('\n', j->text);
    tell_decision(j, d);
}

static void judge_leaving(struct judge *j, size_t index)
{
    const struct pm_ruletest_packet_expected *e = &j->test->expected[index];
    const struct pm_ruletest_seen_packet *seen = &j->seen->packets[index];
    char what[48];
    if (e->has_leaves && e->leaves != seen->left && differs(j)) {
        fprintf(j->text, "packet %zu: %s\n", index + 1,
                seen->left ? "it leaves, and should not" : "it does not leave, and should");
        tell_decision(j, &seen->decision);
    }
    if (seen->unmet != NULL && differs(j))
        fprintf(j->text, "packet %zu: it leaves, but \"%s\" is not as expected\n", index + 1,
                seen->unmet);
    if (!e->payload.is_set)
        return;
    snprintf(what, sizeof what, "packet %zu, payload", index + 1);
    compare(j, what, (struct bytes){e->payload.at, e->payload.len},
            (struct bytes){seen->payload, seen->len});
}

static void judge_packet(struct judge *j, size_t index)
{
    const struct pm_ruletest_packet_expected *e = &j->test->expected[index];
    const struct pm_ruletest_seen_packet *seen = &j->seen->packets[index];
    if (!seen->was_judged) {
        if (differs(j))
            fprintf(j->text, "packet %zu: it was not judged\n", index + 1);
        return;
    }
    size_t before = j->count;
    judge_decision(j, index + 1, e, &seen->decision);
    if (j->count > before) {
        note_wrong(j, (struct pm_ruletest_wrong){.frame = index + 1, .rule = e->rule});
        return; /* all else follows from it */
    }
    judge_leaving(j, index);
    if (j->count > before)
        note_wrong(j, (struct pm_ruletest_wrong){.frame = index + 1, .is_edit = true});
}

/* ------------------------------------------------------------------ streams */

static void judge_way(struct judge *j, unsigned way)
{
    static const char *const names[] = {"to_server", "to_client"};
    const struct pm_assembly *a = &j->seen->ways[way];
    const struct pm_ruletest_bytes *e = &j->test->streams[way];
    size_t whole = pm_assembly_whole(a);
    if (a->differs && differs(j))
        fprintf(j->text, "%s: a retransmission brings another byte %zu than the first time\n",
                names[way], a->differs_at);
    if (a->is_beyond && differs(j))
        fprintf(j->text, "%s: a segment leaves whose numbers cannot be of this stream\n",
                names[way]);
    if (!e->is_set)
        return;
    size_t before = j->count;
    compare(j, names[way], (struct bytes){e->at, e->len}, (struct bytes){a->bytes, whole});
    size_t same = first_difference((struct bytes){e->at, e->len}, (struct bytes){a->bytes, whole});
    if (j->count > before && same < e->len && same < whole)
        note_wrong(j, (struct pm_ruletest_wrong){.is_edit = true});
    if (j->count > before && j->count <= j->most && a->len > whole)
        fprintf(j->text, "    later bytes came, up to %zu, but never byte %zu\n", a->len, whole);
}

/* ------------------------------------------------------------------ rules */

static uint64_t hits_of(const struct judge *j, const char *id)
{
    for (uint32_t i = 0; i < pm_policy_rule_count(j->policy); i++)
        if (strcmp(pm_policy_rule_id(j->policy, i), id) == 0)
            return j->seen->hits[i];
    return 0; /* disabled */
}

static void judge_hits(struct judge *j, const struct pm_ruletest_hits *e)
{
    uint64_t hits = hits_of(j, e->rule);
    if ((hits >= e->least && hits <= e->most) || !differs(j))
        return;
    if (hits < e->least)
        note_wrong(j, (struct pm_ruletest_wrong){.rule = e->rule, .is_edit = true});
    fprintf(j->text, "rule \"%s\": %" PRIu64 " hit%s, expected ", e->rule, hits,
            hits == 1 ? "" : "s");
    if (e->least == e->most)
        fprintf(j->text, "%" PRIu64 "\n", e->least);
    else if (hits < e->least)
        fprintf(j->text, "at least %" PRIu64 "\n", e->least);
    else
        fprintf(j->text, "at most %" PRIu64 "\n", e->most);
}

size_t pm_ruletest_judge(const struct pm_ruletest *test, const struct pm_ruletest_seen *seen,
                         const struct pm_policy *policy, size_t most, FILE *text,
                         struct pm_ruletest_wrong *wrong)
{
    struct judge j = {
        .test = test, .seen = seen, .policy = policy, .text = text, .most = most, .wrong = wrong};
    for (size_t i = 0; i < test->packet_count && test->expected != NULL; i++)
        judge_packet(&j, i);
    for (unsigned way = 0; way < 2 && test->kind == PM_RULETEST_STREAM; way++)
        judge_way(&j, way);
    for (size_t i = 0; i < test->hit_count; i++)
        judge_hits(&j, &test->hits[i]);
    return j.count;
}
