/* rewriter_tcp_test.c - TCP streams through the rewriter: stories, and random conversations against
 * an oracle that writes down what became of each byte. */
#include "talk.h"

static const struct pm_rewriter_config plain_config = {.hash_key = {1, 2}, .mtu = 1500};

#define ISN_C 1000u
#define ISN_S 5000u

/* A rewriter that replaces find by with towards the server, behind a handshake. */
static void begin_with(struct talk *t, const char *find, const char *with,
                       struct pm_rewriter_config config)
{
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", talk_flow(b, 0), find, with);
    talk_begin(t, b, config);
    talk_send(t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
}

/* Client data at offset off of its stream. */
static struct talk_packet data(uint32_t off, const char *text)
{
    return (struct talk_packet){.flags = TALK_ACK | TALK_PSH,
                                .seq = ISN_C + 1 + off,
                                .ack = ISN_S + 1,
                                .payload = (const uint8_t *)text,
                                .payload_len = strlen(text)};
}

static struct talk_packet ack_of(uint32_t off)
{
    return (struct talk_packet){
        .from_server = 1, .flags = TALK_ACK, .seq = ISN_S + 1, .ack = ISN_C + 1 + off};
}

static void expect(const struct talk *t, size_t i, uint32_t off, const char *text)
{
    assert_true(i < t->out_count);
    assert_int_equal(t->out[i].p.seq, ISN_C + 1 + off);
    assert_int_equal(t->out[i].p.payload_len, strlen(text));
    assert_memory_equal(t->out[i].p.payload, text, strlen(text));
    assert_true(t->out[i].checksums_right);
}

static uint32_t seq_out(struct talk *t, struct talk_packet p)
{
    assert_int_equal(talk_send(t, &p), 1);
    return t->out[0].p.seq;
}

static uint32_t ack_out(struct talk *t, struct talk_packet p)
{
    assert_int_equal(talk_send(t, &p), 1);
    assert_true(t->out[0].checksums_right);
    return t->out[0].p.ack;
}

static void a_segment_without_a_match_leaves_bit_identical(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "longersecret", plain_config);
    struct talk_packet p = data(0, "nothing to see");
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    assert_int_equal(t.why, PM_WHY_NONE);
    talk_end(&t);
}

static void a_longer_text_moves_all_that_follows(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "longersecret", plain_config);
    struct talk_packet p = data(0, "GET /secret HTTP");
    talk_send(&t, &p);
    expect(&t, 0, 0, "GET /longersecret HTTP");
    assert_int_equal(t.why, PM_WHY_EDITED);
    p = data(16, "more");
    talk_send(&t, &p);
    expect(&t, 0, 22, "more");
    assert_int_equal(t.why, PM_WHY_FOLLOWED);
    assert_int_equal(ack_out(&t, ack_of(16)), ISN_C + 1 + 22);
    assert_int_equal(ack_out(&t, ack_of(20)), ISN_C + 1 + 26);
    assert_int_equal(pm_rewriter_rule_stats(t.rewriter, 0)->edits, 1);
    assert_int_equal(pm_rewriter_rule_stats(t.rewriter, 0)->grown_bytes, 6);
    talk_end(&t);
}

static void an_ack_inside_an_edit_maps_to_its_beginning(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "longersecret", plain_config);
    struct talk_packet p = data(0, "GET /secret HTTP");
    talk_send(&t, &p);
    assert_int_equal(ack_out(&t, ack_of(5)), ISN_C + 1 + 5);
    assert_int_equal(ack_out(&t, ack_of(8)), ISN_C + 1 + 5);
    assert_int_equal(ack_out(&t, ack_of(11)), ISN_C + 1 + 17);
    talk_end(&t);
}

static void an_ack_never_covers_what_was_not_emitted(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "", plain_config);
    struct talk_packet p = data(0, "a secret");
    talk_send(&t, &p);
    assert_int_equal(ack_out(&t, ack_of(500)), ISN_C + 1 + 2);
    talk_end(&t);
}

static void text_deleted_to_nothing_leaves_an_empty_segment(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "", plain_config);
    struct talk_packet p = data(0, "secret");
    talk_send(&t, &p);
    expect(&t, 0, 0, "");
    p = data(6, "x");
    talk_send(&t, &p);
    expect(&t, 0, 0, "x");
    talk_end(&t);
}

static void a_retransmission_gets_the_same_bytes_however_it_is_cut(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "LONGERSECRET", plain_config);
    struct talk_packet p = data(0, "ab secret cd");
    talk_send(&t, &p);
    expect(&t, 0, 0, "ab LONGERSECRET cd");
    talk_send(&t, &p);
    expect(&t, 0, 0, "ab LONGERSECRET cd");
    p = data(0, "ab se"); /* ends inside the edit: the whole edit comes again */
    talk_send(&t, &p);
    expect(&t, 0, 0, "ab LONGERSECRET");
    p = data(5, "cret cd");
    talk_send(&t, &p);
    expect(&t, 0, 3, "LONGERSECRET cd");
    p = data(9, " cd and new secret");
    talk_send(&t, &p);
    expect(&t, 0, 15, " cd and new LONGERSECRET");
    talk_end(&t);
}

