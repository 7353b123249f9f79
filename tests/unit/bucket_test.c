/* bucket_test.c - the token bucket against one that counts nanosecond by nanosecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bucket.h"
#include "base/rng.h"

/* level counts in 1/per_ns of a token. */
struct naive {
    uint64_t level, cap, tokens, per_ns, now_ns;
};

static bool naive_take(struct naive *n, uint64_t now_ns)
{
    for (; n->now_ns < now_ns; n->now_ns++)
        n->level = n->level + n->tokens < n->cap ? n->level + n->tokens : n->cap;
    if (n->level < n->per_ns)
        return false;
    n->level -= n->per_ns;
    return true;
}

static void it_gives_what_a_naive_bucket_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint32_t tokens = (uint32_t)pm_draw_below(pm_draw(seed, 1, 0, 0), 20) + 1;
        uint64_t per_ns = pm_draw_below(pm_draw(seed, 2, 0, 0), 100) + 1;
        uint32_t burst = (uint32_t)pm_draw_below(pm_draw(seed, 3, 0, 0), 8) + 1;
        struct naive naive = {.level = burst * per_ns,
                              .cap = burst * per_ns,
                              .tokens = tokens,
                              .per_ns = per_ns,
                              .now_ns = 0};
        struct pm_bucket bucket = {0};
        struct pm_bucket_rate rate;
        uint64_t now_ns = 0;
        assert_true(pm_bucket_rate_make(tokens, per_ns, burst, &rate));
        for (uint64_t i = 0; i < 200; i++) {
            now_ns += pm_draw_below(pm_draw(seed, 4, 0, i), 2 * per_ns / tokens + 2);
            assert_int_equal(pm_bucket_take(&bucket, &rate, now_ns), naive_take(&naive, now_ns));
        }
    }
}

static void ages_fill_it_and_no_more(void **state)
{
    (void)state;
    struct pm_bucket bucket = {0};
    struct pm_bucket_rate rate;
    assert_true(pm_bucket_rate_make(10, 3600000000000u, 2, &rate));
    uint64_t now_ns = UINT64_MAX - 10;
    assert_true(pm_bucket_take(&bucket, &rate, 5));
    assert_true(pm_bucket_take(&bucket, &rate, now_ns));
    assert_true(pm_bucket_take(&bucket, &rate, now_ns));
    assert_false(pm_bucket_take(&bucket, &rate, now_ns));
}

static void what_cannot_be_counted_is_refused(void **state)
{
    (void)state;
    struct pm_bucket_rate rate;
    assert_false(pm_bucket_rate_make(1, 3600000000000u, UINT32_MAX, &rate));
    assert_true(pm_bucket_rate_make(UINT32_MAX, 1, UINT32_MAX, &rate));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_what_a_naive_bucket_gives),
        cmocka_unit_test(ages_fill_it_and_no_more),
        cmocka_unit_test(what_cannot_be_counted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
