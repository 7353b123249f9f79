/* html_test.c - the page of a report: escaping, time in buckets, edits that are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/html_edits.h"
#include "app/html_timeline.h"
#include "app/html_write.h"

/* What was written, and frees it. */
static void assert_written(struct pm_sink *sink, const char *expected)
{
    pm_html_put(sink, "");
    char *text = calloc(1, sink->len + 1);
    memcpy(text, sink->buffer, sink->len);
    assert_string_equal(text, expected);
    free(text);
    pm_sink_close(sink);
    free(sink->buffer);
}

static void text_stays_text(void **state)
{
    static const struct {
        const char *text, *html;
    } cases[] = {
        {"plain-id_1", "plain-id_1"},
        {"</script><script>alert(1)</script>",
         "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"a\"b'c&d", "a&quot;b&#39;c&amp;d"},
        {"tab\there\nnext\x1b[31m\x7f",
         "tab\xe2\x90\x89here\xe2\x90\x8anext\xe2\x90\x9b[31m\xe2\x90\xa1"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d"},
        {"\xff\xfe<", "\xef\xbf\xbd\xef\xbf\xbd&lt;"},             /* no UTF-8 at all */
        {"\xc0\xbcscript>", "\xef\xbf\xbd\xef\xbf\xbdscript&gt;"}, /* < written too long */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  /* a surrogate */
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc2\x85", "\xef\xbf\xbd"}, /* a C1 control */
        {"a\xe2\x80\xae"
         "cba",
         "a\xef\xbf\xbd"
         "cba"},                          /* right-to-left override */
        {"\xef\xbf\xbf", "\xef\xbf\xbd"}, /* U+FFFF */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_sink sink;
        pm_sink_open_memory(&sink);
        pm_html_text(&sink, cases[i].text);
        assert_written(&sink, cases[i].html);
    }
}

static void numbers_are_easy_to_read(void **state)
{
    struct pm_sink sink;
    char span[PM_HTML_SPAN];
    (void)state;
    pm_sink_open_memory(&sink);
    pm_html_count(&sink, 0);
    pm_html_put(&sink, " ");
    pm_html_count(&sink, 999);
    pm_html_put(&sink, " ");
    pm_html_amount(&sink, 1000, "packet");
    pm_html_put(&sink, " ");
    pm_html_amount(&sink, 1, "packet");
    pm_html_put(&sink, " ");
    pm_html_count(&sink, UINT64_MAX);
    pm_html_put(&sink, " ");
    pm_html_seconds(&sink, 1500000000);
    pm_html_put(&sink, " ");
    pm_html_seconds(&sink, 1);
    assert_written(&sink, "0 999 1,000 packets 1 packet 18,446,744,073,709,551,615 1.5 s "
                          "0.000000001 s");
    pm_html_span_text(0, span);
    assert_string_equal(span, "0 ns");
    pm_html_span_text(20000000, span);
    assert_string_equal(span, "20 ms");
    pm_html_span_text(1234567, span);
    assert_string_equal(span, "1.234 ms");
    pm_html_span_text(UINT64_MAX, span);
    assert_string_equal(span, "18446744073.709 s");
}

static void dump_marks_what_changed_and_escapes_the_rest(void **state)
{
    static const uint8_t bytes[] = "<b>secret</b>&\"'\x01\xffz";
    struct pm_sink sink;
    (void)state;
    pm_sink_open_memory(&sink);
    pm_html_put_dump(&sink, &(struct pm_html_dump){.bytes = bytes,
                                                   .len = sizeof bytes - 1,
                                                   .from = 3,
                                                   .to = 9,
                                                   .offset = 100,
                                                   .mark = "del"});
    assert_written(&sink,
                   "<i>     100</i>  3c 62 3e <del>73 65 63 72 65  74</del> 3c 2f 62 3e 26 22 27"
                   "  &lt;b&gt;<del>secret</del>&lt;/b&gt;&amp;&quot;&#39;\n"
                   "<i>     116</i>  01 ff 7a                                        "
                   "  \xc2\xb7\xc2\xb7z");
    pm_sink_open_memory(&sink);
    pm_html_put_dump(&sink, &(struct pm_html_dump){.bytes = (const uint8_t *)"abcd",
                                                   .against = (const uint8_t *)"xbcx",
                                                   .len = 4,
                                                   .to = 4,
                                                   .mark = "ins"});
    assert_written(&sink, "<i>       0</i>  <ins>61</ins> 62 63 <ins>64</ins>"
                          "                                       "
                          "<ins>a</ins>bc<ins>d</ins>");
}

/* ------------------------------------------------------------------ time */

static uint64_t sum_of(const struct pm_timeline *timeline, enum pm_series series)
{
    uint32_t step = pm_timeline_step(timeline, 100);
    uint32_t bars = pm_timeline_bars(timeline, step);
    uint64_t counts[PM_SERIES_COUNT], sum = 0;
    assert_true(bars <= 100);
    for (uint32_t bar = 0; bar < bars; bar++) {
        pm_timeline_bar(timeline, step, bar, counts);
        sum += counts[series];
    }
    return sum;
}

static void time_of_any_length_fits(void **state)
{
    struct pm_timeline *t = calloc(1, sizeof *t);
    (void)state;
    t->width_ns = 1;
    pm_timeline_count(t, 5, PM_SERIES_ALLOW);
    pm_timeline_count(t, 6, PM_SERIES_DROP);
    assert_int_equal(t->width_ns, 1);
    assert_int_equal(t->used, 2);
    pm_timeline_count(t, UINT64_MAX, PM_SERIES_ALLOW);
    assert_true(t->used <= PM_TIMELINE_BUCKETS);
    assert_int_equal(sum_of(t, PM_SERIES_ALLOW), 2);
    assert_int_equal(sum_of(t, PM_SERIES_DROP), 1);
    free(t);
}

static uint64_t below(uint64_t *chance, uint64_t limit)
{
    *chance = *chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*chance >> 33) % limit;
}

