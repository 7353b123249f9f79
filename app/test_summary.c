/* test_summary.c - listens to a replay and keeps a line for every packet. */
#include "app/test_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/report.h"

#define SIZES_TOLD 4 /* of packets that left for one */

/* ------------------------------------------------------------------ who */

static void name_end(struct pm_text *text, const struct pm_addr *addr, bool has_port, uint16_t port)
{
    char name[PM_ADDR_TEXT];
    pm_addr_text(addr, name);
    if (!has_port)
        pm_text_add(text, "%s", name);
    else
        pm_text_add(text, addr->version == 6 ? "[%s]:%u" : "%s:%u", name, port);
}

static void name_protocol(struct pm_text *text, const struct pm_endpoints *ends)
{
    static const char letters[] = "FSRPAUEC";
    switch (ends->ip_proto) {
    case 1:
        pm_text_add(text, " ICMP");
        return;
    case 6:
        pm_text_add(text, " TCP ");
        for (unsigned bit = 0; bit < 8; bit++)
            if ((ends->tcp_flags >> bit & 1) != 0)
                pm_text_add(text, "%c", letters[bit]);
        return;
    case 17:
        pm_text_add(text, " UDP");
        return;
    case 58:
        pm_text_add(text, " ICMPv6");
        return;
    default:
        pm_text_add(text, " %u", ends->ip_proto);
    }
}

void pm_summary_name_packet(struct pm_text *text, const struct pm_packet *packet)
{
    struct pm_endpoints ends;
    if (!pm_packet_endpoints(packet, &ends)) {
        pm_text_add(text, "not IP");
        return;
    }
    name_end(text, &ends.src, ends.has_ports, ends.src_port);
    pm_text_add(text, " > ");
    name_end(text, &ends.dst, ends.has_ports, ends.dst_port);
    name_protocol(text, &ends);
}

/* ------------------------------------------------------------------ what */

static const char *rule_name(const struct pm_summary *summary, uint32_t rule)
{
    return pm_policy_rule_id(summary->replay->policy, rule);
}

static void add_ms(struct pm_text *text, const char *before, uint64_t ns, const char *after)
{
    uint64_t us = ns / 1000;
    pm_text_add(text, "%s%" PRIu64 ".%03" PRIu64 " ms%s", before, us / 1000, us % 1000, after);
}

static void add_verdict(const struct pm_summary *summary, struct pm_text *text,
                        const struct pm_decision *decision)
{
    static const char *const verdicts[] = {[PM_ALLOW] = "allow",
                                           [PM_DROP] = "drop",
                                           [PM_DELAY] = "delay",
                                           [PM_REJECT] = "reject",
                                           [PM_ASK] = "ask"};
    pm_text_add(text, "%s", verdicts[decision->verdict]);
    if (decision->rule != PM_NO_RULE)
        pm_text_add(text, " by %s", rule_name(summary, decision->rule));
    else if (decision->why == PM_WHY_DEFAULT && decision->verdict != PM_ALLOW)
        pm_text_add(text, " by default");
    if (decision->why != PM_WHY_RULE && decision->why != PM_WHY_DEFAULT &&
        decision->why != PM_WHY_NONE)
        pm_text_add(text, " (%s)", pm_why_name(decision->why));
    if (decision->dry_rule != PM_NO_RULE)
        pm_text_add(text, "; dry-run of %s", rule_name(summary, decision->dry_rule));
}

static void add_edits(const struct pm_summary *summary, struct pm_text *text,
                      const struct pm_emitted *emitted)
{
    uint32_t rule = PM_NO_RULE;
    for (uint32_t i = 0; i < emitted->note_count; i++) {
        const struct pm_edit_note *note = &emitted->notes[i];
        if (note->rule != rule)
            pm_text_add(text, "; %s replace", rule_name(summary, note->rule));
        pm_text_add(text, "%s %" PRIu32 "->%" PRIu32 " @%" PRIu64, note->rule == rule ? "," : "",
                    note->old_len, note->new_len, note->offset);
        rule = note->rule;
    }
    if (emitted->edit_count > emitted->note_count)
        pm_text_add(text, " and %" PRIu32 " more", emitted->edit_count - emitted->note_count);
}

static void add_why(struct pm_text *text, enum pm_why why)
{
    if (why != PM_WHY_NONE && why != PM_WHY_EDITED)
        pm_text_add(text, "; %s", pm_why_name(why));
}

