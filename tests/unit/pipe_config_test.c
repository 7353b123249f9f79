/* pipe_config_test.c - the JSON that begins a conversation with `pktmod pipe`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/pipe_config.h"

/* The text in a block of exactly its size, so that reading beyond it is seen. */
static bool read_text(const char *text, struct pm_pipe_config *config, char *error)
{
    size_t len = strlen(text);
    char *exact = malloc(len > 0 ? len : 1);
    memcpy(exact, text, len);
    bool good = pm_pipe_config_read(config, exact, len, error);
    free(exact);
    return good;
}

static void describe(const struct pm_pipe_config *c, char out[160])
{
    char hold[16] = "policy";
    if (c->has_hold_ms)
        snprintf(hold, sizeof hold, "%" PRIu32, c->hold_ms);
    snprintf(out, 160, "%s mtu %" PRIu32 " hold %s host %u clamp %d seed %" PRIu64,
             c->mode == PM_MODE_LIVE ? "live" : "replay", c->mtu, hold, c->host_iface, c->clamp_mss,
             c->seed);
}

#define DEFAULTS "live mtu 1500 hold policy host 0 clamp 0 seed 0"

static void keys_are_optional_and_unknown_ones_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *text, *read;
    } cases[] = {
        {"{}", DEFAULTS},
        {" \t\r\n{ }\n", DEFAULTS},
        {"{\"mode\":\"live\"}", DEFAULTS},
        {"{\"mode\":\"replay\"}", "replay mtu 1500 hold policy host 0 clamp 0 seed 0"},
        {"{\"mtu\":0,\"hold_ms\":0}", "live mtu 0 hold 0 host 0 clamp 0 seed 0"},
        {"{ \"mtu\" : 68 , \"hold_ms\" : 600000 }",
         "live mtu 68 hold 600000 host 0 clamp 0 seed 0"},
        {"{\"mtu\":65535,\"host_iface\":1,\"clamp_mss\":true,\"seed\":18446744073709551615}",
         "live mtu 65535 hold policy host 1 clamp 1 seed 18446744073709551615"},
        {"{\"clamp_mss\":true,\"clamp_mss\":false}", DEFAULTS},
        {"{\"MTU\":9,\"mt\":9,\"mtuu\":9,\"m\\\"tu\":-1.5e+3}", DEFAULTS},
        {"{\"a\":{\"mtu\":9,\"b\":[1,{\"}\":\"]\\\"\"}]},\"c\":[],\"d\":null,\"mtu\":576}",
         "live mtu 576 hold policy host 0 clamp 0 seed 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_pipe_config config;
        char error[PM_PIPE_CONFIG_ERROR], read[160];
        if (!read_text(cases[i].text, &config, error))
            fail_msg("%s: %s", cases[i].text, error);
        describe(&config, read);
        assert_string_equal(read, cases[i].read);
    }
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"mode\":\"dead\"}", "\"mode\" is \"live\" or \"replay\""},
        {"{\"mode\":live}", "\"mode\" is \"live\" or \"replay\""},
        {"{\"mode\":[\"live\"]}", "\"mode\" is \"live\" or \"replay\""},
        {"{\"clamp_mss\":1}", "\"clamp_mss\" is true or false"},
        {"{\"clamp_mss\":\"true\"}", "\"clamp_mss\" is true or false"},
        {"{\"mtu\":67}", "\"mtu\" is 0 or 68 to 65535"},
        {"{\"mtu\":65536}", "\"mtu\" is 0 or 68 to 65535"},
        {"{\"mtu\":\"1500\"}", "\"mtu\" is 0 or 68 to 65535"},
        {"{\"mtu\":1500.0}", "\"mtu\" is 0 or 68 to 65535"},
        {"{\"mtu\":{}}", "\"mtu\" is 0 or 68 to 65535"},
        {"{\"hold_ms\":600001}", "\"hold_ms\" is 0 to 600000"},
        {"{\"hold_ms\":-1}", "\"hold_ms\" is 0 to 600000"},
        {"{\"host_iface\":2}", "\"host_iface\" is 0 or 1"},
        {"{\"seed\":18446744073709551616}", "\"seed\" is a whole number"},
        {"{\"seed\":1e3}", "\"seed\" is a whole number"},
        {"{\"seed\":01}", "\"seed\" is a whole number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_pipe_config config;
        char error[PM_PIPE_CONFIG_ERROR];
        assert_false(read_text(cases[i].text, &config, error));
        assert_string_equal(error, cases[i].error);
    }
}

static void text_that_is_no_object_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},
        {"[]", 0},
        {"{", 1},
        {"{}}", 2},
        {"{} {}", 3},
        {"{\"mtu\"}", 6},
        {"{\"mtu\":}", 7},
        {"{\"mtu\":9000,}", 12},
        {"{\"mtu\":9000 \"seed\":1}", 12},
        {"{mtu:9000}", 1},
        {"{\"mtu", 5},
        {"{\"mtu\\", 6},
        {"{\"mtu\\\"", 7},
        {"{\"a\":[", 6},
        {"{\"a\":[\"]", 8},
        {"{\"a\":{\"b\":1}", 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pm_pipe_config config;
        char error[PM_PIPE_CONFIG_ERROR], expected[PM_PIPE_CONFIG_ERROR];
        snprintf(expected, sizeof expected, "no JSON object, at byte %zu", cases[i].at);
        assert_false(read_text(cases[i].text, &config, error));
        if (strcmp(error, expected) != 0)
            fail_msg("%s: %s, expected %s", cases[i].text, error, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_optional_and_unknown_ones_are_passed_over),
        cmocka_unit_test(wrong_values_are_named),
        cmocka_unit_test(text_that_is_no_object_is_refused_at_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
