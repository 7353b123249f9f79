/* filter_hello_test.c - verdicts that test a TLS hello: what they find, which packets wait for it
 * and for how long, and what happens where something is full or cannot be told. */
#include "scene.h"

#include "hello.h"
#include "proto/quiccrypt.h"
#include "quic_packets.h"

#define NS_PER_MS UINT64_C(1000000)

static struct pm_value name_is(const char *name)
{
    struct pm_value value = text(name, 0, PM_NO_LIMIT, false);
    value.bytes.whole = true;
    return value;
}

/* A rule about a name, then the default. */
static void begin_named(struct scene *s, const char *name, enum pm_action action,
                        const struct pm_settings *settings)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_value value = name_is(name);
    pm_builder_settings(b, settings);
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "r",
                               .match = pm_cond_test(b, PM_FIELD_TLS_NAME, &value, 1),
                               .action = action,
                               .scope = PM_SCOPE_FLOW,
                               .ask = {.timeout_ns = 1000000000, .timeout_drop = true},
                           });
    begin_builder(s, b);
}

static struct pm_decision tell(struct scene *s, const struct hello_bytes *h, size_t off, size_t end)
{
    struct talk_packet p = part(s, (uint32_t)off, "");
    p.payload = h->bytes + off;
    p.payload_len = end - off;
    return send(s, p);
}

static struct pm_decision answer(struct scene *s)
{
    return send(s, (struct talk_packet){.from_server = 1,
                                        .flags = TALK_ACK,
                                        .seq = s->isn[1] + 1,
                                        .ack = s->isn[0] + 1,
                                        .payload = (const uint8_t *)"hello",
                                        .payload_len = 5});
}

static struct pm_due due_now(struct scene *s)
{
    struct pm_due due = {.verdict = PM_REJECT};
    pm_filter_due(s->filter, s->now_ns, &due);
    return due;
}

static void expect_none_waits(struct scene *s)
{
    assert_true(pm_filter_next_ns(s->filter) == UINT64_MAX);
}

/* ------------------------------------------------------------------ stories */

static void a_hello_in_one_packet_is_judged_with_it(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("Bad.Example", 0);
    begin_named(&s, "bad.example", PM_ACTION_DROP, &PM_SETTINGS_DEFAULT);
    handshake(&s);
    struct pm_decision d = tell(&s, &h, 0, h.len);
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_RULE);
    assert_int_equal(answer(&s).verdict, PM_DROP); /* all of the flow */
    expect_none_waits(&s);
    end(&s);
}

static void at_every_cut_the_first_part_waits_and_gets_what_the_second_gets(void **state)
{
    (void)state;
    struct hello_bytes h = browser_records("www.example", 0);
    for (size_t cut = 1; cut < h.len; cut++)
        for (int is_bad = 0; is_bad < 2; is_bad++) {
            struct scene s;
            begin_named(&s, is_bad ? "www.example" : "bad.example", PM_ACTION_DROP,
                        &PM_SETTINGS_DEFAULT);
            handshake(&s);
            struct pm_decision d = tell(&s, &h, 0, cut);
            assert_int_equal(d.verdict, PM_DELAY);
            assert_int_equal(d.why, PM_WHY_HELLO_HELD);
            assert_int_equal(d.release_ns, s.now_ns - 1 + 1000 * NS_PER_MS);
            assert_int_equal(due_now(&s).verdict, PM_REJECT);
            d = tell(&s, &h, cut, h.len);
            assert_int_equal(d.verdict, is_bad ? PM_DROP : PM_DELAY);
            assert_int_equal(d.why, is_bad ? PM_WHY_RULE : PM_WHY_KEPT_ORDER);
            assert_int_equal(due_now(&s).verdict, is_bad ? PM_DROP : PM_ALLOW);
            if (!is_bad)
                assert_int_equal(due_now(&s).why, PM_WHY_KEPT_ORDER);
            expect_none_waits(&s);
            assert_int_equal(pm_filter_stats(s.filter)->held_dropped, is_bad);
            end(&s);
        }
}