/* ------------------------------------------------------------------ listening */

static struct pm_summary_line *line_of(struct pm_summary *summary, uint64_t frame)
{
    return frame == 0 || frame > summary->count ? NULL : &summary->lines[frame - 1];
}

static bool has_room(struct pm_summary *summary, uint64_t frame)
{
    if (frame <= summary->cap)
        return true;
    size_t cap = summary->cap == 0 ? 256 : summary->cap * 2;
    struct pm_summary_line *lines =
        frame > cap ? NULL : realloc(summary->lines, cap * sizeof *lines);
    if (lines == NULL) {
        summary->no_memory = true;
        return false;
    }
    memset(lines + summary->cap, 0, (cap - summary->cap) * sizeof *lines);
    summary->lines = lines;
    summary->cap = cap;
    return true;
}

static void on_judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                      const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_summary *summary = context;
    if (!has_room(summary, record->frame))
        return;
    summary->count = (size_t)record->frame;
    struct pm_summary_line *line = line_of(summary, record->frame);
    line->bytes = packet->wire_len;
    line->arrived_ns = now_ns;
    line->recorded_ns = record->time_ns;
    pm_summary_name_packet(&line->who, packet);
    add_verdict(summary, &line->what, decision);
    summary->delays_or_drops = summary->delays_or_drops || decision->verdict != PM_ALLOW;
}

static void on_released(void *context, const struct pm_record *record, const struct pm_due *due,
                        uint64_t now_ns)
{
    struct pm_summary *summary = context;
    struct pm_summary_line *line = line_of(summary, record->frame);
    if (line == NULL)
        return;
    add_ms(&line->what, due->verdict == PM_ALLOW ? "; left after " : "; dropped after ",
           now_ns - line->arrived_ns, "");
    if (due->why != PM_WHY_RULE)
        pm_text_add(&line->what, " (%s)", pm_why_name(due->why));
}

static void keep_frame(struct pm_summary *summary, uint64_t frame)
{
    if (summary->left == summary->left_cap) {
        size_t cap = summary->left_cap == 0 ? 256 : summary->left_cap * 2;
        uint64_t *frames = realloc(summary->frames, cap * sizeof *frames);
        if (frames == NULL) {
            summary->no_memory = true;
            return;
        }
        summary->frames = frames;
        summary->left_cap = cap;
    }
    summary->frames[summary->left++] = frame;
}

static void on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_summary *summary = context;
    struct pm_summary_line *line = line_of(summary, emitted->cookie);
    keep_frame(summary, emitted->cookie);
    if (line == NULL)
        return;
    if (line->parts++ < SIZES_TOLD)
        pm_text_add(&line->out, "%s%zu", line->parts > 1 ? "+" : "", emitted->wire_len);
    if (emitted->is_late && now_ns > line->arrived_ns)
        add_ms(&line->what, "; ", now_ns - line->arrived_ns, " later");
    add_edits(summary, &line->what, emitted);
    if (emitted->header_rule != PM_NO_RULE) {
        pm_text_add(&line->what, "; %s header", rule_name(summary, emitted->header_rule));
        summary->sets_headers = true;
    }
    if (emitted->part == 0)
        add_why(&line->what, emitted->why);
}

static void on_judged_late(void *context, const struct pm_record *record,
                           const struct pm_emitted *emitted, const struct pm_decision *decision,
                           uint64_t now_ns)
{
    struct pm_summary *summary = context;
    struct pm_summary_line *line = line_of(summary, record->frame);
    (void)emitted;
    (void)now_ns;
    if (line == NULL || (decision->verdict == PM_ALLOW && decision->dry_rule == PM_NO_RULE))
        return;
    pm_text_add(&line->what, "; after rewriting ");
    add_verdict(summary, &line->what, decision);
}

/* Of a frame's dry-run rules the first is told. */
static void on_rehearsed(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_summary *summary = context;
    const struct pm_policy *policy = summary->replay->policy;
    struct pm_summary_line *line = line_of(summary, emitted->cookie);
    uint32_t rule = emitted->header_rule;
    (void)now_ns;
    if (rule != PM_NO_RULE && !pm_policy_rule_is_dry_run(policy, rule))
        rule = PM_NO_RULE;
    for (uint32_t i = emitted->note_count; i > 0; i--)
        if (pm_policy_rule_is_dry_run(policy, emitted->notes[i - 1].rule))
            rule = emitted->notes[i - 1].rule;
    if (line != NULL && rule != PM_NO_RULE && emitted->part == 0)
        pm_text_add(&line->what, "; dry-run of %s", rule_name(summary, rule));
}

