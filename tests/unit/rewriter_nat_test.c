/* rewriter_nat_test.c - flows that get other ends, and whatever comes back for them. */
#include "ends.h"

enum { HOST = 1, OTHER = 2, NAT = 50, SERVER = 9, INSIDE = 10, ROUTER = 99 };

#define SECOND UINT64_C(1000000000)

/* Room for a few flows: what is not touched need not be there. */
#define SMALL                                                                                      \
    .retain_bytes = 1u << 20, .retain_dir_bytes = 1u << 16, .pending_bytes = 1u << 20,             \
    .pending_dir_bytes = 1u << 16, .edits = 1024, .streams = 64, .fragment_bytes = 1u << 16

static const struct pm_rewriter_config live = {
    .hash_key = {1, 2}, .mtu = 1500, SMALL, .mode = PM_MODE_LIVE};
static const struct pm_rewriter_config replay = {.hash_key = {1, 2}, .mtu = 1500, SMALL};

static const struct cargo syn = {.flags = TALK_SYN, .seq = 100};
static const struct cargo synack = {.flags = TALK_SYN | TALK_ACK, .seq = 900, .ack = 101};

static uint32_t chance(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* ------------------------------------------------------------------ rules */

static struct pm_op_spec to_addr(enum pm_field field, int version, int who)
{
    return (struct pm_op_spec){.kind = PM_OP_NAT,
                               .set = {.field = field, .addr = ends_of(version, who)}};
}

static struct pm_op_spec to_port(enum pm_field field, int port)
{
    return (struct pm_op_spec){.kind = PM_OP_NAT, .set = {.field = field, .number = port}};
}

static void nat_rule(struct pm_builder *b, const char *id, pm_cond_id match,
                     const struct pm_op_spec *ops, size_t count)
{
    pm_builder_add_rule(
        b,
        &(struct pm_rule_spec){
            .id = id, .match = match, .action = PM_ACTION_REWRITE, .ops = ops, .op_count = count});
}

/* Everything that does not come from NAT itself or SERVER leaves as NAT, of either version. */
static struct pm_builder *masquerade(struct pm_settings *settings)
{
    struct pm_builder *b = pm_builder_new();
    if (settings)
        pm_builder_settings(b, settings);
    struct pm_value own[4] = {
        {.kind = PM_VALUE_PREFIX, .prefix = {ends_of(4, NAT), 32}},
        {.kind = PM_VALUE_PREFIX, .prefix = {ends_of(6, NAT), 128}},
        {.kind = PM_VALUE_PREFIX, .prefix = {ends_of(4, SERVER), 32}},
        {.kind = PM_VALUE_PREFIX, .prefix = {ends_of(6, SERVER), 128}},
    };
    pm_cond_id match = pm_cond_not(b, pm_cond_test(b, PM_FIELD_IP_SRC, own, 4));
    nat_rule(b, "out4", match, &(struct pm_op_spec[]){to_addr(PM_FIELD_IP_SRC, 4, NAT)}[0], 1);
    nat_rule(b, "out6", match, &(struct pm_op_spec[]){to_addr(PM_FIELD_IP_SRC, 6, NAT)}[0], 1);
    return b;
}

static void begin_masquerade(struct run *run, struct pm_rewriter_config config)
{
    run_begin(run, masquerade(NULL), config);
}

static struct ends tcp(int version, int src, uint16_t port)
{
    return (struct ends){version, 6, src, SERVER, port, 80};
}

/* ------------------------------------------------------------------ there and back */

static void a_connection_leaves_with_other_ends_and_its_answers_find_back(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct ends near = tcp(version, HOST, 4000), far = tcp(version, NAT, 4000);
        struct cargo data = {
            .flags = TALK_ACK, .seq = 101, .ack = 901, .payload = "hello", .payload_len = 5};
        struct cargo reply = {
            .flags = TALK_ACK, .seq = 901, .ack = 106, .payload = "you", .payload_len = 3};
        begin_masquerade(&run, live);
        assert_int_equal(ends_send(&run, near, syn, 1), 1);
        ends_expect(&run, 0, far, syn);
        assert_int_equal(run.why, PM_WHY_EDITED);
        assert_string_equal(pm_policy_rule_id(run.policy, run.told[0].header_rule),
                            version == 4 ? "out4" : "out6");
        ends_send(&run, ends_back(far), synack, 2);
        ends_expect(&run, 0, ends_back(near), synack);
        ends_send(&run, near, data, 3);
        ends_expect(&run, 0, far, data);
        ends_send(&run, ends_back(far), reply, 4);
        ends_expect(&run, 0, ends_back(near), reply);
        assert_int_equal(pm_rewriter_stats(run.rewriter)->flows, 1);
        run_end(&run);
    }
}

