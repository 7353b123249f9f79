/* filter_test.c - verdicts: first match, what a flow's cache may skip, delays in order. */
#include <stdio.h>

#include "engine/policy.h"
#include "talk.h"

#define MS UINT64_C(1000000)

struct judge {
    struct pm_policy *policy;
    struct pm_filter *filter;
};

static void begin(struct judge *j, struct pm_builder *b, uint64_t seed)
{
    struct pm_error error;
    struct pm_filter_config config = {.seed = seed, .hash_key = {1, 2}};
    j->policy = pm_builder_finish(b, &error);
    assert_non_null(j->policy);
    j->filter = pm_filter_new(j->policy, &config, &error);
    assert_non_null(j->filter);
}

static void end(struct judge *j)
{
    pm_filter_free(j->filter);
    pm_policy_unref(j->policy);
}

static struct pm_decision decide_bytes(struct judge *j, const uint8_t *bytes, size_t len,
                                       uint16_t link, uint64_t cookie, uint64_t now_ns)
{
    struct pm_packet packet = {.data = bytes,
                               .len = len,
                               .wire_len = len,
                               .link = link,
                               .dir = PM_DIR_UNKNOWN,
                               .cookie = cookie};
    return pm_filter_decide(j->filter, &packet, now_ns);
}

static struct pm_decision decide(struct judge *j, const struct talk_packet *p, uint64_t cookie)
{
    static uint8_t ip[TALK_PACKET];
    size_t len = talk_build(p, ip);
    return decide_bytes(j, ip, len, 101, cookie, p->time_ns);
}

static pm_cond_id number_is(struct pm_builder *b, enum pm_field field, uint32_t lo, uint32_t hi)
{
    struct pm_value v = {.kind = PM_VALUE_RANGE, .range = {lo, hi}};
    return pm_cond_test(b, field, &v, 1);
}

static void add(struct pm_builder *b, const char *id, pm_cond_id match, enum pm_action action)
{
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = id, .match = match, .action = action});
}

static struct talk_packet udp(uint16_t port, uint8_t ttl)
{
    return (struct talk_packet){.udp = 1, .server_port = port, .ttl = ttl};
}

static void the_first_rule_that_holds_decides(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    add(b, "log", PM_COND_TRUE, PM_ACTION_LOG);
    add(b, "allow-53", number_is(b, PM_FIELD_UDP_DSTPORT, 53, 53), PM_ACTION_ALLOW);
    add(b, "drop-low", number_is(b, PM_FIELD_UDP_DSTPORT, 0, 99), PM_ACTION_DROP);
    begin(&j, b, 0);
    struct talk_packet p = udp(53, 64);
    struct pm_decision d = decide(&j, &p, 0);
    assert_int_equal(d.verdict, PM_ALLOW);
    assert_int_equal(d.rule, 1);
    p = udp(54, 64);
    d = decide(&j, &p, 0);
    assert_int_equal(d.verdict, PM_DROP);
    assert_int_equal(d.rule, 2);
    p = udp(100, 64);
    d = decide(&j, &p, 0);
    assert_int_equal(d.verdict, PM_ALLOW);
    assert_int_equal(d.rule, PM_NO_RULE);
    assert_int_equal(d.why, PM_WHY_DEFAULT);
    assert_int_equal(pm_filter_rule_stats(j.filter, 0)->packets, 3);
    end(&j);
}

static void a_log_rule_counts_every_packet_of_a_known_flow(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    add(b, "log", number_is(b, PM_FIELD_UDP_DSTPORT, 53, 53), PM_ACTION_LOG);
    add(b, "drop", PM_COND_TRUE, PM_ACTION_DROP);
    begin(&j, b, 0);
    struct talk_packet p = udp(53, 64);
    for (int i = 0; i < 5; i++)
        decide(&j, &p, 0);
    assert_int_equal(pm_filter_rule_stats(j.filter, 0)->packets, 5);
    assert_int_equal(pm_filter_rule_stats(j.filter, 1)->packets, 5);
    end(&j);
}

static void a_scope_of_flow_holds_for_the_rest_of_both_directions(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "low-ttl",
                                                  .match = number_is(b, PM_FIELD_IP_TTL, 0, 9),
                                                  .action = PM_ACTION_DROP,
                                                  .scope = PM_SCOPE_FLOW});
    begin(&j, b, 0);
    struct talk_packet p = udp(53, 64);
    assert_int_equal(decide(&j, &p, 0).verdict, PM_ALLOW);
    p.ttl = 9;
    assert_int_equal(decide(&j, &p, 0).verdict, PM_DROP);
    p.ttl = 64;
    assert_int_equal(decide(&j, &p, 0).verdict, PM_DROP);
    p.from_server = 1;
    assert_int_equal(decide(&j, &p, 0).verdict, PM_DROP);
    p.client_port = 40001; /* another flow */
    assert_int_equal(decide(&j, &p, 0).verdict, PM_ALLOW);
    end(&j);
}

