/* filter_stream_test.c - verdicts that test `stream`: what they find, what they drop, and what
 * happens where something is full or cannot be told. */
#include "scene.h"

/* ------------------------------------------------------------------ stories */

static void the_packet_that_completes_a_match_meets_the_verdict(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    assert_int_equal(say(&s, 0, "an att").verdict, PM_ALLOW);
    struct pm_decision d = say(&s, 6, "ack");
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_RULE);
    assert_int_equal(d.rule, 0);
    end(&s);
}

static void what_was_found_stays_found_for_its_direction_alone(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    say(&s, 0, "attack");
    assert_int_equal(say(&s, 0, "attack").verdict, PM_DROP);
    assert_int_equal(say(&s, 6, "x").verdict, PM_DROP);
    assert_int_equal(send(&s, (struct talk_packet){.from_server = 1,
                                                   .flags = TALK_ACK,
                                                   .seq = s.isn[1] + 1,
                                                   .ack = ISN + 1,
                                                   .payload = (const uint8_t *)"hello",
                                                   .payload_len = 5})
                         .verdict,
                     PM_ALLOW);
    end(&s);
}

static void not_holds_until_the_match_is_there(void **state)
{
    (void)state;
    struct scene s;
    struct pm_value value = word();
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "r",
                               .match = pm_cond_not(b, pm_cond_test(b, PM_FIELD_STREAM, &value, 1)),
                               .action = PM_ACTION_DROP});
    begin_builder(&s, b);
    handshake(&s);
    assert_int_equal(say(&s, 0, "atta").verdict, PM_DROP);
    assert_int_equal(say(&s, 4, "ck").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 6, "x").verdict, PM_ALLOW);
    end(&s);
}

static void early_segments_wait_for_those_before_them(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    assert_int_equal(say(&s, 4, "ck!").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 2, "ta").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 0, "at").verdict, PM_DROP);
    end(&s);
}

static void a_copy_that_differs_is_dropped_until_it_is_acknowledged(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    assert_int_equal(say(&s, 0, "xxxxxx").verdict, PM_ALLOW);
    struct pm_decision d = say(&s, 0, "attack");
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_OVERLAP_DIFFERS);
    assert_int_equal(say(&s, 0, "xxxxxxy").verdict, PM_ALLOW);
    ack(&s, 7);
    d = say(&s, 0, "attack"); /* its receiver takes none of it */
    assert_int_equal(d.verdict, PM_ALLOW);
    assert_int_equal(counted(&s, PM_WHY_OVERLAP_DIFFERS), 1);
    end(&s);
}

static void a_copy_that_differs_does_not_follow_an_allowed_one(void **state)
{
    (void)state;
    for (int scope = 0; scope < 2; scope++) {
        struct scene s;
        struct pm_value value = text("GET", 0, 3, false), bare = {.kind = PM_VALUE_RANGE};
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_builder *b = pm_builder_new();
        settings.default_drop = true;
        pm_builder_settings(b, &settings);
        pm_builder_add_rule(
            b, &(struct pm_rule_spec){.id = "bare",
                                      .match = pm_cond_test(b, PM_FIELD_TCP_LEN, &bare, 1)});
        pm_builder_add_rule(
            b, &(struct pm_rule_spec){.id = "r",
                                      .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1),
                                      .scope = (enum pm_scope)scope});
        begin_builder(&s, b);
        handshake(&s);
        assert_int_equal(say(&s, 0, "GET").verdict, PM_ALLOW); /* never arrives */
        assert_int_equal(say(&s, 0, "PUT").why, PM_WHY_OVERLAP_DIFFERS);
        assert_int_equal(say(&s, 0, "GET /").verdict, PM_ALLOW);
        ack(&s, 5);
        assert_int_equal(say(&s, 5, "more").verdict, PM_ALLOW);
        assert_int_equal(say(&s, 5, "MORE").verdict, PM_ALLOW); /* nobody looks any more */
        end(&s);
    }
}

