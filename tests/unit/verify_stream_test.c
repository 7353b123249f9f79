/* verify_stream_test.c - which positions were sent and what they are, against a map of single
 * bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "app/verify_packet.h"
#include "app/verify_stream.h"

#define AT(offset) (PM_VERIFY_BASE + (uint64_t)(offset))

/* A draw from 0 to n - 1; the same each run. */
static uint32_t below(uint64_t *chance, uint32_t n)
{
    *chance = pm_verify_mix(*chance, 1);
    return (uint32_t)(*chance >> 32) % n;
}

static const char text[] = "the quick brown fox jumps over the lazy dog";

static uint64_t put(struct pm_verify_stream *stream, uint64_t pos, const char *bytes)
{
    struct pm_verify_difference difference;
    size_t len = strlen(bytes);
    assert_true(pm_verify_stream_sent(stream, pos, pos + len));
    assert_true(pm_verify_stream_put(stream, pos, (const uint8_t *)bytes, len, &difference));
    return difference.count;
}

static void runs_merge_when_the_gap_between_them_is_filled(void **state)
{
    (void)state;
    struct pm_verify_stream stream = {0};
    assert_true(pm_verify_stream_sent(&stream, AT(10), AT(20)));
    assert_true(pm_verify_stream_sent(&stream, AT(30), AT(40)));
    assert_int_equal(stream.run_count, 2);
    assert_false(pm_verify_stream_is_sent(&stream, AT(15), AT(35)));
    assert_true(pm_verify_stream_sent(&stream, AT(20), AT(30)));
    assert_int_equal(stream.run_count, 1);
    assert_true(pm_verify_stream_is_sent(&stream, AT(10), AT(40)));
    assert_false(pm_verify_stream_is_sent(&stream, AT(9), AT(11)));
    pm_verify_stream_free(&stream);
}

static void the_first_copy_stays_and_a_difference_is_told(void **state)
{
    (void)state;
    struct pm_verify_stream stream = {0};
    struct pm_verify_difference difference;
    assert_int_equal(put(&stream, AT(0), text), 0);
    assert_int_equal(put(&stream, AT(4), "quick"), 0);
    assert_true(pm_verify_stream_put(&stream, AT(4), (const uint8_t *)"quIcK", 5, &difference));
    assert_int_equal(difference.count, 2);
    assert_int_equal(difference.pos, AT(6));
    assert_int_equal(difference.was, 'i');
    assert_int_equal(difference.is, 'I');
    assert_memory_equal(pm_verify_stream_at(&stream, AT(4), 5), "quick", 5);
    pm_verify_stream_free(&stream);
}

static void bytes_before_the_first_ones_have_a_place(void **state)
{
    (void)state;
    struct pm_verify_stream stream = {0};
    put(&stream, AT(0), "later");
    put(&stream, AT(-7), "before ");
    assert_memory_equal(pm_verify_stream_at(&stream, AT(-7), 12), "before later", 12);
    assert_null(pm_verify_stream_at(&stream, AT(-8), 2));
    pm_verify_stream_free(&stream);
}

static void what_falls_out_of_the_window_is_forgotten_and_equal_to_anything(void **state)
{
    (void)state;
    struct pm_verify_stream stream = {0};
    put(&stream, AT(0), text);
    put(&stream, AT(4 * PM_VERIFY_WINDOW), "far on");
    assert_true(pm_verify_stream_size(&stream) < 2 * PM_VERIFY_WINDOW);
    assert_null(pm_verify_stream_at(&stream, AT(0), 1));
    assert_int_equal(put(&stream, AT(0), "another"), 0);
    assert_memory_equal(pm_verify_stream_at(&stream, AT(4 * PM_VERIFY_WINDOW), 6), "far on", 6);
    pm_verify_stream_free(&stream);
}

static void a_stream_full_of_gaps_keeps_the_latest(void **state)
{
    (void)state;
    struct pm_verify_stream stream = {0};
    for (uint64_t i = 0; i < 3 * PM_VERIFY_RUNS; i++)
        assert_true(pm_verify_stream_sent(&stream, AT(i * 10), AT(i * 10 + 5)));
    assert_int_equal(stream.run_count, PM_VERIFY_RUNS);
    uint64_t last = (3 * PM_VERIFY_RUNS - 1) * 10;
    assert_true(pm_verify_stream_is_sent(&stream, AT(last), AT(last + 5)));
    assert_false(pm_verify_stream_is_sent(&stream, AT(last - 5), AT(last)));
    pm_verify_stream_free(&stream);
}

#define SPAN 6000

/* One stream beside an array of single bytes that knows what each position has, or -1. */
static void compare_with_single_bytes(uint64_t *chance)
{
    struct pm_verify_stream stream = {0};
    int16_t known[SPAN];
    memset(known, 0xff, sizeof known);
    for (unsigned turn = 0; turn < 60; turn++) {
        uint8_t bytes[200];
        size_t len = below(chance, sizeof bytes), at = below(chance, SPAN - 200);
        uint64_t different = 0;
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)below(chance, 3);
            different += known[at + i] >= 0 && known[at + i] != bytes[i];
            known[at + i] = known[at + i] >= 0 ? known[at + i] : bytes[i];
        }
        struct pm_verify_difference difference;
        assert_true(pm_verify_stream_put(&stream, AT(at), bytes, len, &difference));
        assert_true(pm_verify_stream_sent(&stream, AT(at), AT(at + len)));
        assert_int_equal(difference.count, different);
    }
    for (size_t i = 0; i < SPAN; i++) {
        const uint8_t *byte = pm_verify_stream_at(&stream, AT(i), 1);
        assert_int_equal(byte == NULL ? -1 : *byte, known[i]);
        assert_int_equal(pm_verify_stream_is_sent(&stream, AT(i), AT(i + 1)), known[i] >= 0);
    }
    pm_verify_stream_free(&stream);
}

static void any_order_of_pieces_is_as_single_bytes_would_be(void **state)
{
    (void)state;
    uint64_t chance = 7;
    for (unsigned i = 0; i < 200; i++)
        compare_with_single_bytes(&chance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_merge_when_the_gap_between_them_is_filled),
        cmocka_unit_test(the_first_copy_stays_and_a_difference_is_told),
        cmocka_unit_test(bytes_before_the_first_ones_have_a_place),
        cmocka_unit_test(what_falls_out_of_the_window_is_forgotten_and_equal_to_anything),
        cmocka_unit_test(a_stream_full_of_gaps_keeps_the_latest),
        cmocka_unit_test(any_order_of_pieces_is_as_single_bytes_would_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
