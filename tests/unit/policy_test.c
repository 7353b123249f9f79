/* policy_test.c - building a policy in C: what is refused, who owns what, how it is shared. */
#include "talk.h"

static struct pm_error finish(struct pm_builder *b, struct pm_policy **policy)
{
    struct pm_error error;
    *policy = pm_builder_finish(b, &error);
    return error;
}

static void expect_refused(struct pm_builder *b, const char *part)
{
    struct pm_policy *policy;
    struct pm_error error = finish(b, &policy);
    assert_null(policy);
    assert_int_equal(error.status, PM_INVALID);
    assert_non_null(strstr(error.text, part));
}

static struct pm_builder *with_op(const char *id, struct pm_op_spec op)
{
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = id, .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
    return b;
}

static void rules_that_cannot_work_are_refused_by_name(void **state)
{
    (void)state;
    const uint8_t byte = 1;
    expect_refused(with_op("", (struct pm_op_spec){.kind = PM_OP_REPLACE}), "needs an id");
    expect_refused(with_op("nothing", (struct pm_op_spec){.kind = PM_OP_REPLACE}),
                   "\"nothing\": a replace");
    expect_refused(
        with_op("seq", (struct pm_op_spec){.kind = PM_OP_SET, .set = {.field = PM_FIELD_TCP_SEQ}}),
        "cannot be set");
    expect_refused(
        with_op("df", (struct pm_op_spec){.kind = PM_OP_ADD, .set = {.field = PM_FIELD_IP_DF}}),
        "cannot be added to");
    expect_refused(
        with_op("ttl", (struct pm_op_spec){.kind = PM_OP_SET,
                                           .set = {.field = PM_FIELD_IP_TTL, .number = 256}}),
        "out of the field's range");
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "empty", .action = PM_ACTION_REWRITE});
    expect_refused(b, "at least one edit");
    b = pm_builder_new();
    pm_bpf_add(b, pm_builder_add_bpf(b), 1, &(struct pm_bpf_insn){.code = byte}, 1);
    expect_refused(b, "BPF");
    b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 0;
    pm_builder_settings(b, &settings);
    expect_refused(b, "flows");
}

static void the_first_fault_is_the_one_that_is_told(void **state)
{
    (void)state;
    struct pm_builder *b = with_op("first", (struct pm_op_spec){.kind = PM_OP_REPLACE});
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "second", .action = PM_ACTION_REWRITE});
    expect_refused(b, "first");
}

static void a_builder_can_be_given_up(void **state)
{
    (void)state;
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", PM_COND_TRUE, "a", "b");
    pm_builder_free(b);
    pm_builder_free(NULL);
    pm_policy_unref(NULL);
}

static void what_was_handed_in_was_copied(void **state)
{
    (void)state;
    struct pm_builder *b = pm_builder_new();
    char id[] = "swap", find[] = "aa", with[] = "bb";
    talk_replace(b, id, PM_COND_TRUE, find, with);
    memset(id, 'x', 4);
    memset(find, 'x', 2);
    memset(with, 'x', 2);
    struct talk t;
    talk_begin(&t, b, (struct pm_rewriter_config){.mtu = 1500});
    struct talk_packet p = {.udp = 1, .payload = (const uint8_t *)"aa", .payload_len = 2};
    talk_send(&t, &p);
    assert_memory_equal(t.out[0].p.payload, "bb", 2);
    assert_string_equal(pm_policy_rule_id(t.policy, 0), "swap");
    talk_end(&t);
}

static void a_policy_lives_as_long_as_someone_holds_it(void **state)
{
    (void)state;
    struct pm_builder *b = pm_builder_new();
    struct pm_policy *policy;
    struct pm_error error;
    talk_replace(b, "swap", PM_COND_TRUE, "a", "b");
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "log", .action = PM_ACTION_LOG});
    finish(b, &policy);
    assert_int_equal(pm_policy_rule_count(policy), 2);
    assert_int_equal(pm_policy_rule_action(policy, 0), PM_ACTION_REWRITE);
    assert_int_equal(pm_policy_rule_action(policy, 1), PM_ACTION_LOG);
    assert_true(pm_policy_rewrites(policy));
    struct pm_filter *f = pm_filter_new(policy, &(struct pm_filter_config){.seed = 1}, &error);
    pm_policy_unref(policy); /* the engine holds its own */
    assert_non_null(f);
    assert_int_equal(pm_filter_rule_stats(f, 1)->packets, 0);
    pm_filter_free(f);
}

static void footprints_follow_the_settings(void **state)
{
    (void)state;
    size_t last = 0;
    for (uint32_t flows = 1000; flows <= 100000; flows *= 10) {
        struct pm_builder *b = pm_builder_new();
        struct pm_policy *policy;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        settings.flows = flows;
        pm_builder_settings(b, &settings);
        finish(b, &policy);
        size_t footprint = pm_filter_footprint(policy);
        assert_true(footprint > last);
        assert_true(footprint < 400 * (size_t)flows + (1u << 20));
        struct pm_rewriter_config config = {.mtu = 1500, .retain_bytes = 1000000, .edits = 1000};
        assert_true(pm_rewriter_footprint(policy, &config) > 1000000);
        last = footprint;
        pm_policy_unref(policy);
    }
}

static void every_reason_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int i = 0; i < PM_WHY_COUNT; i++) {
        assert_true(strlen(pm_why_name((enum pm_why)i)) > 2);
        assert_true(strlen(pm_why_text((enum pm_why)i)) > 10);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(pm_why_name((enum pm_why)i), pm_why_name((enum pm_why)k));
    }
    assert_string_equal(pm_version(), PM_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_cannot_work_are_refused_by_name),
        cmocka_unit_test(the_first_fault_is_the_one_that_is_told),
        cmocka_unit_test(a_builder_can_be_given_up),
        cmocka_unit_test(what_was_handed_in_was_copied),
        cmocka_unit_test(a_policy_lives_as_long_as_someone_holds_it),
        cmocka_unit_test(footprints_follow_the_settings),
        cmocka_unit_test(every_reason_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
