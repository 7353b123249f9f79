/* html_changes.c - edits with the bytes before and after, and how many are not shown. */
#include "app/html_page.h"

#include <inttypes.h>

static const char *op_name(const struct pm_html_page *page, const struct pm_html_edit *edit)
{
    static const char *const names[] = {
        [PM_OP_REPLACE] = "replace",
        [PM_OP_SET] = "set",
        [PM_OP_ADD] = "add",
        [PM_OP_INSERT] = "insert",
        [PM_OP_DELETE] = "delete",
        [PM_OP_NAT] = "nat",
        [PM_OP_TCP_OPTIONS] = "TCP options",
        [PM_OP_EXTERNAL] = "external",
        [PM_OP_HTTP] = "http",
        [PM_OP_CORRUPT] = "corrupt",
        [PM_OP_DUPLICATE] = "duplicate",
        [PM_OP_TRUNCATE] = "truncate",
        [PM_OP_SEGMENT] = "segment",
        [PM_OP_FRAGMENT] = "fragment",
        [PM_OP_DNS] = "DNS",
        [PM_OP_DNS_NAME] = "replace",
    };
    if (edit->is_header)
        return "header";
    return names[pm_policy_op_kind(page->report->replay->policy, edit->rule, edit->op)];
}

static void put_heading(const struct pm_html_page *page, const struct pm_html_edit *edit)
{
    struct pm_sink *sink = page->sink;
    pm_html_putf(sink, "<h3><b>frame %" PRIu64 "</b> <span class=\"soft\">at ", edit->frame);
    pm_html_seconds(sink, edit->now_ns - page->seen->timeline.first_ns);
    pm_html_putf(sink, ", %s%s</span> <code>", edit->dir == PM_DIR_IN ? "in" : "out",
                 edit->is_late ? ", after waiting" : "");
    pm_html_put_rule(page, edit->rule);
    pm_html_putf(sink, "</code> <span class=\"tag rewrite\">%s</span> %s<span class=\"soft\">",
                 op_name(page, edit), edit->is_dry ? "<span class=\"tag\">dry run</span> " : "");
    pm_html_putf(
        sink, "byte %" PRIu64 "%s, %" PRIu32 " \xe2\x86\x92 %" PRIu32 " bytes</span></h3>\n",
        edit->offset, edit->is_header ? " of the packet" : "", edit->old_len, edit->new_len);
}

static void put_side(struct pm_sink *sink, const char *name, const struct pm_html_dump *dump,
                     uint32_t bytes_behind)
{
    pm_html_putf(sink, "<span>%s</span><pre>", name);
    if (dump->len == 0)
        pm_html_put(sink, "<i>nothing</i>");
    else
        pm_html_put_dump(sink, dump);
    pm_html_put(sink, "</pre>\n");
    if (bytes_behind == 0)
        return;
    pm_html_put(sink, "<span></span><span>and ");
    pm_html_amount(sink, bytes_behind, "more byte");
    pm_html_put(sink, "</span>\n");
}

/* Where the end is cut off, everything from the first difference on counts as changed. */
static void put_edit(const struct pm_html_page *page, const struct pm_html_edit *edit)
{
    struct pm_html_common same =
        pm_html_common_of(edit->old_bytes, edit->old_kept, edit->new_bytes, edit->new_kept);
    uint32_t old_behind = edit->old_len - edit->skipped - edit->old_kept;
    uint32_t new_behind = edit->new_len - edit->skipped - edit->new_kept;
    if (old_behind > 0 || new_behind > 0)
        same.same_after = 0;
    struct pm_html_dump before = {.bytes = edit->old_bytes,
                                  .len = edit->old_kept,
                                  .from = same.same_before,
                                  .to = edit->old_kept - same.same_after,
                                  .offset = edit->offset + edit->skipped,
                                  .mark = "del"};
    struct pm_html_dump after = {.bytes = edit->new_bytes,
                                 .len = edit->new_kept,
                                 .from = same.same_before,
                                 .to = edit->new_kept - same.same_after,
                                 .offset = edit->offset + edit->skipped,
                                 .mark = "ins"};
    if (edit->is_header) { /* fields far apart: what lies between them is the same */
        before.against = edit->new_bytes;
        after.against = edit->old_bytes;
    }
    pm_html_put(page->sink, "<article>\n");
    put_heading(page, edit);
    if (edit->old_len > 0 || edit->new_len > 0) {
        pm_html_put(page->sink, "<div class=\"pair\">\n");
        put_side(page->sink, "before", &before, old_behind);
        put_side(page->sink, "after", &after, new_behind);
        pm_html_put(page->sink, "</div>\n");
    }
    pm_html_put(page->sink, "</article>\n");
}

void pm_html_put_changes(const struct pm_html_page *page)
{
    const struct pm_html_edits *edits = &page->seen->edits;
    pm_html_open_section(page->sink, "edits", "Edits, before and after");
    if (edits->total == 0)
        pm_html_put(page->sink, "<p>Nothing was edited.</p>\n");
    if (edits->dry > 0) {
        pm_html_put(page->sink, "<p>");
        pm_html_amount(page->sink, edits->dry, "edit");
        pm_html_put(page->sink, " of dry-run rules would have been made; the packets left without "
                                "them.</p>\n");
    }
    if (edits->total + edits->dry > 0)
        pm_html_putf(page->sink,
                     "<p class=\"soft\">Offsets are in the original stream of their direction or, "
                     "without a stream, in the payload. Shown are at most %u edits of a rule and "
                     "%u in all, of each at most %u bytes.</p>\n",
                     PM_HTML_EDITS_RULE, PM_HTML_EDITS, PM_HTML_EDIT_BYTES);
    for (uint32_t i = 0; i < edits->count; i++)
        put_edit(page, &edits->list[i]);
    if (edits->total + edits->dry > edits->count) {
        pm_html_put(page->sink, "<p>and ");
        pm_html_amount(page->sink, edits->total + edits->dry - edits->count, "more edit");
        pm_html_put(page->sink, ", not shown (--events tells of every one)</p>\n");
    }
    pm_html_put(page->sink, "</section>\n");
}
