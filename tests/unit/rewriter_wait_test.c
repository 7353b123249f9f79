/* rewriter_wait_test.c - bytes that wait: for the rest of a match, for what is missing before them.
 */
#include "story.h"

static void a_match_is_found_however_the_sender_cuts_it(void **state)
{
    (void)state;
    static const char text[] = "GET /secret HTTP sec secre secret",
                      want[] = "GET /LONGERSECRET HTTP sec secre LONGERSECRET";
    for (size_t cut = 1; cut < strlen(text); cut++) {
        struct talk t;
        char got[100] = "", part[2][100] = {"", ""};
        begin_with(&t, "secret", "LONGERSECRET", plain_config);
        memcpy(part[0], text, cut);
        memcpy(part[1], text + cut, strlen(text) - cut);
        for (int i = 0; i < 2; i++) {
            struct talk_packet p = data(i ? (uint32_t)cut : 0, part[i]);
            assert_int_equal(talk_send(&t, &p), 1);
            assert_int_equal(t.out[0].p.seq, ISN_C + 1 + strlen(got));
            strncat(got, (const char *)t.out[0].p.payload, t.out[0].p.payload_len);
        }
        assert_string_equal(got, want);
        assert_int_equal(pm_rewriter_rule_stats(t.rewriter, 0)->edits, 2);
        talk_end(&t);
    }
}

static void one_byte_at_a_time_gives_the_same(void **state)
{
    (void)state;
    static const char text[] = "ssecretsesecretsecre";
    struct talk t;
    char got[100] = "";
    begin_with(&t, "secret", "x", plain_config);
    for (uint32_t i = 0; i < strlen(text); i++) {
        char byte[2] = {text[i], 0};
        struct talk_packet p = data(i, byte);
        assert_int_equal(talk_send(&t, &p), 1);
        strncat(got, (const char *)t.out[0].p.payload, t.out[0].p.payload_len);
    }
    assert_string_equal(got, "sxsex");
    t.out_count = 0;
    pm_rewriter_flush(t.rewriter, 0); /* the capture ends: what waited leaves */
    expect(&t, 0, 5, "secre");
    talk_end(&t);
}

static void an_unfinished_earlier_match_wins_over_a_finished_later_one(void **state)
{
    (void)state;
    for (int completes = 0; completes < 2; completes++) {
        struct talk t;
        struct pm_builder *b = pm_builder_new();
        talk_replace(b, "long", PM_COND_TRUE, "abcdef", "LONG");
        talk_replace(b, "short", PM_COND_TRUE, "cd", "SHORT");
        talk_begin(&t, b, plain_config);
        talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
        struct talk_packet p = data(0, "xabcd");
        talk_send(&t, &p);
        expect(&t, 0, 0, "x");
        p = data(5, completes ? "ef" : "e!");
        talk_send(&t, &p);
        expect(&t, 0, 1, completes ? "LONG" : "abSHORTe!");
        talk_end(&t);
    }
}

static void a_tail_that_a_filled_gap_leaves_has_its_time(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "x", plain_config);
    struct talk_packet p = data(2, "cr");
    talk_send(&t, &p);
    assert_int_equal(pm_rewriter_next_ns(t.rewriter), UINT64_MAX);
    p = data(0, "se");
    p.time_ns = 1000;
    talk_send(&t, &p);
    assert_int_equal(pm_rewriter_next_ns(t.rewriter), 1000 + 50 * 1000000);
    t.out_count = 0;
    pm_rewriter_due(t.rewriter, 51 * 1000000);
    expect(&t, 0, 0, "secr");
    talk_end(&t);
}

static void a_held_tail_is_not_acknowledged_and_leaves_after_hold_ms(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "x", plain_config);
    struct talk_packet p = data(0, "my sec");
    p.time_ns = 1000;
    talk_send(&t, &p);
    expect(&t, 0, 0, "my ");
    assert_int_equal(ack_out(&t, ack_of(6)), ISN_C + 1 + 3); /* as far as it left */
    assert_int_equal(pm_rewriter_next_ns(t.rewriter), 1000 + 50 * 1000000);
    t.out_count = 0;
    pm_rewriter_due(t.rewriter, 50 * 1000000);
    assert_int_equal(t.out_count, 0);
    pm_rewriter_due(t.rewriter, 1000 + 50 * 1000000);
    expect(&t, 0, 3, "sec");
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_HOLD_TIMEOUT], 1);
    assert_int_equal(pm_rewriter_next_ns(t.rewriter), UINT64_MAX);
    assert_int_equal(ack_out(&t, ack_of(6)), ISN_C + 1 + 6);
    p = data(6, "ret secret"); /* searching begins anew behind what was let go */
    talk_send(&t, &p);
    expect(&t, 0, 6, "ret x");
    talk_end(&t);
}

