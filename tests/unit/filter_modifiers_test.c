/* filter_modifiers_test.c - limit, sample, count, dry-run and stage; and that what a flow remembers
 * never changes what a rule-by-rule evaluation says. */
#include <stdio.h>

#include "base/rng.h"
#include "judge.h"

static void begin(struct judge *j, const struct pm_rule_spec *rules, size_t count, uint64_t seed,
                  uint32_t meters)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.meters = meters;
    pm_builder_settings(b, &settings);
    for (size_t i = 0; i < count; i++)
        pm_builder_add_rule(b, &rules[i]);
    judge_begin(j, b, &(struct pm_filter_config){.seed = seed, .hash_key = {1, 2}});
}

static bool is_dropped(struct judge *j, uint16_t flow, uint64_t now_ns)
{
    struct talk_packet p = judge_udp(flow, now_ns);
    return judge_packet(j, &p, 0).verdict == PM_DROP;
}

static struct pm_rule_spec drop_rule(const char *id)
{
    return (struct pm_rule_spec){.id = id, .action = PM_ACTION_DROP};
}

static void a_limit_is_per_rule_or_flow_or_field(void **state)
{
    (void)state;
    static const struct {
        enum pm_per per;
        unsigned matched; /* of 3 packets of each of 2 flows between the same ends */
    } rows[] = {{PM_PER_RULE, 2}, {PM_PER_FLOW, 4}, {PM_PER_FIELDS, 2}};
    for (size_t i = 0; i < 3; i++)
        for (int over = 0; over < 2; over++) {
            struct judge j;
            struct pm_rule_spec rule = drop_rule("limited");
            rule.modifiers.limit.tokens = 2;
            rule.modifiers.limit.per_ns = 60 * S;
            rule.modifiers.limit.per = rows[i].per;
            rule.modifiers.limit.fields[0] = PM_FIELD_IP_ADDR;
            rule.modifiers.limit.field_count = rows[i].per == PM_PER_FIELDS;
            rule.modifiers.limit.over_matches = over;
            begin(&j, &rule, 1, 0, 100);
            unsigned matched = 0;
            for (uint16_t k = 0; k < 6; k++)
                matched += is_dropped(&j, (uint16_t)(1000 + k % 2), k);
            assert_int_equal(matched, over ? 6 - rows[i].matched : rows[i].matched);
            assert_int_equal(is_dropped(&j, 1000, 31 * S), !over); /* a token is back */
            judge_end(&j);
        }
}

static void a_forgotten_key_begins_anew_and_is_counted(void **state)
{
    (void)state;
    struct judge j;
    struct pm_rule_spec rule = drop_rule("once");
    rule.modifiers.count.max_per_flow = 1;
    begin(&j, &rule, 1, 0, 2);
    assert_true(is_dropped(&j, 1, 0) && is_dropped(&j, 2, 0));
    assert_false(is_dropped(&j, 1, 0) || is_dropped(&j, 2, 0));
    assert_int_equal(judge_why(&j, PM_WHY_METERS_FULL), 0);
    assert_true(is_dropped(&j, 3, 0));
    assert_int_equal(judge_why(&j, PM_WHY_METERS_FULL), 1);
    assert_true(is_dropped(&j, 1, 0));
    judge_end(&j);
}

static void a_count_skips_and_stops(void **state)
{
    (void)state;
    struct judge j;
    struct pm_rule_spec rule = drop_rule("some");
    rule.modifiers.count.skip = 2;
    rule.modifiers.count.has_first = true;
    rule.modifiers.count.first = 3;
    begin(&j, &rule, 1, 0, 100);
    for (uint16_t i = 0; i < 10; i++)
        assert_int_equal(is_dropped(&j, (uint16_t)(i % 3), i), i >= 2 && i < 5);
    judge_end(&j);
}

static void every_third_packet_or_flow_is_sampled(void **state)
{
    (void)state;
    for (int by_flow = 0; by_flow < 2; by_flow++) {
        struct judge j;
        struct pm_rule_spec rule = drop_rule("third");
        rule.modifiers.sample.every = 3;
        rule.modifiers.sample.by_flow = by_flow;
        begin(&j, &rule, 1, 0, 100);
        for (uint16_t i = 0; i < 28; i++) {
            uint16_t flow = i % 7;
            assert_int_equal(is_dropped(&j, flow, i), (by_flow ? flow : i) % 3 == 0);
        }
        judge_end(&j);
    }
}

