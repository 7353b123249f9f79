/* rewriter_fragments_test.c - IP fragments through the rewriter. */
#include "run.h"

#include "flow/reassembly.h"

static const struct pm_rewriter_config plain_config = {.hash_key = {1, 2}, .mtu = 1500};

/* find becomes with in what goes to that port; 0: in everything. */
static struct pm_builder *swapping(uint32_t port, const char *find, const char *with)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_value value = {.kind = PM_VALUE_RANGE, .range = {port, port}};
    pm_cond_id match = port ? pm_cond_test(b, PM_FIELD_L4_DSTPORT, &value, 1) : PM_COND_TRUE;
    talk_replace(b, "swap", match, find, with);
    return b;
}

static void end(struct run *run)
{
    const struct pm_stats *s = pm_rewriter_stats(run->rewriter);
    pm_rewriter_flush(run->rewriter, 0);
    assert_true(pm_rewriter_next_ns(run->rewriter) == UINT64_MAX);
    /* Whatever came in left, left within another, or was dropped. */
    assert_int_equal(s->packets, s->emitted - s->split + s->joined + s->dropped);
    run_end(run);
}

static void expect_same(const struct run *run, size_t i, const struct piece *p)
{
    assert_true(i < run->count);
    assert_int_equal(run->out[i].len, p->len);
    assert_memory_equal(run->out[i].bytes, p->bytes, p->len);
    assert_int_equal(run->told[i].cookie, p->cookie);
    assert_false(run->told[i].changed);
}

/* Reads what left, as one packet. */
static void read_joined(const struct run *run, size_t ext, struct talk_out *o)
{
    o->len = piece_join(run->out, run->count, ext, o->bytes);
    talk_read(o);
}

/* A datagram with `text` at payload offset `at` of `len`. */
static size_t make_datagram(uint8_t *ip, int version, int ext, size_t len, size_t at,
                            const char *text)
{
    static uint8_t payload[3000];
    memset(payload, '.', sizeof payload);
    memcpy(payload + at, text, strlen(text));
    struct talk_packet p = {.version = version,
                            .ext = ext,
                            .udp = 1,
                            .server_port = 53,
                            .ip_id = 7,
                            .payload = payload,
                            .payload_len = len};
    return talk_build(&p, ip);
}

static size_t number(struct piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pieces[i].cookie = 100 + i;
    return count;
}

/* ------------------------------------------------------------------ whole */

static void a_match_across_fragments_is_replaced_and_the_datagram_cut_again(void **state)
{
    (void)state;
    static const char *const with[] = {"LONGER-THAN-IT-WAS", "", "same-"};
    static const int orders[3][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    for (int version = 4; version <= 6; version += 2)
        for (int ext = 0; ext <= (version == 6 ? 16 : 0); ext += 16)
            for (int i = 0; i < 3; i++) {
                struct run run;
                struct piece p[3];
                struct talk_out whole;
                static uint8_t ip[4000];
                size_t len = make_datagram(ip, version, ext, 100, 30, "-find-");
                run_begin(&run, swapping(53, "-find", with[i]), plain_config);
                number(p, piece_cut(p, ip, len, (size_t)ext, 7, 40)); /* cut at payload byte 32 */
                for (int n = 0; n < 3; n++) {
                    run_send(&run, &p[orders[i][n]]);
                    assert_int_equal(run.why, n < 2 ? PM_WHY_FRAGMENT_HELD : PM_WHY_EDITED);
                    assert_int_equal(run.count > 0, n == 2);
                }
                for (size_t k = 0; k < run.count; k++) {
                    assert_true(run.out[k].len <= p[0].len); /* as the sender cut it */
                    assert_int_equal(run.told[k].part, k);
                    assert_int_equal(run.told[k].cookie, p[orders[i][2]].cookie);
                    assert_int_equal(run.told[k].edit_count, k == 0);
                }
                read_joined(&run, (size_t)ext, &whole);
                assert_true(whole.checksums_right);
                assert_int_equal(whole.p.payload_len, 95 + strlen(with[i]));
                assert_memory_equal(whole.p.payload + 30, with[i], strlen(with[i]));
                assert_int_equal(whole.p.payload[30 + strlen(with[i])], '-');
                assert_int_equal(run_counted(&run, PM_WHY_FRAGMENT_HELD), 2);
                assert_int_equal(pm_rewriter_stats(run.rewriter)->joined, 2);
                end(&run);
            }
}

static void what_fits_in_one_fragment_leaves_as_one_packet(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct piece p[2];
        struct talk_out whole;
        static uint8_t ip[4000];
        size_t len = make_datagram(ip, version, 0, 40, 20, "0123456789");
        run_begin(&run, swapping(53, "0123456789", ""), plain_config);
        piece_cut(p, ip, len, 0, 7, 40);
        run_send(&run, &p[0]);
        assert_int_equal(run_send(&run, &p[1]), 1);
        read_joined(&run, 0, &whole);
        assert_true(whole.checksums_right);
        assert_int_equal(whole.p.payload_len, 30);
        end(&run);
    }
}

