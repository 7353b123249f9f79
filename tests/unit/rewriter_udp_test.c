/* rewriter_udp_test.c - datagrams and header fields through the rewriter. */
#include <stdio.h>

#include "talk.h"

static const struct pm_rewriter_config plain_config = {.hash_key = {1, 2}, .mtu = 1500};

static struct talk_packet datagram(int version, const char *text)
{
    return (struct talk_packet){.version = version,
                                .udp = 1,
                                .server_port = 53,
                                .payload = (const uint8_t *)text,
                                .payload_len = strlen(text)};
}

static void begin_replacing(struct talk *t, const char *find, const char *with,
                            const struct pm_settings *settings, struct pm_rewriter_config config)
{
    struct pm_builder *b = pm_builder_new();
    pm_builder_settings(b, settings);
    talk_replace(b, "swap", PM_COND_TRUE, find, with);
    talk_begin(t, b, config);
}

static void expect_payload(const struct talk *t, const char *text)
{
    assert_int_equal(t->out_count, 1);
    assert_int_equal(t->out[0].p.payload_len, strlen(text));
    assert_memory_equal(t->out[0].p.payload, text, strlen(text));
    assert_true(t->out[0].checksums_right);
}

static void a_datagram_grows_and_shrinks_in_both_versions(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct talk t;
        begin_replacing(&t, "aa", "LONGER", &PM_SETTINGS_DEFAULT, plain_config);
        struct talk_packet p = datagram(version, "xaayaa");
        p.ext = version == 6 ? 16 : 0;
        talk_send(&t, &p);
        expect_payload(&t, "xLONGERyLONGER");
        assert_int_equal(t.out[0].p.ext, p.ext);
        p = datagram(version, "nothing");
        talk_send(&t, &p);
        assert_true(talk_is_unchanged(&t, &p));
        talk_end(&t);

        begin_replacing(&t, "aa", "", &PM_SETTINGS_DEFAULT, plain_config);
        p = datagram(version, "aa");
        talk_send(&t, &p);
        expect_payload(&t, "");
        talk_end(&t);
    }
}

static void an_absent_udp_checksum_stays_absent(void **state)
{
    (void)state;
    struct talk t;
    begin_replacing(&t, "aa", "b", &PM_SETTINGS_DEFAULT, plain_config);
    struct talk_packet p = datagram(4, "xaay");
    p.no_checksum = 1;
    talk_send(&t, &p);
    expect_payload(&t, "xby");
    assert_true(t.out[0].p.no_checksum);
    talk_end(&t);
}

/* The replacement is chosen so that the sum comes out as zero, which must be sent as 0xffff. */
static void a_computed_zero_is_sent_as_all_ones(void **state)
{
    (void)state;
    uint8_t ip[100];
    struct talk_packet p = datagram(4, "@@@@");
    uint8_t payload[4] = {0};
    p.payload = payload;
    size_t len = talk_build(&p, ip);
    uint16_t sum = (uint16_t)talk_get(ip + 26, 2); /* with two zero bytes at the end */
    char with[3] = {(char)(sum >> 8), (char)sum, 0};
    assert_true(with[0] && with[1] && len == 32);

    struct talk t;
    begin_replacing(&t, "@@", with, &PM_SETTINGS_DEFAULT, plain_config);
    memcpy(payload, "\0\0@@", 4);
    talk_send(&t, &p);
    assert_int_equal(talk_get(t.out[0].bytes + 26, 2), 0xffff);
    assert_true(t.out[0].checksums_right);
    talk_end(&t);
}

static void a_bad_checksum_passes_and_is_never_repaired(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.checksums = PM_CHECKSUMS_VERIFY;
    begin_replacing(&t, "aa", "b", &PM_SETTINGS_DEFAULT, config);
    struct talk_packet p = datagram(4, "xaay");
    p.bad_checksum = 1;
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    assert_int_equal(t.why, PM_WHY_BAD_CHECKSUM);
    talk_end(&t);
}

/* A recording whose checksums were wrong from the first packet on: they say nothing. Where the
 * first was right, a wrong one is wrong. */
static void a_recording_whose_first_checksum_is_wrong_has_none_that_count(void **state)
{
    (void)state;
    for (int first_is_bad = 0; first_is_bad < 2; first_is_bad++) {
        struct talk t;
        begin_replacing(&t, "aa", "b", &PM_SETTINGS_DEFAULT, plain_config);
        struct talk_packet p = datagram(4, "xaay");
        p.bad_checksum = first_is_bad;
        talk_send(&t, &p);
        expect_payload(&t, "xby");
        p.bad_checksum = 7;
        talk_send(&t, &p);
        if (first_is_bad)
            expect_payload(&t, "xby"); /* and leaves with a right one */
        else
            assert_true(talk_is_unchanged(&t, &p));
        p.from_server = 1; /* each side for itself */
        p.bad_checksum = 0;
        talk_send(&t, &p);
        p.bad_checksum = 7;
        talk_send(&t, &p);
        assert_true(talk_is_unchanged(&t, &p));
        talk_end(&t);
    }
}

