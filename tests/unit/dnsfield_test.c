/* dnsfield_test.c - conditions see every address and every question of a DNS message, however many,
 * and only of packets that carry one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pktmod/pktmod.h>

#include "base/bytes.h"

#define UDP_OFF 20u
#define DNS_OFF 28u

struct datagram {
    uint8_t bytes[2048];
    size_t len;
};

/* An answer from `port` with so many addresses, 10.0.0.0 and on, or so many questions (types 0 and
 * on); all names are "a". */
static struct datagram message(uint16_t port, unsigned questions, unsigned addrs)
{
    static const uint8_t name[] = {1, 'a', 0};
    struct datagram d = {.len = DNS_OFF + 12};
    uint8_t *dns = d.bytes + DNS_OFF;

    memcpy(d.bytes, "\x45\0\0\0\0\1\0\0\x40\x11\0\0\xc0\0\2\x35\x0a\0\0\1", 20);
    pm_put16(d.bytes + UDP_OFF, port);
    pm_put16(d.bytes + UDP_OFF + 2, 40000);
    pm_put16(dns + 2, 0x8180);
    pm_put16(dns + 4, (uint16_t)questions);
    pm_put16(dns + 6, (uint16_t)addrs);
    for (unsigned i = 0; i < questions + addrs; i++) {
        memcpy(d.bytes + d.len, name, sizeof name);
        d.len += sizeof name;
        pm_put16(d.bytes + d.len, (uint16_t)(i < questions ? i : 1));
        pm_put16(d.bytes + d.len + 2, 1);
        d.len += 4;
        if (i < questions)
            continue;
        pm_put16(d.bytes + d.len + 4, 4);
        pm_put32(d.bytes + d.len + 6, 0x0a000000u + i - questions);
        d.len += 10;
    }
    pm_put16(d.bytes + 2, (uint16_t)d.len);
    pm_put16(d.bytes + UDP_OFF + 4, (uint16_t)(d.len - UDP_OFF));
    return d;
}

/* Whether a rule with that test drops the packet. */
static bool is_met(const struct datagram *d, enum pm_field field, const struct pm_value *value)
{
    struct pm_error error = {.status = PM_OK};
    struct pm_builder *b = pm_builder_new();
    struct pm_packet packet = {.data = d->bytes,
                               .len = d->len,
                               .wire_len = d->len,
                               .link = 101, /* raw IP */
                               .dir = PM_DIR_IN};

    assert_non_null(b);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "r",
                                                  .match = pm_cond_test(b, field, value, 1),
                                                  .action = PM_ACTION_DROP});
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    struct pm_filter *filter = pm_filter_new(policy, &(struct pm_filter_config){.seed = 0}, &error);
    assert_non_null(filter);
    bool met = pm_filter_decide(filter, &packet, 0).verdict == PM_DROP;
    pm_filter_free(filter);
    pm_policy_unref(policy);
    return met;
}

static bool has_addr(const struct datagram *d, uint32_t last)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX,
                             .prefix = {.addr = {.version = 4}, .bits = 32}};

    pm_put32(value.prefix.addr.bytes, 0x0a000000u + last);
    return is_met(d, PM_FIELD_DNS_A, &value);
}

static bool has_type(const struct datagram *d, uint32_t type)
{
    return is_met(d, PM_FIELD_DNS_QRY_TYPE,
                  &(struct pm_value){.kind = PM_VALUE_RANGE, .range = {type, type}});
}

static void every_address_is_seen_however_many(void **state)
{
    (void)state;
    for (unsigned count = 0; count <= 9; count++) {
        struct datagram d = message(53, 1, count);

        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(has_addr(&d, i), i < count);
    }
}

static void every_question_is_seen_however_many(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 9; count++) {
        struct datagram d = message(5353, count, 0);

        for (unsigned i = 0; i < 10; i++)
            assert_int_equal(has_type(&d, i), i < count);
    }
}

static void other_ports_carry_no_dns(void **state)
{
    struct datagram d = message(54, 1, 1);

    (void)state;
    assert_false(has_addr(&d, 0));
    assert_false(has_type(&d, 0));
}

/* A count that lies: what is there is read, and no byte behind it. */
static void counts_beyond_the_message_end_with_it(void **state)
{
    struct datagram d = message(53, 1, 2);

    (void)state;
    pm_put16(d.bytes + DNS_OFF + 6, 65535);
    assert_true(has_addr(&d, 1));
    assert_false(has_addr(&d, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_is_seen_however_many),
        cmocka_unit_test(every_question_is_seen_however_many),
        cmocka_unit_test(other_ports_carry_no_dns),
        cmocka_unit_test(counts_beyond_the_message_end_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
