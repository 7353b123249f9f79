/* filter_fragments_test.c - IP fragments through the filter: what the first got, the others get. */
#include "base/rng.h"
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

/* ------------------------------------------------------------------ rules on payloads */

static void begin_payload(struct judge *j, enum pm_action action, bool is_strict, bool is_negated)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_value word = {
        .kind = PM_VALUE_BYTES,
        .bytes = {.bytes = (const uint8_t *)"attack", .len = 6, .depth = PM_NO_LIMIT}};
    settings.engine_error_drop = is_strict;
    settings.default_drop = is_negated;
    pm_builder_settings(b, &settings);
    pm_cond_id has_word = pm_cond_test(b, PM_FIELD_PAYLOAD, &word, 1);
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "word",
                                  .match = is_negated ? pm_cond_not(b, has_word) : has_word,
                                  .action = is_negated ? PM_ACTION_ALLOW : action});
    j->policy = pm_builder_finish(b, &error);
    assert_non_null(j->policy);
    j->filter = pm_filter_new(j->policy, &(struct pm_filter_config){.seed = 1}, &error);
    assert_non_null(j->filter);
}

static const uint8_t attack[] = {'a', 't', 't', 'a', 'c', 'k'};
static const uint8_t harmless[] = {'h', 'a', 'r', 'm', 'l', 'e'};

/* The same in four fragments, the word between the second and the third; or with nothing in it. */
static void cut_word(struct piece p[4], int version, bool has_word, uint32_t id)
{
    static uint8_t payload[150], ip[400];
    memset(payload, '.', sizeof payload);
    memcpy(payload + 70, has_word ? attack : harmless, sizeof attack);
    struct talk_packet udp = {
        .version = version, .udp = 1, .payload = payload, .payload_len = sizeof payload};
    assert_int_equal(piece_cut(p, ip, talk_build(&udp, ip), 0, id, 40), 4);
}

/* The n'th order of four. */
static void order_of(unsigned n, unsigned order[4])
{
    unsigned left[4] = {0, 1, 2, 3};
    for (unsigned i = 0; i < 4; i++) {
        unsigned at = n % (4 - i);
        n /= 4 - i;
        order[i] = left[at];
        memmove(left + at, left + at + 1, (3 - at) * sizeof left[0]);
    }
}

static void who_completes_a_datagram_gets_the_verdict_of_the_whole(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2)
        for (unsigned n = 0; n < 48; n++) {
            struct judge j;
            struct piece p[4];
            unsigned order[4];
            bool has_word = n % 2;
            begin_payload(&j, PM_ACTION_DROP, false, false);
            cut_word(p, version, has_word, 7);
            order_of(n / 2, order);
            for (int i = 0; i < 4; i++) {
                struct pm_decision d = decide(&j, &p[order[i]], 0);
                assert_int_equal(d.verdict, has_word && i == 3 ? PM_DROP : PM_ALLOW);
                assert_int_equal(d.rule, has_word && i == 3 ? 0 : PM_NO_RULE);
            }
            assert_int_equal(pm_filter_rule_stats(j.filter, 0)->packets, has_word);
            end(&j);
        }
}

/* The first fragment has no word, so the rule that allows held for it; for the whole it does not.
 */
static void what_held_for_the_first_need_not_hold_for_the_whole(void **state)
{
    (void)state;
    for (int has_word = 0; has_word < 2; has_word++) {
        struct judge j;
        struct piece p[4];
        begin_payload(&j, PM_ACTION_ALLOW, false, true);
        cut_word(p, 4, has_word, 7);
        for (int i = 0; i < 4; i++) {
            struct pm_decision d = decide(&j, &p[i], 0);
            bool is_last = has_word && i == 3;
            assert_int_equal(d.verdict, is_last ? PM_DROP : PM_ALLOW);
            assert_int_equal(d.why, is_last ? PM_WHY_DEFAULT : PM_WHY_RULE);
        }
        end(&j);
    }
}

static void nobody_completes_it_behind_its_back(void **state)
{
    (void)state;
    struct judge j;
    struct piece evil[4], decoy[4];
    begin_payload(&j, PM_ACTION_DROP, false, false);
    cut_word(evil, 4, true, 7);
    cut_word(decoy, 4, false, 7);
    for (int i = 0; i < 4; i++)
        assert_int_equal(decide(&j, i == 2 ? &decoy[i] : &evil[i], 0).verdict, PM_ALLOW);
    struct pm_decision d = decide(&j, &evil[2], 59 * UINT64_C(1000000000));
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_FRAGMENT_OVERLAP);
    end(&j);
}

