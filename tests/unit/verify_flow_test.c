/* verify_flow_test.c - connections as verify follows them: positions, gaps, ends, and new ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/verify_flow.h"
#include "verify_frame.h"

enum { F = 1, S = 2, R = 4, A = 16 };

static struct pm_verify_flows flows;
static uint64_t step;

static int begin(void **state)
{
    (void)state;
    flows = (struct pm_verify_flows){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    pm_verify_flows_free(&flows);
    return 0;
}

static struct pm_verify_event take(bool is_back, uint8_t flags, uint32_t seq, uint32_t ack,
                                   const char *payload)
{
    struct frame f;
    struct pm_verify_packet p;
    struct pm_verify_event event;
    frame_tcp(&f, is_back, flags, seq, ack, payload);
    f.number = ++step;
    frame_read(&f, &p);
    assert_true(pm_verify_flows_take(&flows, PM_VERIFY_OUT, &p, step, &event));
    return event;
}

static const struct pm_verify_half *half_of(const struct pm_verify_event *event)
{
    return &event->flow->takes[PM_VERIFY_OUT].halves[event->dir];
}

/* Both SYNs: the client begins with isn, the server with 500. */
static void open_with(uint32_t isn)
{
    take(false, S, isn, 0, "");
    take(true, S | A, 500, isn + 1, "");
    take(false, A, isn + 1, 501, "");
}

static void positions_do_not_wrap(void **state)
{
    (void)state;
    open_with(0xfffffffc);
    take(false, A, 0xfffffffd, 501, "abcdef");
    struct pm_verify_event event = take(false, A, 3, 501, "ghi");
    assert_int_equal(event.sent.pos, PM_VERIFY_BASE + 6);
    assert_int_equal(event.sent.jump, 0);
    assert_int_equal(half_of(&event)->end, PM_VERIFY_BASE + 9);
    assert_memory_equal(pm_verify_stream_at(&half_of(&event)->stream, PM_VERIFY_BASE, 9),
                        "abcdefghi", 9);
}

static void a_segment_beyond_the_end_jumps(void **state)
{
    (void)state;
    open_with(1000);
    take(false, A, 1001, 501, "abc");
    struct pm_verify_event event = take(false, A, 1010, 501, "jkl");
    assert_int_equal(event.sent.jump, 6);
    event = take(false, A, 1004, 501, "defghi");
    assert_int_equal(event.sent.jump, 0);
    assert_int_equal(half_of(&event)->stream.run_count, 1);
}

static void bytes_sent_again_as_others_are_seen(void **state)
{
    (void)state;
    open_with(1000);
    take(false, A, 1001, 501, "abcdef");
    struct pm_verify_event event = take(false, A, 1003, 501, "cXef");
    assert_int_equal(event.sent.difference.count, 1);
    assert_int_equal(event.sent.difference.pos, PM_VERIFY_BASE + 3);
    assert_int_equal(half_of(&event)->repeats, 1);
}

static void the_byte_of_a_keep_alive_is_no_repetition(void **state)
{
    (void)state;
    open_with(1000);
    take(false, A, 1001, 501, "abcdef");
    struct pm_verify_event event = take(false, A, 1006, 501, "?");
    assert_int_equal(event.sent.difference.count, 0);
    assert_int_equal(half_of(&event)->stand, PM_VERIFY_PROBE);
}

static void an_acknowledgement_ahead_tells_by_how_much(void **state)
{
    (void)state;
    open_with(1000);
    take(false, A, 1001, 501, "abc");
    struct pm_verify_event event = take(true, A, 501, 1004, "");
    assert_int_equal(event.acknowledged.ahead, 0);
    event = take(true, A, 501, 1009, "");
    assert_int_equal(event.acknowledged.ahead, 5);
    event = take(true, A, 501, 1009, "");
    assert_int_equal(event.acknowledged.ahead, 0); /* once */
    event = take(false, A, 1004, 501, "defgh");
    assert_true(event.sent.was_missing);
}

static void a_fin_counts_as_one_number(void **state)
{
    (void)state;
    open_with(1000);
    struct pm_verify_event event = take(false, F | A, 1001, 501, "abc");
    assert_int_equal(half_of(&event)->fin_pos, PM_VERIFY_BASE + 3);
    assert_int_equal(half_of(&event)->end, PM_VERIFY_BASE + 4);
    event = take(true, A, 501, 1005, "");
    assert_int_equal(event.acknowledged.ahead, 0);
    event = take(false, F | A, 1001, 501, "abc");
    assert_false(event.sent.fin_moved);
    event = take(false, F | A, 1003, 501, "");
    assert_true(event.sent.fin_moved);
}

static void a_reset_stands_at_the_end_or_not(void **state)
{
    (void)state;
    open_with(1000);
    take(false, A, 1001, 501, "abc");
    struct pm_verify_event event = take(false, R, 1004, 0, "");
    assert_true(half_of(&event)->has_rst && half_of(&event)->rst_at_end);
    pm_verify_flows_free(&flows);
    open_with(1000);
    take(false, A, 1001, 501, "abc");
    event = take(false, R, 1002, 0, "");
    assert_true(half_of(&event)->has_rst && !half_of(&event)->rst_at_end);
}

