/* json_test.c - JSON as the report writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/json.h"

static void expect(void (*write)(struct pm_json *), const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct pm_json json = {.out = out};
    write(&json);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void write_nested(struct pm_json *json)
{
    pm_json_open(json, NULL, '{');
    pm_json_uint(json, "most", UINT64_MAX);
    pm_json_int(json, "least", INT64_MIN);
    pm_json_open(json, "list", '[');
    pm_json_text(json, NULL, NULL);
    pm_json_open(json, NULL, '{');
    pm_json_close(json, '}');
    pm_json_close(json, ']');
    pm_json_open(json, "empty", '[');
    pm_json_close(json, ']');
    pm_json_close(json, '}');
}

static void members_are_separated_and_indented(void **state)
{
    (void)state;
    expect(write_nested, "{\n  \"most\": 18446744073709551615,\n"
                         "  \"least\": -9223372036854775808,\n"
                         "  \"list\": [\n    null,\n    {}\n  ],\n  \"empty\": []\n}\n");
}

static void write_texts(struct pm_json *json)
{
    static const char *const texts[] = {
        "quote \" backslash \\",
        "tab\tline\n\x01\x7f",
        "sch\xc3\xb6n \xe2\x82\xac \xf0\x9f\x98\x80",
        "\x80 \xc3( \xe2\x82",
        "\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xff",
        "\xe0\x80\x80",
    };
    pm_json_open(json, NULL, '[');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        pm_json_text(json, NULL, texts[i]);
    pm_json_close(json, ']');
}

static void text_is_escaped_and_what_is_no_utf8_is_replaced(void **state)
{
    (void)state;
    expect(write_texts, "[\n  \"quote \\\" backslash \\\\\",\n"
                        "  \"tab\\u0009line\\u000a\\u0001\\u007f\",\n"
                        "  \"sch\xc3\xb6n \xe2\x82\xac \xf0\x9f\x98\x80\",\n"
                        "  \"\\ufffd \\ufffd( \\ufffd\\ufffd\",\n"
                        "  \"\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd "
                        "\\ufffd\\ufffd\\ufffd\\ufffd \\ufffd\",\n"
                        "  \"\\ufffd\\ufffd\\ufffd\"\n]\n");
}

static void write_values(struct pm_json *json)
{
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "text", "a\"b\xff\n");
    pm_json_bool(json, "yes", true);
    pm_json_bool(json, "no", false);
    pm_json_ms(json, "wait", 12000345);
    pm_json_hex(json, "bytes", (const uint8_t *)"\x00\xfe", 2);
    pm_json_open(json, "list", '[');
    pm_json_uint(json, NULL, 1);
    pm_json_uint(json, NULL, 2);
    pm_json_close(json, ']');
    pm_json_close(json, '}');
}

static void a_sink_takes_a_document_a_line(void **state)
{
    (void)state;
    char path[] = "/tmp/pktmod-json-XXXXXX", text[512] = "";
    close(mkstemp(path));
    struct pm_sink sink;
    assert_true(pm_sink_open(&sink, path, NULL, 0));
    struct pm_json json = {.sink = &sink};
    write_values(&json);
    write_values(&json);
    assert_int_equal(pm_sink_close(&sink), 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (unsigned i = 0; i < 2; i++) {
        assert_non_null(fgets(text, sizeof text, file));
        assert_string_equal(text, "{\"text\":\"a\\\"b\\ufffd\\u000a\",\"yes\":true,\"no\":false,"
                                  "\"wait\":12.000345,\"bytes\":\"00fe\",\"list\":[1,2]}\n");
    }
    assert_null(fgets(text, sizeof text, file));
    fclose(file);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_separated_and_indented),
        cmocka_unit_test(text_is_escaped_and_what_is_no_utf8_is_replaced),
        cmocka_unit_test(a_sink_takes_a_document_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
