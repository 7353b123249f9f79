/* seq_test.c - 32-bit numbers on the wire, 64-bit positions inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/seq.h"

static const uint64_t turn = (uint64_t)1 << 32;

static void a_stream_walks_over_2_to_the_32_without_a_jump(void **state)
{
    (void)state;
    uint64_t at = PM_SEQ_BASE + 0xffffff00u;
    for (uint64_t i = 0; i < 1000; i++) {
        at = pm_seq_unwrap(at, (uint32_t)(0xffffff00u + i));
        assert_true(at == PM_SEQ_BASE + 0xffffff00u + i);
    }
    assert_true(at > 2 * turn);
}

static void an_old_segment_from_before_the_wrap_stays_before_it(void **state)
{
    (void)state;
    assert_true(pm_seq_unwrap(2 * turn + 5, 0xfffffffbu) == 2 * turn - 5);
    assert_true(pm_seq_unwrap(2 * turn - 5, 5) == 2 * turn + 5);
    assert_true(pm_seq_unwrap(2 * turn, 0) == 2 * turn);
}

/* The oracle tries the turn before, the same and the next, and takes the nearest. */
static void the_nearest_position_is_taken_everywhere_around_the_circle(void **state)
{
    (void)state;
    uint32_t chance = 1;
    for (int i = 0; i < 200000; i++) {
        chance = chance * 1664525u + 1013904223u;
        uint64_t near = 5 * turn + chance;
        chance = chance * 1664525u + 1013904223u;
        uint32_t wire = i % 4 == 0 ? (uint32_t)near + (chance >> 24) - 128 : chance;
        uint64_t best = 0, best_distance = UINT64_MAX;
        for (uint64_t t = 4; t <= 6; t++) {
            uint64_t at = t * turn + wire, distance = at > near ? at - near : near - at;
            if (distance < best_distance) {
                best = at;
                best_distance = distance;
            }
        }
        if (best_distance != turn / 2)
            assert_true(pm_seq_unwrap(near, wire) == best);
        assert_true((uint32_t)pm_seq_unwrap(near, wire) == wire);
    }
}

static void half_a_turn_away_counts_as_behind(void **state)
{
    (void)state;
    uint64_t near = 3 * turn + 100;
    assert_true(pm_seq_unwrap(near, 100 + 0x7fffffffu) == near + 0x7fffffffu);
    assert_true(pm_seq_unwrap(near, 100 + 0x80000000u) == near - 0x80000000u);
    assert_true(pm_seq_unwrap(near, 100 + 0x80000001u) == near - 0x7fffffffu);
}

static void the_lowest_start_still_has_room_for_what_came_before_it(void **state)
{
    (void)state;
    assert_true(pm_seq_unwrap(PM_SEQ_BASE, 0xffffffffu) == PM_SEQ_BASE - 1);
    assert_true(pm_seq_unwrap(PM_SEQ_BASE, 0x80000000u) == PM_SEQ_BASE / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_walks_over_2_to_the_32_without_a_jump),
        cmocka_unit_test(an_old_segment_from_before_the_wrap_stays_before_it),
        cmocka_unit_test(the_nearest_position_is_taken_everywhere_around_the_circle),
        cmocka_unit_test(half_a_turn_away_counts_as_behind),
        cmocka_unit_test(the_lowest_start_still_has_room_for_what_came_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
