/* cond_regex_test.c - regexes in conditions: what they match, what a limit leaves open, what is
 * refused. */
#include "engine/policy.h"
#include "subject.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct pm_value regex(const char *pattern, bool nocase)
{
    return (struct pm_value){.kind = PM_VALUE_REGEX,
                             .regex = {.pattern = (const uint8_t *)pattern,
                                       .len = (uint32_t)strlen(pattern),
                                       .nocase = nocase}};
}

/* a{n} takes 2^n steps to find out that it does not match. */
static const char heavy[] = "(a+)+$", heavy_text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

static void a_regex_matches_anywhere_in_the_field(void **state)
{
    static const struct {
        const char *pattern;
        bool nocase;
        enum pm_truth truth;
    } table[] = {
        {"Sec?ret", false, PM_TRUE},      {"sec?ret", false, PM_FALSE},
        {"sec?ret", true, PM_TRUE},       {"^GET /", false, PM_TRUE},
        {"^/Secret", false, PM_FALSE},    {"1\\.1$", false, PM_TRUE},
        {"Secret$", false, PM_FALSE},     {"\\bHTTP\\b", false, PM_TRUE},
        {"(E)(T) .*\\2", false, PM_TRUE}, {"(G)ET.*\\1", false, PM_FALSE},
    };
    (void)state;
    struct made m;
    make(&m, &(struct plain){.payload = "GET /Secret HTTP/1.1"});
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pm_conds *c = pm_conds_new();
        struct pm_value value = regex(table[i].pattern, table[i].nocase);
        pm_cond_id id, inverse;
        assert_true(pm_conds_test(c, PM_FIELD_PAYLOAD, &value, 1, &id));
        assert_true(pm_conds_not(c, id, &inverse) && pm_conds_seal(c));
        m.subject.room = pm_cond_room_new(c);
        assert_int_equal(pm_cond_truth(c, id, &m.subject), table[i].truth);
        assert_int_equal(pm_cond_holds(c, inverse, &m.subject), table[i].truth == PM_FALSE);
        assert_int_equal(pm_cond_for_flow(c, id, &m.subject), PM_DEPENDS);
        pm_cond_room_free(m.subject.room);
        pm_conds_free(c);
    }
    drop(&m);
}

static void an_interface_is_text_like_another(void **state)
{
    (void)state;
    struct made m;
    struct pm_conds *c = pm_conds_new();
    struct pm_value values[2] = {regex("^eth[0-9]+$", false), regex("^wlan", false)};
    pm_cond_id id;
    make(&m, &(struct plain){.payload = "x"});
    assert_true(pm_conds_test(c, PM_FIELD_INTERFACE, values, 2, &id) && pm_conds_seal(c));
    m.subject.room = pm_cond_room_new(c);
    assert_false(pm_cond_holds(c, id, &m.subject));
    m.packet.interface = "eth12";
    assert_true(pm_cond_holds(c, id, &m.subject));
    m.packet.interface = "veth12";
    assert_false(pm_cond_holds(c, id, &m.subject));
    m.packet.interface = "wlan0";
    assert_true(pm_cond_holds(c, id, &m.subject));
    pm_cond_room_free(m.subject.room);
    pm_conds_free(c);
    drop(&m);
}

static void a_limit_leaves_open_only_what_nothing_else_decides(void **state)
{
    (void)state;
    struct made m;
    struct pm_conds *c = pm_conds_new();
    struct pm_value open = regex(heavy, false), both[2] = {open, regex("ab", false)};
    struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {80, 80}};
    pm_cond_id unknown, found, is_80, inverse, any_of, all_of;
    make(&m, &(struct plain){.dst_port = 80, .payload = heavy_text});
    assert_true(pm_conds_test(c, PM_FIELD_PAYLOAD, &open, 1, &unknown));
    assert_true(pm_conds_test(c, PM_FIELD_PAYLOAD, both, 2, &found));
    assert_true(pm_conds_test(c, PM_FIELD_TCP_DSTPORT, &port, 1, &is_80));
    assert_true(pm_conds_not(c, unknown, &inverse));
    assert_true(pm_conds_any(c, (pm_cond_id[]){unknown, is_80}, 2, &any_of));
    assert_true(pm_conds_all(c, (pm_cond_id[]){unknown, is_80}, 2, &all_of) && pm_conds_seal(c));
    m.subject.room = pm_cond_room_new(c);
    assert_int_equal(pm_cond_truth(c, unknown, &m.subject), PM_DEPENDS);
    assert_true(pm_cond_room_limits(m.subject.room) > 0);
    assert_int_equal(pm_cond_room_doubt(m.subject.room), PM_WHY_REGEX_LIMIT);
    assert_int_equal(pm_cond_truth(c, inverse, &m.subject), PM_DEPENDS);
    assert_int_equal(pm_cond_truth(c, found, &m.subject), PM_TRUE);
    assert_int_equal(pm_cond_truth(c, any_of, &m.subject), PM_TRUE);
    assert_int_equal(pm_cond_truth(c, all_of, &m.subject), PM_DEPENDS);
    pm_cond_room_free(m.subject.room);
    pm_conds_free(c);
    drop(&m);
}

