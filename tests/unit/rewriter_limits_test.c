/* rewriter_limits_test.c - a live rewriter driven to each of its limits, and one stream driven
 * beyond 32 bits of length. */
#include "story.h"

static const struct pm_rewriter_config live_config = {
    .hash_key = {1, 2}, .mode = PM_MODE_LIVE, .checksums = PM_CHECKSUMS_VERIFY, .mtu = 1500};

static void open_port(struct talk *t, uint16_t client_port)
{
    talk_send(t,
              &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C, .client_port = client_port});
    talk_send(t, &(struct talk_packet){.from_server = 1,
                                       .flags = TALK_SYN | TALK_ACK,
                                       .seq = ISN_S,
                                       .ack = ISN_C + 1,
                                       .client_port = client_port});
}

static void begin_limited(struct talk *t, const char *find, const char *with,
                          struct pm_rewriter_config config, uint32_t flows)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = flows;
    pm_builder_settings(b, &settings);
    talk_replace(b, "swap", talk_flow(b, 0), find, with);
    talk_begin(t, b, config);
    open_port(t, 40000);
}

static uint64_t count_of(const struct talk *t, enum pm_why why)
{
    return pm_rewriter_stats(t->rewriter)->why[why];
}

static void say(struct talk *t, uint16_t client_port, uint32_t off, const char *text)
{
    struct talk_packet p = data(off, text);
    p.client_port = client_port;
    talk_send(t, &p);
}

/* ------------------------------------------------------------------ flows, streams */

static void flows_with_edits_are_not_forgotten_for_new_ones(void **state)
{
    (void)state;
    struct talk t;
    begin_limited(&t, "a", "bb", live_config, 4);
    say(&t, 40000, 0, "a");
    for (uint16_t port = 40001; port < 40004; port++) {
        open_port(&t, port);
        say(&t, port, 0, "a");
    }
    open_port(&t, 40004); /* a fifth */
    say(&t, 40004, 0, "a");
    expect(&t, 0, 0, "a");
    assert_int_equal(t.why, PM_WHY_FLOWS_FULL);
    for (uint16_t port = 40000; port < 40004; port++) {
        say(&t, port, 1, "c");
        expect(&t, 0, 2, "c");
    }
    talk_end(&t);
}

static void a_flow_for_which_there_is_no_stream_passes(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = live_config;
    config.streams = 1;
    begin_limited(&t, "a", "bb", config, 100);
    open_port(&t, 40001);
    say(&t, 40001, 0, "a");
    expect(&t, 0, 0, "a");
    assert_int_equal(t.why, PM_WHY_STREAMS_FULL);
    say(&t, 40000, 0, "a");
    expect(&t, 0, 0, "bb");
    talk_end(&t);
}

static void a_full_engine_may_be_told_to_drop(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_rewriter_config config = live_config;
    settings.engine_error_drop = true;
    settings.flows = 2;
    config.streams = 1;
    pm_builder_settings(b, &settings);
    talk_replace(b, "swap", talk_flow(b, 0), "a", "bb");
    talk_begin(&t, b, config);
    open_port(&t, 40000);
    say(&t, 40000, 0, "a");
    open_port(&t, 40001);
    assert_int_equal(t.out_count, 0);
    assert_int_equal(t.why, PM_WHY_STREAMS_FULL);
    talk_end(&t);
}

/* ------------------------------------------------------------------ waiting bytes */

static void early_bytes_beyond_the_limit_come_again(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = live_config;
    config.pending_dir_bytes = 10;
    begin_limited(&t, "abc", "x", config, 100);
    say(&t, 40000, 5, "56789");
    say(&t, 40000, 15, "fghij");
    assert_int_equal(count_of(&t, PM_WHY_HOLD_FULL), 0);
    say(&t, 40000, 25, "pqrst");
    assert_int_equal(t.why, PM_WHY_HOLD_FULL);
    say(&t, 40000, 0, "01234"); /* the next ones always find room: the last had to go */
    expect(&t, 0, 0, "0123456789");
    say(&t, 40000, 10, "abcde");
    expect(&t, 0, 10, "xde");
    say(&t, 40000, 15, "fghij");
    expect(&t, 0, 13, "fghij");
    say(&t, 40000, 20, "klmno");
    expect(&t, 0, 18, "klmno");
    say(&t, 40000, 25, "pqrst");
    expect(&t, 0, 23, "pqrst");
    talk_end(&t);
}

