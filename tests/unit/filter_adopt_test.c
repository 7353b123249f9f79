/* filter_adopt_test.c - a new policy takes over the flows; which flows need no more asking. */
#include "judge.h"

/* TCP to port 80, as the rule says; everything else is allowed. */
static struct pm_policy *policy_of(const char *id, enum pm_action action)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = {.id = id, .action = action};
    rule.ask.timeout_ns = 10 * S;
    rule.delay.delay_ns = S;
    rule.delay.keep_order = true;
    rule.match = judge_number(b, PM_FIELD_TCP_PORT, 80, 80);
    pm_builder_add_rule(b, &rule);
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

static void begin(struct judge *j, struct pm_policy *policy)
{
    struct pm_error error;
    j->policy = policy;
    j->filter = pm_filter_new(policy, &(struct pm_filter_config){.hash_key = {1, 2}}, &error);
    assert_non_null(j->filter);
}

static struct pm_decision segment(struct judge *j, int from_server, uint8_t flags, uint64_t now_ns)
{
    struct talk_packet p = {.from_server = from_server, .flags = flags, .time_ns = now_ns};
    return judge_packet(j, &p, now_ns);
}

static void shake_hands(struct judge *j)
{
    segment(j, 0, TALK_SYN, 0);
    segment(j, 1, TALK_SYN | TALK_ACK, 1);
    segment(j, 0, TALK_ACK, 2);
}

static void a_flow_keeps_its_number_and_is_judged_anew(void **state)
{
    (void)state;
    struct judge before, after;
    begin(&before, policy_of("web", PM_ACTION_ALLOW));
    begin(&after, policy_of("web", PM_ACTION_DROP));
    shake_hands(&before);
    uint64_t id = segment(&before, 0, TALK_ACK, 3).flow_id;
    pm_filter_adopt(after.filter, before.filter);
    struct pm_decision d = segment(&after, 1, TALK_ACK, 4);
    assert_int_equal(d.flow_id, id);
    assert_false(d.is_new_flow);
    assert_int_equal(d.verdict, PM_DROP);
    judge_end(&before);
    struct talk_packet other = {.client_port = 50000, .flags = TALK_SYN, .time_ns = 5};
    assert_int_equal(judge_packet(&after, &other, 5).flow_id, id + 1);
    judge_end(&after);
}

static void what_waits_stays_with_the_filter_before(void **state)
{
    (void)state;
    struct judge before, after;
    struct pm_due due;
    begin(&before, policy_of("web", PM_ACTION_DELAY));
    begin(&after, policy_of("other", PM_ACTION_ALLOW));
    assert_int_equal(segment(&before, 0, TALK_SYN, 7).verdict, PM_DELAY);
    pm_filter_adopt(after.filter, before.filter);
    assert_int_equal(pm_filter_next_ns(after.filter), UINT64_MAX);
    assert_int_equal(pm_filter_next_ns(before.filter), S + 7);
    /* Order is kept over the change: the next packet leaves no earlier. */
    struct pm_decision d = segment(&after, 0, TALK_ACK, 8);
    assert_int_equal(d.verdict, PM_DELAY);
    assert_int_equal(d.why, PM_WHY_KEPT_ORDER);
    assert_true(d.release_ns >= S + 7);
    assert_true(pm_filter_due(before.filter, S + 7, &due));
    assert_int_equal(due.cookie, 7);
    assert_int_equal(due.verdict, PM_ALLOW);
    judge_end(&before);
    judge_end(&after);
}

static void an_answer_for_the_flow_holds_where_the_rule_keeps_its_id(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        enum pm_verdict verdict;
    } cases[] = {{"web", PM_ALLOW}, {"renamed", PM_ASK}};
    for (size_t i = 0; i < 2; i++) {
        struct judge before, after;
        begin(&before, policy_of("web", PM_ACTION_ASK));
        begin(&after, policy_of(cases[i].id, PM_ACTION_ASK));
        struct pm_decision d = segment(&before, 0, TALK_SYN, 1);
        assert_true(pm_filter_answer(before.filter, d.ask_id, true, PM_FOR_FLOW, 0, 2));
        pm_filter_adopt(after.filter, before.filter);
        judge_end(&before);
        assert_int_equal(segment(&after, 0, TALK_ACK, 3).verdict, cases[i].verdict);
        judge_end(&after);
    }
}

