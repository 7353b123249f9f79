/* rewriter_impair_test.c - packets that leave damaged, doubled or in pieces because a rule wants
 * it.
 */
#include "ends.h"

/* Room for a few flows: what is not touched need not be there. */
#define SMALL                                                                                      \
    .retain_bytes = 1u << 20, .retain_dir_bytes = 1u << 16, .pending_bytes = 1u << 20,             \
    .pending_dir_bytes = 1u << 16, .edits = 1024, .streams = 64, .fragment_bytes = 1u << 16

static const struct pm_rewriter_config plain = {.hash_key = {1, 2}, .mtu = 1500, SMALL};
static const struct pm_rewriter_config live = {
    .hash_key = {1, 2}, .mtu = 1500, SMALL, .mode = PM_MODE_LIVE};

#define TEXT "the quick brown fox jumps over the lazy dog"
#define LEN  (sizeof TEXT - 1)

static const struct cargo text = {.payload = TEXT, .payload_len = LEN};

static struct ends udp(int version)
{
    return (struct ends){version, 17, 1, 9, 4000, 53};
}

static void add_rule(struct pm_builder *b, const char *id, const struct pm_op_spec *ops, size_t n)
{
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = id,
                                                  .match = PM_COND_TRUE,
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = ops,
                                                  .op_count = n});
}

static void begin_op(struct run *run, struct pm_op_spec op, struct pm_rewriter_config config)
{
    struct pm_builder *b = pm_builder_new();
    add_rule(b, "impair", &op, 1);
    run_begin(run, b, config);
}

static struct pm_op_spec impair(enum pm_op_kind kind, uint32_t amount, bool fix)
{
    return (struct pm_op_spec){.kind = kind,
                               .impair = {.probability = PM_ALWAYS, .amount = amount, .fix = fix}};
}

static unsigned bits_between(const uint8_t *a, const uint8_t *b, size_t len)
{
    unsigned bits = 0;
    for (size_t i = 0; i < len; i++)
        for (unsigned diff = a[i] ^ b[i]; diff; diff &= diff - 1)
            bits++;
    return bits;
}

/* ------------------------------------------------------------------ corrupt */

static void exactly_so_many_bits_of_the_payload_flip(void **state)
{
    (void)state;
    static const uint32_t amounts[] = {1, 2, 7, 64};
    for (int i = 0; i < 16; i++) {
        struct run run;
        int version = i & 1 ? 6 : 4, fix = i >> 1 & 1;
        struct piece in = ends_piece(udp(version), text);
        size_t head = in.len - LEN;
        begin_op(&run, impair(PM_OP_CORRUPT, amounts[i / 4], fix), plain);
        run_send(&run, &in);
        assert_int_equal(run.count, 1);
        assert_int_equal(run.out[0].len, in.len);
        assert_int_equal(bits_between(in.bytes + head, run.out[0].bytes + head, LEN),
                         amounts[i / 4]);
        assert_int_equal(memcmp(in.bytes, run.out[0].bytes, head) == 0, !fix);
        assert_int_equal(talk_l4_sum(run.out[0].bytes, head - 8, in.len, 17) == 0, fix);
        assert_int_equal(run.told[0].why, PM_WHY_IMPAIRED);
        assert_true(run.told[0].changed);
        assert_int_equal(run_counted(&run, PM_WHY_IMPAIRED), 1);
        assert_int_equal(pm_rewriter_rule_stats(run.rewriter, 0)->packets, 1);
        run_end(&run);
    }
}

static void fewer_bits_than_wanted_all_flip(void **state)
{
    (void)state;
    struct run run;
    struct cargo one = {.payload = "\x0f", .payload_len = 1};
    begin_op(&run, impair(PM_OP_CORRUPT, 64, true), plain);
    ends_send(&run, udp(4), one, 1);
    assert_int_equal(run.out[0].bytes[28], 0xf0);
    ends_send(&run, udp(4), (struct cargo){.payload_len = 0}, 1); /* nothing to corrupt */
    ends_expect(&run, 0, udp(4), (struct cargo){.payload_len = 0});
    assert_int_equal(run.told[0].why, PM_WHY_NONE);
    run_end(&run);
}

