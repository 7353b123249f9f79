/* timerq_test.c - the heap against a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timerq.h"

#define CAP 64

/* Sorted by time; a newcomer goes behind its equals. */
struct sorted {
    uint64_t when_ns[CAP], value[CAP];
    uint32_t count;
};

static void sorted_add(struct sorted *s, uint64_t when_ns, uint64_t value)
{
    uint32_t at = s->count++;
    for (; at > 0 && s->when_ns[at - 1] > when_ns; at--) {
        s->when_ns[at] = s->when_ns[at - 1];
        s->value[at] = s->value[at - 1];
    }
    s->when_ns[at] = when_ns;
    s->value[at] = value;
}

static void sorted_pop(struct sorted *s)
{
    s->count--;
    memmove(s->when_ns, s->when_ns + 1, s->count * sizeof s->when_ns[0]);
    memmove(s->value, s->value + 1, s->count * sizeof s->value[0]);
}

static void expect_same_front(const struct pm_timerq *q, const struct sorted *s)
{
    const struct pm_timer *front = pm_timerq_peek(q);
    assert_int_equal(q->count, s->count);
    if (s->count == 0) {
        assert_null(front);
        return;
    }
    assert_true(front->when_ns == s->when_ns[0]);
    assert_true(front->value == s->value[0]);
}

/* Few distinct times, so that equal ones are common; phases that fill and phases that drain. */
static void random_adds_and_pops_agree_with_a_sorted_array(void **state)
{
    (void)state;
    struct pm_timerq q;
    assert_true(pm_timerq_init(&q, CAP));
    struct sorted s = {.count = 0};
    uint32_t chance = 99;
    for (uint64_t step = 0; step < 200000; step++) {
        chance = chance * 1664525u + 1013904223u;
        bool is_filling = step / 500 % 2 == 0;
        bool adds = (chance >> 16) % 4 != (is_filling ? 0u : 1u) && (is_filling || chance >> 31);
        if (adds) {
            uint64_t when_ns = (chance >> 10) % 50 == 0 ? UINT64_MAX : (chance >> 10) % 50;
            assert_int_equal(pm_timerq_add(&q, when_ns, step), s.count < CAP);
            if (s.count < CAP)
                sorted_add(&s, when_ns, step);
        } else if (s.count > 0) {
            pm_timerq_pop(&q);
            sorted_pop(&s);
        }
        expect_same_front(&q, &s);
    }
    pm_timerq_release(&q);
}

static void equal_times_leave_in_order_of_arrival(void **state)
{
    (void)state;
    struct pm_timerq q;
    assert_true(pm_timerq_init(&q, 10));
    for (uint64_t i = 0; i < 10; i++)
        assert_true(pm_timerq_add(&q, 5, i));
    for (uint64_t i = 0; i < 10; i++) {
        assert_true(pm_timerq_peek(&q)->value == i);
        pm_timerq_pop(&q);
    }
    pm_timerq_release(&q);
}

static void a_full_queue_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct pm_timerq q;
    assert_true(pm_timerq_init(&q, 2));
    assert_true(pm_timerq_add(&q, 7, 70));
    assert_true(pm_timerq_add(&q, 8, 80));
    assert_false(pm_timerq_add(&q, 1, 10));
    assert_true(pm_timerq_peek(&q)->value == 70);
    pm_timerq_pop(&q);
    assert_true(pm_timerq_add(&q, 1, 10));
    assert_true(pm_timerq_peek(&q)->value == 10);
    pm_timerq_release(&q);
}

static void a_queue_of_nothing_is_full_and_empty(void **state)
{
    (void)state;
    struct pm_timerq q;
    assert_true(pm_timerq_init(&q, 0));
    assert_false(pm_timerq_add(&q, 1, 1));
    assert_null(pm_timerq_peek(&q));
    pm_timerq_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_adds_and_pops_agree_with_a_sorted_array),
        cmocka_unit_test(equal_times_leave_in_order_of_arrival),
        cmocka_unit_test(a_full_queue_refuses_and_keeps_what_it_has),
        cmocka_unit_test(a_queue_of_nothing_is_full_and_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
