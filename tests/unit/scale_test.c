/* scale_test.c - a hundred thousand rules, a million values: what they take, and that sampled
 * questions are answered as a walk over all of them answers. */
#include "judge.h"

#include <stdio.h>

#include "base/bytes.h"
#include "engine/policy.h"
#include "match/set.h"

#define MILLION 1000000u
#define RULES   100000u

/* The i'th of very many values, the same whenever it is asked for. */
static uint64_t mix(uint64_t i)
{
    i = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
    return i ^ i >> 31;
}

/* ------------------------------------------------------------------ rules */

static struct pm_value v4_prefix(uint32_t addr, uint8_t bits)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX, .prefix = {.bits = bits}};
    value.prefix.addr.version = 4;
    pm_put32(value.prefix.addr.bytes, addr);
    return value;
}

/* Destinations of 17 bits and longer, and a port, or a protocol, or a source as well. */
static void add_rule(struct pm_builder *b, uint32_t index)
{
    uint64_t draw = mix(index);
    struct pm_value dst = v4_prefix(0x0a000000 | (uint32_t)(draw >> 40), (uint8_t)(17 + draw % 16));
    struct pm_value src = v4_prefix(0x0b000000 | (uint32_t)(mix(draw) >> 40), 16);
    uint32_t port = (uint32_t)(draw >> 8) % 512;
    pm_cond_id kids[3] = {pm_cond_test(b, PM_FIELD_IP_DST, &dst, 1)};
    size_t count = 1;
    if (draw >> 20 & 1)
        kids[count++] = pm_cond_test(b, PM_FIELD_IP_SRC, &src, 1);
    kids[count++] = draw >> 21 & 3 ? judge_number(b, PM_FIELD_UDP_DSTPORT, port, port)
                                   : judge_number(b, PM_FIELD_IP_PROTO, 17, 17);
    char id[16];
    snprintf(id, sizeof id, "r%u", index);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = id,
                                                  .match = pm_cond_all(b, kids, count),
                                                  .action = PM_ACTION_DROP});
}

/* A UDP packet that rule `index` is about, but perhaps for its source. */
static void write_packet(uint8_t ip[28], uint32_t index)
{
    uint64_t draw = mix(index);
    memset(ip, 0, 28);
    ip[0] = 0x45;
    ip[3] = 28;
    ip[8] = 64;
    ip[9] = 17;
    pm_put32(ip + 12, 0x0b000000 | (uint32_t)(mix(draw) >> 40));
    pm_put32(ip + 16, 0x0a000000 | (uint32_t)(draw >> 40));
    pm_put16(ip + 20, 1000);
    pm_put16(ip + 22, (uint16_t)((draw >> 8) % 512));
    ip[25] = 8;
}

/* The first rule that holds, asked one by one. */
static uint32_t walk(const struct pm_policy *policy, const uint8_t *ip)
{
    struct pm_packet packet = {.data = ip, .len = 28, .wire_len = 28, .link = 101};
    struct pm_headers headers;
    struct pm_subject subject = {.headers = &headers, .packet = &packet};
    pm_headers_parse(101, ip, 28, 28, &headers);
    for (uint32_t i = 0; i < policy->rule_count; i++)
        if (pm_cond_holds(policy->conds, policy->rules[i].match, &subject))
            return i;
    return PM_NO_RULE;
}

static void a_hundred_thousand_rules_take_20_mb_and_are_found(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    unsigned ruled = 0, others = 0;
    for (uint32_t i = 0; i < RULES; i++)
        add_rule(b, i);
    judge_begin(&j, b, &(struct pm_filter_config){.seed = 1});
    assert_true(pm_policy_footprint(j.policy) <= 20000000);
    for (uint32_t i = 0; i < 150; i++) {
        uint8_t ip[28];
        write_packet(ip, (uint32_t)(mix(i + 7) % RULES));
        if (i % 3 == 2) /* somebody else's */
            ip[16] = 12;
        uint32_t wanted = walk(j.policy, ip);
        assert_int_equal(judge_bytes(&j, ip, 28, 0, 0).rule, wanted);
        ruled += wanted != PM_NO_RULE;
        others += wanted == PM_NO_RULE;
    }
    assert_true(ruled > 50 && others > 10);
    judge_end(&j);
}

