/* filter_reject_test.c - what tells of a reject, to whom, and what nothing may answer. */
#include "judge.h"

#define SYN_SEQ 1000u

static void begin(struct judge *j, enum pm_reject reject, uint32_t rate, pm_cond_id match,
                  struct pm_builder *b)
{
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.reject_rate = rate;
    pm_builder_settings(b, &settings);
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){
               .id = "reject", .match = match, .action = PM_ACTION_REJECT, .reject = reject});
    judge_begin(j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
}

static void begin_all(struct judge *j, enum pm_reject reject, uint32_t rate)
{
    begin(j, reject, rate, PM_COND_TRUE, pm_builder_new());
}

static void read_reply(const struct judge *j, uint32_t i, struct talk_out *out)
{
    struct pm_reply reply = pm_filter_reply(j->filter, i);
    memset(out, 0, sizeof *out);
    memcpy(out->bytes, reply.data, reply.len);
    out->len = reply.len;
    out->dir = reply.dir;
    talk_read(out);
    assert_true(out->checksums_right);
}

static void a_syn_is_answered_behind_what_it_brought(void **state)
{
    (void)state;
    static struct talk_out out;
    for (int version = 4; version <= 6; version += 2) {
        struct judge j;
        begin_all(&j, PM_REJECT_AUTO, 100);
        struct talk_packet p = {.version = version,
                                .flags = TALK_SYN,
                                .seq = SYN_SEQ,
                                .payload = (const uint8_t *)"early",
                                .payload_len = 5};
        struct pm_decision d = judge_packet(&j, &p, 0);
        assert_int_equal(d.verdict, PM_REJECT);
        assert_int_equal(d.reply_count, 1);
        assert_true(pm_filter_reply(j.filter, 0).to_sender);
        read_reply(&j, 0, &out);
        assert_int_equal(out.p.from_server, 1);
        assert_int_equal(out.p.flags, TALK_RST | TALK_ACK);
        assert_int_equal(out.p.seq, 0);
        assert_int_equal(out.p.ack, SYN_SEQ + 6);
        assert_int_equal(out.dir, PM_DIR_IN);
        judge_end(&j);
    }
}

/* A repeated segment is behind what the receiver has: its number would be out of the window. */
static void in_a_connection_both_ends_are_told_with_numbers_they_take(void **state)
{
    (void)state;
    static struct talk_out out;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    begin(&j, PM_REJECT_TCP_RESET, 100, judge_number(b, PM_FIELD_IP_TTL, 0, 9), b);
    struct talk_packet p = {.flags = TALK_ACK,
                            .seq = 0xfffffffeu,
                            .ack = 77,
                            .payload = (const uint8_t *)"12345",
                            .payload_len = 5};
    assert_int_equal(judge_packet(&j, &p, 0).verdict, PM_ALLOW);
    p.ttl = 9;
    struct pm_decision d = judge_packet(&j, &p, 0);
    assert_int_equal(d.reply_count, 2);
    read_reply(&j, 0, &out);
    assert_int_equal(out.p.flags, TALK_RST);
    assert_int_equal(out.p.seq, 77);
    assert_int_equal(out.p.from_server, 1);
    read_reply(&j, 1, &out);
    assert_false(pm_filter_reply(j.filter, 1).to_sender);
    assert_int_equal(out.p.flags, TALK_RST | TALK_ACK);
    assert_int_equal(out.p.seq, 3);
    assert_int_equal(out.p.ack, 77);
    assert_int_equal(out.p.from_server, 0);
    judge_end(&j);
}

static uint16_t whole_sum(const uint8_t *bytes, size_t len)
{
    return (uint16_t)~talk_sum(bytes, len, 0);
}

static void an_icmp_error_quotes_as_much_as_it_may(void **state)
{
    (void)state;
    static uint8_t payload[2000], ip[TALK_PACKET];
    static const size_t lens[] = {0, 3, 520, 521, 1200, 2000};
    for (size_t i = 0; i < 6; i++)
        for (int version = 4; version <= 6; version += 2) {
            struct judge j;
            struct talk_packet p = {
                .version = version, .udp = 1, .payload = payload, .payload_len = lens[i]};
            size_t header = version == 4 ? 20 : 40, most = version == 4 ? 576 : 1280;
            size_t len = talk_build(&p, ip), quoted = most - header - 8;
            quoted = len < quoted ? len : quoted;
            begin_all(&j, PM_REJECT_AUTO, 100);
            assert_int_equal(judge_packet(&j, &p, 0).reply_count, 1);
            struct pm_reply reply = pm_filter_reply(j.filter, 0);
            assert_int_equal(reply.len, header + 8 + quoted);
            assert_memory_equal(reply.data + header + 8, ip, quoted);
            const uint8_t *icmp = reply.data + header;
            assert_int_equal(icmp[0], version == 4 ? 3 : 1);
            assert_int_equal(icmp[1], version == 4 ? 13 : 1);
            if (version == 4) {
                assert_int_equal(whole_sum(reply.data, header), 0);
                assert_int_equal(whole_sum(icmp, reply.len - header), 0);
            } else {
                assert_int_equal(talk_l4_sum(reply.data, header, reply.len, 58), 0);
            }
            judge_end(&j);
        }
}