static void a_probability_of_0_is_never_and_none_is_always(void **state)
{
    (void)state;
    for (int is_set = 0; is_set < 2; is_set++)
        for (int by_flow = 0; by_flow < 2; by_flow++) {
            struct judge j;
            struct pm_rule_spec rule = drop_rule("never");
            rule.modifiers.sample.is_set = is_set;
            rule.modifiers.sample.by_flow = by_flow;
            begin(&j, &rule, 1, 0, 100);
            for (uint16_t i = 0; i < 28; i++)
                assert_int_equal(is_dropped(&j, i % 7, i), !is_set);
            judge_end(&j);
        }
}

#define DRAWS 4000

static void samples(bool dropped[DRAWS], uint64_t seed, bool by_flow, bool has_other)
{
    struct judge j;
    struct pm_rule_spec rules[2] = {drop_rule("other"), drop_rule("sampled")};
    rules[0].action = PM_ACTION_LOG;
    rules[0].modifiers.sample.probability = PM_ALWAYS / 2;
    rules[1].modifiers.sample.probability = PM_ALWAYS / 4;
    rules[1].modifiers.sample.by_flow = by_flow;
    begin(&j, rules + !has_other, has_other ? 2 : 1, seed, 100);
    for (uint16_t i = 0; i < DRAWS; i++)
        dropped[i] = is_dropped(&j, (uint16_t)(i % (DRAWS / 4) + 1), i);
    judge_end(&j);
}

static void a_draw_keeps_its_share_and_no_other_rule_deals_it_anew(void **state)
{
    (void)state;
    static bool alone[DRAWS], beside[DRAWS], other_seed[DRAWS];
    for (int by_flow = 0; by_flow < 2; by_flow++) {
        unsigned share = 0;
        samples(alone, 7, by_flow, false);
        samples(beside, 7, by_flow, true);
        samples(other_seed, 8, by_flow, false);
        assert_memory_equal(alone, beside, sizeof alone);
        assert_int_not_equal(memcmp(alone, other_seed, sizeof alone), 0);
        for (size_t i = 0; i < DRAWS; i++) {
            share += alone[i];
            assert_true(!by_flow || alone[i] == alone[i % (DRAWS / 4)]);
        }
        assert_in_range(share, DRAWS / 4 - DRAWS / 20, DRAWS / 4 + DRAWS / 20);
    }
}

static void a_dry_run_is_told_and_decides_nothing(void **state)
{
    (void)state;
    struct judge j;
    struct pm_rule_spec rules[3] = {drop_rule("dry"), drop_rule("second"), drop_rule("real")};
    rules[0].is_dry_run = rules[1].is_dry_run = true;
    rules[2].scope = PM_SCOPE_FLOW;
    begin(&j, rules, 3, 0, 100);
    for (int i = 0; i < 3; i++) {
        struct talk_packet p = judge_udp(1, 0);
        struct pm_decision d = judge_packet(&j, &p, 0);
        assert_int_equal(d.rule, 2);
        assert_int_equal(d.dry_rule, 0);
    }
    assert_int_equal(pm_filter_rule_stats(j.filter, 1)->packets, 3);
    judge_end(&j);
}

static void a_filter_judges_the_rules_of_its_stage(void **state)
{
    (void)state;
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_rule_spec late = drop_rule("late");
    settings.default_drop = true;
    pm_builder_settings(b, &settings);
    late.stage = PM_STAGE_AFTER_REWRITE;
    late.match = judge_number(b, PM_FIELD_IP_TTL, 0, 9);
    pm_builder_add_rule(b, &late);
    struct judge j;
    judge_begin(&j, b, &(struct pm_filter_config){.stage = PM_STAGE_AFTER_REWRITE});
    assert_true(pm_policy_has_stage(j.policy, PM_STAGE_AFTER_REWRITE));
    assert_false(pm_policy_has_stage(j.policy, PM_STAGE_ORIGINAL));
    struct talk_packet p = judge_udp(1, 0);
    assert_int_equal(judge_packet(&j, &p, 0).verdict, PM_ALLOW);
    p.ttl = 9;
    assert_int_equal(judge_packet(&j, &p, 0).verdict, PM_DROP);
    struct pm_filter *first =
        pm_filter_new(j.policy, &(struct pm_filter_config){.hash_key = {1, 2}}, &error);
    pm_filter_free(j.filter);
    j.filter = first;
    assert_int_equal(judge_packet(&j, &p, 0).why, PM_WHY_DEFAULT);
    judge_end(&j);
}

