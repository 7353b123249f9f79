/* dnsframes_test.c - where messages begin in a stream is known however it is decided, or known not
 * to be known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/dnsframes.h"

#define BEGIN UINT64_C(1000)

/* Messages of 1, 0, 258 and 2 bytes; the last one is not whole. */
static const uint8_t stream[2 + 1 + 2 + 2 + 258 + 2 + 1] = {
    0, 1, 9, 0, 0, 1, 2, [2 + 1 + 2 + 2 + 258] = 0, [2 + 1 + 2 + 2 + 258 + 1] = 2};
#define LAST_END (BEGIN + 2 + 1 + 2 + 2 + 258 + 2 + 2)

static void every_split_in_three_ends_at_the_same_message(void **state)
{
    (void)state;
    for (size_t i = 0; i <= sizeof stream; i++) {
        for (size_t j = i; j <= sizeof stream; j++) {
            struct pm_dns_frames frames;
            pm_dns_frames_begin(&frames, BEGIN);
            pm_dns_frames_pass(&frames, BEGIN, stream, i);
            pm_dns_frames_pass(&frames, BEGIN + i, stream + i, j - i);
            pm_dns_frames_pass(&frames, BEGIN + j, stream + j, sizeof stream - j);
            assert_false(frames.is_lost);
            assert_false(frames.has_high);
            assert_int_equal(frames.next_o, LAST_END);
        }
    }
}

static void half_a_length_is_remembered(void **state)
{
    struct pm_dns_frames frames;
    (void)state;
    pm_dns_frames_begin(&frames, BEGIN);
    pm_dns_frames_pass(&frames, BEGIN, (const uint8_t[]){1}, 1);
    assert_true(frames.has_high);
    pm_dns_frames_pass(&frames, BEGIN + 1, (const uint8_t[]){2}, 1);
    assert_false(frames.has_high);
    assert_int_equal(frames.next_o, BEGIN + 2 + 258);
}

static void a_gap_within_a_message_does_no_harm(void **state)
{
    struct pm_dns_frames frames;
    (void)state;
    pm_dns_frames_begin(&frames, BEGIN);
    pm_dns_frames_pass(&frames, BEGIN, (const uint8_t[]){0, 10, 1}, 3);
    pm_dns_frames_gap(&frames, BEGIN + 12);
    assert_false(frames.is_lost);
    pm_dns_frames_pass(&frames, BEGIN + 12, (const uint8_t[]){0, 1, 1}, 3);
    assert_int_equal(frames.next_o, BEGIN + 15);
}

static void behind_a_gap_over_a_length_nothing_is_known(void **state)
{
    struct pm_dns_frames frames;
    (void)state;
    pm_dns_frames_begin(&frames, BEGIN);
    pm_dns_frames_pass(&frames, BEGIN, (const uint8_t[]){0, 10, 1}, 3);
    pm_dns_frames_gap(&frames, BEGIN + 13);
    assert_true(frames.is_lost);

    pm_dns_frames_begin(&frames, BEGIN);
    pm_dns_frames_pass(&frames, BEGIN, (const uint8_t[]){0}, 1);
    pm_dns_frames_gap(&frames, BEGIN + 2);
    assert_true(frames.is_lost);
}

static void bytes_that_somebody_else_decided_are_noticed(void **state)
{
    struct pm_dns_frames frames;
    (void)state;
    pm_dns_frames_begin(&frames, BEGIN);
    pm_dns_frames_pass(&frames, BEGIN + 5, stream, 3);
    assert_true(frames.is_lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_in_three_ends_at_the_same_message),
        cmocka_unit_test(half_a_length_is_remembered),
        cmocka_unit_test(a_gap_within_a_message_does_no_harm),
        cmocka_unit_test(behind_a_gap_over_a_length_nothing_is_known),
        cmocka_unit_test(bytes_that_somebody_else_decided_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