static void fragments_that_contradict_each_other_go_no_further(void **state)
{
    (void)state;
    struct judge j;
    struct piece evil[4], decoy[4];
    begin_payload(&j, PM_ACTION_DROP, false, false);
    cut_word(evil, 4, true, 7);
    cut_word(decoy, 4, false, 7);
    assert_int_equal(decide(&j, &evil[1], 0).verdict, PM_ALLOW);
    assert_int_equal(decide(&j, &evil[1], 0).verdict, PM_ALLOW); /* a copy is none */
    assert_int_equal(decide(&j, &decoy[1], 0).why, PM_WHY_FRAGMENT_OVERLAP);
    for (int i = 0; i < 4; i++)
        assert_int_equal(decide(&j, &evil[i], 0).verdict, PM_DROP);
    end(&j);
}

/* More fragments than a datagram may have, while its end is not known. */
static void without_room_for_copies_on_engine_error_decides(void **state)
{
    (void)state;
    static const uint8_t payload[8 * 80] = {1};
    static uint8_t ip[8 * 80 + 100];
    static struct piece p[100];
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct judge j;
        begin_payload(&j, PM_ACTION_DROP, is_strict, false);
        struct talk_packet udp = {.udp = 1, .payload = payload, .payload_len = sizeof payload};
        size_t count = piece_cut(p, ip, talk_build(&udp, ip), 0, 7, 8);
        assert_int_equal(count, 81);
        for (size_t i = 0; i < count; i++) {
            struct pm_decision d = decide(&j, &p[i], 0);
            assert_int_equal(d.verdict, is_strict && i >= 64 ? PM_DROP : PM_ALLOW);
            if (is_strict && i == 64)
                assert_int_equal(d.why, PM_WHY_FRAGMENTS_FULL);
        }
        assert_int_equal(pm_filter_stats(j.filter)->why[PM_WHY_FRAGMENTS_FULL], 1);
        end(&j);
    }
}

static void rules_that_watch_see_the_whole_once_and_drop_nothing(void **state)
{
    (void)state;
    for (unsigned place = 0; place < 2; place++) {
        struct judge j;
        struct piece p[4], other[4];
        begin_payload(&j, PM_ACTION_LOG, true, false);
        cut_word(p, 4, true, 7);
        cut_word(other, 4, false, 7);
        if (place == 1) { /* all of the word is in the first */
            static uint8_t payload[150], ip[400];
            memcpy(payload, attack, sizeof attack);
            struct talk_packet udp = {.udp = 1, .payload = payload, .payload_len = sizeof payload};
            assert_int_equal(piece_cut(p, ip, talk_build(&udp, ip), 0, 7, 40), 4);
        }
        for (int i = 0; i < 4; i++)
            assert_int_equal(decide(&j, &p[i], 0).verdict, PM_ALLOW);
        assert_int_equal(pm_filter_rule_stats(j.filter, 0)->packets, 1);
        assert_int_equal(decide(&j, &p[0], 0).verdict, PM_ALLOW);
        assert_int_equal(decide(&j, &other[0], 0).verdict, PM_ALLOW);
        assert_int_equal(pm_filter_stats(j.filter)->why[PM_WHY_FRAGMENT_OVERLAP], 1);
        end(&j);
    }
}

static uint64_t thrown;

static uint32_t roll(uint64_t below)
{
    return (uint32_t)pm_draw_below(pm_draw(5, 0, 0, thrown++), below);
}

/* Rules of letters of the payload, or of the port, or of both. */
static struct pm_policy *random_policy(bool only_drops)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.default_drop = !only_drops && roll(2);
    pm_builder_settings(b, &settings);
    for (unsigned i = 0; i < 4; i++) {
        char id[2] = {(char)('a' + i), 0};
        uint8_t word[2] = {(uint8_t)('p' + roll(3)), (uint8_t)('p' + roll(3))};
        struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {53, 53 + (uint32_t)roll(2)}};
        struct pm_value letters = {.kind = PM_VALUE_BYTES,
                                   .bytes = {.bytes = word, .len = 2, .depth = PM_NO_LIMIT}};
        pm_cond_id conds[2] = {pm_cond_test(b, PM_FIELD_UDP_DSTPORT, &port, 1),
                               pm_cond_test(b, PM_FIELD_PAYLOAD, &letters, 1)};
        if (roll(3) == 0)
            conds[1] = pm_cond_not(b, conds[1]);
        size_t from = roll(2), count = roll(2) + 1;
        pm_builder_add_rule(
            b, &(struct pm_rule_spec){
                   .id = id,
                   .match = pm_cond_all(b, conds + from, from + count > 2 ? 1 : count),
                   .action = only_drops || roll(2) ? PM_ACTION_DROP : PM_ACTION_ALLOW});
    }
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