static void a_retransmission_with_other_bytes_gets_the_first_ones(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "x", plain_config);
    struct talk_packet p = data(0, "harmless.");
    talk_send(&t, &p);
    p = data(0, "evil one!");
    talk_send(&t, &p);
    expect(&t, 0, 0, "harmless.");
    assert_int_equal(t.why, PM_WHY_OVERLAP_DIFFERS);
    talk_end(&t);
}

static void growth_beyond_the_mtu_is_cut_and_flags_stay_on_the_right_part(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.mtu = 60; /* 20 bytes of payload */
    begin_with(&t, "!", "0123456789012345678901234567890123456789", config);
    struct talk_packet p = data(0, "ab!cd");
    p.flags |= TALK_FIN | 0x80; /* CWR */
    p.ip_id = 7;
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 3);
    expect(&t, 0, 0, "ab012345678901234567");
    expect(&t, 1, 20, "89012345678901234567");
    expect(&t, 2, 40, "89cd");
    assert_int_equal(t.out[0].p.flags, TALK_ACK | 0x80);
    assert_int_equal(t.out[1].p.flags, TALK_ACK);
    assert_int_equal(t.out[2].p.flags, TALK_ACK | TALK_PSH | TALK_FIN);
    assert_int_equal(t.out[0].p.ip_id, 7);
    assert_int_not_equal(t.out[1].p.ip_id, t.out[2].p.ip_id);
    assert_int_equal(pm_rewriter_stats(t.rewriter)->split, 2);
    talk_end(&t);
}

static void a_packet_that_came_larger_than_the_mtu_may_stay_so(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.mtu = 60;
    begin_with(&t, "!", "?", config);
    struct talk_packet p = data(0, "a segment that offloading made larger than sixty!");
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 1);
    expect(&t, 0, 0, "a segment that offloading made larger than sixty?");
    talk_end(&t);
}

static void fin_and_its_acknowledgement_lie_behind_all_edits(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "xaay");
    p.flags |= TALK_FIN;
    talk_send(&t, &p);
    expect(&t, 0, 0, "xbbbbby");
    assert_int_equal(ack_out(&t, ack_of(4)), ISN_C + 1 + 7);
    assert_int_equal(ack_out(&t, ack_of(5)), ISN_C + 1 + 8);
    p = data(4, ""); /* FIN again, alone */
    p.flags = TALK_FIN | TALK_ACK;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 7);
    p = data(5, ""); /* the last ACK stands behind the FIN */
    p.flags = TALK_ACK;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 8);
    p = data(3, "ybeyond"); /* data behind the FIN is cut off */
    talk_send(&t, &p);
    expect(&t, 0, 6, "y");
    assert_int_equal(t.why, PM_WHY_BEYOND_FIN);
    p = data(9, "beyond");
    talk_send(&t, &p);
    assert_int_equal(t.out[0].p.payload_len, 0);
    talk_end(&t);
}

static void rst_is_mapped(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "xaay");
    talk_send(&t, &p);
    p = data(4, "");
    p.flags = TALK_RST | TALK_ACK;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 7);
    p = ack_of(4);
    p.flags = TALK_RST | TALK_ACK;
    assert_int_equal(ack_out(&t, p), ISN_C + 1 + 7);
    talk_end(&t);
}

static void sack_blocks_are_rounded_inwards_and_empty_ones_vanish(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "LONGERSECRET", plain_config);
    struct talk_packet p = data(0, "0123secret0123secret");
    talk_send(&t, &p);
    uint8_t options[20] = {1, 1, 5, 18};
    talk_put(options + 4, ISN_C + 1 + 2, 4); /* [2, 8) -> [2, 4) */
    talk_put(options + 8, ISN_C + 1 + 8, 4);
    talk_put(options + 12, ISN_C + 1 + 6, 4); /* [6, 20) -> [16, 32) */
    talk_put(options + 16, ISN_C + 1 + 20, 4);
    struct talk_packet a = ack_of(0);
    a.options = options;
    a.options_len = sizeof options;
    talk_send(&t, &a);
    const uint8_t *o = t.out[0].p.options;
    assert_true(t.out[0].checksums_right);
    assert_int_equal(talk_get(o + 4, 4), ISN_C + 1 + 2);
    assert_int_equal(talk_get(o + 8, 4), ISN_C + 1 + 4);
    assert_int_equal(talk_get(o + 12, 4), ISN_C + 1 + 16);
    assert_int_equal(talk_get(o + 16, 4), ISN_C + 1 + 32);

    talk_put(options + 4, ISN_C + 1 + 5, 4); /* [5, 9) lies inside the edit */
    talk_put(options + 8, ISN_C + 1 + 9, 4);
    talk_send(&t, &a);
    o = t.out[0].p.options;
    assert_true(t.out[0].checksums_right);
    assert_int_equal(o[2], 5);
    assert_int_equal(o[3], 10);
    assert_int_equal(talk_get(o + 4, 4), ISN_C + 1 + 16);
    for (unsigned i = 12; i < 20; i++)
        assert_int_equal(o[i], 1);

    options[3] = 10; /* only that one */
    memset(options + 12, 1, 8);
    talk_send(&t, &a);
    o = t.out[0].p.options;
    assert_true(t.out[0].checksums_right);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(o[i], 1);
    talk_end(&t);
}

