/* annotation.c - says in one line what was done to a packet, for who reads it in Wireshark. */
#include "app/annotation.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct line {
    char *text;
    size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line->text + line->used, PM_ANNOTATION_LEN - line->used, format, arguments);
    va_end(arguments);
    if (len > 0)
        line->used += (size_t)len;
    if (line->used > PM_ANNOTATION_LEN - 1)
        line->used = PM_ANNOTATION_LEN - 1;
}

static void add_wait(struct line *line, const struct pm_policy *policy, const struct pm_wait *wait)
{
    uint64_t us = wait->ns / 1000;
    add(line, "delay %" PRIu64 ".%03" PRIu64 " ms", us / 1000, us % 1000);
    if (wait->rule != PM_NO_RULE)
        add(line, " by %s", pm_policy_rule_id(policy, wait->rule));
}

static void add_edits(struct line *line, const struct pm_policy *policy,
                      const struct pm_emitted *emitted)
{
    uint32_t rule = PM_NO_RULE;
    for (uint32_t i = 0; i < emitted->note_count; i++) {
        const struct pm_edit_note *note = &emitted->notes[i];
        if (note->rule != rule)
            add(line, "; %s replace", pm_policy_rule_id(policy, note->rule));
        else
            add(line, ",");
        add(line, " %" PRIu32 "->%" PRIu32 " @%" PRIu64, note->old_len, note->new_len,
            note->offset);
        rule = note->rule;
    }
    if (emitted->edit_count > emitted->note_count)
        add(line, " and %" PRIu32 " more", emitted->edit_count - emitted->note_count);
}

void pm_annotate(char text[PM_ANNOTATION_LEN], const struct pm_policy *policy,
                 const struct pm_emitted *emitted, const struct pm_wait *wait)
{
    struct line line = {text, 0};
    add(&line, "pktmod: ");
    if (wait != NULL)
        add_wait(&line, policy, wait);
    else
        add(&line, "allow");
    add_edits(&line, policy, emitted);
    if (emitted->header_rule != PM_NO_RULE)
        add(&line, "; %s header", pm_policy_rule_id(policy, emitted->header_rule));
    if (emitted->part > 0)
        add(&line, "; part %" PRIu32, emitted->part + 1);
    if (emitted->why != PM_WHY_NONE && emitted->why != PM_WHY_EDITED)
        add(&line, "; %s", pm_why_name(emitted->why));
}

void pm_annotate_drop(char text[PM_ANNOTATION_LEN], const struct pm_policy *policy,
                      const struct pm_fate *fate)
{
    struct line line = {text, 0};
    add(&line, "pktmod: %s", fate->verdict == PM_REJECT ? "reject" : "drop");
    if (fate->rule != PM_NO_RULE)
        add(&line, " by %s", pm_policy_rule_id(policy, fate->rule));
    if (fate->is_by_rewriter)
        add(&line, " in rewriting");
    if (fate->is_after_rewrite)
        add(&line, " after rewriting");
    if (fate->why != PM_WHY_RULE)
        add(&line, "; %s", pm_why_name(fate->why));
}

void pm_annotate_reply(char text[PM_ANNOTATION_LEN], const struct pm_policy *policy, uint32_t rule)
{
    struct line line = {text, 0};
    add(&line, "pktmod: tells of a reject by %s", pm_policy_rule_id(policy, rule));
}