static void addresses_and_ports_of_both_ends_can_be_others(void **state)
{
    (void)state;
    struct run run;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec ops[] = {to_addr(PM_FIELD_IP_SRC, 4, NAT), to_port(PM_FIELD_L4_SRCPORT, 7000),
                               to_addr(PM_FIELD_IP_DST, 4, INSIDE),
                               to_port(PM_FIELD_UDP_DSTPORT, 5353)};
    nat_rule(b, "all", talk_flow(b, 0), ops, 4);
    run_begin(&run, b, live);
    struct ends near = {4, 17, HOST, SERVER, 4000, 53}, far = {4, 17, NAT, INSIDE, 7000, 5353};
    struct cargo query = {.payload = "query", .payload_len = 5};
    ends_send(&run, near, query, 1);
    ends_expect(&run, 0, far, query);
    ends_send(&run, ends_back(far), query, 2);
    ends_expect(&run, 0, ends_back(near), query);
    run_end(&run);
}

static void what_began_on_the_other_side_is_not_mapped_on_its_way_back(void **state)
{
    (void)state;
    struct run run;
    begin_masquerade(&run, live);
    struct ends in = {4, 17, SERVER, HOST, 53, 4000};
    struct cargo c = {.payload = "x", .payload_len = 1};
    ends_send(&run, in, c, 1);
    ends_expect(&run, 0, in, c);
    ends_send(&run, ends_back(in), c, 2);
    ends_expect(&run, 0, ends_back(in), c);
    run_end(&run);
}

static void an_echo_is_found_by_its_identifier(void **state)
{
    (void)state;
    for (int version = 4; version <= 6; version += 2) {
        struct run run;
        struct ends a = {version, 1, HOST, SERVER, 7, 7}, b = {version, 1, OTHER, SERVER, 7, 7};
        struct cargo ask = {.seq = 3, .payload = "ping", .payload_len = 4}, answer = ask;
        answer.type = version == 6 ? 129 : 0;
        if (version == 4)
            answer.type = 14; /* an answer with an identifier whose type is not 0 */
        if (version == 4)
            ask.type = 13;
        begin_masquerade(&run, live);
        ends_send(&run, a, ask, 1);
        struct ends far_a = {version, 1, NAT, SERVER, 7, 7};
        ends_expect(&run, 0, far_a, ask);
        ends_send(&run, b, ask, 2);
        uint16_t id = (uint16_t)talk_get(run.out[0].bytes + (version == 4 ? 24 : 44), 2);
        assert_int_not_equal(id, 7);
        struct ends far_b = {version, 1, NAT, SERVER, id, id};
        ends_expect(&run, 0, far_b, ask);
        ends_send(&run, ends_back(far_b), answer, 3);
        ends_expect(&run, 0, ends_back(b), answer);
        ends_send(&run, ends_back(far_a), answer, 4);
        ends_expect(&run, 0, ends_back(a), answer);
        run_end(&run);
    }
}