/* The FIN takes a number: a block that reports it ends one behind the last byte. */
static void a_sack_block_may_cover_the_fin(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "aa12");
    p.flags |= TALK_FIN;
    talk_send(&t, &p);
    uint8_t options[20] = {1, 1, 5, 18};
    talk_put(options + 4, ISN_C + 1 + 3, 4); /* the last byte and the FIN */
    talk_put(options + 8, ISN_C + 1 + 5, 4);
    talk_put(options + 12, ISN_C + 1 + 4, 4); /* the FIN alone */
    talk_put(options + 16, ISN_C + 1 + 5, 4);
    struct talk_packet a = ack_of(0);
    a.options = options;
    a.options_len = sizeof options;
    talk_send(&t, &a);
    const uint8_t *o = t.out[0].p.options;
    assert_true(t.out[0].checksums_right);
    assert_int_equal(o[3], 18);
    assert_int_equal(talk_get(o + 4, 4), ISN_C + 1 + 6);
    assert_int_equal(talk_get(o + 8, 4), ISN_C + 1 + 8);
    assert_int_equal(talk_get(o + 12, 4), ISN_C + 1 + 7);
    assert_int_equal(talk_get(o + 16, 4), ISN_C + 1 + 8);
    talk_end(&t);
}

static void a_keep_alive_stays_one_below(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "secret", "LONGERSECRET", plain_config);
    struct talk_packet p = data(0, "a secret");
    talk_send(&t, &p);
    p = data(7, "");
    p.flags = TALK_ACK;
    assert_int_equal(seq_out(&t, p), ISN_C + 1 + 13);
    talk_end(&t);
}

static void an_urgent_pointer_follows_its_byte(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "xaay!");
    p.flags |= TALK_URG;
    p.urgent = 4;
    talk_send(&t, &p);
    assert_int_equal(t.out[0].p.urgent, 7);
    talk_end(&t);
}

/* ------------------------------------------------------------------ waiting */

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

static void a_bad_checksum_is_dropped_and_teaches_nothing(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "evil");
    p.bad_checksum = 1;
    assert_int_equal(talk_send(&t, &p), 0);
    assert_int_equal(t.why, PM_WHY_BAD_CHECKSUM);
    assert_int_equal(pm_rewriter_stats(t.rewriter)->dropped, 1);
    p = data(0, "good");
    talk_send(&t, &p);
    expect(&t, 0, 0, "good");
    talk_end(&t);
}

/* Flags of segments that no receiver takes do not end the flow: a SYN behind them is still an old
 * one, and the map holds. */
static void unsound_segments_do_not_end_the_flow(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        int bad_checksum;
    } cases[] = {{TALK_RST, 1},
                 {TALK_FIN | TALK_ACK, 1},
                 {TALK_FIN | TALK_PSH, 0},
                 {TALK_SYN | TALK_RST, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct talk t;
        begin_with(&t, "aa", "bbbbb", plain_config);
        struct talk_packet p = data(0, "aa");
        talk_send(&t, &p);
        for (int from_server = 0; from_server < 2; from_server++) {
            p = from_server ? ack_of(2) : data(2, "");
            p.flags = cases[i].flags;
            p.bad_checksum = cases[i].bad_checksum;
            assert_int_equal(talk_send(&t, &p), 0);
        }
        talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
        p = data(2, "zz");
        talk_send(&t, &p);
        expect(&t, 0, 5, "zz");
        talk_end(&t);
    }
}

static void ignored_checksums_are_written_right(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.checksums = PM_CHECKSUMS_IGNORE;
    begin_with(&t, "aa", "bbbbb", config);
    struct talk_packet p = data(0, "aa");
    p.bad_checksum = 77;
    talk_send(&t, &p);
    expect(&t, 0, 0, "bbbbb");
    p = data(2, "zz");
    p.bad_checksum = 77;
    talk_send(&t, &p);
    expect(&t, 0, 5, "zz");
    talk_end(&t);
}