static void what_a_pattern_may_not_have_is_told_with_its_place(void **state)
{
    static const struct {
        enum pm_field field;
        const char *pattern;
        size_t offset; /* SIZE_MAX: the pattern is taken */
    } table[] = {
        {PM_FIELD_PAYLOAD, "ab(c", 4},      {PM_FIELD_PAYLOAD, "a*", 0},
        {PM_FIELD_PAYLOAD, "ab\\Kc", 2},    {PM_FIELD_PAYLOAD, "(a)\\1", SIZE_MAX},
        {PM_FIELD_STREAM, "(a)\\1", 0},     {PM_FIELD_STREAM, "a+b", SIZE_MAX},
        {PM_FIELD_INTERFACE, "(*UTF)a", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pm_op_fault fault;
        struct pm_value value = regex(table[i].pattern, false);
        bool is_taken = table[i].offset == SIZE_MAX;
        assert_int_equal(pm_value_check(table[i].field, &value, &fault), is_taken);
        assert_int_equal(fault.text[0] == '\0', is_taken);
        if (!is_taken)
            assert_int_equal(fault.offset, table[i].offset);
    }
}

static void the_builder_refuses_what_the_check_refuses(void **state)
{
    (void)state;
    struct pm_error error;
    struct pm_value value = regex("ab(c", false);
    struct pm_builder *b = pm_builder_new();
    pm_cond_test(b, PM_FIELD_PAYLOAD, &value, 1);
    assert_null(pm_builder_finish(b, &error));
    assert_int_equal(error.status, PM_INVALID);
    assert_string_equal(error.text, "missing closing parenthesis");
}

/* ------------------------------------------------------------------ in the filter */

static struct pm_decision judge(bool is_strict, enum pm_action action, const char *payload,
                                struct pm_stats *stats)
{
    struct pm_error error;
    struct pm_value value = regex(heavy, false);
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.engine_error_drop = is_strict;
    pm_builder_settings(b, &settings);
    pm_cond_id match = pm_cond_test(b, PM_FIELD_PAYLOAD, &value, 1);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "r", .match = match, .action = action});
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    struct pm_filter_config config = {.seed = 0};
    struct pm_filter *filter = pm_filter_new(policy, &config, &error);
    struct made m;
    make(&m, &(struct plain){.payload = payload});
    struct pm_decision d = pm_filter_decide(filter, &m.packet, 0);
    *stats = *pm_filter_stats(filter);
    drop(&m);
    pm_filter_free(filter);
    pm_policy_unref(policy);
    return d;
}

static void on_engine_error_decides_about_a_limit(void **state)
{
    (void)state;
    struct pm_stats stats;
    struct pm_decision d = judge(false, PM_ACTION_DROP, heavy_text, &stats);
    assert_int_equal(d.verdict, PM_ALLOW);
    assert_int_equal(d.why, PM_WHY_DEFAULT);
    assert_int_equal(stats.why[PM_WHY_REGEX_LIMIT], 1);

    d = judge(true, PM_ACTION_ALLOW, heavy_text, &stats);
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_REGEX_LIMIT);
    assert_int_equal(d.rule, PM_NO_RULE);
    assert_int_equal(stats.why[PM_WHY_REGEX_LIMIT], 1);

    d = judge(true, PM_ACTION_LOG, heavy_text, &stats);
    assert_int_equal(d.verdict, PM_ALLOW);
    assert_int_equal(stats.why[PM_WHY_REGEX_LIMIT], 1);

    d = judge(true, PM_ACTION_DROP, "baaa", &stats);
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.why, PM_WHY_RULE);
    assert_int_equal(stats.why[PM_WHY_REGEX_LIMIT], 0);
}

/* ------------------------------------------------------------------ in the rewriter */

static void take(void *context, const struct pm_emitted *e)
{
    (void)e;
    ++*(int *)context;
}

static void the_rewriter_leaves_alone_or_drops_where_a_condition_gives_up(void **state)
{
    (void)state;
    for (int is_strict = 0; is_strict < 2; is_strict++) {
        struct pm_error error;
        struct pm_value value = regex(heavy, false);
        struct pm_builder *b = pm_builder_new();
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_op_spec op = {.kind = PM_OP_SET, .set = {.field = PM_FIELD_IP_TTL, .number = 9}};
        settings.engine_error_drop = is_strict;
        pm_builder_settings(b, &settings);
        pm_builder_add_rule(
            b, &(struct pm_rule_spec){.id = "r",
                                      .match = pm_cond_test(b, PM_FIELD_PAYLOAD, &value, 1),
                                      .action = PM_ACTION_REWRITE,
                                      .ops = &op,
                                      .op_count = 1});
        struct pm_policy *policy = pm_builder_finish(b, &error);
        assert_non_null(policy);
        int emitted = 0;
        struct pm_rewriter_config config = {.emit = take, .context = &emitted};
        struct pm_rewriter *r = pm_rewriter_new(policy, &config, &error);
        struct made m;
        make(&m, &(struct plain){.proto = 17, .payload = heavy_text});
        enum pm_why why = pm_rewrite(r, &m.packet, m.data, 0);
        assert_int_equal(why, is_strict ? PM_WHY_REGEX_LIMIT : PM_WHY_NONE);
        assert_int_equal(emitted, !is_strict);
        assert_true(pm_rewriter_stats(r)->why[PM_WHY_REGEX_LIMIT] > 0);
        assert_int_equal(pm_rewriter_stats(r)->dropped, is_strict);
        drop(&m);
        pm_rewriter_free(r);
        pm_policy_unref(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regex_matches_anywhere_in_the_field),
        cmocka_unit_test(an_interface_is_text_like_another),
        cmocka_unit_test(a_limit_leaves_open_only_what_nothing_else_decides),
        cmocka_unit_test(what_a_pattern_may_not_have_is_told_with_its_place),
        cmocka_unit_test(the_builder_refuses_what_the_check_refuses),
        cmocka_unit_test(on_engine_error_decides_about_a_limit),
        cmocka_unit_test(the_rewriter_leaves_alone_or_drops_where_a_condition_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
