/* shards_test.c - one filter for many threads: the answers of a single engine, what waits, bounds,
 * another policy, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "filter-ext/shards/shards.h"
#include "rules/rules.h"

#define MS      UINT64_C(1000000)
#define THREADS 4u
#define PACKETS 64u

/* The platform: what it keeps is one of these. */
struct kept {
    atomic_uint gone, allowed;
};

struct platform {
    struct pm_shards *shards;
    struct kept kept[4096];
    atomic_uint count, gone, allowed, twice;
    uint64_t release_in_keep_ns; /* the wait ends while the packet is being kept; 0: not */
    bool cannot_keep;
    pthread_mutex_t lock; /* of the two below */
    uint64_t question;
    char rule[65];
};

static void *keep(void *call)
{
    struct platform *p = call;
    if (p->release_in_keep_ns != 0)
        (void)pm_shards_release(p->shards, p->release_in_keep_ns);
    unsigned index = atomic_load(&p->count);
    do {
        if (p->cannot_keep || index == sizeof p->kept / sizeof p->kept[0])
            return NULL;
    } while (!atomic_compare_exchange_weak(&p->count, &index, index + 1));
    return &p->kept[index];
}

static void let_go(void *context, void *kept, bool allow)
{
    struct platform *p = context;
    struct kept *k = kept;
    if (atomic_fetch_add(&k->gone, 1) != 0)
        atomic_fetch_add(&p->twice, 1); /* asserts belong to the main thread */
    atomic_fetch_add(&p->gone, 1);
    atomic_fetch_add(&p->allowed, allow);
}

static void asked(void *context, const struct pm_shards_question *question)
{
    struct platform *p = context;
    (void)pthread_mutex_lock(&p->lock);
    p->question = question->id;
    (void)snprintf(p->rule, sizeof p->rule, "%s", question->rule);
    (void)pthread_mutex_unlock(&p->lock);
}

static struct pm_rules *load(const char *text)
{
    struct pm_rules *rules = pm_rules_load_text(NULL, text, strlen(text));
    assert_non_null(rules);
    if (pm_rules_policy(rules) == NULL)
        pm_rules_print_text(rules, stderr, false);
    assert_non_null(pm_rules_policy(rules));
    return rules;
}

static void begin(struct platform *p, unsigned count, const char *text)
{
    struct pm_error error;
    struct pm_rules *rules = load(text);
    *p = (struct platform){.question = 0};
    assert_int_equal(pthread_mutex_init(&p->lock, NULL), 0);
    struct pm_shards_config config = {
        .count = count,
        .filter = {.hash_key = {1, 2}},
        .platform = {.keep = keep, .let_go = let_go, .asked = asked, .context = p}};
    p->shards = pm_shards_new(pm_rules_policy(rules), &config, &error);
    assert_non_null(p->shards);
    pm_rules_free(rules);
}

static void replace(struct platform *p, const char *text)
{
    struct pm_error error;
    struct pm_rules *rules = load(text);
    assert_true(pm_shards_replace(p->shards, pm_rules_policy(rules), &error));
    pm_rules_free(rules);
}

static void end(struct platform *p)
{
    struct pm_shards_stats stats;
    pm_shards_stop(p->shards);
    pm_shards_stats(p->shards, &stats);
    assert_int_equal(stats.held, 0);
    assert_int_equal(stats.held_bytes, 0);
    assert_int_equal(atomic_load(&p->gone), atomic_load(&p->count));
    assert_int_equal(atomic_load(&p->twice), 0);
    pm_shards_free(p->shards);
}

/* An IPv4 TCP segment of client number `host`, or the server's answer to it. */
struct segment {
    uint8_t bytes[40];
};

static struct segment segment(unsigned host, uint16_t port, uint8_t flags, bool from_server)
{
    struct segment s = {{0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0}};
    uint8_t client[4] = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host};
    static const uint8_t server[4] = {198, 51, 100, 1};
    memcpy(s.bytes + 12, from_server ? server : client, 4);
    memcpy(s.bytes + 16, from_server ? client : server, 4);
    uint16_t src = from_server ? port : 40000, dst = from_server ? 40000 : port;
    s.bytes[20] = (uint8_t)(src >> 8);
    s.bytes[21] = (uint8_t)src;
    s.bytes[22] = (uint8_t)(dst >> 8);
    s.bytes[23] = (uint8_t)dst;
    s.bytes[27] = 1;
    s.bytes[32] = 0x50;
    s.bytes[33] = flags;
    s.bytes[34] = 0xff;
    return s;
}