/* ------------------------------------------------------------------ the cache against no cache */

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static pm_cond_id random_cond(struct pm_builder *b, unsigned depth)
{
    static const enum pm_field fields[] = {
        PM_FIELD_UDP_PORT, PM_FIELD_TCP_DSTPORT, PM_FIELD_L4_SRCPORT, PM_FIELD_IP_TTL,
        PM_FIELD_FLOW,     PM_FIELD_DIR,         PM_FIELD_IP_PROTO,   PM_FIELD_FLOW_NEW};
    static const uint32_t most[] = {4, 4, 4, 4, 2, 2, 18, 2};
    if (depth == 0 || draw(3) == 0) {
        uint32_t i = draw(8), lo = draw(most[i]);
        return number_is(b, fields[i], lo, lo + draw(2));
    }
    pm_cond_id kids[3];
    uint32_t count = 1 + draw(3);
    for (uint32_t i = 0; i < count; i++)
        kids[i] = random_cond(b, depth - 1);
    switch (draw(3)) {
    case 0:
        return pm_cond_not(b, kids[0]);
    case 1:
        return pm_cond_any(b, kids, count);
    default:
        return pm_cond_all(b, kids, count);
    }
}

static struct judge random_judge(uint32_t seed, uint32_t flows)
{
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = flows;
    pm_builder_settings(b, &settings);
    random_state = seed;
    uint32_t rules = 1 + draw(30);
    for (uint32_t i = 0; i < rules; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%u", (unsigned)i);
        static const enum pm_action actions[] = {PM_ACTION_ALLOW, PM_ACTION_DROP, PM_ACTION_LOG};
        add(b, id, random_cond(b, 3), actions[draw(3)]);
    }
    begin(&j, b, 0);
    return j;
}

/* All rules one after the other, without flow or cache. */
static uint32_t first_rule(const struct judge *j, const struct talk_packet *p, bool is_new)
{
    static uint8_t ip[TALK_PACKET];
    size_t len = talk_build(p, ip);
    struct pm_packet packet = {.data = ip, .len = len, .wire_len = len, .link = 101};
    struct pm_headers headers;
    pm_headers_parse(101, ip, len, len, &headers);
    struct pm_subject s = {.headers = &headers,
                           .packet = &packet,
                           .dir = p->from_server ? PM_DIR_IN : PM_DIR_OUT,
                           .has_flow = true,
                           .to_server = !p->from_server,
                           .flow_is_new = is_new};
    const struct pm_policy *policy = j->policy;
    for (uint32_t i = 0; i < policy->rule_count; i++)
        if (policy->rules[i].action != PM_ACTION_LOG &&
            pm_cond_holds(policy->conds, policy->rules[i].match, &s))
            return i;
    return PM_NO_RULE;
}

static void a_cached_verdict_is_the_one_a_full_search_gives(void **state)
{
    (void)state;
    unsigned rules_used = 0;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        struct judge j = random_judge(seed, 1000);
        for (uint32_t i = 0; i < 200; i++) {
            struct talk_packet p = {.udp = (int)draw(2),
                                    .client_port = (uint16_t)(1 + draw(3)),
                                    .server_port = (uint16_t)(1 + draw(3)),
                                    .ttl = (uint8_t)(1 + draw(4)),
                                    .flags = TALK_ACK};
            uint64_t flows = pm_filter_stats(j.filter)->flows;
            struct pm_decision d = decide(&j, &p, 0); /* the client speaks first */
            bool is_new = pm_filter_stats(j.filter)->flows > flows;
            assert_int_equal(d.rule, first_rule(&j, &p, is_new));
            p.from_server = (int)draw(2);
            p.ttl = (uint8_t)(1 + draw(4));
            d = decide(&j, &p, 0);
            assert_int_equal(d.rule, first_rule(&j, &p, false));
            rules_used += d.rule != PM_NO_RULE;
        }
        end(&j);
    }
    assert_true(rules_used > 10000);
}

/* ------------------------------------------------------------------ delay */

static void add_delay(struct pm_builder *b, pm_cond_id match, uint64_t ms, uint64_t jitter_ms,
                      bool keep_order, bool drop_when_full)
{
    struct pm_rule_spec spec = {.id = "delay", .match = match, .action = PM_ACTION_DELAY};
    spec.delay.delay_ns = ms * MS;
    spec.delay.jitter_ns = jitter_ms * MS;
    spec.delay.keep_order = keep_order;
    spec.delay.drop_when_full = drop_when_full;
    pm_builder_add_rule(b, &spec);
}

