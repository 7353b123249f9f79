/* rewriter_live_test.c - segments that travel now: what each end is told, and what leaves when. The
 * closed loop (tests/closed-loop) has the rest. */
#include "story.h"

static const struct pm_rewriter_config live_config = {
    .hash_key = {1, 2}, .mode = PM_MODE_LIVE, .checksums = PM_CHECKSUMS_VERIFY, .mtu = 1500};

/* MSS 1460, SACK permitted, timestamps, window scale 0. */
#define SYN_OPTIONS(tsval)                                                                         \
    {                                                                                              \
        2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, tsval, 0, 0, 0, 0, 1, 3, 3, 0                          \
    }
/* NOP NOP timestamps */
#define STAMP(tsval, tsecr)                                                                        \
    {                                                                                              \
        1, 1, 8, 10, 0, 0, 0, tsval, 0, 0, 0, tsecr                                                \
    }

static void begin_live(struct talk *t, const char *find, const char *with)
{
    static const uint8_t syn[] = SYN_OPTIONS(10);
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", talk_flow(b, 0), find, with);
    talk_begin(t, b, live_config);
    talk_send(t, &(struct talk_packet){
                     .flags = TALK_SYN, .seq = ISN_C, .options = syn, .options_len = sizeof syn});
    talk_send(t, &(struct talk_packet){.from_server = 1,
                                       .flags = TALK_SYN | TALK_ACK,
                                       .seq = ISN_S,
                                       .ack = ISN_C + 1,
                                       .options = syn,
                                       .options_len = sizeof syn});
}

static size_t tell(struct talk *t, uint32_t off, const char *text)
{
    struct talk_packet p = data(off, text);
    return talk_send(t, &p);
}

static size_t acknowledge(struct talk *t, uint32_t off)
{
    struct talk_packet p = ack_of(off);
    return talk_send(t, &p);
}

/* The only packet out is one from the server's name to the client that acknowledges off. */
static void expect_answer(const struct talk *t, uint32_t off)
{
    assert_int_equal(t->out_count, 1);
    assert_true(t->out[0].is_own && t->out[0].p.from_server && t->out[0].checksums_right);
    assert_int_equal(t->out[0].p.flags, TALK_ACK);
    assert_int_equal(t->out[0].p.payload_len, 0);
    assert_int_equal(t->out[0].p.seq, ISN_S + 1);
    assert_int_equal(t->out[0].p.ack, ISN_C + 1 + off);
}

/* ------------------------------------------------------------------ acknowledgements */

static void an_edit_is_acknowledged_when_its_last_byte_is(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "twenty bytes instead");
    tell(&t, 0, "0123456789SECRETabcd");
    expect(&t, 0, 0, "0123456789twenty bytes insteadabcd");
    assert_int_equal(ack_out(&t, ack_of(10)), ISN_C + 1 + 10);
    assert_int_equal(acknowledge(&t, 29), 0); /* nothing that its sender could use */
    assert_int_equal(t.why, PM_WHY_ACK_ABSORBED);
    assert_int_equal(ack_out(&t, ack_of(30)), ISN_C + 1 + 16);
    assert_int_equal(ack_out(&t, ack_of(34)), ISN_C + 1 + 20);
    talk_end(&t);
}

static void deleted_bytes_are_acknowledged_for_the_receiver(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "");
    tell(&t, 0, "abc");
    tell(&t, 3, "SECRET");
    assert_int_equal(t.out_count, 0); /* the receiver still owes one for abc */
    assert_int_equal(ack_out(&t, ack_of(3)), ISN_C + 1 + 9);
    tell(&t, 9, "SECRET");
    assert_int_equal(t.why, PM_WHY_ANSWERED);
    expect_answer(&t, 15);
    tell(&t, 9, "SECRET"); /* the answer was lost */
    expect_answer(&t, 15);
    tell(&t, 15, "!");
    expect(&t, 0, 3, "!");
    talk_end(&t);
}

static void bytes_that_wait_are_not_acknowledged(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "x");
    tell(&t, 0, "my SEC");
    expect(&t, 0, 0, "my ");
    assert_int_equal(ack_out(&t, ack_of(3)), ISN_C + 1 + 3);
    tell(&t, 3, "SEC"); /* repeated while it waits */
    assert_int_equal(t.out_count, 0);
    t.out_count = 0;
    pm_rewriter_due(t.rewriter, 50 * 1000000);
    expect(&t, 0, 3, "SEC");
    assert_int_equal(t.events, 1);
    assert_int_equal(t.event.offset, 6);
    assert_int_equal(t.event.len, 3);
    assert_int_equal(ack_out(&t, ack_of(6)), ISN_C + 1 + 6);
    talk_end(&t);
}