static void a_protocol_without_ports_is_mapped_by_addresses(void **state)
{
    (void)state;
    struct run run;
    struct ends near = {4, 47, HOST, SERVER, 0, 0}, far = {4, 47, NAT, SERVER, 0, 0};
    struct cargo c = {.payload = "whatever", .payload_len = 8};
    begin_masquerade(&run, live);
    ends_send(&run, near, c, 1);
    ends_expect(&run, 0, far, c);
    ends_send(&run, ends_back(far), c, 2);
    ends_expect(&run, 0, ends_back(near), c);
    near.src = OTHER; /* nothing tells its answers apart */
    ends_send(&run, near, c, 3);
    assert_int_equal(run.why, PM_WHY_NAT_COLLISION);
    near.proto = 136; /* UDP-Lite: its checksum is not known here */
    ends_send(&run, near, c, 4);
    ends_expect(&run, 0, near, c);
    run_end(&run);
}

/* The oracle: whatever leaves has the far ends and else the same bytes; what comes back for it is
 * what the far end's answer to the near end would have been. */
static void mapping_back_what_was_mapped_changes_nothing(void **state)
{
    (void)state;
    struct run run;
    uint8_t payload[300];
    static const uint8_t nops[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    begin_masquerade(&run, live);
    uint64_t s = 99;
    for (unsigned i = 0; i < 4000; i++) {
        struct ends near = {.version = chance(&s) % 2 ? 4 : 6,
                            .proto = (int[]){17, 17, 6, 1, 50}[chance(&s) % 4],
                            .src = 100 + (int)(chance(&s) % 100),
                            .dst = SERVER,
                            .src_port = (uint16_t)(1 + chance(&s) % 65535),
                            .dst_port = (uint16_t)(1 + chance(&s) % 65535)};
        for (size_t k = 0; k < sizeof payload; k++)
            payload[k] = (uint8_t)chance(&s);
        struct cargo c = {.flags = TALK_SYN,
                          .seq = (uint32_t)chance(&s),
                          .payload = payload,
                          .payload_len = chance(&s) % sizeof payload,
                          .options = nops,
                          .options_len = chance(&s) % 4 * 4,
                          .no_checksum = near.version == 4 && chance(&s) % 8 == 0};
        if (near.proto != 6)
            c.options_len = 0;
        if (near.proto == 1)
            near.dst_port = near.src_port;
        bool is_tcp = near.proto == 6;
        if (is_tcp)
            c.payload_len = 0;
        if (!is_tcp && chance(&s) % 8 == 0 && !c.no_checksum)
            c.bad_checksum = 1 + (int)(chance(&s) % 60000);
        if (ends_send(&run, near, c, i) == 0)
            continue;
        struct ends far = near;
        far.src = NAT;
        if (run.why == PM_WHY_NAT_COLLISION)
            continue;
        if (near.proto == 1)
            far.src_port = far.dst_port =
                (uint16_t)talk_get(run.out[0].bytes + (near.version == 4 ? 24 : 44), 2);
        else
            far.src_port = ends_src_port(&run, 0);
        struct cargo back = c;
        back.flags = TALK_SYN | TALK_ACK;
        back.ack = c.seq + 1;
        back.type = near.version == 6 ? 129 : 14;
        if (c.bad_checksum == 0) {
            ends_expect(&run, 0, far, c);
            assert_int_equal(ends_send(&run, ends_back(far), back, i), 1);
            ends_expect(&run, 0, ends_back(near), back);
        } else {
            struct piece right = ends_piece(
                far,
                (struct cargo){.seq = c.seq, .payload = payload, .payload_len = c.payload_len});
            assert_memory_not_equal(run.out[0].bytes, right.bytes, right.len); /* stays wrong */
        }
    }
    assert_true(pm_rewriter_stats(run.rewriter)->why[PM_WHY_EDITED] > 3000);
    run_end(&run);
}

/* ------------------------------------------------------------------ collisions */

static void two_flows_never_leave_with_the_same_ends(void **state)
{
    (void)state;
    struct run run;
    uint64_t s = 5;
    static uint8_t seen[65536];
    memset(seen, 0, sizeof seen);
    begin_masquerade(&run, live);
    for (int who = 100; who < 240; who++) {
        struct ends near = {4, 17, who, SERVER, (uint16_t)(who % 2 ? 4000 : 500), 53};
        struct cargo c = {.payload = "x", .payload_len = 1};
        assert_int_equal(ends_send(&run, near, c, chance(&s) % 5), 1);
        uint16_t port = ends_src_port(&run, 0);
        assert_int_equal(seen[port]++, 0);
        assert_int_equal(port < 1024, near.src_port < 1024);
    }
    run_end(&run);
}

static struct pm_builder *fixed_port(struct pm_settings *settings)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec ops[] = {to_addr(PM_FIELD_IP_SRC, 4, NAT),
                               to_port(PM_FIELD_TCP_SRCPORT, 7000)};
    if (settings)
        pm_builder_settings(b, settings);
    nat_rule(b, "fixed", talk_flow(b, 0), ops, 2);
    return b;
}