static void a_datagram_that_no_rule_changes_leaves_as_the_fragments_that_came(void **state)
{
    (void)state;
    static const int order[4] = {2, 0, 0, 1}; /* with a copy */
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct piece p[3];
        static uint8_t ip[4000];
        size_t len = make_datagram(ip, version, 0, 100, 0, "nothing");
        run_begin(&run, swapping(53, "find", "with"), plain_config);
        number(p, piece_cut(p, ip, len, 0, 7, 40));
        for (int n = 0; n < 4; n++) {
            p[order[n]].cookie = 10u + (unsigned)n;
            run_send(&run, &p[order[n]]);
        }
        assert_int_equal(run.why, PM_WHY_NONE);
        assert_int_equal(run.count, 4);
        for (size_t n = 0; n < 4; n++) {
            p[order[n]].cookie = 10 + n;
            expect_same(&run, n, &p[order[n]]);
            assert_int_equal(run.told[n].is_late, n < 3);
        }
        end(&run);
    }
}

static void a_copy_of_a_changed_fragment_leaves_with_its_datagram(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    struct talk_out whole;
    static uint8_t ip[4000];
    size_t len = make_datagram(ip, 4, 0, 100, 30, "find");
    run_begin(&run, swapping(53, "find", "with"), plain_config);
    piece_cut(p, ip, len, 0, 7, 40);
    run_send(&run, &p[0]);
    run_send(&run, &p[0]);
    run_send(&run, &p[1]);
    assert_int_equal(run_send(&run, &p[2]), 3);
    read_joined(&run, 0, &whole);
    assert_memory_equal(whole.p.payload + 30, "with", 4);
    end(&run);
}

/* Segments, none larger than `most`, that carry so many bytes from seq on. */
static void expect_segments(const struct run *run, size_t count, size_t most, uint32_t seq,
                            uint32_t bytes)
{
    struct talk_out o;
    uint32_t at = seq;
    for (size_t i = 0; i < count; i++) {
        assert_true(run->out[i].len <= most);
        o.len = run->out[i].len;
        memcpy(o.bytes, run->out[i].bytes, o.len);
        talk_read(&o);
        assert_true(o.checksums_right);
        assert_int_equal(o.p.seq, at);
        at += (uint32_t)o.p.payload_len;
    }
    assert_int_equal(at, seq + bytes);
}

