/* html_reasons.c - why packets got what they got: edits that were refused, then everything else. */
#include "app/html_page.h"

#include <inttypes.h>

/* An edit that a rule wanted was not made, or its packets could not be edited at all. */
static const enum pm_why refusals[] = {
    PM_WHY_REFUSED,      PM_WHY_TOO_BIG,        PM_WHY_LENGTH_DIFFERS,   PM_WHY_EDITS_FULL,
    PM_WHY_REGEX_LIMIT,  PM_WHY_MATCH_TOO_LONG, PM_WHY_HOLD_TIMEOUT,     PM_WHY_HOLD_FULL,
    PM_WHY_FIELD_ABSENT, PM_WHY_OPTION_KEPT,    PM_WHY_DONT_FRAGMENT,    PM_WHY_NAT_COLLISION,
    PM_WHY_NAT_FULL,     PM_WHY_EXTERNAL_LATE,  PM_WHY_BAD_CHECKSUM,     PM_WHY_TRUNCATED,
    PM_WHY_FRAGMENT,     PM_WHY_UNSUPPORTED,    PM_WHY_MIDSTREAM,        PM_WHY_LATE,
    PM_WHY_FORGOTTEN,    PM_WHY_FLOWS_FULL,     PM_WHY_STREAMS_FULL,     PM_WHY_TCP_AUTH,
    PM_WHY_MPTCP,        PM_WHY_FRAGMENTS_FULL, PM_WHY_FRAGMENT_TIMEOUT,
};

#define REFUSALS (sizeof refusals / sizeof refusals[0])

static const struct pm_stats *rewriter_stats(const struct pm_html_page *page)
{
    const struct pm_rewriter *rewriter = page->report->replay->rewriter;
    return rewriter == NULL ? NULL : pm_rewriter_stats(rewriter);
}

uint64_t pm_html_refusals(const struct pm_html_page *page)
{
    const struct pm_stats *stats = rewriter_stats(page);
    uint64_t count = 0;
    for (unsigned i = 0; stats != NULL && i < REFUSALS; i++)
        count += stats->why[refusals[i]];
    return count;
}

/* The ordinary ways need no frames. */
static bool is_ordinary(enum pm_why why)
{
    return why == PM_WHY_NONE || why == PM_WHY_RULE || why == PM_WHY_DEFAULT;
}

static void put_frames(const struct pm_html_page *page, enum pm_html_engine engine, enum pm_why why)
{
    const struct pm_html_frames *frames = &page->seen->why[engine][why];
    pm_html_put(page->sink, "<td>");
    for (uint32_t i = 0; !is_ordinary(why) && i < frames->count; i++)
        pm_html_putf(page->sink, "%s%" PRIu64, i > 0 ? ", " : "", frames->first[i]);
    if (!is_ordinary(why) && frames->total > frames->count) {
        pm_html_put(page->sink, " and ");
        pm_html_count(page->sink, frames->total - frames->count);
        pm_html_put(page->sink, " more");
    }
    pm_html_put(page->sink, "</td>");
}

static void put_reason(const struct pm_html_page *page, enum pm_html_engine engine, enum pm_why why,
                       uint64_t count)
{
    pm_html_putf(page->sink, "<tr><th scope=\"row\">%s</th>", pm_why_name(why));
    pm_html_put_cell(page->sink, count);
    pm_html_put(page->sink, "<td>");
    pm_html_text(page->sink, pm_why_text(why));
    pm_html_put(page->sink, "</td>");
    put_frames(page, engine, why);
    pm_html_put(page->sink, "</tr>\n");
}

static void open_reasons(const struct pm_html_page *page, const char *label)
{
    pm_html_open_table(page->sink, label,
                       "<th scope=\"col\">reason</th><th scope=\"col\" class=\"n\">times</th>"
                       "<th scope=\"col\">what it means</th><th scope=\"col\">frames</th>");
}

void pm_html_put_refused(const struct pm_html_page *page)
{
    const struct pm_stats *stats = rewriter_stats(page);
    pm_html_open_section(page->sink, "refused", "Refused edits");
    if (stats == NULL)
        pm_html_put(page->sink, "<p>No rule rewrites.</p>\n");
    else if (pm_html_refusals(page) == 0)
        pm_html_put(page->sink, "<p>Every edit that was due was made.</p>\n");
    if (stats == NULL || pm_html_refusals(page) == 0) {
        pm_html_put(page->sink, "</section>\n");
        return;
    }
    pm_html_put(page->sink,
                "<p class=\"soft\">Edits that were not made, and packets that rewrite rules might "
                "have reached but that cannot be edited. A frame is named where the reason was "
                "what the rewriter answered for it.</p>\n");
    open_reasons(page, "Refused edits");
    for (unsigned i = 0; i < REFUSALS; i++)
        if (stats->why[refusals[i]] > 0)
            put_reason(page, PM_HTML_REWRITER, refusals[i], stats->why[refusals[i]]);
    pm_html_close_table(page->sink);
    pm_html_put(page->sink, "</section>\n");
}

static void put_engine(const struct pm_html_page *page, enum pm_html_engine engine,
                       const char *title, const struct pm_stats *stats)
{
    pm_html_putf(page->sink, "<h3>%s</h3>\n", title);
    open_reasons(page, title);
    for (unsigned why = 0; why < PM_WHY_COUNT; why++)
        if (why != PM_WHY_NONE && stats->why[why] > 0)
            put_reason(page, engine, (enum pm_why)why, stats->why[why]);
    pm_html_close_table(page->sink);
}

void pm_html_put_reasons(const struct pm_html_page *page)
{
    pm_html_open_section(page->sink, "reasons", "All reasons");
    put_engine(page, PM_HTML_FILTER, "Filter", pm_filter_stats(page->report->replay->filter));
    if (rewriter_stats(page) != NULL)
        put_engine(page, PM_HTML_REWRITER, "Rewriter", rewriter_stats(page));
    if (page->report->replay->late_filter != NULL)
        put_engine(page, PM_HTML_LATE, "After rewriting",
                   pm_filter_stats(page->report->replay->late_filter));
    pm_html_put(page->sink, "</section>\n");
}