static void a_syn_after_the_end_opens_another_connection(void **state)
{
    (void)state;
    open_with(1000);
    take(false, F | A, 1001, 501, "");
    take(true, F | A, 501, 1002, "");
    struct pm_verify_event event = take(false, S, 77000, 0, "");
    assert_int_equal(event.flow->number, 1);
    assert_int_equal(half_of(&event)->isn, 77000);
}

static void a_syn_sent_again_does_not(void **state)
{
    (void)state;
    take(false, S, 1000, 0, "");
    struct pm_verify_event event = take(false, S, 1000, 0, "");
    assert_int_equal(event.flow->number, 0);
}

static void a_forged_syn_changes_nothing_until_it_is_answered(void **state)
{
    (void)state;
    open_with(1000);
    take(false, A, 1001, 501, "abc");
    struct pm_verify_event event = take(false, S, 900000, 0, "");
    assert_int_equal(event.flow->number, 0);
    event = take(false, A, 1004, 501, "def");
    assert_int_equal(event.flow->number, 0);
    assert_int_equal(event.sent.jump, 0);
    event = take(true, S | A, 31000, 900001, "");
    assert_int_equal(event.flow->number, 1);
    event = take(false, A, 900001, 31001, "new");
    assert_int_equal(event.flow->number, 1);
    assert_int_equal(event.sent.jump, 0);
}

static void a_number_from_elsewhere_is_not_of_the_stream(void **state)
{
    (void)state;
    open_with(1000);
    struct pm_verify_event event = take(false, A, 0x80001001, 501, "abc");
    assert_true(event.sent.is_far);
    assert_int_equal(half_of(&event)->end, PM_VERIFY_BASE);
}

static void both_captures_have_takes_of_their_own(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p;
    struct pm_verify_event in, out;
    frame_tcp(&f, false, S, 1000, 0, "");
    frame_read(&f, &p);
    assert_true(pm_verify_flows_take(&flows, PM_VERIFY_IN, &p, 1, &in));
    frame_tcp(&f, true, S | A, 500, 1001, "");
    frame_read(&f, &p);
    assert_true(pm_verify_flows_take(&flows, PM_VERIFY_OUT, &p, 1, &out));
    assert_ptr_equal(in.flow, out.flow);
    assert_int_not_equal(in.dir, out.dir);
    assert_int_equal(in.flow->takes[PM_VERIFY_IN].packets, 1);
    assert_int_equal(in.flow->takes[PM_VERIFY_OUT].packets, 1);
    assert_false(in.flow->takes[PM_VERIFY_OUT].halves[in.dir].has_syn);
}

static void as_many_flows_as_there_are_ports_are_told_apart(void **state)
{
    (void)state;
    for (uint32_t turn = 0; turn < 2; turn++)
        for (uint32_t port = 1; port < 3000; port++) {
            struct frame f;
            struct pm_verify_packet p;
            struct pm_verify_event event;
            frame_tcp(&f, false, A, 1000 * port + turn, 1, "x");
            put_be(f.bytes + 20, port, 2);
            frame_complete(&f);
            frame_read(&f, &p);
            assert_true(pm_verify_flows_take(&flows, PM_VERIFY_OUT, &p, 1, &event));
            assert_int_equal(event.flow->takes[PM_VERIFY_OUT].packets, turn + 1);
            assert_int_equal(event.sent.jump, 0);
        }
    assert_int_equal(flows.count, 2999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(positions_do_not_wrap, begin, end),
        cmocka_unit_test_setup_teardown(a_segment_beyond_the_end_jumps, begin, end),
        cmocka_unit_test_setup_teardown(bytes_sent_again_as_others_are_seen, begin, end),
        cmocka_unit_test_setup_teardown(the_byte_of_a_keep_alive_is_no_repetition, begin, end),
        cmocka_unit_test_setup_teardown(an_acknowledgement_ahead_tells_by_how_much, begin, end),
        cmocka_unit_test_setup_teardown(a_fin_counts_as_one_number, begin, end),
        cmocka_unit_test_setup_teardown(a_reset_stands_at_the_end_or_not, begin, end),
        cmocka_unit_test_setup_teardown(a_syn_after_the_end_opens_another_connection, begin, end),
        cmocka_unit_test_setup_teardown(a_syn_sent_again_does_not, begin, end),
        cmocka_unit_test_setup_teardown(a_forged_syn_changes_nothing_until_it_is_answered, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_number_from_elsewhere_is_not_of_the_stream, begin, end),
        cmocka_unit_test_setup_teardown(both_captures_have_takes_of_their_own, begin, end),
        cmocka_unit_test_setup_teardown(as_many_flows_as_there_are_ports_are_told_apart, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