static void a_tcp_segment_in_fragments_joins_its_stream(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct piece p[3];
        struct talk_out whole;
        uint8_t ip[400], text[100];
        memset(text, '.', sizeof text);
        memcpy(text + 50, "find", 4);
        struct talk_packet syn = {.version = version, .flags = TALK_SYN, .seq = 99};
        struct talk_packet data = {.version = version,
                                   .flags = TALK_ACK | TALK_PSH,
                                   .seq = 100,
                                   .payload = text,
                                   .payload_len = 100};
        run_begin(&run, swapping(80, "find", "0123456789012345678901234567890123456789"),
                  plain_config);
        p[0].len = talk_build(&syn, p[0].bytes);
        run_send(&run, &p[0]);
        piece_cut(p, ip, talk_build(&data, ip), 0, 2, 72); /* in the middle of the match */
        assert_int_equal(run_send(&run, &p[1]), 0);
        expect_segments(&run, run_send(&run, &p[0]), p[0].len, 100, 136);
        data.seq = 200; /* nothing to find: the same bytes, their numbers follow */
        memset(text, 'x', sizeof text);
        piece_cut(p, ip, talk_build(&data, ip), 0, 3, 72);
        run_send(&run, &p[0]);
        assert_int_equal(run_send(&run, &p[1]), 2);
        assert_int_equal(run.why, PM_WHY_FOLLOWED);
        read_joined(&run, 0, &whole);
        assert_true(whole.checksums_right);
        assert_int_equal(whole.p.seq, 236);
        assert_memory_equal(whole.p.payload, text, 100);
        end(&run);
    }
}

static void what_is_known_of_a_new_flow_holds_for_its_whole_datagram(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    struct talk_out whole;
    static uint8_t ip[4000];
    struct pm_builder *b = pm_builder_new();
    struct pm_value yes = {.kind = PM_VALUE_RANGE, .range = {1, 1}};
    talk_replace(b, "swap", pm_cond_test(b, PM_FIELD_FLOW_NEW, &yes, 1), "find", "with");
    run_begin(&run, b, plain_config);
    size_t len = make_datagram(ip, 4, 0, 100, 30, "find");
    piece_cut(p, ip, len, 0, 7, 40);
    for (int i = 0; i < 3; i++)
        run_send(&run, &p[i]);
    read_joined(&run, 0, &whole);
    assert_memory_equal(whole.p.payload + 30, "with", 4);
    piece_cut(p, ip, len, 0, 8, 40);
    for (int i = 0; i < 3; i++)
        run_send(&run, &p[i]);
    read_joined(&run, 0, &whole);
    assert_memory_equal(whole.p.payload + 30, "find", 4);
    end(&run);
}

/* A reply in fragments, the last of them first: which end it comes from shows its first. */
static void a_later_fragment_waits_though_a_rule_wants_the_other_way(void **state)
{
    (void)state;
    struct run run;
    struct piece p[4];
    struct talk_out whole;
    static uint8_t ip[4000];
    struct pm_builder *b = pm_builder_new();
    struct talk_packet ask = {.udp = 1, .server_port = 53};
    struct talk_packet reply = {.udp = 1,
                                .server_port = 53,
                                .from_server = 1,
                                .payload = (const uint8_t *)"0123456789012345678901234567find",
                                .payload_len = 32};
    talk_replace(b, "swap", talk_flow(b, 1), "find", "with");
    run_begin(&run, b, plain_config);
    p[0].len = talk_build(&ask, p[0].bytes);
    assert_int_equal(run_send(&run, &p[0]), 1);
    piece_cut(p, ip, talk_build(&reply, ip), 0, 7, 24);
    assert_int_equal(run_send(&run, &p[1]), 0);
    assert_int_equal(run_send(&run, &p[0]), 2);
    read_joined(&run, 0, &whole);
    assert_memory_equal(whole.p.payload + 28, "with", 4);
    end(&run);
}