static void next_bytes_push_early_ones_out(void **state)
{
    (void)state;
    struct talk t;
    struct pm_rewriter_config config = live_config;
    config.pending_dir_bytes = 6;
    begin_limited(&t, "abcdefgh", "x", config, 100);
    say(&t, 40000, 10, "early");
    say(&t, 40000, 0, "abc");
    assert_int_equal(t.out_count, 0);
    say(&t, 40000, 3, "defg"); /* no room for a tail of seven: it is given up */
    assert_int_equal(count_of(&t, PM_WHY_HOLD_FULL), 2);
    assert_int_equal(t.event.why, PM_WHY_HOLD_FULL);
    assert_int_equal(t.event.offset, 3);
    expect(&t, 0, 0, "abcdefg");
    say(&t, 40000, 7, "h89");
    expect(&t, 0, 7, "h89");
    say(&t, 40000, 10, "early"); /* that had to go, and comes again */
    expect(&t, 0, 10, "early");
    talk_end(&t);
}

/* ------------------------------------------------------------------ the edit log */

static void a_full_edit_log_makes_the_sender_wait(void **state)
{
    (void)state;
    static char text[201];
    struct talk t;
    struct pm_rewriter_config config = live_config;
    config.edits = 150;
    for (size_t i = 0; i < 200; i += 2)
        memcpy(text + i, "a.", 2);
    begin_limited(&t, "a", "bb", config, 100);
    say(&t, 40000, 0, text);
    assert_int_equal(t.out[0].p.payload_len, 300);
    say(&t, 40000, 200, text); /* as much as there is room for */
    size_t first_len = 0;
    for (size_t i = 0; i < t.out_count; i++)
        first_len += t.out[i].p.payload_len;
    size_t out_count = t.out_count;
    assert_true(first_len > 0 && first_len < 300);
    assert_int_equal(count_of(&t, PM_WHY_RETAIN_FULL), 1);
    pm_rewriter_due(t.rewriter, UINT64_C(1000000000)); /* it is not the time that it waits for */
    assert_int_equal(t.out_count, out_count);
    struct talk_packet p = ack_of(300);
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 2);
    size_t data_at = t.out[0].p.from_server ? 1 : 0;
    assert_int_equal(t.out[data_at].p.payload_len, 300 - first_len);
    assert_int_equal(t.out[data_at].p.seq, ISN_C + 1 + 300 + first_len);
    talk_end(&t);
}

static void an_edit_that_can_never_fit_is_left_out(void **state)
{
    (void)state;
    static char big[3001];
    struct talk t;
    struct pm_rewriter_config config = live_config;
    config.retain_dir_bytes = 2000;
    memset(big, 'b', 3000);
    begin_limited(&t, "SECRET", big, config, 100);
    say(&t, 40000, 0, "SECRET!");
    assert_int_equal(count_of(&t, PM_WHY_EDITS_FULL), 1);
    char got[20] = "";
    for (size_t i = 0; i < t.out_count; i++)
        if (!t.out[i].p.from_server)
            strncat(got, (const char *)t.out[i].p.payload, t.out[i].p.payload_len);
    assert_string_equal(got, "SECRET!");
    talk_end(&t);
}

/* ------------------------------------------------------------------ more than 4 GiB */

#define BIG_PAYLOAD 64000u
#ifdef __SANITIZE_ADDRESS__ /* slow: long enough to wrap from where it starts */
#define BIG_STREAM (UINT64_C(100) << 20)
#define BIG_ISN    (UINT32_MAX - (50u << 20))
#else
#define BIG_STREAM (UINT64_C(4300) << 20)
#define BIG_ISN    1000u
#endif

struct big {
    struct pm_rewriter *rewriter;
    uint64_t next_m; /* where the next byte out must stand */
    uint64_t told_ack;
    bool is_wrong;
};