static void an_answer_for_the_rule_holds_where_it_asks_about_the_same(void **state)
{
    (void)state;
    static const enum pm_answer_for answers[] = {PM_FOR_RULE, PM_FOR_TIME};
    static const struct {
        const char *id;
        enum pm_verdict verdict;
    } cases[] = {{"web", PM_DROP}, {"renamed", PM_ASK}};
    for (size_t i = 0; i < 4; i++) {
        struct judge before, after;
        begin(&before, policy_of("web", PM_ACTION_ASK));
        begin(&after, policy_of(cases[i % 2].id, PM_ACTION_ASK));
        struct pm_decision d = segment(&before, 0, TALK_SYN, 1);
        assert_true(pm_filter_answer(before.filter, d.ask_id, false, answers[i / 2], 60 * S, 2));
        pm_filter_adopt(after.filter, before.filter);
        judge_end(&before);
        assert_int_equal(segment(&after, 0, TALK_SYN, 3).verdict, cases[i % 2].verdict);
        judge_end(&after);
    }
}

static void an_answer_that_comes_after_the_change_holds_too(void **state)
{
    (void)state;
    static const enum pm_answer_for answers[] = {PM_FOR_FLOW, PM_FOR_RULE, PM_FOR_TIME};
    for (size_t i = 0; i < 3; i++) {
        struct judge before, after;
        begin(&before, policy_of("web", PM_ACTION_ASK));
        begin(&after, policy_of("web", PM_ACTION_ASK));
        struct pm_decision d = segment(&before, 0, TALK_SYN, 1);
        pm_filter_adopt(after.filter, before.filter);
        assert_true(pm_filter_answer(before.filter, d.ask_id, true, answers[i], 60 * S, 2));
        pm_filter_adopt_answers(after.filter, before.filter);
        judge_end(&before);
        assert_int_equal(segment(&after, 0, TALK_SYN, 3).verdict, PM_ALLOW);
        judge_end(&after);
    }
}

static void an_answer_since_the_change_is_not_taken_back(void **state)
{
    (void)state;
    struct judge before, after;
    begin(&before, policy_of("web", PM_ACTION_ASK));
    begin(&after, policy_of("web", PM_ACTION_ASK));
    struct pm_decision old = segment(&before, 0, TALK_SYN, 1);
    pm_filter_adopt(after.filter, before.filter);
    struct pm_decision d = segment(&after, 0, TALK_SYN, 2);
    assert_true(pm_filter_answer(after.filter, d.ask_id, false, PM_FOR_RULE, 0, 3));
    assert_true(pm_filter_answer(before.filter, old.ask_id, true, PM_FOR_RULE, 0, 4));
    pm_filter_adopt_answers(after.filter, before.filter);
    judge_end(&before);
    assert_int_equal(segment(&after, 0, TALK_SYN, 5).verdict, PM_DROP);
    judge_end(&after);
}

/* ------------------------------------------------------------------ what is counted */

/* A drop of what is over a limit of `tokens` a minute per source port. */
static struct pm_policy *limiting(const char *id, uint32_t tokens)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = {.id = id, .action = PM_ACTION_DROP};
    rule.modifiers.limit.tokens = tokens;
    rule.modifiers.limit.per_ns = 60 * S;
    rule.modifiers.limit.per = PM_PER_FIELDS;
    rule.modifiers.limit.fields[0] = PM_FIELD_UDP_PORT;
    rule.modifiers.limit.field_count = 1;
    rule.modifiers.limit.over_matches = true;
    pm_builder_add_rule(b, &rule);
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

static void a_limit_goes_on_where_the_rule_is_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        uint32_t tokens;
        enum pm_verdict verdict;
    } cases[] = {{"slow", 2, PM_DROP}, {"slow", 3, PM_ALLOW}, {"other", 2, PM_ALLOW}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct judge before, after;
        struct talk_packet p = judge_udp(1000, S);
        begin(&before, limiting("slow", 2));
        begin(&after, limiting(cases[i].id, cases[i].tokens));
        assert_int_equal(judge_packet(&before, &p, 0).verdict, PM_ALLOW);
        assert_int_equal(judge_packet(&before, &p, 0).verdict, PM_ALLOW);
        pm_filter_adopt(after.filter, before.filter);
        judge_end(&before);
        assert_int_equal(judge_packet(&after, &p, 0).verdict, cases[i].verdict);
        p = judge_udp(2000, S);
        assert_int_equal(judge_packet(&after, &p, 0).verdict, PM_ALLOW);
        judge_end(&after);
    }
}