static void a_port_that_is_named_and_taken_refuses_the_flow(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        struct run run;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.rewrite_refused_drop = drop;
        run_begin(&run, fixed_port(&settings), live);
        ends_send(&run, tcp(4, HOST, 4000), syn, 1);
        ends_expect(&run, 0, (struct ends){4, 6, NAT, SERVER, 7000, 80}, syn);
        ends_send(&run, tcp(4, OTHER, 4000), syn, 2);
        assert_int_equal(run.why, PM_WHY_NAT_COLLISION);
        assert_int_equal(run.count, !drop);
        if (!drop)
            ends_expect(&run, 0, tcp(4, OTHER, 4000), syn);
        assert_int_equal(run_counted(&run, PM_WHY_NAT_COLLISION), 1);
        run_end(&run);
    }
}

static void a_flow_that_has_the_ends_itself_is_not_disturbed(void **state)
{
    (void)state;
    struct run run;
    begin_masquerade(&run, live);
    ends_send(&run, tcp(4, NAT, 4000), syn, 1); /* the nat's own address, unmapped */
    ends_expect(&run, 0, tcp(4, NAT, 4000), syn);
    ends_send(&run, tcp(4, HOST, 4000), syn, 2);
    uint16_t port = ends_src_port(&run, 0);
    assert_int_not_equal(port, 4000);
    ends_send(&run, tcp(4, OTHER, 5000), syn, 3);
    ends_expect(&run, 0, tcp(4, NAT, 5000), syn);
    ends_send(&run, tcp(4, NAT, 5000), syn, 4); /* comes later: answers would go to OTHER */
    assert_int_equal(run.why, PM_WHY_NAT_COLLISION);
    run_end(&run);
}

static void close_down(struct run *run, struct ends near, struct ends far, uint64_t now)
{
    ends_send(run, ends_back(far), synack, now);
    ends_send(run, near, (struct cargo){.flags = TALK_FIN | TALK_ACK, .seq = 101, .ack = 901}, now);
    ends_send(run, ends_back(far),
              (struct cargo){.flags = TALK_FIN | TALK_ACK, .seq = 901, .ack = 102}, now);
    ends_send(run, near, (struct cargo){.flags = TALK_ACK, .seq = 102, .ack = 902}, now);
}

static void a_port_is_free_again_when_nobody_waits_for_its_last_packets(void **state)
{
    (void)state;
    struct run run;
    struct ends a = tcp(4, HOST, 4000), b = tcp(4, OTHER, 4000),
                far = {4, 6, NAT, SERVER, 7000, 80};
    run_begin(&run, fixed_port(NULL), live);
    ends_send(&run, a, syn, 0);
    close_down(&run, a, far, 1 * SECOND);
    ends_expect(&run, 0, far, (struct cargo){.flags = TALK_ACK, .seq = 102, .ack = 902});
    ends_send(&run, b, syn, 50 * SECOND);
    assert_int_equal(run.why, PM_WHY_NAT_COLLISION);
    ends_send(&run, (struct ends){4, 6, OTHER + 1, SERVER, 4000, 80}, syn, 62 * SECOND);
    assert_int_equal(run.why, PM_WHY_EDITED);
    ends_expect(&run, 0, far, syn);
    ends_send(&run, ends_back(far), synack, 63 * SECOND);
    ends_expect(&run, 0, ends_back((struct ends){4, 6, OTHER + 1, SERVER, 4000, 80}), synack);
    run_end(&run);
}