static void flags_that_no_stack_sends_are_dropped(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    static const uint8_t bad[] = {0, TALK_PSH, TALK_FIN, TALK_SYN | TALK_FIN, TALK_SYN | TALK_RST};
    for (size_t i = 0; i < sizeof bad; i++) {
        struct talk_packet p = data(0, "evil");
        p.flags = bad[i];
        assert_int_equal(talk_send(&t, &p), 0);
        assert_int_equal(t.why, PM_WHY_BAD_FLAGS);
    }
    talk_end(&t);
}

static void from_the_middle_on_the_policy_decides(void **state)
{
    (void)state;
    static const enum pm_midstream modes[] = {PM_MIDSTREAM_VERDICT_ONLY, PM_MIDSTREAM_REWRITE,
                                              PM_MIDSTREAM_DROP};
    for (size_t i = 0; i < 3; i++) {
        struct talk t;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_builder *b = pm_builder_new();
        settings.midstream = modes[i];
        pm_builder_settings(b, &settings);
        talk_replace(b, "swap", talk_flow(b, 0), "aa", "bbbbb");
        talk_begin(&t, b, plain_config);
        struct talk_packet p = data(0, "xaay");
        talk_send(&t, &p);
        if (modes[i] == PM_MIDSTREAM_REWRITE)
            expect(&t, 0, 0, "xbbbbby");
        else if (modes[i] == PM_MIDSTREAM_VERDICT_ONLY)
            assert_true(talk_is_unchanged(&t, &p));
        else
            assert_int_equal(t.out_count, 0);
        talk_end(&t);
    }
}

/* A SYN-ACK alone begins its own direction; the other one passes as it is, and says so. */
static void a_direction_whose_syn_was_not_seen_passes_and_is_counted(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", PM_COND_TRUE, "aa", "bbbbb");
    talk_begin(&t, b, plain_config);
    talk_send(&t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
    struct talk_packet p = data(0, "aa");
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    assert_int_equal(t.why, PM_WHY_MIDSTREAM);
    p = ack_of(2);
    p.payload = (const uint8_t *)"aa";
    p.payload_len = 2;
    talk_send(&t, &p);
    assert_int_equal(t.out[0].p.payload_len, 5);
    assert_int_equal(t.out[0].p.ack, ISN_C + 3);
    p = data(2, "aa");
    p.ack = ISN_S + 3;
    talk_send(&t, &p);
    assert_int_equal(t.why, PM_WHY_MIDSTREAM);
    assert_int_equal(t.out[0].p.ack, ISN_S + 6);
    talk_end(&t);
}

static void a_new_syn_changes_nothing_until_it_is_answered(void **state)
{
    (void)state;
    struct talk t;
    begin_with(&t, "aa", "bbbbb", plain_config);
    struct talk_packet p = data(0, "aa");
    talk_send(&t, &p);
    struct talk_packet syn = {.flags = TALK_SYN, .seq = 777000};
    talk_send(&t, &syn);
    assert_true(talk_is_unchanged(&t, &syn));
    assert_int_equal(t.why, PM_WHY_SYN_UNCONFIRMED);
    p = data(2, "zz");
    talk_send(&t, &p);
    expect(&t, 0, 5, "zz"); /* the old map still holds */
    talk_send(&t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = 999000, .ack = 777001});
    p.seq = 777001;
    p.ack = 999001;
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    talk_end(&t);
}

static void signed_and_multipath_flows_pass_as_they_are(void **state)
{
    (void)state;
    static const uint8_t md5[20] = {1, 1, 19, 18}, mptcp[8] = {30, 4, 0, 0, 1, 1, 1, 1};
    static const struct {
        const uint8_t *options;
        size_t len;
        enum pm_why why;
    } cases[] = {{md5, sizeof md5, PM_WHY_TCP_AUTH}, {mptcp, sizeof mptcp, PM_WHY_MPTCP}};
    for (size_t i = 0; i < 2; i++) {
        struct talk t;
        struct pm_builder *b = pm_builder_new();
        talk_replace(b, "swap", talk_flow(b, 0), "aa", "bbbbb");
        talk_begin(&t, b, plain_config);
        struct talk_packet syn = {.flags = TALK_SYN,
                                  .seq = ISN_C,
                                  .options = cases[i].options,
                                  .options_len = cases[i].len};
        talk_send(&t, &syn);
        syn.from_server = 1;
        syn.flags |= TALK_ACK;
        syn.seq = ISN_S;
        syn.ack = ISN_C + 1;
        talk_send(&t, &syn);
        struct talk_packet p = data(0, "aa");
        talk_send(&t, &p);
        assert_true(talk_is_unchanged(&t, &p));
        assert_int_equal(t.why, cases[i].why);
        talk_end(&t);
    }
}