static void a_header_edit_that_needs_the_ports_reaches_every_fragment(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    static uint8_t ip[4000];
    struct pm_builder *b = pm_builder_new();
    struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {53, 53}};
    struct pm_op_spec op = {.kind = PM_OP_SET, .set = {.field = PM_FIELD_IP_TTL, .number = 9}};
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "ttl",
                                  .match = pm_cond_test(b, PM_FIELD_UDP_DSTPORT, &port, 1),
                                  .action = PM_ACTION_REWRITE,
                                  .ops = &op,
                                  .op_count = 1});
    run_begin(&run, b, plain_config);
    piece_cut(p, ip, make_datagram(ip, 4, 0, 100, 0, ""), 0, 7, 40);
    run_send(&run, &p[0]);
    run_send(&run, &p[1]);
    assert_int_equal(run_send(&run, &p[2]), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(run.out[i].bytes[8], 9);
        assert_int_equal(run.out[i].len, p[i].len);
        assert_memory_equal(run.out[i].bytes + 20, p[i].bytes + 20, p[i].len - 20);
    }
    end(&run);
}

/* ------------------------------------------------------------------ not selected */

static void fragments_that_no_rule_reaches_never_wait(void **state)
{
    (void)state;
    static const int order[3] = {2, 0, 1};
    struct run run;
    struct piece p[3];
    static uint8_t ip[4000];
    struct pm_builder *b = pm_builder_new();
    struct pm_value other = {
        .kind = PM_VALUE_PREFIX,
        .prefix = {.addr = {.version = 4, .bytes = {203, 0, 113, 0}}, .bits = 24}};
    talk_replace(b, "swap", pm_cond_test(b, PM_FIELD_IP_ADDR, &other, 1), "find", "with");
    run_begin(&run, b, plain_config);
    number(p, piece_cut(p, ip, make_datagram(ip, 4, 0, 100, 0, "find"), 0, 7, 40));
    for (int n = 0; n < 3; n++) {
        assert_int_equal(run_send(&run, &p[order[n]]), 1);
        expect_same(&run, 0, &p[order[n]]);
    }
    assert_true(pm_rewriter_next_ns(run.rewriter) == UINT64_MAX);
    end(&run);
}

static void with_the_first_fragment_the_others_leave_if_no_rule_wants_its_ports(void **state)
{
    (void)state;
    struct run run;
    struct piece p[4];
    static uint8_t ip[4000];
    run_begin(&run, swapping(99, "find", "with"), plain_config);
    number(p, piece_cut(p, ip, make_datagram(ip, 4, 0, 120, 0, "find"), 0, 7, 40));
    assert_int_equal(run_send(&run, &p[2]), 0);
    assert_int_equal(run_send(&run, &p[0]), 2);
    expect_same(&run, 0, &p[2]);
    expect_same(&run, 1, &p[0]);
    assert_int_equal(run_send(&run, &p[1]), 1);
    assert_true(pm_rewriter_next_ns(run.rewriter) < UINT64_MAX);
    assert_int_equal(run_send(&run, &p[3]), 1); /* and with the last one it is forgotten */
    assert_true(pm_rewriter_next_ns(run.rewriter) == UINT64_MAX);
    end(&run);
}

static void other_protocols_never_wait(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    static uint8_t ip[4000];
    size_t len = make_datagram(ip, 4, 0, 100, 0, "find");
    ip[9] = 1;
    piece_sum(ip);
    run_begin(&run, swapping(0, "find", "with"), plain_config);
    piece_cut(p, ip, len, 0, 7, 40);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run_send(&run, &p[i]), 1);
        expect_same(&run, 0, &p[i]);
    }
    end(&run);
}

/* ------------------------------------------------------------------ given up */

static void begin_three(struct run *run, struct piece p[3], enum pm_mode mode)
{
    static uint8_t ip[4000];
    struct pm_rewriter_config config = plain_config;
    config.mode = mode;
    config.fragment_ms = 3;
    run_begin(run, swapping(53, "find", "with"), config);
    number(p, piece_cut(p, ip, make_datagram(ip, 4, 0, 100, 30, "find"), 0, 7, 40));
}