static void an_acknowledgement_of_what_never_left_is_refused(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "x");
    tell(&t, 0, "SECRET");
    assert_int_equal(acknowledge(&t, 2), 0);
    assert_int_equal(t.why, PM_WHY_FUTURE_ACK);
    assert_int_equal(ack_out(&t, ack_of(1)), ISN_C + 1 + 6);
    assert_int_equal(acknowledge(&t, 0), 0);
    assert_int_equal(t.why, PM_WHY_OLD_ACK);
    talk_end(&t);
}

static void what_waits_here_is_told_in_a_duplicate_ack(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "x");
    tell(&t, 0, "0123456789");
    acknowledge(&t, 10);
    tell(&t, 20, "later");
    assert_int_equal(t.why, PM_WHY_OUT_OF_ORDER);
    assert_int_equal(t.out_count, 1);
    assert_true(t.out[0].is_own);
    assert_int_equal(t.out[0].p.ack, ISN_C + 1 + 10);
    const uint8_t *options = t.out[0].p.options;
    assert_int_equal(t.out[0].p.options_len, 12 + 12);
    assert_int_equal(options[2], 8);
    assert_int_equal(options[12 + 2], 5);
    assert_int_equal(talk_get(options + 12 + 4, 4), ISN_C + 1 + 20);
    assert_int_equal(talk_get(options + 12 + 8, 4), ISN_C + 1 + 25);
    tell(&t, 10, "the SECRET");
    expect(&t, 0, 10, "the xlater");
    talk_end(&t);
}

static void sack_edges_are_rounded_inwards(void **state)
{
    (void)state;
    static const uint8_t from_12[] = {1, 1, 5, 10, 0, 0, 3, 245, 0, 0, 4, 11};
    struct talk t;
    begin_live(&t, "SECRET", "twenty bytes instead");
    tell(&t, 0, "0123456789SECRETabcd");
    struct talk_packet p = ack_of(0); /* 1001+12 .. 1001+34 */
    p.options = from_12;
    p.options_len = sizeof from_12;
    assert_int_equal(talk_send(&t, &p), 1);
    assert_int_equal(talk_get(t.out[0].p.options + 4, 4), ISN_C + 1 + 16);
    assert_int_equal(talk_get(t.out[0].p.options + 8, 4), ISN_C + 1 + 20);
    talk_end(&t);
}

/* ------------------------------------------------------------------ windows */

/* The same, to a receiver that offers a window of so many bytes. */
static void begin_narrow(struct talk *t, uint16_t window)
{
    static const uint8_t syn[] = {2, 4, 5, 180};
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", talk_flow(b, 0), "SECRET", "twenty bytes instead");
    talk_begin(t, b, live_config);
    talk_send(t, &(struct talk_packet){
                     .flags = TALK_SYN, .seq = ISN_C, .options = syn, .options_len = sizeof syn});
    talk_send(t, &(struct talk_packet){.from_server = 1,
                                       .flags = TALK_SYN | TALK_ACK,
                                       .seq = ISN_S,
                                       .ack = ISN_C + 1,
                                       .window = window,
                                       .options = syn,
                                       .options_len = sizeof syn});
}

static void growth_beyond_the_window_waits_for_room(void **state)
{
    (void)state;
    struct talk t;
    begin_narrow(&t, 25);
    tell(&t, 0, "0123456789SECRETabcd");
    expect(&t, 0, 0, "0123456789twenty bytes in");
    talk_end(&t);
}

static void a_closed_window_stays_closed_and_is_probed(void **state)
{
    (void)state;
    struct talk t;
    begin_narrow(&t, 20);
    tell(&t, 0, "0123456789SECRETabcd");
    assert_int_equal(t.out[0].p.payload_len, 20);
    struct talk_packet p = ack_of(20);
    p.is_closed = 1;
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 1);
    assert_int_equal(t.out[0].p.window, 0);
    assert_int_equal(t.out[0].p.ack, ISN_C + 1 + 10);
    tell(&t, 10, "SECRETabcd"); /* the sender's timer: someone must ask */
    assert_int_equal(t.out_count, 1);
    assert_true(t.out[0].is_own && !t.out[0].p.from_server);
    assert_int_equal(t.out[0].p.seq, ISN_C + 1 + 19);
    assert_int_equal(t.out[0].p.payload_len, 0);
    p = ack_of(20); /* the window opens: what waited leaves, and the sender hears of it */
    p.window = 500;
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 2);
    size_t pushed = t.out[0].p.from_server ? 1 : 0;
    expect(&t, pushed, 20, "es insteadabcd");
    talk_end(&t);
}