static void what_has_no_checksum_gets_none(void **state)
{
    (void)state;
    struct run run;
    struct cargo c = text;
    c.no_checksum = 1;
    begin_op(&run, impair(PM_OP_CORRUPT, 3, true), plain);
    ends_send(&run, udp(4), c, 1);
    assert_int_equal(talk_get(run.out[0].bytes + 26, 2), 0);
    run_end(&run);
}

static void a_packet_that_came_broken_is_not_mended_by_a_fix(void **state)
{
    (void)state;
    struct run run;
    struct pm_rewriter_config config = plain;
    struct cargo c = text;
    c.bad_checksum = 5;
    config.checksums = PM_CHECKSUMS_VERIFY;
    begin_op(&run, impair(PM_OP_CORRUPT, 3, true), config);
    ends_send(&run, udp(4), c, 1);
    ends_expect(&run, 0, udp(4), c);
    run_end(&run);
}

/* ------------------------------------------------------------------ chance */

static void draws_are_as_likely_as_said_and_the_same_again(void **state)
{
    (void)state;
    char first[2001], again[2001];
    for (int turn = 0; turn < 2; turn++) {
        struct run run;
        struct pm_op_spec op = impair(PM_OP_CORRUPT, 1, false);
        unsigned hits = 0;
        char *out = turn ? again : first;
        op.impair.probability = PM_ALWAYS / 4;
        op.impair.seed = 3;
        begin_op(&run, op, plain);
        for (int i = 0; i < 2000; i++) {
            ends_send(&run, udp(4), text, 1);
            out[i] = run.told[0].changed ? 'x' : '.';
            hits += run.told[0].changed;
        }
        out[2000] = 0;
        assert_true(hits > 420 && hits < 580);
        run_end(&run);
    }
    assert_string_equal(first, again);
}

static void another_rule_does_not_deal_anew(void **state)
{
    (void)state;
    uint8_t got[2][200];
    for (int more = 0; more < 2; more++) {
        struct run run;
        struct pm_builder *b = pm_builder_new();
        struct pm_op_spec other = impair(PM_OP_DUPLICATE, 1, false);
        struct pm_op_spec op = impair(PM_OP_CORRUPT, 1, false);
        other.impair.probability = op.impair.probability = PM_ALWAYS / 2;
        if (more)
            add_rule(b, "another", &other, 1);
        add_rule(b, "impair", &op, 1);
        run_begin(&run, b, plain);
        struct piece clean = ends_piece(udp(4), text);
        for (int i = 0; i < 200; i++) {
            ends_send(&run, udp(4), text, 1);
            got[more][i] = memcmp(run.out[0].bytes, clean.bytes, clean.len) != 0;
        }
        run_end(&run);
    }
    assert_memory_equal(got[0], got[1], 200);
}

static void never_is_never(void **state)
{
    (void)state;
    struct run run;
    struct pm_op_spec op = impair(PM_OP_DUPLICATE, 3, false);
    op.impair.probability = 0;
    begin_op(&run, op, plain);
    for (int i = 0; i < 500; i++)
        assert_int_equal(ends_send(&run, udp(4), text, 1), 1);
    run_end(&run);
}

/* ------------------------------------------------------------------ duplicate */

static void copies_follow_the_packet_and_say_what_they_are(void **state)
{
    (void)state;
    struct run run;
    begin_op(&run, impair(PM_OP_DUPLICATE, 3, false), plain);
    assert_int_equal(ends_send(&run, udp(6), text, 1), 4);
    for (size_t i = 0; i < 4; i++) {
        ends_expect(&run, i, udp(6), text);
        assert_int_equal(run.told[i].why, i ? PM_WHY_IMPAIRED : PM_WHY_NONE);
        assert_int_equal(run.told[i].changed, i > 0);
    }
    assert_int_equal(pm_rewriter_stats(run.rewriter)->emitted, 4);
    run_end(&run);
}

/* ------------------------------------------------------------------ truncate */