static void on_rewritten(void *context, const struct pm_record *record, enum pm_why why,
                         uint64_t now_ns)
{
    struct pm_summary *summary = context;
    struct pm_summary_line *line = line_of(summary, record->frame);
    (void)now_ns;
    if (line != NULL && line->parts == 0)
        add_why(&line->what, why);
}

/* ------------------------------------------------------------------ the whole */

void pm_summary_begin(struct pm_summary *summary, struct pm_replay *replay)
{
    *summary = (struct pm_summary){
        .observer = {.judged = on_judged,
                     .released = on_released,
                     .judged_late = on_judged_late,
                     .rehearsed = on_rehearsed,
                     .emitted = on_emitted,
                     .rewritten = on_rewritten,
                     .context = summary},
        .replay = replay,
    };
    pm_replay_observe(replay, &summary->observer);
}

static void write_line(const struct pm_summary_line *line, size_t frame, struct pm_text *text)
{
    pm_text_add(text, "%5zu %-52s %5zu %s", frame, pm_text_of(&line->who), line->bytes,
                line->parts == 0 ? "-" : pm_text_of(&line->out));
    size_t len = line->parts == 0 ? 1 : line->out.len;
    if (line->parts > SIZES_TOLD)
        pm_text_add(text, "+..");
    pm_text_add(text, "%*s %s\n", len < 9 ? (int)(9 - len) : 0, "", pm_text_of(&line->what));
}

static void write_reasons(const char *engine, const struct pm_stats *stats, struct pm_text *text)
{
    for (unsigned why = PM_WHY_NONE + 1; why < PM_WHY_COUNT; why++)
        if (stats->why[why] > 0)
            pm_text_add(text, "%-8s %s %" PRIu64 "\n", engine, pm_why_name((enum pm_why)why),
                        stats->why[why]);
}

static void write_rule(const struct pm_report *report, uint32_t rule, struct pm_text *text)
{
    const struct pm_policy *policy = report->replay->policy;
    const struct pm_rule_stats *stats = pm_report_rule(report, rule);
    if (stats->packets == 0)
        return;
    pm_text_add(text, "rule     %s: %" PRIu64 " packet%s", pm_policy_rule_id(policy, rule),
                stats->packets, stats->packets == 1 ? "" : "s");
    if (pm_policy_rule_action(policy, rule) == PM_ACTION_REWRITE)
        pm_text_add(text, ", %" PRIu64 " edit%s, %+" PRId64 " bytes", stats->edits,
                    stats->edits == 1 ? "" : "s", stats->grown_bytes);
    pm_text_add(text, "\n");
}

void pm_summary_write(const struct pm_summary *summary, const char *damage, struct pm_text *text)
{
    const struct pm_replay *replay = summary->replay;
    struct pm_report report = {.replay = replay};
    pm_text_add(text, "frame %-52s bytes %-9s what\n", "packet", "out");
    for (size_t i = 0; i < summary->count; i++)
        write_line(&summary->lines[i], i + 1, text);
    pm_text_add(text, "\nin       %" PRIu64 " packets, %" PRIu64 " bytes\n", replay->packets,
                replay->bytes);
    pm_text_add(text, "out      %" PRIu64 " packets, %" PRIu64 " bytes\n", replay->out_packets,
                replay->out_bytes);
    for (uint32_t rule = 0; rule < pm_policy_rule_count(replay->policy); rule++)
        write_rule(&report, rule, text);
    write_reasons("filter", pm_filter_stats(replay->filter), text);
    if (replay->rewriter != NULL)
        write_reasons("rewriter", pm_rewriter_stats(replay->rewriter), text);
    if (replay->late_filter != NULL)
        write_reasons("after", pm_filter_stats(replay->late_filter), text);
    if (damage != NULL)
        pm_text_add(text, "damage   %s\n", damage);
}

void pm_summary_free(struct pm_summary *summary)
{
    for (size_t i = 0; i < summary->count; i++) {
        pm_text_free(&summary->lines[i].who);
        pm_text_free(&summary->lines[i].out);
        pm_text_free(&summary->lines[i].what);
    }
    free(summary->lines);
    free(summary->frames);
}
