/* rewriter_tcp_test.c - TCP streams through the rewriter: edits, numbers, flags, views, limits. */
#include "story.h"

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
                     PM_NO_LIMIT, false, 0, PM_LENGTH_ANY, 0}},
        {.kind = PM_OP_REPLACE,
         .replace = {(const uint8_t *)"BB", (const uint8_t *)"", 2, 0, PM_IN_AUTO, 0, true, 4, 6,
                     false, 0, PM_LENGTH_ANY, 0}}};
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
