/* filter_ask_test.c - questions: who waits, what an answer is for, what happens when there is no
 * room and no answer. */
#include "judge.h"

struct spec {
    struct pm_settings settings;
    struct pm_rule_spec rule;
};

static struct spec usual(void)
{
    struct spec s = {.settings = PM_SETTINGS_DEFAULT};
    s.rule = (struct pm_rule_spec){.id = "ask", .action = PM_ACTION_ASK};
    s.rule.ask.timeout_ns = S;
    s.rule.ask.timeout_drop = true;
    return s;
}

/* Asks about ports up to 99; allows the rest. */
static void begin(struct judge *j, const struct spec *spec)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = spec->rule;
    pm_builder_settings(b, &spec->settings);
    rule.match = judge_number(b, PM_FIELD_UDP_DSTPORT, 0, 99);
    pm_builder_add_rule(b, &rule);
    judge_begin(j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
}

static struct pm_decision ask(struct judge *j, uint16_t flow, uint64_t cookie, uint64_t now_ns)
{
    struct talk_packet p = judge_udp(flow, now_ns);
    return judge_packet(j, &p, cookie);
}

static void expect_due(struct judge *j, uint64_t now_ns, uint64_t cookie, enum pm_verdict verdict,
                       enum pm_why why)
{
    struct pm_due due;
    assert_true(pm_filter_due(j->filter, now_ns, &due));
    assert_int_equal(due.cookie, cookie);
    assert_int_equal(due.verdict, verdict);
    assert_int_equal(due.why, why);
}

static void expect_none_due(struct judge *j, uint64_t now_ns)
{
    struct pm_due due;
    assert_false(pm_filter_due(j->filter, now_ns, &due));
}

static void packets_wait_in_order_and_leave_with_the_answer(void **state)
{
    (void)state;
    struct judge j;
    struct spec spec = usual();
    begin(&j, &spec);
    struct pm_decision first = ask(&j, 1000, 1, 0), second = ask(&j, 1000, 2, 5);
    assert_int_equal(first.verdict, PM_ASK);
    assert_int_equal(first.why, PM_WHY_ASKED);
    assert_true(first.is_new_ask && !second.is_new_ask);
    assert_int_equal(second.ask_id, first.ask_id);
    assert_int_equal(pm_filter_next_ns(j.filter), S);
    expect_none_due(&j, S - 1);
    assert_true(pm_filter_answer(j.filter, first.ask_id, true, PM_FOR_FLOW, 0, S - 1));
    expect_due(&j, S - 1, 1, PM_ALLOW, PM_WHY_ANSWER);
    expect_due(&j, S - 1, 2, PM_ALLOW, PM_WHY_ANSWER);
    expect_none_due(&j, UINT64_MAX);
    assert_false(pm_filter_answer(j.filter, first.ask_id, true, PM_FOR_FLOW, 0, S));
    judge_end(&j);
}

static void without_an_answer_the_timeout_decides_and_is_not_remembered(void **state)
{
    (void)state;
    struct judge j;
    struct spec spec = usual();
    spec.rule.ask.remember_ns = 100 * S;
    begin(&j, &spec);
    ask(&j, 1000, 1, 0);
    expect_due(&j, S, 1, PM_DROP, PM_WHY_ASK_TIMEOUT);
    assert_int_equal(judge_why(&j, PM_WHY_ASK_TIMEOUT), 1);
    assert_int_equal(pm_filter_stats(j.filter)->asked_dropped, 1);
    assert_true(ask(&j, 1000, 2, S + 1).is_new_ask);
    judge_end(&j);
}

static void an_answer_is_for_the_flow_or_the_rule_or_a_time(void **state)
{
    (void)state;
    static const struct {
        enum pm_answer_for answer_for;
        enum pm_verdict same_flow, same_flow_later, other_flow;
    } rows[] = {{PM_FOR_FLOW, PM_ALLOW, PM_ALLOW, PM_ASK},
                {PM_FOR_RULE, PM_ALLOW, PM_ALLOW, PM_ALLOW},
                {PM_FOR_TIME, PM_ALLOW, PM_ASK, PM_ASK}};
    for (size_t i = 0; i < 3; i++) {
        struct judge j;
        struct spec spec = usual();
        begin(&j, &spec);
        uint64_t id = ask(&j, 1000, 1, 0).ask_id;
        assert_true(pm_filter_answer(j.filter, id, true, rows[i].answer_for, 10 * S, 1));
        expect_due(&j, 1, 1, PM_ALLOW, PM_WHY_ANSWER);
        assert_int_equal(ask(&j, 1000, 2, 10 * S).verdict, rows[i].same_flow);
        assert_int_equal(ask(&j, 1000, 3, 10 * S + 1).verdict, rows[i].same_flow_later);
        assert_int_equal(ask(&j, 1001, 4, 10 * S + 1).verdict, rows[i].other_flow);
        judge_end(&j);
    }
}

static void questions_with_the_same_values_are_one(void **state)
{
    (void)state;
    struct judge j;
    struct spec spec = usual();
    spec.rule.ask.coalesce[0] = PM_FIELD_IP_DST;
    spec.rule.ask.coalesce_count = 1;
    spec.rule.ask.remember_ns = 5 * S;
    begin(&j, &spec);
    uint64_t id = ask(&j, 1000, 1, 0).ask_id;
    assert_int_equal(ask(&j, 1001, 2, 0).ask_id, id);
    assert_true(pm_filter_answer(j.filter, id, false, PM_FOR_FLOW, 0, 1));
    expect_due(&j, 1, 1, PM_DROP, PM_WHY_ANSWER);
    expect_due(&j, 1, 2, PM_DROP, PM_WHY_ANSWER);
    assert_int_equal(ask(&j, 1001, 3, 20 * S).why, PM_WHY_ANSWER); /* its flow was answered */
    assert_int_equal(ask(&j, 1002, 4, 20 * S).verdict, PM_ASK);    /* the rest is forgotten */
    judge_end(&j);
}

