/* document_test.c - JSON files that are no rule files: values, and faults with their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/document.h"

static struct pm_document *document_of(const char *text)
{
    struct pm_document *d = pm_document_load_text("case.json", text, strlen(text));

    assert_non_null(d);
    return d;
}

/* What is printed, NUL behind it; the caller frees it. */
static char *printed(struct pm_document *d)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    pm_document_print_text(d, out, false);
    fclose(out);
    return text;
}

static void values_are_read_as_they_stand(void **state)
{
    struct pm_document *d = document_of(
        "{\"name\": \"a \\\"b\\\" \\u00e4\", \"mtu\": 1500, \"deep\": {\"on\": true},\n"
        " \"views\": [\"wire\", \"host\"], \"none\": null, \"raw\": {\"hex\": \"00 ff\"}}");
    const struct pm_node *root = pm_document_root(d), *views;
    const char *text = NULL;
    const uint8_t *bytes = NULL;
    int64_t number = 0;
    bool on = false;
    size_t index = 9, len = 0;

    (void)state;
    assert_non_null(root);
    assert_int_equal(pm_node_kind(root), PM_NODE_OBJECT);
    assert_int_equal(pm_node_count(root), 6);
    assert_true(pm_document_text(d, pm_node_get(root, "name"), &text));
    assert_string_equal(text, "a \"b\" \303\244");
    assert_true(pm_document_whole(d, pm_node_get(root, "mtu"), 0, 65535, &number));
    assert_int_equal(number, 1500);
    assert_true(pm_document_bool(d, pm_node_get(pm_node_get(root, "deep"), "on"), &on));
    assert_true(on);
    views = pm_node_get(root, "views");
    assert_int_equal(pm_node_kind(views), PM_NODE_LIST);
    assert_string_equal(pm_node_key(views), "views");
    assert_true(pm_document_word(d, pm_node_next(pm_node_first(views)),
                                 (const char *const[]){"wire", "host", NULL}, &index));
    assert_int_equal(index, 1);
    assert_null(pm_node_next(pm_node_next(pm_node_first(views))));
    assert_int_equal(pm_node_kind(pm_node_get(root, "none")), PM_NODE_NULL);
    assert_true(pm_document_bytes(d, pm_node_get(root, "raw"), &bytes, &len));
    assert_int_equal(len, 2);
    assert_memory_equal(bytes, "\0\xff", 2);
    assert_null(pm_node_get(root, "missing"));
    assert_int_equal(pm_document_error_count(d), 0);
    pm_document_free(d);
}

static void every_fault_is_told_in_one_run_in_order_of_the_file(void **state)
{
    static const char text[] = "{ \"name\": 5,\n  \"mtuu\": 1,\n  \"view\": \"wirre\",\n"
                               "  \"seed\": 1.5, \"mtu\": 70000 }\n";
    static const char expected[] =
        "case.json:1:1: error PKM114: a case needs \"rules\"\n"
        "    1 | { \"name\": 5,\n"
        "      | ^~~~~~~~~~~~\n"
        "case.json:1:11: error PKM113: expected a text, found 5\n"
        "    1 | { \"name\": 5,\n"
        "      |           ^\n"
        "case.json:2:3: error PKM111: unknown key \"mtuu\" in a case\n"
        "    2 |   \"mtuu\": 1,\n"
        "      |   ^~~~~~ did you mean \"mtu\"?\n"
        "case.json:3:11: error PKM203: expected \"wire\" or \"host\", found \"wirre\"\n"
        "    3 |   \"view\": \"wirre\",\n"
        "      |           ^~~~~~~ did you mean \"wire\"?\n"
        "case.json:4:11: error PKM202: expected a whole number, found 1.5\n"
        "    4 |   \"seed\": 1.5, \"mtu\": 70000 }\n"
        "      |           ^~~\n"
        "case.json:4:16: error PKM240: no such link\n"
        "    4 |   \"seed\": 1.5, \"mtu\": 70000 }\n"
        "      |                ^~~~~ take another\n"
        "case.json:4:23: error PKM201: expected a number from 0 to 65535, found 70000\n"
        "    4 |   \"seed\": 1.5, \"mtu\": 70000 }\n"
        "      |                       ^~~~~\n";
    static const char *const keys[] = {"name", "mtu", "view", "seed", "rules", NULL};
    struct pm_document *d = document_of(text);
    const struct pm_node *root = pm_document_root(d);
    const char *name = "unchanged";
    int64_t number = 7;
    size_t index = 7;
    char *out;

    (void)state;
    assert_false(pm_document_whole(d, pm_node_get(root, "mtu"), 0, 65535, &number));
    pm_document_fail_key(d, pm_node_get(root, "mtu"), "take another", "no such %s", "link");
    assert_false(pm_document_whole(d, pm_node_get(root, "seed"), 0, 9, &number));
    assert_false(pm_document_word(d, pm_node_get(root, "view"),
                                  (const char *const[]){"wire", "host", NULL}, &index));
    pm_document_keys(d, root, keys, "a case");
    assert_false(pm_document_text(d, pm_node_get(root, "name"), &name));
    assert_null(pm_document_member(d, root, "rules", "a case"));
    assert_int_equal(number, 7);
    assert_int_equal(index, 7);
    assert_string_equal(name, "unchanged");
    assert_int_equal(pm_document_error_count(d), 7);
    assert_string_equal(pm_document_diagnostic(d, 0)->code, "PKM114");
    out = printed(d);
    assert_string_equal(out, expected);
    free(out);
    pm_document_free(d);
}

static void what_is_no_json_has_no_root_or_is_told_once(void **state)
{
    struct pm_document *d = document_of("{\"a\": [1, 2}");
    int64_t number;

    (void)state;
    assert_null(pm_document_root(d));
    assert_int_equal(pm_document_error_count(d), 1);
    assert_string_equal(pm_document_diagnostic(d, 0)->code, "PKM103");
    pm_document_free(d);

    d = document_of("{\"a\": 01}");
    assert_non_null(pm_document_root(d));
    assert_false(pm_document_whole(d, pm_node_get(pm_document_root(d), "a"), 0, 9, &number));
    assert_int_equal(pm_document_error_count(d), 1);
    assert_string_equal(pm_document_diagnostic(d, 0)->code, "PKM107");
    pm_document_free(d);
}

static void a_file_that_is_not_there_is_a_diagnostic(void **state)
{
    struct pm_document *d = pm_document_load("/nowhere/case.json");
    char *out;

    (void)state;
    assert_non_null(d);
    assert_null(pm_document_root(d));
    out = printed(d);
    assert_string_equal(out, "/nowhere/case.json:1:1: error PKM100: No such file or directory\n");
    free(out);
    pm_document_free(d);
}

static void paths_are_seen_from_the_folder_of_the_file(void **state)
{
    static const char text[] = "[\"in.pcap\", \"/tmp/in.pcap\"]";
    struct pm_document *d = pm_document_load_text("cases/one/case.json", text, strlen(text));
    const struct pm_node *first = pm_node_first(pm_document_root(d));

    (void)state;
    assert_string_equal(pm_document_path(d, first), "cases/one/in.pcap");
    assert_string_equal(pm_document_path(d, pm_node_next(first)), "/tmp/in.pcap");
    pm_document_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_as_they_stand),
        cmocka_unit_test(every_fault_is_told_in_one_run_in_order_of_the_file),
        cmocka_unit_test(what_is_no_json_has_no_root_or_is_told_once),
        cmocka_unit_test(a_file_that_is_not_there_is_a_diagnostic),
        cmocka_unit_test(paths_are_seen_from_the_folder_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
