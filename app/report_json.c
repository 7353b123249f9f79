/* report_json.c - the report as JSON. Its names are a promise to scripts. */
#include <string.h>

#include "app/json.h"
#include "app/report.h"

static void put_amount(struct pm_json *json, const char *key, uint64_t packets, uint64_t bytes)
{
    pm_json_open(json, key, '{');
    pm_json_uint(json, "packets", packets);
    pm_json_uint(json, "bytes", bytes);
    pm_json_close(json, '}');
}

static void put_time(struct pm_json *json, const char *key, uint64_t ns)
{
    char text[PM_TIME_TEXT + 1];
    pm_report_time(ns, 'T', text);
    memcpy(text + strlen(text), "Z", 2);
    pm_json_text(json, key, text);
}

static void put_capture(struct pm_json *json, const struct pm_report *report)
{
    const struct pm_replay *replay = report->replay;
    const struct pm_oddities *odd = pm_capture_oddities(replay->capture);
    bool is_pcap = pm_capture_format(replay->capture) == PM_FORMAT_PCAP;
    pm_json_open(json, "capture", '{');
    pm_json_text(json, "file", replay->options->in);
    pm_json_text(json, "format", is_pcap ? "pcap" : "pcapng");
    pm_json_uint(json, "packets", replay->packets);
    pm_json_uint(json, "bytes", replay->bytes);
    if (replay->packets > 0) {
        put_time(json, "first", replay->first_ns);
        put_time(json, "last", replay->last_ns);
    }
    pm_json_uint(json, "cut_short", odd->cut_short);
    pm_json_uint(json, "longer_than_original", odd->longer_than_original);
    pm_json_uint(json, "over_snaplen", odd->over_snaplen);
    pm_json_text(json, "damage", report->capture_error);
    if (replay->stopped_by != 0)
        pm_json_text(json, "stopped_by", pm_signal_name(replay->stopped_by));
    pm_json_close(json, '}');
}

static void put_settings(struct pm_json *json, const struct pm_report *report)
{
    const struct pm_replay_options *options = report->replay->options;
    pm_json_open(json, "settings", '{');
    pm_json_text(json, "rules", options->rules);
    pm_json_text(json, "rules_name", report->rules_name);
    pm_json_text(json, "view", pm_view_name(options->view));
    pm_json_text(json, "checksums", pm_checksums_name(options->checksums));
    pm_json_uint(json, "mtu", options->mtu);
    pm_json_uint(json, "seed", options->seed);
    pm_json_close(json, '}');
}

static void put_why(struct pm_json *json, const char *engine, const struct pm_stats *stats)
{
    pm_json_open(json, engine, '{');
    for (unsigned why = 0; why < PM_WHY_COUNT; why++)
        if (stats->why[why] > 0)
            pm_json_uint(json, pm_why_name((enum pm_why)why), stats->why[why]);
    pm_json_close(json, '}');
}

static void put_filter(struct pm_json *json, const struct pm_stats *stats)
{
    pm_json_open(json, "verdicts", '{');
    put_amount(json, "allow", stats->allowed, stats->allowed_bytes);
    put_amount(json, "drop", stats->dropped, stats->dropped_bytes);
    put_amount(json, "delay", stats->delayed, stats->delayed_bytes);
    put_amount(json, "reject", stats->rejected, stats->rejected_bytes);
    put_amount(json, "ask", stats->asked, stats->asked_bytes);
    pm_json_close(json, '}');
    pm_json_uint(json, "flows", stats->flows);
    pm_json_uint(json, "replies", stats->replies);
    put_amount(json, "asked_dropped", stats->asked_dropped, stats->asked_dropped_bytes);
    put_amount(json, "held_dropped", stats->held_dropped, stats->held_dropped_bytes);
}

static void put_rewriter(struct pm_json *json, const struct pm_stats *stats)
{
    pm_json_open(json, "rewritten", '{');
    pm_json_uint(json, "changed", stats->changed);
    pm_json_uint(json, "split", stats->split);
    pm_json_uint(json, "joined", stats->joined);
    pm_json_uint(json, "dropped", stats->dropped);
    pm_json_close(json, '}');
}

static void put_rule(struct pm_json *json, const struct pm_report *report, uint32_t rule)
{
    const struct pm_rule_stats *stats = pm_report_rule(report, rule);
    enum pm_action action = pm_policy_rule_action(report->replay->policy, rule);
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "id", pm_policy_rule_id(report->replay->policy, rule));
    pm_json_text(json, "action", pm_action_name(action));
    if (pm_policy_rule_is_dry_run(report->replay->policy, rule))
        pm_json_bool(json, "dry_run", true);
    pm_json_uint(json, "packets", stats->packets);
    pm_json_uint(json, "bytes", stats->bytes);
    if (action == PM_ACTION_REWRITE) {
        pm_json_uint(json, "edits", stats->edits);
        pm_json_int(json, "grown_bytes", stats->grown_bytes);
    }
    pm_json_close(json, '}');
}

static void put_notlive(struct pm_json *json, const struct pm_replay *replay)
{
    const struct pm_notlive *notlive = &replay->notlive;
    pm_json_open(json, "not_live", '{');
    pm_json_uint(json, "frames", notlive->frames);
    pm_json_open(json, "ranges", '[');
    for (uint32_t i = 0; i < notlive->range_count; i++) {
        uint32_t rule = notlive->ranges[i].rule;
        pm_json_open(json, NULL, '{');
        pm_json_uint(json, "first", notlive->ranges[i].first);
        pm_json_uint(json, "last", notlive->ranges[i].last);
        pm_json_text(json, "rule",
                     rule == PM_NO_RULE ? NULL : pm_policy_rule_id(replay->policy, rule));
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
    pm_json_uint(json, "frames_not_listed", notlive->frames_untold);
    pm_json_uint(json, "flows_not_followed", notlive->flows_untracked);
    pm_json_close(json, '}');
}

static void put_output(struct pm_json *json, const struct pm_replay *replay)
{
    pm_json_open(json, "output", '{');
    pm_json_text(json, "file", replay->options->out);
    pm_json_uint(json, "packets", replay->out_packets);
    pm_json_uint(json, "bytes", replay->out_bytes);
    pm_json_close(json, '}');
}

void pm_report_json(const struct pm_report *report, FILE *out)
{
    const struct pm_replay *replay = report->replay;
    struct pm_json json = {.out = out};
    uint32_t count = (uint32_t)pm_policy_rule_count(replay->policy);
    pm_json_open(&json, NULL, '{');
    pm_json_text(&json, "pktmod", pm_version());
    put_settings(&json, report);
    put_capture(&json, report);
    put_filter(&json, pm_filter_stats(replay->filter));
    pm_json_open(&json, "rules", '[');
    for (uint32_t rule = 0; rule < count; rule++)
        put_rule(&json, report, rule);
    pm_json_close(&json, ']');
    pm_json_open(&json, "why", '{');
    put_why(&json, "filter", pm_filter_stats(replay->filter));
    if (replay->rewriter != NULL)
        put_why(&json, "rewriter", pm_rewriter_stats(replay->rewriter));
    if (replay->late_filter != NULL)
        put_why(&json, "after_rewrite", pm_filter_stats(replay->late_filter));
    pm_json_close(&json, '}');
    if (replay->rewriter != NULL)
        put_rewriter(&json, pm_rewriter_stats(replay->rewriter));
    put_notlive(&json, replay);
    put_output(&json, replay);
    pm_json_close(&json, '}');
}