/* The oracle keeps every moment and counts those between two times. */
static void buckets_say_what_a_list_of_all_says(void **state)
{
    enum { MOMENTS = 2000 };
    static uint64_t at_ns[MOMENTS];
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t chance = round;
        struct pm_timeline *t = calloc(1, sizeof *t);
        uint64_t now_ns = 1000, counts[PM_SERIES_COUNT];
        t->width_ns = 1;
        for (uint32_t i = 0; i < MOMENTS; i++) {
            now_ns += below(&chance, 1u << (round + 4));
            at_ns[i] = now_ns;
            pm_timeline_count(t, now_ns, PM_SERIES_ALLOW);
        }
        uint32_t step = pm_timeline_step(t, 100), bars = pm_timeline_bars(t, step);
        for (uint32_t bar = 0; bar < bars; bar++) {
            uint64_t from_ns = t->first_ns + bar * step * t->width_ns, expected = 0;
            for (uint32_t i = 0; i < MOMENTS; i++)
                expected += at_ns[i] >= from_ns && at_ns[i] - from_ns < step * t->width_ns;
            pm_timeline_bar(t, step, bar, counts);
            assert_int_equal(counts[PM_SERIES_ALLOW], expected);
        }
        free(t);
    }
}

/* ------------------------------------------------------------------ edits */

static void add(struct pm_html_edits *edits, uint32_t rule, const char *before, size_t before_len,
                const char *after, size_t after_len)
{
    struct pm_html_edit about = {.frame = 7, .now_ns = 9};
    struct pm_edit_note note = {.rule = rule,
                                .offset = 1000,
                                .old_len = (uint32_t)before_len,
                                .new_len = (uint32_t)after_len,
                                .old_bytes = (const uint8_t *)before,
                                .new_bytes = (const uint8_t *)after};
    pm_html_edits_add(edits, &about, &note);
}

static void chatty_rule_leaves_room_for_others(void **state)
{
    struct pm_html_edits edits;
    (void)state;
    assert_true(pm_html_edits_init(&edits, 10));
    for (uint32_t i = 0; i < 10000; i++)
        add(&edits, 3, "a", 1, "bc", 2);
    add(&edits, 4, "x", 1, NULL, 0);
    assert_int_equal(edits.count, PM_HTML_EDITS_RULE + 1);
    assert_int_equal(edits.list[edits.count - 1].rule, 4);
    assert_int_equal(edits.list[edits.count - 1].new_kept, 0);
    assert_int_equal(edits.total, 10001);
    for (uint32_t rule = 0; rule < 10; rule++)
        for (uint32_t i = 0; i < PM_HTML_EDITS; i++)
            add(&edits, rule, NULL, 0, "y", 1);
    assert_int_equal(edits.count, PM_HTML_EDITS);
    pm_html_edits_free(&edits);
}

static void long_edit_is_kept_from_near_its_first_change(void **state)
{
    char before[500], after[700];
    struct pm_html_edits edits;
    (void)state;
    memset(before, 'a', sizeof before);
    memset(after, 'a', sizeof after);
    after[300] = 'B';
    assert_true(pm_html_edits_init(&edits, 1));
    add(&edits, 0, before, sizeof before, after, sizeof after);
    add(&edits, 0, before, 500, before, 400); /* differs only behind the end */
    assert_int_equal(edits.list[0].skipped, 300 - 16);
    assert_int_equal(edits.list[0].new_bytes[16], 'B');
    assert_int_equal(edits.list[0].old_kept, PM_HTML_EDIT_BYTES);
    assert_int_equal(edits.list[1].skipped, 400 - 16);
    assert_int_equal(edits.list[1].new_kept, 16);
    assert_int_equal(edits.list[1].old_kept, PM_HTML_EDIT_BYTES);
    pm_html_edits_free(&edits);
}

static void common_ends_never_overlap(void **state)
{
    static const struct {
        const char *a, *b;
        uint32_t before, after;
    } cases[] = {
        {"", "", 0, 0},        {"abc", "abc", 3, 0}, {"abc", "axc", 1, 1}, {"aa", "aaa", 2, 0},
        {"xay", "xaay", 2, 1}, {"", "new", 0, 0},    {"abab", "ab", 2, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_html_common common =
            pm_html_common_of((const uint8_t *)cases[i].a, strlen(cases[i].a),
                              (const uint8_t *)cases[i].b, strlen(cases[i].b));
        assert_int_equal(common.same_before, cases[i].before);
        assert_int_equal(common.same_after, cases[i].after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_text),
        cmocka_unit_test(numbers_are_easy_to_read),
        cmocka_unit_test(dump_marks_what_changed_and_escapes_the_rest),
        cmocka_unit_test(time_of_any_length_fits),
        cmocka_unit_test(buckets_say_what_a_list_of_all_says),
        cmocka_unit_test(chatty_rule_leaves_room_for_others),
        cmocka_unit_test(long_edit_is_kept_from_near_its_first_change),
        cmocka_unit_test(common_ends_never_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