static struct pm_packet packet_of(const struct segment *s, bool inward)
{
    return (struct pm_packet){.data = s->bytes,
                              .len = sizeof s->bytes,
                              .wire_len = sizeof s->bytes,
                              .link = 101,
                              .dir = inward ? PM_DIR_IN : PM_DIR_OUT,
                              .csum = PM_CSUM_PARTIAL};
}

static enum pm_shards_answer decide_at(struct platform *p, unsigned host, uint16_t port,
                                       uint8_t flags, bool from_server, uint64_t now_ns)
{
    uint64_t release_ns;
    struct segment s = segment(host, port, flags, from_server);
    struct pm_packet packet = packet_of(&s, from_server);
    return pm_shards_decide(p->shards, &packet, p, now_ns, &release_ns);
}

/* ------------------------------------------------------------------ the answers of one engine */

/* Whether a flow may go on depends on what was seen of it before. */
static const char needs_flows[] =
    "{\"pktmod\": 1, \"policy\": {\"on_midstream\": \"drop\"}, \"rules\": ["
    "{\"id\": \"t\", \"match\": {\"tcp.port\": 23}, \"verdict\": \"drop\"}]}";

struct worker {
    pthread_t thread;
    struct platform *platform;
    unsigned index;
    enum pm_shards_answer answers[PACKETS][4];
};

/* Hosts of one thread: a SYN for every other host, then segments both ways. */
static void push(struct worker *w, unsigned i)
{
    unsigned host = i * THREADS + w->index;
    uint16_t port = i % 5 == 0 ? 23 : 80;
    w->answers[i][0] = decide_at(w->platform, host, port, host % 2 ? 0x02 : 0x10, false, i);
    w->answers[i][1] = decide_at(w->platform, host, port, host % 2 ? 0x12 : 0x10, true, i);
    w->answers[i][2] = decide_at(w->platform, host, port, 0x10, false, i);
    w->answers[i][3] = decide_at(w->platform, host, port, 0x18, true, i);
}

static void *run_worker(void *context)
{
    struct worker *w = context;
    for (unsigned i = 0; i < PACKETS; i++)
        push(w, i);
    return NULL;
}

static void threads_get_the_answers_of_a_single_engine(void **state)
{
    (void)state;
    static struct platform many, one;
    static struct worker workers[THREADS], alone[THREADS];
    begin(&many, 8, needs_flows);
    begin(&one, 1, needs_flows);
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){.platform = &many, .index = t};
        assert_int_equal(pthread_create(&workers[t].thread, NULL, run_worker, &workers[t]), 0);
    }
    unsigned dropped = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        alone[t] = (struct worker){.platform = &one, .index = t};
        (void)run_worker(&alone[t]);
        (void)pthread_join(workers[t].thread, NULL);
        for (unsigned i = 0; i < PACKETS; i++)
            for (unsigned k = 0; k < 4; k++) {
                assert_int_equal(workers[t].answers[i][k], alone[t].answers[i][k]);
                dropped += alone[t].answers[i][k] == PM_SHARDS_DROP;
            }
    }
    struct pm_shards_stats a, b;
    pm_shards_stats(many.shards, &a);
    pm_shards_stats(one.shards, &b);
    assert_true(dropped > PACKETS && dropped < 4 * THREADS * PACKETS - PACKETS);
    assert_int_equal(a.filter.dropped, dropped);
    assert_int_equal(a.filter.flows, b.filter.flows);
    assert_int_equal(a.shards, 8);
    end(&many);
    end(&one);
}

static void *run_limited(void *context)
{
    struct worker *w = context;
    for (unsigned i = 0; i < PACKETS; i++)
        w->answers[i][0] = decide_at(w->platform, i * THREADS + w->index, 80, 0x02, false, 0);
    return NULL;
}