static void parts_out_of_order_wait_for_each_other(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 3000);
    begin_named(&s, "bad.example", PM_ACTION_DROP, &PM_SETTINGS_DEFAULT);
    handshake(&s);
    assert_int_equal(tell(&s, &h, 2400, h.len).why, PM_WHY_HELLO_HELD);
    assert_int_equal(tell(&s, &h, 1200, 2400).why, PM_WHY_HELLO_HELD);
    assert_int_equal(tell(&s, &h, 1200, 2400).why, PM_WHY_HELLO_HELD);
    assert_int_equal(tell(&s, &h, 0, 1200).verdict, PM_DROP);
    for (int i = 0; i < 3; i++)
        assert_int_equal(due_now(&s).verdict, PM_DROP);
    expect_none_waits(&s);
    end(&s);
}

static void where_only_some_names_pass_the_handshake_passes_too(void **state)
{
    (void)state;
    static const char *const names[] = {"good.example", "other.example", NULL};
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.default_drop = true;
    for (int i = 0; i < 3; i++) {
        struct scene s;
        struct hello_bytes h = {.len = 3, .bytes = "GET"};
        if (names[i])
            h = browser_records(names[i], 0);
        begin_named(&s, "good.example", PM_ACTION_ALLOW, &settings);
        struct pm_decision d = syn(&s, 0, 0);
        assert_int_equal(d.verdict, PM_ALLOW);
        assert_int_equal(d.why, PM_WHY_HELLO_AWAITED);
        assert_int_equal(syn(&s, 1, s.isn[0] + 1).verdict, PM_ALLOW);
        assert_int_equal(tell(&s, &h, 0, h.len).verdict, i == 0 ? PM_ALLOW : PM_DROP);
        assert_int_equal(answer(&s).verdict, i == 0 ? PM_ALLOW : PM_DROP);
        end(&s);
    }
}

static void what_is_no_tls_waits_for_nothing(void **state)
{
    (void)state;
    struct scene s;
    begin_named(&s, "bad.example", PM_ACTION_DROP, &PM_SETTINGS_DEFAULT);
    handshake(&s);
    struct pm_decision d = say(&s, 0, "GET /");
    assert_int_equal(d.verdict, PM_ALLOW);
    say(&s, 5, "x");
    assert_false(answer(&s).is_settled); /* what the receiver has not may still come otherwise */
    ack(&s, 6);
    assert_true(say(&s, 6, "x").is_settled); /* and nobody has to ask again */
    end(&s);
}

/* The rest never comes. */
static void after_its_time_on_engine_error_decides(void **state)
{
    (void)state;
    struct hello_bytes h = browser_records("bad.example", 0);
    for (int drops = 0; drops < 2; drops++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_due due;
        settings.engine_error_drop = drops;
        settings.hello_ms = 20;
        begin_named(&s, "bad.example", PM_ACTION_DROP, &settings);
        handshake(&s);
        uint64_t end_ns = tell(&s, &h, 0, 50).release_ns;
        assert_int_equal(pm_filter_next_ns(s.filter), end_ns);
        assert_false(pm_filter_due(s.filter, end_ns - 1, &due));
        assert_true(pm_filter_due(s.filter, end_ns, &due));
        assert_int_equal(due.verdict, drops ? PM_DROP : PM_ALLOW);
        assert_int_equal(due.why, PM_WHY_HELLO_LATE);
        s.now_ns = end_ns + 1;
        struct pm_decision d = tell(&s, &h, 50, 60);
        assert_int_equal(d.verdict, drops ? PM_DROP : PM_ALLOW);
        assert_int_equal(d.why, PM_WHY_HELLO_LATE);
        assert_int_equal(tell(&s, &h, 60, h.len).why, PM_WHY_RULE); /* the rest came after all */
        assert_int_equal(pm_filter_stats(s.filter)->held_dropped, drops);
        expect_none_waits(&s);
        end(&s);
    }
}

static void who_does_not_want_packets_to_wait_lets_them_pass_or_drops_them(void **state)
{
    (void)state;
    struct hello_bytes h = browser_records("bad.example", 0);
    for (int drops = 0; drops < 2; drops++) {
        struct scene s;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.on_incomplete = drops ? PM_INCOMPLETE_DROP : PM_INCOMPLETE_ALLOW;
        begin_named(&s, "bad.example", PM_ACTION_DROP, &settings);
        handshake(&s);
        struct pm_decision d = tell(&s, &h, 0, 50);
        assert_int_equal(d.verdict, drops ? PM_DROP : PM_ALLOW);
        assert_int_equal(d.why, PM_WHY_HELLO_AWAITED);
        assert_int_equal(tell(&s, &h, 50, h.len).why, PM_WHY_RULE);
        expect_none_waits(&s);
        end(&s);
    }
}