static void a_fin_or_reset_lets_a_held_tail_go(void **state)
{
    (void)state;
    static const uint8_t flags[] = {TALK_FIN, TALK_RST};
    for (size_t i = 0; i < 2; i++) {
        struct talk t;
        begin_with(&t, "secret", "x", plain_config);
        struct talk_packet p = data(0, "a secret sec");
        talk_send(&t, &p);
        expect(&t, 0, 0, "a x ");
        p = data(12, "");
        p.flags = flags[i] | TALK_ACK;
        talk_send(&t, &p);
        expect(&t, 0, 4, "sec");
        const struct talk_out *last = &t.out[t.out_count - 1];
        assert_true(last->p.flags & flags[i]);
        assert_int_equal(last->p.seq + last->p.payload_len, ISN_C + 1 + 7);
        talk_end(&t);
    }
}

static void what_waits_leaves_with_the_newest_headers(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "x", plain_config);
    struct talk_packet p = data(0, "a sec");
    talk_send(&t, &p);
    p = data(5, "");
    p.flags = TALK_ACK;
    p.ack = ISN_S + 1 + 700; /* an older number behind this one would be out of order */
    talk_send(&t, &p);
    t.out_count = 0;
    pm_rewriter_flush(t.rewriter, 0);
    expect(&t, 0, 2, "sec");
    assert_int_equal(t.out[0].p.ack, ISN_S + 1 + 700);
    talk_end(&t);
}

static void what_came_too_early_leaves_when_the_gap_is_filled(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "aa");
    talk_send(&t, &p);
    p = data(5, "ay"); /* 2..5 is missing */
    p.flags |= TALK_FIN;
    talk_send(&t, &p);
    expect(&t, 0, 5, "");
    assert_int_equal(t.out[0].p.flags & TALK_FIN, 0);
    assert_int_equal(t.why, PM_WHY_OUT_OF_ORDER);
    p = data(5, "zz"); /* the first copy of a byte wins */
    talk_send(&t, &p);
    expect(&t, 0, 5, "");
    p = data(2, "x.a");
    talk_send(&t, &p);
    expect(&t, 0, 5, "x.bbbbby");
    assert_true(t.out[0].p.flags & TALK_FIN);
    assert_int_equal(ack_out(&t, ack_of(8)), ISN_C + 1 + 14);
    talk_end(&t);
}

static void a_gap_that_the_receiver_acknowledged_keeps_its_length(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "aa");
    talk_send(&t, &p);
    p = data(6, "aa."); /* 2..6 is missing from the recording */
    talk_send(&t, &p);
    expect(&t, 0, 5, "");
    p = ack_of(9); /* but not from the conversation */
    assert_int_equal(talk_send(&t, &p), 2);
    expect(&t, 0, 9, "bbbbb.");
    assert_int_equal(t.out[1].p.ack, ISN_C + 1 + 15);
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_GAP], 1);
    p = data(2, "aaaa"); /* late: passes as it comes */
    talk_send(&t, &p);
    expect(&t, 0, 5, "aaaa");
    assert_int_equal(t.why, PM_WHY_LATE);
    p = data(0, "aaaaaaaa.z");
    talk_send(&t, &p);
    expect(&t, 0, 0, "bbbbbaaaabbbbb.z");
    talk_end(&t);
}

/* The data before the FIN was not recorded; the receiver's ACK, or the end, shows that it was
 * there. */
static void a_fin_behind_a_gap_leaves_when_the_gap_is_given_up(void **state)
{
    (void)state;
    for (int acked = 0; acked < 2; acked++) {
        struct talk t;
        begin_with(&t, "aa", "bbbbb", plain_config);
        struct talk_packet p = data(0, "aax");
        talk_send(&t, &p);
        p = data(20, "");
        p.flags = TALK_FIN | TALK_ACK;
        talk_send(&t, &p);
        expect(&t, 0, 6, "");
        assert_int_equal(t.out[0].p.flags & TALK_FIN, 0);
        t.out_count = 0;
        p = ack_of(21);
        if (acked)
            talk_send(&t, &p);
        else
            pm_rewriter_flush(t.rewriter, 0);
        expect(&t, 0, 23, "");
        assert_true(t.out[0].p.flags & TALK_FIN);
        assert_int_equal(t.out_count, acked ? 2 : 1);
        if (acked)
            assert_int_equal(t.out[1].p.ack, ISN_C + 1 + 24);
        talk_end(&t);
    }
}