static void a_rule_that_counts_over_flows_counts_once(void **state)
{
    (void)state;
    static struct platform p;
    static struct worker workers[THREADS];
    begin(&p, 8,
          "{\"pktmod\": 1, \"policy\": {\"default\": \"drop\"}, \"rules\": [{\"id\": \"few\","
          " \"match\": {\"tcp.port\": 80}, \"verdict\": \"allow\","
          " \"count\": {\"first\": 5}}]}");
    unsigned allowed = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){.platform = &p, .index = t};
        assert_int_equal(pthread_create(&workers[t].thread, NULL, run_limited, &workers[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        (void)pthread_join(workers[t].thread, NULL);
        for (unsigned i = 0; i < PACKETS; i++)
            allowed += workers[t].answers[i][0] == PM_SHARDS_ALLOW;
    }
    assert_int_equal(allowed, 5);
    end(&p);
}

/* ------------------------------------------------------------------ what waits */

static const char delays[] =
    "{\"pktmod\": 1, \"rules\": [{\"id\": \"slow\", \"match\": {\"tcp.port\": 80},"
    " \"verdict\": {\"delay\": {\"ms\": 10}}}]}";

static void a_delayed_packet_is_let_go_once_when_it_is_due(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, 4, delays);
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 5 * MS), PM_SHARDS_HELD);
    assert_int_equal(decide_at(&p, 2, 80, 0x02, false, 6 * MS), PM_SHARDS_HELD);
    assert_int_equal(decide_at(&p, 2, 81, 0x02, false, 6 * MS), PM_SHARDS_ALLOW);
    assert_int_equal(pm_shards_release(p.shards, 15 * MS - 1), 15 * MS);
    assert_int_equal(atomic_load(&p.gone), 0);
    assert_int_equal(pm_shards_release(p.shards, 15 * MS), 16 * MS);
    assert_int_equal(atomic_load(&p.gone), 1);
    assert_int_equal(pm_shards_release(p.shards, 16 * MS), UINT64_MAX);
    assert_int_equal(atomic_load(&p.allowed), 2);
    end(&p);
}

static void a_wait_that_ends_while_the_platform_keeps_the_packet_ends_it(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, 4, delays);
    p.release_in_keep_ns = 100 * MS;
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 5 * MS), PM_SHARDS_HELD);
    assert_int_equal(atomic_load(&p.gone), 1);
    assert_int_equal(atomic_load(&p.allowed), 1);
    end(&p);
}

static void a_packet_that_cannot_be_kept_gets_on_engine_error(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_shards_stats stats;
    begin(&p, 4, delays);
    p.cannot_keep = true;
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 0), PM_SHARDS_ALLOW);
    p.release_in_keep_ns = 100 * MS; /* and its place is free again, even if it was due already */
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 0), PM_SHARDS_ALLOW);
    assert_int_equal(pm_shards_release(p.shards, 200 * MS), UINT64_MAX);
    pm_shards_stats(p.shards, &stats);
    assert_int_equal(stats.not_kept, 2);
    assert_int_equal(stats.held, 0);
    end(&p);
}

static void no_more_wait_than_the_policy_says_whatever_the_shards(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_shards_stats stats;
    begin(&p, 8,
          "{\"pktmod\": 1, \"policy\": {\"delayed_packets\": 16, \"on_engine_error\": \"drop\"},"
          " \"rules\": [{\"id\": \"slow\", \"match\": {\"tcp.port\": 80},"
          " \"verdict\": {\"delay\": {\"ms\": 10}}}]}");
    unsigned held = 0, dropped = 0;
    for (unsigned host = 0; host < 64; host++) {
        enum pm_shards_answer answer = decide_at(&p, host, 80, 0x02, false, 0);
        held += answer == PM_SHARDS_HELD;
        dropped += answer == PM_SHARDS_DROP;
        pm_shards_stats(p.shards, &stats);
        assert_true(stats.held <= 16);
    }
    assert_int_equal(held, 16);
    assert_int_equal(dropped, 48);
    assert_int_equal(stats.held_full, 48);
    assert_int_equal(pm_shards_release(p.shards, 10 * MS), UINT64_MAX);
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 20 * MS), PM_SHARDS_HELD);
    end(&p);
}

static void bytes_that_wait_are_bounded_too(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, 8,
          "{\"pktmod\": 1, \"policy\": {\"delayed_bytes\": 120}, \"rules\": [{\"id\": \"slow\","
          " \"match\": {\"tcp.port\": 80}, \"verdict\": {\"delay\": {\"ms\": 10}}}]}");
    unsigned held = 0;
    for (unsigned host = 0; host < 64; host++)
        held += decide_at(&p, host, 80, 0x02, false, 0) == PM_SHARDS_HELD;
    assert_int_equal(held, 3); /* of 40 bytes each */
    end(&p);
}

static void a_reject_is_a_drop_that_nobody_is_told_of(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_shards_stats stats;
    begin(&p, 2,
          "{\"pktmod\": 1, \"rules\": [{\"id\": \"no\", \"match\": {\"tcp.port\": 80},"
          " \"verdict\": {\"reject\": \"auto\"}}]}");
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 0), PM_SHARDS_DROP);
    pm_shards_stats(p.shards, &stats);
    assert_int_equal(stats.untold, 1);
    end(&p);
}

/* ------------------------------------------------------------------ questions */