static void an_answer_is_for_the_packets_that_waited_too(void **state)
{
    (void)state;
    struct hello_bytes h = browser_records("bad.example", 0);
    for (int allow = 0; allow < 2; allow++) {
        struct scene s;
        begin_named(&s, "bad.example", PM_ACTION_ASK, &PM_SETTINGS_DEFAULT);
        handshake(&s);
        tell(&s, &h, 0, 50);
        tell(&s, &h, 50, 90);
        struct pm_decision d = tell(&s, &h, 90, h.len);
        assert_int_equal(d.verdict, PM_ASK);
        assert_int_equal(due_now(&s).verdict, PM_REJECT);
        assert_true(pm_filter_answer(s.filter, d.ask_id, allow, PM_FOR_FLOW, 0, s.now_ns));
        for (int i = 0; i < 3; i++) {
            struct pm_due due = due_now(&s);
            assert_int_equal(due.verdict, allow ? PM_ALLOW : PM_DROP);
            assert_int_equal(due.ask_id, d.ask_id);
        }
        expect_none_waits(&s);
        end(&s);
    }
}

/* A reset that follows what was let through: packets that wait were not. */
static void a_reset_has_the_numbers_that_its_receiver_expects(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 0);
    begin_named(&s, "bad.example", PM_ACTION_REJECT, &PM_SETTINGS_DEFAULT);
    handshake(&s);
    tell(&s, &h, 0, 50);
    struct pm_decision d = tell(&s, &h, 50, h.len);
    assert_int_equal(d.verdict, PM_REJECT);
    assert_int_equal(d.reply_count, 2);
    struct pm_reply reply = pm_filter_reply(s.filter, 1);
    assert_false(reply.to_sender);
    assert_int_equal(pm_get32(reply.data + 20 + 4), s.isn[0] + 1);
    end(&s);
}

static void a_malformed_hello_is_on_engine_errors(void **state)
{
    (void)state;
    for (int drops = 0; drops < 2; drops++) {
        struct scene s;
        struct hello_bytes h = browser_records("bad.example", 0);
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.engine_error_drop = drops;
        h.bytes[5 + 4 + 2 + 32]++; /* a session id that shifts all that follows */
        begin_named(&s, "bad.example", PM_ACTION_DROP, &settings);
        handshake(&s);
        struct pm_decision d = tell(&s, &h, 0, h.len);
        assert_int_equal(d.verdict, drops ? PM_DROP : PM_ALLOW);
        assert_int_equal(counted(&s, PM_WHY_HELLO_UNREAD), 1);
        end(&s);
    }
}

/* ------------------------------------------------------------------ full */

static void one_flow_makes_no_more_packets_wait_than_half_of_all_that_may(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 0);
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.delayed_packets = 8;
    begin_named(&s, "bad.example", PM_ACTION_DROP, &settings);
    handshake(&s);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(tell(&s, &h, i, i + 1).why, PM_WHY_HELLO_HELD);
    struct pm_decision d = tell(&s, &h, 4, 5);
    assert_int_equal(d.verdict, PM_DELAY); /* behind those that waited */
    assert_int_equal(d.why, PM_WHY_KEPT_ORDER);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(due_now(&s).why, PM_WHY_HELLOS_FULL);
    assert_int_equal(due_now(&s).why, PM_WHY_KEPT_ORDER);
    assert_int_equal(tell(&s, &h, 5, h.len).why, PM_WHY_RULE);
    expect_none_waits(&s);
    end(&s);
}

static void with_every_place_taken_on_engine_error_decides_until_one_is_old(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 0);
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.hellos = 1; /* one incomplete at a time */
    begin_named(&s, "bad.example", PM_ACTION_DROP, &settings);
    handshake(&s);
    assert_int_equal(tell(&s, &h, 0, 50).why, PM_WHY_HELLO_HELD);
    s.port++;
    handshake(&s);
    struct pm_decision d = tell(&s, &h, 0, 50);
    assert_int_equal(d.verdict, PM_ALLOW);
    assert_int_equal(counted(&s, PM_WHY_HELLOS_FULL), 1);
    s.now_ns += 1000 * NS_PER_MS;
    assert_int_equal(due_now(&s).why, PM_WHY_HELLO_LATE);
    s.port++;
    handshake(&s);
    assert_int_equal(tell(&s, &h, 0, 50).why, PM_WHY_HELLO_HELD);
    end(&s);
}

