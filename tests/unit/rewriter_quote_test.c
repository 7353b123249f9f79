/* rewriter_quote_test.c - ICMP errors that quote segments of rewritten streams. */
#include "run.h"

#define ISN_C 1000u
#define ISN_S 5000u

static const struct pm_rewriter_config replay = {.hash_key = {1, 2}, .mtu = 1500};
static const struct pm_rewriter_config live = {
    .hash_key = {1, 2}, .mode = PM_MODE_LIVE, .checksums = PM_CHECKSUMS_VERIFY, .mtu = 1500};

static size_t say(struct run *run, struct talk_packet p, int version)
{
    static struct piece piece;
    p.version = version;
    p.window = 60000;
    piece.len = talk_build(&p, piece.bytes);
    return run_send(run, &piece);
}

/* Client bytes at that offset of its stream; an answer of the server, both in the numbers that the
 * end itself uses. */
static struct talk_packet from_client(uint32_t off, uint32_t ack, const char *text)
{
    return (struct talk_packet){.flags = TALK_ACK,
                                .seq = ISN_C + 1 + off,
                                .ack = ISN_S + 1 + ack,
                                .payload = (const uint8_t *)text,
                                .payload_len = strlen(text)};
}

static struct talk_packet from_server(uint32_t off, uint32_t ack, const char *text)
{
    struct talk_packet p = from_client(off, 0, text);
    p.from_server = 1;
    p.seq = ISN_S + 1 + off;
    p.ack = ISN_C + 1 + ack;
    return p;
}

/* The client said "ab<find>cd" and the server answered "<find>": the edits grow by 4 each. */
static void begin_talk(struct run *run, struct pm_rewriter_config config, int version,
                       const char *with)
{
    static const uint8_t mss[4] = {2, 4, 1460 >> 8, 1460 & 255};
    struct pm_builder *b = pm_builder_new();
    struct pm_value tcp = {.kind = PM_VALUE_RANGE, .range = {6, 6}};
    talk_replace(b, "swap", pm_cond_test(b, PM_FIELD_IP_PROTO, &tcp, 1), "find", with);
    run_begin(run, b, config);
    struct talk_packet syn = {.flags = TALK_SYN, .seq = ISN_C};
    struct talk_packet ack = {
        .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1};
    syn.options = ack.options = mss;
    syn.options_len = ack.options_len = sizeof mss;
    assert_int_equal(say(run, syn, version), 1);
    assert_int_equal(say(run, ack, version), 1);
    bool is_live = config.mode == PM_MODE_LIVE;
    uint32_t grown = is_live ? (uint32_t)strlen(with) - 4 : 0;
    assert_int_equal(say(run, from_client(0, 0, "abfindcd"), version), 1);
    assert_int_equal(say(run, from_server(0, 8 + grown, "find"), version), 1);
    assert_int_equal(say(run, from_client(8, 4 + grown, "efgh"), version), 1);
}

/* An error to the client about a segment of its own, of which `quoted` bytes of TCP are shown. */
static void make_error(struct piece *e, int version, const struct talk_packet *segment,
                       size_t quoted, uint32_t mtu)
{
    static uint8_t ip[4000];
    struct talk_packet copy = *segment;
    copy.version = version;
    size_t head = version == 4 ? 20 : 40, len = talk_build(&copy, ip);
    size_t body = head + quoted < len ? head + quoted : len;
    uint8_t *l4 = e->bytes + head;
    memcpy(e->bytes, ip, head);
    memcpy(l4 + 8, ip, body);
    memset(l4, 0, 8);
    talk_addr(e->bytes + (version == 4 ? 12 : 8), version, 1);
    talk_addr(e->bytes + (version == 4 ? 16 : 24), version, 0);
    e->len = head + 8 + body;
    if (version == 4) {
        e->bytes[9] = 1;
        talk_put(e->bytes + 2, (uint32_t)e->len, 2);
        piece_sum(e->bytes);
        l4[0] = mtu ? 3 : 11;
        l4[1] = mtu ? 4 : 0;
        talk_put(l4 + 6, mtu, 2);
        talk_put(l4 + 2, (uint16_t)~talk_sum(l4, 8 + body, 0), 2);
        return;
    }
    e->bytes[6] = 58;
    talk_put(e->bytes + 4, (uint32_t)(8 + body), 2);
    l4[0] = mtu ? 2 : 3;
    talk_put(l4 + 4, mtu, 4);
    talk_put(l4 + 2, talk_l4_sum(e->bytes, head, e->len, 58), 2);
}

static uint32_t icmp_sum(const struct piece *e)
{
    if (e->bytes[0] >> 4 == 4)
        return (uint16_t)~talk_sum(e->bytes + 20, e->len - 20, 0);
    return talk_l4_sum(e->bytes, 40, e->len, 58);
}

