/* report.c - the report as text: what a person wants to see at a glance, 80 columns wide. */
#include "app/report.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define COLUMNS 80

struct text {
    FILE *out;
    bool colour;
};

const struct pm_rule_stats *pm_report_rule(const struct pm_report *report, uint32_t rule)
{
    const struct pm_replay *replay = report->replay;
    if (pm_policy_rule_action(replay->policy, rule) == PM_ACTION_REWRITE && replay->rewriter)
        return pm_rewriter_rule_stats(replay->rewriter, rule);
    if (replay->late_filter && pm_filter_rule_stats(replay->late_filter, rule)->packets > 0)
        return pm_filter_rule_stats(replay->late_filter, rule);
    return pm_filter_rule_stats(replay->filter, rule);
}

const char *pm_action_name(enum pm_action action)
{
    static const char *const names[] = {
        [PM_ACTION_ALLOW] = "allow", [PM_ACTION_DROP] = "drop",       [PM_ACTION_DELAY] = "delay",
        [PM_ACTION_LOG] = "log",     [PM_ACTION_REWRITE] = "rewrite", [PM_ACTION_REJECT] = "reject",
        [PM_ACTION_ASK] = "ask",
    };
    return names[action];
}

const char *pm_signal_name(int signal_number)
{
    return signal_number == SIGTERM ? "SIGTERM" : "SIGINT";
}

void pm_report_time(uint64_t ns, char separator, char text[PM_TIME_TEXT])
{
    time_t seconds = (time_t)(ns / 1000000000u);
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    snprintf(text, PM_TIME_TEXT, "%04d-%02d-%02d%c%02d:%02d:%02d.%09u", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, separator, parts.tm_hour, parts.tm_min, parts.tm_sec,
             (unsigned)(ns % 1000000000u));
}

/* ------------------------------------------------------------------ pieces */

static const char *bold(const struct text *text)
{
    return text->colour ? "\033[1m" : "";
}

static const char *plain(const struct text *text)
{
    return text->colour ? "\033[0m" : "";
}