/* Rules that count in every way there is, with something new among them at each change. */
static struct pm_policy *counting(unsigned generation)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rules[5] = {{.id = "fresh", .action = PM_ACTION_LOG},
                                    {.id = "limit"},
                                    {.id = "each"},
                                    {.id = "first"},
                                    {.id = "flows"}};
    rules[0].modifiers.limit.tokens = 1 + generation;
    rules[0].modifiers.limit.per_ns = S;
    rules[1].modifiers.limit.tokens = 7;
    rules[1].modifiers.limit.per_ns = S;
    rules[1].modifiers.limit.over_matches = true;
    rules[2].modifiers.count.max_per_flow = 40;
    rules[2].modifiers.count.skip = 60;
    rules[3].modifiers.count.has_first = true;
    rules[3].modifiers.count.first = 500;
    rules[3].modifiers.sample.every = 3;
    rules[4].modifiers.sample.every = 2;
    rules[4].modifiers.sample.by_flow = true;
    for (unsigned i = 0; i < 5; i++) { /* their places change too */
        struct pm_rule_spec *rule = &rules[i];
        if (i > 0)
            rule->action = i % 2 ? PM_ACTION_DROP : PM_ACTION_LOG;
        pm_builder_add_rule(b, rule);
        if (i == 0 && generation % 2)
            pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "more", .action = PM_ACTION_LOG});
    }
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

static void changes_of_other_rules_change_no_decision(void **state)
{
    (void)state;
    struct judge steady, changed;
    unsigned drops = 0;
    begin(&steady, counting(0));
    begin(&changed, counting(0));
    for (unsigned i = 1; i <= 4000; i++) {
        struct talk_packet p = judge_udp((uint16_t)(1000 + i * 7919 % 13), i * 90 * MS);
        enum pm_verdict expected = judge_packet(&steady, &p, 0).verdict;
        assert_int_equal(judge_packet(&changed, &p, 0).verdict, expected);
        drops += expected == PM_DROP;
        if (i % 37 == 0) {
            struct judge before = changed;
            begin(&changed, counting(i / 37));
            pm_filter_adopt(changed.filter, before.filter);
            judge_end(&before);
        }
    }
    assert_true(drops > 500 && drops < 3500);
    judge_end(&steady);
    judge_end(&changed);
}

/* A policy that was built without a file may have them. */
static void rules_with_one_id_count_apart(void **state)
{
    (void)state;
    struct pm_error error;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = {.id = "twin", .action = PM_ACTION_DROP};
    rule.modifiers.limit.tokens = 1;
    rule.modifiers.limit.per_ns = 60 * S;
    rule.modifiers.limit.per = PM_PER_FLOW;
    pm_builder_add_rule(b, &rule);
    pm_builder_add_rule(b, &rule);
    begin(&j, pm_builder_finish(b, &error));
    struct talk_packet p = judge_udp(1000, S);
    assert_int_equal(judge_packet(&j, &p, 0).verdict, PM_DROP);
    assert_int_equal(judge_packet(&j, &p, 0).verdict, PM_DROP);
    assert_int_equal(judge_packet(&j, &p, 0).verdict, PM_ALLOW);
    judge_end(&j);
}

