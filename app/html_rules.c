/* html_rules.c - the rules by hits, and by name those that never fired. */
#include "app/html_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define RULES_SHOWN 500u /* of those that fired, and of those that did not */

struct hit {
    uint32_t rule;
    uint64_t packets;
};

static int by_hits(const void *a, const void *b)
{
    const struct hit *left = a, *right = b;
    if (left->packets != right->packets)
        return left->packets > right->packets ? -1 : 1;
    return left->rule < right->rule ? -1 : left->rule > right->rule ? 1 : 0;
}

static void put_more(struct pm_sink *sink, uint32_t count, const char *what)
{
    if (count <= RULES_SHOWN)
        return;
    pm_html_put(sink, "<p class=\"soft\">and ");
    pm_html_amount(sink, count - RULES_SHOWN, "more rule");
    pm_html_putf(sink, " %s (--format json has all)</p>\n", what);
}

static void put_action(const struct pm_html_page *page, uint32_t rule)
{
    const struct pm_policy *policy = page->report->replay->policy;
    const char *action = pm_action_name(pm_policy_rule_action(policy, rule));
    pm_html_putf(page->sink, "<span class=\"tag %s\">%s</span>", action, action);
    if (pm_policy_rule_is_dry_run(policy, rule))
        pm_html_put(page->sink, " <span class=\"tag\">dry run</span>");
}

static void put_hit(const struct pm_html_page *page, const struct hit *hit, uint64_t most)
{
    const struct pm_rule_stats *stats = pm_report_rule(page->report, hit->rule);
    enum pm_action action = pm_policy_rule_action(page->report->replay->policy, hit->rule);
    struct pm_sink *sink = page->sink;
    pm_html_put(sink, "<tr><th scope=\"row\">");
    pm_html_put_rule(page, hit->rule);
    pm_html_put(sink, "</th><td>");
    put_action(page, hit->rule);
    pm_html_put(sink, "</td>");
    pm_html_put_cell(sink, stats->packets);
    unsigned percent = (unsigned)((double)stats->packets * 100 / (double)most);
    pm_html_putf(sink,
                 "<td class=\"bar\" aria-hidden=\"true\"><i class=\"%s\" "
                 "style=\"width:%u%%\"></i></td>",
                 pm_action_name(action), percent > 0 ? percent : 1);
    pm_html_put_cell(sink, stats->bytes);
    if (action == PM_ACTION_REWRITE) {
        pm_html_put_cell(sink, stats->edits);
        pm_html_putf(sink, "<td class=\"n\">%+" PRId64 "</td></tr>\n", stats->grown_bytes);
    } else {
        pm_html_put(sink, "<td></td><td></td></tr>\n");
    }
}

static void put_fired(const struct pm_html_page *page, const struct hit *hits, uint32_t fired)
{
    if (fired == 0) {
        pm_html_put(page->sink, "<p>No rule fired.</p>\n");
        return;
    }
    pm_html_open_table(page->sink, "Rules by hits",
                       "<th scope=\"col\">rule</th><th scope=\"col\">action</th>"
                       "<th scope=\"col\" class=\"n\">packets</th><td></td>"
                       "<th scope=\"col\" class=\"n\">bytes</th>"
                       "<th scope=\"col\" class=\"n\">edits</th>"
                       "<th scope=\"col\" class=\"n\">growth</th>");
    for (uint32_t i = 0; i < fired && i < RULES_SHOWN; i++)
        put_hit(page, &hits[i], hits[0].packets);
    pm_html_close_table(page->sink);
    put_more(page->sink, fired, "that fired");
}

static void put_idle(const struct pm_html_page *page, const struct hit *idle, uint32_t count)
{
    if (count == 0)
        return;
    pm_html_put(page->sink, "<h3>Never fired: ");
    pm_html_amount(page->sink, count, "rule");
    pm_html_put(page->sink, "</h3>\n<ul class=\"idle\">\n");
    for (uint32_t i = 0; i < count && i < RULES_SHOWN; i++) {
        pm_html_put(page->sink, "<li>");
        pm_html_put_rule(page, idle[i].rule);
        pm_html_put(page->sink, " ");
        put_action(page, idle[i].rule);
        pm_html_put(page->sink, "</li>\n");
    }
    pm_html_put(page->sink, "</ul>\n");
    put_more(page->sink, count, "that never fired");
}

void pm_html_put_rules(const struct pm_html_page *page)
{
    uint32_t count = (uint32_t)pm_policy_rule_count(page->report->replay->policy), fired = 0;
    struct hit *hits = calloc((size_t)count + 1, sizeof *hits);
    pm_html_open_section(page->sink, "rules", "Rules by hits");
    for (uint32_t rule = 0; hits != NULL && rule < count; rule++) {
        hits[rule] = (struct hit){rule, pm_report_rule(page->report, rule)->packets};
        fired += hits[rule].packets > 0 ? 1 : 0;
    }
    if (hits == NULL) {
        page->sink->error = page->sink->error == 0 ? ENOMEM : page->sink->error;
    } else {
        qsort(hits, count, sizeof *hits, by_hits);
        put_fired(page, hits, fired);
        put_idle(page, hits + fired, count - fired);
    }
    pm_html_put(page->sink, "</section>\n");
    free(hits);
}