static void a_short_packet_tells_so_or_lies(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct cargo shorter = {.payload = TEXT, .payload_len = 10};
        begin_op(&run, impair(PM_OP_TRUNCATE, 10, true), plain);
        ends_send(&run, udp(version), text, 1);
        ends_expect(&run, 0, udp(version), shorter);
        ends_send(&run, udp(version), shorter, 1); /* no longer than that already */
        assert_false(run.told[0].changed);
        run_end(&run);
        begin_op(&run, impair(PM_OP_TRUNCATE, 10, false), plain);
        struct piece in = ends_piece(udp(version), text);
        run_send(&run, &in);
        assert_int_equal(run.out[0].len, in.len - LEN + 10);
        assert_int_equal(run.told[0].wire_len, run.out[0].len);
        assert_memory_equal(run.out[0].bytes, in.bytes, run.out[0].len);
        run_end(&run);
    }
}

static void a_shorter_segment_does_not_end_the_stream(void **state)
{
    (void)state;
    struct run run;
    struct ends e = {4, 6, 1, 9, 4000, 80};
    struct cargo fin = text, want;
    fin.flags = TALK_ACK | TALK_PSH | TALK_FIN;
    fin.seq = 77;
    want = fin;
    want.flags = TALK_ACK;
    want.payload_len = 5;
    begin_op(&run, impair(PM_OP_TRUNCATE, 5, true), plain);
    ends_send(&run, e, fin, 1);
    ends_expect(&run, 0, e, want);
    run_end(&run);
}

/* ------------------------------------------------------------------ segment */

static void segments_tile_the_payload_with_right_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct run run;
        int version = i & 1 ? 6 : 4;
        uint32_t size = (uint32_t[]){1, 7, 43, 42}[i / 2];
        struct ends e = {version, 6, 1, 9, 4000, 80};
        struct cargo c = text;
        c.flags = TALK_ACK | TALK_PSH | TALK_FIN | 0x80; /* CWR */
        c.seq = 0xffffffe0u;                             /* wraps within */
        begin_op(&run, impair(PM_OP_SEGMENT, size, false), i == 4 ? live : plain);
        size_t count = ends_send(&run, e, c, 1);
        assert_int_equal(count, (LEN + size - 1) / size);
        for (size_t k = 0; k < count; k++) {
            struct cargo want = c;
            bool is_last = k + 1 == count;
            want.seq += (uint32_t)k * size;
            want.payload = &TEXT[k * size];
            want.payload_len = is_last ? LEN - k * size : size;
            want.flags =
                (uint8_t)(TALK_ACK | (k == 0 ? 0x80 : 0) | (is_last ? TALK_PSH | TALK_FIN : 0));
            struct piece p = ends_piece(e, want);
            if (version == 4) { /* each datagram has its own number */
                talk_put(p.bytes + 4, talk_get(run.out[k].bytes + 4, 2), 2);
                talk_put(p.bytes + 10, 0, 2);
                talk_put(p.bytes + 10, (uint16_t)~talk_sum(p.bytes, 20, 0), 2);
            }
            ends_expect_piece(&run, k, &p);
            assert_int_equal(run.told[k].part, k);
        }
        run_end(&run);
    }
}

static void a_syn_with_data_is_one_segment_and_others(void **state)
{
    (void)state;
    struct run run;
    struct ends e = {6, 6, 1, 9, 4000, 80};
    struct cargo c = text, first, second;
    c.flags = TALK_SYN;
    c.seq = 10;
    first = second = c;
    first.payload_len = 40;
    second.flags = 0;
    second.seq = 51;
    second.payload = &TEXT[40];
    second.payload_len = 3;
    begin_op(&run, impair(PM_OP_SEGMENT, 40, false), plain);
    assert_int_equal(ends_send(&run, e, c, 1), 2);
    ends_expect(&run, 0, e, first);
    ends_expect(&run, 1, e, second);
    run_end(&run);
}

static void rewritten_streams_are_cut_after_their_edits(void **state)
{
    (void)state;
    struct run run;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = impair(PM_OP_SEGMENT, 8, false);
    struct ends e = {6, 6, 1, 9, 4000, 80};
    talk_replace(b, "swap", talk_flow(b, 0), "cat", "elephant");
    add_rule(b, "cut", &op, 1);
    run_begin(&run, b, plain);
    ends_send(&run, e, (struct cargo){.flags = TALK_SYN, .seq = 99}, 1);
    struct cargo c = {
        .flags = TALK_ACK | TALK_PSH, .seq = 100, .payload = "a cat!", .payload_len = 6};
    assert_int_equal(ends_send(&run, e, c, 1), 2);
    ends_expect(
        &run, 0, e,
        (struct cargo){.flags = TALK_ACK, .seq = 100, .payload = "a elepha", .payload_len = 8});
    ends_expect(&run, 1, e,
                (struct cargo){
                    .flags = TALK_ACK | TALK_PSH, .seq = 108, .payload = "nt!", .payload_len = 3});
    run_end(&run);
}