static void more_than_hold_packets_are_decided_by_the_timeout(void **state)
{
    (void)state;
    struct judge j;
    struct spec spec = usual();
    spec.rule.ask.hold_packets = 2;
    begin(&j, &spec);
    ask(&j, 1000, 1, 0);
    ask(&j, 1000, 2, 0);
    struct pm_decision d = ask(&j, 1000, 3, 0);
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_ASK_FULL);
    judge_end(&j);
}

static void no_room_for_a_question_or_its_packet_asks_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct judge j;
        struct spec spec = usual();
        spec.rule.ask.timeout_drop = false;
        if (i == 0)
            spec.settings.asks = 1;
        else if (i == 1)
            spec.settings.delayed_packets = 1;
        else if (i == 2)
            spec.settings.delayed_bytes = 30;
        else
            spec.settings.asks = 0;
        begin(&j, &spec);
        bool has_first = i != 3;
        assert_int_equal(ask(&j, 1000, 1, 0).verdict, has_first ? PM_ASK : PM_ALLOW);
        struct pm_decision d = ask(&j, 1001, 2, 0);
        assert_int_equal(d.verdict, PM_ALLOW);
        assert_int_equal(d.why, PM_WHY_ASK_FULL);
        assert_false(d.is_new_ask);
        assert_false(pm_filter_answer(j.filter, 2, true, PM_FOR_FLOW, 0, 0)); /* none was opened */
        if (has_first)
            expect_due(&j, S, 1, PM_ALLOW, PM_WHY_ASK_TIMEOUT);
        expect_none_due(&j, UINT64_MAX);
        assert_int_equal(ask(&j, 1002, 3, 2 * S).verdict, has_first ? PM_ASK : PM_ALLOW);
        judge_end(&j);
    }
}

static void remembered_answers_are_bounded(void **state)
{
    (void)state;
    struct judge j;
    struct spec spec = usual();
    spec.settings.answers = 2;
    begin(&j, &spec);
    for (uint16_t flow = 0; flow < 3; flow++) {
        uint64_t id = ask(&j, (uint16_t)(1000 + flow), flow, 0).ask_id;
        assert_true(pm_filter_answer(j.filter, id, false, PM_FOR_TIME, 100 * S, 0));
        expect_due(&j, 0, flow, PM_DROP, PM_WHY_ANSWER);
    }
    assert_int_equal(judge_why(&j, PM_WHY_ANSWERS_FULL), 1);
    assert_int_equal(ask(&j, 1002, 9, 1).verdict, PM_DROP);
    assert_int_equal(ask(&j, 1001, 9, 1).verdict, PM_DROP);
    assert_int_equal(ask(&j, 1000, 9, 1).verdict, PM_ASK);
    judge_end(&j);
}

static void later_packets_of_the_side_wait_behind_and_pass_whatever_the_answer(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = usual().rule;
    rule.match = judge_number(b, PM_FIELD_IP_TTL, 0, 9);
    pm_builder_add_rule(b, &rule);
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
    struct talk_packet p = judge_udp(1000, 0), back = judge_udp(1000, 0);
    p.ttl = 5;
    uint64_t id = judge_packet(&j, &p, 1).ask_id;
    p.ttl = 60;
    struct pm_decision d = judge_packet(&j, &p, 2);
    assert_int_equal(d.verdict, PM_ASK);
    assert_int_equal(d.why, PM_WHY_KEPT_ORDER);
    assert_int_equal(d.ask_id, 0);
    back.from_server = 1;
    assert_int_equal(judge_packet(&j, &back, 3).verdict, PM_ALLOW);
    assert_true(pm_filter_answer(j.filter, id, false, PM_FOR_FLOW, 0, 7));
    expect_due(&j, 7, 1, PM_DROP, PM_WHY_ANSWER);
    expect_due(&j, 7, 2, PM_ALLOW, PM_WHY_KEPT_ORDER);
    assert_int_equal(judge_packet(&j, &p, 4).verdict, PM_ALLOW);
    judge_end(&j);
}

static void asking_takes_the_memory_that_was_told(void **state)
{
    (void)state;
    struct judge asks, plain;
    struct spec spec = usual();
    begin(&asks, &spec);
    spec.rule.action = PM_ACTION_DROP;
    begin(&plain, &spec);
    assert_true(pm_filter_footprint(asks.policy) > pm_filter_footprint(plain.policy));
    judge_end(&asks);
    judge_end(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_wait_in_order_and_leave_with_the_answer),
        cmocka_unit_test(without_an_answer_the_timeout_decides_and_is_not_remembered),
        cmocka_unit_test(an_answer_is_for_the_flow_or_the_rule_or_a_time),
        cmocka_unit_test(questions_with_the_same_values_are_one),
        cmocka_unit_test(more_than_hold_packets_are_decided_by_the_timeout),
        cmocka_unit_test(no_room_for_a_question_or_its_packet_asks_nothing),
        cmocka_unit_test(remembered_answers_are_bounded),
        cmocka_unit_test(later_packets_of_the_side_wait_behind_and_pass_whatever_the_answer),
        cmocka_unit_test(asking_takes_the_memory_that_was_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