static void a_delayed_packet_is_due_at_its_time_and_not_before(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    add_delay(b, PM_COND_TRUE, 80, 0, true, false);
    begin(&j, b, 0);
    struct talk_packet p = udp(53, 64);
    p.time_ns = 5 * MS;
    struct pm_decision d = decide(&j, &p, 77);
    struct pm_due due = {.cookie = 0};
    assert_int_equal(d.verdict, PM_DELAY);
    assert_int_equal(d.release_ns, 85 * MS);
    assert_int_equal(pm_filter_next_ns(j.filter), 85 * MS);
    assert_false(pm_filter_due(j.filter, 85 * MS - 1, &due));
    assert_true(pm_filter_due(j.filter, 85 * MS, &due));
    assert_int_equal(due.cookie, 77);
    assert_int_equal(due.verdict, PM_ALLOW);
    assert_int_equal(pm_filter_next_ns(j.filter), UINT64_MAX);
    end(&j);
}

static void jitter_stays_in_its_bounds_and_order_is_kept(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct judge j;
        struct pm_builder *b = pm_builder_new();
        add_delay(b, PM_COND_TRUE, 50, 50, keep, false);
        begin(&j, b, 9);
        uint64_t last_ns = 0, lowest = UINT64_MAX, highest = 0;
        bool overtakes = false;
        for (uint64_t i = 0; i < 500; i++) {
            struct talk_packet p = udp(53, 64);
            struct pm_decision d = decide(&j, &p, i); /* all at time 0 */
            assert_true(d.release_ns <= 100 * MS);
            overtakes = overtakes || d.release_ns < last_ns;
            last_ns = d.release_ns;
            lowest = d.release_ns < lowest ? d.release_ns : lowest;
            highest = d.release_ns > highest ? d.release_ns : highest;
        }
        assert_int_equal(overtakes, !keep);
        assert_true(highest > 98 * MS);
        assert_true(keep || lowest < 2 * MS);
        struct pm_due due;
        uint64_t before = 0;
        for (uint64_t i = 0; i < 500 && keep; i++) {
            assert_true(pm_filter_due(j.filter, UINT64_MAX, &due));
            assert_true(i == 0 || due.cookie == before + 1);
            before = due.cookie;
        }
        end(&j);
    }
}

static void an_undelayed_packet_waits_behind_a_delayed_one_of_its_flow(void **state)
{
    (void)state;
    struct judge j;
    struct pm_builder *b = pm_builder_new();
    add_delay(b, number_is(b, PM_FIELD_IP_TTL, 1, 9), 80, 0, true, false);
    begin(&j, b, 0);
    struct talk_packet p = udp(53, 5);
    decide(&j, &p, 1);
    p.ttl = 64;
    struct pm_decision d = decide(&j, &p, 2);
    assert_int_equal(d.verdict, PM_DELAY);
    assert_int_equal(d.why, PM_WHY_KEPT_ORDER);
    assert_int_equal(d.release_ns, 80 * MS);
    p.from_server = 1; /* the other direction does not wait */
    assert_int_equal(decide(&j, &p, 3).verdict, PM_ALLOW);
    p.from_server = 0;
    p.time_ns = 80 * MS; /* nor does a later one */
    assert_int_equal(decide(&j, &p, 4).verdict, PM_ALLOW);
    end(&j);
}

static void a_full_delay_queue_lets_the_oldest_go_or_drops_the_newest(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        struct judge j;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_builder *b = pm_builder_new();
        settings.delayed_packets = 3;
        pm_builder_settings(b, &settings);
        add_delay(b, PM_COND_TRUE, 80, 0, true, drop);
        begin(&j, b, 0);
        struct pm_decision d;
        struct pm_due due = {.cookie = 99};
        for (uint64_t i = 0; i < 4; i++) {
            struct talk_packet p = udp(53, 64);
            p.time_ns = i;
            d = decide(&j, &p, i);
        }
        assert_int_equal(d.verdict, drop ? PM_DROP : PM_DELAY);
        assert_int_equal(pm_filter_stats(j.filter)->why[PM_WHY_DELAY_FULL], 1);
        assert_int_equal(pm_filter_due(j.filter, 4, &due), !drop);
        assert_int_equal(due.cookie, drop ? 99 : 0);
        assert_int_equal(pm_filter_next_ns(j.filter), 80 * MS + !drop);
        end(&j);
    }
}

static void a_draw_depends_on_its_rule_and_flow_alone(void **state)
{
    (void)state;
    uint64_t release[2];
    for (int more = 0; more < 2; more++) {
        struct judge j;
        struct pm_builder *b = pm_builder_new();
        if (more) /* another rule in front, and another flow's packets before */
            add(b, "other", number_is(b, PM_FIELD_UDP_PORT, 9, 9), PM_ACTION_DROP);
        add_delay(b, PM_COND_TRUE, 500, 400, false, false);
        begin(&j, b, 42);
        struct talk_packet p = udp(55, 64);
        if (more)
            decide(&j, &p, 0);
        p = udp(53, 64);
        release[more] = decide(&j, &p, 0).release_ns;
        end(&j);
    }
    assert_int_equal(release[0], release[1]);
}