/* Rules of scope packet ask for it with every packet. */
static void the_oldest_that_is_kept_makes_room(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 0);
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_value value = name_is("bad.example");
    struct pm_builder *b = pm_builder_new();
    settings.hellos = 1;
    settings.engine_error_drop = true;
    pm_builder_settings(b, &settings);
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "r",
                               .match = pm_cond_test(b, PM_FIELD_TLS_NAME, &value, 1),
                               .action = PM_ACTION_ALLOW,
                           });
    begin_builder(&s, b);
    for (uint16_t i = 0; i < 2; i++, s.port++) {
        handshake(&s);
        assert_int_equal(tell(&s, &h, 0, h.len).why, PM_WHY_RULE);
        assert_int_equal(answer(&s).why, PM_WHY_RULE);
    }
    s.port -= 2;
    assert_int_equal(answer(&s).verdict, PM_DROP);
    assert_int_equal(counted(&s, PM_WHY_HELLOS_FULL), 2);
    end(&s);
}

static void packets_of_a_flow_that_is_forgotten_do_not_wait_on(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 0);
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 1;
    settings.flow_idle_s = 0;
    begin_named(&s, "bad.example", PM_ACTION_DROP, &settings);
    handshake(&s);
    assert_int_equal(tell(&s, &h, 0, 50).why, PM_WHY_HELLO_HELD);
    s.port++;
    s.now_ns += 10;
    syn(&s, 0, 0);
    assert_int_equal(due_now(&s).why, PM_WHY_HELLO_LATE);
    expect_none_waits(&s);
    end(&s);
}

/* ------------------------------------------------------------------ another policy */

static void a_new_policy_knows_the_hellos_of_the_one_before(void **state)
{
    (void)state;
    struct scene s, next;
    struct hello_bytes h = browser_records("good.example", 0);
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.default_drop = true;
    begin_named(&s, "good.example", PM_ACTION_ALLOW, &settings);
    handshake(&s);
    assert_int_equal(tell(&s, &h, 0, h.len).verdict, PM_ALLOW);
    s.port++;
    handshake(&s);
    assert_int_equal(tell(&s, &h, 0, 50).why, PM_WHY_HELLO_HELD);
    begin_named(&next, "good.example", PM_ACTION_ALLOW, &settings);
    pm_filter_adopt(next.filter, s.filter);
    next.now_ns = s.now_ns;
    assert_int_equal(answer(&next).verdict, PM_ALLOW);
    next.port++;
    assert_int_equal(tell(&next, &h, 50, h.len).verdict, PM_DROP); /* half of it went by unseen */
    end(&next);
    end(&s);
}

static void rules_that_only_watch_make_nothing_wait(void **state)
{
    (void)state;
    struct scene s;
    struct hello_bytes h = browser_records("bad.example", 0);
    begin_named(&s, "bad.example", PM_ACTION_LOG, &PM_SETTINGS_DEFAULT);
    handshake(&s);
    assert_int_equal(tell(&s, &h, 0, 50).verdict, PM_ALLOW);
    assert_int_equal(tell(&s, &h, 50, h.len).verdict, PM_ALLOW);
    assert_int_equal(hits(&s), 1);
    end(&s);
}

/* ------------------------------------------------------------------ QUIC */

/* A datagram of the client with these bytes, of which `len` were captured. */
static struct pm_decision throw_bytes(struct scene *s, const uint8_t *bytes, size_t all, size_t len)
{
    static uint8_t ip[28 + 2000];
    memset(ip, 0, 28);
    ip[0] = 0x45;
    pm_put16(ip + 2, (uint16_t)(28 + all));
    ip[8] = 64;
    ip[9] = 17;
    pm_put32(ip + 12, 0x0a000001);
    pm_put32(ip + 16, 0xc0000201);
    pm_put16(ip + 20, s->port);
    pm_put16(ip + 22, 443);
    pm_put16(ip + 24, (uint16_t)(8 + all));
    memcpy(ip + 28, bytes, all);
    struct pm_packet packet = {
        .data = ip, .len = 28 + len, .wire_len = 28 + all, .link = 101, .dir = PM_DIR_UNKNOWN};
    return pm_filter_decide(s->filter, &packet, s->now_ns++);
}

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct pm_decision throw(struct scene * s, const char *hex)
{
    uint8_t bytes[2000];
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return throw_bytes(s, bytes, len, len);
}

