/* html_page.h - the page of a report, section by section.
 *
 *     html_page.c     head, summary, notes
 *     html_style.c    how it looks
 *     html_chart.c    verdicts over time
 *     html_rules.c    rules by hits, those that never fired
 *     html_talks.c    flows by bytes
 *     html_changes.c  edits with their bytes
 *     html_reasons.c  edits that were refused, and all other reasons
 */
#ifndef PKTMOD_APP_HTML_PAGE_H
#define PKTMOD_APP_HTML_PAGE_H

#include "app/html_seen.h"
#include "app/html_write.h"
#include "app/report.h"

struct pm_html_page {
    struct pm_sink *sink;
    const struct pm_html_seen *seen;
    const struct pm_report *report;
};

void pm_html_page_write(const struct pm_html_page *page);

/* Pieces of CSS, NULL behind the last. */
extern const char *const pm_html_style[];

void pm_html_put_chart(const struct pm_html_page *page);
void pm_html_put_rules(const struct pm_html_page *page);
void pm_html_put_flows(const struct pm_html_page *page);
void pm_html_put_changes(const struct pm_html_page *page);
void pm_html_put_refused(const struct pm_html_page *page);
void pm_html_put_reasons(const struct pm_html_page *page);

/* Packets of which an edit was refused, as the rewriter counts them. */
uint64_t pm_html_refusals(const struct pm_html_page *page);

/* Pieces. A table scrolls in a box of its own where the page is narrow. */
void pm_html_open_section(struct pm_sink *sink, const char *id, const char *title);
void pm_html_open_table(struct pm_sink *sink, const char *label, const char *head);
void pm_html_close_table(struct pm_sink *sink);
/* <td> with a number. */
void pm_html_put_cell(struct pm_sink *sink, uint64_t count);
/* The rule's id; PM_NO_RULE is policy.default. */
void pm_html_put_rule(const struct pm_html_page *page, uint32_t rule);

#endif
