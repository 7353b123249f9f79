/* json_test.c - JSON as the report writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/json.h"

static void expect(void (*write)(struct pm_json *), const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct pm_json json = {out, 0, false};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_separated_and_indented),
        cmocka_unit_test(text_is_escaped_and_what_is_no_utf8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