static void at_the_end_of_a_recording_gaps_are_given_up(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(4, "aa"); /* the beginning was not captured */
    talk_send(&t, &p);
    t.out_count = 0;
    pm_rewriter_flush(t.rewriter, 0);
    expect(&t, 0, 4, "bbbbb");
    talk_end(&t);
}

static void more_than_may_be_pending_gives_the_gap_up(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.pending_dir_bytes = 10;
    begin_with(&t, "aa", "bbbbb", config);
    struct talk_packet p = data(4, "aa123");
    talk_send(&t, &p);
    expect(&t, 0, 0, "");
    p = data(9, "aa567890");
    talk_send(&t, &p);
    expect(&t, 0, 4, "bbbbb123bbbbb567890");
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_HOLD_FULL], 1);
    talk_end(&t);
}

static void what_waits_leaves_before_its_flow_is_forgotten(void **state)
{
    (void)state;
    struct talk t;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_builder *b = pm_builder_new();
    settings.flows = 1;
    pm_builder_settings(b, &settings);
    talk_replace(b, "swap", PM_COND_TRUE, "secret", "x");
    talk_begin(&t, b, plain_config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    struct talk_packet p = data(0, "a sec");
    talk_send(&t, &p);
    expect(&t, 0, 0, "a ");
    p = data(7, "!"); /* and one too early */
    talk_send(&t, &p);
    assert_int_equal(
        talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = 9, .client_port = 40009}), 3);
    expect(&t, 0, 2, "sec");
    expect(&t, 1, 7, "!");
    assert_int_equal(t.out[2].p.client_port, 40009);
    talk_end(&t);
}

static void without_room_to_wait_the_tail_is_decided_at_once(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.waits = 1;
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", PM_COND_TRUE, "aa", "bbbbb");
    talk_begin(&t, b, config);
    for (uint16_t port = 40001; port <= 40002; port++) {
        talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C, .client_port = port});
        struct talk_packet p = data(0, "xa");
        p.client_port = port;
        talk_send(&t, &p);
        expect(&t, 0, 0, port == 40001 ? "x" : "xa");
    }
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_HOLD_FULL], 1);
    talk_end(&t);
}

static void a_match_longer_than_hold_bytes_is_let_go(void **state)
{
    (void)state;
    struct talk t;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_builder *b = pm_builder_new();
    settings.hold_bytes = 4;
    pm_builder_settings(b, &settings);
    talk_replace(b, "swap", PM_COND_TRUE, "0123456789", "-");
    talk_begin(&t, b, plain_config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    struct talk_packet p = data(0, "x0123");
    talk_send(&t, &p);
    expect(&t, 0, 0, "x");
    p = data(5, "456");
    talk_send(&t, &p);
    expect(&t, 0, 1, "0123456");
    assert_true(pm_rewriter_stats(t.rewriter)->why[PM_WHY_MATCH_TOO_LONG] > 0);
    p = data(8, "789 0123456789");
    talk_send(&t, &p);
    expect(&t, 0, 8, "789 -");
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_is_found_however_the_sender_cuts_it),
        cmocka_unit_test(one_byte_at_a_time_gives_the_same),
        cmocka_unit_test(an_unfinished_earlier_match_wins_over_a_finished_later_one),
        cmocka_unit_test(a_tail_that_a_filled_gap_leaves_has_its_time),
        cmocka_unit_test(a_held_tail_is_not_acknowledged_and_leaves_after_hold_ms),
        cmocka_unit_test(a_fin_or_reset_lets_a_held_tail_go),
        cmocka_unit_test(what_waits_leaves_with_the_newest_headers),
        cmocka_unit_test(what_came_too_early_leaves_when_the_gap_is_filled),
        cmocka_unit_test(a_gap_that_the_receiver_acknowledged_keeps_its_length),
        cmocka_unit_test(a_fin_behind_a_gap_leaves_when_the_gap_is_given_up),
        cmocka_unit_test(at_the_end_of_a_recording_gaps_are_given_up),
        cmocka_unit_test(more_than_may_be_pending_gives_the_gap_up),
        cmocka_unit_test(what_waits_leaves_before_its_flow_is_forgotten),
        cmocka_unit_test(without_room_to_wait_the_tail_is_decided_at_once),
        cmocka_unit_test(a_match_longer_than_hold_bytes_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
