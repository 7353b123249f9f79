/* test_junit.c - writes the XML: elements, and text in which only what XML 1.0 knows stands. */
#include "app/test_junit.h"

#include <string.h>

#include "app/utf8.h"

static void put_char(FILE *out, unsigned char c)
{
    switch (c) {
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '&':
        fputs("&amp;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    default:
        fputc((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, out);
    }
}

/* U+FFFE and U+FFFF are UTF-8 but no characters of XML. */
static bool is_no_character(const unsigned char *p, size_t len)
{
    return len == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe;
}

static void put_text(FILE *out, const char *text, size_t text_len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + text_len;
    while (p < end) {
        size_t len = pm_utf8_len(p);
        if (len == 1)
            put_char(out, *p);
        else if (len == 0 || is_no_character(p, len))
            fputc('?', out);
        else
            fwrite(p, 1, len, out);
        p += len == 0 ? 1 : len;
    }
}

static void put_attribute(FILE *out, const char *name, const char *text)
{
    fprintf(out, " %s=\"", name);
    put_text(out, text, strcspn(text, "\n"));
    fputc('"', out);
}

static void put_counts(FILE *out, const struct pm_test_counts *counts)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n", counts->all,
            counts->of[PM_TEST_FAIL], counts->of[PM_TEST_ERROR], counts->of[PM_TEST_SKIP]);
}

static void put_result(FILE *out, const char *element, const struct pm_test_result *result)
{
    fprintf(out, ">\n      <%s", element);
    put_attribute(out, "message", result->text);
    fputc('>', out);
    put_text(out, result->text, result->len);
    fprintf(out, "</%s>\n    </testcase>\n", element);
}

static void put_case(FILE *out, const struct pm_test_item *item,
                     const struct pm_test_result *result)
{
    fputs("    <testcase", out);
    put_attribute(out, "classname", item->suite);
    put_attribute(out, "name", item->name);
    switch (result->status) {
    case PM_TEST_PASS:
        fputs("/>\n", out);
        break;
    case PM_TEST_FAIL:
        put_result(out, "failure", result);
        break;
    case PM_TEST_ERROR:
        put_result(out, "error", result);
        break;
    case PM_TEST_SKIP:
        fputs(">\n      <skipped", out);
        put_attribute(out, "message", result->text);
        fputs("/>\n    </testcase>\n", out);
        break;
    }
}

/* Where the suite that begins at `from` ends. */
static size_t suite_end(const struct pm_test_items *items, const struct pm_test_result *results,
                        size_t from, struct pm_test_counts *counts)
{
    size_t at = from;
    *counts = (struct pm_test_counts){0};
    for (; at < items->count && strcmp(items->list[at].suite, items->list[from].suite) == 0; at++) {
        counts->all++;
        counts->of[results[at].status]++;
    }
    return at;
}

void pm_test_junit(FILE *out, const struct pm_test_items *items,
                   const struct pm_test_result *results, const struct pm_test_counts *counts)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pktmod\"", out);
    put_counts(out, counts);
    for (size_t from = 0, end; from < items->count; from = end) {
        struct pm_test_counts within;
        end = suite_end(items, results, from, &within);
        fputs("  <testsuite", out);
        put_attribute(out, "name", items->list[from].suite);
        put_counts(out, &within);
        for (size_t i = from; i < end; i++)
            put_case(out, &items->list[i], &results[i]);
        fputs("  </testsuite>\n", out);
    }
    fputs("</testsuites>\n", out);
}
