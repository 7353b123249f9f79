/* set_test.c - sets of prefixes, ports, strings and patterns against a walk over all their values.
 */
#include "subject.h"

#include <ctype.h>
#include <stdio.h>

#include "match/set.h"

static struct pm_value prefix(uint8_t version, uint32_t a, uint32_t b, uint8_t bits)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX, .prefix = {.bits = bits}};
    value.prefix.addr.version = version;
    for (int i = 0; i < 16; i += 8) {
        pm_put32(value.prefix.addr.bytes + i, a);
        pm_put32(value.prefix.addr.bytes + i + 4, b);
    }
    return value;
}

static struct pm_value text(const char *bytes, bool nocase)
{
    return (struct pm_value){.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = (const uint8_t *)bytes,
                                       .len = (uint32_t)strlen(bytes),
                                       .depth = PM_NO_LIMIT,
                                       .nocase = nocase}};
}

static struct pm_set *set_of(enum pm_set_kind kind, const struct pm_value *values, size_t count)
{
    struct pm_set *set = pm_set_new(kind);
    assert_non_null(set);
    assert_int_equal(pm_set_kind_of(set), kind);
    for (size_t i = 0; i < count; i++)
        assert_true(pm_set_put(set, &values[i]));
    assert_true(pm_set_seal(set));
    return set;
}

/* ------------------------------------------------------------------ prefixes */

static bool covers(const struct pm_value *value, uint8_t version, const uint8_t *addr)
{
    if (value->prefix.addr.version != version)
        return false;
    for (int bit = 0; bit < value->prefix.bits; bit++)
        if (((addr[bit / 8] ^ value->prefix.addr.bytes[bit / 8]) >> (7 - bit % 8)) & 1)
            return false;
    return true;
}

static bool covered_slowly(const struct pm_value *values, size_t count, uint8_t version,
                           const uint8_t *addr)
{
    for (size_t i = 0; i < count; i++)
        if (covers(&values[i], version, addr))
            return true;
    return false;
}

/* Addresses near the prefixes: one of them with some late bits changed. Zero is among them. */
static void prefixes_cover_what_the_walk_says(void **state)
{
    enum { VALUES = 300 };
    static struct pm_value values[VALUES];
    uint64_t chance = 7;
    (void)state;
    for (int round = 0; round < 60; round++) {
        size_t count = 1 + below(&chance, round % 2 ? 8 : VALUES);
        uint32_t shortest = below(&chance, 33);
        for (size_t i = 0; i < count; i++) {
            uint8_t version = below(&chance, 2) ? 4 : 6;
            uint32_t most = version == 4 ? 32 : 128;
            uint8_t bits = (uint8_t)(shortest + below(&chance, most - shortest + 1));
            values[i] =
                prefix(version, below(&chance, 20) ? any(&chance) << 1 : 0, any(&chance), bits);
        }
        struct pm_set *set = set_of(PM_SET_CIDR, values, count);
        for (int probe = 0; probe < 300; probe++) {
            struct pm_value near = values[below(&chance, (uint32_t)count)];
            uint32_t bit = below(&chance, near.prefix.addr.version == 4 ? 32 : 128);
            if (below(&chance, 3))
                near.prefix.addr.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            uint8_t version = below(&chance, 8) ? near.prefix.addr.version : 4;
            const uint8_t *addr = near.prefix.addr.bytes;
            assert_int_equal(pm_set_has_addr(set, version, addr),
                             covered_slowly(values, count, version, addr));
        }
        pm_set_free(set);
    }
}

static void the_zero_prefixes_are_told_apart(void **state)
{
    const uint8_t zero[16] = {0}, one[16] = {0, 0, 0, 1};
    struct pm_value nothing = prefix(4, 0, 0, 32), everything = prefix(4, 0, 0, 0);
    (void)state;
    struct pm_set *set = set_of(PM_SET_CIDR, &nothing, 1);
    assert_true(pm_set_has_addr(set, 4, zero));
    assert_false(pm_set_has_addr(set, 4, one));
    assert_false(pm_set_has_addr(set, 6, zero));
    pm_set_free(set);
    set = set_of(PM_SET_CIDR, &everything, 1);
    assert_true(pm_set_has_addr(set, 4, one));
    assert_false(pm_set_has_addr(set, 6, one));
    pm_set_free(set);
}