static void a_smaller_table_keeps_the_flows_of_latest_use(void **state)
{
    (void)state;
    struct judge before, after;
    struct pm_error error;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_builder *b = pm_builder_new();
    settings.flows = 4;
    pm_builder_settings(b, &settings);
    begin(&before, policy_of("web", PM_ACTION_ALLOW));
    begin(&after, pm_builder_finish(b, &error));
    for (uint16_t i = 0; i < 10; i++) {
        struct talk_packet p = judge_udp((uint16_t)(1000 + i), i);
        judge_packet(&before, &p, 0);
    }
    pm_filter_adopt(after.filter, before.filter);
    struct pm_flow_info flows[16];
    assert_int_equal(pm_filter_flows(before.filter, flows, 16), 10);
    assert_int_equal(pm_filter_flows(after.filter, flows, 16), 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(flows[i].id, 10 - i);
    assert_int_equal(pm_filter_flows(after.filter, flows, 2), 2);
    judge_end(&before);
    judge_end(&after);
}

static void a_flow_is_settled_when_both_ways_are_allowed_for_good(void **state)
{
    (void)state;
    static const struct {
        enum pm_action action;
        bool settles;
    } cases[] = {{PM_ACTION_ALLOW, true}, {PM_ACTION_LOG, false}, {PM_ACTION_ASK, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct judge j;
        begin(&j, policy_of("web", cases[i].action));
        assert_false(segment(&j, 0, TALK_SYN, 0).is_settled);
        assert_int_equal(segment(&j, 1, TALK_SYN | TALK_ACK, 1).is_settled, cases[i].settles);
        assert_int_equal(segment(&j, 0, TALK_ACK, 2).is_settled, cases[i].settles);
        judge_end(&j);
    }
}

static void a_rule_on_single_packets_keeps_a_flow_unsettled(void **state)
{
    (void)state;
    struct judge j;
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = {.id = "ttl", .action = PM_ACTION_DROP};
    rule.match = judge_number(b, PM_FIELD_IP_TTL, 1, 1);
    pm_builder_add_rule(b, &rule);
    begin(&j, pm_builder_finish(b, &error));
    shake_hands(&j);
    assert_false(segment(&j, 1, TALK_ACK, 3).is_settled);
    judge_end(&j);
}

static bool reads(enum pm_field field, bool is_inner)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_value bytes = {
        .kind = PM_VALUE_BYTES,
        .bytes = {.bytes = (const uint8_t *)"x", .len = 1, .depth = UINT32_MAX}};
    struct pm_value range = {.kind = PM_VALUE_RANGE, .range = {1, 2}};
    bool is_bytes = field == PM_FIELD_PAYLOAD || field == PM_FIELD_STREAM;
    pm_cond_id test = pm_cond_test(b, field, is_bytes ? &bytes : &range, 1);
    pm_cond_id both[2] = {judge_number(b, PM_FIELD_TCP_PORT, 1, 2), test};
    pm_cond_id match = is_inner ? pm_cond_not(b, pm_cond_any(b, both, 2)) : test;
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "r", .match = match, .action = PM_ACTION_DROP});
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    bool answer = pm_policy_reads_payload(policy);
    pm_policy_unref(policy);
    return answer;
}

static void rules_on_headers_read_no_payload(void **state)
{
    (void)state;
    assert_false(reads(PM_FIELD_TCP_DSTPORT, false));
    assert_false(reads(PM_FIELD_IP_LEN, true));
    assert_false(reads(PM_FIELD_TCP_LEN, false));
    assert_true(reads(PM_FIELD_PAYLOAD, false));
    assert_true(reads(PM_FIELD_PAYLOAD, true));
    assert_true(reads(PM_FIELD_STREAM, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_keeps_its_number_and_is_judged_anew),
        cmocka_unit_test(what_waits_stays_with_the_filter_before),
        cmocka_unit_test(an_answer_for_the_flow_holds_where_the_rule_keeps_its_id),
        cmocka_unit_test(an_answer_for_the_rule_holds_where_it_asks_about_the_same),
        cmocka_unit_test(an_answer_that_comes_after_the_change_holds_too),
        cmocka_unit_test(an_answer_since_the_change_is_not_taken_back),
        cmocka_unit_test(a_limit_goes_on_where_the_rule_is_the_same),
        cmocka_unit_test(changes_of_other_rules_change_no_decision),
        cmocka_unit_test(rules_with_one_id_count_apart),
        cmocka_unit_test(a_smaller_table_keeps_the_flows_of_latest_use),
        cmocka_unit_test(a_flow_is_settled_when_both_ways_are_allowed_for_good),
        cmocka_unit_test(a_rule_on_single_packets_keeps_a_flow_unsettled),
        cmocka_unit_test(rules_on_headers_read_no_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