static void nothing_is_sent_above_the_receivers_mss(void **state)
{
    (void)state;
    static const uint8_t syn[] = {2, 4, 0, 16}; /* 16 */
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", talk_flow(b, 0), "SECRET", "twenty bytes instead");
    talk_begin(&t, b, live_config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(&t, &(struct talk_packet){.from_server = 1,
                                        .flags = TALK_SYN | TALK_ACK,
                                        .seq = ISN_S,
                                        .ack = ISN_C + 1,
                                        .options = syn,
                                        .options_len = sizeof syn});
    tell(&t, 0, "012345SECRETabcd");
    assert_int_equal(t.out_count, 2);
    expect(&t, 0, 0, "012345twenty byt");
    expect(&t, 1, 16, "es insteadabcd");
    assert_false(t.out[0].p.flags & TALK_PSH);
    assert_true(t.out[1].p.flags & TALK_PSH);
    talk_end(&t);
}

static void without_memory_bytes_wait_at_their_sender(void **state)
{
    (void)state;
    static char many[1200 + 1];
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_rewriter_config config = live_config;
    config.retain_dir_bytes = 2000;
    config.pending_dir_bytes = 100;
    memset(many, 'a', sizeof many - 1);
    talk_replace(b, "swap", talk_flow(b, 0), "SECRET", "x");
    talk_begin(&t, b, config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(&t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
    assert_true(t.out[0].p.window <= 2000);
    tell(&t, 0, many);
    assert_int_equal(t.out_count, 1);
    tell(&t, 1200, many);
    assert_int_equal(t.out_count, 0);
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_RETAIN_FULL], 1);
    acknowledge(&t, 1200);
    tell(&t, 1200, many);
    assert_int_equal(t.out_count, 1);
    assert_int_equal(t.out[0].p.seq, ISN_C + 1 + 1200);
    talk_end(&t);
}

/* ------------------------------------------------------------------ FIN, RST, probes */

static void a_fin_behind_deleted_bytes_leaves_alone(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "");
    tell(&t, 0, "abc");
    acknowledge(&t, 3);
    struct talk_packet p = data(3, "SECRET");
    p.flags |= TALK_FIN;
    talk_send(&t, &p);
    expect(&t, 0, 3, "");
    assert_true(t.out[0].p.flags & TALK_FIN);
    assert_int_equal(ack_out(&t, ack_of(4)), ISN_C + 1 + 10);
    p = data(10, ""); /* an acknowledgement behind the FIN */
    p.flags = TALK_ACK;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 4);
    talk_end(&t);
}

static void a_reset_counts_only_in_the_window(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "x");
    tell(&t, 0, "SECRETs");
    acknowledge(&t, 2);
    struct talk_packet p = {.flags = TALK_RST, .seq = ISN_C + 1 + 200000};
    assert_int_equal(talk_send(&t, &p), 0);
    assert_int_equal(t.why, PM_WHY_OUT_OF_WINDOW);
    p.seq = ISN_C + 1 + 7;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 2);
    talk_end(&t);
}

static void a_keepalive_stays_one_and_its_byte_stays_out(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "x");
    tell(&t, 0, "SECRETs");
    acknowledge(&t, 2);
    struct talk_packet p = data(6, "");
    p.flags = TALK_ACK;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 1);
    p = data(6, "?");
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 1);
    assert_int_equal(t.out[0].p.payload_len, 0);
    talk_end(&t);
}

/* ------------------------------------------------------------------ what counts */

static void old_timestamps_count_for_nothing_and_new_ones_go_with_old_bytes(void **state)
{
    (void)state;
    static const uint8_t at_30[] = STAMP(30, 10), at_40[] = STAMP(40, 10), at_20[] = STAMP(20, 10);
    struct talk t;
    begin_live(&t, "SECRET", "x");
    struct talk_packet p = data(0, "0123456789");
    p.options = at_30;
    p.options_len = sizeof at_30;
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 1);
    p = data(10, "evil");
    p.options = at_20;
    p.options_len = sizeof at_20;
    assert_int_equal(talk_send(&t, &p), 0);
    assert_int_equal(t.why, PM_WHY_OLD_TIMESTAMP);
    p = data(14, "later");
    p.options = at_40;
    p.options_len = sizeof at_40;
    talk_send(&t, &p);
    p = data(10, "good");
    p.options = at_30;
    p.options_len = sizeof at_30;
    talk_send(&t, &p);
    expect(&t, 0, 10, "goodlater");
    assert_int_equal(t.out[0].p.options[7], 40);
    talk_end(&t);
}