struct silent {
    const char *what;
    struct talk_packet packet;
    size_t at; /* IP header byte that is changed */
    uint8_t value;
};

static void fix_ip_sum(uint8_t *ip)
{
    talk_put(ip + 10, 0, 2);
    talk_put(ip + 10, whole_sum(ip, 20), 2);
}

static void what_nothing_may_answer_is_dropped_without_a_word(void **state)
{
    (void)state;
    static uint8_t ip[TALK_PACKET];
    static const struct silent rows[] = {
        {"a reset", {.flags = TALK_RST | TALK_ACK}, 1, 0},
        {"a wrong checksum", {.flags = TALK_SYN, .bad_checksum = 1}, 1, 0},
        {"to a group", {.udp = 1, .no_checksum = 1}, 16, 224},
        {"to everybody", {.udp = 1, .no_checksum = 1}, 16, 255},
        {"from a group", {.udp = 1, .no_checksum = 1}, 12, 239},
        {"from nobody", {.udp = 1, .no_checksum = 1}, 12, 0},
        {"a later fragment", {.udp = 1, .no_checksum = 1}, 7, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judge j;
        begin_all(&j, PM_REJECT_AUTO, 100);
        size_t len = talk_build(&rows[i].packet, ip);
        ip[rows[i].at] = rows[i].value;
        fix_ip_sum(ip);
        struct pm_decision d = judge_bytes(&j, ip, len, 0, 0);
        if (d.why != PM_WHY_REJECT_SILENT)
            print_error("answered: %s\n", rows[i].what);
        assert_int_equal(d.verdict, PM_REJECT);
        assert_int_equal(d.why, PM_WHY_REJECT_SILENT);
        assert_int_equal(d.reply_count, 0);
        judge_end(&j);
    }
}

static void icmp_errors_are_never_answered_and_questions_are(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 20; type++) {
        bool is_error = (type >= 3 && type <= 5) || type == 11 || type == 12;
        uint8_t ip[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
        struct judge j;
        begin_all(&j, PM_REJECT_ICMP_ADMIN, 100);
        ip[20] = (uint8_t)type;
        talk_put(ip + 22, whole_sum(ip + 20, 8), 2);
        fix_ip_sum(ip);
        assert_int_equal(judge_bytes(&j, ip, sizeof ip, 0, 0).reply_count, is_error ? 0 : 1);
        judge_end(&j);
    }
}

static void a_reset_for_what_is_no_segment_is_silent(void **state)
{
    (void)state;
    struct judge j;
    begin_all(&j, PM_REJECT_TCP_RESET, 100);
    struct talk_packet p = judge_udp(1000, 0);
    assert_int_equal(judge_packet(&j, &p, 0).why, PM_WHY_REJECT_SILENT);
    judge_end(&j);
}

static void no_more_than_reject_rate_packets_tell_of_rejects(void **state)
{
    (void)state;
    for (uint32_t rate = 0; rate < 4; rate++) {
        struct judge j;
        uint64_t replies = 0;
        begin_all(&j, PM_REJECT_AUTO, rate);
        for (uint16_t i = 0; i < 10; i++) {
            struct talk_packet p = judge_udp((uint16_t)(1000 + i), 0);
            struct pm_decision d = judge_packet(&j, &p, 0);
            assert_int_equal(d.why, d.reply_count ? PM_WHY_RULE : PM_WHY_REJECT_LIMITED);
            replies += d.reply_count;
        }
        assert_int_equal(replies, rate);
        assert_int_equal(judge_why(&j, PM_WHY_REJECT_LIMITED), 10 - rate);
        struct talk_packet later = judge_udp(2000, S);
        assert_int_equal(judge_packet(&j, &later, 0).reply_count, rate > 0);
        assert_int_equal(pm_filter_stats(j.filter)->rejected, 11);
        judge_end(&j);
    }
}

/* Ethernet with a VLAN, and Linux cooked: addresses turned round, tags kept. */
static void the_link_header_is_mirrored(void **state)
{
    (void)state;
    static const uint8_t vlan[18] = {1 << 1, 2,  3,  4,    5, 6, 10, 11, 12,
                                     13,     14, 15, 0x81, 0, 0, 42, 8,  0};
    static const uint8_t turned[18] = {10, 11, 12, 13,   14, 15, 2,  2, 3,
                                       4,  5,  6,  0x81, 0,  0,  42, 8, 0};
    uint8_t frame[18 + 64];
    struct judge j;
    begin_all(&j, PM_REJECT_AUTO, 100);
    memcpy(frame, vlan, sizeof vlan);
    struct talk_packet p = judge_udp(1000, 0);
    size_t len = 18 + talk_build(&p, frame + 18);
    struct pm_packet packet = {
        .data = frame, .len = len, .wire_len = len, .link = 1, .dir = PM_DIR_OUT};
    assert_int_equal(pm_filter_decide(j.filter, &packet, 0).reply_count, 1);
    struct pm_reply reply = pm_filter_reply(j.filter, 0);
    assert_int_equal(reply.link, 1);
    assert_int_equal(reply.dir, PM_DIR_IN);
    assert_memory_equal(reply.data, turned, sizeof turned);
    frame[0] |= 1; /* to a group */
    assert_int_equal(pm_filter_decide(j.filter, &packet, 0).why, PM_WHY_REJECT_SILENT);
    judge_end(&j);
}

/* Each link header as it came, and as it goes back. */
static void every_link_header_goes_back_as_its_kind_does(void **state)
{
    (void)state;
    static const struct {
        uint16_t link;
        int version;
        size_t len, group_at; /* a byte that says how it was addressed, if any does */
        uint8_t came[20], turned[20], group;
    } rows[] = {
        {.link = 0, .version = 4, .len = 4, .came = {2}, .turned = {2}},
        {.link = 0, .version = 6, .len = 4, .came = {30}, .turned = {30}},
        {.link = 108, .version = 4, .len = 4, .came = {0, 0, 0, 2}, .turned = {0, 0, 0, 2}},
        {.link = 113, /* SLL: type, ARPHRD, length and address of the sender, EtherType */
         .version = 4,
         .len = 16,
         .group_at = 1,
         .group = 2,
         .came = {0, 0, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 8, 0},
         .turned = {0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}},
        {.link = 113,
         .version = 6,
         .len = 16,
         .group_at = 1,
         .group = 1,
         .came = {0, 4, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 0x86, 0xdd},
         .turned = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd}},
        {.link = 276, /* SLL2: EtherType, 0, interface, ARPHRD, type, length, address */
         .version = 4,
         .len = 20,
         .group_at = 10,
         .group = 1,
         .came = {8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 3, 4, 5, 6, 7, 0, 0},
         .turned = {8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t frame[20 + 80];
        struct judge j;
        begin_all(&j, PM_REJECT_AUTO, 100);
        struct talk_packet p = {.version = rows[i].version, .flags = TALK_SYN, .seq = SYN_SEQ};
        memcpy(frame, rows[i].came, rows[i].len);
        size_t len = rows[i].len + talk_build(&p, frame + rows[i].len);
        struct pm_packet packet = {
            .data = frame, .len = len, .wire_len = len, .link = rows[i].link, .dir = PM_DIR_OUT};
        assert_int_equal(pm_filter_decide(j.filter, &packet, 0).reply_count, 1);
        struct pm_reply reply = pm_filter_reply(j.filter, 0);
        assert_int_equal(reply.link, rows[i].link);
        assert_memory_equal(reply.data, rows[i].turned, rows[i].len);
        static struct talk_out out; /* what stands behind it is a reset for the sender */
        memcpy(out.bytes, reply.data + rows[i].len, reply.len - rows[i].len);
        out.len = reply.len - rows[i].len;
        talk_read(&out);
        assert_true(out.checksums_right && out.p.from_server == 1);
        assert_int_equal(out.p.flags, TALK_RST | TALK_ACK);
        assert_int_equal(out.p.ack, SYN_SEQ + 1);
        if (rows[i].group_at > 0) {
            frame[rows[i].group_at] = rows[i].group;
            assert_int_equal(pm_filter_decide(j.filter, &packet, 0).why, PM_WHY_REJECT_SILENT);
        }
        judge_end(&j);
    }
}

/* ------------------------------------------------------------------ after rewriting */

static void begin_late(struct judge *j)
{
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "late",
                                                  .match = PM_COND_TRUE,
                                                  .action = PM_ACTION_REJECT,
                                                  .stage = PM_STAGE_AFTER_REWRITE});
    judge_begin(j, b,
                &(struct pm_filter_config){.hash_key = {1, 2}, .stage = PM_STAGE_AFTER_REWRITE});
}