/* ------------------------------------------------------------------ fragment */

static void fragments_join_to_what_was_cut(void **state)
{
    (void)state;
    static uint8_t payload[1200], joined[2000];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 5);
    for (int i = 0; i < 12; i++) {
        struct run run;
        int version = i & 1 ? 6 : 4, is_reversed = i >> 1 & 1;
        uint32_t size = (uint32_t[]){68, 300, 1199}[i / 4];
        struct cargo c = {.payload = payload, .payload_len = sizeof payload};
        struct pm_op_spec op = impair(PM_OP_FRAGMENT, size, false);
        op.impair.is_reversed = is_reversed;
        begin_op(&run, op, plain);
        size_t count = ends_send(&run, udp(version), c, 1);
        assert_true(count > 1);
        size_t whole_len = 0;
        for (size_t k = 0; k < count; k++) {
            const uint8_t *ip = run.out[k].bytes;
            size_t from =
                version == 4 ? (talk_get(ip + 6, 2) & 0x1fff) * 8 : talk_get(ip + 42, 2) & 0xfff8;
            assert_true(run.out[k].len <= size);
            assert_int_equal(run.told[k].why, PM_WHY_IMPAIRED);
            assert_int_equal(from == 0, k == (is_reversed ? count - 1 : 0));
        }
        whole_len = piece_join(run.out, count, 0, joined);
        struct piece want = ends_piece(udp(version), c);
        assert_int_equal(whole_len, want.len);
        assert_memory_equal(joined, want.bytes, want.len);
        run_end(&run);
    }
}

static void who_forbids_fragments_is_obeyed(void **state)
{
    (void)state;
    struct run run;
    struct piece in = ends_piece(udp(4), text);
    in.bytes[6] = 0x40;
    talk_put(in.bytes + 10, 0, 2);
    piece_sum(in.bytes);
    begin_op(&run, impair(PM_OP_FRAGMENT, 68, false), plain);
    run_send(&run, &in);
    ends_expect_piece(&run, 0, &in);
    assert_int_equal(run_counted(&run, PM_WHY_DONT_FRAGMENT), 1);
    assert_int_equal(run_counted(&run, PM_WHY_IMPAIRED), 0);
    run_end(&run);
}

static void the_v6_fragment_header_stands_behind_hop_by_hop(void **state)
{
    (void)state;
    struct run run;
    struct piece in = ends_piece(udp(6), text), with = in;
    memmove(with.bytes + 48, in.bytes + 40, in.len - 40);
    with.len = in.len + 8;
    memcpy(with.bytes + 40, (uint8_t[]){17, 0, 1, 4, 0, 0, 0, 0}, 8);
    with.bytes[6] = 0;
    talk_put(with.bytes + 4, (uint32_t)with.len - 40, 2);
    begin_op(&run, impair(PM_OP_FRAGMENT, 80, false), plain);
    assert_int_equal(run_send(&run, &with), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(run.out[i].bytes[6], 0);
        assert_int_equal(run.out[i].bytes[40], 44);
        assert_int_equal(run.out[i].bytes[48], 17);
    }
    run_end(&run);
}

/* ------------------------------------------------------------------ together */

static void impairments_come_in_their_own_order(void **state)
{
    (void)state;
    struct run run;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec ops[] = {impair(PM_OP_DUPLICATE, 1, false), impair(PM_OP_TRUNCATE, 4, true),
                               impair(PM_OP_SEGMENT, 20, false)};
    struct ends e = {6, 6, 1, 9, 4000, 80};
    struct cargo c = text;
    c.flags = TALK_ACK;
    add_rule(b, "all", ops, 3);
    run_begin(&run, b, plain);
    assert_int_equal(ends_send(&run, e, c, 1), 6);
    for (size_t i = 0; i < 6; i++) { /* three segments, the last of 3 bytes, each twice */
        size_t off = i / 2 * 20;
        ends_expect(&run, i, e,
                    (struct cargo){.flags = TALK_ACK,
                                   .seq = (uint32_t)off,
                                   .payload = &TEXT[off],
                                   .payload_len = off == 40 ? 3 : 4});
    }
    run_end(&run);
}