static struct pm_filter *filter_of(struct pm_policy *policy)
{
    struct pm_error error;
    struct pm_filter *filter = pm_filter_new(policy, &(struct pm_filter_config){.seed = 1}, &error);
    assert_non_null(filter);
    return filter;
}

/* The oracle is the datagram in one piece. It may pass where its fragments do not: they are judged
 * before all is known. Never the other way round. */
static void what_passes_in_fragments_would_pass_whole(void **state)
{
    (void)state;
    unsigned passed = 0, dropped = 0;
    thrown = 0;
    for (unsigned round = 0; round < 600; round++) {
        static uint8_t payload[60], ip[400];
        static struct piece p[20], whole;
        struct judge j = {.policy = random_policy(round % 2)};
        j.filter = filter_of(j.policy);
        struct judge oracle = {j.policy, filter_of(j.policy)};
        for (uint32_t id = 0; id < 10; id++) {
            for (size_t i = 0; i < sizeof payload; i++)
                payload[i] = roll(8) ? '.' : (uint8_t)('p' + roll(3));
            struct talk_packet udp = {.udp = 1,
                                      .server_port = (uint16_t)(53 + roll(3)),
                                      .payload = payload,
                                      .payload_len = sizeof payload};
            whole.len = talk_build(&udp, whole.bytes);
            size_t count = piece_cut(p, ip, talk_build(&udp, ip), 0, id, 8 + 8 * (id % 3));
            bool passes = true;
            for (size_t left = count; left > 0; left--) {
                size_t at = roll(left);
                passes &= decide(&j, &p[at], 0).verdict == PM_ALLOW;
                memmove(p + at, p + at + 1, (left - at - 1) * sizeof p[0]);
            }
            bool would_pass = decide(&oracle, &whole, 0).verdict == PM_ALLOW;
            assert_true(would_pass || !passes);
            passed += passes;
            dropped += !passes;
        }
        pm_filter_free(oracle.filter);
        end(&j);
    }
    assert_true(passed > 500 && dropped > 500);
}

static void a_dns_question_in_pieces_is_read_whole(void **state)
{
    (void)state;
    static const uint8_t question[] = {0,   7,   1,   0,   0, 1,   0,   0, 0, 0, 0, 0, 4,
                                       'e', 'v', 'i', 'l', 2, 'n', 'o', 0, 0, 1, 0, 1};
    static uint8_t ip[200];
    struct piece p[5];
    struct pm_error error;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct pm_value name = {
        .kind = PM_VALUE_BYTES,
        .bytes = {
            .bytes = (const uint8_t *)"evil.no", .len = 7, .depth = PM_NO_LIMIT, .whole = true}};
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "evil",
                                  .match = pm_cond_test(b, PM_FIELD_DNS_QRY_NAME, &name, 1),
                                  .action = PM_ACTION_DROP});
    j.policy = pm_builder_finish(b, &error);
    assert_non_null(j.policy);
    j.filter = filter_of(j.policy);
    struct talk_packet udp = {
        .udp = 1, .server_port = 53, .payload = question, .payload_len = sizeof question};
    assert_int_equal(piece_cut(p, ip, talk_build(&udp, ip), 0, 7, 8), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(decide(&j, &p[i], 0).verdict, i == 4 ? PM_DROP : PM_ALLOW);
    end(&j);
}

static void copies_are_in_the_footprint_where_rules_look_into_payloads(void **state)
{
    (void)state;
    struct judge without, with;
    begin(&without);
    begin_payload(&with, PM_ACTION_DROP, false, false);
    assert_true(pm_filter_footprint(with.policy) >
                pm_filter_footprint(without.policy) + (4u << 20));
    end(&without);
    end(&with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_fragments_get_what_the_first_got),
        cmocka_unit_test(before_the_first_a_fragment_is_judged_by_itself),
        cmocka_unit_test(a_first_fragment_is_remembered_for_ten_seconds),
        cmocka_unit_test(too_many_first_fragments_of_one_source_are_forgotten_oldest_first),
        cmocka_unit_test(later_fragments_go_the_way_of_the_first),
        cmocka_unit_test(who_completes_a_datagram_gets_the_verdict_of_the_whole),
        cmocka_unit_test(what_held_for_the_first_need_not_hold_for_the_whole),
        cmocka_unit_test(nobody_completes_it_behind_its_back),
        cmocka_unit_test(fragments_that_contradict_each_other_go_no_further),
        cmocka_unit_test(without_room_for_copies_on_engine_error_decides),
        cmocka_unit_test(rules_that_watch_see_the_whole_once_and_drop_nothing),
        cmocka_unit_test(what_passes_in_fragments_would_pass_whole),
        cmocka_unit_test(a_dns_question_in_pieces_is_read_whole),
        cmocka_unit_test(copies_are_in_the_footprint_where_rules_look_into_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
