/* portset_test.c - ranges of ports, against one flag for each port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "match/portset.h"

#define PORTS 65536u

/* Below most; the same numbers in every run. */
static uint32_t below(uint64_t *chance, uint32_t most)
{
    *chance = *chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*chance >> 33) % most;
}

/* Puts so many random ranges of up to `width` ports, and asks for every port. */
static void try_ranges(uint64_t *chance, uint32_t count, uint32_t width)
{
    static bool is_there[PORTS];
    struct pm_portset set = {.ranges = NULL};

    memset(is_there, 0, sizeof is_there);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t lo = below(chance, PORTS), hi = lo + below(chance, width);

        assert_true(pm_portset_put(&set, lo, hi));
        for (uint32_t port = lo; port <= hi && port < PORTS; port++)
            is_there[port] = true;
    }
    assert_true(pm_portset_seal(&set));
    for (uint32_t port = 0; port < PORTS; port++)
        if (pm_portset_has(&set, port) != is_there[port])
            fail_msg("port %u of %u ranges", (unsigned)port, (unsigned)count);
    assert_false(pm_portset_has(&set, PORTS));
    assert_false(pm_portset_has(&set, UINT32_MAX));
    pm_portset_release(&set);
}

static void few_and_many_ranges_hold_what_was_put(void **state)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 10, 100, 600, 2000, 30000};
    uint64_t chance = 1;

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        try_ranges(&chance, counts[i], 1);
        try_ranges(&chance, counts[i], 40);
        try_ranges(&chance, counts[i], 5000);
    }
}

static void the_same_port_again_and_again_takes_no_more_room(void **state)
{
    struct pm_portset set = {.ranges = NULL};

    (void)state;
    for (uint32_t i = 0; i < 10 * PORTS; i++)
        assert_true(pm_portset_put(&set, 65535, 70000));
    assert_true(set.cap <= 4 * PORTS);
    assert_true(pm_portset_seal(&set));
    assert_int_equal(set.count, 1);
    assert_true(pm_portset_has(&set, 65535));
    assert_false(pm_portset_has(&set, 65534));
    pm_portset_release(&set);
}

static void a_port_beyond_the_last_is_left_out(void **state)
{
    struct pm_portset set = {.ranges = NULL};

    (void)state;
    assert_true(pm_portset_put(&set, PORTS, PORTS + 5));
    assert_true(pm_portset_seal(&set));
    assert_false(pm_portset_has(&set, 0));
    assert_false(pm_portset_has(&set, PORTS));
    pm_portset_release(&set);
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(few_and_many_ranges_hold_what_was_put),
        cmocka_unit_test(the_same_port_again_and_again_takes_no_more_room),
        cmocka_unit_test(a_port_beyond_the_last_is_left_out),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