static void a_hello_of_quic_is_judged_over_its_datagrams(void **state)
{
    (void)state;
    for (int is_bad = 0; is_bad < 2 && pm_quiccrypt_is_there(); is_bad++) {
        struct scene s;
        begin_named(&s, is_bad ? "bad.example" : "other.example", PM_ACTION_DROP,
                    &PM_SETTINGS_DEFAULT);
        assert_int_equal(throw(&s, LATER_HALF).why, PM_WHY_HELLO_HELD);
        struct pm_decision d = throw(&s, FIRST_HALF);
        assert_int_equal(d.verdict, is_bad ? PM_DROP : PM_DELAY);
        assert_int_equal(due_now(&s).verdict, is_bad ? PM_DROP : PM_ALLOW);
        if (!is_bad)
            assert_int_equal(due_now(&s).why, PM_WHY_KEPT_ORDER);
        expect_none_waits(&s);
        assert_int_equal(throw(&s, "40").verdict, is_bad ? PM_DROP : PM_ALLOW);
        end(&s);
    }
}

static void other_datagrams_wait_for_nothing_and_hide_no_hello_behind_them(void **state)
{
    (void)state;
    struct scene s;
    begin_named(&s, "example.com", PM_ACTION_DROP, &PM_SETTINGS_DEFAULT);
    assert_int_equal(throw(&s, "00").verdict, PM_ALLOW);
    assert_int_equal(throw(&s, "c0ff00001d08").verdict, PM_ALLOW);
    if (pm_quiccrypt_is_there()) {
        assert_int_equal(throw(&s, SAMPLE_2).verdict, PM_DROP);
        assert_int_equal(throw(&s, "00").verdict, PM_DROP);
    } else {
        assert_int_equal(throw(&s, SAMPLE_2).verdict, PM_ALLOW);
    }
    end(&s);
}

static void an_initial_that_cannot_be_read_whole_is_on_engine_errors(void **state)
{
    (void)state;
    struct scene s;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    const uint8_t begin_of_one[1200] = {0xc0, 0, 0, 0, 1, 8};
    settings.engine_error_drop = true;
    begin_named(&s, "example.com", PM_ACTION_DROP, &settings);
    struct pm_decision d = throw_bytes(&s, begin_of_one, 1200, 100);
    assert_int_equal(d.verdict, pm_quiccrypt_is_there() ? PM_DROP : PM_ALLOW);
    assert_int_equal(d.why, pm_quiccrypt_is_there() ? PM_WHY_TRUNCATED : PM_WHY_DEFAULT);
    s.port++;
    d = throw_bytes(&s, begin_of_one, 1200, 1200); /* whole, but sealed for nobody */
    assert_int_equal(d.verdict, pm_quiccrypt_is_there() ? PM_DELAY : PM_ALLOW);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_in_one_packet_is_judged_with_it),
        cmocka_unit_test(at_every_cut_the_first_part_waits_and_gets_what_the_second_gets),
        cmocka_unit_test(parts_out_of_order_wait_for_each_other),
        cmocka_unit_test(where_only_some_names_pass_the_handshake_passes_too),
        cmocka_unit_test(what_is_no_tls_waits_for_nothing),
        cmocka_unit_test(after_its_time_on_engine_error_decides),
        cmocka_unit_test(who_does_not_want_packets_to_wait_lets_them_pass_or_drops_them),
        cmocka_unit_test(an_answer_is_for_the_packets_that_waited_too),
        cmocka_unit_test(a_reset_has_the_numbers_that_its_receiver_expects),
        cmocka_unit_test(a_malformed_hello_is_on_engine_errors),
        cmocka_unit_test(one_flow_makes_no_more_packets_wait_than_half_of_all_that_may),
        cmocka_unit_test(with_every_place_taken_on_engine_error_decides_until_one_is_old),
        cmocka_unit_test(the_oldest_that_is_kept_makes_room),
        cmocka_unit_test(packets_of_a_flow_that_is_forgotten_do_not_wait_on),
        cmocka_unit_test(a_new_policy_knows_the_hellos_of_the_one_before),
        cmocka_unit_test(rules_that_only_watch_make_nothing_wait),
        cmocka_unit_test(a_hello_of_quic_is_judged_over_its_datagrams),
        cmocka_unit_test(other_datagrams_wait_for_nothing_and_hide_no_hello_behind_them),
        cmocka_unit_test(an_initial_that_cannot_be_read_whole_is_on_engine_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