static void an_unfinished_datagram_leaves_a_replay_as_it_came(void **state)
{
    (void)state;
    for (int at_end = 0; at_end < 2; at_end++) {
        struct run run;
        struct piece p[3];
        begin_three(&run, p, PM_MODE_REPLAY);
        run_send_at(&run, &p[1], 5000000);
        run_send_at(&run, &p[0], 6000000);
        assert_int_equal(pm_rewriter_next_ns(run.rewriter), 8000000);
        pm_rewriter_due(run.rewriter, 7999999);
        assert_int_equal(run.count, 0);
        if (at_end)
            pm_rewriter_flush(run.rewriter, 7999999);
        else
            pm_rewriter_due(run.rewriter, 8000000);
        assert_int_equal(run.count, 2);
        expect_same(&run, 0, &p[1]);
        expect_same(&run, 1, &p[0]);
        assert_true(run.told[0].is_late && run.told[0].why == PM_WHY_FRAGMENT_TIMEOUT);
        assert_int_equal(run_counted(&run, PM_WHY_FRAGMENT_TIMEOUT), 2);
        end(&run);
    }
}

static void an_unfinished_datagram_is_dropped_live(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    begin_three(&run, p, PM_MODE_LIVE);
    run_send_at(&run, &p[1], 5000000);
    run_send_at(&run, &p[0], 6000000);
    pm_rewriter_due(run.rewriter, 8000000);
    assert_int_equal(run.count, 0);
    assert_int_equal(run_counted(&run, PM_WHY_FRAGMENT_TIMEOUT), 2);
    assert_int_equal(pm_rewriter_stats(run.rewriter)->dropped, 2);
    end(&run);
}

static void contradicting_fragments_never_leave(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        struct run run;
        struct piece p[3], evil;
        begin_three(&run, p, mode ? PM_MODE_LIVE : PM_MODE_REPLAY);
        evil = p[1];
        evil.bytes[20] ^= 1;
        run_send(&run, &p[0]);
        run_send(&run, &p[1]);
        assert_int_equal(run_send(&run, &evil), 0);
        assert_int_equal(run.why, PM_WHY_FRAGMENT_OVERLAP);
        assert_int_equal(run_send(&run, &p[2]), 0); /* nor does what is left of it */
        assert_int_equal(run_counted(&run, PM_WHY_FRAGMENT_OVERLAP), 4);
        assert_int_equal(pm_rewriter_stats(run.rewriter)->dropped, 4);
        pm_rewriter_due(run.rewriter, UINT64_C(3000000));
        assert_int_equal(run.count, 0);
        end(&run);
    }
}

static void an_ipv6_header_chain_must_not_go_on_in_another_fragment(void **state)
{
    (void)state;
    struct run run;
    struct piece tiny;
    static uint8_t ip[4000];
    run_begin(&run, swapping(80, "find", "with"), plain_config);
    piece_make(&tiny, ip, make_datagram(ip, 6, 0, 100, 0, ""), 0, 7, 0, 8);
    tiny.bytes[40] = 6; /* 8 bytes of a TCP header */
    assert_int_equal(run_send(&run, &tiny), 0);
    assert_int_equal(run.why, PM_WHY_FRAGMENT_OVERLAP);
    end(&run);
}

static void a_tiny_first_fragment_of_ipv4_waits_for_the_rest(void **state)
{
    (void)state;
    struct run run;
    struct piece p[20];
    uint8_t ip[400];
    struct talk_packet syn = {.flags = TALK_SYN, .seq = 99};
    struct talk_packet data = {
        .flags = TALK_ACK, .seq = 100, .payload = (const uint8_t *)"find", .payload_len = 4};
    run_begin(&run, swapping(80, "find", "with"), plain_config);
    p[0].len = talk_build(&syn, p[0].bytes);
    run_send(&run, &p[0]);
    assert_int_equal(piece_cut(p, ip, talk_build(&data, ip), 0, 7, 8), 3);
    run_send(&run, &p[0]);
    assert_int_equal(run.why, PM_WHY_FRAGMENT_HELD);
    run_send(&run, &p[1]);
    assert_int_equal(run_send(&run, &p[2]), 3);
    struct talk_out whole;
    read_joined(&run, 0, &whole);
    assert_true(whole.checksums_right);
    assert_memory_equal(whole.p.payload, "with", 4);
    end(&run);
}

