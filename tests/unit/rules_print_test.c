/* rules_print_test.c - diagnostics as people and editors see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "rules/rules.h"

#define HEAD "{\"pktmod\": 1, \"rules\": [\n"
#define TAIL "\n]}\n"

static char *printed(const char *name, const char *text, bool as_json, bool colour)
{
    struct pm_rules *rules = pm_rules_load_text(name, text, strlen(text));
    char *out = NULL;
    FILE *file = tmpfile();
    long len;

    assert_non_null(rules);
    assert_non_null(file);
    if (as_json)
        pm_rules_print_json(rules, file);
    else
        pm_rules_print_text(rules, file, colour);
    pm_rules_free(rules);
    len = ftell(file);
    rewind(file);
    out = calloc(1, (size_t)len + 1);
    assert_non_null(out);
    assert_int_equal(fread(out, 1, (size_t)len, file), len);
    fclose(file);
    return out;
}

static void check(const char *text, const char *expected)
{
    char *out = printed("office.json", text, false, false);

    assert_string_equal(out, expected);
    free(out);
}

static void unknown_field_looks_as_a_compiler_shows_it(void **state)
{
    (void)state;
    check("{\n  \"pktmod\": 1,\n  \"rules\": [ { \"id\": \"telnet\", \"verdict\": \"drop\",\n"
          "    \"match\": { \"dir\": \"out\", \"tcp.dport\": 23 }\n  } ]\n}\n",
          "office.json:4:30: error PKM112: unknown field \"tcp.dport\"\n"
          "    4 |     \"match\": { \"dir\": \"out\", \"tcp.dport\": 23 }\n"
          "      |                              ^~~~~~~~~~~ did you mean \"tcp.dstport\"?\n");
}

static void caret_stands_behind_tabs_and_wide_characters(void **state)
{
    (void)state;
    check(HEAD "\t{\"note\": \"\xe6\x97\xa5\xe6\x9c\xac e\xcc\x81\", \"id\":\t7,"
               " \"match\": {}, \"verdict\": \"drop\"}" TAIL,
          "office.json:2:26: error PKM113: expected a text, found 7\n"
          "    2 | \t{\"note\": \"\xe6\x97\xa5\xe6\x9c\xac e\xcc\x81\", \"id\":\t7,"
          " \"match\": {}, \"verdict\": \"drop\"}\n"
          "      | \t                        \t^\n");
}

static void caret_line_is_as_wide_as_the_characters(void **state)
{
    (void)state;
    check(HEAD "{\"id\": \"\xe6\x97\xa5\xe6\x9c\xac\", \"match\": {}, \"verdict\": \"drop\"}" TAIL,
          "office.json:2:8: error PKM213: an id has 1 to 64 of A-Z a-z 0-9 . _ -, found "
          "\"\xe6\x97\xa5\xe6\x9c\xac\"\n"
          "    2 | {\"id\": \"\xe6\x97\xa5\xe6\x9c\xac\", \"match\": {}, \"verdict\": \"drop\"}\n"
          "      |        ^~~~~~\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    char *out;

    (void)state;
    out =
        printed("a\033[2Jb.json", "{\"pktmod\": 1, \"rules\": [], \"\033[31m\": 1}", false, false);
    assert_null(strchr(out, '\033'));
    assert_non_null(strstr(out, "a?[2Jb.json:1:29: error PKM108"));
    free(out);
    out = printed("x", "{\"pktmod\": 1, \"rules\": [], \"\\u001b[31m\": 1}", false, false);
    assert_null(strchr(out, '\033'));
    assert_non_null(strstr(out, "unknown key \"?[31m\""));
    free(out);
}

static void colour_is_only_there_when_asked_for(void **state)
{
    char *out = printed("x", "{}", false, true);

    (void)state;
    assert_non_null(strstr(out, "\033[1;31merror\033[0m PKM114"));
    free(out);
}

static void long_lines_are_cut_around_the_caret(void **state)
{
    char text[5000] = "{\"pktmod\": 1, \"rules\": [], \"name\": \"", *out, *line;
    size_t at = strlen(text);

    (void)state;
    memset(text + at, 'x', 3000);
    strcpy(text + at + 3000, "\", \"nam\": 1, \"$schema\": \"");
    at = strlen(text);
    memset(text + at, 'y', 1000);
    strcpy(text + at + 1000, "\"}");
    out = printed("x", text, false, false);
    assert_int_equal(strncmp(out, "x:1:3040: error PKM111", 22), 0);
    line = strchr(out, '\n') + 1;
    assert_int_equal(strncmp(line, "    1 | ...xxx", 14), 0);
    assert_true(strcspn(line, "\n") < 190);
    /* the caret is under the key */
    assert_int_equal(strchr(strchr(line, '\n'), '^') - (strchr(line, '\n') + 1),
                     strstr(line, "\"nam\"") - line);
    free(out);
}