static void a_datagram_of_fragments_leaves_as_such(void **state)
{
    (void)state;
    struct run run;
    static uint8_t payload[3000], joined[4096];
    static struct piece cut[8];
    struct cargo c = {.payload = payload, .payload_len = sizeof payload};
    struct pm_op_spec op = impair(PM_OP_CORRUPT, 1, true);
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "wait", PM_COND_TRUE, "nowhere", "x"); /* fragments wait for a text edit */
    add_rule(b, "impair", &op, 1);
    run_begin(&run, b, plain);
    struct piece whole = ends_piece(udp(4), c);
    size_t n = piece_cut(cut, whole.bytes, whole.len, 0, 77, 1400);
    for (size_t k = 0; k < n; k++)
        run_send(&run, &cut[k]);
    assert_int_equal(run.count, n);
    size_t len = piece_join(run.out, run.count, 0, joined);
    assert_int_equal(len, whole.len);
    assert_int_equal(bits_between(joined + 28, whole.bytes + 28, sizeof payload), 1);
    assert_int_equal(talk_l4_sum(joined, 20, len, 17), 0);
    run_end(&run);
}

static void unreasonable_amounts_are_refused(void **state)
{
    (void)state;
    static const struct pm_op_spec bad[] = {
        {.kind = PM_OP_CORRUPT, .impair = {.probability = PM_ALWAYS, .amount = 0}},
        {.kind = PM_OP_CORRUPT, .impair = {.probability = PM_ALWAYS, .amount = 65}},
        {.kind = PM_OP_CORRUPT, .impair = {.probability = PM_ALWAYS + 1, .amount = 1}},
        {.kind = PM_OP_DUPLICATE, .impair = {.probability = 1, .amount = 0}},
        {.kind = PM_OP_DUPLICATE, .impair = {.probability = 1, .amount = 17}},
        {.kind = PM_OP_SEGMENT, .impair = {.probability = 1, .amount = 0}},
        {.kind = PM_OP_FRAGMENT, .impair = {.probability = 1, .amount = 67}},
        {.kind = PM_OP_TCP_OPTIONS, .tcp_options = {.mss_max = 0}},
        {.kind = PM_OP_NAT, .set = {.field = PM_FIELD_IP_TTL, .number = 1}},
        {.kind = PM_OP_NAT, .set = {.field = PM_FIELD_UDP_SRCPORT, .number = 65536}},
        {.kind = PM_OP_NAT, .set = {.field = PM_FIELD_IP_SRC}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pm_op_fault fault;
        assert_false(pm_op_check(&bad[i], &fault));
        assert_true(strlen(fault.text) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_so_many_bits_of_the_payload_flip),
        cmocka_unit_test(fewer_bits_than_wanted_all_flip),
        cmocka_unit_test(what_has_no_checksum_gets_none),
        cmocka_unit_test(a_packet_that_came_broken_is_not_mended_by_a_fix),
        cmocka_unit_test(draws_are_as_likely_as_said_and_the_same_again),
        cmocka_unit_test(another_rule_does_not_deal_anew),
        cmocka_unit_test(never_is_never),
        cmocka_unit_test(copies_follow_the_packet_and_say_what_they_are),
        cmocka_unit_test(a_short_packet_tells_so_or_lies),
        cmocka_unit_test(a_shorter_segment_does_not_end_the_stream),
        cmocka_unit_test(segments_tile_the_payload_with_right_numbers),
        cmocka_unit_test(a_syn_with_data_is_one_segment_and_others),
        cmocka_unit_test(rewritten_streams_are_cut_after_their_edits),
        cmocka_unit_test(fragments_join_to_what_was_cut),
        cmocka_unit_test(who_forbids_fragments_is_obeyed),
        cmocka_unit_test(the_v6_fragment_header_stands_behind_hop_by_hop),
        cmocka_unit_test(impairments_come_in_their_own_order),
        cmocka_unit_test(a_datagram_of_fragments_leaves_as_such),
        cmocka_unit_test(unreasonable_amounts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