static const char asks[] =
    "{\"pktmod\": 1, \"rules\": [{\"id\": \"who\", \"match\": {\"tcp.port\": 80},"
    " \"verdict\": {\"ask\": {\"timeout_ms\": 1000, \"on_timeout\": \"drop\"}}}]}";

static void an_answer_lets_go_and_holds_for_the_flow(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, 4, asks);
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 0), PM_SHARDS_HELD);
    assert_string_equal(p.rule, "who");
    assert_false(pm_shards_reply(p.shards, p.question + 1, true, PM_FOR_FLOW, 0, 1));
    assert_false(pm_shards_reply(p.shards, 0, true, PM_FOR_FLOW, 0, 1));
    assert_true(pm_shards_reply(p.shards, p.question, true, PM_FOR_FLOW, 0, 1));
    (void)pm_shards_release(p.shards, 1);
    assert_int_equal(atomic_load(&p.allowed), 1);
    assert_int_equal(decide_at(&p, 1, 80, 0x10, false, 2), PM_SHARDS_ALLOW);
    end(&p);
}

static void a_question_can_be_answered_after_the_next_policy_but_not_as_one_of_it(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, 4, asks);
    assert_int_equal(decide_at(&p, 1, 80, 0x02, false, 0), PM_SHARDS_HELD);
    uint64_t first = p.question;
    replace(&p, asks);
    assert_int_equal(decide_at(&p, 2, 80, 0x02, false, 0), PM_SHARDS_HELD);
    assert_int_not_equal(p.question, first);
    assert_true(pm_shards_reply(p.shards, first, true, PM_FOR_FLOW, 0, 1));
    (void)pm_shards_release(p.shards, 1);
    assert_int_equal(atomic_load(&p.gone), 1);
    assert_int_equal(atomic_load(&p.allowed), 1);
    replace(&p, asks);
    assert_false(pm_shards_reply(p.shards, first, true, PM_FOR_FLOW, 0, 1));
    end(&p);
    assert_int_equal(atomic_load(&p.allowed), 1); /* on_timeout for the second */
}

/* ------------------------------------------------------------------ another policy */

static void packets_that_wait_keep_their_time_under_the_next_policy(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_shards_stats stats;
    begin(&p, 4, delays);
    for (unsigned host = 0; host < 40; host++)
        assert_int_equal(decide_at(&p, host, 80, 0x02, false, 0), PM_SHARDS_HELD);
    replace(&p, needs_flows);
    assert_int_equal(decide_at(&p, 1, 23, 0x02, false, 1 * MS), PM_SHARDS_DROP);
    assert_int_equal(pm_shards_release(p.shards, 9 * MS), 10 * MS);
    assert_int_equal(atomic_load(&p.gone), 0);
    assert_int_equal(pm_shards_release(p.shards, 10 * MS), UINT64_MAX);
    assert_int_equal(atomic_load(&p.gone), 40);
    pm_shards_stats(p.shards, &stats);
    assert_int_equal(stats.filter.delayed, 40);
    assert_int_equal(stats.filter.packets, 41);
    assert_int_equal(stats.cut_short, 0);
    assert_int_equal(stats.policies, 2);
    end(&p);
}

static void the_second_policy_after_theirs_ends_their_wait(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_shards_stats stats;
    begin(&p, 4, delays);
    for (unsigned host = 0; host < 40; host++)
        (void)decide_at(&p, host, 80, 0x02, false, 0);
    replace(&p, delays);
    (void)decide_at(&p, 50, 80, 0x02, false, 0);
    replace(&p, asks); /* and a policy of a single shard */
    pm_shards_stats(p.shards, &stats);
    assert_int_equal(stats.cut_short, 40);
    assert_int_equal(stats.shards, 1);
    assert_int_equal(atomic_load(&p.allowed), 40);
    assert_int_equal(stats.held, 1);
    replace(&p, delays);
    assert_int_equal(decide_at(&p, 60, 80, 0x02, false, 0), PM_SHARDS_HELD);
    end(&p);
}

/* ------------------------------------------------------------------ the end */

struct storm {
    struct platform platform;
    pthread_t threads[THREADS];
    atomic_bool ends;
    atomic_uint next;
};

static void *run_storm(void *context)
{
    struct storm *s = context;
    unsigned host = atomic_fetch_add(&s->next, 1) * 1000;
    for (unsigned i = 0; i < 200 || !atomic_load(&s->ends); i++)
        (void)decide_at(&s->platform, host + i % 500, i % 4 ? 81 : 80, 0x02, false, i * MS / 10);
    return NULL;
}

