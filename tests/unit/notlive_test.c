/* notlive_test.c - frames behind a dropped SYN, and how much of them is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>

#include "app/notlive.h"

static void see(struct pm_notlive *notlive, uint64_t frame, uint64_t flow, uint8_t flags,
                enum pm_verdict verdict, uint32_t rule)
{
    uint8_t data[40] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
    data[32] = 0x50;
    data[33] = flags;
    struct pm_packet packet = {.data = data, .len = 40, .wire_len = 40, .link = 101};
    struct pm_decision decision = {.verdict = verdict, .rule = rule, .flow_id = flow};
    pm_notlive_see(notlive, &packet, &decision, frame);
}

enum { SYN = 2, SYN_ACK = 0x12, ACK = 0x10 };

static void frames_after_a_dropped_syn_are_told_as_ranges(void **state)
{
    (void)state;
    struct pm_notlive *n = calloc(1, sizeof *n);
    see(n, 1, 5, SYN, PM_DROP, 3);
    see(n, 2, 5, SYN, PM_DROP, 3); /* sent again: exists live too */
    see(n, 3, 5, SYN_ACK, PM_ALLOW, 9);
    see(n, 4, 5, ACK, PM_DROP, 3);
    see(n, 5, 6, ACK, PM_ALLOW, 9); /* another flow */
    see(n, 6, 5, ACK, PM_DROP, 3);
    see(n, 7, 7, ACK, PM_DROP, 3); /* dropped, but its SYN was not */
    assert_int_equal(n->range_count, 2);
    assert_int_equal(n->ranges[0].first, 3);
    assert_int_equal(n->ranges[0].last, 4);
    assert_int_equal(n->ranges[0].rule, 3);
    assert_int_equal(n->ranges[1].first, 6);
    assert_int_equal(n->ranges[1].last, 6);
    assert_int_equal(n->frames, 3);
    free(n);
}

static void syn_that_passes_later_makes_the_connection_live(void **state)
{
    (void)state;
    struct pm_notlive *n = calloc(1, sizeof *n);
    see(n, 1, 5, SYN, PM_DROP, 3);
    see(n, 2, 5, SYN, PM_ALLOW, 4);
    see(n, 3, 5, SYN_ACK, PM_ALLOW, 4);
    assert_int_equal(n->frames, 0);
    see(n, 4, 5, SYN, PM_DROP, 8);
    see(n, 5, 5, ACK, PM_ALLOW, 4);
    assert_int_equal(n->frames, 1);
    assert_int_equal(n->ranges[0].rule, 8);
    free(n);
}

static void more_than_there_is_room_for_is_counted(void **state)
{
    (void)state;
    struct pm_notlive *n = calloc(1, sizeof *n);
    uint64_t frame = 1;
    for (uint64_t flow = 1; flow <= PM_NOTLIVE_FLOWS + 10; flow++)
        see(n, frame++, flow * 4096, SYN, PM_DROP, 1);
    assert_int_equal(n->flow_count, PM_NOTLIVE_FLOWS);
    assert_int_equal(n->flows_untracked, 10);
    for (uint64_t flow = 1; flow <= PM_NOTLIVE_FLOWS + 10; flow++)
        see(n, frame += 2, flow * 4096, ACK, PM_DROP, 1);
    assert_int_equal(n->frames, PM_NOTLIVE_FLOWS);
    assert_int_equal(n->range_count, PM_NOTLIVE_RANGES);
    assert_int_equal(n->frames_untold, PM_NOTLIVE_FLOWS - PM_NOTLIVE_RANGES);
    free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_after_a_dropped_syn_are_told_as_ranges),
        cmocka_unit_test(syn_that_passes_later_makes_the_connection_live),
        cmocka_unit_test(more_than_there_is_room_for_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
