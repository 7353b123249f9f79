/* tunnel_waiting_test.c - copies of packets that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel-ext/waiting.h"

static bool keep(struct pm_waiting *waiting, const uint8_t *data, size_t len)
{
    struct pm_packet packet = {.data = data, .len = len, .wire_len = len, .cookie = 77};
    return pm_waiting_keep(waiting, &packet, 5);
}

static void a_copy_lies_under_the_cookie_that_was_told_before(void **state)
{
    (void)state;
    struct pm_waiting waiting = {.cap = 0};
    assert_true(pm_waiting_reserve(&waiting, 3));
    for (unsigned i = 0; i < 100; i++) {
        uint8_t byte = (uint8_t)i;
        uint64_t cookie = pm_waiting_next_cookie(&waiting);
        assert_true(keep(&waiting, &byte, 1));
        byte = 0xff;
        struct pm_waiting_packet taken = pm_waiting_take(&waiting, cookie);
        assert_int_equal(taken.bytes[0], i);
        assert_ptr_equal(taken.packet.data, taken.bytes);
        assert_int_equal(taken.packet.cookie, 77);
        assert_int_equal(taken.number, 5);
        free(taken.bytes);
    }
    assert_int_equal(waiting.used, 0);
    pm_waiting_free(&waiting);
}

static void there_is_room_for_so_many_and_more_when_asked(void **state)
{
    (void)state;
    struct pm_waiting waiting = {.cap = 0};
    uint8_t byte = 1;
    assert_false(keep(&waiting, &byte, 1));
    assert_true(pm_waiting_reserve(&waiting, 2));
    assert_true(keep(&waiting, &byte, 1) && keep(&waiting, &byte, 0));
    assert_false(keep(&waiting, &byte, 1));
    assert_true(pm_waiting_reserve(&waiting, 1));
    assert_true(keep(&waiting, &byte, 1));
    assert_int_equal(waiting.used, 3);
    pm_waiting_free(&waiting); /* with what waits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_lies_under_the_cookie_that_was_told_before),
        cmocka_unit_test(there_is_room_for_so_many_and_more_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
