/* held_test.c - places for packets that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter-ext/held.h"

static struct pm_held_packet *keep(struct pm_held *held, const uint8_t *data, size_t len)
{
    struct pm_packet packet = {.data = data, .len = len, .wire_len = len + 1};
    return pm_held_keep(held, &packet);
}

static void a_packet_lies_under_the_cookie_that_was_told_before(void **state)
{
    (void)state;
    struct pm_held held = {.places = NULL};
    assert_true(pm_held_reserve(&held, 3));
    for (unsigned i = 0; i < 100; i++) {
        uint8_t byte = (uint8_t)i;
        uint64_t cookie = pm_held_next_cookie(&held);
        assert_non_null(keep(&held, &byte, 1));
        assert_int_equal(pm_held_at(&held, cookie)->bytes[0], i);
        assert_int_equal(pm_held_at(&held, cookie)->wire_len, 2);
        if (i % 3 != 0)
            pm_held_drop(&held, cookie);
        if (held.used == 3)
            for (uint64_t j = 0; j < 3; j++)
                pm_held_drop(&held, j);
    }
    pm_held_free(&held);
}

static void there_is_room_for_so_many_and_no_more(void **state)
{
    (void)state;
    struct pm_held held = {.places = NULL};
    uint8_t byte = 0;
    assert_null(keep(&held, &byte, 1));
    assert_true(pm_held_reserve(&held, 2));
    keep(&held, &byte, 1);
    keep(&held, &byte, 1);
    assert_null(keep(&held, &byte, 1));
    assert_true(pm_held_reserve(&held, 5)); /* beside the two */
    for (unsigned i = 0; i < 5; i++)
        assert_non_null(keep(&held, &byte, 1));
    assert_null(keep(&held, &byte, 1));
    assert_false(pm_held_reserve(&held, UINT32_MAX - 2));
    pm_held_free(&held);
}

static void of_a_large_packet_the_beginning_is_kept(void **state)
{
    (void)state;
    struct pm_held held = {.places = NULL};
    uint8_t bytes[PM_HELD_BYTES + 9];
    memset(bytes, 7, sizeof bytes);
    assert_true(pm_held_reserve(&held, 1));
    const struct pm_held_packet *place = keep(&held, bytes, sizeof bytes);
    assert_int_equal(place->len, PM_HELD_BYTES);
    assert_int_equal(place->wire_len, sizeof bytes + 1);
    pm_held_free(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_lies_under_the_cookie_that_was_told_before),
        cmocka_unit_test(there_is_room_for_so_many_and_no_more),
        cmocka_unit_test(of_a_large_packet_the_beginning_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
