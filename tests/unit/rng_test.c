/* rng_test.c - draws are reproducible, independent of each other, and evenly mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/rng.h"

/* The upper 64 bits of a * b, by adding shifted copies bit by bit. */
static uint64_t slow_high_product(uint64_t a, uint64_t b)
{
    uint64_t high = 0, low = 0;
    for (int bit = 63; bit >= 0; bit--) {
        high = high << 1 | low >> 63;
        low <<= 1;
        if ((b >> bit & 1) == 0)
            continue;
        low += a;
        high += low < a;
    }
    return high;
}

static void the_same_draw_is_the_same_number_and_every_input_matters(void **state)
{
    (void)state;
    uint64_t draw = pm_draw(1, 2, 3, 4);
    assert_true(pm_draw(1, 2, 3, 4) == draw);
    assert_true(pm_draw(9, 2, 3, 4) != draw);
    assert_true(pm_draw(1, 9, 3, 4) != draw);
    assert_true(pm_draw(1, 2, 9, 4) != draw);
    assert_true(pm_draw(1, 2, 3, 9) != draw);
    assert_true(pm_draw(1, 3, 2, 4) != draw);
    assert_true(pm_draw(1, 2, 4, 3) != draw);
}

/* Replays recorded on another machine depend on these bytes: 02 00.. 03 00.. 04 00... */
static void a_draw_hashes_its_inputs_in_little_endian_order(void **state)
{
    (void)state;
    const uint64_t key[2] = {1, 0x706b746d6f642d72u};
    const uint8_t what[24] = {[0] = 2, [8] = 3, [16] = 4, [23] = 5};
    assert_true(pm_draw(1, 2, 3, 0x0500000000000004u) == pm_hash(key, what, sizeof what));
}

static void draw_below_is_the_high_half_of_the_product(void **state)
{
    (void)state;
    const uint64_t bounds[] = {1,
                               2,
                               3,
                               1000000,
                               0xffffffffu,
                               0x100000000u,
                               0x100000001u,
                               0x7fffffffffffffffu,
                               0x8000000000000000u};
    const uint64_t corners[] = {0, 1, 0xffffffffu, 0x100000000u, UINT64_MAX};
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        for (size_t c = 0; c < sizeof corners / sizeof corners[0]; c++)
            assert_true(pm_draw_below(corners[c], bounds[b]) ==
                        slow_high_product(corners[c], bounds[b]));
        for (uint64_t i = 0; i < 5000; i++) {
            uint64_t draw = pm_draw(i, b, 0, 0), got = pm_draw_below(draw, bounds[b]);
            assert_true(got == slow_high_product(draw, bounds[b]));
            assert_true(got < bounds[b]);
        }
    }
}

/* 100 000 draws in ten bins; three standard deviations are 285, the seed is fixed. */
static void draws_fill_every_bin_evenly(void **state)
{
    (void)state;
    unsigned bins[10] = {0};
    for (uint64_t i = 0; i < 100000; i++)
        bins[pm_draw_below(pm_draw(7, 11, 13, i), 10)]++;
    for (size_t i = 0; i < 10; i++)
        assert_in_range(bins[i], 10000 - 300, 10000 + 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_draw_is_the_same_number_and_every_input_matters),
        cmocka_unit_test(a_draw_hashes_its_inputs_in_little_endian_order),
        cmocka_unit_test(draw_below_is_the_high_half_of_the_product),
        cmocka_unit_test(draws_fill_every_bin_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