static void on_big(void *context, const struct pm_emitted *e)
{
    struct big *big = context;
    const uint8_t *tcp = e->data + 20;
    if (talk_get(tcp, 2) == 80) {
        big->told_ack = talk_get(tcp + 8, 4);
        return;
    }
    uint32_t header_len = (uint32_t)(tcp[12] >> 4) * 4;
    big->is_wrong |= !(tcp[13] & TALK_SYN) && talk_get(tcp + 4, 4) != (uint32_t)big->next_m;
    big->next_m += e->len - 20 - header_len;
}

static void give(struct big *big, const struct pm_packet *like, uint8_t *bytes)
{
    struct pm_packet packet = *like;
    packet.data = bytes;
    pm_rewrite(big->rewriter, &packet, bytes, 0);
}

static void a_stream_may_be_longer_than_its_numbers(void **state)
{
    (void)state;
    static uint8_t segment[BIG_PAYLOAD + 40], copy[BIG_PAYLOAD + 40], ack[40];
    static uint8_t payload[BIG_PAYLOAD];
    static const uint8_t syn_options[] = {2, 4, 5, 180, 1, 3, 3, 10};
    struct big big = {.next_m = BIG_ISN + 1};
    struct pm_builder *b = pm_builder_new();
    struct pm_rewriter_config config = live_config;
    struct pm_error error;
    talk_replace(b, "swap", talk_flow(b, 0), "SECRET", "twenty bytes instead");
    struct pm_policy *policy = pm_builder_finish(b, &error);
    config.emit = on_big;
    config.context = &big;
    big.rewriter = pm_rewriter_new(policy, &config, &error);
    assert_non_null(big.rewriter);
    struct pm_packet plain = {.len = 48, .wire_len = 48, .link = 101, .dir = PM_DIR_OUT};
    struct talk_packet p = {.flags = TALK_SYN,
                            .seq = BIG_ISN,
                            .options = syn_options,
                            .options_len = sizeof syn_options};
    talk_build(&p, copy);
    give(&big, &plain, copy);
    p.from_server = 1;
    p.flags |= TALK_ACK;
    p.seq = ISN_S;
    p.ack = BIG_ISN + 1;
    talk_build(&p, copy);
    plain.dir = PM_DIR_IN;
    give(&big, &plain, copy);

    memset(payload, '.', sizeof payload);
    memcpy(payload + 100, "SECRET", 6);
    p = data(0, "");
    p.seq = BIG_ISN + 1;
    p.payload = payload;
    p.payload_len = sizeof payload;
    talk_build(&p, segment);
    struct pm_packet super = {.len = sizeof segment,
                              .wire_len = sizeof segment,
                              .link = 101,
                              .dir = PM_DIR_OUT,
                              .csum = PM_CSUM_PARTIAL,
                              .gso_len = 1460};
    plain.len = plain.wire_len = sizeof ack;
    plain.csum = PM_CSUM_PARTIAL;
    p = ack_of(0);
    p.ack = BIG_ISN + 1;
    talk_build(&p, ack);
    uint64_t o = 0;
    for (; o < BIG_STREAM && !big.is_wrong; o += BIG_PAYLOAD) {
        memcpy(copy, segment, sizeof segment);
        talk_put(copy + 24, (uint32_t)(BIG_ISN + 1 + o), 4);
        give(&big, &super, copy);
        memcpy(copy, ack, sizeof ack);
        talk_put(copy + 28, (uint32_t)big.next_m, 4);
        give(&big, &plain, copy);
        big.is_wrong |= big.told_ack != (uint32_t)(BIG_ISN + 1 + o + BIG_PAYLOAD);
    }
    assert_false(big.is_wrong);
    assert_int_equal(big.next_m, BIG_ISN + 1 + o + 14 * (o / BIG_PAYLOAD));
    pm_rewriter_free(big.rewriter);
    pm_policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_with_edits_are_not_forgotten_for_new_ones),
        cmocka_unit_test(a_flow_for_which_there_is_no_stream_passes),
        cmocka_unit_test(a_full_engine_may_be_told_to_drop),
        cmocka_unit_test(early_bytes_beyond_the_limit_come_again),
        cmocka_unit_test(next_bytes_push_early_ones_out),
        cmocka_unit_test(a_full_edit_log_makes_the_sender_wait),
        cmocka_unit_test(an_edit_that_can_never_fit_is_left_out),
        cmocka_unit_test(a_stream_may_be_longer_than_its_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
