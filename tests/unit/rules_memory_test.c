/* rules_memory_test.c - a load that runs out of memory says so and loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/load.h"
#include "rules/meaning.h"

static const char good[] =
    "{\"pktmod\": 1, \"name\": \"n\", \"vars\": {\"w\": [80, \"90-99\"]},\n"
    " \"sets\": {\"s\": {\"type\": \"bytes\", \"values\": [\"a\", {\"hex\": \"00 01\"}]}},\n"
    " \"rules\": [{\"id\": \"a\", \"match\": {\"any\": [{\"tcp.port\": \"$w\"}, {\"payload\": "
    "\"@s\"}], \"bpf\": \"tcp\", \"ip.ttl\": {\"ne\": 5}}, \"verdict\": \"drop\"},\n"
    "  {\"id\": \"b\", \"match\": {}, \"rewrite\": [{\"replace\": {\"find\": {\"base64\": "
    "\"YQ==\"}, "
    "\"with\": \"b\"}}, {\"set\": {\"ip.ttl\": 3}}]}],\n"
    " \"tests\": [{\"name\": \"t\", \"stream\": {\"server\": \"10.0.0.1:80\", \"to_server\": "
    "\"a\"},"
    " \"answers\": [\"drop\", {\"answer\": \"allow\", \"for\": 5}],"
    " \"expect\": {\"to_server\": \"b\", \"rules\": {\"b\": {\"hits\": "
    "1}}}},"
    "  {\"name\": \"u\", \"packets\": [{\"frame\": \"a\", \"interface\": \"e\"}], \"expect\": "
    "[{\"rule\": "
    "\"a\"}]}]}";

static const char bad[] = "{\"pktmod\": 1, \"nmae\": 1, \"rules\": [\n"
                          " {\"id\": \"a\", \"match\": {\"ip.sr\": \"10.0.0.0/8\", \"ip.dst\": "
                          "\"10.0.0.1/8\"}, \"verdict\": \"dorp\", \"x\": 01,}]}";

/* Loads with room for so many requests; whether they were enough. */
static bool load_within(const char *text, size_t len, size_t requests)
{
    size_t budget = requests, count;
    struct pm_rules *rules = pmr_load(true, NULL, text, len, &budget);
    const struct pm_diagnostic *last;
    FILE *out = fopen("/dev/null", "w");
    bool is_enough;

    assert_non_null(rules);
    assert_non_null(out);
    pm_rules_print_text(rules, out, true);
    pm_rules_print_json(rules, out);
    fclose(out);
    count = pm_rules_diagnostic_count(rules);
    last = count == 0 ? NULL : pm_rules_diagnostic(rules, count - 1);
    is_enough = last == NULL || strcmp(last->code, "PKM500") != 0;
    if (!is_enough) {
        assert_null(pm_rules_policy(rules));
        assert_true(pm_rules_error_count(rules) > 0);
    } else {
        assert_int_equal(pm_rules_policy(rules) != NULL, text == good);
    }
    pm_rules_free(rules);
    return is_enough;
}

static void check_every_request(const char *text, size_t len)
{
    size_t requests = 0;

    while (!load_within(text, len, requests))
        requests++;
    assert_true(requests > 10); /* or nothing was tried */
    assert_true(load_within(text, len, requests + 1));
}

/* The same for a load that keeps what the file means. */
static bool load_meaning_within(const char *path, size_t requests)
{
    size_t budget = requests;
    struct pm_rules *rules = pmr_load_meaning(path, &budget);
    bool is_enough = pm_rules_policy(rules) != NULL;

    if (is_enough) {
        assert_int_equal(pm_meaning_rule_count(rules), 2);
        assert_string_equal(pm_meaning_rule(rules, 1)->id, "b");
    }
    pm_rules_free(rules);
    return is_enough;
}

static void what_a_file_means_needs_memory_too(void **state)
{
    char path[] = "/tmp/pktmod-memory-XXXXXX";
    int fd = mkstemp(path);
    size_t requests = 0;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, good, sizeof good - 1), sizeof good - 1);
    close(fd);
    while (!load_meaning_within(path, requests))
        requests++;
    assert_true(requests > 10);
    unlink(path);
}

static void a_good_file_is_refused_when_memory_ends_anywhere(void **state)
{
    (void)state;
    check_every_request(good, sizeof good - 1);
}

static void a_bad_file_is_refused_when_memory_ends_anywhere(void **state)
{
    (void)state;
    check_every_request(bad, sizeof bad - 1);
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(a_good_file_is_refused_when_memory_ends_anywhere),
        cmocka_unit_test(what_a_file_means_needs_memory_too),
        cmocka_unit_test(a_bad_file_is_refused_when_memory_ends_anywhere),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
