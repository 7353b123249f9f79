/* firewall_test.c - the iptables rules of a live run: what is put in, what is found and taken out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter-ext/linux/firewall.h"

static void one_queue_on_all_interfaces_but_loopback(void **state)
{
    (void)state;
    struct pm_firewall f = {.first = 5, .last = 5, .hooks = PM_HOOK_INPUT | PM_HOOK_OUTPUT};
    char text[PM_FIREWALL_TEXT];
    pm_firewall_text(&f, text);
    assert_string_equal(text, "*mangle\n"
                              ":PKTMOD-Q5 - [0:0]\n"
                              "-A PKTMOD-Q5 -m mark --mark 0x40000000/0x40000000 -j RETURN\n"
                              "-A PKTMOD-Q5 -j NFQUEUE --queue-num 5\n"
                              "-I INPUT ! -i lo -j PKTMOD-Q5\n"
                              "-I OUTPUT ! -o lo -j PKTMOD-Q5\n"
                              "COMMIT\n");
}

static void many_queues_forwarding_between_interfaces(void **state)
{
    (void)state;
    struct pm_firewall f = {.first = 0,
                            .last = 3,
                            .hooks = PM_HOOK_FORWARD,
                            .interfaces = {"eth0"},
                            .interface_count = 1,
                            .bypass = true};
    char text[PM_FIREWALL_TEXT];
    pm_firewall_text(&f, text);
    assert_non_null(strstr(text, "-j NFQUEUE --queue-balance 0:3 --queue-bypass\n"));
    assert_non_null(strstr(text, "-I FORWARD -i eth0 -j PKTMOD-Q0\n"
                                 "-I FORWARD -o eth0 -j PKTMOD-Q0\n"));
}

/* A settled packet leaves the chain also where it has no connection that could be marked: else it
 * would come round for ever. */
static void settled_packets_leave_the_chain(void **state)
{
    (void)state;
    struct pm_firewall f = {.first = 5, .last = 5, .hooks = PM_HOOK_INPUT, .generation = 2};
    char text[PM_FIREWALL_TEXT];
    pm_firewall_text(&f, text);
    const char *keep = strstr(text, "-g PKTMOD-Q5-KEEP\n");
    const char *known = strstr(text, "-m connmark --mark 0x20000/0x7fff0000 -j RETURN\n");
    assert_non_null(keep);
    assert_non_null(known);
    assert_true(keep < known && known < strstr(text, "-j NFQUEUE"));
    assert_non_null(strstr(text, "-A PKTMOD-Q5-KEEP -j CONNMARK --set-xmark 0x20000/0x7fff0000\n"));
    pm_firewall_renewal(&f, text);
    assert_null(strstr(text, "-I "));
}

static void the_largest_set_of_rules_fits(void **state)
{
    (void)state;
    struct pm_firewall f = {.first = 65535,
                            .last = 65535,
                            .hooks = PM_HOOK_INPUT | PM_HOOK_OUTPUT | PM_HOOK_FORWARD,
                            .interface_count = PM_FIREWALL_INTERFACES,
                            .bypass = true,
                            .generation = PM_SETTLED_GENERATION};
    char text[PM_FIREWALL_TEXT];
    for (unsigned i = 0; i < PM_FIREWALL_INTERFACES; i++)
        f.interfaces[i] = "abcdefghijklmno";
    pm_firewall_text(&f, text);
    assert_string_equal(text + strlen(text) - 7, "COMMIT\n");
    f.first = 65000;
    pm_firewall_nft(&f, text);
    assert_string_equal(text + strlen(text) - 5, "\t}\n}\n");
}

static const char saved[] = "# Generated\n"
                            "*mangle\n"
                            ":PREROUTING ACCEPT [0:0]\n"
                            ":INPUT ACCEPT [0:0]\n"
                            ":PKTMOD-Q5 - [0:0]\n"
                            ":PKTMOD-Q5-KEEP - [0:0]\n"
                            ":PKTMOD-Q55 - [0:0]\n"
                            "-A INPUT -p tcp -j MARK --set-xmark 0x1/0xffffffff\n"
                            "-A INPUT -j PKTMOD-Q5\n"
                            "-A INPUT ! -i lo -j PKTMOD-Q55\n"
                            "-A PKTMOD-Q5 -m mark --mark 0x1 -g PKTMOD-Q5-KEEP\n"
                            "-A PKTMOD-Q5 -j NFQUEUE --queue-num 5\n"
                            "COMMIT\n";