static void a_rule_that_only_watches_drops_no_copies(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_LOG);
    handshake(&s);
    say(&s, 0, "xxxxxx");
    assert_int_equal(say(&s, 0, "attack").verdict, PM_ALLOW);
    assert_int_equal(counted(&s, PM_WHY_OVERLAP_DIFFERS), 1);
    assert_int_equal(hits(&s), 0);
    end(&s);
}

static void what_the_receiver_acknowledges_past_a_gap_is_given_up(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    say(&s, 0, "att");
    say(&s, 9, "attac");
    ack(&s, 14);
    assert_int_equal(counted(&s, PM_WHY_GAP), 1);
    assert_int_equal(say(&s, 3, "ack").verdict, PM_ALLOW); /* nobody reads it any more */
    assert_int_equal(say(&s, 14, "k").verdict, PM_DROP);
    end(&s);
}

static void the_first_acknowledgement_says_where_the_stream_begins(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, text("attack", 0, 6, false), PM_ACTION_DROP);
    syn(&s, 0, 0);
    s.isn[0] = 77777; /* the SYN before never arrives */
    handshake(&s);
    assert_int_equal(say(&s, 0, "atta").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 4, "ck").verdict, PM_DROP);
    end(&s);
}

static void bytes_with_no_place_are_decided_by_on_engine_error(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.engine_error_drop = is_strict;
        begin_with(&s, word(), PM_ACTION_DROP, &settings);
        syn(&s, 0, 0); /* and no answer */
        struct pm_decision d = say(&s, 100000, "attack");
        assert_int_equal(d.verdict, is_strict ? PM_DROP : PM_ALLOW);
        assert_int_equal(counted(&s, PM_WHY_UNPLACED), 1);
        end(&s);
    }
}

static void a_syn_that_is_answered_begins_the_stream_anew(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    say(&s, 0, "0123456789attac");
    ack(&s, 15);
    s.isn[0] += 5; /* the server has forgotten the flow; its client has died and come back */
    s.isn[1] += 900;
    handshake(&s);
    assert_int_equal(say(&s, 0, "atta").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 4, "ck").verdict, PM_DROP);
    end(&s);
}

static void a_syn_that_nobody_answers_changes_nothing(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    say(&s, 0, "atta");
    uint32_t isn = s.isn[0];
    s.isn[0] = 999999;
    syn(&s, 0, 0);
    s.isn[0] = isn;
    assert_int_equal(say(&s, 4, "ck").verdict, PM_DROP);
    end(&s);
}

static void a_closed_flow_forgets_what_it_found(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    say(&s, 0, "attack");
    send(&s, (struct talk_packet){.from_server = 1, .flags = TALK_RST, .seq = s.isn[1] + 1});
    s.isn[0] += 5000;
    handshake(&s);
    assert_int_equal(say(&s, 0, "attac").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 5, "k").verdict, PM_DROP);
    end(&s);
}

static void bytes_in_a_syn_are_the_first_of_the_stream(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, text("attack", 0, 6, false), PM_ACTION_DROP);
    struct talk_packet p = part(&s, 0, "atta");
    p.flags = TALK_SYN;
    p.seq = ISN;
    assert_int_equal(send(&s, p).verdict, PM_ALLOW);
    syn(&s, 1, ISN + 5);
    assert_int_equal(say(&s, 4, "ck").verdict, PM_DROP);
    end(&s);
}

static void numbers_wrap(void **state)
{
    (void)state;
    for (uint32_t before = 0; before < 9; before++) {
        struct scene s;
        begin(&s, text("attack", 1, 6, false), PM_ACTION_DROP);
        s.isn[0] = UINT32_MAX - before;
        handshake(&s);
        assert_int_equal(say(&s, 0, "xatta").verdict, PM_ALLOW);
        assert_int_equal(say(&s, 6, "k").verdict, PM_ALLOW);
        ack(&s, 5);
        assert_int_equal(say(&s, 5, "c").verdict, PM_DROP);
        end(&s);
    }
}