/* The packet as it left the rewriter, and as it came; NULL: that is gone. */
static struct pm_decision judge_late(struct judge *j, const struct talk_packet *left,
                                     const struct talk_packet *came)
{
    static uint8_t ip[2][TALK_PACKET];
    struct pm_packet original = {.data = ip[1], .link = 101, .dir = PM_DIR_OUT};
    struct pm_packet packet = {.data = ip[0], .link = 101, .dir = PM_DIR_OUT};
    packet.len = packet.wire_len = talk_build(left, ip[0]);
    if (came) {
        original.len = original.wire_len = talk_build(came, ip[1]);
        original.len = original.len < PM_REPLY_MAX ? original.len : PM_REPLY_MAX;
        packet.original = &original;
    }
    return pm_filter_decide(j->filter, &packet, 0);
}

static void after_rewriting_each_end_is_told_with_the_numbers_it_knows(void **state)
{
    (void)state;
    static struct talk_out out;
    static const uint8_t text[2000] = {1};
    for (size_t len = 5; len <= 2000; len += 1995) { /* the longer one is not there whole */
        struct judge j;
        struct talk_packet left = {
            .flags = TALK_ACK, .seq = 5000, .ack = 77, .payload = text, .payload_len = len};
        struct talk_packet came = left;
        came.seq = 4000;
        came.ack = 99;
        begin_late(&j);
        assert_int_equal(judge_late(&j, &left, &came).reply_count, 2);
        read_reply(&j, 0, &out);
        assert_true(pm_filter_reply(j.filter, 0).to_sender && out.p.from_server);
        assert_int_equal(out.p.seq, 99);
        read_reply(&j, 1, &out);
        assert_false(pm_filter_reply(j.filter, 1).to_sender);
        assert_int_equal(out.p.seq, 5000);
        assert_int_equal(out.p.ack, 77);
        judge_end(&j);
    }
}