static const char *colour_of(const struct text *text, enum pm_action action)
{
    static const char *const colours[] = {
        [PM_ACTION_ALLOW] = "\033[32m",   [PM_ACTION_DROP] = "\033[31m",
        [PM_ACTION_DELAY] = "\033[33m",   [PM_ACTION_LOG] = "\033[36m",
        [PM_ACTION_REWRITE] = "\033[35m", [PM_ACTION_REJECT] = "\033[31m",
        [PM_ACTION_ASK] = "\033[33m",
    };
    return text->colour ? colours[action] : "";
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* Words, broken so that lines after the first begin at `indent` and none is longer than 80. */
static void print_wrapped(const struct text *text, const char *words, int column, int indent)
{
    bool is_first = true;
    while (*words != '\0') {
        int len = (int)strcspn(words, " ");
        if (!is_first && column + 1 + len > COLUMNS) {
            fprintf(text->out, "\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            fputc(' ', text->out);
            column++;
        }
        fprintf(text->out, "%.*s", len, words);
        column += len;
        words += len;
        words += strspn(words, " ");
        is_first = false;
    }
    fputc('\n', text->out);
}

/* A frame list like "15-36, 40". */
static void append_range(char *line, size_t cap, const struct pm_frame_range *range)
{
    size_t used = strlen(line);
    const char *comma = used == 0 ? "" : ", ";
    if (range->first == range->last)
        snprintf(line + used, cap - used, "%s%" PRIu64, comma, range->first);
    else
        snprintf(line + used, cap - used, "%s%" PRIu64 "-%" PRIu64, comma, range->first,
                 range->last);
}

/* ------------------------------------------------------------------ sections */

static void print_capture(const struct text *text, const struct pm_report *report)
{
    const struct pm_replay *replay = report->replay;
    char first[PM_TIME_TEXT], last[PM_TIME_TEXT];
    fprintf(text->out,
            "%scapture%s   %s: %" PRIu64 " packet%s, %" PRIu64 " byte%s, %" PRIu64 " flow%s\n",
            bold(text), plain(text), replay->options->in, replay->packets, plural(replay->packets),
            replay->bytes, plural(replay->bytes), pm_filter_stats(replay->filter)->flows,
            plural(pm_filter_stats(replay->filter)->flows));
    if (replay->packets > 0) {
        pm_report_time(replay->first_ns, ' ', first);
        pm_report_time(replay->last_ns, ' ', last);
        if (replay->first_ns % 1000 == 0 && replay->last_ns % 1000 == 0)
            first[strlen(first) - 3] = last[strlen(last) - 3] = '\0';
        fprintf(text->out, "          %s to %s UTC\n", first, last);
    }
    size_t rules = pm_policy_rule_count(replay->policy);
    fprintf(text->out, "%srules%s     %s: %zu rule%s", bold(text), plain(text),
            replay->options->rules, rules, plural(rules));
    if (report->rules_name != NULL)
        fprintf(text->out, ", \"%s\"", report->rules_name);
    fputc('\n', text->out);
}

static void print_verdict(const struct text *text, enum pm_action action, uint64_t packets,
                          uint64_t bytes)
{
    const char *colour = packets > 0 ? colour_of(text, action) : "";
    fprintf(text->out, "  %s%-8s%s %33" PRIu64 " %12" PRIu64 "\n", colour, pm_action_name(action),
            packets > 0 ? plain(text) : "", packets, bytes);
}

static void print_verdicts(const struct text *text, const struct pm_report *report)
{
    const struct pm_stats *stats = pm_filter_stats(report->replay->filter);
    fprintf(text->out, "\n%s%-10s %33s %12s%s\n", bold(text), "verdict", "packets", "bytes",
            plain(text));
    print_verdict(text, PM_ACTION_ALLOW, stats->allowed, stats->allowed_bytes);
    print_verdict(text, PM_ACTION_DROP, stats->dropped, stats->dropped_bytes);
    print_verdict(text, PM_ACTION_DELAY, stats->delayed, stats->delayed_bytes);
    if (stats->rejected > 0)
        print_verdict(text, PM_ACTION_REJECT, stats->rejected, stats->rejected_bytes);
    if (stats->asked > 0)
        print_verdict(text, PM_ACTION_ASK, stats->asked, stats->asked_bytes);
}

/* What a dry-run rule would have done. */
static void print_dry_run(const struct text *text, const struct pm_report *report, uint32_t rule)
{
    static const char *const words[] = {
        [PM_ACTION_ALLOW] = "allow",    [PM_ACTION_DROP] = "drop",
        [PM_ACTION_DELAY] = "delay",    [PM_ACTION_LOG] = "log",
        [PM_ACTION_REWRITE] = "change", [PM_ACTION_REJECT] = "reject",
        [PM_ACTION_ASK] = "ask about",
    };
    const struct pm_rule_stats *stats = pm_report_rule(report, rule);
    enum pm_action action = pm_policy_rule_action(report->replay->policy, rule);
    fprintf(text->out, "    dry run: would %s %" PRIu64 " packet%s", words[action], stats->packets,
            plural(stats->packets));
    if (action == PM_ACTION_REWRITE)
        fprintf(text->out, ", %+" PRId64 " byte%s", stats->grown_bytes,
                stats->grown_bytes == 1 || stats->grown_bytes == -1 ? "" : "s");
    fputc('\n', text->out);
}

static void print_rule(const struct text *text, const struct pm_report *report, uint32_t rule)
{
    const struct pm_replay *replay = report->replay;
    const struct pm_rule_stats *stats = pm_report_rule(report, rule);
    enum pm_action action = pm_policy_rule_action(replay->policy, rule);
    const char *id = pm_policy_rule_id(replay->policy, rule);
    fprintf(text->out, "  %-25s", id);
    if (strlen(id) > 25)
        fprintf(text->out, "\n%27s", "");
    fprintf(text->out, " %s%-7s%s %8" PRIu64 " %12" PRIu64, colour_of(text, action),
            pm_action_name(action), text->colour ? plain(text) : "", stats->packets, stats->bytes);
    if (action == PM_ACTION_REWRITE)
        fprintf(text->out, " %8" PRIu64 " %+10" PRId64, stats->edits, stats->grown_bytes);
    fputc('\n', text->out);
    if (pm_policy_rule_is_dry_run(replay->policy, rule))
        print_dry_run(text, report, rule);
}

static void print_rules(const struct text *text, const struct pm_report *report)
{
    uint32_t count = (uint32_t)pm_policy_rule_count(report->replay->policy);
    uint32_t idle = 0;
    fprintf(text->out, "\n%s%-27s %-7s %8s %12s %8s %10s%s\n", bold(text), "rule", "action",
            "packets", "bytes", "edits", "growth", plain(text));
    for (uint32_t rule = 0; rule < count; rule++) {
        if (pm_report_rule(report, rule)->packets > 0)
            print_rule(text, report, rule);
        else
            idle++;
    }
    if (idle > 0)
        fprintf(text->out, "  (%" PRIu32 " rule%s matched nothing)\n", idle, plural(idle));
}

static void print_why(const struct text *text, const char *engine, const struct pm_stats *stats)
{
    for (unsigned why = 0; why < PM_WHY_COUNT; why++) {
        if (stats->why[why] == 0 || why == PM_WHY_NONE)
            continue;
        fprintf(text->out, "  %-8s %-15s %9" PRIu64 "  ", engine, pm_why_name((enum pm_why)why),
                stats->why[why]);
        print_wrapped(text, pm_why_text((enum pm_why)why), 38, 38);
    }
}

static void print_reasons(const struct text *text, const struct pm_report *report)
{
    const struct pm_replay *replay = report->replay;
    fprintf(text->out, "\n%s%-10s %-15s %9s%s\n", bold(text), "reason", "", "packets", plain(text));
    print_why(text, "filter", pm_filter_stats(replay->filter));
    if (replay->rewriter != NULL)
        print_why(text, "rewriter", pm_rewriter_stats(replay->rewriter));
    if (replay->late_filter != NULL)
        print_why(text, "after", pm_filter_stats(replay->late_filter));
}

/* All ranges of one rule in one sentence; `from` is its first. */
static void print_ranges(const struct text *text, const struct pm_replay *replay, uint32_t from)
{
    const struct pm_notlive *notlive = &replay->notlive;
    char list[PM_NOTLIVE_RANGES * 48] = "", line[sizeof list + 160];
    uint32_t rule = notlive->ranges[from].rule;
    uint64_t frames = 0;
    for (uint32_t i = from; i < notlive->range_count; i++) {
        if (notlive->ranges[i].rule != rule)
            continue;
        append_range(list, sizeof list, &notlive->ranges[i]);
        frames += notlive->ranges[i].last - notlive->ranges[i].first + 1;
    }
    bool is_reject =
        rule != PM_NO_RULE && pm_policy_rule_action(replay->policy, rule) == PM_ACTION_REJECT;
    snprintf(line, sizeof line, "frame%s %s would not exist live: %s %s by %s", plural(frames),
             list, frames == 1 ? "its" : "their",
             is_reject ? "connection was rejected" : "SYN was dropped",
             rule == PM_NO_RULE ? "policy.default" : pm_policy_rule_id(replay->policy, rule));
    fprintf(text->out, "%snote%s      ", bold(text), plain(text));
    print_wrapped(text, line, 10, 10);
}

static void print_notlive(const struct text *text, const struct pm_replay *replay)
{
    const struct pm_notlive *notlive = &replay->notlive;
    for (uint32_t i = 0; i < notlive->range_count; i++) {
        bool is_first = true;
        for (uint32_t j = 0; j < i; j++)
            is_first = is_first && notlive->ranges[j].rule != notlive->ranges[i].rule;
        if (is_first)
            print_ranges(text, replay, i);
    }
    if (notlive->frames_untold > 0)
        fprintf(text->out, "          and %" PRIu64 " more frames in other places\n",
                notlive->frames_untold);
    if (notlive->flows_untracked > 0)
        fprintf(text->out, "          and the rest of %" PRIu64 " more connections\n",
                notlive->flows_untracked);
}

static void print_problem(const struct text *text, uint64_t count, const char *what)
{
    char line[160];
    if (count == 0)
        return;
    snprintf(line, sizeof line, "%" PRIu64 " packet%s %s", count, plural(count), what);
    fprintf(text->out, "%snote%s      ", bold(text), plain(text));
    print_wrapped(text, line, 10, 10);
}

static void print_problems(const struct text *text, const struct pm_report *report)
{
    const struct pm_oddities *odd = pm_capture_oddities(report->replay->capture);
    print_problem(text, odd->cut_short, "in the capture are not whole (a snaplen cut them)");
    print_problem(text, odd->longer_than_original, "claim to be shorter than what was captured");
    print_problem(text, odd->over_snaplen, "are longer than the capture's own limit");
    if (report->capture_error != NULL) {
        fprintf(text->out, "%sdamage%s    ", bold(text), plain(text));
        print_wrapped(text, report->capture_error, 10, 10);
    }
}

static void print_stop(const struct text *text, const struct pm_replay *replay)
{
    char line[160];
    if (replay->stopped_by == 0)
        return;
    snprintf(line, sizeof line,
             "stopped by %s: this is about the first %" PRIu64 " packets of the capture",
             pm_signal_name(replay->stopped_by), replay->packets);
    fprintf(text->out, "%spartial%s   ", bold(text), plain(text));
    print_wrapped(text, line, 10, 10);
}

static void print_output(const struct text *text, const struct pm_replay *replay)
{
    const char *path = replay->options->out;
    fprintf(text->out, "%soutput%s    ", bold(text), plain(text));
    if (path == NULL)
        fputs("none written (-w FILE writes it)", text->out);
    else
        fputs(strcmp(path, "-") == 0 ? "standard output" : path, text->out);
    fprintf(text->out, ": %" PRIu64 " packet%s, %" PRIu64 " byte%s", replay->out_packets,
            plural(replay->out_packets), replay->out_bytes, plural(replay->out_bytes));
    if (replay->rewriter != NULL) {
        const struct pm_stats *stats = pm_rewriter_stats(replay->rewriter);
        fprintf(text->out,
                "\n          %" PRIu64 " changed, %" PRIu64 " added by splitting, %" PRIu64
                " dropped by the rewriter",
                stats->changed, stats->split, stats->dropped);
        if (stats->joined > 0)
            fprintf(text->out, ", %" PRIu64 " left within others", stats->joined);
    }
    fputc('\n', text->out);
    const struct pm_stats *filter = pm_filter_stats(replay->filter);
    if (filter->replies > 0)
        fprintf(text->out, "          %" PRIu64 " packet%s to tell of rejects\n", filter->replies,
                plural(filter->replies));
    if (filter->asked_dropped > 0)
        fprintf(text->out, "          %" PRIu64 " packet%s dropped after asking\n",
                filter->asked_dropped, plural(filter->asked_dropped));
    if (filter->held_dropped > 0)
        fprintf(text->out, "          %" PRIu64 " packet%s dropped after waiting for a TLS hello\n",
                filter->held_dropped, plural(filter->held_dropped));
    if (replay->late_filter != NULL)
        fprintf(text->out, "          %" PRIu64 " dropped after rewriting\n",
                pm_filter_stats(replay->late_filter)->dropped);
}

void pm_report_text(const struct pm_report *report, FILE *out, bool colour)
{
    struct text text = {out, colour};
    print_capture(&text, report);
    print_verdicts(&text, report);
    print_rules(&text, report);
    print_reasons(&text, report);
    fputc('\n', out);
    print_notlive(&text, report->replay);
    print_problems(&text, report);
    print_stop(&text, report->replay);
    print_output(&text, report->replay);
}
