/* pool_test.c - no object is ever given out twice, and full is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

static void takes_until_full_gives_back_and_takes_again(void **state)
{
    (void)state;
    struct pm_pool pool;
    assert_true(pm_pool_init(&pool, 24, 100));
    for (int round = 0; round < 3; round++) {
        bool seen[100] = {false};
        for (uint32_t i = 0; i < 100; i++) {
            uint32_t index = pm_pool_take(&pool);
            assert_true(index < 100 && !seen[index]);
            seen[index] = true;
            memset(pm_pool_at(&pool, index), (int)index, 24);
        }
        assert_int_equal(pool.used, 100);
        assert_int_equal(pm_pool_take(&pool), PM_NIL);
        assert_int_equal(pm_pool_take(&pool), PM_NIL);
        for (uint32_t i = 0; i < 100; i++) {
            const uint8_t *object = pm_pool_at(&pool, i);
            assert_int_equal(object[0], i);
            assert_int_equal(object[23], i);
        }
        for (uint32_t i = 0; i < 100; i++)
            pm_pool_put(&pool, (i * 37 + 5) % 100);
        assert_int_equal(pool.used, 0);
    }
    pm_pool_release(&pool);
}

/* Against an array of who is taken. */
static void random_takes_and_puts_never_share_an_object(void **state)
{
    (void)state;
    enum { CAP = 17 };
    struct pm_pool pool;
    assert_true(pm_pool_init(&pool, 1, CAP));
    bool taken[CAP] = {false};
    uint32_t used = 0, chance = 12345;
    for (int step = 0; step < 100000; step++) {
        chance = chance * 1664525u + 1013904223u;
        uint32_t pick = (chance >> 8) % CAP;
        if (chance >> 31 && taken[pick]) {
            pm_pool_put(&pool, pick);
            taken[pick] = false;
            used--;
        } else {
            uint32_t index = pm_pool_take(&pool);
            assert_int_equal(index == PM_NIL, used == CAP);
            if (index == PM_NIL)
                continue;
            assert_true(index < CAP && !taken[index]);
            taken[index] = true;
            used++;
        }
        assert_int_equal(pool.used, used);
    }
    pm_pool_release(&pool);
}

static void footprint_is_rounded_and_overflow_is_no_memory(void **state)
{
    (void)state;
    assert_int_equal(pm_pool_footprint(1, 10), 80);
    assert_int_equal(pm_pool_footprint(8, 10), 80);
    assert_int_equal(pm_pool_footprint(9, 10), 160);
    assert_int_equal(pm_pool_footprint(0, 10), 80);
    assert_int_equal(pm_pool_footprint(100, 0), 0);
    struct pm_pool pool;
    assert_false(pm_pool_init(&pool, SIZE_MAX / 2, 3));
    assert_int_equal(pm_pool_take(&pool), PM_NIL);
    pm_pool_release(&pool);
    assert_false(pm_pool_init(&pool, SIZE_MAX, 1));
    pm_pool_release(&pool);
}

static void a_pool_of_nothing_is_always_full(void **state)
{
    (void)state;
    struct pm_pool pool;
    assert_true(pm_pool_init(&pool, 16, 0));
    assert_int_equal(pm_pool_take(&pool), PM_NIL);
    pm_pool_release(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_until_full_gives_back_and_takes_again),
        cmocka_unit_test(random_takes_and_puts_never_share_an_object),
        cmocka_unit_test(footprint_is_rounded_and_overflow_is_no_memory),
        cmocka_unit_test(a_pool_of_nothing_is_always_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
