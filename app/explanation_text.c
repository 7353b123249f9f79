/* explanation_text.c - an explanation for people: 80 columns, what decided first. */
#include <inttypes.h>
#include <string.h>

#include "app/explanation.h"
#include "app/report.h"
#include "app/test_summary.h"
#include "app/text.h"

#define COLUMNS    80
#define FOUND_AT   44 /* column of what was found, where the test leaves room */
#define MOST_RUNS  8u /* of the flow's history */
#define INDENT     2
#define MOST_LEVEL 12u /* deeper conditions are not indented further */

/* ------------------------------------------------------------------ pieces */

static const char *paint(const struct pm_explained_view *view, const char *colour)
{
    return view->colour ? colour : "";
}

static const char *plain(const struct pm_explained_view *view)
{
    return paint(view, "\033[0m");
}

static const char *bold(const struct pm_explained_view *view)
{
    return paint(view, "\033[1m");
}

static void print_heading(const struct pm_explained_view *view, const char *text)
{
    fprintf(view->out, "\n%s%s%s\n", bold(view), text, plain(view));
}

/* Words from `column` on, broken so that later lines begin at `indent`. */
static void print_words(const struct pm_explained_view *view, const char *words, int column,
                        int indent)
{
    bool is_first = true;
    while (*words != '\0') {
        int len = (int)strcspn(words, " ");
        if (!is_first && column + 1 + len > COLUMNS) {
            fprintf(view->out, "\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            putc(' ', view->out);
            column++;
        }
        fprintf(view->out, "%.*s", len, words);
        column += len;
        words += len;
        words += strspn(words, " ");
        is_first = false;
    }
    putc('\n', view->out);
}

/* ------------------------------------------------------------------ a rule */

static void print_answer(const struct pm_explained_view *view, enum pm_truth truth)
{
    switch (truth) {
    case PM_TRUE:
        fprintf(view->out, "%syes%s", paint(view, "\033[32m"), plain(view));
        break;
    case PM_FALSE:
        fprintf(view->out, "%sno %s", paint(view, "\033[31m"), plain(view));
        break;
    case PM_DEPENDS:
        fprintf(view->out, "%s?  %s", paint(view, "\033[33m"), plain(view));
        break;
    }
}

/* A test or a modifier, as it stands in the file, and what was found. */
static void print_line(enum pm_truth answer, const char *stands, const char *found, int indent,
                       const struct pm_explained_view *view)
{
    int column = indent + 5 + (int)strlen(stands);
    fprintf(view->out, "%*s", indent, "");
    print_answer(view, answer);
    fputs("  ", view->out);
    if (column > COLUMNS)
        print_words(view, stands, indent + 5, indent + 7);
    else
        fputs(stands, view->out);
    if (column + 2 + (int)strlen(found) > COLUMNS && column > FOUND_AT - 2) {
        fprintf(view->out, "%s%*s", column > COLUMNS ? "" : "\n", indent + 7, "");
        column = indent + 7;
    } else {
        int pad = column + 2 < FOUND_AT ? FOUND_AT - column : 2;
        fprintf(view->out, "%*s", pad, "");
        column += pad;
    }
    print_words(view, found, column, column);
}

static void print_test(const struct pm_explanation *e, const struct pm_explained_rule *rule,
                       const struct pm_source_item *item, int indent,
                       const struct pm_explained_view *view)
{
    struct pm_text found = {.at = NULL};
    pm_explained_found(e, rule, item, &found);
    print_line(pm_explanation_cond(e, item)->now, item->text, pm_text_of(&found), indent, view);
    pm_text_free(&found);
}

/* An "all" that only holds one condition together is not worth a line. */
static bool is_plain(const struct pm_source_item *item)
{
    return item->kind == PM_SOURCE_ALL && item->size > 1 && item[1].size + 1 == item->size;
}

static void print_group(const struct pm_explanation *e, const struct pm_source_item *item,
                        int indent, const struct pm_explained_view *view)
{
    static const char *const names[] = {[PM_SOURCE_TEST] = "",
                                        [PM_SOURCE_ALL] = "all of",
                                        [PM_SOURCE_ANY] = "any of",
                                        [PM_SOURCE_NOT] = "not"};
    fprintf(view->out, "%*s", indent, "");
    print_answer(view, pm_explanation_cond(e, item)->now);
    fprintf(view->out, "  %s%s\n", names[item->kind],
            item->kind == PM_SOURCE_ALL && item->size == 1 ? " nothing: always" : "");
}

/* The conditions behind items[0], as a tree. ends: where the groups that are open end. */
static void print_conditions(const struct pm_explanation *e, const struct pm_explained_rule *rule,
                             const struct pm_source_rule *source, int indent,
                             const struct pm_explained_view *view)
{
    size_t ends[256];
    unsigned open = 0;
    for (size_t i = 1; i < source->item_count; i++) {
        const struct pm_source_item *item = &source->items[i];
        while (open > 0 && i >= ends[open - 1])
            open--;
        if (is_plain(item))
            continue;
        int at = indent + INDENT * (int)(open < MOST_LEVEL ? open : MOST_LEVEL);
        if (item->kind == PM_SOURCE_TEST) {
            print_test(e, rule, item, at, view);
            continue;
        }
        print_group(e, item, at, view);
        if (open < sizeof ends / sizeof ends[0])
            ends[open++] = i + item->size;
    }
}

static void print_modifiers(const struct pm_explained_rule *rule,
                            const struct pm_source_rule *source, int indent,
                            const struct pm_explained_view *view)
{
    for (unsigned i = 0; i < PM_SOURCE_MODIFIERS; i++) {
        struct pm_text text = {.at = NULL};
        enum pm_truth answer;
        if (pm_explained_modifier(rule, source, i, &answer, &text))
            print_line(answer, source->modifiers[i], pm_text_of(&text), indent, view);
        pm_text_free(&text);
    }
}

void pm_explanation_rule(const struct pm_explanation *e, const struct pm_source_rule *source,
                         const struct pm_explained_view *view)
{
    struct pm_text says = {.at = NULL};
    enum pm_explained_part part = pm_explanation_part(e, source);
    bool is_told = part == PM_PART_DECIDED || part == PM_PART_LATCHED;
    int column = 4 + (int)strlen(source->id);
    pm_explained_say(e, source, &says);
    fprintf(view->out, "  %s%s%s  ", is_told ? bold(view) : "", source->id, plain(view));
    print_words(view, pm_text_of(&says), column, 6);
    pm_text_free(&says);
    if (part == PM_PART_DISABLED)
        return;
    const struct pm_explained_rule *rule = &e->by_rule[source->rule];
    print_conditions(e, rule, source, 6, view);
    print_modifiers(rule, source, 6, view);
}

/* ------------------------------------------------------------------ which rules */

static const struct pm_source_rule *source_at(const struct pm_explanation *e, size_t index)
{
    return pm_rules_source(e->rules, index);
}

static void print_near(const struct pm_explanation *e, const uint32_t *near, size_t count,
                       const struct pm_explained_view *view)
{
    if (count > 0)
        print_heading(view, "near misses, the nearest first");
    for (size_t i = 0; i < count; i++)
        pm_explanation_rule(e, e->sources[near[i]], view);
}

static bool is_among(const struct pm_source_rule *source, const uint32_t *near, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (source->is_enabled && near[i] == source->rule)
            return true;
    return false;
}

/* Rules that had a say, of a policy that is too long to be told. */
static bool has_say(const struct pm_explanation *e, const struct pm_source_rule *source)
{
    enum pm_explained_part part = pm_explanation_part(e, source);
    return part == PM_PART_DECIDED || part == PM_PART_LATCHED || part == PM_PART_WATCHED ||
           part == PM_PART_REFUSED || part == PM_PART_IN_DOUBT;
}

static void print_only(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    for (size_t i = 0; i < pm_rules_source_count(e->rules); i++)
        if (strcmp(source_at(e, i)->id, view->only) == 0)
            pm_explanation_rule(e, source_at(e, i), view);
}

static void print_rules(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    size_t count = pm_rules_source_count(e->rules), told = 0;
    bool is_short = view->all || count <= PM_EXPLAINED_RULES;
    if (view->only != NULL) {
        print_heading(view, "the rule");
        print_only(e, view);
        return;
    }
    uint32_t near[PM_EXPLAINED_NEAR];
    bool is_decided = e->decision.rule != PM_NO_RULE;
    size_t near_count =
        is_decided && is_short ? 0 : pm_explanation_near(e, near, PM_EXPLAINED_NEAR);
    if (!is_decided)
        print_near(e, near, near_count, view);
    if (near_count < count)
        print_heading(view, !is_short         ? "rules with a say"
                            : near_count == 0 ? "rules, in file order"
                                              : "other rules, in file order");
    for (size_t i = 0; i < count; i++) {
        const struct pm_source_rule *source = source_at(e, i);
        if ((!is_short && !has_say(e, source)) || is_among(source, near, near_count))
            continue;
        pm_explanation_rule(e, source, view);
        told++;
    }
    if (told == 0 && near_count < count)
        fputs("  none\n", view->out);
    if (is_decided)
        print_near(e, near, near_count, view);
    if (told + near_count < count)
        fprintf(view->out,
                "\n  %zu other rules did not match, or were not asked (--all tells them)\n",
                count - told - near_count);
}

/* ------------------------------------------------------------------ the frame */

static void print_packet(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    static const char *const dirs[] = {
        [PM_DIR_OUT] = "out", [PM_DIR_IN] = "in", [PM_DIR_UNKNOWN] = "direction unknown"};
    const struct pm_about_packet *packet = &e->engines[PM_ASKED_FILTER].packet;
    struct pm_text who = {.at = NULL};
    char time[PM_TIME_TEXT];
    pm_summary_name_packet(&who, &e->packet);
    pm_report_time(e->time_ns, ' ', time);
    fprintf(view->out, "%sframe %" PRIu64 "%s of %s, %zu bytes, %s\n", bold(view), e->frame,
            plain(view), view->name, e->len, time);
    fprintf(view->out, "  %s, %s\n", pm_text_of(&who), dirs[e->decision.dir]);
    if (packet->has_flow)
        fprintf(view->out, "  packet %" PRIu64 " of flow %" PRIu64 ", %s\n", packet->number + 1,
                packet->flow_id, packet->to_server ? "to the server" : "to the client");
    else
        fputs("  of no flow\n", view->out);
    pm_text_free(&who);
}

static void print_verdict(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    const struct pm_decision *d = &e->decision;
    fprintf(view->out, "\n%sverdict%s  %s", bold(view), plain(view), pm_verdict_name(d->verdict));
    if (d->rule != PM_NO_RULE)
        fprintf(view->out, " by \"%s\" (%s:%zu)", pm_policy_rule_id(e->policy, d->rule),
                e->sources[d->rule]->file, e->sources[d->rule]->line);
    putc('\n', view->out);
    if (d->rule == PM_NO_RULE || d->why != PM_WHY_RULE)
        fprintf(view->out, "         %s\n", pm_why_text(d->why));
    if (e->engines[PM_ASKED_FILTER].packet.is_whole)
        fputs("         it is a fragment; its datagram, which it completes, was judged\n",
              view->out);
    if (d->dry_rule != PM_NO_RULE)
        fprintf(view->out, "         \"%s\" would have decided, were it no dry run\n",
                pm_policy_rule_id(e->policy, d->dry_rule));
    if (d->is_final)
        fputs("         final: no rewrite rule is asked\n", view->out);
    if (d->verdict != PM_DELAY && d->verdict != PM_ASK)
        return;
    if (!e->was_released)
        fputs("         it still waited when the capture ended\n", view->out);
    else
        fprintf(view->out,
                "         after %" PRIu64 ".%03" PRIu64 " ms: %s\n"
                "         %s\n",
                (e->released_ns - e->arrived_ns) / 1000000,
                (e->released_ns - e->arrived_ns) / 1000 % 1000, pm_verdict_name(e->due.verdict),
                pm_why_text(e->due.why));
}

/* ------------------------------------------------------------------ the flow */

static bool is_same_run(const struct pm_explained_frame *a, const struct pm_explained_frame *b)
{
    return a->verdict == b->verdict && a->rule == b->rule && a->why == b->why &&
           a->edited_by == b->edited_by && a->rewritten_why == b->rewritten_why;
}

/* The next frame of the flow from index `at` on; frame_count: there is none. */
static size_t next_of_flow(const struct pm_explanation *e, size_t at)
{
    while (at < e->frame_count && e->frames[at].flow_id != e->decision.flow_id)
        at++;
    return at;
}

static void print_run(const struct pm_explanation *e, size_t first, size_t last, size_t count,
                      const struct pm_explained_view *view)
{
    const struct pm_explained_frame *frame = &e->frames[first];
    struct pm_text text = {.at = NULL};
    pm_text_add(&text, count == 1 ? "frame %zu: " : "frames %zu", first + 1);
    if (count > 1 && count == last - first + 1)
        pm_text_add(&text, " to %zu: ", last + 1);
    else if (count > 1)
        pm_text_add(&text, " to %zu (%zu of them): ", last + 1, count);
    pm_text_add(&text, "%s", pm_verdict_name((enum pm_verdict)frame->verdict));
    if (frame->rule != PM_NO_RULE)
        pm_text_add(&text, " by \"%s\"", pm_policy_rule_id(e->policy, frame->rule));
    if (frame->why != PM_WHY_RULE && frame->why != PM_WHY_DEFAULT)
        pm_text_add(&text, " (%s)", pm_why_name((enum pm_why)frame->why));
    if (frame->edited_by != PM_NO_RULE)
        pm_text_add(&text, ", rewritten by \"%s\"", pm_policy_rule_id(e->policy, frame->edited_by));
    else if (frame->rewritten_why != PM_WHY_NONE)
        pm_text_add(&text, ", %s", pm_why_name((enum pm_why)frame->rewritten_why));
    fputs("  ", view->out);
    print_words(view, pm_text_of(&text), 2, 6);
    pm_text_free(&text);
}

struct run {
    size_t first, last, count;
};

/* The last runs of frames that got the same, oldest first. */
static size_t find_runs(const struct pm_explanation *e, struct run runs[MOST_RUNS], size_t *all)
{
    size_t count = 0;
    *all = 0;
    for (size_t at = next_of_flow(e, 0); at + 1 < e->frame; at = next_of_flow(e, at + 1)) {
        if (count > 0 && is_same_run(&e->frames[runs[count - 1].first], &e->frames[at])) {
            runs[count - 1].last = at;
            runs[count - 1].count++;
            continue;
        }
        if (count == MOST_RUNS)
            memmove(runs, runs + 1, --count * sizeof *runs);
        runs[count++] = (struct run){.first = at, .last = at, .count = 1};
        ++*all;
    }
    return count;
}

static void print_stream(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    const struct pm_about_stream *stream = &e->engines[PM_ASKED_FILTER].packet.stream;
    if (!stream->is_tested)
        return;
    fprintf(view->out, "  its stream is looked at: %" PRIu64 " bytes in order, this frame included",
            stream->in_order);
    if (stream->highest > stream->in_order)
        fprintf(view->out, "\n  bytes are missing: others came up to byte %" PRIu64,
                stream->highest);
    fprintf(view->out, "%s%s\n", stream->is_midstream ? "\n  its beginning was not seen" : "",
            stream->is_lost ? "\n  there was no room for all of it" : "");
}

static void print_flow(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    struct run runs[MOST_RUNS];
    size_t all, count;
    if (e->decision.flow_id == 0)
        return;
    print_heading(view, "its flow, before it");
    count = find_runs(e, runs, &all);
    if (count == 0)
        fputs("  nothing: it is the first\n", view->out);
    if (all > count)
        fprintf(view->out, "  %zu earlier changes are not told\n", all - count);
    for (size_t i = 0; i < count; i++)
        print_run(e, runs[i].first, runs[i].last, runs[i].count, view);
    print_stream(e, view);
}

/* ------------------------------------------------------------------ rewriting */

/* Some rewrite rule that edits was selected, and the bytes look like ciphertext. */
static void print_hint(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    uint64_t frame = pm_explanation_encrypted(e);
    const char *cipher = e->engines[PM_ASKED_REWRITER].packet.encrypted;
    bool is_hidden = frame > 0 || cipher != NULL;
    for (uint32_t i = 0; is_hidden && i < pm_policy_rule_count(e->policy); i++) {
        if (pm_policy_rule_action(e->policy, i) != PM_ACTION_REWRITE ||
            e->by_rule[i].about.cond.now != PM_TRUE)
            continue;
        char begins[64], text[256];
        if (frame > 0)
            snprintf(begins, sizeof begins, "frame %" PRIu64 " begins like a TLS record", frame);
        else
            snprintf(begins, sizeof begins, "the flow begins like %s", cipher);
        snprintf(text, sizeof text,
                 "%s: \"%s\" looks for its bytes in ciphertext, where cleartext cannot be seen",
                 begins, pm_policy_rule_id(e->policy, i));
        fputs("  hint: ", view->out);
        print_words(view, text, 8, 8);
        return;
    }
}

static void print_edits(const struct pm_explanation *e, const struct pm_explained_packet *left,
                        const struct pm_explained_view *view)
{
    for (uint32_t i = 0; i < left->edit_notes; i++) {
        const struct pm_explained_edit *edit = &left->edits[i];
        fprintf(view->out,
                "  \"%s\" (operation %" PRIu32 "): %" PRIu32 " -> %" PRIu32
                " bytes at byte %" PRIu64 " of the original\n",
                pm_policy_rule_id(e->policy, edit->rule), edit->op + 1, edit->old_len,
                edit->new_len, edit->offset);
    }
    if (left->edit_count > left->edit_notes)
        fprintf(view->out, "  and %" PRIu32 " more edits\n", left->edit_count - left->edit_notes);
    if (left->header_rule != PM_NO_RULE)
        fprintf(view->out, "  \"%s\" changed its headers\n",
                pm_policy_rule_id(e->policy, left->header_rule));
}

static void print_left(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    for (size_t i = 0; i < e->left_count; i++) {
        const struct pm_explained_packet *left = &e->left[i];
        if (!left->changed && !left->is_late)
            continue;
        if (e->left_count > 1 || left->is_late)
            fprintf(view->out, "  packet %zu of %zu that left for it%s, %zu bytes\n", i + 1,
                    e->left_count, left->is_late ? ", late" : "", left->len);
        print_edits(e, left, view);
        if (left->why != e->rewritten_why && left->why != PM_WHY_NONE)
            fprintf(view->out, "  %s\n", pm_why_text(left->why));
        pm_explained_bytes(e, left, view);
    }
}

static void print_rewriting(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    if (!pm_policy_rewrites(e->policy))
        return;
    print_heading(view, "rewriting");
    if (!e->was_rewritten) {
        fputs("  it did not come so far\n", view->out);
        print_hint(e, view);
        return;
    }
    if (e->rewritten_why == PM_WHY_NONE)
        fputs("  nothing was changed\n", view->out);
    else
        fprintf(view->out, "  %s: %s\n", pm_why_name(e->rewritten_why),
                pm_why_text(e->rewritten_why));
    for (unsigned why = 0; why < PM_WHY_COUNT && e->engines[PM_ASKED_REWRITER].was_asked; why++)
        if (e->whys[why] > 0 && why != PM_WHY_NONE && why != (unsigned)e->rewritten_why &&
            why != PM_WHY_EDITED)
            fprintf(view->out, "  %s: %s\n", pm_why_name((enum pm_why)why),
                    pm_why_text((enum pm_why)why));
    if (e->left_count == 0)
        fputs("  nothing left for it\n", view->out);
    print_left(e, view);
    print_hint(e, view);
}

void pm_explanation_text(const struct pm_explanation *e, const struct pm_explained_view *view)
{
    print_packet(e, view);
    print_verdict(e, view);
    print_rules(e, view);
    print_flow(e, view);
    print_rewriting(e, view);
}