static void a_hundred_thousand_addresses_are_all_found(void **state)
{
    enum { MANY = 100000 };
    struct pm_set *set = pm_set_new(PM_SET_CIDR);
    (void)state;
    assert_non_null(set);
    for (uint32_t i = 0; i < MANY; i++) {
        struct pm_value value = prefix(4, i * 3, 0, 32);
        assert_true(pm_set_put(set, &value));
        assert_true(pm_set_put(set, &value));
    }
    assert_true(pm_set_seal(set));
    for (uint32_t n = 0; n < MANY * 3; n++) {
        uint8_t addr[4];
        pm_put32(addr, n);
        assert_int_equal(pm_set_has_addr(set, 4, addr), n % 3 == 0);
    }
    pm_set_free(set);
}

/* ------------------------------------------------------------------ ports */

static void ports_and_ranges_hold_their_ends(void **state)
{
    const struct pm_value values[] = {
        {.kind = PM_VALUE_RANGE, .range = {80, 80}},
        {.kind = PM_VALUE_RANGE, .range = {1000, 1100}},
        {.kind = PM_VALUE_RANGE, .range = {65000, 70000}},
    };
    struct pm_set *set = set_of(PM_SET_PORT, values, 3);
    (void)state;
    for (uint32_t port = 0; port < 140000; port++)
        assert_int_equal(pm_set_has_port(set, port), port == 80 || (port >= 1000 && port <= 1100) ||
                                                         (port >= 65000 && port <= 65535));
    pm_set_free(set);
}

/* ------------------------------------------------------------------ strings */

static bool is_equal(const char *a, const char *b, bool nocase)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(nocase && tolower((unsigned char)*a) == tolower((unsigned char)*b)))
            return false;
    return *a == *b;
}

static void write_word(uint64_t *chance, char *word)
{
    uint32_t len = below(chance, 5);
    for (uint32_t i = 0; i < len; i++)
        word[i] = "aAbB@`"[below(chance, 6)];
    word[len] = '\0';
}

static void strings_are_found_as_the_walk_says(void **state)
{
    enum { WORDS = 40 };
    char words[WORDS][8], probe[8];
    struct pm_value values[WORDS];
    uint64_t chance = 3;
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t count = below(&chance, WORDS + 1);
        for (size_t i = 0; i < count; i++) {
            write_word(&chance, words[i]);
            values[i] = text(words[i], below(&chance, 2));
        }
        struct pm_set *set = set_of(PM_SET_STRING, values, count);
        for (int n = 0; n < 200; n++) {
            bool slowly = false;
            write_word(&chance, probe);
            for (size_t i = 0; i < count; i++)
                slowly |= is_equal(words[i], probe, values[i].bytes.nocase);
            assert_int_equal(pm_set_has_text(set, (const uint8_t *)probe, strlen(probe)), slowly);
        }
        pm_set_free(set);
    }
}

/* Slowly: cut label after label off, and compare. */
static bool is_below(const char *name, const char *domain)
{
    for (const char *at = name; at != NULL; at = strchr(at, '.')) {
        at += *at == '.';
        if (strcmp(at, domain) == 0)
            return true;
    }
    return false;
}

static void a_domain_set_holds_what_is_below_its_values(void **state)
{
    static const char *const labels[] = {"a", "b", "ab"};
    char domains[6][16], name[16];
    struct pm_value values[6];
    uint64_t chance = 11;
    (void)state;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < 6; i++) {
            snprintf(domains[i], sizeof domains[i], "%s.%s", labels[below(&chance, 3)],
                     labels[below(&chance, 3)]);
            values[i] = text(domains[i], false);
        }
        struct pm_set *set = set_of(PM_SET_DOMAIN, values, 2);
        for (int n = 0; n < 30; n++) {
            snprintf(name, sizeof name, "%s.%s.%s", labels[below(&chance, 3)],
                     labels[below(&chance, 3)], labels[below(&chance, 3)]);
            bool slowly = is_below(name, domains[0]) || is_below(name, domains[1]);
            assert_int_equal(pm_set_has_domain(set, (const uint8_t *)name, strlen(name)), slowly);
        }
        pm_set_free(set);
    }
}