static void a_wrong_checksum_brings_no_bytes_unless_all_are_wrong(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, word(), PM_ACTION_DROP);
    handshake(&s);
    struct talk_packet p = part(&s, 0, "xxxxxx");
    p.bad_checksum = 1;
    send(&s, p);
    assert_int_equal(say(&s, 0, "attack").verdict, PM_DROP);
    end(&s);

    begin(&s, word(), PM_ACTION_DROP);
    p = (struct talk_packet){.flags = TALK_SYN, .seq = ISN, .bad_checksum = 1};
    send(&s, p);
    p = part(&s, 0, "attack");
    p.bad_checksum = 1;
    assert_int_equal(send(&s, p).verdict, PM_DROP);
    end(&s);
}

static void from_the_middle_on_positions_are_not_known(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.engine_error_drop = is_strict;
        begin_with(&s, word(), PM_ACTION_DROP, &settings);
        assert_int_equal(say(&s, 500, "atta").verdict, PM_ALLOW);
        assert_int_equal(say(&s, 504, "ck").verdict, PM_DROP);
        assert_int_equal(counted(&s, PM_WHY_MIDSTREAM), 0);
        end(&s);
        begin_with(&s, text("attack", 0, 6, false), PM_ACTION_DROP, &settings);
        assert_int_equal(say(&s, 500, "attack").verdict, is_strict ? PM_DROP : PM_ALLOW);
        assert_int_equal(counted(&s, PM_WHY_MIDSTREAM), 1);
        end(&s);
    }
}

static void urgent_data_is_read_in_two_ways(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.engine_error_drop = is_strict;
        begin_with(&s, word(), PM_ACTION_DROP, &settings);
        handshake(&s);
        struct talk_packet p = part(&s, 0, "att!ack");
        p.flags |= TALK_URG;
        p.urgent = 4;
        assert_int_equal(send(&s, p).verdict, is_strict ? PM_DROP : PM_ALLOW);
        assert_int_equal(counted(&s, PM_WHY_URGENT_DOUBT), 1);
        end(&s);
    }
}

static void flows_that_no_rule_looks_into_have_no_view(void **state)
{
    (void)state;
    struct scene s;
    struct pm_value value = word(), port = {.kind = PM_VALUE_RANGE, .range = {81, 81}};
    struct pm_builder *b = pm_builder_new();
    pm_cond_id both[2] = {pm_cond_test(b, PM_FIELD_STREAM, &value, 1),
                          pm_cond_test(b, PM_FIELD_TCP_DSTPORT, &port, 1)};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "r",
                                                  .match = pm_cond_all(b, both, 2),
                                                  .action = PM_ACTION_DROP});
    begin_builder(&s, b);
    handshake(&s);
    assert_int_equal(say(&s, 0, "attack").verdict, PM_ALLOW);
    assert_int_equal(s.filter->views.pool.used, 0);
    end(&s);
}

static void a_rule_before_that_always_decides_spares_the_view(void **state)
{
    (void)state;
    struct scene s;
    struct pm_value value = word(), port = {.kind = PM_VALUE_RANGE, .range = {80, 80}};
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "web", .match = pm_cond_test(b, PM_FIELD_TCP_PORT, &port, 1)});
    pm_builder_add_rule(b,
                        &(struct pm_rule_spec){.id = "r",
                                               .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1),
                                               .action = PM_ACTION_DROP});
    begin_builder(&s, b);
    handshake(&s);
    assert_int_equal(say(&s, 0, "attack").verdict, PM_ALLOW);
    assert_int_equal(s.filter->views.pool.used, 0);
    end(&s);
}