static void several_rules_compose_against_the_original_bytes(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "first", PM_COND_TRUE, "A", "B");
    talk_replace(b, "second", PM_COND_TRUE, "B", "A");
    talk_replace(b, "third", PM_COND_TRUE, "AB", "never: the earlier rule wins");
    talk_replace(b, "fourth", PM_COND_TRUE, "xyz", "-");
    talk_replace(b, "fifth", PM_COND_TRUE, "yzA", "never: inside the edit before");
    talk_begin(&t, b, plain_config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    struct talk_packet p = data(0, "ABBAxyzA");
    talk_send(&t, &p);
    expect(&t, 0, 0, "BAAB-B");
    assert_int_equal(t.out[0].edit_count, 6);
    talk_end(&t);
}

static void max_counts_per_direction_and_within_counts_from_the_stream(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec ops[2] = {
        {.kind = PM_OP_REPLACE,
         .replace = {(const uint8_t *)"a", (const uint8_t *)"<a>", 1, 3, PM_IN_AUTO, 3, false, 0,
                     PM_NO_LIMIT}},
        {.kind = PM_OP_REPLACE,
         .replace = {(const uint8_t *)"BB", (const uint8_t *)"", 2, 0, PM_IN_AUTO, 0, true, 4, 6}}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "x", .action = PM_ACTION_REWRITE, .ops = ops, .op_count = 2});
    talk_begin(&t, b, plain_config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    struct talk_packet p = data(0, "aabb");
    talk_send(&t, &p);
    expect(&t, 0, 0, "<a><a>bb"); /* bb begins before 4 */
    p = data(4, "aabbbB");        /* stream bytes 4..10 */
    talk_send(&t, &p);
    expect(&t, 0, 8, "<a>a");
    p = data(10, "abb"); /* behind 4 + 6 */
    talk_send(&t, &p);
    expect(&t, 0, 12, "abb");
    talk_end(&t);
}

/* ------------------------------------------------------------------ views */

static void begin_views(struct talk *t, enum pm_view view)
{
    struct pm_rewriter_config config = plain_config;
    struct pm_builder *b = pm_builder_new();
    config.view = view;
    talk_replace(b, "out", talk_flow(b, 0), "aa", "bbbbb");
    talk_replace(b, "in", talk_flow(b, 1), "cc", "d");
    talk_begin(t, b, config);
    talk_send(t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
}

static void each_view_is_coherent_on_its_own(void **state)
{
    (void)state;
    static const struct {
        enum pm_view view;
        const char *request, *response;
        uint32_t request_ack, response_seq, response_ack, last_seq, last_ack;
    } cases[] = {
        {PM_VIEW_REWRITTEN, "xbbbbb", "d.", 1, 1, 7, 7, 3},
        {PM_VIEW_WIRE, "xbbbbb", "cc.", 1, 1, 7, 7, 4},
        {PM_VIEW_HOST, "xaa", "d.", 1, 1, 4, 4, 3},
    };
    for (size_t i = 0; i < 3; i++) {
        struct talk t;
        begin_views(&t, cases[i].view);
        struct talk_packet p = data(0, "xaa");
        talk_send(&t, &p);
        expect(&t, 0, 0, cases[i].request);
        p = ack_of(3);
        p.payload = (const uint8_t *)"cc.";
        p.payload_len = 3;
        talk_send(&t, &p);
        assert_int_equal(t.out[0].p.payload_len, strlen(cases[i].response));
        assert_memory_equal(t.out[0].p.payload, cases[i].response, strlen(cases[i].response));
        assert_int_equal(t.out[0].p.seq, ISN_S + cases[i].response_seq);
        assert_int_equal(t.out[0].p.ack, ISN_C + cases[i].response_ack);
        assert_true(t.out[0].checksums_right);
        p = data(3, "");
        p.flags = TALK_ACK;
        p.ack = ISN_S + 4;
        talk_send(&t, &p);
        assert_int_equal(t.out[0].p.seq, ISN_C + cases[i].last_seq);
        assert_int_equal(t.out[0].p.ack, ISN_S + cases[i].last_ack);
        assert_true(t.out[0].checksums_right);
        talk_end(&t);
    }
}

/* With rules for one direction only, the side they do not reach is shown as it was recorded. */
static void a_view_that_no_rule_reaches_is_the_recording(void **state)
{
    (void)state;
    struct pm_rewriter_config config = plain_config;
    for (int is_host = 0; is_host < 2; is_host++) {
        struct talk t;
        config.view = is_host ? PM_VIEW_HOST : PM_VIEW_WIRE;
        begin_with(&t, "aa", "bbbbb", config);
        struct talk_packet p = data(0, "aa");
        talk_send(&t, &p);
        assert_int_equal(talk_is_unchanged(&t, &p), is_host);
        struct talk_packet unsound[] = {data(2, "evil"), ack_of(2), data(2, "evil"), ack_of(2)};
        unsound[0].bad_checksum = unsound[1].bad_checksum = 1;
        unsound[2].flags = unsound[3].flags = TALK_PSH;
        for (size_t i = 0; i < 4; i++) {
            bool is_seen = is_host || unsound[i].from_server;
            assert_int_equal(talk_send(&t, &unsound[i]), is_seen);
            if (is_seen)
                assert_true(talk_is_unchanged(&t, &unsound[i]));
        }
        p = ack_of(2);
        talk_send(&t, &p);
        assert_int_equal(t.out[0].p.ack, ISN_C + 1 + (is_host ? 2 : 5));
        talk_end(&t);
    }
}

/* ------------------------------------------------------------------ limits */

static void unacknowledged_bytes_beyond_the_limit_are_forgotten_and_counted(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.retain_dir_bytes = 1000;
    begin_with(&t, "aa", "bbb", config);
    static char text[401];
    memset(text, '.', 400);
    memcpy(text, "aa", 2);
    for (uint32_t i = 0; i < 5; i++) {
        struct talk_packet p = data(i * 400, text);
        talk_send(&t, &p);
        assert_int_equal(t.out_count, 1);
    }
    assert_true(pm_rewriter_stats(t.rewriter)->why[PM_WHY_RETAIN_FULL] > 0);
    struct talk_packet p = data(0, text); /* nobody remembers it */
    talk_send(&t, &p);
    assert_int_equal(t.out[0].p.payload_len, 0);
    assert_int_equal(t.why, PM_WHY_FORGOTTEN);
    p = data(1600, text); /* but this */
    talk_send(&t, &p);
    assert_int_equal(t.out[0].p.payload_len, 401);
    talk_end(&t);
}

static void a_full_edit_log_leaves_matches_as_they_are(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.edits = 20;
    begin_with(&t, "a", "bb", config);
    static char text[201];
    memset(text, 'a', 200);
    struct talk_packet p = data(0, text);
    talk_send(&t, &p);
    expect(&t, 0, 0, text);
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_EDITS_FULL], 200);
    p = data(200, "a");
    talk_send(&t, &p);
    expect(&t, 0, 200, "bb");
    talk_end(&t);
}

