/* explain_test.c - what an engine says of its rules is what it does with them, and saying it
 * changes nothing. */
#include "judge.h"

#include <pktmod/explain.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static pm_cond_id bytes_are(struct pm_builder *b, enum pm_field field, const char *text)
{
    struct pm_value value = {.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = (const uint8_t *)text,
                                       .len = (uint32_t)strlen(text),
                                       .depth = PM_NO_LIMIT}};
    return pm_cond_test(b, field, &value, 1);
}

static struct pm_decision explain(struct pm_filter *filter, const struct talk_packet *p,
                                  const struct pm_explainer *explainer)
{
    static uint8_t ip[TALK_PACKET];
    size_t len = talk_build(p, ip);
    struct pm_packet packet = {
        .data = ip, .len = len, .wire_len = len, .link = 101, .dir = PM_DIR_UNKNOWN};
    return pm_filter_explain(filter, &packet, p->time_ns, explainer);
}

/* ------------------------------------------------------------------ twins */

#define RULES 8u

struct foretold {
    struct pm_policy *policy;
    uint32_t rule;
    size_t calls;
};

/* The first rule that holds, that its modifiers let match, and that decides. */
static void foretell(void *context, const struct pm_moment *moment)
{
    struct foretold *told = context;
    struct pm_about_packet packet;
    struct pm_about_rule rule;
    pm_moment_packet(moment, &packet);
    told->calls++;
    told->rule = packet.latched;
    for (uint32_t i = 0; i < RULES && told->rule == PM_NO_RULE; i++) {
        pm_moment_rule(moment, i, &rule);
        assert_true(rule.is_asked);
        if (rule.cond.now == PM_TRUE && rule.modifiers.refused_by == PM_MODIFIER_NONE &&
            pm_policy_rule_action(told->policy, i) != PM_ACTION_LOG)
            told->rule = i;
    }
}

static uint32_t below(uint64_t *chance, uint32_t n)
{
    *chance = *chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*chance >> 33) % n;
}

static void modify(uint64_t *chance, struct pm_modifiers *m)
{
    switch (below(chance, 6)) {
    case 0:
        m->limit.tokens = 1 + below(chance, 3);
        m->limit.per_ns = 20 * MS;
        m->limit.per = below(chance, 2) ? PM_PER_FLOW : PM_PER_RULE;
        m->limit.over_matches = below(chance, 2);
        break;
    case 1:
        m->sample.every = 2 + below(chance, 2);
        m->sample.by_flow = below(chance, 2);
        break;
    case 2:
        m->sample.probability = PM_ALWAYS / 2;
        break;
    case 3:
        m->count.skip = below(chance, 4);
        m->count.max_per_flow = 1 + below(chance, 5);
        break;
    case 4:
        m->when.is_set = true;
        m->when.zone = PM_UTC;
        m->when.to_s = 1;
        break;
    default:
        break;
    }
}