/* ------------------------------------------------------------------ what cannot be read or tracked
 */

static void unreadable_packets_get_the_stricter_of_default_and_engine_error(void **state)
{
    (void)state;
    static const uint8_t bad_ip[20] = {0x4f, 0, 0, 20}; /* header of 60 bytes in 20 */
    for (int i = 0; i < 4; i++) {
        struct judge j;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_builder *b = pm_builder_new();
        settings.default_drop = i & 1;
        settings.engine_error_drop = i & 2;
        pm_builder_settings(b, &settings);
        begin(&j, b, 0);
        struct pm_decision d = decide_bytes(&j, bad_ip, sizeof bad_ip, 101, 0, 0);
        assert_int_equal(d.why, PM_WHY_MALFORMED);
        assert_int_equal(d.verdict, i ? PM_DROP : PM_ALLOW);
        end(&j);
    }
}

static void what_is_not_ip_falls_to_rules_and_the_default(void **state)
{
    (void)state;
    static const uint8_t arp[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6};
    struct judge j;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_builder *b = pm_builder_new();
    settings.default_drop = true;
    pm_builder_settings(b, &settings);
    add(b, "arp", number_is(b, PM_FIELD_ETH_TYPE, 0x806, 0x806), PM_ACTION_ALLOW);
    begin(&j, b, 0);
    assert_int_equal(decide_bytes(&j, arp, sizeof arp, 1, 0, 0).verdict, PM_ALLOW);
    uint8_t other[42];
    memcpy(other, arp, sizeof other);
    other[13] = 7;
    assert_int_equal(decide_bytes(&j, other, sizeof other, 1, 0, 0).verdict, PM_DROP);
    end(&j);
}

static void a_full_flow_table_still_judges_each_packet(void **state)
{
    (void)state;
    struct judge j;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_builder *b = pm_builder_new();
    settings.flows = 2;
    pm_builder_settings(b, &settings);
    add(b, "drop", number_is(b, PM_FIELD_UDP_PORT, 53, 53), PM_ACTION_DROP);
    begin(&j, b, 0);
    for (uint16_t i = 0; i < 50; i++) {
        struct talk_packet p = udp(53, 64);
        p.client_port = (uint16_t)(30000 + i);
        assert_int_equal(decide(&j, &p, 0).verdict, PM_DROP);
        p.server_port = 54;
        assert_int_equal(decide(&j, &p, 0).verdict, PM_ALLOW);
    }
    assert_int_equal(pm_filter_stats(j.filter)->flows_max, 2);
    end(&j);
}

static void a_bad_checksum_is_dropped_where_the_policy_says_so(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        struct judge j;
        struct pm_settings settings = PM_SETTINGS_DEFAULT;
        struct pm_builder *b = pm_builder_new();
        settings.bad_checksum_drop = drop;
        pm_builder_settings(b, &settings);
        begin(&j, b, 0);
        struct talk_packet p = udp(53, 64);
        assert_int_equal(decide(&j, &p, 0).verdict, PM_ALLOW);
        p.bad_checksum = 1;
        struct pm_decision d = decide(&j, &p, 0);
        assert_int_equal(d.verdict, drop ? PM_DROP : PM_ALLOW);
        assert_int_equal(d.why, drop ? PM_WHY_BAD_CHECKSUM : PM_WHY_DEFAULT);
        end(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_holds_decides),
        cmocka_unit_test(a_log_rule_counts_every_packet_of_a_known_flow),
        cmocka_unit_test(a_scope_of_flow_holds_for_the_rest_of_both_directions),
        cmocka_unit_test(a_cached_verdict_is_the_one_a_full_search_gives),
        cmocka_unit_test(a_delayed_packet_is_due_at_its_time_and_not_before),
        cmocka_unit_test(jitter_stays_in_its_bounds_and_order_is_kept),
        cmocka_unit_test(an_undelayed_packet_waits_behind_a_delayed_one_of_its_flow),
        cmocka_unit_test(a_full_delay_queue_lets_the_oldest_go_or_drops_the_newest),
        cmocka_unit_test(a_draw_depends_on_its_rule_and_flow_alone),
        cmocka_unit_test(unreadable_packets_get_the_stricter_of_default_and_engine_error),
        cmocka_unit_test(what_is_not_ip_falls_to_rules_and_the_default),
        cmocka_unit_test(a_full_flow_table_still_judges_each_packet),
        cmocka_unit_test(a_bad_checksum_is_dropped_where_the_policy_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