static void only_chains_of_the_queue_are_taken_out(void **state)
{
    (void)state;
    char out[1024];
    assert_true(pm_firewall_removal(saved, 5, out, sizeof out));
    assert_string_equal(out, "*mangle\n"
                             "-D INPUT -j PKTMOD-Q5\n"
                             "-F PKTMOD-Q5\n"
                             "-F PKTMOD-Q5-KEEP\n"
                             "-X PKTMOD-Q5\n"
                             "-X PKTMOD-Q5-KEEP\n"
                             "COMMIT\n");
    assert_true(pm_firewall_removal(saved, 55, out, sizeof out));
    assert_non_null(strstr(out, "-D INPUT ! -i lo -j PKTMOD-Q55\n"));
    assert_false(pm_firewall_removal(saved, 6, out, sizeof out));
    assert_false(pm_firewall_removal("", 5, out, sizeof out));
    assert_false(pm_firewall_removal(saved, 5, out, 40));
}

static void a_comment_is_no_jump(void **state)
{
    (void)state;
    char out[1024];
    assert_false(
        pm_firewall_removal("*mangle\n-A INPUT -m comment --comment \"not -j PKTMOD-Q5 now\" "
                            "-j ACCEPT\nCOMMIT\n",
                            5, out, sizeof out));
}

static void the_same_for_nft_is_one_table(void **state)
{
    (void)state;
    struct pm_firewall f = {.kind = PM_NFT,
                            .first = 5,
                            .last = 6,
                            .hooks = PM_HOOK_INPUT | PM_HOOK_FORWARD,
                            .interfaces = {"eth0", "tun+"},
                            .interface_count = 2,
                            .bypass = true,
                            .generation = 2};
    char text[PM_FIREWALL_TEXT];
    pm_firewall_nft(&f, text);
    assert_string_equal(text, "table inet pktmod-q5\n"
                              "delete table inet pktmod-q5\n"
                              "table inet pktmod-q5 {\n"
                              "\tchain keep {\n"
                              "\t\tct mark set ct mark and 0x8000ffff or 0x20000\n"
                              "\t\tmeta mark set meta mark and 0xdfffffff\n"
                              "\t}\n"
                              "\tchain judge {\n"
                              "\t\tmeta mark and 0x40000000 == 0x40000000 return\n"
                              "\t\tmeta mark and 0x20000000 == 0x20000000 goto keep\n"
                              "\t\tct mark and 0x7fff0000 == 0x20000 counter return\n"
                              "\t\tqueue num 5-6 bypass\n"
                              "\t}\n"
                              "\tchain input {\n"
                              "\t\ttype filter hook input priority mangle; policy accept;\n"
                              "\t\tiifname \"eth0\" jump judge\n"
                              "\t\tiifname \"tun*\" jump judge\n"
                              "\t}\n"
                              "\tchain forward {\n"
                              "\t\ttype filter hook forward priority mangle; policy accept;\n"
                              "\t\tiifname \"eth0\" jump judge\n"
                              "\t\tiifname \"tun*\" jump judge\n"
                              "\t\toifname \"eth0\" jump judge\n"
                              "\t\toifname \"tun*\" jump judge\n"
                              "\t}\n"
                              "}\n");
}