static void a_dot_that_is_escaped_ends_no_label(void **state)
{
    struct pm_value value = text("b.org", false);
    struct pm_set *set = set_of(PM_SET_DOMAIN, &value, 1);
    (void)state;
    assert_false(pm_set_has_domain(set, (const uint8_t *)"a\\.b.org", 8));
    assert_true(pm_set_has_domain(set, (const uint8_t *)"a\\\\.b.org", 9));
    pm_set_free(set);
}

static void one_string_a_hundred_thousand_times_costs_no_chain(void **state)
{
    struct pm_set *set = pm_set_new(PM_SET_STRING);
    struct pm_value same = text("example.org", true);
    (void)state;
    assert_non_null(set);
    for (int i = 0; i < 100000; i++)
        assert_true(pm_set_put(set, &same));
    assert_true(pm_set_seal(set));
    assert_true(pm_set_has_text(set, (const uint8_t *)"Example.ORG", 11));
    assert_false(pm_set_has_text(set, (const uint8_t *)"example.com", 11));
    pm_set_free(set);
}

/* ------------------------------------------------------------------ patterns */

static bool occurs(const struct pm_set *set, const char *bytes)
{
    return pm_set_occurs_in(set, NULL, (const uint8_t *)bytes, strlen(bytes));
}

static void a_pattern_occurs_anywhere(void **state)
{
    const struct pm_value values[] = {text("secret", false), text("Token", true), text("#", false)};
    struct pm_set *set = set_of(PM_SET_BYTES, values, 3);
    (void)state;
    assert_true(occurs(set, "my secret"));
    assert_false(occurs(set, "my Secret"));
    assert_true(occurs(set, "tOKEN=1"));
    assert_true(occurs(set, "a#"));
    assert_false(occurs(set, "secre tok en"));
    assert_false(occurs(set, ""));
    pm_set_free(set);
}

static void a_pattern_keeps_to_its_window(void **state)
{
    struct pm_value value = text("ab", false);
    (void)state;
    value.bytes.offset = 2;
    value.bytes.depth = 3;
    struct pm_set *set = set_of(PM_SET_BYTES, &value, 1);
    assert_true(occurs(set, "..ab"));
    assert_true(occurs(set, "...ab"));
    assert_true(occurs(set, "ababab"));
    assert_false(occurs(set, "ab..."));
    assert_false(occurs(set, ".ab.."));
    assert_false(occurs(set, "....ab"));
    pm_set_free(set);
}

static void the_empty_pattern_occurs_everywhere(void **state)
{
    const struct pm_value values[] = {text("", false), text("x", false)};
    struct pm_set *set = set_of(PM_SET_BYTES, values, 2);
    (void)state;
    assert_true(occurs(set, ""));
    assert_true(occurs(set, "abc"));
    pm_set_free(set);
}

static void empty_sets_hold_nothing(void **state)
{
    const uint8_t addr[16] = {0};
    (void)state;
    struct pm_set *cidr = set_of(PM_SET_CIDR, NULL, 0), *port = set_of(PM_SET_PORT, NULL, 0);
    struct pm_set *string = set_of(PM_SET_STRING, NULL, 0), *bytes = set_of(PM_SET_BYTES, NULL, 0);
    assert_false(pm_set_has_addr(cidr, 4, addr));
    assert_false(pm_set_has_port(port, 0));
    assert_false(pm_set_has_text(string, addr, 0));
    assert_false(pm_set_occurs_in(bytes, NULL, addr, sizeof addr));
    pm_set_free(cidr);
    pm_set_free(port);
    pm_set_free(string);
    pm_set_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_cover_what_the_walk_says),
        cmocka_unit_test(the_zero_prefixes_are_told_apart),
        cmocka_unit_test(a_hundred_thousand_addresses_are_all_found),
        cmocka_unit_test(ports_and_ranges_hold_their_ends),
        cmocka_unit_test(strings_are_found_as_the_walk_says),
        cmocka_unit_test(a_domain_set_holds_what_is_below_its_values),
        cmocka_unit_test(a_dot_that_is_escaped_ends_no_label),
        cmocka_unit_test(one_string_a_hundred_thousand_times_costs_no_chain),
        cmocka_unit_test(a_pattern_occurs_anywhere),
        cmocka_unit_test(a_pattern_keeps_to_its_window),
        cmocka_unit_test(the_empty_pattern_occurs_everywhere),
        cmocka_unit_test(empty_sets_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
