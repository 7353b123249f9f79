/* run_plan_test.c - which destinations enter a tunnel, by what the rules say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules/rules.h"
#include "tunnel-ext/run_plan.h"

static const struct {
    const char *rules; /* members of "rules" */
    const char *plan;  /* as printed, without the names of rules */
} cases[] = {
    {"{\"id\": \"a\", \"match\": {\"ip.dst\": \"192.0.2.7/24\"}, EDIT}", "192.0.2.0/24 "},
    {"{\"id\": \"a\", \"match\": {\"ip.dst\": [\"192.0.2.7\", \"2001:db8::/33\"]}, EDIT}",
     "192.0.2.7/32 2001:db8::/33 "},
    {"{\"id\": \"a\", \"match\": {\"ip.src\": \"10.0.0.0/8\", \"tcp.srcport\": 80}, EDIT}",
     "10.0.0.0/8 "},
    {"{\"id\": \"a\", \"match\": {\"ip.addr\": \"10.0.0.0/8\"}, EDIT}", "10.0.0.0/8 "},
    {"{\"id\": \"a\", \"match\": {\"tcp.dstport\": 80}, EDIT}", "0.0.0.0/0 ::/0 "},
    {"{\"id\": \"a\", \"match\": {\"not\": {\"ip.dst\": \"192.0.2.0/24\"}}, EDIT}",
     "0.0.0.0/0 ::/0 "},
    {"{\"id\": \"a\", \"match\": {\"any\": [{\"ip.dst\": \"192.0.2.0/24\"}, "
     "{\"tcp.dstport\": 9}]}, EDIT}",
     "0.0.0.0/0 ::/0 "},
    {"{\"id\": \"a\", \"match\": {\"all\": [{\"ip.dst\": \"192.0.2.0/24\"}, "
     "{\"tcp.dstport\": 9}]}, EDIT}",
     "192.0.2.0/24 "},
    {"{\"id\": \"a\", \"match\": {\"ip.dst\": \"192.0.2.0/24\"}, EDIT}, "
     "{\"id\": \"b\", \"match\": {\"ip.src\": \"192.0.2.0/24\"}, EDIT}",
     "192.0.2.0/24 "},
    {"{\"id\": \"a\", \"match\": {\"ip.dst\": \"192.0.2.0/24\"}, \"verdict\": \"drop\"}", ""},
    {"{\"id\": \"a\", \"match\": {\"ip.dst\": \"192.0.2.0/24\"}, \"mode\": \"dry-run\", EDIT}", ""},
};

/* EDIT stands for any edit. */
static void write_rules(const char *members, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "{\"pktmod\": 1, \"rules\": [");
    for (; *members != '\0'; members++) {
        if (strncmp(members, "EDIT", 4) != 0) {
            out[len++] = *members;
            continue;
        }
        len += (size_t)snprintf(out + len, cap - len,
                                "\"rewrite\": [{\"replace\": {\"find\": \"x\", \"with\": \"y\"}}]");
        members += 3;
    }
    snprintf(out + len, cap - len, "]}");
}

static void rules_say_which_destinations_enter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024], told[512] = "";
        write_rules(cases[i].rules, text, sizeof text);
        struct pm_rules *rules = pm_rules_load_text("rules.json", text, strlen(text));
        struct pm_policy *policy = pm_rules_policy(rules);
        struct pm_run_plan plan = {.count = 0};
        if (policy == NULL)
            pm_rules_print_text(rules, stderr, false);
        assert_non_null(policy);
        assert_true(pm_run_plan_derive(&plan, policy));
        for (size_t k = 0; k < plan.count; k++) {
            char addr[PM_ADDR_TEXT];
            size_t len = strlen(told);
            pm_addr_text(&plan.prefixes[k].addr, addr);
            snprintf(told + len, sizeof told - len, "%s/%u ", addr, plan.prefixes[k].bits);
        }
        assert_string_equal(told, cases[i].plan);
        pm_run_plan_free(&plan);
        pm_rules_free(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_say_which_destinations_enter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