static void json_says_the_same(void **state)
{
    char *out = printed("a\"b.json",
                        HEAD "{\"id\": \"a\", \"match\": {\"any\": [{}, {\"ip.tos/~x\": 1}]}, "
                             "\"verdict\": \"dorp\"}" TAIL,
                        true, false);
    cJSON *json = cJSON_Parse(out);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "diagnostics");
    const cJSON *first = cJSON_GetArrayItem(list, 0), *second = cJSON_GetArrayItem(list, 1);

    (void)state;
    assert_non_null(json);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(json, "errors")->valueint, 2);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(json, "warnings")->valueint, 0);
    assert_int_equal(cJSON_GetArraySize(list), 2);
    assert_string_equal(cJSON_GetObjectItem(first, "file")->valuestring, "a\"b.json");
    assert_string_equal(cJSON_GetObjectItem(first, "code")->valuestring, "PKM112");
    assert_string_equal(cJSON_GetObjectItem(first, "severity")->valuestring, "error");
    assert_string_equal(cJSON_GetObjectItem(first, "pointer")->valuestring,
                        "/rules/0/match/any/1/ip.tos~1~0x");
    assert_int_equal(cJSON_GetObjectItem(first, "line")->valueint, 2);
    assert_int_equal(cJSON_GetObjectItem(first, "span")->valueint, 11);
    assert_string_equal(cJSON_GetObjectItem(second, "pointer")->valuestring, "/rules/0/verdict");
    assert_string_equal(cJSON_GetObjectItem(second, "suggestion")->valuestring,
                        "did you mean \"drop\"?");
    cJSON_Delete(json);
    free(out);
}

static void a_good_file_prints_nothing(void **state)
{
    char *out = printed("x", "{\"pktmod\": 1, \"rules\": []}", false, false);

    (void)state;
    assert_string_equal(out, "");
    free(out);
}

/* A file of one line, as programs write them. */
static void of_a_long_line_the_part_around_the_fault_is_kept(void **state)
{
    enum { RULES = 20000 };
    char *text = malloc(64 + (size_t)RULES * 64), *at;
    struct pm_rules *rules;

    (void)state;
    assert_non_null(text);
    at = text + sprintf(text, "{\"pktmod\": 1, \"rules\": [");
    for (int i = 0; i < RULES; i++)
        at += sprintf(at,
                      "{\"id\": \"\xc3\xa9\", \"match\": {\"ip.tll\": 1}, \"verdict\": \"drop\"},");
    strcpy(at - 1, "]}");
    rules = pm_rules_load_text(NULL, text, strlen(text));
    assert_int_equal(pm_rules_error_count(rules), 2 * RULES);
    assert_int_equal(pm_rules_diagnostic_count(rules), 1000);
    for (size_t i = 0; i < 1000; i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);
        size_t rule = i / 2, column = 24 + rule * 55 + (i % 2 ? 23 : 8); /* e-acute is one */

        assert_int_equal(d->column, column);
        assert_true(strlen(d->source_line) <= 1024);
        at = strstr(d->source_line, i % 2 ? "\"ip.tll" : "\"\xc3\xa9\"");
        assert_non_null(at);
        assert_true(d->source_column <= d->column && d->source_column <= 257);
    }
    pm_rules_free(rules);
    free(text);
}

static void all_errors_of_a_file_come_in_order_of_place(void **state)
{
    static const char text[] =
        "{\"pktmod\": 1, \"policy\": {\"default\": \"alow\", \"hold_ms\": 01},\n" /* 203 107 */
        " \"rules\": [\n"
        "  {\"id\": \"a\", \"match\": {\"tcp.dport\": 23}, \"verdict\": \"drop\", }, // x\n"
        "  {\"id\": \"a\", \"match\": {\"ip.src\": \"$hme\"}, \"verdict\": \"drop\", \"id\": 1}\n"
        "  {\"id\": \"b\", \"match\": {\"ip.ttl\": 256}, \"limit\": {}, \"verdict\": \"deny\"}\n"
        " ], \"vars\": {\"home\": \"10.0.0.0/8\"}}";
    static const char *const codes[] = {"PKM203", "PKM107", "PKM112", "PKM103", "PKM106", "PKM214",
                                        "PKM209", "PKM110", "PKM103", "PKM201", "PKM114", "PKM203"};
    struct pm_rules *rules = pm_rules_load_text("x", text, sizeof text - 1);
    size_t line = 0, column = 0;

    (void)state;
    assert_int_equal(pm_rules_diagnostic_count(rules), sizeof codes / sizeof codes[0]);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);

        assert_string_equal(d->code, codes[i]);
        assert_true(d->line > line || (d->line == line && d->column > column));
        line = d->line;
        column = d->column;
    }
    pm_rules_free(rules);
}

static void errors_without_end_are_counted_but_not_all_kept(void **state)
{
    static char text[100000] = "{\"pktmod\": 1, \"rules\": [0";
    struct pm_rules *rules;
    size_t at = strlen(text);

    (void)state;
    for (int i = 0; i < 1999; i++, at += 2)
        memcpy(text + at, ",0", 2);
    memcpy(text + at, "]}", 2);
    rules = pm_rules_load_text("x", text, at + 2);
    assert_int_equal(pm_rules_error_count(rules), 2000);
    assert_int_equal(pm_rules_diagnostic_count(rules), 1000);
    pm_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(unknown_field_looks_as_a_compiler_shows_it),
        cmocka_unit_test(caret_stands_behind_tabs_and_wide_characters),
        cmocka_unit_test(caret_line_is_as_wide_as_the_characters),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(colour_is_only_there_when_asked_for),
        cmocka_unit_test(long_lines_are_cut_around_the_caret),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(a_good_file_prints_nothing),
        cmocka_unit_test(of_a_long_line_the_part_around_the_fault_is_kept),
        cmocka_unit_test(all_errors_of_a_file_come_in_order_of_place),
        cmocka_unit_test(errors_without_end_are_counted_but_not_all_kept),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
