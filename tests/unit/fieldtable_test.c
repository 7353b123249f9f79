/* fieldtable_test.c - the language's fields by number and by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pktmod/policy.h>

static void every_field_is_found_by_its_own_name(void **state)
{
    (void)state;
    for (int i = 0; i < PM_FIELD_COUNT; i++) {
        enum pm_field found = PM_FIELD_COUNT;
        assert_non_null(pm_field_info((enum pm_field)i)->name);
        assert_true(pm_field_find(pm_field_info((enum pm_field)i)->name, &found));
        assert_int_equal(found, i);
    }
}

static void aliases_name_the_same_field(void **state)
{
    static const char *const pairs[][2] = {
        {"ipv6.src", "ip.src"},
        {"ipv6.dst", "ip.dst"},
        {"ipv6.addr", "ip.addr"},
        {"ipv6.hlim", "ip.ttl"},
        {"ipv6.nxt", "ip.proto"},
        {"tcp.flags.rst", "tcp.flags.reset"},
        {"tcp.flags.psh", "tcp.flags.push"},
        {"tcp.window_size_value", "tcp.window_size"},
        {"tcp.options.mss_val", "tcp.options.mss"},
        {"icmpv6.type", "icmp.type"},
        {"icmpv6.code", "icmp.code"},
        {"ip.tos", "ip.dsfield"},
        {"ipv6.tclass", "ip.dsfield"},
        {"ipv6.tclass.dscp", "ip.dsfield.dscp"},
        {"ipv6.tclass.ecn", "ip.dsfield.ecn"},
        {"icmpv6.echo.identifier", "icmp.ident"},
        {"icmpv6.echo.sequence_number", "icmp.seq"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        enum pm_field alias, field;
        assert_true(pm_field_find(pairs[i][0], &alias));
        assert_true(pm_field_find(pairs[i][1], &field));
        assert_int_equal(alias, field);
    }
}

static void other_names_are_no_fields(void **state)
{
    static const char *const names[] = {"",        "tcp",       "tcp.dport", "TCP.PORT",
                                        "ip.src ", "ipv6.plen", "tcp.port\t"};
    enum pm_field field;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(pm_field_find(names[i], &field));
}

static void kinds_limits_and_flags_are_as_declared(void **state)
{
    const struct pm_field_info *port = pm_field_info(PM_FIELD_TCP_DSTPORT);
    const struct pm_field_info *ttl = pm_field_info(PM_FIELD_IP_TTL);
    const struct pm_field_info *vlan = pm_field_info(PM_FIELD_VLAN_ID);
    (void)state;
    assert_true(port->kind == PM_KIND_UINT && port->max == 0xffff && port->flow_constant);
    assert_true(!port->settable && !port->addable && !port->names);
    assert_true(ttl->settable && ttl->addable && !ttl->flow_constant && ttl->max == 255);
    assert_true(vlan->settable && !vlan->addable && vlan->flow_constant);
    assert_int_equal(pm_field_info(PM_FIELD_PAYLOAD)->kind, PM_KIND_BYTES);
    assert_int_equal(pm_field_info(PM_FIELD_INTERFACE)->kind, PM_KIND_TEXT);
    assert_int_equal(pm_field_info(PM_FIELD_BPF)->kind, PM_KIND_BPF);
    assert_int_equal(pm_field_info(PM_FIELD_ETH_SRC)->kind, PM_KIND_MAC);
    assert_int_equal(pm_field_info(PM_FIELD_IP_ADDR)->kind, PM_KIND_ADDR);
}

static void what_cannot_be_set_says_why(void **state)
{
    (void)state;
    for (int i = 0; i < PM_FIELD_COUNT; i++)
        assert_int_equal(pm_field_unsettable((enum pm_field)i) == NULL,
                         pm_field_info((enum pm_field)i)->settable);
    assert_non_null(strstr(pm_field_unsettable(PM_FIELD_TCP_DSTPORT), "nat"));
    assert_non_null(strstr(pm_field_unsettable(PM_FIELD_TCP_MSS), "tcp_options"));
}

static void a_nat_maps_addresses_ports_and_echo_identifiers(void **state)
{
    static const char *const names[] = {"ip.src",      "ip.dst",      "tcp.srcport",
                                        "tcp.dstport", "udp.srcport", "udp.dstport",
                                        "l4.srcport",  "l4.dstport",  "icmp.ident"};
    unsigned mappable = 0;
    (void)state;
    for (int i = 0; i < PM_FIELD_COUNT; i++)
        mappable += pm_field_info((enum pm_field)i)->mappable;
    assert_int_equal(mappable, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        enum pm_field field;
        assert_true(pm_field_find(names[i], &field));
        assert_true(pm_field_info(field)->mappable);
    }
}

static void enums_name_each_of_their_values(void **state)
{
    (void)state;
    for (int i = 0; i < PM_FIELD_COUNT; i++) {
        const struct pm_field_info *info = pm_field_info((enum pm_field)i);
        assert_int_equal(info->names != NULL, info->kind == PM_KIND_ENUM);
        for (uint32_t v = 0; info->names && v <= info->max; v++)
            assert_non_null(info->names[v]);
        if (info->names)
            assert_null(info->names[info->max + 1]);
    }
    assert_string_equal(pm_field_info(PM_FIELD_DIR)->names[1], "in");
    assert_string_equal(pm_field_info(PM_FIELD_FLOW)->names[0], "to_server");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_found_by_its_own_name),
        cmocka_unit_test(aliases_name_the_same_field),
        cmocka_unit_test(other_names_are_no_fields),
        cmocka_unit_test(kinds_limits_and_flags_are_as_declared),
        cmocka_unit_test(what_cannot_be_set_says_why),
        cmocka_unit_test(a_nat_maps_addresses_ports_and_echo_identifiers),
        cmocka_unit_test(enums_name_each_of_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