static void without_room_for_a_stream_the_flow_passes(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = plain_config;
    config.streams = 1;
    begin_with(&t, "a", "bb", config);
    struct talk_packet syn = {.flags = TALK_SYN, .seq = ISN_C, .client_port = 40001};
    talk_send(&t, &syn);
    struct talk_packet p = data(0, "a");
    p.client_port = 40001;
    talk_send(&t, &p);
    assert_true(talk_is_unchanged(&t, &p));
    assert_int_equal(t.why, PM_WHY_STREAMS_FULL);
    p.client_port = 0;
    talk_send(&t, &p);
    expect(&t, 0, 0, "bb");
    talk_end(&t);
}

/* ------------------------------------------------------------------ random conversations */

#define STREAM_MAX 6000

/* One direction as it must become. o_len bytes of it are decided. */
struct twin {
    uint32_t isn;
    size_t sent, got, o_len, m_len, acked; /* sent: drawn so far; got: without a gap */
    uint8_t o[STREAM_MAX], m[4 * STREAM_MAX], has[STREAM_MAX];
    uint32_t low[STREAM_MAX + 1], high[STREAM_MAX + 1];
    uint8_t seen[4 * STREAM_MAX]; /* M bytes that left */
    bool is_stretched;
};

static const struct {
    const char *find, *with;
} twin_rules[] = {{"abc", "LONGER"}, {"b", ""}, {"ccadb", "12"}, {"ca", "x"}, {"dddd", "dddd"}};

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static void twin_put(struct twin *w, const uint8_t *bytes, size_t len, size_t old_len)
{
    for (size_t i = 0; i < old_len; i++) {
        w->low[w->o_len + i] = (uint32_t)w->m_len;
        w->high[w->o_len + i] = (uint32_t)(i == 0 ? w->m_len : w->m_len + len);
    }
    memcpy(w->m + w->m_len, bytes, len);
    w->m_len += len;
    w->o_len += old_len;
    w->low[w->o_len] = w->high[w->o_len] = (uint32_t)w->m_len;
    w->is_stretched = w->is_stretched || len != old_len;
}

/* Decides the slow way: at each position the first rule that fits decides, or that may still fit
 * stops. */
static void twin_decide(struct twin *w)
{
    while (w->got < w->sent && w->has[w->got])
        w->got++;
    while (w->o_len < w->got) {
        size_t i = 0, rules = sizeof twin_rules / sizeof twin_rules[0], left = w->got - w->o_len;
        for (; i < rules; i++) {
            size_t n = strlen(twin_rules[i].find);
            if (memcmp(w->o + w->o_len, twin_rules[i].find, n < left ? n : left) != 0)
                continue;
            if (n > left)
                return;
            break;
        }
        if (i < rules)
            twin_put(w, (const uint8_t *)twin_rules[i].with, strlen(twin_rules[i].with),
                     strlen(twin_rules[i].find));
        else
            twin_put(w, w->o + w->o_len, 1, 1);
    }
}