static void urgent_bytes_are_read_in_their_place(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "x");
    struct talk_packet p = data(0, "urgent");
    p.flags |= TALK_URG;
    p.urgent = 3;
    talk_send(&t, &p);
    expect(&t, 0, 0, "urgent");
    assert_false(t.out[0].p.flags & TALK_URG);
    assert_int_equal(t.out[0].p.urgent, 0);
    talk_end(&t);
}

static void data_in_a_syn_is_searched(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", talk_flow(b, 0), "SECRET", "x");
    talk_begin(&t, b, live_config);
    struct talk_packet p = {.flags = TALK_SYN, .seq = ISN_C};
    p.payload = (const uint8_t *)"a SECRET SEC";
    p.payload_len = 12;
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 1);
    assert_int_equal(t.out[0].p.seq, ISN_C);
    assert_true(t.out[0].p.flags & TALK_SYN);
    assert_int_equal(t.out[0].p.payload_len, 4);
    assert_memory_equal(t.out[0].p.payload, "a x ", 4);
    talk_send(&t, &(struct talk_packet){.from_server = 1,
                                        .flags = TALK_SYN | TALK_ACK,
                                        .seq = ISN_S,
                                        .ack = ISN_C + 1 + 4});
    assert_int_equal(t.out[0].p.ack, ISN_C + 1 + 9);
    tell(&t, 12, "RET!");
    expect(&t, 0, 4, "x!");
    talk_end(&t);
}

static void a_syn_leaves_room_for_what_may_be_added(void **state)
{
    (void)state;
    static const uint8_t syn[] = {2, 4, 5, 180, 1, 1, 1, 0}; /* 1460 */
    for (int to_client = 0; to_client < 2; to_client++) {
        struct talk t;
        struct pm_builder *b = pm_builder_new();
        struct pm_rewriter_config config = live_config;
        config.clamp_mss = true;
        talk_replace(b, "swap", talk_flow(b, to_client), "SECRET", "twenty bytes instead");
        talk_begin(&t, b, config);
        for (int from_server = 0; from_server < 2; from_server++) {
            struct talk_packet p = {.from_server = from_server,
                                    .flags = (uint8_t)(TALK_SYN | (from_server ? TALK_ACK : 0)),
                                    .seq = from_server ? ISN_S : ISN_C,
                                    .ack = from_server ? ISN_C + 1 : 0,
                                    .options = syn,
                                    .options_len = sizeof syn};
            talk_send(&t, &p);
            assert_int_equal(t.out_count, 1);
            assert_true(t.out[0].checksums_right);
            uint32_t mss = talk_get(t.out[0].p.options + 2, 2);
            assert_int_equal(mss, from_server == to_client ? 1460 : 1460 - 14);
        }
        talk_end(&t);
    }
}

static void a_flow_that_no_edit_touched_passes_bit_for_bit(void **state)
{
    (void)state;
    struct talk t;
    begin_live(&t, "SECRET", "twenty bytes instead");
    struct talk_packet p = data(0, "nothing here");
    for (int i = 0; i < 2; i++) {
        talk_send(&t, &p);
        assert_true(talk_is_unchanged(&t, &p));
    }
    p = ack_of(12);
    p.window = 1234;
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    talk_send(&t, &p); /* a duplicate */
    assert_true(talk_is_unchanged(&t, &p));
    tell(&t, 0, "nothing else"); /* all of it was acknowledged: no second copy travels */
    expect_answer(&t, 12);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_is_acknowledged_when_its_last_byte_is),
        cmocka_unit_test(deleted_bytes_are_acknowledged_for_the_receiver),
        cmocka_unit_test(bytes_that_wait_are_not_acknowledged),
        cmocka_unit_test(an_acknowledgement_of_what_never_left_is_refused),
        cmocka_unit_test(what_waits_here_is_told_in_a_duplicate_ack),
        cmocka_unit_test(sack_edges_are_rounded_inwards),
        cmocka_unit_test(growth_beyond_the_window_waits_for_room),
        cmocka_unit_test(a_closed_window_stays_closed_and_is_probed),
        cmocka_unit_test(nothing_is_sent_above_the_receivers_mss),
        cmocka_unit_test(without_memory_bytes_wait_at_their_sender),
        cmocka_unit_test(a_fin_behind_deleted_bytes_leaves_alone),
        cmocka_unit_test(a_reset_counts_only_in_the_window),
        cmocka_unit_test(a_keepalive_stays_one_and_its_byte_stays_out),
        cmocka_unit_test(old_timestamps_count_for_nothing_and_new_ones_go_with_old_bytes),
        cmocka_unit_test(urgent_bytes_are_read_in_their_place),
        cmocka_unit_test(data_in_a_syn_is_searched),
        cmocka_unit_test(a_syn_leaves_room_for_what_may_be_added),
        cmocka_unit_test(a_flow_that_no_edit_touched_passes_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
