/* verify_place_test.c - which positions of a rewritten stream can be the image of an original one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/verify_anchor.h"
#include "app/verify_marks.h"
#include "app/verify_packet.h"
#include "app/verify_place.h"

#define AT(offset) (PM_VERIFY_BASE + (uint64_t)(offset))

static const char original[] =
    "In the beginning a secret was told to nobody, and so it went on and on.";
static const char rewritten[] =
    "In the beginning a well hidden thing was told to nobody, and so it went on and on.";
#define GROWTH 11 /* of what stands behind the edit */

static void put(struct pm_verify_stream *stream, const char *bytes)
{
    struct pm_verify_difference difference;
    *stream = (struct pm_verify_stream){0};
    assert_true(
        pm_verify_stream_put(stream, AT(0), (const uint8_t *)bytes, strlen(bytes), &difference));
}

static void an_untranslated_position_is_wrong_and_its_place_is_told(void **state)
{
    (void)state;
    struct pm_verify_stream before, after;
    uint64_t expected = 0;
    put(&before, original);
    put(&after, rewritten);
    assert_false(pm_verify_place_is_wrong(&before, AT(45), &after, AT(45 + GROWTH), &expected));
    assert_true(pm_verify_place_is_wrong(&before, AT(45), &after, AT(45), &expected));
    assert_int_equal(expected, AT(45 + GROWTH));
    pm_verify_stream_free(&before);
    pm_verify_stream_free(&after);
}

static void inside_an_edit_nothing_can_be_told(void **state)
{
    (void)state;
    struct pm_verify_stream before, after;
    uint64_t expected;
    put(&before, original);
    put(&after, rewritten);
    for (uint64_t place = 12; place < 60; place++)
        assert_false(pm_verify_place_is_wrong(&before, AT(22), &after, AT(place), &expected));
    pm_verify_stream_free(&before);
    pm_verify_stream_free(&after);
}

static void bytes_that_stand_at_two_places_tell_nothing(void **state)
{
    (void)state;
    struct pm_verify_stream before, after;
    uint64_t expected;
    put(&before, "one two three one two three one two three one two three one two three");
    put(&after, "XX one two three one two three one two three one two three one two three");
    assert_false(pm_verify_place_is_wrong(&before, AT(28), &after, AT(28), &expected));
    pm_verify_stream_free(&before);
    pm_verify_stream_free(&after);
}

static void anchors_bound_what_lies_between_them(void **state)
{
    (void)state;
    struct pm_verify_stream none = {0};
    struct pm_verify_anchors anchors = {0};
    uint64_t least, most;
    assert_true(pm_verify_anchors_add(&anchors, AT(100), AT(120), &none, &none));
    assert_true(pm_verify_anchors_add(&anchors, AT(200), AT(240), &none, &none));
    pm_verify_anchors_bound(&anchors, AT(150), &least, &most);
    assert_int_equal(least, AT(120));
    assert_int_equal(most, UINT64_MAX); /* bytes may have waited */
    pm_verify_anchors_bound(&anchors, AT(200), &least, &most);
    assert_int_equal(least, AT(240));
    pm_verify_anchors_bound(&anchors, AT(50), &least, &most);
    assert_int_equal(least, 0);
    pm_verify_anchors_bound(&anchors, AT(201), &least, &most);
    assert_int_equal(most, UINT64_MAX);
    pm_verify_anchors_free(&anchors);
}

static void an_anchor_between_equal_bytes_is_exact(void **state)
{
    (void)state;
    struct pm_verify_stream before, after;
    struct pm_verify_anchors anchors = {0};
    uint64_t least, most;
    put(&before, original);
    put(&after, rewritten);
    assert_true(pm_verify_anchors_add(&anchors, AT(60), AT(60 + GROWTH), &before, &after));
    pm_verify_anchors_bound(&anchors, AT(60), &least, &most);
    assert_int_equal(least, AT(60 + GROWTH));
    assert_int_equal(most, AT(60 + GROWTH));
    pm_verify_anchors_free(&anchors);
    pm_verify_stream_free(&before);
    pm_verify_stream_free(&after);
}

static void what_waited_and_left_moves_the_anchor(void **state)
{
    (void)state;
    struct pm_verify_stream none = {0};
    struct pm_verify_anchors anchors = {0};
    uint64_t least, most;
    assert_true(pm_verify_anchors_add(&anchors, AT(100), AT(110), &none, &none));
    assert_true(pm_verify_anchors_add(&anchors, AT(100), AT(120), &none, &none));
    assert_int_equal(anchors.count, 1);
    pm_verify_anchors_bound(&anchors, AT(100), &least, &most);
    assert_int_equal(least, AT(120));
    pm_verify_anchors_free(&anchors);
}

static void the_latest_anchors_stay(void **state)
{
    (void)state;
    struct pm_verify_stream none = {0};
    struct pm_verify_anchors anchors = {0};
    uint64_t least, most, last = 3 * PM_VERIFY_ANCHORS;
    for (uint64_t i = 1; i <= last; i++)
        assert_true(pm_verify_anchors_add(&anchors, AT(i), AT(2 * i), &none, &none));
    assert_true(anchors.count <= PM_VERIFY_ANCHORS);
    pm_verify_anchors_bound(&anchors, AT(last), &least, &most);
    assert_int_equal(least, AT(2 * last));
    pm_verify_anchors_free(&anchors);
}

static void marks_know_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    struct pm_verify_marks marks = {0};
    assert_false(pm_verify_marks_has(&marks, 0));
    for (uint64_t i = 0; i < 5000; i++)
        assert_true(pm_verify_marks_add(&marks, i % 2 ? pm_verify_mix(i, 1) : i));
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(pm_verify_marks_has(&marks, i % 2 ? pm_verify_mix(i, 1) : i));
        assert_false(pm_verify_marks_has(&marks, pm_verify_mix(i, 2)));
    }
    pm_verify_marks_free(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untranslated_position_is_wrong_and_its_place_is_told),
        cmocka_unit_test(inside_an_edit_nothing_can_be_told),
        cmocka_unit_test(bytes_that_stand_at_two_places_tell_nothing),
        cmocka_unit_test(anchors_bound_what_lies_between_them),
        cmocka_unit_test(an_anchor_between_equal_bytes_is_exact),
        cmocka_unit_test(what_waited_and_left_moves_the_anchor),
        cmocka_unit_test(the_latest_anchors_stay),
        cmocka_unit_test(marks_know_what_was_added_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
