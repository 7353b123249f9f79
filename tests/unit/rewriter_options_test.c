/* rewriter_options_test.c - TCP options that are taken off, and what the two ends make of it. */
#include "ends.h"

/* Room for a few flows: what is not touched need not be there. */
#define SMALL                                                                                      \
    .retain_bytes = 1u << 20, .retain_dir_bytes = 1u << 16, .pending_bytes = 1u << 20,             \
    .pending_dir_bytes = 1u << 16, .edits = 1024, .streams = 64, .fragment_bytes = 1u << 16

static const struct pm_rewriter_config live = {
    .hash_key = {1, 2}, .mtu = 1500, SMALL, .mode = PM_MODE_LIVE};
static const struct pm_rewriter_config replay = {.hash_key = {1, 2}, .mtu = 1500, SMALL};

static const struct ends out = {4, 6, 1, 9, 4000, 80}, in = {4, 6, 9, 1, 80, 4000};

/* MSS 1460, SACK permitted, timestamps, NOP, window scale 7 */
static const uint8_t offer[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7};
static const uint8_t stamps[] = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8};
static const uint8_t blocks[] = {1, 1, 5, 10, 0, 0, 4, 0, 0, 0, 4, 9};

static void begin(struct run *run, int to_client, uint16_t mss_max, uint32_t remove,
                  struct pm_rewriter_config config)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = {.kind = PM_OP_TCP_OPTIONS,
                            .tcp_options = {.mss_max = mss_max, .remove = remove}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "plain",
                                                  .match = talk_flow(b, to_client),
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = &op,
                                                  .op_count = 1});
    run_begin(run, b, config);
}

static struct cargo with(uint8_t flags, const uint8_t *options, size_t len)
{
    return (struct cargo){
        .flags = flags, .seq = 100, .ack = 50, .options = options, .options_len = len};
}

/* Sends it, and expects it with these options. */
static void expect(struct run *run, struct ends e, uint8_t flags, const uint8_t *options,
                   const uint8_t *left, size_t len)
{
    assert_int_equal(ends_send(run, e, with(flags, options, len), 1), 1);
    ends_expect(run, 0, e, with(flags, left, len));
}

static void each_option_becomes_nops_and_the_others_stay(void **state)
{
    (void)state;
    static const struct {
        uint32_t remove;
        size_t off, len;
    } cases[] = {{PM_TCPOPT_SACK, 4, 2},
                 {PM_TCPOPT_TIMESTAMPS, 6, 10},
                 {PM_TCPOPT_WSCALE, 17, 3},
                 {PM_TCPOPT_SACK | PM_TCPOPT_TIMESTAMPS | PM_TCPOPT_WSCALE, 4, 16},
                 {PM_TCPOPT_FASTOPEN | PM_TCPOPT_MPTCP | PM_TCPOPT_UNKNOWN, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int mode = 0; mode < 2; mode++) {
            struct run run;
            uint8_t left[sizeof offer];
            memcpy(left, offer, sizeof offer);
            memset(left + cases[i].off, 1, cases[i].len);
            begin(&run, 0, 0, cases[i].remove, mode ? live : replay);
            expect(&run, out, TALK_SYN, offer, left, sizeof offer);
            assert_int_equal(run.why, cases[i].len ? PM_WHY_EDITED : PM_WHY_NONE);
            expect(&run, out, TALK_SYN, offer, left, sizeof offer); /* again, as its sender does */
            run_end(&run);
        }
}

static void rare_options_are_known_by_their_names(void **state)
{
    (void)state;
    static const uint8_t rare[] = {34, 6, 1, 2,  3, 4, 254, 8,  0xf9, 0x89, 1,
                                   2,  3, 4, 30, 4, 0, 0,   77, 4,    9,    9};
    static const struct {
        uint32_t remove;
        const char *left; /* one letter a byte: . it stays, n NOP */
    } cases[] = {{PM_TCPOPT_FASTOPEN, "nnnnnnnnnnnnnn........"},
                 {PM_TCPOPT_MPTCP, "..............nnnn...."},
                 {PM_TCPOPT_UNKNOWN, "..................nnnn"}};
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        uint8_t options[24], left[24];
        memset(options, 1, sizeof options);
        memcpy(options, rare, sizeof rare);
        memcpy(left, options, sizeof left);
        for (size_t k = 0; k < sizeof rare; k++)
            if (cases[i].left[k] == 'n')
                left[k] = 1;
        begin(&run, 0, 0, cases[i].remove, live);
        expect(&run, out, TALK_SYN, options, left, sizeof options);
        run_end(&run);
    }
}