/* ------------------------------------------------------------------ what makes no sense */

static void combinations_without_sense_are_refused(void **state)
{
    (void)state;
    struct pm_op_spec replace = {.kind = PM_OP_REPLACE,
                                 .replace = {.find = (const uint8_t *)"a",
                                             .with = (const uint8_t *)"b",
                                             .find_len = 1,
                                             .with_len = 1,
                                             .within_depth = PM_NO_LIMIT}};
    for (int i = 0; i < 9; i++) {
        struct pm_error error;
        struct pm_builder *b = pm_builder_new();
        struct pm_rule_spec rule = drop_rule("bad");
        bool edits = i < 2;
        if (edits)
            rule.action = PM_ACTION_REWRITE, rule.ops = &replace, rule.op_count = 1;
        if (i == 0)
            rule.modifiers.sample.every = 2;
        else if (i == 1)
            rule.modifiers.count.max_per_flow = 1;
        else if (i == 2)
            rule.modifiers.sample.probability = PM_ALWAYS + 1;
        else if (i == 3)
            rule.modifiers.limit.tokens = 1;
        else if (i == 4)
            rule.modifiers.when.is_set = true, rule.modifiers.when.zone = 0;
        else if (i == 5)
            rule.stage = PM_STAGE_AFTER_REWRITE, rule.action = PM_ACTION_DELAY;
        else if (i == 6)
            rule.stage = PM_STAGE_AFTER_REWRITE, rule.action = PM_ACTION_ASK;
        else if (i == 7)
            rule.stage = PM_STAGE_AFTER_REWRITE, rule.final = true;
        else
            rule.action = PM_ACTION_ASK, rule.ask.coalesce[0] = PM_FIELD_BPF,
            rule.ask.coalesce_count = 1;
        pm_builder_add_rule(b, &rule);
        assert_null(pm_builder_finish(b, &error));
        assert_int_equal(error.status, PM_INVALID);
    }
}

/* ------------------------------------------------------------------ cache and naive evaluation */

#define RULES   6
#define FLOWS   4
#define PACKETS 60

/* A rule in plain terms. */
struct plain {
    unsigned on_port, low_ttl; /* what it matches; 0: all */
    unsigned skip, first, every, tokens;
    enum pm_action action;
    bool is_dry_run, has_scope;
};

struct naive {
    unsigned counted[RULES], sampled[RULES];
    double level[RULES];
    unsigned latched[FLOWS]; /* plus 1 */
    uint64_t last_ms;
};

static unsigned pick(uint64_t seed, uint64_t what, uint64_t i, unsigned bound)
{
    return (unsigned)pm_draw_below(pm_draw(seed, what, 0, i), bound);
}

static struct plain plain_rule(uint64_t seed, uint64_t i)
{
    static const enum pm_action actions[] = {PM_ACTION_ALLOW, PM_ACTION_DROP, PM_ACTION_LOG};
    struct plain r = {.on_port = pick(seed, 1, i, 2) ? 1000 + pick(seed, 2, i, FLOWS) : 0,
                      .low_ttl = pick(seed, 3, i, 3) == 0,
                      .action = actions[pick(seed, 4, i, 3)],
                      .is_dry_run = pick(seed, 5, i, 5) == 0};
    r.has_scope = r.action != PM_ACTION_LOG && pick(seed, 6, i, 4) == 0;
    switch (pick(seed, 7, i, 5)) {
    case 0:
        r.skip = pick(seed, 8, i, 5);
        r.first = 1 + pick(seed, 9, i, 5);
        break;
    case 1:
        r.every = 2 + pick(seed, 8, i, 3);
        break;
    case 2:
        r.tokens = 1 + pick(seed, 8, i, 4);
        break;
    }
    return r;
}

static bool naive_holds(struct naive *n, const struct plain *r, size_t i, unsigned port, bool low)
{
    if ((r->on_port && r->on_port != port) || (r->low_ttl && !low))
        return false;
    if (r->every && n->sampled[i]++ % r->every != 0)
        return false;
    if (r->first) {
        unsigned number = n->counted[i]++;
        if (number < r->skip || number >= r->skip + r->first)
            return false;
    }
    if (r->tokens == 0)
        return true;
    if (n->level[i] < 1)
        return false;
    n->level[i] -= 1;
    return true;
}