static void a_reset_connection_gives_its_port_back_sooner(void **state)
{
    (void)state;
    struct run run;
    run_begin(&run, fixed_port(NULL), live);
    struct cargo rst = {.flags = TALK_RST | TALK_ACK, .seq = 0, .ack = 101};
    struct ends far = {4, 6, NAT, SERVER, 7000, 80};
    ends_send(&run, tcp(4, HOST, 4000), syn, 0);
    ends_send(&run, ends_back(far), rst, SECOND);
    ends_expect(&run, 0, ends_back(tcp(4, HOST, 4000)), rst);
    ends_send(&run, tcp(4, OTHER, 4000), syn, 5 * SECOND);
    assert_int_equal(run.why, PM_WHY_NAT_COLLISION);
    ends_send(&run, tcp(4, INSIDE, 4000), syn, 12 * SECOND);
    ends_expect(&run, 0, far, syn);
    run_end(&run);
}

static void the_same_ends_anew_get_the_same_port_anew(void **state)
{
    (void)state;
    struct run run;
    struct ends near = tcp(4, HOST, 4000), far = tcp(4, NAT, 4000);
    struct cargo again = {.flags = TALK_SYN, .seq = 70000};
    begin_masquerade(&run, live);
    ends_send(&run, near, syn, 0);
    close_down(&run, near, far, 1);
    ends_send(&run, near, again, 2);
    ends_expect(&run, 0, far, again);
    run_end(&run);
}

/* ------------------------------------------------------------------ limits */

static void a_full_table_refuses_what_has_no_place(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        struct run run;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_rewriter_config config = live;
        struct cargo c = {.payload = "x", .payload_len = 1};
        settings.engine_error_drop = drop;
        config.mappings = 3;
        run_begin(&run, masquerade(&settings), config);
        for (int i = 0; i < 5; i++) {
            struct ends near = {4, 17, 100 + i, SERVER, (uint16_t)(4000 + i), 53};
            size_t count = ends_send(&run, near, c, 1);
            assert_int_equal(run.why, i < 3 ? PM_WHY_EDITED : PM_WHY_NAT_FULL);
            assert_int_equal(count, i < 3 || !drop);
        }
        assert_int_equal(run_counted(&run, PM_WHY_NAT_FULL), 2);
        run_end(&run);
    }
}

static void mappings_are_in_the_footprint(void **state)
{
    (void)state;
    struct pm_error error;
    struct pm_rewriter_config few = live, many = live;
    struct pm_policy *policy = pm_builder_finish(masquerade(NULL), &error);
    few.mappings = 16;
    many.mappings = 1024;
    size_t more = pm_rewriter_footprint(policy, &many) - pm_rewriter_footprint(policy, &few);
    assert_true(more >= 1008 * 100 && more < 1008 * 300);
    pm_policy_unref(policy);
}

static void an_icmp_flow_forgets_its_oldest_identifiers(void **state)
{
    (void)state;
    struct run run;
    struct pm_rewriter_config config = live;
    config.mappings = 64;
    begin_masquerade(&run, config);
    struct cargo ask = {.payload = "p", .payload_len = 1}, answer = {.type = 14};
    for (uint16_t id = 1; id <= 1000; id++) {
        ends_send(&run, (struct ends){4, 1, HOST, SERVER, id, id}, ask, id);
        ends_expect(&run, 0, (struct ends){4, 1, NAT, SERVER, id, id}, ask);
    }
    ends_send(&run, (struct ends){4, 1, SERVER, NAT, 1000, 1000}, answer, 1001);
    ends_expect(&run, 0, (struct ends){4, 1, SERVER, HOST, 1000, 1000}, answer);
    ends_send(&run, (struct ends){4, 1, SERVER, NAT, 1, 1}, answer, 1001);
    ends_expect(&run, 0, (struct ends){4, 1, SERVER, NAT, 1, 1}, answer);
    run_end(&run);
}

/* ------------------------------------------------------------------ what cannot be mapped */

