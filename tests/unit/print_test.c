/* print_test.c - addresses as text, against the system's inet_ntop. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/print.h"

struct sample {
    uint8_t version;
    const char *text;
};

/* Both mixed forms stand here because systems differ in ::a.b.c.d */
static const struct sample samples[] = {
    {4, "0.0.0.0"},
    {4, "9.10.99.100"},
    {4, "255.255.255.255"},
    {4, "192.0.2.1"},
    {6, "::"},
    {6, "::1"},
    {6, "::2"},
    {6, "1::"},
    {6, "1::1"},
    {6, "2001:db8::1"},
    {6, "2001:db8:0:1:1:1:1:1"}, /* a single zero group stays */
    {6, "0:1:2:3:4:5:6:7"},
    {6, "1:2:3:4:5:6:7:0"},
    {6, "2001:db8::1:0:0:1"}, /* two runs of equal length: the first */
    {6, "2001:0:0:1::2"},     /* the longer one, though it is later */
    {6, "::1:0:0:0:1"},
    {6, "::ffff:192.0.2.33"},
    {6, "::192.0.2.33"},
    {6, "::1:0:0"},
    {6, "::fffe:c000:221"},
    {6, "64:ff9b::c000:221"},
    {6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {6, "a00:b0:c:d::"},
};

static void known_addresses_come_out_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        uint8_t addr[16];
        char out[46];
        int family = samples[i].version == 4 ? AF_INET : AF_INET6;
        assert_int_equal(inet_pton(family, samples[i].text, addr), 1);
        pm_print_addr(samples[i].version, addr, out);
        assert_string_equal(out, samples[i].text);
    }
}

static uint32_t next_chance(uint32_t *chance)
{
    *chance = *chance * 1664525u + 1013904223u;
    return *chance >> 8;
}

/* Many zero groups, few digits. */
static void fill_random(uint8_t addr[16], uint32_t *chance)
{
    for (size_t i = 0; i < 16; i += 2) {
        uint32_t group = next_chance(chance), shape = next_chance(chance) % 8;
        if (shape < 4)
            group = 0;
        else if (shape < 6)
            group &= 0xffffu >> (group >> 16) % 16;
        else if (shape == 6)
            group = 0xffff;
        addr[i] = (uint8_t)(group >> 8);
        addr[i + 1] = (uint8_t)group;
    }
}

/* ::a.b.c.d is where systems differ; the table above holds it. */
static bool is_compatible_address(const uint8_t addr[16])
{
    static const uint8_t zeros[12];
    return memcmp(addr, zeros, sizeof zeros) == 0;
}

static void random_ipv6_addresses_agree_with_inet_ntop(void **state)
{
    (void)state;
    uint32_t chance = 4, compared = 0;
    while (compared < 200000) {
        uint8_t addr[16];
        fill_random(addr, &chance);
        if (is_compatible_address(addr))
            continue;
        char out[46], expected[INET6_ADDRSTRLEN];
        pm_print_addr(6, addr, out);
        assert_non_null(inet_ntop(AF_INET6, addr, expected, sizeof expected));
        assert_string_equal(out, expected);
        compared++;
    }
}

static void random_ipv4_addresses_agree_with_inet_ntop(void **state)
{
    (void)state;
    uint32_t chance = 6;
    for (int i = 0; i < 50000; i++) {
        uint8_t addr[4];
        for (size_t b = 0; b < 4; b++)
            addr[b] = (uint8_t)next_chance(&chance);
        char out[46], expected[INET_ADDRSTRLEN];
        pm_print_addr(4, addr, out);
        assert_non_null(inet_ntop(AF_INET, addr, expected, sizeof expected));
        assert_string_equal(out, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_addresses_come_out_as_written),
        cmocka_unit_test(random_ipv6_addresses_agree_with_inet_ntop),
        cmocka_unit_test(random_ipv4_addresses_agree_with_inet_ntop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