static const uint8_t *quoted_tcp(const struct piece *e)
{
    return e->bytes + (e->bytes[0] >> 4 == 4 ? 20 + 8 + 20 : 40 + 8 + 40);
}

/* What the quoted checksum must be for the whole of this segment. */
static uint32_t sum_of(struct talk_packet p, int version, uint32_t seq, uint32_t ack)
{
    static uint8_t ip[4000];
    p.version = version;
    p.seq = seq;
    p.ack = ack;
    size_t head = version == 4 ? 20 : 40;
    talk_build(&p, ip);
    return talk_get(ip + head + 16, 2);
}

static void numbers_follow_however_much_is_quoted(void **state)
{
    (void)state;
    static const size_t shown[] = {8, 12, 16, 18, 20, 100};
    for (int is_live = 0; is_live < 2; is_live++)
        for (int version = 4; version <= 6; version += 2)
            for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
                struct run run;
                struct piece e;
                begin_talk(&run, is_live ? live : replay, version, "replaced");
                /* what the client sent last; as it left pktmod, or as it was recorded */
                struct talk_packet p = from_client(is_live ? 12 : 8, 4, "efgh");
                uint32_t seq = ISN_C + 1 + (is_live ? 8 : 12), ack = ISN_S + 1 + 8;
                make_error(&e, version, &p, shown[i], 0);
                assert_int_equal(run_send(&run, &e), 1);
                const uint8_t *tcp = quoted_tcp(&run.out[0]);
                assert_int_equal(run.why, PM_WHY_ICMP_QUOTE);
                assert_true(run.told[0].changed && run.out[0].len == e.len);
                assert_int_equal(talk_get(tcp + 4, 4), seq);
                if (shown[i] >= 12)
                    assert_int_equal(talk_get(tcp + 8, 4), ack);
                if (shown[i] >= 18)
                    assert_int_equal(talk_get(tcp + 16, 2), sum_of(p, version, seq, ack));
                assert_int_equal(icmp_sum(&run.out[0]), 0);
                assert_memory_equal(run.out[0].bytes, e.bytes, 20);
                run_end(&run);
            }
}

static void wrong_checksums_stay_wrong_by_as_much(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct piece e, right;
        struct talk_packet p = from_client(8, 4, "efgh");
        begin_talk(&run, replay, version, "replaced");
        make_error(&e, version, &p, 20, 0);
        run_send(&run, &e);
        right = run.out[0];
        size_t head = version == 4 ? 20 : 40;
        e.bytes[head + 2] ^= 0x10; /* of the error */
        run_send(&run, &e);
        assert_int_equal(run.count, 1);
        assert_true(icmp_sum(&run.out[0]) != 0);
        assert_int_equal(talk_get(quoted_tcp(&run.out[0]) + 4, 4), ISN_C + 1 + 12);
        e.bytes[head + 2] ^= 0x10;
        p.bad_checksum = 7; /* of what it quotes */
        make_error(&e, version, &p, 20, 0);
        run_send(&run, &e);
        uint32_t was = talk_get(quoted_tcp(&right) + 16, 2);
        assert_int_equal(talk_get(quoted_tcp(&run.out[0]) + 16, 2), (uint16_t)(was + 7));
        assert_int_equal(icmp_sum(&run.out[0]), 0);
        run_end(&run);
    }
}

static void an_error_from_the_middle_of_an_edit_names_its_beginning(void **state)
{
    (void)state;
    struct run run;
    struct piece e;
    begin_talk(&run, live, 4, "replaced");
    say(&run, from_client(12, 8, "xfindy"), 4); /* leaves as 16: x replaced y */
    for (uint32_t m = 16; m <= 26; m++) {
        struct talk_packet p = from_client(m, 4, "?");
        uint32_t o = m == 16 ? 12 : m < 25 ? 13 : m - 8;
        make_error(&e, 4, &p, 8, 0);
        run_send(&run, &e);
        assert_int_equal(talk_get(quoted_tcp(&run.out[0]) + 4, 4), ISN_C + 1 + o);
    }
    run_end(&run);
}

static void what_was_never_sent_and_other_errors_pass_as_they_are(void **state)
{
    (void)state;
    struct talk_packet last = from_client(12, 4, "efgh");
    struct talk_packet never = from_client(500, 4, "efgh");
    struct talk_packet other = last, syn = {.flags = TALK_SYN, .seq = ISN_C};
    other.client_port = 41000;
    const struct talk_packet *packets[4] = {&never, &other, &syn, &last};
    for (int i = 0; i < 4; i++) {
        struct run run;
        struct piece e;
        begin_talk(&run, live, 4, "replaced");
        make_error(&e, 4, packets[i], 20, 0);
        if (i == 3) { /* it is not for who sent the segment */
            e.bytes[19] = 77;
            piece_sum(e.bytes);
        }
        assert_int_equal(run_send(&run, &e), 1);
        assert_int_equal(run.why, PM_WHY_NONE);
        assert_memory_equal(run.out[0].bytes, e.bytes, e.len);
        run_end(&run);
    }
}