static void a_flow_from_its_middle_on_is_as_the_policy_says(void **state)
{
    (void)state;
    static const enum pm_midstream says[] = {PM_MIDSTREAM_VERDICT_ONLY, PM_MIDSTREAM_REWRITE,
                                             PM_MIDSTREAM_DROP};
    struct cargo data = {.flags = TALK_ACK, .seq = 5, .ack = 6, .payload = "a", .payload_len = 1};
    for (size_t i = 0; i < 3; i++) {
        struct run run;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.midstream = says[i];
        run_begin(&run, masquerade(&settings), live);
        ends_send(&run, tcp(4, HOST, 4000), data, 1);
        assert_int_equal(run.why, i == 1 ? PM_WHY_EDITED : PM_WHY_MIDSTREAM);
        assert_int_equal(run.count, i < 2);
        if (i < 2)
            ends_expect(&run, 0, tcp(4, i == 1 ? NAT : HOST, 4000), data);
        ends_send(&run, tcp(4, HOST, 4000), (struct cargo){.flags = TALK_SYN, .seq = 77}, 2);
        ends_expect(&run, 0, tcp(4, NAT, 4000), (struct cargo){.flags = TALK_SYN, .seq = 77});
        run_end(&run);
    }
}

static void a_signed_connection_keeps_its_ends(void **state)
{
    (void)state;
    uint8_t md5[20] = {19, 18};
    struct run run;
    begin_masquerade(&run, live);
    struct cargo c = {.flags = TALK_SYN, .seq = 1, .options = md5, .options_len = 20};
    ends_send(&run, tcp(4, HOST, 4000), c, 1);
    assert_int_equal(run.why, PM_WHY_TCP_AUTH);
    ends_expect(&run, 0, tcp(4, HOST, 4000), c);
    run_end(&run);
}

/* ------------------------------------------------------------------ ICMP errors */

/* An error by `who` to `to` that quotes `len` bytes of the packet. */
static struct piece error_about(int version, int who, int to, const struct piece *about, size_t len)
{
    struct ends e = {version, 1, who, to, 0, 0};
    struct cargo c = {.type = version == 6 ? 1 : 3,
                      .payload = about->bytes,
                      .payload_len = len < about->len ? len : about->len};
    return ends_piece(e, c);
}

static void errors_quote_what_their_reader_sent(void **state)
{
    (void)state;
    static const size_t quoted[] = {1000, 8, 18, 20};
    for (int i = 0; i < 2 * 3 * 4; i++) {
        int version = i % 2 ? 6 : 4, proto = (int[]){6, 17, 1}[i / 2 % 3];
        size_t len = (version == 4 ? 20u : 40u) + quoted[i / 6];
        struct run run;
        struct ends near = {version, proto, HOST, SERVER, 4000, proto == 1 ? 4000 : 80};
        struct ends far = near;
        far.src = NAT;
        struct cargo c = {
            .flags = TALK_SYN, .seq = 100, .payload = "0123456789ab", .payload_len = 12};
        begin_masquerade(&run, live);
        ends_send(&run, near, c, 1);
        ends_expect(&run, 0, far, c);
        struct piece near_packet = ends_piece(near, c), far_packet = ends_piece(far, c);
        for (int by_router = 0; by_router < 2; by_router++) {
            int who = by_router ? ROUTER : SERVER;
            struct piece in = error_about(version, who, NAT, &far_packet, len);
            struct piece want = error_about(version, who, HOST, &near_packet, len);
            run_send_at(&run, &in, 2);
            ends_expect_piece(&run, 0, &want);
            assert_int_equal(run.why, PM_WHY_ICMP_QUOTE);
        }
        if (proto == 1) {
            run_end(&run);
            continue; /* nobody complains about an answer to an echo */
        }
        struct cargo r = {.flags = TALK_SYN | TALK_ACK, .seq = 900, .ack = 101};
        ends_send(&run, ends_back(far), r, 3);
        struct piece near_reply = ends_piece(ends_back(near), r);
        struct piece far_reply = ends_piece(ends_back(far), r);
        for (int by_router = 0; by_router < 2; by_router++) {
            struct piece out =
                error_about(version, by_router ? ROUTER : HOST, SERVER, &near_reply, len);
            struct piece want =
                error_about(version, by_router ? ROUTER : NAT, SERVER, &far_reply, len);
            run_send_at(&run, &out, 4);
            ends_expect_piece(&run, 0, &want);
        }
        run_end(&run);
    }
}

