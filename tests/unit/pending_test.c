/* pending_test.c - received and undecided bytes against an array with a flag for each byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/pending.h"

#define SPAN 20000

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

struct twin {
    uint8_t has[SPAN], byte[SPAN];
};

static size_t twin_run(const struct twin *t, size_t from)
{
    size_t n = 0;
    while (from + n < SPAN && t->has[from + n])
        n++;
    return n;
}

static void the_first_copy_of_each_byte_is_kept_in_order(void **state)
{
    (void)state;
    struct pm_pool pieces;
    static struct twin t;
    static uint8_t bytes[5000], out[SPAN];
    const uint64_t base = ((uint64_t)1 << 32) - 5000;
    assert_true(pm_pending_store_init(&pieces, 4000000));
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct pm_pending p;
        random_state = seed;
        memset(&t, 0, sizeof t);
        pm_pending_begin(&p);
        size_t floor = 0;
        for (int step = 0; step < 120; step++) {
            size_t o = floor + draw((uint32_t)(SPAN - floor)), len = draw(seed % 2 ? 5000 : 60);
            len = len < SPAN - o ? len : SPAN - o;
            for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)draw(256);
            assert_true(pm_pending_put(&p, &pieces, base + o, bytes, len));
            for (size_t i = 0; i < len; i++) {
                t.byte[o + i] = t.has[o + i] ? t.byte[o + i] : bytes[i];
                t.has[o + i] = 1;
            }
            size_t from = floor + draw((uint32_t)(SPAN - floor));
            size_t run = twin_run(&t, from);
            assert_int_equal(pm_pending_run(&p, &pieces, base + from, out, SPAN), run);
            assert_memory_equal(out, t.byte + from, run);
            size_t next = from;
            while (next < SPAN && !t.has[next])
                next++;
            assert_int_equal(pm_pending_next(&p, &pieces, base + from),
                             next < SPAN ? base + next : UINT64_MAX);
            if (draw(5) == 0) {
                floor += draw(600);
                floor = floor < SPAN - 1 ? floor : SPAN - 1;
                memset(t.has, 0, floor);
                pm_pending_drop(&p, &pieces, base + floor);
            }
            size_t count = 0;
            for (size_t i = 0; i < SPAN; i++)
                count += t.has[i];
            assert_int_equal(p.bytes, count);
        }
        pm_pending_clear(&p, &pieces);
        assert_int_equal(pieces.used, 0);
    }
    pm_pool_release(&pieces);
}

static void a_full_store_says_so(void **state)
{
    (void)state;
    struct pm_pool pieces;
    struct pm_pending p;
    static uint8_t bytes[9000];
    assert_true(pm_pending_store_init(&pieces, 4000));
    pm_pending_begin(&p);
    assert_true(pm_pending_put(&p, &pieces, 100, bytes, 4000));
    assert_true(pm_pending_put(&p, &pieces, 100, bytes, 4000)); /* nothing new */
    assert_false(pm_pending_put(&p, &pieces, 9000, bytes, 9000));
    pm_pending_clear(&p, &pieces);
    assert_int_equal(pieces.used, 0);
    pm_pool_release(&pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_copy_of_each_byte_is_kept_in_order),
        cmocka_unit_test(a_full_store_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