static void a_condition_is_true_of_both_or_it_is_not(void **state)
{
    (void)state;
    struct scene s;
    struct pm_value first = word(), second = text("defend", 0, PM_NO_LIMIT, true);
    struct pm_builder *b = pm_builder_new();
    pm_cond_id both[2] = {pm_cond_test(b, PM_FIELD_STREAM, &first, 1),
                          pm_cond_test(b, PM_FIELD_STREAM, &second, 1)};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "r",
                                                  .match = pm_cond_all(b, both, 2),
                                                  .action = PM_ACTION_DROP,
                                                  .scope = PM_SCOPE_FLOW});
    begin_builder(&s, b);
    handshake(&s);
    assert_int_equal(say(&s, 0, "attack and DEF").verdict, PM_ALLOW);
    assert_int_equal(say(&s, 14, "END").verdict, PM_DROP);
    struct talk_packet answer = {.from_server = 1, .flags = TALK_ACK, .seq = 5001, .ack = ISN + 1};
    assert_int_equal(send(&s, answer).verdict, PM_DROP); /* scope flow: the other direction too */
    end(&s);
}

/* ------------------------------------------------------------------ patterns */

static void a_pattern_is_found_as_soon_as_nothing_can_undo_it(void **state)
{
    static const struct {
        const char *pattern, *first, *second;
        bool holds_first, holds_second;
    } table[] = {
        {"secret[0-9]*", "a secret", "7", true, true},
        {"secret\\b", "a secret", "s", false, false},
        {"secret\\b", "a secret", " ", false, true},
        {"secret(?! agent)", "a secret", " agent", false, false},
        {"secret(?! agent)", "a secret a", "gain", false, true},
        {"a.*z|secret", "a secre", "t", false, true},
        {"^GET", "GET", " ", true, true},
        {"^GET", " GET", " ", false, false},
        {"(?m)^GET", "x\nGE", "T", false, true},
        {"(?<=in)side", "outside in", "side", false, true},
        {"end$", "the end", "s", false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct scene s;
        begin(&s, regex(table[i].pattern), PM_ACTION_LOG);
        handshake(&s);
        say(&s, 0, table[i].first);
        if ((hits(&s) > 0) != table[i].holds_first)
            fail_msg("%s: first", table[i].pattern);
        say(&s, (uint32_t)strlen(table[i].first), table[i].second);
        if ((hits(&s) > 0) != table[i].holds_second)
            fail_msg("%s: second", table[i].pattern);
        end(&s);
    }
}

static void the_fin_ends_what_a_pattern_waits_for(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, regex("end$"), PM_ACTION_LOG);
    handshake(&s);
    say(&s, 0, "the end");
    assert_int_equal(hits(&s), 0);
    send(&s,
         (struct talk_packet){.flags = TALK_ACK | TALK_FIN, .seq = ISN + 8, .ack = s.isn[1] + 1});
    assert_int_equal(hits(&s), 1);
    end(&s);
}

static void a_regex_that_gives_up_leaves_the_stream_in_doubt(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.stream_match = 50;
        settings.engine_error_drop = is_strict;
        begin_with(&s, regex("(a+)+[cd]"), PM_ACTION_DROP, &settings);
        handshake(&s);
        const char *heavy = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
        assert_int_equal(say(&s, 0, heavy).verdict, is_strict ? PM_DROP : PM_ALLOW);
        assert_int_equal(counted(&s, PM_WHY_REGEX_LIMIT), 1);
        /* Said again, its bytes are no news, but the doubt stays. */
        assert_int_equal(say(&s, 0, heavy).verdict, is_strict ? PM_DROP : PM_ALLOW);
        char rest[70] = {0};
        memset(rest, 'x', 60);
        uint32_t at = (uint32_t)strlen(heavy);
        assert_int_equal(say(&s, at, rest).verdict, is_strict ? PM_DROP : PM_ALLOW);
        assert_int_equal(say(&s, at + 60, "ac").verdict, PM_DROP);
        assert_int_equal(pm_filter_rule_stats(s.filter, 0)->packets, 1);
        end(&s);
    }
}

/* ------------------------------------------------------------------ limits */

