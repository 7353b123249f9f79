/* filter_fragments_test.c - IP fragments through the filter: what the first got, the others get. */
#include "pieces.h"

struct judge {
    struct pm_policy *policy;
    struct pm_filter *filter;
};

/* Drops what goes to UDP port 53. */
static void begin(struct judge *j)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {53, 53}};
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "no-dns",
                                  .match = pm_cond_test(b, PM_FIELD_UDP_DSTPORT, &port, 1),
                                  .action = PM_ACTION_DROP});
    j->policy = pm_builder_finish(b, &error);
    assert_non_null(j->policy);
    j->filter = pm_filter_new(j->policy, &(struct pm_filter_config){.seed = 1}, &error);
    assert_non_null(j->filter);
}

static void end(struct judge *j)
{
    pm_filter_free(j->filter);
    pm_policy_unref(j->policy);
}

static struct pm_decision decide(struct judge *j, const struct piece *p, uint64_t now_ns)
{
    struct pm_packet packet = {
        .data = p->bytes, .len = p->len, .wire_len = p->len, .link = 101, .dir = PM_DIR_UNKNOWN};
    return pm_filter_decide(j->filter, &packet, now_ns);
}

/* A datagram to that port in four fragments. */
static void cut(struct piece p[4], int version, uint16_t port, uint32_t id)
{
    static const uint8_t payload[150] = {1, 2, 3};
    static uint8_t ip[400];
    struct talk_packet udp = {.version = version,
                              .udp = 1,
                              .server_port = port,
                              .payload = payload,
                              .payload_len = sizeof payload};
    assert_int_equal(piece_cut(p, ip, talk_build(&udp, ip), 0, id, 40), 4);
}

static uint64_t alone(const struct judge *j)
{
    return pm_filter_stats(j->filter)->why[PM_WHY_FRAGMENT];
}

static void later_fragments_get_what_the_first_got(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct judge j;
        struct piece dns[4], other[4];
        begin(&j);
        cut(dns, version, 53, 7);
        cut(other, version, 54, 8);
        for (int i = 0; i < 4; i++) {
            struct pm_decision d = decide(&j, &dns[i], 0);
            assert_int_equal(d.verdict, PM_DROP);
            assert_int_equal(d.rule, 0);
            assert_int_equal(d.why, PM_WHY_RULE);
            d = decide(&j, &other[i], 0);
            assert_int_equal(d.verdict, PM_ALLOW);
            assert_int_equal(d.why, PM_WHY_DEFAULT);
        }
        assert_int_equal(pm_filter_rule_stats(j.filter, 0)->packets, 4);
        assert_int_equal(alone(&j), 0);
        assert_int_equal(decide(&j, &dns[2], 0).verdict, PM_ALLOW); /* all were seen: forgotten */
        end(&j);
    }
}

static void before_the_first_a_fragment_is_judged_by_itself(void **state)
{
    (void)state;
    struct judge j;
    struct piece p[4];
    begin(&j);
    cut(p, 4, 53, 7);
    assert_int_equal(decide(&j, &p[3], 0).verdict, PM_ALLOW);
    assert_int_equal(alone(&j), 1);
    assert_int_equal(decide(&j, &p[0], 0).verdict, PM_DROP);
    assert_int_equal(decide(&j, &p[1], 0).verdict, PM_DROP);
    assert_int_equal(alone(&j), 1);
    end(&j);
}

static void a_first_fragment_is_remembered_for_ten_seconds(void **state)
{
    (void)state;
    struct judge j;
    struct piece p[4];
    begin(&j);
    cut(p, 4, 53, 7);
    decide(&j, &p[0], 0);
    assert_int_equal(decide(&j, &p[1], UINT64_C(9999999999)).verdict, PM_DROP);
    assert_int_equal(decide(&j, &p[2], UINT64_C(10000000000)).verdict, PM_ALLOW);
    assert_int_equal(alone(&j), 1);
    end(&j);
}

static void too_many_first_fragments_of_one_source_are_forgotten_oldest_first(void **state)
{
    (void)state;
    struct judge j;
    struct piece p[4];
    begin(&j);
    for (uint32_t id = 0; id < 65; id++) {
        cut(p, 4, 53, id);
        decide(&j, &p[0], 0);
    }
    cut(p, 4, 53, 0);
    assert_int_equal(decide(&j, &p[1], 0).verdict, PM_ALLOW);
    cut(p, 4, 53, 1);
    assert_int_equal(decide(&j, &p[1], 0).verdict, PM_DROP);
    end(&j);
}

/* Which end it comes from shows the first alone. */
static void later_fragments_go_the_way_of_the_first(void **state)
{
    (void)state;
    struct judge j;
    struct piece ask = {.len = 0}, p[4];
    static const uint8_t payload[150] = {9};
    static uint8_t ip[400];
    struct talk_packet udp = {.udp = 1, .server_port = 54};
    begin(&j);
    ask.len = talk_build(&udp, ask.bytes);
    assert_int_equal(decide(&j, &ask, 0).dir, PM_DIR_OUT);
    udp.from_server = 1;
    udp.payload = payload;
    udp.payload_len = sizeof payload;
    piece_cut(p, ip, talk_build(&udp, ip), 0, 7, 40);
    for (int i = 0; i < 4; i++)
        assert_int_equal(decide(&j, &p[i], 0).dir, PM_DIR_IN);
    end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_fragments_get_what_the_first_got),
        cmocka_unit_test(before_the_first_a_fragment_is_judged_by_itself),
        cmocka_unit_test(a_first_fragment_is_remembered_for_ten_seconds),
        cmocka_unit_test(too_many_first_fragments_of_one_source_are_forgotten_oldest_first),
        cmocka_unit_test(later_fragments_go_the_way_of_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