static void begin_storm(struct storm *s, const char *text)
{
    begin(&s->platform, 4, text);
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&s->threads[t], NULL, run_storm, s), 0);
}

static void end_storm(struct storm *s)
{
    atomic_store(&s->ends, true);
    for (unsigned t = 0; t < THREADS; t++)
        (void)pthread_join(s->threads[t], NULL);
}

static const char few[] =
    "{\"pktmod\": 1, \"policy\": {\"delayed_packets\": 8}, \"rules\": [{\"id\":"
    " \"slow\", \"match\": {\"tcp.port\": 80},"
    " \"verdict\": {\"delay\": {\"ms\": 10}}}]}";

static uint64_t new_flows(struct platform *p)
{
    struct pm_shards_stats stats;
    pm_shards_stats(p->shards, &stats);
    return stats.filter.flows;
}

/* A packet of each of 200 flows. */
static void one_of_each(struct platform *p, uint8_t flags)
{
    for (unsigned host = 0; host < 200; host++)
        (void)decide_at(p, host, 80, flags, false, 0);
}

/* A flow that began before the policy is no new one under it; where packets are spread anew, it
 * is. */
static void flows_go_on_under_the_next_policy(void **state)
{
    (void)state;
    static const char counts[] =
        "{\"pktmod\": 1, \"rules\": [{\"id\": \"l\", \"match\": {\"udp.port\": 9}, \"verdict\": "
        "\"drop\", \"limit\": {\"rate\": \"5/s\", \"burst\": 10, \"per\": [\"ip.src\"], \"over\": "
        "\"match\"}}]}";
    struct platform p;
    begin(&p, 4, needs_flows);
    one_of_each(&p, 0x02);
    assert_int_equal(new_flows(&p), 200);
    replace(&p, needs_flows);
    one_of_each(&p, 0x10);
    assert_int_equal(new_flows(&p), 200);
    replace(&p, counts); /* it needs a single shard */
    one_of_each(&p, 0x10);
    assert_int_equal(new_flows(&p), 400);
    replace(&p, counts);
    one_of_each(&p, 0x10);
    assert_int_equal(new_flows(&p), 400);
    end(&p);
}

static void policies_change_while_calls_run_and_nothing_is_lost(void **state)
{
    (void)state;
    static struct storm s;
    begin_storm(&s, few);
    for (unsigned i = 0; i < 6; i++) {
        replace(&s.platform, i % 2 ? few : asks);
        (void)pm_shards_release(s.platform.shards, UINT64_MAX / 2);
    }
    pm_shards_stop(s.platform.shards);
    end_storm(&s);
    end(&s.platform);
}

static void the_end_waits_for_calls_and_lets_all_go(void **state)
{
    (void)state;
    static struct storm s;
    struct pm_shards_stats stats;
    begin_storm(&s, few);
    while (atomic_load(&s.platform.count) == 0)
        sched_yield();
    pm_shards_stop(s.platform.shards);
    assert_int_equal(atomic_load(&s.platform.gone), atomic_load(&s.platform.count));
    assert_int_equal(decide_at(&s.platform, 1, 80, 0x02, false, 0), PM_SHARDS_ALLOW);
    end_storm(&s);
    pm_shards_stats(s.platform.shards, &stats);
    assert_true(stats.after_stop > 0);
    assert_int_equal(stats.held, 0);
    end(&s.platform);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_get_the_answers_of_a_single_engine),
        cmocka_unit_test(a_rule_that_counts_over_flows_counts_once),
        cmocka_unit_test(a_delayed_packet_is_let_go_once_when_it_is_due),
        cmocka_unit_test(a_wait_that_ends_while_the_platform_keeps_the_packet_ends_it),
        cmocka_unit_test(a_packet_that_cannot_be_kept_gets_on_engine_error),
        cmocka_unit_test(no_more_wait_than_the_policy_says_whatever_the_shards),
        cmocka_unit_test(bytes_that_wait_are_bounded_too),
        cmocka_unit_test(a_reject_is_a_drop_that_nobody_is_told_of),
        cmocka_unit_test(an_answer_lets_go_and_holds_for_the_flow),
        cmocka_unit_test(a_question_can_be_answered_after_the_next_policy_but_not_as_one_of_it),
        cmocka_unit_test(packets_that_wait_keep_their_time_under_the_next_policy),
        cmocka_unit_test(the_second_policy_after_theirs_ends_their_wait),
        cmocka_unit_test(flows_go_on_under_the_next_policy),
        cmocka_unit_test(policies_change_while_calls_run_and_nothing_is_lost),
        cmocka_unit_test(the_end_waits_for_calls_and_lets_all_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