/* A test that many rules have in common is one; what differs stays apart. */
static void rules_that_test_the_same_share_it(void **state)
{
    (void)state;
    struct pm_builder *b = pm_builder_new();
    pm_cond_id port = judge_number(b, PM_FIELD_UDP_DSTPORT, 53, 53);
    struct pm_value ten = v4_prefix(0x0a000000, 8), mask = {.kind = PM_VALUE_MASK};
    mask.mask.mask = mask.mask.value = 53;
    assert_int_equal(judge_number(b, PM_FIELD_UDP_DSTPORT, 53, 53), port);
    assert_int_not_equal(judge_number(b, PM_FIELD_UDP_DSTPORT, 53, 54), port);
    assert_int_not_equal(judge_number(b, PM_FIELD_TCP_DSTPORT, 53, 53), port);
    assert_int_not_equal(pm_cond_test(b, PM_FIELD_UDP_DSTPORT, &mask, 1), port);
    pm_cond_id net = pm_cond_test(b, PM_FIELD_IP_SRC, &ten, 1);
    memset(ten.prefix.addr.bytes + 4, 0xaa, 12); /* what an IPv4 address has no use for */
    assert_int_equal(pm_cond_test(b, PM_FIELD_IP_SRC, &ten, 1), net);
    ten.prefix.bits = 9;
    assert_int_not_equal(pm_cond_test(b, PM_FIELD_IP_SRC, &ten, 1), net);
    pm_builder_free(b);
}

/* ------------------------------------------------------------------ sets */

static struct pm_value nth_prefix(uint32_t i)
{
    uint64_t draw = mix(i);
    return v4_prefix((uint32_t)(draw >> 32), (uint8_t)(20 + draw % 13));
}

static bool is_covered(uint32_t addr)
{
    for (uint32_t i = 0; i < MILLION; i++) {
        uint64_t draw = mix(i);
        if (((uint32_t)(draw >> 32) ^ addr) >> (32 - (20 + draw % 13)) == 0)
            return true;
    }
    return false;
}

static void a_million_prefixes_answer_as_the_walk_does(void **state)
{
    (void)state;
    struct pm_set *set = pm_set_new(PM_SET_CIDR);
    unsigned found = 0;
    assert_non_null(set);
    for (uint32_t i = 0; i < MILLION; i++) {
        struct pm_value value = nth_prefix(i);
        assert_true(pm_set_put(set, &value));
    }
    assert_true(pm_set_seal(set));
    for (uint32_t i = 0; i < 60; i++) {
        uint64_t draw = mix(i + MILLION);
        uint32_t near = (uint32_t)(mix(draw % MILLION) >> 32) ^ 1u << draw % 32;
        uint32_t addr = i % 3 ? near : (uint32_t)draw;
        uint8_t bytes[16] = {0};
        pm_put32(bytes, addr);
        bool is_there = is_covered(addr);
        assert_int_equal(pm_set_has_addr(set, 4, bytes), is_there);
        found += is_there;
    }
    assert_true(found > 10 && found < 60);
    pm_set_free(set);
}

#define NAME_LEN 12u

static void nth_name(uint64_t i, uint8_t name[NAME_LEN])
{
    uint64_t draw = mix(i) % (4 * (uint64_t)MILLION);
    for (unsigned k = 0; k < NAME_LEN; k++, draw = draw / 26 + k)
        name[k] = (uint8_t)('a' + draw % 26);
}

static void a_million_strings_answer_as_the_walk_does(void **state)
{
    (void)state;
    struct pm_set *set = pm_set_new(PM_SET_STRING);
    uint8_t *all = malloc((size_t)MILLION * NAME_LEN);
    unsigned found = 0;
    assert_true(set && all);
    for (uint32_t i = 0; i < MILLION; i++) {
        uint8_t *name = all + (size_t)i * NAME_LEN;
        nth_name(i, name);
        struct pm_value value = {
            .kind = PM_VALUE_BYTES,
            .bytes = {.bytes = name, .len = NAME_LEN, .depth = PM_NO_LIMIT, .whole = true}};
        assert_true(pm_set_put(set, &value));
    }
    assert_true(pm_set_seal(set));
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t name[NAME_LEN];
        bool is_there = false;
        nth_name(i % 2 ? MILLION + i : mix(i) % MILLION, name);
        for (uint32_t k = 0; k < MILLION && !is_there; k++)
            is_there = memcmp(all + (size_t)k * NAME_LEN, name, NAME_LEN) == 0;
        assert_int_equal(pm_set_has_text(set, name, NAME_LEN), is_there);
        found += is_there;
    }
    assert_true(found >= 50 && found < 100);
    pm_set_free(set);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_rules_take_20_mb_and_are_found),
        cmocka_unit_test(rules_that_test_the_same_share_it),
        cmocka_unit_test(a_million_prefixes_answer_as_the_walk_does),
        cmocka_unit_test(a_million_strings_answer_as_the_walk_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