static void an_error_about_nothing_that_was_mapped_passes(void **state)
{
    (void)state;
    struct run run;
    begin_masquerade(&run, live);
    ends_send(&run, tcp(4, HOST, 4000), syn, 1);
    struct piece about = ends_piece(tcp(4, NAT, 4001), syn);
    struct piece error = error_about(4, ROUTER, NAT, &about, 100);
    run_send_at(&run, &error, 2);
    ends_expect_piece(&run, 0, &error);
    run_end(&run);
}

/* ------------------------------------------------------------------ fragments */

static void fragments_are_mapped_whole_in_both_directions(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int version = i % 2 ? 6 : 4, proto = i / 2 ? 1 : 17;
        struct run run;
        static uint8_t payload[3000], joined[4096];
        static struct piece cut[8];
        for (size_t k = 0; k < sizeof payload; k++)
            payload[k] = (uint8_t)(k * 7);
        struct ends near = {version, proto, HOST, SERVER, 4000, proto == 1 ? 4000 : 53}, far = near;
        far.src = NAT;
        struct cargo c = {.payload = payload, .payload_len = sizeof payload};
        begin_masquerade(&run, live);
        for (int back = 0; back < 2; back++) {
            if (back && proto == 1)
                c.type = version == 6 ? 129 : 14;
            struct piece whole = ends_piece(back ? ends_back(far) : near, c);
            struct piece want = ends_piece(back ? ends_back(near) : far, c);
            size_t n = piece_cut(cut, whole.bytes, whole.len, 0, 77, 1400);
            assert_int_equal(n, 3);
            static const size_t order[] = {1, 0, 2};
            for (size_t k = 0; k < n; k++) {
                run_send_at(&run, &cut[order[k]], 1);
                assert_int_equal(run.count, k + 1 < n ? 0 : 3);
            }
            size_t len = piece_join(run.out, run.count, 0, joined);
            assert_int_equal(len, want.len);
            if (version == 4)
                talk_put(joined + 4, 77, 2), piece_sum(joined);
            assert_memory_equal(joined, want.bytes, len);
        }
        run_end(&run);
    }
}

/* ------------------------------------------------------------------ with stream edits */

static void streams_are_edited_and_mapped_at_once(void **state)
{
    (void)state;
    struct run run;
    struct pm_builder *b = masquerade(NULL);
    struct ends near = tcp(4, HOST, 4000), far = tcp(4, NAT, 4000);
    talk_replace(b, "swap", talk_flow(b, 0), "cat", "elephant");
    run_begin(&run, b, live);
    ends_send(&run, near, syn, 1);
    ends_expect(&run, 0, far, syn);
    ends_send(&run, ends_back(far), synack, 2);
    ends_expect(&run, 0, ends_back(near), synack);
    struct cargo in = {
        .flags = TALK_ACK, .seq = 101, .ack = 901, .payload = "a cat!", .payload_len = 6};
    struct cargo out = in;
    out.payload = "a elephant!";
    out.payload_len = 11;
    assert_int_equal(ends_send(&run, near, in, 3), 1);
    ends_expect(&run, 0, far, out);
    struct cargo ack = {.flags = TALK_ACK, .seq = 901, .ack = 112}, told = ack;
    told.ack = 107;
    assert_int_equal(ends_send(&run, ends_back(far), ack, 4), 1);
    assert_int_equal(talk_get(run.out[0].bytes + 28, 4), 107);
    assert_memory_equal(run.out[0].bytes + 12, ends_piece(ends_back(near), told).bytes + 12, 8);
    assert_int_equal(talk_l4_sum(run.out[0].bytes, 20, run.out[0].len, 6), 0);
    /* a hole: pktmod itself answers, in the mapped server's name */
    in.seq = 207;
    assert_int_equal(ends_send(&run, near, in, 5), 1);
    assert_true(run.told[0].is_own);
    assert_memory_equal(run.out[0].bytes + 12, ends_piece(ends_back(near), told).bytes + 12, 8);
    run_end(&run);
}

