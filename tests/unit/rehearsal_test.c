/* rehearsal_test.c - dry-run rewrite rules: everything is computed and told, the original leaves.
 */
#include "story.h"

struct told {
    struct talk talk; /* first: callbacks get it */
    unsigned packets, edits;
    uint32_t rule;
    char old_bytes[32], new_bytes[32];
    uint64_t offset;
};

static void take_rehearsed(void *context, const struct pm_emitted *emitted)
{
    struct told *told = context;
    told->packets++;
    told->edits += emitted->edit_count;
    if (emitted->edit_count == 0)
        return;
    const struct pm_edit_note *note = &emitted->notes[0];
    told->rule = note->rule;
    told->offset = note->offset;
    memcpy(told->old_bytes, note->old_bytes, note->old_len);
    memcpy(told->new_bytes, note->new_bytes, note->new_len);
}

static void add_replace(struct pm_builder *b, const char *id, const char *find, const char *with,
                        bool is_dry_run)
{
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {.find = (const uint8_t *)find,
                                        .find_len = (uint32_t)strlen(find),
                                        .with = (const uint8_t *)with,
                                        .with_len = (uint32_t)strlen(with),
                                        .within_depth = PM_NO_LIMIT}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = id,
                                                  .match = talk_flow(b, 0),
                                                  .action = PM_ACTION_REWRITE,
                                                  .is_dry_run = is_dry_run,
                                                  .ops = &op,
                                                  .op_count = 1});
}

static void begin(struct told *told, bool is_live, bool has_other)
{
    struct pm_rewriter_config config = plain_config;
    struct pm_builder *b = pm_builder_new();
    *told = (struct told){.rule = PM_NO_RULE};
    config.mode = is_live ? PM_MODE_LIVE : PM_MODE_REPLAY;
    config.rehearsed = take_rehearsed;
    if (has_other)
        add_replace(b, "real", "abc", "ABCD", false);
    add_replace(b, "dry", "secret", "withheld", true);
    talk_begin(&told->talk, b, config);
    talk_send(&told->talk, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(&told->talk,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
}

static void the_original_leaves_and_the_edit_is_told(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct told told;
        begin(&told, live, false);
        struct talk_packet first = data(0, "a sec"), second = data(5, "ret b");
        talk_send(&told.talk, &first);
        assert_true(talk_is_unchanged(&told.talk, &first)); /* nor does it wait */
        talk_send(&told.talk, &second);
        assert_true(talk_is_unchanged(&told.talk, &second));
        assert_int_equal(told.edits, 1);
        assert_int_equal(told.rule, 0);
        assert_int_equal(told.offset, 2);
        assert_string_equal(told.old_bytes, "secret");
        assert_string_equal(told.new_bytes, "withheld");
        assert_int_equal(pm_rewriter_rule_stats(told.talk.rewriter, 0)->edits, 1);
        assert_int_equal(pm_rewriter_rule_stats(told.talk.rewriter, 0)->grown_bytes, 2);
        assert_int_equal(pm_rewriter_stats(told.talk.rewriter)->changed, 0);
        talk_end(&told.talk);
    }
}

static void rules_in_force_are_made_beside_it(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct told told;
        begin(&told, live, true);
        struct talk_packet p = data(0, "abc secret abc");
        talk_send(&told.talk, &p);
        expect(&told.talk, 0, 0, "ABCD secret ABCD");
        assert_int_equal(told.edits, 3);
        assert_int_equal(pm_rewriter_rule_stats(told.talk.rewriter, 0)->edits, 2);
        assert_int_equal(pm_rewriter_rule_stats(told.talk.rewriter, 1)->edits, 1);
        talk_end(&told.talk);
    }
}

static void what_waits_in_the_rehearsal_is_told_in_time(void **state)
{
    (void)state;
    struct told told;
    begin(&told, true, false);
    struct talk_packet p = data(0, "a sec");
    talk_send(&told.talk, &p);
    assert_int_equal(pm_rewriter_next_ns(told.talk.rewriter), 50 * UINT64_C(1000000));
    told.talk.out_count = 0;
    pm_rewriter_due(told.talk.rewriter, 50 * UINT64_C(1000000));
    assert_int_equal(told.talk.out_count, 0);
    p = data(5, "ret b");
    p.time_ns = 51 * UINT64_C(1000000);
    talk_send(&told.talk, &p);
    assert_int_equal(told.edits, 0); /* as it would have been */
    talk_end(&told.talk);
}

static void the_rehearsal_is_in_the_footprint(void **state)
{
    (void)state;
    struct pm_error error;
    size_t size[2];
    for (int dry = 0; dry < 2; dry++) {
        struct pm_builder *b = pm_builder_new();
        add_replace(b, "a", "x", "y", dry);
        struct pm_policy *policy = pm_builder_finish(b, &error);
        size[dry] = pm_rewriter_footprint(policy, &plain_config);
        pm_policy_unref(policy);
    }
    assert_true(size[1] > 2 * size[0] && size[1] < 2 * size[0] + (1u << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original_leaves_and_the_edit_is_told),
        cmocka_unit_test(rules_in_force_are_made_beside_it),
        cmocka_unit_test(what_waits_in_the_rehearsal_is_told_in_time),
        cmocka_unit_test(the_rehearsal_is_in_the_footprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