static void what_passed_unasked_is_read_of_the_rule_that_let_it_pass(void **state)
{
    (void)state;
    struct pm_firewall f = {.first = 5, .last = 5, .generation = 2};
    struct pm_firewall_passed sum = {1, 2};
    pm_firewall_add_passed(
        &f,
        "[9:999] -A PKTMOD-Q5 -m mark --mark 0x40000000/0x40000000 -j RETURN\n"
        "[8:888] -A PKTMOD-Q55 -m connmark --mark 0x20000/0x7fff0000 -j RETURN\n"
        "[12:3456] -A PKTMOD-Q5 -m connmark --mark 0x20000/0x7fff0000 -j RETURN\n"
        "[7:777] -A PKTMOD-Q5 -m connmark --mark 0x10000/0x7fff0000 -j RETURN\n",
        &sum);
    assert_int_equal(sum.packets, 13);
    assert_int_equal(sum.bytes, 3458);
    f.kind = PM_NFT;
    pm_firewall_add_passed(
        &f,
        "\tchain judge {\n"
        "\t\tmeta mark & 0x40000000 == 0x40000000 return\n"
        "\t\tct mark & 0x7fff0000 == 0x00020000 counter packets 4 bytes 50 return\n"
        "\t\tqueue to 5\n",
        &sum);
    assert_int_equal(sum.packets, 17);
    assert_int_equal(sum.bytes, 3508);
    pm_firewall_add_passed(&f, "", &sum);
    pm_firewall_add_passed(&f, "ct mark & 0x7fff0000 == 0x00020000 counter", &sum);
    assert_int_equal(sum.packets, 17);
}

static void take_line(void *context, const char *line)
{
    char *all = context;
    strcat(all, line); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): all is large */
    strcat(all, "\n"); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy) */
}

static void people_get_commands_for_both_families(void **state)
{
    (void)state;
    struct pm_firewall f = {.first = 5, .last = 5, .hooks = PM_HOOK_INPUT};
    char all[4096] = "";
    pm_firewall_print(&f, take_line, all);
    assert_non_null(strstr(all, "iptables -t mangle -N PKTMOD-Q5\nip6tables -t mangle -N "));
    assert_non_null(strstr(all, "ip6tables -t mangle -I INPUT ! -i lo -j PKTMOD-Q5\n"));
}

/* Neither the device nor the connections that continue what it carries are judged again; their mark
 * leaves those of settled flows alone. */
static void what_a_tunnel_carries_leaves_the_chain(void **state)
{
    (void)state;
    struct pm_firewall f = {
        .first = 5, .last = 5, .hooks = PM_HOOK_INPUT, .tunnel = "tun7", .generation = 2};
    char text[PM_FIREWALL_TEXT];
    pm_firewall_text(&f, text);
    const char *own = strstr(text, "-A PKTMOD-Q5 -i tun7 -j RETURN\n"
                                   "-A PKTMOD-Q5 -o tun7 -j RETURN\n"
                                   "-A PKTMOD-Q5 -m mark --mark 0x706b6d64 -j CONNMARK --set-xmark "
                                   "0x80000000/0x80000000\n"
                                   "-A PKTMOD-Q5 -m connmark --mark 0x80000000/0x80000000 -j "
                                   "RETURN\n");
    assert_non_null(own);
    assert_true(own < strstr(text, "-m mark --mark 0x40000000"));
    assert_int_equal(PM_TUNNEL_CONNECTION & PM_SETTLED_MASK, 0);
    pm_firewall_nft(&f, text);
    own = strstr(text, "\t\tiifname \"tun7\" return\n\t\toifname \"tun7\" return\n"
                       "\t\tmeta mark 0x706b6d64 ct mark set ct mark or 0x80000000\n"
                       "\t\tct mark and 0x80000000 == 0x80000000 return\n");
    assert_non_null(own);
    assert_true(own < strstr(text, "meta mark and 0x40000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_queue_on_all_interfaces_but_loopback),
        cmocka_unit_test(many_queues_forwarding_between_interfaces),
        cmocka_unit_test(settled_packets_leave_the_chain),
        cmocka_unit_test(the_largest_set_of_rules_fits),
        cmocka_unit_test(only_chains_of_the_queue_are_taken_out),
        cmocka_unit_test(a_comment_is_no_jump),
        cmocka_unit_test(the_same_for_nft_is_one_table),
        cmocka_unit_test(what_passed_unasked_is_read_of_the_rule_that_let_it_pass),
        cmocka_unit_test(people_get_commands_for_both_families),
        cmocka_unit_test(what_a_tunnel_carries_leaves_the_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