/* ------------------------------------------------------------------ views of a replay */

static void each_view_of_a_recording_is_one_conversation(void **state)
{
    (void)state;
    static const struct {
        enum pm_view view;
        enum pm_dir began;
        int is_far;
    } cases[] = {
        {PM_VIEW_REWRITTEN, PM_DIR_OUT, 1}, {PM_VIEW_REWRITTEN, PM_DIR_IN, 1},
        {PM_VIEW_WIRE, PM_DIR_OUT, 1},      {PM_VIEW_WIRE, PM_DIR_IN, 0},
        {PM_VIEW_HOST, PM_DIR_OUT, 0},      {PM_VIEW_HOST, PM_DIR_IN, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        struct pm_rewriter_config config = replay;
        struct ends near = tcp(4, HOST, 4000), far = tcp(4, NAT, 4000);
        struct ends seen = cases[i].is_far ? far : near;
        config.view = cases[i].view;
        begin_masquerade(&run, config);
        for (int back = 0; back < 2; back++) {
            struct piece p = back ? ends_piece(ends_back(near), synack) : ends_piece(near, syn);
            struct pm_packet packet = {.data = p.bytes,
                                       .len = p.len,
                                       .wire_len = p.len,
                                       .link = 101,
                                       .dir = back ? (enum pm_dir)(1 - cases[i].began)
                                                   : cases[i].began};
            run.count = 0;
            pm_rewrite(run.rewriter, &packet, p.bytes, 1);
            ends_expect(&run, 0, back ? ends_back(seen) : seen, back ? synack : syn);
        }
        struct piece about = ends_piece(near, syn), seen_about = ends_piece(seen, syn);
        struct piece error = error_about(4, SERVER, HOST, &about, 100);
        struct piece want = error_about(4, SERVER, cases[i].is_far ? NAT : HOST, &seen_about, 100);
        run_send_at(&run, &error, 2);
        ends_expect_piece(&run, 0, &want);
        run_end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_leaves_with_other_ends_and_its_answers_find_back),
        cmocka_unit_test(addresses_and_ports_of_both_ends_can_be_others),
        cmocka_unit_test(what_began_on_the_other_side_is_not_mapped_on_its_way_back),
        cmocka_unit_test(an_echo_is_found_by_its_identifier),
        cmocka_unit_test(a_protocol_without_ports_is_mapped_by_addresses),
        cmocka_unit_test(mapping_back_what_was_mapped_changes_nothing),
        cmocka_unit_test(two_flows_never_leave_with_the_same_ends),
        cmocka_unit_test(a_port_that_is_named_and_taken_refuses_the_flow),
        cmocka_unit_test(a_flow_that_has_the_ends_itself_is_not_disturbed),
        cmocka_unit_test(a_port_is_free_again_when_nobody_waits_for_its_last_packets),
        cmocka_unit_test(a_reset_connection_gives_its_port_back_sooner),
        cmocka_unit_test(the_same_ends_anew_get_the_same_port_anew),
        cmocka_unit_test(a_full_table_refuses_what_has_no_place),
        cmocka_unit_test(mappings_are_in_the_footprint),
        cmocka_unit_test(an_icmp_flow_forgets_its_oldest_identifiers),
        cmocka_unit_test(a_flow_from_its_middle_on_is_as_the_policy_says),
        cmocka_unit_test(a_signed_connection_keeps_its_ends),
        cmocka_unit_test(errors_quote_what_their_reader_sent),
        cmocka_unit_test(an_error_about_nothing_that_was_mapped_passes),
        cmocka_unit_test(fragments_are_mapped_whole_in_both_directions),
        cmocka_unit_test(streams_are_edited_and_mapped_at_once),
        cmocka_unit_test(each_view_of_a_recording_is_one_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