/* What the receiver's acknowledgement becomes: it never covers what waits. */
static size_t twin_ack(const struct twin *w)
{
    return w->acked <= w->o_len ? w->low[w->acked] : w->m_len;
}

static void check_outputs(struct talk *t, struct twin *w, const struct twin *peer,
                          const struct talk_packet *p, size_t m, size_t end, size_t mtu)
{
    assert_true(t->out_count > 0);
    size_t in_len = (p->version == 4 ? 40 : 60 + (size_t)p->ext) + p->payload_len;
    for (size_t i = 0; i < t->out_count; i++) {
        const struct talk_out *o = &t->out[i];
        assert_true(o->checksums_right);
        assert_int_equal(o->p.seq, w->isn + 1 + (uint32_t)m);
        assert_int_equal(o->p.ack, peer->isn + 1 + (uint32_t)twin_ack(peer));
        assert_int_equal(o->p.ext, p->ext);
        assert_memory_equal(o->p.payload, w->m + m, o->p.payload_len);
        assert_true(o->len <= (in_len > mtu ? in_len : mtu));
        memset(w->seen + m, 1, o->p.payload_len);
        m += o->p.payload_len;
    }
    assert_int_equal(m, end);
}

/* New bytes at the end, or a little behind it, or some that were sent before, lost or not. */
static void random_segment(struct talk *t, struct twin *w, const struct twin *peer, int version,
                           int from_server, size_t mtu)
{
    size_t a = w->sent, b = a + draw(30);
    if (draw(3) == 0)
        a = w->acked + draw((uint32_t)(w->sent - w->acked) + 1), b = a + draw(60);
    else if (draw(4) == 0)
        a = w->got, b = a + 1 + draw(30); /* fills the gap */
    b = b < STREAM_MAX ? b : STREAM_MAX;
    for (size_t i = w->sent; i < b; i++)
        w->o[i] = (uint8_t)('a' + draw(4));
    w->sent = b > w->sent ? b : w->sent;
    if (draw(6) == 0)
        return; /* lost before it came here */
    struct talk_packet p = {.version = version,
                            .ext = version == 6 ? (int)(draw(2) * 8) : 0,
                            .from_server = from_server,
                            .flags = TALK_ACK,
                            .seq = w->isn + 1 + (uint32_t)a,
                            .ack = peer->isn + 1 + (uint32_t)peer->acked,
                            .payload = w->o + a,
                            .payload_len = b - a};
    size_t o_len = w->o_len, m_len = w->m_len;
    memset(w->has + a, 1, b - a);
    twin_decide(w);
    talk_send(t, &p);
    if (b == a)
        return; /* pure ACKs have stories of their own */
    size_t low = a < o_len ? w->low[a] : m_len;
    size_t high = w->o_len > o_len ? w->m_len : b <= o_len ? w->high[b] : w->m_len;
    check_outputs(t, w, peer, &p, low, high, mtu);
}

/* What is missing comes at last, in one go. */
static void random_end(struct talk *t, struct twin *w, const struct twin *peer, int version,
                       int from_server, size_t mtu)
{
    struct talk_packet p = {.version = version,
                            .from_server = from_server,
                            .flags = TALK_ACK | TALK_FIN,
                            .seq = w->isn + 1 + (uint32_t)w->got,
                            .ack = peer->isn + 1 + (uint32_t)peer->acked,
                            .payload = w->o + w->got,
                            .payload_len = w->sent - w->got};
    size_t low = w->got < w->o_len ? w->low[w->got] : w->m_len;
    memset(w->has, 1, w->sent);
    memset(w->o + w->sent, 0, STREAM_MAX - w->sent); /* no rule begins with it */
    size_t end = w->sent++;
    w->has[end] = 1;
    twin_decide(w);
    assert_int_equal(w->o_len, end + 1);
    w->m_len--;
    talk_send(t, &p);
    check_outputs(t, w, peer, &p, low, w->m_len, mtu);
    assert_true(t->out[t->out_count - 1].p.flags & TALK_FIN);
}

