/* classify_test.c - the classifier against a walk over all rules: no rule that holds is missed. */
#include "chance.h"

#include "match/classify.h"
#include "match/filing.h"

#define RULES 400

struct rules {
    struct pm_conds *conds;
    pm_cond_id list[RULES];
    uint32_t count;
    struct pm_classifier *classifier;
};

static void compile(struct rules *r)
{
    assert_true(pm_conds_seal(r->conds));
    r->classifier = pm_classifier_new(r->conds, r->list, r->count);
    assert_non_null(r->classifier);
}

static void rules_by_chance(struct rules *r, uint64_t *chance, uint32_t count)
{
    r->conds = pm_conds_new();
    assert_non_null(r->conds);
    for (r->count = 0; r->count < count; r->count++)
        r->list[r->count] = cond_by_chance(r->conds, chance, 2);
    compile(r);
}

static void release(struct rules *r)
{
    pm_classifier_free(r->classifier);
    pm_conds_free(r->conds);
}

/* Ascending, each once, from `from` on, and among them every rule that holds. How many came. */
static uint32_t expect_all_that_hold(const struct rules *r, const struct pm_subject *s,
                                     uint32_t from)
{
    struct pm_candidates walk;
    uint32_t rule = from, given = 0;
    pm_candidates_begin(&walk, r->classifier, s, from);
    for (;;) {
        uint32_t candidate = pm_candidates_next(&walk);
        uint32_t end = candidate == PM_NO_RULE ? r->count : candidate;
        assert_true(end >= rule && end <= r->count);
        for (; rule < end; rule++)
            assert_false(pm_cond_holds(r->conds, r->list[rule], s));
        if (candidate == PM_NO_RULE)
            break;
        rule = candidate + 1;
        given++;
    }
    assert_int_equal(pm_candidates_next(&walk), PM_NO_RULE);
    return given;
}

static void expect_same_in_many(uint64_t seed, int rounds, uint32_t most)
{
    for (int round = 0; round < rounds; round++) {
        struct rules r;
        rules_by_chance(&r, &seed, below(&seed, most + 1));
        for (int i = 0; i < 60; i++) {
            struct made m;
            make_by_chance(&seed, &m);
            expect_all_that_hold(&r, &m.subject, i % 2 ? below(&seed, r.count + 1) : 0);
            drop(&m);
        }
        release(&r);
    }
}

static void few_rules_are_found_as_the_walk_says(void **state)
{
    (void)state;
    expect_same_in_many(51, 1200, 12);
}

static void many_rules_are_found_as_the_walk_says(void **state)
{
    (void)state;
    expect_same_in_many(52, 60, RULES);
}

static void no_rules_give_no_candidates(void **state)
{
    struct rules r = {.count = 0};
    struct made m;
    (void)state;
    r.conds = pm_conds_new();
    assert_non_null(r.conds);
    compile(&r);
    make(&m, &(struct plain){.src_port = 1});
    assert_int_equal(expect_all_that_hold(&r, &m.subject, 0), 0);
    drop(&m);
    release(&r);
}

/* ------------------------------------------------------------------ few candidates */

static struct pm_value prefix(uint32_t addr, uint8_t bits)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX, .prefix = {.bits = bits}};
    value.prefix.addr.version = 4;
    pm_put32(value.prefix.addr.bytes, addr);
    return value;
}

static pm_cond_id both(struct pm_conds *c, enum pm_field a, struct pm_value x, enum pm_field b,
                       struct pm_value y)
{
    pm_cond_id kids[2], id;
    assert_true(pm_conds_test(c, a, &x, 1, &kids[0]));
    assert_true(pm_conds_test(c, b, &y, 1, &kids[1]));
    assert_true(pm_conds_all(c, kids, 2, &id));
    return id;
}

static void rules_with_other_bits_are_no_candidates(void **state)
{
    struct rules r = {.count = 0};
    struct made m;
    (void)state;
    r.conds = pm_conds_new();
    assert_non_null(r.conds);
    for (; r.count < RULES; r.count++)
        r.list[r.count] = both(r.conds, PM_FIELD_IP_DST, prefix(0x0a000000 + r.count * 256, 24),
                               PM_FIELD_TCP_DSTPORT, range(r.count, r.count));
    compile(&r);
    for (uint16_t i = 0; i < RULES; i++) {
        char dst[9] = "0a000000";
        static const char digits[] = "0123456789abcdef";
        dst[3] = digits[i >> 8];
        dst[4] = digits[i >> 4 & 15];
        dst[5] = digits[i & 15];
        make(&m, &(struct plain){.dst = dst, .dst_port = i});
        assert_int_equal(expect_all_that_hold(&r, &m.subject, 0), 1);
        drop(&m);
        make(&m, &(struct plain){.dst = dst, .dst_port = i, .proto = 17});
        assert_int_equal(expect_all_that_hold(&r, &m.subject, 0), 0);
        drop(&m);
    }
    release(&r);
}

static void a_rule_filed_twice_comes_once(void **state)
{
    struct rules r = {.count = 1};
    struct made m;
    (void)state;
    r.conds = pm_conds_new();
    assert_non_null(r.conds);
    r.list[0] =
        both(r.conds, PM_FIELD_IP_ADDR, prefix(0x0a000000, 8), PM_FIELD_TCP_PORT, range(80, 81));
    compile(&r);
    make(&m, &(struct plain){.src = "0a000001", .dst = "0a000002", .src_port = 80, .dst_port = 81});
    assert_int_equal(expect_all_that_hold(&r, &m.subject, 0), 1);
    assert_int_equal(expect_all_that_hold(&r, &m.subject, 1), 0);
    drop(&m);
    release(&r);
}