static struct pm_policy *policy_by_chance(uint64_t *chance)
{
    static char ids[RULES][4];
    struct pm_builder *b = pm_builder_new();
    struct pm_error error;
    for (uint32_t i = 0; i < RULES; i++) {
        struct pm_rule_spec spec = {.id = ids[i], .action = PM_ACTION_DROP};
        uint32_t low = 40000 + below(chance, 4);
        ids[i][0] = (char)('a' + i);
        spec.match = judge_number(b, PM_FIELD_UDP_PORT, low, low + below(chance, 3));
        if (below(chance, 4) == 0)
            spec.match = pm_cond_not(b, spec.match);
        if (below(chance, 3) == 0)
            spec.action = below(chance, 2) ? PM_ACTION_LOG : PM_ACTION_ALLOW;
        if (below(chance, 5) == 0)
            spec.scope = PM_SCOPE_FLOW;
        modify(chance, &spec.modifiers);
        pm_builder_add_rule(b, &spec);
    }
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

/* A filter that is asked, and its twin that only decides. */
static void compare_twins(uint64_t *chance)
{
    struct pm_error error;
    struct pm_policy *policy = policy_by_chance(chance);
    struct pm_filter_config config = {.seed = 7, .hash_key = {1, 2}};
    struct pm_filter *twins[2] = {pm_filter_new(policy, &config, &error),
                                  pm_filter_new(policy, &config, &error)};
    struct foretold told = {.policy = policy};
    struct pm_explainer explainer = {foretell, &told};
    assert_true(twins[0] && twins[1]);
    for (uint64_t i = 0; i < 60; i++) {
        struct talk_packet p =
            judge_udp((uint16_t)(40000 + below(chance, 6)), i * 5 * MS * (1 + below(chance, 2)));
        struct pm_decision asked = explain(twins[0], &p, &explainer);
        struct pm_decision plain = explain(twins[1], &p, NULL);
        assert_int_equal(told.rule, asked.rule);
        assert_int_equal(asked.rule, plain.rule);
        assert_int_equal(asked.verdict, plain.verdict);
        assert_int_equal(asked.why, plain.why);
    }
    assert_int_equal(told.calls, 60);
    assert_memory_equal(pm_filter_stats(twins[0])->why, pm_filter_stats(twins[1])->why,
                        PM_WHY_COUNT * sizeof(uint64_t));
    for (uint32_t i = 0; i < RULES; i++)
        assert_int_equal(pm_filter_rule_stats(twins[0], i)->packets,
                         pm_filter_rule_stats(twins[1], i)->packets);
    pm_filter_free(twins[0]);
    pm_filter_free(twins[1]);
    pm_policy_unref(policy);
}

static void the_first_rule_that_is_said_to_match_decides_and_asking_changes_nothing(void **state)
{
    uint64_t chance = 1;
    (void)state;
    for (int i = 0; i < 60; i++)
        compare_twins(&chance);
}

/* ------------------------------------------------------------------ single answers */

struct seen {
    struct pm_about_packet packet;
    struct pm_about_rule rules[3];
    struct pm_about_cond conds[3];
    pm_cond_id ids[3];
    struct pm_about_field port, mss, payload;
    uint32_t rule_count;
};

static void look(void *context, const struct pm_moment *moment)
{
    struct seen *seen = context;
    pm_moment_packet(moment, &seen->packet);
    for (uint32_t i = 0; i < seen->rule_count; i++)
        pm_moment_rule(moment, i, &seen->rules[i]);
    for (size_t i = 0; i < COUNT(seen->ids); i++)
        pm_moment_cond(moment, seen->ids[i], &seen->conds[i]);
    pm_moment_field(moment, PM_FIELD_L4_PORT, &seen->port);
    pm_moment_field(moment, PM_FIELD_TCP_MSS, &seen->mss);
    pm_moment_field(moment, PM_FIELD_PAYLOAD, &seen->payload);
}

static void each_condition_and_field_is_told(void **state)
{
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct seen seen = {.rule_count = 1};
    struct pm_explainer explainer = {look, &seen};
    struct talk_packet p = judge_udp(40000, 1);
    (void)state;
    seen.ids[0] = judge_number(b, PM_FIELD_UDP_PORT, 80, 80);
    seen.ids[1] = judge_number(b, PM_FIELD_IP_TTL, 1, 5);
    seen.ids[2] = pm_cond_any(b, seen.ids, 2);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "a", .match = pm_cond_all(b, seen.ids, 3)});
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
    p.payload = (const uint8_t *)"hello";
    p.payload_len = 5;
    explain(j.filter, &p, &explainer);
    assert_int_equal(seen.conds[0].now, PM_TRUE);
    assert_int_equal(seen.conds[0].for_flow, PM_TRUE);
    assert_int_equal(seen.conds[1].now, PM_FALSE);
    assert_int_equal(seen.conds[1].for_flow, PM_DEPENDS);
    assert_int_equal(seen.conds[2].now, PM_TRUE);
    assert_int_equal(seen.rules[0].cond.now, PM_FALSE);
    assert_int_equal(seen.port.count, 2);
    assert_int_equal(seen.port.number[0], 40000);
    assert_int_equal(seen.port.number[1], 80);
    assert_int_equal(seen.mss.count, 0);
    assert_int_equal(seen.payload.bytes.len, 5);
    assert_memory_equal(seen.payload.bytes.bytes, "hello", 5);
    assert_true(seen.packet.is_new_flow && seen.packet.to_server);
    judge_end(&j);
}

