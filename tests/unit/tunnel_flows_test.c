/* tunnel_flows_test.c - connections under ports of their own, against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tunnel-ext/flows.h"

#define PORTS 64512u

static const uint64_t hash_key[2] = {1, 2};

static struct pm_end end_of(uint8_t last, uint16_t port)
{
    return (struct pm_end){.addr = {.bytes = {10, 0, 0, last}, .version = 4}, .port = port};
}

static void a_port_waits_120_seconds_and_the_longest_unused_goes_first(void **state)
{
    struct pm_flows *flows = pm_flows_new(8, hash_key);
    struct pm_end app = end_of(1, 1), dst = end_of(2, 80);
    (void)state;
    uint16_t first = pm_flows_open(flows, &app, &dst, 0);
    pm_flows_close(flows, first, 0);
    for (uint32_t i = 1; i < PORTS; i++) {
        uint16_t n = pm_flows_open(flows, &app, &dst, 1);
        assert_int_not_equal(n, first);
        assert_true(n >= 1024);
        pm_flows_close(flows, n, 1);
    }
    assert_int_equal(pm_flows_open(flows, &app, &dst, PM_FLOW_QUARANTINE_NS - 1), PM_FLOW_NONE);
    assert_int_equal(pm_flows_open(flows, &app, &dst, PM_FLOW_QUARANTINE_NS), first);
    assert_int_equal(pm_flows_open(flows, &dst, &app, PM_FLOW_QUARANTINE_NS), PM_FLOW_NONE);
    pm_flows_free(flows);
}

static void there_are_never_more_than_was_said(void **state)
{
    struct pm_flows *flows = pm_flows_new(2, hash_key);
    struct pm_end dst = end_of(2, 80), apps[] = {end_of(1, 1), end_of(1, 2), end_of(1, 3)};
    (void)state;
    uint16_t n = pm_flows_open(flows, &apps[0], &dst, 0);
    assert_int_not_equal(n, PM_FLOW_NONE);
    assert_int_not_equal(pm_flows_open(flows, &apps[1], &dst, 0), PM_FLOW_NONE);
    assert_int_equal(pm_flows_open(flows, &apps[2], &dst, 0), PM_FLOW_NONE);
    pm_flows_close(flows, n, 0);
    assert_int_not_equal(pm_flows_open(flows, &apps[2], &dst, 0), PM_FLOW_NONE);
    pm_flows_free(flows);
}

static void a_closed_connection_is_known_until_it_begins_anew(void **state)
{
    struct pm_flows *flows = pm_flows_new(8, hash_key);
    struct pm_end app = end_of(1, 1), dst = end_of(2, 80);
    (void)state;
    uint16_t old = pm_flows_open(flows, &app, &dst, 0);
    pm_flows_close(flows, old, 5);
    assert_int_equal(pm_flows_find(flows, &app, &dst), old);
    assert_int_equal(pm_flows_at(flows, old)->state, PM_FLOW_CLOSED);
    uint16_t new = pm_flows_open(flows, &app, &dst, 6);
    assert_int_not_equal(new, old);
    assert_int_equal(pm_flows_find(flows, &app, &dst), new);
    assert_non_null(pm_flows_at(flows, old)); /* late segments of its listener's side */
    pm_flows_free(flows);
}

static void ports_that_nobody_had_are_nobodys(void **state)
{
    struct pm_flows *flows = pm_flows_new(8, hash_key);
    (void)state;
    assert_null(pm_flows_at(flows, 0));
    assert_null(pm_flows_at(flows, 1023));
    assert_null(pm_flows_at(flows, 1024));
    assert_null(pm_flows_at(flows, 65535));
    pm_flows_free(flows);
}

/* ------------------------------------------------------------------ the oracle */

#define APPS 40u

struct naive {
    uint16_t n[APPS]; /* of the connection from app i; 0: none */
    bool is_alive[APPS];
};

static uint32_t count_alive(const struct naive *naive)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < APPS; i++)
        count += naive->is_alive[i];
    return count;
}

static uint32_t count_walk(const struct pm_flows *flows)
{
    uint32_t count = 0;
    for (uint16_t n = pm_flows_first(flows); n != PM_FLOW_NONE; n = pm_flows_next(flows, n))
        count++;
    return count;
}

static void it_agrees_with_a_list_through_random_lives(void **state)
{
    struct pm_flows *flows = pm_flows_new(APPS / 2, hash_key);
    struct naive naive = {.n = {0}};
    uint64_t draws = 0;
    struct pm_end dst = end_of(2, 80);
    (void)state;
    for (uint64_t now = 0; now < 20000; now++) {
        uint32_t i = (uint32_t)(pm_draw(1, 2, 3, draws++) % APPS);
        struct pm_end app = end_of((uint8_t)(i % 3), (uint16_t)(i + 1));
        assert_int_equal(pm_flows_find(flows, &app, &dst), naive.n[i]);
        if (naive.is_alive[i]) {
            pm_flows_close(flows, naive.n[i], now);
            naive.is_alive[i] = false;
        } else if (count_alive(&naive) == APPS / 2) {
            assert_int_equal(pm_flows_open(flows, &app, &dst, now), PM_FLOW_NONE);
        } else {
            naive.n[i] = pm_flows_open(flows, &app, &dst, now);
            naive.is_alive[i] = true;
            assert_int_not_equal(naive.n[i], PM_FLOW_NONE);
        }
        assert_int_equal(pm_flows_count(flows), count_alive(&naive));
        assert_int_equal(count_walk(flows), count_alive(&naive));
        assert_int_equal(pm_flows_dialling(flows), count_alive(&naive));
    }
    pm_flows_free(flows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_waits_120_seconds_and_the_longest_unused_goes_first),
        cmocka_unit_test(there_are_never_more_than_was_said),
        cmocka_unit_test(a_closed_connection_is_known_until_it_begins_anew),
        cmocka_unit_test(ports_that_nobody_had_are_nobodys),
        cmocka_unit_test(it_agrees_with_a_list_through_random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