static void a_fragment_with_a_bad_header_checksum_counts_for_nothing(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3], bad;
    begin_three(&run, p, PM_MODE_REPLAY);
    bad = p[1];
    bad.bytes[10] ^= 1;
    bad.bytes[30] ^= 1;
    run_send(&run, &p[0]);
    assert_int_equal(run_send(&run, &bad), 1);
    expect_same(&run, 0, &bad);
    assert_int_equal(run.why, PM_WHY_BAD_CHECKSUM);
    run_send(&run, &p[1]);
    assert_true(run_send(&run, &p[2]) > 0);
    assert_int_equal(run.why, PM_WHY_EDITED);
    end(&run);
}

static void a_bad_udp_checksum_keeps_the_whole_datagram_as_it_came(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    static uint8_t ip[4000];
    struct pm_rewriter_config config = plain_config;
    config.checksums = PM_CHECKSUMS_VERIFY;
    size_t len = make_datagram(ip, 4, 0, 100, 30, "find");
    ip[26] ^= 1;
    run_begin(&run, swapping(53, "find", "with"), config);
    number(p, piece_cut(p, ip, len, 0, 7, 40));
    run_send(&run, &p[0]);
    run_send(&run, &p[1]);
    assert_int_equal(run_send(&run, &p[2]), 3);
    for (size_t i = 0; i < 3; i++)
        expect_same(&run, i, &p[i]);
    assert_int_equal(run.why, PM_WHY_BAD_CHECKSUM);
    end(&run);
}

static void a_truncated_fragment_lets_its_datagram_pass(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    begin_three(&run, p, PM_MODE_REPLAY);
    run_send(&run, &p[2]);
    run_send(&run, &p[0]);
    uint8_t *cut = malloc(30);
    assert_non_null(cut);
    memcpy(cut, p[1].bytes, 30);
    struct pm_packet packet = {
        .data = cut, .len = 30, .wire_len = p[1].len, .link = 101, .dir = PM_DIR_UNKNOWN};
    run.count = 0;
    pm_rewrite(run.rewriter, &packet, cut, 0);
    free(cut);
    assert_int_equal(run.count, 3);
    expect_same(&run, 0, &p[2]);
    expect_same(&run, 1, &p[0]);
    assert_int_equal(run.told[2].wire_len, p[1].len);
    assert_true(pm_rewriter_next_ns(run.rewriter) == UINT64_MAX);
    end(&run);
}

/* ------------------------------------------------------------------ full */

static void full_tables_give_up_the_oldest_and_count_it(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        struct run run;
        struct piece p[3];
        static uint8_t ip[4000];
        struct pm_rewriter_config config = plain_config;
        config.mode = mode ? PM_MODE_LIVE : PM_MODE_REPLAY;
        config.datagrams = 2;
        run_begin(&run, swapping(53, "find", "with"), config);
        size_t len = make_datagram(ip, 4, 0, 100, 30, "find");
        for (uint32_t id = 1; id <= 3; id++) {
            piece_cut(p, ip, len, 0, id, 40);
            p[0].cookie = id;
            assert_int_equal(run_send(&run, &p[0]), id == 3 && !mode);
        }
        if (!mode)
            assert_int_equal(run.told[0].cookie, 1);
        assert_int_equal(run_counted(&run, PM_WHY_FRAGMENTS_FULL), 1);
        assert_int_equal(pm_rewriter_stats(run.rewriter)->dropped, mode);
        end(&run);
    }
}