static void a_limit_tells_its_tokens_and_when_the_next_one_comes(void **state)
{
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct seen seen = {.rule_count = 1};
    struct pm_explainer explainer = {look, &seen};
    struct talk_packet p = judge_udp(40000, 10 * S);
    (void)state;
    pm_builder_add_rule(b,
                        &(struct pm_rule_spec){.id = "a",
                                               .match = PM_COND_TRUE,
                                               .action = PM_ACTION_DROP,
                                               .modifiers = {.limit = {.tokens = 2, .per_ns = S}}});
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
    explain(j.filter, &p, &explainer);
    assert_int_equal(seen.rules[0].modifiers.tokens, 2);
    explain(j.filter, &p, &explainer);
    assert_int_equal(seen.rules[0].modifiers.tokens, 1);
    assert_int_equal(seen.rules[0].modifiers.refused_by, PM_MODIFIER_NONE);
    p.time_ns += 100 * MS;
    explain(j.filter, &p, &explainer);
    assert_int_equal(seen.rules[0].modifiers.tokens, 0);
    assert_int_equal(seen.rules[0].modifiers.refused_by, PM_MODIFIER_LIMIT);
    assert_int_equal(seen.rules[0].modifiers.refill_ns, 400 * MS);
    judge_end(&j);
}

static void a_flow_that_was_decided_says_by_which_rule(void **state)
{
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct seen seen = {.rule_count = 1};
    struct pm_explainer explainer = {look, &seen};
    struct talk_packet p = judge_udp(40000, 1);
    (void)state;
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "a",
                                                  .match = bytes_are(b, PM_FIELD_PAYLOAD, "stop"),
                                                  .scope = PM_SCOPE_FLOW,
                                                  .action = PM_ACTION_DROP});
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
    p.payload = (const uint8_t *)"stop";
    p.payload_len = 4;
    explain(j.filter, &p, &explainer);
    assert_int_equal(seen.packet.latched, PM_NO_RULE);
    p.payload = (const uint8_t *)"go";
    p.payload_len = 2;
    assert_int_equal(explain(j.filter, &p, &explainer).rule, 0);
    assert_int_equal(seen.packet.latched, 0);
    assert_int_equal(seen.rules[0].cond.now, PM_FALSE);
    assert_int_equal(seen.packet.number, 1);
    judge_end(&j);
}

static void a_stream_tells_what_it_has_seen_and_that_more_may_come(void **state)
{
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct seen seen = {.rule_count = 1};
    struct pm_explainer explainer = {look, &seen};
    struct talk_packet p = {.flags = TALK_SYN, .seq = 1000};
    (void)state;
    seen.ids[0] = bytes_are(b, PM_FIELD_STREAM, "secret");
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "a", .match = seen.ids[0], .action = PM_ACTION_DROP});
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
    explain(j.filter, &p, &explainer);
    p = (struct talk_packet){.from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = 9, .ack = 1001};
    explain(j.filter, &p, &explainer);
    p = (struct talk_packet){.flags = TALK_ACK, .seq = 1001, .ack = 10};
    p.payload = (const uint8_t *)"a sec";
    p.payload_len = 5;
    assert_int_equal(explain(j.filter, &p, &explainer).verdict, PM_ALLOW);
    assert_true(seen.packet.stream.is_tested);
    assert_int_equal(seen.packet.stream.in_order, 5);
    assert_int_equal(seen.conds[0].now, PM_FALSE);
    assert_int_equal(seen.conds[0].for_flow, PM_DEPENDS);
    p.seq = 1010;
    explain(j.filter, &p, &explainer);
    assert_int_equal(seen.packet.stream.in_order, 5);
    assert_int_equal(seen.packet.stream.highest, 14);
    p.seq = 1006;
    p.payload = (const uint8_t *)"retx";
    p.payload_len = 4;
    assert_int_equal(explain(j.filter, &p, &explainer).verdict, PM_DROP);
    assert_int_equal(seen.packet.stream.in_order, 14);
    assert_int_equal(seen.conds[0].now, PM_TRUE);
    judge_end(&j);
}

static void what_is_dropped_before_the_rules_says_why(void **state)
{
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct seen seen = {.rule_count = 1};
    struct pm_explainer explainer = {look, &seen};
    struct talk_packet p = judge_udp(40000, 1);
    (void)state;
    settings.bad_checksum_drop = true;
    pm_builder_settings(b, &settings);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "a", .action = PM_ACTION_ALLOW});
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {1, 2}});
    p.bad_checksum = 1;
    assert_int_equal(explain(j.filter, &p, &explainer).verdict, PM_DROP);
    assert_int_equal(seen.packet.refused, PM_WHY_BAD_CHECKSUM);
    judge_end(&j);
}

/* ------------------------------------------------------------------ the rewriter */