static void after_rewriting_an_icmp_error_quotes_what_its_sender_sent(void **state)
{
    (void)state;
    static uint8_t ip[TALK_PACKET];
    struct judge j;
    struct talk_packet left = judge_udp(1000, 0), came = judge_udp(2000, 0);
    begin_late(&j);
    assert_int_equal(judge_late(&j, &left, &came).reply_count, 1);
    struct pm_reply reply = pm_filter_reply(j.filter, 0);
    size_t len = talk_build(&came, ip);
    assert_int_equal(reply.len, 20 + 8 + len);
    assert_memory_equal(reply.data + 28, ip, len);
    judge_end(&j);
}

static void who_is_not_known_any_more_is_not_told(void **state)
{
    (void)state;
    static struct talk_out out;
    struct judge j;
    struct talk_packet segment = {.flags = TALK_ACK, .seq = 5000, .ack = 77};
    struct talk_packet syn = {.flags = TALK_SYN, .seq = 5000, .client_port = 7};
    struct talk_packet udp = judge_udp(1000, 0);
    begin_late(&j);
    assert_int_equal(judge_late(&j, &segment, NULL).reply_count, 1);
    read_reply(&j, 0, &out);
    assert_false(pm_filter_reply(j.filter, 0).to_sender);
    struct pm_decision d = judge_late(&j, &syn, NULL);
    assert_true(d.verdict == PM_REJECT && d.reply_count == 0 && d.why == PM_WHY_REJECT_SILENT);
    d = judge_late(&j, &udp, NULL);
    assert_true(d.verdict == PM_REJECT && d.reply_count == 0 && d.why == PM_WHY_REJECT_SILENT);
    judge_end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_is_answered_behind_what_it_brought),
        cmocka_unit_test(in_a_connection_both_ends_are_told_with_numbers_they_take),
        cmocka_unit_test(an_icmp_error_quotes_as_much_as_it_may),
        cmocka_unit_test(what_nothing_may_answer_is_dropped_without_a_word),
        cmocka_unit_test(icmp_errors_are_never_answered_and_questions_are),
        cmocka_unit_test(a_reset_for_what_is_no_segment_is_silent),
        cmocka_unit_test(no_more_than_reject_rate_packets_tell_of_rejects),
        cmocka_unit_test(the_link_header_is_mirrored),
        cmocka_unit_test(every_link_header_goes_back_as_its_kind_does),
        cmocka_unit_test(after_rewriting_each_end_is_told_with_the_numbers_it_knows),
        cmocka_unit_test(after_rewriting_an_icmp_error_quotes_what_its_sender_sent),
        cmocka_unit_test(who_is_not_known_any_more_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
