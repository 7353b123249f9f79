/* html_page.c - the page from its head to its foot: summary and notes; the rest is called. */
#include "app/html_page.h"

#include <inttypes.h>

/* ------------------------------------------------------------------ pieces */

void pm_html_open_section(struct pm_sink *sink, const char *id, const char *title)
{
    pm_html_putf(sink, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n", id, id);
    pm_html_putf(sink, "<h2 id=\"%s-title\">%s</h2>\n", id, title);
}

void pm_html_open_table(struct pm_sink *sink, const char *label, const char *head)
{
    pm_html_putf(sink,
                 "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">\n"
                 "<table>\n<thead><tr>",
                 label);
    pm_html_put(sink, head);
    pm_html_put(sink, "</tr></thead>\n<tbody>\n");
}

void pm_html_close_table(struct pm_sink *sink)
{
    pm_html_put(sink, "</tbody>\n</table>\n</div>\n");
}

void pm_html_put_cell(struct pm_sink *sink, uint64_t count)
{
    pm_html_put(sink, "<td class=\"n\">");
    pm_html_count(sink, count);
    pm_html_put(sink, "</td>");
}

void pm_html_put_rule(const struct pm_html_page *page, uint32_t rule)
{
    bool has_rule = rule != PM_NO_RULE;
    pm_html_put(page->sink, "<bdi>");
    pm_html_text(page->sink, has_rule ? pm_policy_rule_id(page->report->replay->policy, rule)
                                      : "policy.default");
    pm_html_put(page->sink, "</bdi>");
}

/* ------------------------------------------------------------------ head */

static void put_title(const struct pm_html_page *page)
{
    pm_html_text(page->sink, page->report->replay->options->in);
    pm_html_put(page->sink, " through ");
    pm_html_text(page->sink, page->report->replay->options->rules);
}

static void put_head(const struct pm_html_page *page)
{
    struct pm_sink *sink = page->sink;
    pm_html_put(sink, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'\">\n<meta name=\"generator\" content=\"pktmod ");
    pm_html_text(sink, pm_version());
    pm_html_put(sink, "\">\n<title>pktmod replay: ");
    put_title(page);
    pm_html_put(sink, "</title>\n<style>\n");
    for (unsigned i = 0; pm_html_style[i] != NULL; i++)
        pm_html_put(sink, pm_html_style[i]);
    pm_html_put(sink, "</style>\n</head>\n<body>\n<header>\n<p class=\"soft\">pktmod replay</p>\n"
                      "<h1>");
    put_title(page);
    pm_html_put(sink, "</h1>\n<nav aria-label=\"Sections\"><ul>\n"
                      "<li><a href=\"#summary\">Summary</a></li>\n"
                      "<li><a href=\"#time\">Over time</a></li>\n"
                      "<li><a href=\"#rules\">Rules</a></li>\n"
                      "<li><a href=\"#flows\">Flows</a></li>\n"
                      "<li><a href=\"#edits\">Edits</a></li>\n"
                      "<li><a href=\"#refused\">Refused</a></li>\n"
                      "<li><a href=\"#reasons\">Reasons</a></li>\n"
                      "</ul></nav>\n</header>\n<main>\n");
}

/* ------------------------------------------------------------------ summary */

static void put_card(struct pm_sink *sink, const char *kind, const char *name, uint64_t count,
                     uint64_t bytes)
{
    pm_html_putf(sink, "<div class=\"%s\"><dt>%s</dt><dd>", kind, name);
    pm_html_count(sink, count);
    pm_html_put(sink, "</dd>");
    if (bytes > 0) {
        pm_html_put(sink, "<dd>");
        pm_html_amount(sink, bytes, "byte");
        pm_html_put(sink, "</dd>");
    }
    pm_html_put(sink, "</div>\n");
}

static void put_cards(const struct pm_html_page *page)
{
    const struct pm_replay *replay = page->report->replay;
    const struct pm_stats *stats = pm_filter_stats(replay->filter);
    struct pm_sink *sink = page->sink;
    pm_html_put(sink, "<dl class=\"cards\">\n");
    put_card(sink, "", "packets in", replay->packets, replay->bytes);
    put_card(sink, "", "flows", stats->flows, 0);
    put_card(sink, "allow", "allowed", stats->allowed, stats->allowed_bytes);
    put_card(sink, "drop", "dropped", stats->dropped, stats->dropped_bytes);
    if (stats->rejected > 0)
        put_card(sink, "reject", "rejected", stats->rejected, stats->rejected_bytes);
    if (stats->delayed > 0)
        put_card(sink, "delay", "delayed", stats->delayed, stats->delayed_bytes);
    if (stats->asked > 0)
        put_card(sink, "ask", "asked about", stats->asked, stats->asked_bytes);
    if (replay->rewriter != NULL) {
        put_card(sink, "edited", "edits made", page->seen->edits.total, 0);
        put_card(sink, "", "refused", pm_html_refusals(page), 0);
    }
    if (replay->late_filter != NULL)
        put_card(sink, "drop", "dropped after rewriting",
                 pm_filter_stats(replay->late_filter)->dropped,
                 pm_filter_stats(replay->late_filter)->dropped_bytes);
    put_card(sink, "", "packets out", replay->out_packets, replay->out_bytes);
    pm_html_put(sink, "</dl>\n");
}

static void open_fact(struct pm_sink *sink, const char *name)
{
    pm_html_putf(sink, "<dt>%s</dt><dd>", name);
}

static void put_time_facts(const struct pm_html_page *page)
{
    const struct pm_replay *replay = page->report->replay;
    char first[PM_TIME_TEXT], last[PM_TIME_TEXT];
    if (replay->packets == 0)
        return;
    open_fact(page->sink, "recorded");
    pm_report_time(replay->first_ns, ' ', first);
    pm_report_time(replay->last_ns, ' ', last);
    if (replay->first_ns % 1000 == 0 && replay->last_ns % 1000 == 0)
        first[strlen(first) - 3] = last[strlen(last) - 3] = '\0';
    pm_html_text(page->sink, first);
    pm_html_put(page->sink, " to ");
    pm_html_text(page->sink, last);
    pm_html_put(page->sink, " UTC, ");
    pm_html_seconds(page->sink, replay->last_ns - replay->first_ns);
    pm_html_put(page->sink, "</dd>\n");
}

static void put_facts(const struct pm_html_page *page)
{
    const struct pm_replay *replay = page->report->replay;
    const struct pm_replay_options *options = replay->options;
    struct pm_sink *sink = page->sink;
    pm_html_put(sink, "<dl class=\"facts\">\n");
    open_fact(sink, "capture");
    pm_html_text(sink, options->in);
    pm_html_put(sink, "</dd>\n");
    put_time_facts(page);
    open_fact(sink, "rules");
    pm_html_text(sink, options->rules);
    pm_html_put(sink, ": ");
    pm_html_amount(sink, pm_policy_rule_count(replay->policy), "rule");
    if (page->report->rules_name != NULL) {
        pm_html_put(sink, ", \xe2\x80\x9c<bdi>");
        pm_html_text(sink, page->report->rules_name);
        pm_html_put(sink, "</bdi>\xe2\x80\x9d");
    }
    pm_html_put(sink, "</dd>\n");
    open_fact(sink, "settings");
    pm_html_putf(sink, "view %s, checksums %s, MTU %" PRIu32 ", seed %" PRIu64 "</dd>\n",
                 pm_view_name(options->view), pm_checksums_name(options->checksums), options->mtu,
                 options->seed);
    open_fact(sink, "output");
    pm_html_text(sink, options->out == NULL ? "none written" : options->out);
    if (replay->rewriter != NULL) {
        const struct pm_stats *stats = pm_rewriter_stats(replay->rewriter);
        pm_html_put(sink, "; ");
        pm_html_count(sink, stats->changed);
        pm_html_put(sink, " changed, ");
        pm_html_count(sink, stats->split);
        pm_html_put(sink, " added by splitting, ");
        pm_html_count(sink, stats->dropped);
        pm_html_put(sink, " dropped by the rewriter");
    }
    pm_html_put(sink, "</dd>\n</dl>\n");
}

/* ------------------------------------------------------------------ notes */

static void put_count_note(struct pm_sink *sink, uint64_t count, const char *noun, const char *what)
{
    if (count == 0)
        return;
    pm_html_put(sink, "<li>");
    pm_html_amount(sink, count, noun);
    pm_html_putf(sink, " %s</li>\n", what);
}

static void put_range_note(const struct pm_html_page *page, const struct pm_frame_range *range)
{
    struct pm_sink *sink = page->sink;
    bool is_one = range->first == range->last;
    pm_html_putf(sink, "<li>frame%s %" PRIu64, is_one ? "" : "s", range->first);
    if (!is_one)
        pm_html_putf(sink, "\xe2\x80\x93%" PRIu64, range->last);
    pm_html_putf(sink, " would not exist live: %s SYN was dropped by ", is_one ? "its" : "their");
    pm_html_put_rule(page, range->rule);
    pm_html_put(sink, "</li>\n");
}

static void put_end_notes(const struct pm_html_page *page)
{
    const struct pm_replay *replay = page->report->replay;
    if (replay->stopped_by != 0) {
        pm_html_putf(page->sink,
                     "<li><strong>Partial:</strong> stopped by %s; this is about the "
                     "first ",
                     pm_signal_name(replay->stopped_by));
        pm_html_amount(page->sink, replay->packets, "packet");
        pm_html_put(page->sink, " of the capture</li>\n");
    }
    if (replay->no_memory)
        pm_html_put(page->sink, "<li><strong>Partial:</strong> stopped for lack of memory</li>\n");
    if (page->report->capture_error != NULL) {
        pm_html_put(page->sink, "<li><strong>Damage:</strong> ");
        pm_html_text(page->sink, page->report->capture_error);
        pm_html_put(page->sink, "</li>\n");
    }
}

static bool has_notes(const struct pm_html_page *page)
{
    const struct pm_replay *replay = page->report->replay;
    const struct pm_oddities *odd = pm_capture_oddities(replay->capture);
    return replay->stopped_by != 0 || replay->no_memory || page->report->capture_error != NULL ||
           replay->notlive.range_count > 0 || replay->notlive.flows_untracked > 0 ||
           odd->cut_short > 0 || odd->longer_than_original > 0 || odd->over_snaplen > 0;
}

static void put_notes(const struct pm_html_page *page)
{
    const struct pm_replay *replay = page->report->replay;
    const struct pm_notlive *notlive = &replay->notlive;
    const struct pm_oddities *odd = pm_capture_oddities(replay->capture);
    if (!has_notes(page))
        return;
    pm_html_put(page->sink, "<ul class=\"notes\">\n");
    put_end_notes(page);
    for (uint32_t i = 0; i < notlive->range_count; i++)
        put_range_note(page, &notlive->ranges[i]);
    put_count_note(page->sink, notlive->frames_untold, "more frame", "in other places");
    put_count_note(page->sink, notlive->flows_untracked, "more connection",
                   "whose SYN was dropped, not followed");
    put_count_note(page->sink, odd->cut_short, "packet",
                   "not whole in the capture (a snaplen cut them)");
    put_count_note(page->sink, odd->longer_than_original, "packet",
                   "recorded with more bytes than they are said to have had");
    put_count_note(page->sink, odd->over_snaplen, "packet",
                   "longer than the capture\xe2\x80\x99s own limit");
    pm_html_put(page->sink, "</ul>\n");
}

void pm_html_page_write(const struct pm_html_page *page)
{
    put_head(page);
    pm_html_open_section(page->sink, "summary", "Summary");
    put_cards(page);
    put_facts(page);
    put_notes(page);
    pm_html_put(page->sink, "</section>\n");
    pm_html_put_chart(page);
    pm_html_put_rules(page);
    pm_html_put_flows(page);
    pm_html_put_changes(page);
    pm_html_put_refused(page);
    pm_html_put_reasons(page);
    pm_html_put(page->sink, "</main>\n<footer>\n<p>Written by pktmod ");
    pm_html_text(page->sink, pm_version());
    pm_html_put(page->sink, ". Times run from the first packet. The same replay writes the same "
                            "page.</p>\n</footer>\n</body>\n</html>\n");
}