static void a_full_pool_of_views_is_decided_by_on_engine_error(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.streams = 2;
        settings.engine_error_drop = is_strict;
        begin_with(&s, word(), PM_ACTION_DROP, &settings);
        for (s.port = 1; s.port <= 3; s.port++) {
            handshake(&s);
            enum pm_verdict verdict = say(&s, 0, "atta").verdict;
            assert_int_equal(verdict, is_strict && s.port == 3 ? PM_DROP : PM_ALLOW);
        }
        assert_int_equal(counted(&s, PM_WHY_VIEWS_FULL), 1);
        s.port = 3;
        assert_int_equal(say(&s, 4, "ck").verdict, is_strict ? PM_DROP : PM_ALLOW);
        s.port = 2;
        assert_int_equal(say(&s, 4, "ck").verdict, PM_DROP);
        end(&s);
    }
}

static void a_stream_that_is_over_makes_room(void **state)
{
    (void)state;
    struct scene s;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.streams = 2;
    begin_with(&s, word(), PM_ACTION_DROP, &settings);
    for (s.port = 1; s.port <= 50; s.port++) {
        handshake(&s);
        assert_int_equal(say(&s, 0, "atta").verdict, PM_ALLOW);
        assert_int_equal(say(&s, 4, "ck").verdict, PM_DROP);
        send(&s, (struct talk_packet){
                     .flags = TALK_ACK | TALK_FIN, .seq = ISN + 7, .ack = s.isn[1] + 1});
        ack(&s, 7);
        s.now_ns += 1000;
    }
    assert_int_equal(counted(&s, PM_WHY_VIEWS_FULL), 0);
    end(&s);
}

static void a_direction_keeps_no_more_than_it_may(void **state)
{
    (void)state;
    static char block[1001];
    memset(block, 'x', 1000);
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.stream_dir_bytes = 4000;
        settings.engine_error_drop = is_strict;
        begin_with(&s, word(), PM_ACTION_DROP, &settings);
        handshake(&s);
        for (uint32_t i = 0; i < 20; i++) /* never acknowledged */
            assert_int_equal(say(&s, 1000 * i, block).verdict, PM_ALLOW);
        assert_true(counted(&s, PM_WHY_RETAIN_FULL) > 0);
        assert_int_equal(counted(&s, PM_WHY_STREAM_FULL), 0);
        assert_int_equal(say(&s, 0, block).verdict, is_strict ? PM_DROP : PM_ALLOW);
        assert_int_equal(counted(&s, PM_WHY_FORGOTTEN), 1);
        for (uint32_t i = 0; i < 4; i++) /* early */
            say(&s, 20001 + 1000 * i, block);
        assert_int_equal(counted(&s, PM_WHY_STREAM_FULL), 1);
        assert_int_equal(say(&s, 20000, "x").verdict, PM_ALLOW);
        end(&s);
    }
}

static void all_directions_keep_no_more_than_they_may(void **state)
{
    (void)state;
    static char block[1001];
    memset(block, 'x', 1000);
    struct scene s;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.stream_bytes = 40000;
    settings.engine_error_drop = true;
    begin_with(&s, word(), PM_ACTION_DROP, &settings);
    for (s.port = 1; s.port <= 10; s.port++) {
        handshake(&s);
        for (uint32_t i = 0; i < 30; i++) /* old bytes make room for new ones */
            assert_int_equal(say(&s, 1000 * i, block).verdict, PM_ALLOW);
    }
    for (s.port = 1; s.port <= 10; s.port++)
        for (uint32_t i = 0; i < 5; i++) /* early ones do not */
            say(&s, 30001 + 2100 * i, block);
    assert_true(counted(&s, PM_WHY_STREAM_FULL) > 0);
    assert_true(s.filter->views.store.pieces.used <= s.filter->views.store.pieces.cap);
    end(&s);
}

static void a_policy_is_refused_that_the_view_cannot_keep(void **state)
{
    static const struct {
        uint32_t streams, dir_bytes, match;
        const char *text;
    } table[] = {
        {0, 4000, 100, "settings: streams must be at least 1"},
        {1, 4000, 0, "settings: stream_match is out of its range"},
        {1, 4000, 65537, "settings: stream_match is out of its range"},
        {1, 4000, 4000, "settings: stream_dir_bytes has no room for the longest value on stream"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pm_error error;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_value value = regex("ab");
        struct pm_builder *b = pm_builder_new();
        settings.streams = table[i].streams;
        settings.stream_dir_bytes = table[i].dir_bytes;
        settings.stream_match = table[i].match;
        pm_builder_settings(b, &settings);
        pm_builder_add_rule(
            b, &(struct pm_rule_spec){.id = "r",
                                      .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1)});
        assert_null(pm_builder_finish(b, &error));
        assert_string_equal(error.text, table[i].text);
    }
}

