/* delay_test.c - waiting packets: order, bounds by count and bytes, leaving early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/delay.h"

static struct pm_waiter waiter(uint64_t cookie, uint32_t len)
{
    return (struct pm_waiter){.due = {.cookie = cookie}, .len = len};
}

static enum pm_delay_answer add(struct pm_delay *d, uint64_t release_ns, uint64_t cookie,
                                uint32_t len, bool refuse_when_full)
{
    struct pm_waiter w = waiter(cookie, len);
    return pm_delay_add(d, release_ns, &w, refuse_when_full);
}

static bool take(struct pm_delay *d, uint64_t now_ns, uint64_t *cookie)
{
    struct pm_due due;
    if (!pm_delay_take(d, now_ns, &due))
        return false;
    *cookie = due.cookie;
    return true;
}

static void packets_leave_in_order_of_time_then_of_arrival(void **state)
{
    (void)state;
    struct pm_delay d;
    uint64_t cookie;
    assert_true(pm_delay_init(&d, 10, 10000));
    static const uint64_t times[] = {30, 10, 20, 10, 30};
    static const uint64_t order[] = {1, 3, 2, 0, 4};
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(add(&d, times[i], i, 100, true), PM_DELAY_TAKEN);
    assert_int_equal(pm_delay_next_ns(&d), 10);
    assert_false(take(&d, 9, &cookie));
    for (uint64_t i = 0; i < 5; i++) {
        assert_true(take(&d, 30, &cookie));
        assert_int_equal(cookie, order[i]);
    }
    assert_int_equal(pm_delay_next_ns(&d), UINT64_MAX);
    pm_delay_release(&d);
}

static void bytes_are_bounded_too(void **state)
{
    (void)state;
    struct pm_delay d;
    uint64_t cookie;
    assert_true(pm_delay_init(&d, 10, 1000));
    assert_int_equal(add(&d, 5, 1, 600, true), PM_DELAY_TAKEN);
    assert_int_equal(add(&d, 6, 2, 600, true), PM_DELAY_REFUSED);
    assert_int_equal(add(&d, 6, 2, 400, true), PM_DELAY_TAKEN);
    assert_int_equal(add(&d, 7, 3, 1001, false), PM_DELAY_REFUSED);
    assert_int_equal(add(&d, 7, 4, 900, false), PM_DELAY_TAKEN_ONE_LEFT_EARLY);
    assert_int_equal(pm_delay_next_ns(&d), 0); /* both others wait to be taken */
    assert_true(take(&d, 0, &cookie) && cookie == 1);
    assert_true(take(&d, 0, &cookie) && cookie == 2);
    assert_false(take(&d, 6, &cookie));
    assert_true(take(&d, 7, &cookie) && cookie == 4);
    pm_delay_release(&d);
}

static void early_ones_that_nobody_takes_are_bounded(void **state)
{
    (void)state;
    struct pm_delay d;
    uint64_t cookie, taken = 0, refused = 0;
    assert_true(pm_delay_init(&d, 4, 1000));
    for (uint64_t i = 0; i < 100; i++)
        refused += add(&d, 10 + i, i, 1, false) == PM_DELAY_REFUSED;
    assert_int_equal(refused, 100 - 8);
    while (take(&d, UINT64_MAX, &cookie))
        assert_int_equal(cookie, taken++);
    assert_int_equal(taken, 8);
    pm_delay_release(&d);
}

static void no_room_at_all_refuses(void **state)
{
    (void)state;
    struct pm_delay d;
    assert_true(pm_delay_init(&d, 0, 1000));
    assert_int_equal(add(&d, 1, 1, 1, false), PM_DELAY_REFUSED);
    pm_delay_release(&d);
}

static void parked_packets_take_room_and_never_make_it(void **state)
{
    (void)state;
    struct pm_delay d;
    struct pm_waiter w = waiter(1, 600);
    uint64_t cookie;
    assert_true(pm_delay_init(&d, 2, 1000));
    uint32_t parked = pm_delay_park(&d, &w);
    assert_int_not_equal(parked, PM_NIL);
    assert_int_equal(add(&d, 5, 2, 600, false), PM_DELAY_REFUSED);
    assert_int_equal(add(&d, 5, 2, 400, false), PM_DELAY_TAKEN);
    assert_int_equal(pm_delay_park(&d, &w), PM_NIL);
    assert_true(take(&d, 9, &cookie) && cookie == 2);
    assert_int_equal(pm_delay_next_ns(&d), UINT64_MAX);
    assert_false(take(&d, UINT64_MAX, &cookie));
    pm_delay_unpark(&d, parked, 7);
    assert_int_equal(pm_delay_next_ns(&d), 7);
    assert_true(take(&d, 7, &cookie) && cookie == 1);
    assert_int_equal(add(&d, 8, 3, 1000, true), PM_DELAY_TAKEN);
    pm_delay_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_leave_in_order_of_time_then_of_arrival),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(early_ones_that_nobody_takes_are_bounded),
        cmocka_unit_test(no_room_at_all_refuses),
        cmocka_unit_test(parked_packets_take_room_and_never_make_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