/* Every combination of prefix classes and ports: far more than PM_TUPLE_MAX tuples. */
static void more_tuples_than_allowed_are_filed_with_fewer_bits(void **state)
{
    struct rules r = {.count = 0};
    uint64_t chance = 61;
    (void)state;
    r.conds = pm_conds_new();
    assert_non_null(r.conds);
    for (uint32_t n = 0; n < 200; n++) {
        static const uint8_t bits[] = {0, 8, 16, 24, 32};
        struct pm_value src = prefix(0x0a000001, bits[n % 5]),
                        dst = prefix(0x0a000002, bits[n / 5 % 5]);
        struct pm_value port = range(80, 80);
        pm_cond_id kids[5];
        size_t count = 0;
        assert_true(pm_conds_test(r.conds, PM_FIELD_IP_SRC, &src, 1, &kids[count++]));
        assert_true(pm_conds_test(r.conds, PM_FIELD_IP_DST, &dst, 1, &kids[count++]));
        if (n / 25 & 1)
            assert_true(pm_conds_test(r.conds, PM_FIELD_L4_SRCPORT, &port, 1, &kids[count++]));
        if (n / 25 & 2)
            assert_true(pm_conds_test(r.conds, PM_FIELD_L4_DSTPORT, &port, 1, &kids[count++]));
        if (n / 25 & 4)
            assert_true(pm_conds_test(r.conds, PM_FIELD_TCP_DSTPORT, &port, 1, &kids[count++]));
        assert_true(pm_conds_all(r.conds, kids, count, &r.list[r.count++]));
    }
    for (; r.count < RULES; r.count++)
        r.list[r.count] = cond_by_chance(r.conds, &chance, 1);
    compile(&r);
    for (int i = 0; i < 2000; i++) {
        struct made m;
        make_by_chance(&chance, &m);
        expect_all_that_hold(&r, &m.subject, 0);
        drop(&m);
    }
    release(&r);
}

/* ------------------------------------------------------------------ filings */

static void values_multiply_into_filings(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct pm_filing filings[PM_FILINGS_MAX];
    const struct pm_value ports[] = {range(80, 81), range(443, 443)};
    const struct pm_value nets[] = {prefix(0x0a000000, 8), prefix(0xc0a80000, 16)};
    pm_cond_id kids[2], id;
    (void)state;
    assert_non_null(c);
    assert_true(pm_conds_test(c, PM_FIELD_TCP_DSTPORT, ports, 2, &kids[0]));
    assert_true(pm_conds_test(c, PM_FIELD_IP_SRC, nets, 2, &kids[1]));
    assert_true(pm_conds_all(c, kids, 2, &id));
    assert_int_equal(pm_filings_of(c, id, filings), 6);
    for (int i = 0; i < 6; i++)
        assert_true(filings[i].version == 4 && filings[i].proto == 6 && filings[i].has_dst_port &&
                    !filings[i].has_src_port && filings[i].src_bits && !filings[i].dst_bits);
    pm_conds_free(c);
}

static void what_contradicts_itself_has_no_filing(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct pm_filing filings[PM_FILINGS_MAX];
    (void)state;
    assert_non_null(c);
    pm_cond_id id =
        both(c, PM_FIELD_TCP_DSTPORT, range(80, 80), PM_FIELD_UDP_DSTPORT, range(80, 80));
    assert_int_equal(pm_filings_of(c, id, filings), 0);
    id = both(c, PM_FIELD_IP_SRC, prefix(0x0a000000, 8), PM_FIELD_IP_SRC, prefix(0x0b000000, 16));
    assert_int_equal(pm_filings_of(c, id, filings), 0);
    id = both(c, PM_FIELD_IP_SRC, prefix(0x0a000000, 8), PM_FIELD_IP_SRC, prefix(0x0a0b0000, 16));
    assert_int_equal(pm_filings_of(c, id, filings), 1);
    assert_int_equal(filings[0].src_bits, 16);
    id = both(c, PM_FIELD_IP_VERSION, range(6, 6), PM_FIELD_IP_ADDR, prefix(0x0a000000, 8));
    assert_int_equal(pm_filings_of(c, id, filings), 0);
    pm_conds_free(c);
}

static void wide_ranges_leave_the_protocol(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct pm_filing filings[PM_FILINGS_MAX];
    const struct pm_value wide = range(1024, UINT32_MAX);
    pm_cond_id id;
    (void)state;
    assert_non_null(c);
    assert_true(pm_conds_test(c, PM_FIELD_UDP_SRCPORT, &wide, 1, &id));
    assert_int_equal(pm_filings_of(c, id, filings), 1);
    assert_true(filings[0].has_proto && filings[0].proto == 17 && !filings[0].has_src_port);
    assert_true(pm_conds_test(c, PM_FIELD_ICMP_TYPE, &wide, 1, &id));
    assert_int_equal(pm_filings_of(c, id, filings), 2);
    assert_true(pm_conds_test(c, PM_FIELD_L4_PORT, &wide, 1, &id));
    assert_int_equal(pm_filings_of(c, id, filings), 1);
    assert_false(filings[0].has_proto);
    pm_conds_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_rules_are_found_as_the_walk_says),
        cmocka_unit_test(many_rules_are_found_as_the_walk_says),
        cmocka_unit_test(no_rules_give_no_candidates),
        cmocka_unit_test(rules_with_other_bits_are_no_candidates),
        cmocka_unit_test(a_rule_filed_twice_comes_once),
        cmocka_unit_test(more_tuples_than_allowed_are_filed_with_fewer_bits),
        cmocka_unit_test(values_multiply_into_filings),
        cmocka_unit_test(what_contradicts_itself_has_no_filing),
        cmocka_unit_test(wide_ranges_leave_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