/* The first packet of the side counts, not the first one that a rule holds for. */
static void a_first_checksum_counts_though_no_rule_holds_for_its_packet(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {40000, 40000}};
    struct pm_value small = {.kind = PM_VALUE_RANGE, .range = {0, 40}};
    pm_cond_id both[2] = {pm_cond_test(b, PM_FIELD_UDP_PORT, &port, 1),
                          pm_cond_test(b, PM_FIELD_FRAME_LEN, &small, 1)};
    talk_replace(b, "swap", pm_cond_all(b, both, 2), "aa", "b");
    talk_begin(&t, b, plain_config);
    struct talk_packet p = datagram(4, "longer than the rule wants");
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    p = datagram(4, "xaay");
    p.bad_checksum = 7;
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    p.bad_checksum = 0;
    talk_send(&t, &p);
    expect_payload(&t, "xby");
    talk_end(&t);
}

static void growth_beyond_the_mtu_is_refused_as_the_policy_says(void **state)
{
    (void)state;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_rewriter_config config = plain_config;
    struct talk t;
    config.mtu = 40;
    struct talk_packet p = datagram(4, "aa 345678");
    p.df = 1;
    begin_replacing(&t, "aa", "LONGER", &settings, config);
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    assert_int_equal(t.why, PM_WHY_TOO_BIG);
    assert_int_equal(pm_rewriter_rule_stats(t.rewriter, 0)->edits, 0);
    talk_end(&t);

    settings.rewrite_refused_drop = true;
    begin_replacing(&t, "aa", "LONGER", &settings, config);
    assert_int_equal(talk_send(&t, &p), 0);
    assert_int_equal(t.why, PM_WHY_REFUSED);
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_TOO_BIG], 1);
    talk_end(&t);
}

static void max_counts_per_datagram(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {(const uint8_t *)"a", (const uint8_t *)"bb", 1, 2,
                                        PM_IN_PAYLOAD, 2, false, 1, 5, false, 0, PM_LENGTH_ANY, 0}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "x", .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
    talk_begin(&t, b, plain_config);
    for (int i = 0; i < 2; i++) {
        struct talk_packet p = datagram(4, "aaaaaaa");
        talk_send(&t, &p);
        expect_payload(&t, "abbbbaaaa");
    }
    struct talk_packet p = datagram(4, "a____aa"); /* within 1..6 */
    talk_send(&t, &p);
    expect_payload(&t, "a____bba");
    talk_end(&t);
}

static void a_stream_replace_leaves_datagrams_alone(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {(const uint8_t *)"a", (const uint8_t *)"bb", 1, 2,
                                        PM_IN_STREAM, 0, false, 0, PM_NO_LIMIT, false, 0,
                                        PM_LENGTH_ANY, 0}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "x", .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
    talk_begin(&t, b, plain_config);
    struct talk_packet p = datagram(4, "aa");
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    talk_end(&t);
}

static void many_rules_are_searched_in_one_pass_and_only_those_that_hold(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    static char id[100][16], find[100][16], with[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(id[i], sizeof id[i], "r%02d", i);
        snprintf(find[i], sizeof find[i], "<%02d>", i);
        snprintf(with[i], sizeof with[i], "%d", i);
        struct pm_value port = {
            .kind = PM_VALUE_RANGE,
            .range = {(uint32_t)(i % 2 ? 53 : 54), (uint32_t)(i % 2 ? 53 : 54)}};
        talk_replace(b, id[i], pm_cond_test(b, PM_FIELD_UDP_PORT, &port, 1), find[i], with[i]);
    }
    talk_begin(&t, b, plain_config);
    struct talk_packet p = datagram(4, "<00><01><98><99>");
    talk_send(&t, &p);
    expect_payload(&t, "<00>1<98>99");
    talk_end(&t);
}

/* ------------------------------------------------------------------ header fields */

static struct pm_op_spec set_number(enum pm_op_kind kind, enum pm_field field, int64_t number)
{
    return (struct pm_op_spec){.kind = kind, .set = {.field = field, .number = number}};
}

static void begin_setting(struct talk *t, const struct pm_op_spec *ops, size_t count)
{
    struct pm_rewriter_config config = plain_config;
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){
               .id = "set", .action = PM_ACTION_REWRITE, .ops = ops, .op_count = count});
    config.checksums = PM_CHECKSUMS_VERIFY;
    talk_begin(t, b, config);
}