static void conversation(uint32_t seed)
{
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct twin *w = calloc(2, sizeof *w);
    struct pm_rewriter_config config = plain_config;
    int version = seed % 2 ? 4 : 6;
    random_state = seed;
    config.mtu = 80 + draw(60);
    for (size_t i = 0; i < sizeof twin_rules / sizeof twin_rules[0]; i++) {
        char id[2] = {(char)('0' + i), 0};
        talk_replace(b, id, PM_COND_TRUE, twin_rules[i].find, twin_rules[i].with);
    }
    talk_begin(&t, b, config);
    w[0].isn = 0xffffffffu - draw(2000); /* wraps on the way */
    w[1].isn = draw(0xffffff) * 256;
    talk_send(&t, &(struct talk_packet){.version = version, .flags = TALK_SYN, .seq = w[0].isn});
    talk_send(&t, &(struct talk_packet){.version = version,
                                        .from_server = 1,
                                        .flags = TALK_SYN | TALK_ACK,
                                        .seq = w[1].isn,
                                        .ack = w[0].isn + 1});
    while (w[0].sent < STREAM_MAX - 200 && w[1].sent < STREAM_MAX - 200) {
        unsigned side = draw(2);
        random_segment(&t, &w[side], &w[1 - side], version, (int)side, config.mtu);
        if (draw(4) == 0) /* acknowledges what came without a gap, also what waits */
            w[side].acked += draw((uint32_t)(w[side].got - w[side].acked) + 1);
    }
    for (unsigned side = 0; side < 2; side++) {
        random_end(&t, &w[side], &w[1 - side], version, (int)side, config.mtu);
        for (size_t i = 0; i < w[side].m_len; i++)
            assert_true(w[side].seen[i]);
    }
    free(w);
    talk_end(&t);
}

static void random_conversations_agree_with_the_image_of_every_byte(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++)
        conversation(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_without_a_match_leaves_bit_identical),
        cmocka_unit_test(a_longer_text_moves_all_that_follows),
        cmocka_unit_test(an_ack_inside_an_edit_maps_to_its_beginning),
        cmocka_unit_test(an_ack_never_covers_what_was_not_emitted),
        cmocka_unit_test(text_deleted_to_nothing_leaves_an_empty_segment),
        cmocka_unit_test(a_retransmission_gets_the_same_bytes_however_it_is_cut),
        cmocka_unit_test(a_retransmission_with_other_bytes_gets_the_first_ones),
        cmocka_unit_test(growth_beyond_the_mtu_is_cut_and_flags_stay_on_the_right_part),
        cmocka_unit_test(a_packet_that_came_larger_than_the_mtu_may_stay_so),
        cmocka_unit_test(fin_and_its_acknowledgement_lie_behind_all_edits),
        cmocka_unit_test(rst_is_mapped),
        cmocka_unit_test(sack_blocks_are_rounded_inwards_and_empty_ones_vanish),
        cmocka_unit_test(a_sack_block_may_cover_the_fin),
        cmocka_unit_test(a_keep_alive_stays_one_below),
        cmocka_unit_test(an_urgent_pointer_follows_its_byte),
        cmocka_unit_test(a_match_is_found_however_the_sender_cuts_it),
        cmocka_unit_test(one_byte_at_a_time_gives_the_same),
        cmocka_unit_test(an_unfinished_earlier_match_wins_over_a_finished_later_one),
        cmocka_unit_test(a_held_tail_is_not_acknowledged_and_leaves_after_hold_ms),
        cmocka_unit_test(a_fin_or_reset_lets_a_held_tail_go),
        cmocka_unit_test(what_came_too_early_leaves_when_the_gap_is_filled),
        cmocka_unit_test(a_gap_that_the_receiver_acknowledged_keeps_its_length),
        cmocka_unit_test(at_the_end_of_a_recording_gaps_are_given_up),
        cmocka_unit_test(more_than_may_be_pending_gives_the_gap_up),
        cmocka_unit_test(what_waits_leaves_before_its_flow_is_forgotten),
        cmocka_unit_test(without_room_to_wait_the_tail_is_decided_at_once),
        cmocka_unit_test(a_match_longer_than_hold_bytes_is_let_go),
        cmocka_unit_test(a_bad_checksum_is_dropped_and_teaches_nothing),
        cmocka_unit_test(unsound_segments_do_not_end_the_flow),
        cmocka_unit_test(ignored_checksums_are_written_right),
        cmocka_unit_test(flags_that_no_stack_sends_are_dropped),
        cmocka_unit_test(from_the_middle_on_the_policy_decides),
        cmocka_unit_test(a_direction_whose_syn_was_not_seen_passes_and_is_counted),
        cmocka_unit_test(a_new_syn_changes_nothing_until_it_is_answered),
        cmocka_unit_test(signed_and_multipath_flows_pass_as_they_are),
        cmocka_unit_test(several_rules_compose_against_the_original_bytes),
        cmocka_unit_test(max_counts_per_direction_and_within_counts_from_the_stream),
        cmocka_unit_test(each_view_is_coherent_on_its_own),
        cmocka_unit_test(a_view_that_no_rule_reaches_is_the_recording),
        cmocka_unit_test(unacknowledged_bytes_beyond_the_limit_are_forgotten_and_counted),
        cmocka_unit_test(a_full_edit_log_leaves_matches_as_they_are),
        cmocka_unit_test(without_room_for_a_stream_the_flow_passes),
        cmocka_unit_test(random_conversations_agree_with_the_image_of_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
