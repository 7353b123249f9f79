/* test_report.c - text and TAP, told as results come; JUnit XML, told at the end. */
#include "app/test_report.h"

#include <stdlib.h>
#include <string.h>

#include "app/test_junit.h"

static const char *const words[] = {[PM_TEST_PASS] = "ok",
                                    [PM_TEST_FAIL] = "FAIL",
                                    [PM_TEST_ERROR] = "ERROR",
                                    [PM_TEST_SKIP] = "skip"};

/* ------------------------------------------------------------------ text */

static const char *colour_of(enum pm_test_status status)
{
    static const char *const colours[] = {[PM_TEST_PASS] = "\033[32m",
                                          [PM_TEST_FAIL] = "\033[1;31m",
                                          [PM_TEST_ERROR] = "\033[1;31m",
                                          [PM_TEST_SKIP] = "\033[33m"};
    return colours[status];
}

/* Bytes of captures may stand in a text: nothing of it reaches a terminal as a command. */
static void print_lines(FILE *out, const char *indent, const char *text)
{
    bool is_at_begin = true;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (is_at_begin && *p != '\n')
            fputs(indent, out);
        is_at_begin = *p == '\n';
        fputc((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f ? '?' : *p, out);
    }
}

static void tell_text(const struct pm_test_report *report, const struct pm_test_item *item,
                      const struct pm_test_result *result)
{
    bool is_told = report->is_verbose || result->len > 0 || result->status != PM_TEST_PASS;
    if (!is_told)
        return;
    fprintf(report->out, "%s%-5s%s %s/%s\n", report->is_coloured ? colour_of(result->status) : "",
            words[result->status], report->is_coloured ? "\033[0m" : "", item->suite, item->name);
    print_lines(report->out, "  ", result->text);
    if (result->len > 0)
        fputc('\n', report->out);
    fflush(report->out);
}

static void end_text(const struct pm_test_report *report)
{
    const struct pm_test_counts *counts = &report->counts;
    fprintf(report->out, "%zu test%s: %zu passed", counts->all, counts->all == 1 ? "" : "s",
            counts->of[PM_TEST_PASS]);
    if (counts->of[PM_TEST_FAIL] > 0)
        fprintf(report->out, ", %zu failed", counts->of[PM_TEST_FAIL]);
    if (counts->of[PM_TEST_ERROR] > 0)
        fprintf(report->out, ", %zu could not be run", counts->of[PM_TEST_ERROR]);
    if (counts->of[PM_TEST_SKIP] > 0)
        fprintf(report->out, ", %zu skipped", counts->of[PM_TEST_SKIP]);
    fputc('\n', report->out);
}

/* ------------------------------------------------------------------ TAP 13 */

/* Within a description "#" would begin a directive. */
static void print_tap_words(FILE *out, const char *text)
{
    for (; *text != '\0' && *text != '\n'; text++) {
        if (*text == '#' || *text == '\\')
            fputc('\\', out);
        fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
    }
}

static void tell_tap(const struct pm_test_report *report, size_t index,
                     const struct pm_test_result *result)
{
    const struct pm_test_item *item = &report->items->list[index];
    bool good = result->status == PM_TEST_PASS || result->status == PM_TEST_SKIP;
    fprintf(report->out, "%s %zu - ", good ? "ok" : "not ok", index + 1);
    print_tap_words(report->out, item->suite);
    fputc('/', report->out);
    print_tap_words(report->out, item->name);
    if (result->status == PM_TEST_SKIP) {
        fputs(" # SKIP ", report->out);
        print_tap_words(report->out, result->text);
    }
    fputc('\n', report->out);
    if (!good) {
        fprintf(report->out, "  ---\n  severity: %s\n  message: |\n",
                result->status == PM_TEST_FAIL ? "fail" : "error");
        print_lines(report->out, "    ", result->text);
        fputs("  ...\n", report->out);
    }
    fflush(report->out);
}

/* ------------------------------------------------------------------ all */

bool pm_test_report_begin(struct pm_test_report *report)
{
    if (report->format == PM_TEST_TAP)
        fprintf(report->out, "TAP version 13\n1..%zu\n", report->items->count);
    if (report->format != PM_TEST_JUNIT)
        return true;
    report->kept = calloc(report->items->count + 1, sizeof *report->kept);
    return report->kept != NULL;
}

bool pm_test_report_tell(struct pm_test_report *report, size_t index,
                         const struct pm_test_result *result)
{
    report->counts.all++;
    report->counts.of[result->status]++;
    switch (report->format) {
    case PM_TEST_TEXT:
        tell_text(report, &report->items->list[index], result);
        return true;
    case PM_TEST_TAP:
        tell_tap(report, index, result);
        return true;
    case PM_TEST_JUNIT:
        report->kept[index] = *result;
        report->kept[index].text = strdup(result->text);
        return report->kept[index].text != NULL;
    }
    return true;
}

void pm_test_report_end(struct pm_test_report *report)
{
    if (report->format == PM_TEST_TEXT)
        end_text(report);
    if (report->format == PM_TEST_JUNIT)
        pm_test_junit(report->out, report->items, report->kept, &report->counts);
}

void pm_test_report_free(struct pm_test_report *report)
{
    for (size_t i = 0; report->kept != NULL && i < report->items->count; i++)
        free(report->kept[i].text);
    free(report->kept);
    report->kept = NULL;
}
