/* ddmin_test.c - what is left of a list still fails, and not without any of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/ddmin.h"

#define ITEMS 200u

/* Fails as long as all of these are there. */
struct needed {
    size_t items[8], count;
};

static bool has(const size_t *items, size_t count, size_t item)
{
    for (size_t i = 0; i < count; i++)
        if (items[i] == item)
            return true;
    return false;
}

static bool needs(void *context, const size_t *items, size_t count)
{
    const struct needed *needed = context;

    for (size_t i = 1; i < count; i++)
        assert_true(items[i - 1] < items[i]);
    for (size_t i = 0; i < needed->count; i++)
        if (!has(items, count, needed->items[i]))
            return false;
    return true;
}

static size_t shrunk(struct needed *needed, size_t *items, size_t count, size_t tries_max,
                     size_t *tries)
{
    size_t room[ITEMS], left;
    struct pm_ddmin d = {.fails = needs, .context = needed, .tries_max = tries_max};

    for (size_t i = 0; i < count; i++)
        items[i] = i;
    left = pm_ddmin(&d, items, count, room);
    *tries = d.tries;
    return left;
}

static void exactly_what_is_needed_is_left(void **state)
{
    uint32_t chance = 1;

    (void)state;
    for (int run = 0; run < 500; run++) {
        struct needed needed = {.count = 0};
        size_t items[ITEMS], tries, count = 1 + (chance = chance * 1664525u + 1013904223u) % ITEMS;
        size_t want = 1 + (chance >> 16) % 8;

        while (needed.count < want && needed.count < count) {
            size_t item = ((chance = chance * 1664525u + 1013904223u) >> 8) % count;

            if (!has(needed.items, needed.count, item))
                needed.items[needed.count++] = item;
        }
        assert_int_equal(shrunk(&needed, items, count, 100000, &tries), needed.count);
        for (size_t i = 0; i < needed.count; i++)
            assert_true(has(needed.items, needed.count, items[i]));
    }
}

static void one_of_many_is_found_in_few_tries(void **state)
{
    struct needed needed = {.items = {137}, .count = 1};
    size_t items[ITEMS], tries;

    (void)state;
    assert_int_equal(shrunk(&needed, items, ITEMS, 100000, &tries), 1);
    assert_int_equal(items[0], 137);
    assert_true(tries < 40);
}

static void when_the_tries_end_what_is_left_still_fails(void **state)
{
    (void)state;
    for (size_t most = 0; most < 60; most++) {
        struct needed needed = {.items = {3, 77, 150}, .count = 3};
        size_t items[ITEMS], tries, left = shrunk(&needed, items, ITEMS, most, &tries);

        assert_true(tries <= most);
        assert_true(needs(&needed, items, left));
    }
}

static void a_single_item_stays(void **state)
{
    struct needed needed = {.count = 0};
    size_t items[ITEMS], tries;

    (void)state;
    assert_int_equal(shrunk(&needed, items, 1, 100, &tries), 1);
    assert_int_equal(shrunk(&needed, items, 0, 100, &tries), 0);
    assert_int_equal(shrunk(&needed, items, 9, 100, &tries), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_what_is_needed_is_left),
        cmocka_unit_test(one_of_many_is_found_in_few_tries),
        cmocka_unit_test(when_the_tries_end_what_is_left_still_fails),
        cmocka_unit_test(a_single_item_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
