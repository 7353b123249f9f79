/* ticks_test.c - timestamps of every resolution to nanoseconds and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "app/ticks.h"

#define S UINT64_C(1000000000)

static void every_resolution_becomes_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        struct pm_ticks clock;
        uint64_t ticks, ns;
    } cases[] = {
        {{6, false, 0}, 1700000000123456, 1700000000123456000},
        {{9, false, 0}, 1700000000123456789, 1700000000123456789},
        {{0, false, 0}, 1700000000, 1700000000 * S},
        {{3, false, 0}, 1234, 1234000000},
        {{12, false, 0}, 1999, 1},
        {{28, false, 0}, UINT64_MAX, 1}, /* 1.8e-9 s */
        {{29, false, 0}, UINT64_MAX, 0},
        {{127, false, 0}, UINT64_MAX, 0},
        {{10, true, 0}, 1536, 1500000000},
        {{20, true, 0}, 5u << 20 | 1, 5 * S + 953},
        {{34, true, 0}, UINT64_C(3) << 34 | UINT64_C(1) << 33, 3 * S + S / 2},
        {{35, true, 0}, UINT64_C(3) << 35 | UINT64_C(1) << 34, 3 * S + S / 2},
        {{63, true, 0}, UINT64_C(3) << 62, S + S / 2},
        {{64, true, 0}, UINT64_C(1) << 63, S / 2},
        {{127, true, 0}, UINT64_MAX, 0},
        {{6, false, 100}, 1, 100 * S + 1000},
        {{6, false, -100}, 100000001, 1000},
        {{6, false, -100}, 1, 0}, /* before 1970 */
        {{6, false, INT64_MIN}, 1, 0},
        {{6, false, INT64_MAX}, 1, UINT64_MAX}, /* after 2554 */
        {{6, false, 0}, UINT64_MAX, UINT64_MAX},
        {{0, false, 0}, UINT64_MAX / 2, UINT64_MAX},
        {{1, true, 0}, UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (pm_ticks_to_ns(cases[i].clock, cases[i].ticks) != cases[i].ns)
            fail_msg("case %zu: %llu", i,
                     (unsigned long long)pm_ticks_to_ns(cases[i].clock, cases[i].ticks));
}

static void nanoseconds_become_ticks_that_mean_no_later_time(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, 999, 1768469400123456789, 4 * S, UINT64_C(1) << 62};
    for (unsigned exponent = 0; exponent < 128; exponent++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            struct pm_ticks clock = {(uint8_t)exponent, kind % 2 == 1, kind / 2 == 1 ? -7 : 0};
            for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
                uint64_t ticks = pm_ticks_from_ns(clock, times[i]);
                uint64_t next = pm_ticks_to_ns(clock, ticks + 1);
                if (ticks == UINT64_MAX) /* too fine for so late a time */
                    continue;
                assert_true(pm_ticks_to_ns(clock, ticks) <= times[i]);
                assert_true(next >= times[i] || (exponent > 9 && next + 1 >= times[i]));
            }
        }
    }
}

static void usual_clocks_lose_nothing_on_the_way(void **state)
{
    (void)state;
    for (uint64_t ns = 1768469400 * S; ns < 1768469401 * S; ns += 999983) {
        assert_int_equal(pm_ticks_to_ns(PM_TICKS_NANO, pm_ticks_from_ns(PM_TICKS_NANO, ns)), ns);
        assert_int_equal(pm_ticks_to_ns(PM_TICKS_MICRO, pm_ticks_from_ns(PM_TICKS_MICRO, ns)),
                         ns - ns % 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_resolution_becomes_nanoseconds),
        cmocka_unit_test(nanoseconds_become_ticks_that_mean_no_later_time),
        cmocka_unit_test(usual_clocks_lose_nothing_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