static void too_many_fragments_of_a_datagram_end_its_waiting(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        struct run run;
        struct piece p[20];
        static uint8_t ip[4000];
        struct pm_rewriter_config config = plain_config;
        config.mode = mode ? PM_MODE_LIVE : PM_MODE_REPLAY;
        config.datagram_fragments = 3;
        run_begin(&run, swapping(53, "find", "with"), config);
        size_t count = number(p, piece_cut(p, ip, make_datagram(ip, 4, 0, 100, 30, ""), 0, 7, 16));
        for (size_t i = 0; i < count; i++)
            assert_int_equal(run_send(&run, &p[i]), i < 3 || mode ? 0 : i == 3 ? 4 : 1);
        assert_int_equal(run_counted(&run, PM_WHY_FRAGMENTS_FULL), mode ? 4 : 3);
        assert_int_equal(pm_rewriter_stats(run.rewriter)->dropped, mode ? count : 0);
        end(&run);
    }
}

static void full_memory_is_given_to_what_is_new(void **state)
{
    (void)state;
    struct run run;
    struct piece p[3];
    static uint8_t ip[4000];
    struct pm_rewriter_config config = plain_config;
    config.fragment_bytes = 3 * 512;
    run_begin(&run, swapping(53, "find", "with"), config);
    for (uint32_t id = 1; id <= 5; id++) {
        piece_cut(p, ip, make_datagram(ip, 4, 0, 100, 30, "find"), 0, id, 40);
        p[0].cookie = id;
        assert_int_equal(run_send(&run, &p[0]), id > 3);
        if (id > 3)
            assert_int_equal(run.told[0].cookie, id - 3);
    }
    assert_int_equal(run_counted(&run, PM_WHY_FRAGMENTS_FULL), 2);
    end(&run);
}

static void the_footprint_counts_what_fragments_may_take(void **state)
{
    (void)state;
    struct run run;
    struct pm_rewriter_config few = plain_config, many = plain_config;
    struct pm_reassembly_limits less = {.datagrams = 10, .bytes = 100000};
    struct pm_reassembly_limits more = {.datagrams = 500, .bytes = 9000000};
    few.datagrams = less.datagrams;
    few.fragment_bytes = less.bytes;
    many.datagrams = more.datagrams;
    many.fragment_bytes = more.bytes;
    run_begin(&run, swapping(53, "find", "with"), few);
    for (size_t own = 0; own <= 8; own += 8) /* the engine's own part is small */
        if (pm_rewriter_footprint(run.policy, &many) - pm_rewriter_footprint(run.policy, &few) ==
            pm_reassembly_footprint(&more, own) - pm_reassembly_footprint(&less, own)) {
            end(&run);
            return;
        }
    fail();
}

/* ------------------------------------------------------------------ growth */

static void a_datagram_that_outgrows_the_mtu_is_cut_where_its_sender_allows(void **state)
{
    (void)state;
    for (int options = 0; options < 2; options++) {
        struct run run;
        struct piece p;
        struct talk_out whole;
        struct pm_rewriter_config config = plain_config;
        config.mtu = 60;
        run_begin(&run, swapping(53, "find", "0123456789012345678901234567890123456789"), config);
        size_t len = make_datagram(p.bytes, 4, 0, 30, 10, "find"); /* 58 bytes */
        p.len = len;
        if (options) { /* one for every fragment, one for the first alone */
            memmove(p.bytes + 28, p.bytes + 20, len - 20);
            memcpy(p.bytes + 20, "\x94\x04\0\0\x44\x04\x05\0", 8);
            p.bytes[0] = 0x47;
            p.len += 8;
            talk_put(p.bytes + 2, (uint32_t)p.len, 2);
            piece_sum(p.bytes);
        }
        run_send(&run, &p);
        assert_int_equal(run.why, PM_WHY_EDITED);
        assert_true(run.count >= 2);
        for (size_t i = 0; i < run.count; i++)
            assert_true(run.out[i].len <= 60);
        if (options) {
            assert_memory_equal(run.out[0].bytes + 20, p.bytes + 20, 8);
            assert_memory_equal(run.out[1].bytes + 20, "\x94\x04\0\0\1\1\1\1", 8);
        }
        whole.len = piece_join(run.out, run.count, 0, whole.bytes);
        if (!options) {
            talk_read(&whole);
            assert_true(whole.checksums_right);
            assert_memory_equal(whole.p.payload + 10, "0123456789", 10);
            assert_int_equal(whole.p.payload_len, 66);
        }
        end(&run);
    }
}

