/* tunnel_relay_test.c - bytes between two sockets: order, ends, resets, and who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tunnel-ext/relay.h"

static uint8_t room[4096];

struct scene {
    struct pm_relay relay;
    int ends[2]; /* what the programs hold */
};

static int open_pair(int *end)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(pair[i], F_SETFL, O_NONBLOCK), 0);
    *end = pair[0];
    return pair[1];
}

static void begin(struct scene *s)
{
    int here = open_pair(&s->ends[0]), there = open_pair(&s->ends[1]);
    pm_relay_init(&s->relay, here, there);
}

static void end(struct scene *s)
{
    if (s->relay.fd[0] >= 0)
        pm_relay_close(&s->relay, false);
    close(s->ends[0]);
    close(s->ends[1]);
}

/* As an edge-triggered loop that was told of everything. */
static enum pm_relay_step carry(struct scene *s)
{
    for (int i = 0; i < 2; i++)
        s->relay.can_read[i] = s->relay.can_write[i] = true;
    return pm_relay_carry(&s->relay, room, sizeof room);
}

static void bytes_of_both_directions_arrive_in_order(void **state)
{
    struct scene s;
    char got[16];
    (void)state;
    begin(&s);
    assert_int_equal(write(s.ends[0], "there", 5), 5);
    assert_int_equal(write(s.ends[1], "and back", 8), 8);
    assert_int_equal(carry(&s), PM_RELAY_GOES);
    assert_int_equal(read(s.ends[1], got, sizeof got), 5);
    assert_memory_equal(got, "there", 5);
    assert_int_equal(read(s.ends[0], got, sizeof got), 8);
    assert_memory_equal(got, "and back", 8);
    end(&s);
}

static void half_a_close_is_half_a_close(void **state)
{
    struct scene s;
    char got[16];
    (void)state;
    begin(&s);
    assert_int_equal(write(s.ends[0], "last", 4), 4);
    shutdown(s.ends[0], SHUT_WR);
    assert_int_equal(carry(&s), PM_RELAY_GOES);
    assert_int_equal(read(s.ends[1], got, sizeof got), 4);
    assert_int_equal(read(s.ends[1], got, sizeof got), 0);
    assert_int_equal(write(s.ends[1], "answer", 6), 6);
    assert_int_equal(carry(&s), PM_RELAY_GOES);
    assert_int_equal(read(s.ends[0], got, sizeof got), 6);
    shutdown(s.ends[1], SHUT_WR);
    assert_int_equal(carry(&s), PM_RELAY_DONE);
    end(&s);
}

static void who_does_not_read_makes_the_other_wait(void **state)
{
    struct scene s;
    uint8_t block[1000];
    size_t sent = 0, got = 0;
    (void)state;
    begin(&s);
    for (int still = 0; still < 10; still++) { /* until nothing moves any more */
        for (;;) {
            memset(block, (int)(sent / sizeof block % 251), sizeof block);
            ssize_t n = write(s.ends[0], block, sizeof block);
            if (n < 0)
                break;
            assert_int_equal(n, sizeof block);
            sent += (size_t)n;
            still = 0;
        }
        assert_int_equal(carry(&s), PM_RELAY_GOES);
    }
    assert_true(sent < 8u << 20); /* it is in the kernel's buffers, or not taken */
    assert_true(s.relay.carried[0] < sent);
    for (;;) {
        ssize_t n = read(s.ends[1], block, sizeof block);
        if (n < 0) {
            assert_int_equal(carry(&s), PM_RELAY_GOES);
            n = read(s.ends[1], block, sizeof block);
        }
        if (n < 0)
            break;
        for (ssize_t i = 0; i < n; i++, got++)
            assert_int_equal(block[i], got / sizeof block % 251);
    }
    assert_int_equal(got, sent);
    end(&s);
}

static void an_end_that_is_gone_breaks_it(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    assert_int_equal(write(s.ends[0], "to nobody", 9), 9);
    close(s.ends[1]);
    s.ends[1] = open("/dev/null", O_RDONLY);
    assert_int_equal(carry(&s), PM_RELAY_BROKEN);
    pm_relay_close(&s.relay, true);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_both_directions_arrive_in_order),
        cmocka_unit_test(half_a_close_is_half_a_close),
        cmocka_unit_test(who_does_not_read_makes_the_other_wait),
        cmocka_unit_test(an_end_that_is_gone_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