/* The deciding rule, plus 1; 0: none. hits counts what every rule saw. */
static unsigned naive_rule(struct naive *n, const struct plain rules[RULES], unsigned port,
                           bool low, unsigned hits[RULES])
{
    unsigned *latched = &n->latched[port - 1000];
    for (size_t i = 0; i < RULES; i++) {
        bool watches = rules[i].action == PM_ACTION_LOG || rules[i].is_dry_run;
        if (*latched == i + 1) {
            hits[i]++;
            return *latched;
        }
        if ((*latched && !watches) || !naive_holds(n, &rules[i], i, port, low))
            continue;
        hits[i]++;
        if (watches)
            continue;
        if (rules[i].has_scope)
            *latched = (unsigned)i + 1;
        return (unsigned)i + 1;
    }
    return 0;
}

static void add_plain(struct pm_builder *b, const struct plain *r, size_t i)
{
    char id[8];
    pm_cond_id conds[2] = {PM_COND_TRUE, PM_COND_TRUE};
    snprintf(id, sizeof id, "r%zu", i);
    if (r->on_port)
        conds[0] = judge_number(b, PM_FIELD_UDP_SRCPORT, r->on_port, r->on_port);
    if (r->low_ttl)
        conds[1] = judge_number(b, PM_FIELD_IP_TTL, 0, 9);
    struct pm_rule_spec spec = {.id = id,
                                .match = pm_cond_all(b, conds, 2),
                                .action = r->action,
                                .is_dry_run = r->is_dry_run,
                                .scope = r->has_scope ? PM_SCOPE_FLOW : PM_SCOPE_PACKET};
    spec.modifiers.count.has_first = r->first > 0;
    spec.modifiers.count.first = r->first;
    spec.modifiers.count.skip = r->skip;
    spec.modifiers.sample.every = r->every;
    spec.modifiers.limit.tokens = r->tokens;
    spec.modifiers.limit.per_ns = 64 * MS; /* exact in a double */
    pm_builder_add_rule(b, &spec);
}

static void run_by_chance(uint64_t seed)
{
    struct plain rules[RULES];
    struct naive n = {.last_ms = 0};
    unsigned hits[RULES] = {0};
    struct pm_builder *b = pm_builder_new();
    struct judge j;
    for (size_t i = 0; i < RULES; i++) {
        rules[i] = plain_rule(seed, i);
        n.level[i] = rules[i].tokens;
        add_plain(b, &rules[i], i);
    }
    judge_begin(&j, b, &(struct pm_filter_config){.hash_key = {seed, 2}});
    for (uint64_t k = 0; k < PACKETS; k++) {
        uint64_t now_ms = n.last_ms + pick(seed, 20, k, 20);
        unsigned port = 1000 + pick(seed, 21, k, FLOWS);
        bool low = pick(seed, 22, k, 2);
        struct talk_packet p = judge_udp((uint16_t)port, now_ms * MS);
        p.ttl = low ? 9 : 64;
        for (size_t i = 0; i < RULES; i++) {
            n.level[i] += (double)(now_ms - n.last_ms) * rules[i].tokens / 64;
            n.level[i] = n.level[i] < rules[i].tokens ? n.level[i] : rules[i].tokens;
        }
        n.last_ms = now_ms;
        unsigned expected = naive_rule(&n, rules, port, low, hits);
        struct pm_decision d = judge_packet(&j, &p, 0);
        if (d.rule != (expected ? expected - 1 : PM_NO_RULE))
            print_error("seed %llu packet %llu\n", (unsigned long long)seed, (unsigned long long)k);
        assert_int_equal(d.rule, expected ? expected - 1 : PM_NO_RULE);
    }
    for (uint32_t i = 0; i < RULES; i++)
        assert_int_equal(pm_filter_rule_stats(j.filter, i)->packets, hits[i]);
    judge_end(&j);
}

static void what_a_flow_remembers_changes_no_verdict(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1500; seed++)
        run_by_chance(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_per_rule_or_flow_or_field),
        cmocka_unit_test(a_forgotten_key_begins_anew_and_is_counted),
        cmocka_unit_test(a_count_skips_and_stops),
        cmocka_unit_test(every_third_packet_or_flow_is_sampled),
        cmocka_unit_test(a_probability_of_0_is_never_and_none_is_always),
        cmocka_unit_test(a_draw_keeps_its_share_and_no_other_rule_deals_it_anew),
        cmocka_unit_test(a_dry_run_is_told_and_decides_nothing),
        cmocka_unit_test(a_filter_judges_the_rules_of_its_stage),
        cmocka_unit_test(combinations_without_sense_are_refused),
        cmocka_unit_test(what_a_flow_remembers_changes_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