static void the_mss_is_lowered_never_raised_and_only_on_syns(void **state)
{
    (void)state;
    struct run run;
    uint8_t left[sizeof offer];
    memcpy(left, offer, sizeof offer);
    talk_put(left + 2, 1200, 2);
    begin(&run, 0, 1200, 0, live);
    expect(&run, out, TALK_SYN, offer, left, sizeof offer);
    run_end(&run);
    begin(&run, 0, 1500, 0, live);
    expect(&run, out, TALK_SYN, offer, offer, sizeof offer);
    assert_int_equal(run.why, PM_WHY_NONE);
    expect(&run, out, TALK_SYN, stamps, stamps, sizeof stamps); /* no MSS: none is made up */
    run_end(&run);
    begin(&run, 0, 1200, 0, live);
    expect(&run, out, TALK_ACK, offer, offer, sizeof offer);
    run_end(&run);
}

/* The recording shows ends that were offered what the rule takes off. */
static void what_was_never_offered_is_used_by_nobody(void **state)
{
    (void)state;
    struct run run;
    static const uint8_t nops[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint8_t left[sizeof offer];
    memcpy(left, offer, sizeof offer);
    memset(left + 4, 1, 12);
    begin(&run, 0, 0, PM_TCPOPT_TIMESTAMPS | PM_TCPOPT_SACK, replay);
    expect(&run, out, TALK_SYN, offer, left, sizeof offer);
    expect(&run, in, TALK_SYN | TALK_ACK, offer, left, sizeof offer);
    expect(&run, out, TALK_ACK, stamps, nops, sizeof stamps);
    expect(&run, in, TALK_ACK, stamps, nops, sizeof stamps);
    expect(&run, in, TALK_ACK, blocks, nops, sizeof blocks);
    assert_int_equal(pm_rewriter_rule_stats(run.rewriter, 0)->packets, 5);
    run_end(&run);
}

static void timestamps_and_scale_stay_once_they_were_offered(void **state)
{
    (void)state;
    struct run run;
    begin(&run, 1, 0, PM_TCPOPT_TIMESTAMPS | PM_TCPOPT_WSCALE, live);
    expect(&run, out, TALK_SYN, offer, offer, sizeof offer);
    expect(&run, in, TALK_SYN | TALK_ACK, offer, offer, sizeof offer);
    assert_int_equal(run_counted(&run, PM_WHY_OPTION_KEPT), 1);
    expect(&run, in, TALK_ACK, stamps, stamps, sizeof stamps);
    run_end(&run);
}

static void an_answer_may_lose_what_the_syn_did_not_offer(void **state)
{
    (void)state;
    struct run run;
    static const uint8_t none[20] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint8_t left[sizeof offer];
    memcpy(left, offer, sizeof offer);
    memset(left + 6, 1, 10);
    begin(&run, 1, 0, PM_TCPOPT_TIMESTAMPS, live);
    expect(&run, out, TALK_SYN, none, none, sizeof none);
    expect(&run, in, TALK_SYN | TALK_ACK, offer, left, sizeof offer);
    assert_int_equal(run_counted(&run, PM_WHY_OPTION_KEPT), 0);
    run_end(&run);
}

static void sack_may_go_with_the_answer_alone(void **state)
{
    (void)state;
    struct run run;
    static const uint8_t nops[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint8_t left[sizeof offer];
    memcpy(left, offer, sizeof offer);
    memset(left + 4, 1, 2);
    begin(&run, 1, 0, PM_TCPOPT_SACK, live);
    expect(&run, out, TALK_SYN, offer, offer, sizeof offer);
    expect(&run, in, TALK_SYN | TALK_ACK, offer, left, sizeof offer);
    expect(&run, out, TALK_ACK, blocks, nops, sizeof blocks);
    run_end(&run);
}

static uint32_t window_of(const struct run *run)
{
    return talk_get(run->out[0].bytes + 34, 2);
}

static void windows_of_a_recording_are_unscaled_with_the_scale(void **state)
{
    (void)state;
    struct run run;
    struct cargo small = {.flags = TALK_ACK, .seq = 101, .ack = 51};
    begin(&run, 0, 0, PM_TCPOPT_WSCALE, replay);
    ends_send(&run, out, with(TALK_SYN, offer, sizeof offer), 1);
    assert_int_equal(window_of(&run), 60000);
    ends_send(&run, in, with(TALK_SYN | TALK_ACK, offer, sizeof offer), 1);
    struct piece p = ends_piece(out, small);
    talk_put(p.bytes + 34, 100, 2);
    talk_put(p.bytes + 36, 0, 2);
    talk_put(p.bytes + 36, talk_l4_sum(p.bytes, 20, p.len, 6), 2);
    run_send(&run, &p);
    assert_int_equal(window_of(&run), 12800);
    assert_int_equal(talk_l4_sum(run.out[0].bytes, 20, run.out[0].len, 6), 0);
    ends_send(&run, in, small, 1);
    assert_int_equal(window_of(&run), 65535);
    run_end(&run);
    begin(&run, 0, 0, PM_TCPOPT_WSCALE, live); /* live nobody scales */
    ends_send(&run, out, with(TALK_SYN, offer, sizeof offer), 1);
    ends_send(&run, in, with(TALK_SYN | TALK_ACK, stamps, sizeof stamps), 1);
    ends_send(&run, out, small, 1);
    assert_int_equal(window_of(&run), 60000);
    run_end(&run);
}

static void from_the_middle_on_nothing_is_taken_off(void **state)
{
    (void)state;
    struct run run;
    begin(&run, 0, 0, PM_TCPOPT_TIMESTAMPS | PM_TCPOPT_WSCALE, live);
    expect(&run, out, TALK_ACK, stamps, stamps, sizeof stamps);
    run_end(&run);
}

static void signed_and_malformed_headers_are_left_alone(void **state)
{
    (void)state;
    struct run run;
    uint8_t md5[40] = {8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 19, 18};
    static const uint8_t odd[] = {8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 3, 9};
    memset(md5 + 28, 1, 12);
    begin(&run, 0, 1000, PM_TCPOPT_TIMESTAMPS | PM_TCPOPT_UNKNOWN, replay);
    expect(&run, out, TALK_SYN, md5, md5, sizeof md5);
    run_end(&run);
    begin(&run, 0, 1000, PM_TCPOPT_TIMESTAMPS, replay);
    expect(&run, out, TALK_SYN, odd, odd, sizeof odd);
    run_end(&run);
}

static void a_wrong_checksum_is_not_repaired_and_teaches_nothing(void **state)
{
    (void)state;
    struct run run;
    struct pm_rewriter_config config = replay;
    struct cargo bad = with(TALK_SYN, offer, sizeof offer);
    bad.bad_checksum = 7;
    config.checksums = PM_CHECKSUMS_VERIFY;
    begin(&run, 0, 0, PM_TCPOPT_TIMESTAMPS, config);
    ends_send(&run, out, bad, 1);
    ends_expect(&run, 0, out, bad);
    expect(&run, out, TALK_ACK, stamps, stamps, sizeof stamps);
    run_end(&run);
}

/* Who sent the SYN sees it as it sent it, and that nobody took its offer. */
static void the_view_of_the_host_shows_its_own_syn(void **state)
{
    (void)state;
    struct run run;
    struct pm_rewriter_config config = replay;
    uint8_t left[sizeof offer];
    static const uint8_t nops[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    memcpy(left, offer, sizeof offer);
    memset(left + 6, 1, 10);
    config.view = PM_VIEW_HOST;
    begin(&run, 0, 0, PM_TCPOPT_TIMESTAMPS, config);
    expect(&run, out, TALK_SYN, offer, offer, sizeof offer);
    expect(&run, in, TALK_SYN | TALK_ACK, offer, left, sizeof offer);
    expect(&run, out, TALK_ACK, stamps, nops, sizeof stamps);
    run_end(&run);
    config.view = PM_VIEW_WIRE;
    begin(&run, 0, 0, PM_TCPOPT_TIMESTAMPS, config);
    expect(&run, out, TALK_SYN, offer, left, sizeof offer);
    expect(&run, in, TALK_SYN | TALK_ACK, offer, left, sizeof offer);
    run_end(&run);
}

/* The engine's own answers use only what both ends were offered. */
static void the_live_engine_sees_what_the_receiver_sees(void **state)
{
    (void)state;
    for (int removed = 0; removed < 2; removed++) {
        struct run run;
        struct pm_builder *b = pm_builder_new();
        struct pm_op_spec op = {.kind = PM_OP_TCP_OPTIONS,
                                .tcp_options = {.remove = PM_TCPOPT_TIMESTAMPS | PM_TCPOPT_SACK}};
        talk_replace(b, "swap", talk_flow(b, 0), "cat", "elephant");
        if (removed)
            pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "plain",
                                                          .match = talk_flow(b, 0),
                                                          .action = PM_ACTION_REWRITE,
                                                          .ops = &op,
                                                          .op_count = 1});
        run_begin(&run, b, live);
        static const uint8_t answer[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                           0, 9, 0, 0,    0, 9, 1, 1,  1, 1};
        static const uint8_t bare[4] = {2, 4, 5, 0xb4};
        ends_send(&run, out, with(TALK_SYN, offer, sizeof offer), 1);
        struct cargo synack = {.flags = TALK_SYN | TALK_ACK, .seq = 900, .ack = 101};
        synack.options = removed ? bare : answer;
        synack.options_len = removed ? sizeof bare : sizeof answer;
        ends_send(&run, in, synack, 1);
        struct cargo early = {
            .flags = TALK_ACK, .seq = 301, .ack = 901, .payload = "x", .payload_len = 1};
        if (!removed) {
            early.options = stamps;
            early.options_len = sizeof stamps;
        }
        assert_int_equal(ends_send(&run, out, early, 2), 2); /* its acknowledgement; an answer */
        assert_true(run.told[1].is_own);
        size_t header = (size_t)(run.out[1].bytes[32] >> 4) * 4;
        assert_int_equal(header, removed ? 20 : 20 + 12 + 12);
        run_end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_becomes_nops_and_the_others_stay),
        cmocka_unit_test(rare_options_are_known_by_their_names),
        cmocka_unit_test(the_mss_is_lowered_never_raised_and_only_on_syns),
        cmocka_unit_test(what_was_never_offered_is_used_by_nobody),
        cmocka_unit_test(timestamps_and_scale_stay_once_they_were_offered),
        cmocka_unit_test(an_answer_may_lose_what_the_syn_did_not_offer),
        cmocka_unit_test(sack_may_go_with_the_answer_alone),
        cmocka_unit_test(windows_of_a_recording_are_unscaled_with_the_scale),
        cmocka_unit_test(from_the_middle_on_nothing_is_taken_off),
        cmocka_unit_test(signed_and_malformed_headers_are_left_alone),
        cmocka_unit_test(a_wrong_checksum_is_not_repaired_and_teaches_nothing),
        cmocka_unit_test(the_view_of_the_host_shows_its_own_syn),
        cmocka_unit_test(the_live_engine_sees_what_the_receiver_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