static void what_no_ip_packet_holds_is_refused(void **state)
{
    (void)state;
    struct run run;
    struct piece p[40];
    static uint8_t ip[70000];
    static char with[40001];
    memset(with, 'x', 40000);
    for (int version = 4; version <= 6; version += 2) {
        static uint8_t payload[30000];
        struct talk_packet big = {.version = version,
                                  .udp = 1,
                                  .server_port = 53,
                                  .payload = payload,
                                  .payload_len = sizeof payload};
        memcpy(payload + 100, "find", 4);
        run_begin(&run, swapping(53, "find", with), plain_config);
        size_t count = number(p, piece_cut(p, ip, talk_build(&big, ip), 0, 7, 1480));
        for (size_t i = 0; i < count; i++)
            run_send(&run, &p[i]);
        assert_int_equal(run.why, PM_WHY_TOO_BIG);
        assert_int_equal(run.count, count);
        for (size_t i = 0; i < count; i++)
            expect_same(&run, i, &p[i]);
        end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_across_fragments_is_replaced_and_the_datagram_cut_again),
        cmocka_unit_test(what_fits_in_one_fragment_leaves_as_one_packet),
        cmocka_unit_test(a_datagram_that_no_rule_changes_leaves_as_the_fragments_that_came),
        cmocka_unit_test(a_copy_of_a_changed_fragment_leaves_with_its_datagram),
        cmocka_unit_test(a_tcp_segment_in_fragments_joins_its_stream),
        cmocka_unit_test(what_is_known_of_a_new_flow_holds_for_its_whole_datagram),
        cmocka_unit_test(a_later_fragment_waits_though_a_rule_wants_the_other_way),
        cmocka_unit_test(a_header_edit_that_needs_the_ports_reaches_every_fragment),
        cmocka_unit_test(fragments_that_no_rule_reaches_never_wait),
        cmocka_unit_test(with_the_first_fragment_the_others_leave_if_no_rule_wants_its_ports),
        cmocka_unit_test(other_protocols_never_wait),
        cmocka_unit_test(an_unfinished_datagram_leaves_a_replay_as_it_came),
        cmocka_unit_test(an_unfinished_datagram_is_dropped_live),
        cmocka_unit_test(contradicting_fragments_never_leave),
        cmocka_unit_test(an_ipv6_header_chain_must_not_go_on_in_another_fragment),
        cmocka_unit_test(a_tiny_first_fragment_of_ipv4_waits_for_the_rest),
        cmocka_unit_test(a_fragment_with_a_bad_header_checksum_counts_for_nothing),
        cmocka_unit_test(a_bad_udp_checksum_keeps_the_whole_datagram_as_it_came),
        cmocka_unit_test(a_truncated_fragment_lets_its_datagram_pass),
        cmocka_unit_test(full_tables_give_up_the_oldest_and_count_it),
        cmocka_unit_test(too_many_fragments_of_a_datagram_end_its_waiting),
        cmocka_unit_test(full_memory_is_given_to_what_is_new),
        cmocka_unit_test(the_footprint_counts_what_fragments_may_take),
        cmocka_unit_test(a_datagram_that_outgrows_the_mtu_is_cut_where_its_sender_allows),
        cmocka_unit_test(what_no_ip_packet_holds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