static void the_rewriter_tells_of_its_rules_and_rewrites_as_ever(void **state)
{
    static const struct pm_op_spec ops[] = {{.kind = PM_OP_REPLACE,
                                             .replace = {.find = (const uint8_t *)"aa",
                                                         .find_len = 2,
                                                         .with = (const uint8_t *)"b",
                                                         .with_len = 1,
                                                         .within_depth = PM_NO_LIMIT}}};
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct seen seen = {.rule_count = 2};
    struct pm_explainer explainer = {look, &seen};
    static uint8_t ip[TALK_PACKET];
    (void)state;
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "v", .action = PM_ACTION_ALLOW});
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "swap",
                                  .match = judge_number(b, PM_FIELD_UDP_PORT, 53, 53),
                                  .action = PM_ACTION_REWRITE,
                                  .modifiers = {.count = {.has_first = true, .first = 1}},
                                  .ops = ops,
                                  .op_count = 1});
    talk_begin(&t, b, (struct pm_rewriter_config){.hash_key = {1, 2}, .mtu = 1500});
    for (int i = 0; i < 2; i++) {
        struct talk_packet p = {
            .udp = 1, .server_port = 53, .payload = (const uint8_t *)"xaay", .payload_len = 4};
        size_t len = talk_build(&p, ip);
        struct pm_packet packet = {
            .data = ip, .len = len, .wire_len = len, .link = 101, .dir = PM_DIR_UNKNOWN};
        enum pm_why why = pm_rewrite_explain(t.rewriter, &packet, ip, 0, &explainer);
        assert_int_equal(why, i == 0 ? PM_WHY_EDITED : PM_WHY_NONE);
        assert_false(seen.rules[0].is_asked);
        assert_true(seen.rules[1].is_asked);
        assert_int_equal(seen.rules[1].cond.now, PM_TRUE);
        assert_int_equal(seen.rules[1].modifiers.counted, i);
        assert_int_equal(seen.rules[1].modifiers.refused_by,
                         i == 0 ? PM_MODIFIER_NONE : PM_MODIFIER_COUNT);
    }
    talk_end(&t);
}

struct asked {
    int calls, asked_in[2]; /* of the rule that rewrites, and of its dry run */
};

static void note_asked(void *context, const struct pm_moment *moment)
{
    struct asked *asked = context;
    asked->calls++;
    for (uint32_t i = 0; i < 2; i++) {
        struct pm_about_rule rule;
        pm_moment_rule(moment, i, &rule);
        if (rule.is_asked)
            asked->asked_in[i] = asked->calls;
    }
}

static void dry_run_rewrites_are_asked_before_the_others(void **state)
{
    static const struct pm_op_spec ttl = {.kind = PM_OP_SET,
                                          .set = {.field = PM_FIELD_IP_TTL, .number = 9}};
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct asked asked = {.calls = 0};
    struct pm_explainer explainer = {note_asked, &asked};
    static uint8_t ip[TALK_PACKET];
    (void)state;
    for (int i = 0; i < 2; i++)
        pm_builder_add_rule(b, &(struct pm_rule_spec){.id = i ? "dry" : "wet",
                                                      .match = PM_COND_TRUE,
                                                      .action = PM_ACTION_REWRITE,
                                                      .is_dry_run = i,
                                                      .ops = &ttl,
                                                      .op_count = 1});
    talk_begin(&t, b, (struct pm_rewriter_config){.hash_key = {1, 2}, .mtu = 1500});
    struct talk_packet p = {.udp = 1};
    size_t len = talk_build(&p, ip);
    struct pm_packet packet = {
        .data = ip, .len = len, .wire_len = len, .link = 101, .dir = PM_DIR_UNKNOWN};
    pm_rewrite_explain(t.rewriter, &packet, ip, 0, &explainer);
    assert_int_equal(asked.calls, 2);
    assert_int_equal(asked.asked_in[1], 1);
    assert_int_equal(asked.asked_in[0], 2);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_is_said_to_match_decides_and_asking_changes_nothing),
        cmocka_unit_test(each_condition_and_field_is_told),
        cmocka_unit_test(a_limit_tells_its_tokens_and_when_the_next_one_comes),
        cmocka_unit_test(a_flow_that_was_decided_says_by_which_rule),
        cmocka_unit_test(a_stream_tells_what_it_has_seen_and_that_more_may_come),
        cmocka_unit_test(what_is_dropped_before_the_rules_says_why),
        cmocka_unit_test(the_rewriter_tells_of_its_rules_and_rewrites_as_ever),
        cmocka_unit_test(dry_run_rewrites_are_asked_before_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