static void header_fields_are_set_and_checksums_follow(void **state)
{
    (void)state;
    struct pm_op_spec ops[] = {
        set_number(PM_OP_SET, PM_FIELD_IP_DSCP, 46),
        set_number(PM_OP_SET, PM_FIELD_IP_ECN, 2),
        set_number(PM_OP_ADD, PM_FIELD_IP_TTL, -3),
        set_number(PM_OP_SET, PM_FIELD_UDP_DSTPORT, 5353),
        set_number(PM_OP_SET, PM_FIELD_IP_DF, 1),
    };
    for (int version = 4; version <= 6; version += 2) {
        struct talk t;
        begin_setting(&t, ops, 5);
        struct talk_packet p = datagram(version, "payload");
        p.ttl = 60;
        talk_send(&t, &p);
        const struct talk_out *o = &t.out[0];
        assert_true(o->checksums_right);
        assert_int_equal(o->p.ttl, 57);
        assert_int_equal(talk_get(o->bytes + (version == 4 ? 22 : 42), 2), 5353);
        uint32_t tos = version == 4 ? o->bytes[1] : talk_get(o->bytes, 2) >> 4 & 0xff;
        assert_int_equal(tos, 46 << 2 | 2);
        assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_FIELD_ABSENT], version == 6);
        assert_int_equal(t.why, PM_WHY_EDITED);
        talk_end(&t);
    }
}

static void sums_stop_at_the_ends_of_the_field(void **state)
{
    (void)state;
    struct talk t;
    struct pm_op_spec ops[] = {set_number(PM_OP_ADD, PM_FIELD_IP_TTL, -100),
                               set_number(PM_OP_ADD, PM_FIELD_TCP_WINDOW, 70000)};
    begin_setting(&t, ops, 2);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .ttl = 60, .window = 3});
    assert_int_equal(t.out[0].p.ttl, 0);
    assert_int_equal(t.out[0].p.window, 65535);
    assert_true(t.out[0].checksums_right);
    talk_end(&t);
}

static void an_address_is_set_only_in_its_own_version(void **state)
{
    (void)state;
    struct talk t;
    struct pm_op_spec op = {
        .kind = PM_OP_SET,
        .set = {.field = PM_FIELD_IP_DST, .addr = {.bytes = {203, 0, 113, 7}, .version = 4}}};
    begin_setting(&t, &op, 1);
    struct talk_packet p = datagram(4, "payload");
    talk_send(&t, &p);
    assert_int_equal(talk_get(t.out[0].bytes + 16, 4), 0xcb007107);
    assert_true(t.out[0].checksums_right);
    p = datagram(6, "payload");
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    talk_end(&t);
}

static void a_wrong_checksum_stays_wrong_when_a_header_field_changes(void **state)
{
    (void)state;
    struct talk t;
    struct pm_op_spec op = set_number(PM_OP_SET, PM_FIELD_UDP_DSTPORT, 99);
    begin_setting(&t, &op, 1);
    struct talk_packet p = datagram(4, "payload");
    p.bad_checksum = 5;
    talk_send(&t, &p);
    assert_false(t.out[0].checksums_right);
    uint16_t field = (uint16_t)talk_get(t.out[0].bytes + 26, 2);
    talk_put(t.out[0].bytes + 26, (uint16_t)(field - 5), 2);
    talk_read(&t.out[0]);
    assert_true(t.out[0].checksums_right); /* wrong by the same difference */
    talk_end(&t);
}

static void header_edits_reach_every_part_of_a_split_segment(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    struct pm_builder *b = pm_builder_new();
    config.mtu = 60;
    struct pm_op_spec op = set_number(PM_OP_SET, PM_FIELD_IP_TTL, 9);
    talk_replace(b, "grow", PM_COND_TRUE, "!", "0123456789012345678901234567890123456789");
    pm_builder_add_rule(b,
                        &(struct pm_rule_spec){
                            .id = "ttl", .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
    talk_begin(&t, b, config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = 1});
    talk_send(
        &t, &(struct talk_packet){
                .flags = TALK_ACK, .seq = 2, .payload = (const uint8_t *)"a!b", .payload_len = 3});
    assert_int_equal(t.out_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(t.out[i].p.ttl, 9);
        assert_true(t.out[i].checksums_right);
    }
    assert_int_equal(pm_rewriter_rule_stats(t.rewriter, 1)->packets, 2);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_grows_and_shrinks_in_both_versions),
        cmocka_unit_test(an_absent_udp_checksum_stays_absent),
        cmocka_unit_test(a_computed_zero_is_sent_as_all_ones),
        cmocka_unit_test(a_bad_checksum_passes_and_is_never_repaired),
        cmocka_unit_test(a_recording_whose_first_checksum_is_wrong_has_none_that_count),
        cmocka_unit_test(a_first_checksum_counts_though_no_rule_holds_for_its_packet),
        cmocka_unit_test(growth_beyond_the_mtu_is_refused_as_the_policy_says),
        cmocka_unit_test(max_counts_per_datagram),
        cmocka_unit_test(a_stream_replace_leaves_datagrams_alone),
        cmocka_unit_test(many_rules_are_searched_in_one_pass_and_only_those_that_hold),
        cmocka_unit_test(header_fields_are_set_and_checksums_follow),
        cmocka_unit_test(sums_stop_at_the_ends_of_the_field),
        cmocka_unit_test(an_address_is_set_only_in_its_own_version),
        cmocka_unit_test(a_wrong_checksum_stays_wrong_when_a_header_field_changes),
        cmocka_unit_test(header_edits_reach_every_part_of_a_split_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
