/* keytable_test.c - the bounded table against a list in the order of last use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/keytable.h"
#include "base/rng.h"

#define CAP 5

/* The newest last. */
struct naive {
    uint64_t keys[CAP], values[CAP];
    size_t count;
};

static size_t place_of(const struct naive *n, uint64_t key)
{
    size_t i = 0;
    while (i < n->count && n->keys[i] != key)
        i++;
    return i;
}

static uint64_t take_out(struct naive *n, size_t at)
{
    uint64_t value = n->values[at];
    n->count--;
    memmove(n->keys + at, n->keys + at + 1, (n->count - at) * sizeof n->keys[0]);
    memmove(n->values + at, n->values + at + 1, (n->count - at) * sizeof n->values[0]);
    return value;
}

static void put(struct naive *n, uint64_t key, uint64_t value)
{
    n->keys[n->count] = key;
    n->values[n->count++] = value;
}

static struct pm_key key_of(uint64_t key)
{
    return (struct pm_key){.a = key % 3, .b = key}; /* buckets are shared */
}

static void step(struct pm_keytable *t, struct naive *n, uint64_t key, uint64_t what, uint64_t i)
{
    bool forgot;
    size_t at = place_of(n, key);
    uint64_t *peeked = pm_keytable_peek(t, key_of(key));
    assert_int_equal(peeked != NULL, at < n->count);
    if (at < n->count && what == 0) {
        take_out(n, at);
        pm_keytable_remove(t, key_of(key));
        return;
    }
    uint64_t *value = pm_keytable_find(t, key_of(key));
    if (at < n->count) {
        uint64_t expected = take_out(n, at);
        assert_int_equal(*value, expected);
        put(n, key, expected);
        return;
    }
    value = pm_keytable_add(t, key_of(key), &forgot);
    assert_int_equal(forgot, n->count == CAP);
    if (forgot)
        take_out(n, 0);
    assert_int_equal(*value, 0);
    *value = i + 1;
    put(n, key, i + 1);
}

static void it_forgets_what_was_unused_longest(void **state)
{
    (void)state;
    struct pm_keytable t;
    struct naive n = {.count = 0};
    assert_true(pm_keytable_init(&t, CAP, sizeof(uint64_t)));
    for (uint64_t i = 0; i < 20000; i++)
        step(&t, &n, pm_draw_below(pm_draw(1, 1, 1, i), 9), pm_draw_below(pm_draw(2, 1, 1, i), 4),
             i);
    pm_keytable_release(&t);
}

static void without_room_nothing_is_added(void **state)
{
    (void)state;
    struct pm_keytable t;
    bool forgot;
    assert_true(pm_keytable_init(&t, 0, 8));
    assert_null(pm_keytable_add(&t, key_of(1), &forgot));
    assert_false(forgot);
    assert_null(pm_keytable_find(&t, key_of(1)));
    pm_keytable_release(&t);
}

static void a_smaller_table_takes_what_was_used_last(void **state)
{
    (void)state;
    struct pm_keytable large, small;
    bool forgot;
    assert_true(pm_keytable_init(&large, 10, sizeof(uint64_t)));
    assert_true(pm_keytable_init(&small, 4, sizeof(uint64_t)));
    for (uint64_t i = 0; i < 10; i++)
        memcpy(pm_keytable_add(&large, key_of(i), &forgot), &i, sizeof i);
    pm_keytable_find(&large, key_of(0));
    assert_int_equal(pm_keytable_take(&small, &large), 6);
    for (uint64_t i = 0; i < 10; i++) {
        const uint64_t *value = pm_keytable_peek(&small, key_of(i));
        assert_int_equal(value != NULL, i == 0 || i > 6);
        assert_true(value == NULL || *value == i);
    }
    assert_non_null(pm_keytable_add(&small, key_of(50), &forgot));
    assert_null(pm_keytable_peek(&small, key_of(7))); /* the order of use came along */
    pm_keytable_release(&large);
    pm_keytable_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_forgets_what_was_unused_longest),
        cmocka_unit_test(without_room_nothing_is_added),
        cmocka_unit_test(a_smaller_table_takes_what_was_used_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