static void rewrites_final_and_suffixes_have_no_stream(void **state)
{
    struct pm_error error;
    struct pm_value value = word(), suffix = word();
    struct pm_op_spec op = {.kind = PM_OP_SET, .set = {.field = PM_FIELD_IP_TTL, .number = 9}};
    (void)state;
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b,
                        &(struct pm_rule_spec){.id = "r",
                                               .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1),
                                               .action = PM_ACTION_REWRITE,
                                               .ops = &op,
                                               .op_count = 1});
    assert_null(pm_builder_finish(b, &error));
    assert_non_null(strstr(error.text, "rule \"r\": a rewrite cannot hang on stream"));

    b = pm_builder_new();
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "r", .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1)});
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "f", .final = true});
    assert_null(pm_builder_finish(b, &error));
    assert_string_equal(error.text, "final and conditions on stream exclude each other");

    suffix.bytes.at_end = true;
    b = pm_builder_new();
    pm_cond_test(b, PM_FIELD_STREAM, &suffix, 1);
    assert_null(pm_builder_finish(b, &error));
    assert_string_equal(error.text, "a stream goes on: what it ends with is never known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_packet_that_completes_a_match_meets_the_verdict),
        cmocka_unit_test(what_was_found_stays_found_for_its_direction_alone),
        cmocka_unit_test(not_holds_until_the_match_is_there),
        cmocka_unit_test(early_segments_wait_for_those_before_them),
        cmocka_unit_test(a_copy_that_differs_is_dropped_until_it_is_acknowledged),
        cmocka_unit_test(a_copy_that_differs_does_not_follow_an_allowed_one),
        cmocka_unit_test(a_rule_that_only_watches_drops_no_copies),
        cmocka_unit_test(what_the_receiver_acknowledges_past_a_gap_is_given_up),
        cmocka_unit_test(the_first_acknowledgement_says_where_the_stream_begins),
        cmocka_unit_test(bytes_with_no_place_are_decided_by_on_engine_error),
        cmocka_unit_test(a_syn_that_is_answered_begins_the_stream_anew),
        cmocka_unit_test(a_syn_that_nobody_answers_changes_nothing),
        cmocka_unit_test(a_closed_flow_forgets_what_it_found),
        cmocka_unit_test(bytes_in_a_syn_are_the_first_of_the_stream),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(a_wrong_checksum_brings_no_bytes_unless_all_are_wrong),
        cmocka_unit_test(from_the_middle_on_positions_are_not_known),
        cmocka_unit_test(urgent_data_is_read_in_two_ways),
        cmocka_unit_test(flows_that_no_rule_looks_into_have_no_view),
        cmocka_unit_test(a_rule_before_that_always_decides_spares_the_view),
        cmocka_unit_test(a_condition_is_true_of_both_or_it_is_not),
        cmocka_unit_test(a_pattern_is_found_as_soon_as_nothing_can_undo_it),
        cmocka_unit_test(the_fin_ends_what_a_pattern_waits_for),
        cmocka_unit_test(a_regex_that_gives_up_leaves_the_stream_in_doubt),
        cmocka_unit_test(a_full_pool_of_views_is_decided_by_on_engine_error),
        cmocka_unit_test(a_stream_that_is_over_makes_room),
        cmocka_unit_test(a_direction_keeps_no_more_than_it_may),
        cmocka_unit_test(all_directions_keep_no_more_than_they_may),
        cmocka_unit_test(a_policy_is_refused_that_the_view_cannot_keep),
        cmocka_unit_test(rewrites_final_and_suffixes_have_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