static void a_stream_that_was_not_stretched_leaves_errors_alone(void **state)
{
    (void)state;
    for (int is_live = 0; is_live < 2; is_live++) {
        struct run run;
        struct piece e;
        struct talk_packet p = from_client(8, 4, "efgh");
        begin_talk(&run, is_live ? live : replay, 4, "same");
        make_error(&e, 4, &p, 20, 0);
        assert_int_equal(run_send(&run, &e), 1);
        assert_false(run.told[0].changed);
        assert_memory_equal(run.out[0].bytes, e.bytes, e.len);
        run_end(&run);
    }
}

static void a_view_of_one_side_shows_what_that_side_saw(void **state)
{
    (void)state;
    static const struct {
        enum pm_view view;
        uint32_t seq, ack; /* behind the ISNs */
    } table[] = {{PM_VIEW_REWRITTEN, 13, 9}, {PM_VIEW_WIRE, 13, 5}, {PM_VIEW_HOST, 9, 9}};
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        struct piece e;
        struct pm_rewriter_config config = replay;
        struct talk_packet p = from_client(8, 4, "efgh");
        config.view = table[i].view;
        begin_talk(&run, config, 4, "replaced");
        make_error(&e, 4, &p, 20, 0);
        /* known from the capture: an ICMP flow of its own does not tell */
        uint8_t *exact = malloc(e.len);
        assert_non_null(exact);
        memcpy(exact, e.bytes, e.len);
        struct pm_packet packet = {
            .data = exact, .len = e.len, .wire_len = e.len, .link = 101, .dir = PM_DIR_IN};
        run.count = 0;
        pm_rewrite(run.rewriter, &packet, exact, 0);
        free(exact);
        const uint8_t *tcp = quoted_tcp(&run.out[0]);
        assert_int_equal(talk_get(tcp + 4, 4), ISN_C + table[i].seq);
        assert_int_equal(talk_get(tcp + 8, 4), ISN_S + table[i].ack);
        run_end(&run);
    }
}

/* How large the largest of the packets is that the client's next 1400 bytes become. */
static size_t largest_after(struct run *run, int version)
{
    static char text[1401];
    memset(text, '.', 1400);
    size_t largest = 0;
    say(run, from_client(12, 8, text), version);
    for (size_t i = 0; i < run->count; i++)
        largest = run->out[i].len > largest ? run->out[i].len : largest;
    return largest;
}

static void a_path_mtu_is_believed_for_what_is_in_flight(void **state)
{
    (void)state;
    static const struct {
        int version;
        uint32_t off, mtu; /* off: in what left */
        size_t largest;
    } table[] = {
        {4, 12, 1000, 1000}, {4, 12, 68, 576},      {6, 12, 1300, 1300}, {6, 12, 600, 1280},
        {4, 13, 1000, 1000}, {4, 900, 1000, 1440},  {4, 0, 1000, 1440}, /* acknowledged long ago */
        {4, 12, 9000, 1440}, {6, 12, 100000, 1460},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct run run;
        struct piece e;
        struct talk_packet p = from_client(table[i].off, 4, "efgh");
        struct pm_rewriter_config config = live;
        begin_talk(&run, config, table[i].version, "replaced");
        make_error(&e, table[i].version, &p, 20, table[i].mtu);
        assert_int_equal(run_send(&run, &e), 1);
        size_t head = table[i].version == 4 ? 20 : 40; /* what it asks for stays */
        assert_memory_equal(run.out[0].bytes + head + 4, e.bytes + head + 4, 4);
        size_t got = largest_after(&run, table[i].version);
        if (got > table[i].largest || got + 8 < table[i].largest)
            fail_msg("row %zu: %zu, not %zu", i, got, table[i].largest);
        run_end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_follow_however_much_is_quoted),
        cmocka_unit_test(wrong_checksums_stay_wrong_by_as_much),
        cmocka_unit_test(an_error_from_the_middle_of_an_edit_names_its_beginning),
        cmocka_unit_test(what_was_never_sent_and_other_errors_pass_as_they_are),
        cmocka_unit_test(a_stream_that_was_not_stretched_leaves_errors_alone),
        cmocka_unit_test(a_view_of_one_side_shows_what_that_side_saw),
        cmocka_unit_test(a_path_mtu_is_believed_for_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
