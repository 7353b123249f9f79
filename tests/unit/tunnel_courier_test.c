/* tunnel_courier_test.c - the tunnel in a thread of its own: what other threads hand over, what it
 * tells them, and its end at any moment. The loopback device has T here; nothing comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "rules/rules.h"
#include "tunnel-ext/courier.h"

#define THREADS 4u
#define EACH    2000u
#define MS      UINT64_C(1000000)

/* An IPv4 datagram to T's own network: a stray. */
static const uint8_t stray[1400] = {0x45, 0, 0x05, 0x78, 0, 0, 0,   0, 64, 17,
                                    0,    0, 10,   0,    0, 1, 127, 0, 0,  3};

enum moment { NEVER, BEGAN, DRAINED, FAILED };

struct platform {
    struct pm_courier *courier;
    enum moment frees_at;
    atomic_uint began, refused, drained, failed, after_free;
    atomic_bool is_freed;
    char error[512]; /* of the first that was told */
};

static void see(struct platform *p, enum moment moment)
{
    if (atomic_load(&p->is_freed))
        atomic_fetch_add(&p->after_free, 1);
    if (p->frees_at != moment || moment == NEVER)
        return;
    pm_courier_free(p->courier);
    atomic_store(&p->is_freed, true);
}

static void keep_error(struct platform *p, const char *error)
{
    size_t len = strlen(error);
    len = len < sizeof p->error - 1 ? len : sizeof p->error - 1;
    memcpy(p->error, error, len);
    p->error[len] = '\0';
}

static void on_began(void *context, const char *error)
{
    struct platform *p = context;
    if (error != NULL) {
        keep_error(p, error);
        atomic_fetch_add(&p->refused, 1);
    } else {
        atomic_fetch_add(&p->began, 1);
    }
    see(p, BEGAN);
}

static void on_drained(void *context)
{
    struct platform *p = context;
    atomic_fetch_add(&p->drained, 1);
    see(p, DRAINED);
}

static void on_moved(void *context, bool has_outside)
{
    (void)has_outside;
    see(context, NEVER);
}

static void on_failed(void *context, const char *error)
{
    struct platform *p = context;
    keep_error(p, error);
    atomic_fetch_add(&p->failed, 1);
    see(p, FAILED);
}

static bool write_nowhere(void *context, const struct iovec *parts, int count)
{
    (void)context;
    (void)parts;
    return count > 0;
}

static struct pm_addr addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct pm_addr){.bytes = {a, b, c, d}, .version = 4};
}

static struct pm_rules *load(void)
{
    static const char text[] =
        "{\"pktmod\": 1, \"rules\": [{\"id\": \"r\", \"match\": {\"tcp.dstport\": 80}, "
        "\"rewrite\": [{\"replace\": {\"find\": \"a\", \"with\": \"bb\"}}]}]}";
    struct pm_rules *rules = pm_rules_load_text(NULL, text, sizeof text - 1);
    assert_non_null(rules);
    assert_non_null(pm_rules_policy(rules));
    return rules;
}

static void begin(struct platform *p, struct pm_addr own)
{
    char error[512];
    struct pm_rules *rules = load();
    struct pm_courier_config config = {
        .bearer = {.policy = pm_rules_policy(rules),
                   .addresses = {.own4 = own, .peer4 = addr(127, 0, 0, 2)},
                   .mtu = 1500,
                   .device = {.context = p, .write = write_nowhere}},
        .events = {.context = p,
                   .began = on_began,
                   .drained = on_drained,
                   .moved = on_moved,
                   .failed = on_failed},
        .open_ns = 100 * MS};
    p->courier = pm_courier_new(&config, error, sizeof error);
    assert_non_null(p->courier);
    pm_rules_free(rules);
}

/* Until the counter is there; false after so long. */
static bool await(atomic_uint *counter, unsigned ms)
{
    for (unsigned i = 0; i < ms && atomic_load(counter) == 0; i++)
        (void)usleep(1000);
    return atomic_load(counter) > 0;
}

static void *put_many(void *context)
{
    struct platform *p = context;
    for (unsigned i = 0; i < EACH; i++) {
        pm_courier_put(p->courier, stray, sizeof stray);
        if (i % 16 == 0 && !pm_courier_send(p->courier))
            (void)usleep(200);
        if (i % 100 == 0)
            pm_courier_move(p->courier);
    }
    (void)pm_courier_send(p->courier);
    return NULL;
}

static void packets_of_many_threads_are_taken_or_counted(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_courier_stats stats;
    pthread_t threads[THREADS];
    begin(&p, addr(127, 0, 0, 1));
    assert_true(pm_courier_start(p.courier));
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, put_many, &p), 0);
    for (unsigned t = 0; t < THREADS; t++)
        (void)pthread_join(threads[t], NULL);
    for (unsigned i = 0; i < 1000; i++) {
        pm_courier_stats(p.courier, &stats);
        if (stats.tunnel.in + stats.inbox_full >= THREADS * EACH)
            break;
        (void)usleep(1000);
    }
    assert_int_equal(stats.tunnel.in + stats.inbox_full, THREADS * EACH);
    assert_int_equal(stats.tunnel.strays, stats.tunnel.in);
    assert_true(stats.tunnel.in > EACH);
    pm_courier_free(p.courier);
    assert_int_equal(atomic_load(&p.began), 1);
}

static void who_hears_that_there_is_no_room_hears_when_there_is(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, addr(127, 0, 0, 1));
    assert_true(pm_courier_send(p.courier));
    for (unsigned i = 0; i < 100; i++)
        pm_courier_put(p.courier, stray, sizeof stray);
    assert_true(pm_courier_send(p.courier));
    for (unsigned i = 0; i < 100; i++)
        pm_courier_put(p.courier, stray, sizeof stray);
    assert_false(pm_courier_send(p.courier));
    assert_true(pm_courier_start(p.courier));
    assert_true(await(&p.drained, 3000));
    assert_true(pm_courier_send(p.courier));
    pm_courier_free(p.courier);
    assert_int_equal(atomic_load(&p.drained), 1);
}

static void rules_are_replaced_while_packets_come(void **state)
{
    (void)state;
    static struct platform p;
    struct pm_courier_stats stats;
    pthread_t thread;
    char error[512];
    begin(&p, addr(127, 0, 0, 1));
    assert_true(pm_courier_start(p.courier));
    assert_true(await(&p.began, 3000));
    assert_int_equal(pthread_create(&thread, NULL, put_many, &p), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_true(pm_courier_replace(p.courier, load(), error, sizeof error));
    (void)pthread_join(thread, NULL);
    pm_courier_stats(p.courier, &stats);
    assert_int_equal(stats.policies, 6);
    assert_int_equal(stats.earlier, 0);
    pm_courier_free(p.courier);
}

static void an_address_that_no_device_has_is_told(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, addr(203, 0, 113, 77));
    assert_true(pm_courier_start(p.courier));
    assert_true(await(&p.refused, 3000));
    pm_courier_free(p.courier);
    assert_string_equal(p.error, "no device has the tunnel's address");
    assert_int_equal(atomic_load(&p.began), 0);
}

static void a_self_test_that_fails_is_the_last_that_is_told(void **state)
{
    (void)state;
    static struct platform p;
    begin(&p, addr(127, 0, 0, 1));
    assert_true(pm_courier_start(p.courier));
    assert_true(await(&p.failed, 5000));
    assert_non_null(strstr(p.error, "self-test: "));
    pm_courier_free(p.courier);
    assert_int_equal(atomic_load(&p.failed), 1);
}

static void it_may_be_freed_in_each_of_its_events_and_at_any_time(void **state)
{
    (void)state;
    static struct platform platforms[20];
    for (unsigned i = 0; i < 20; i++) {
        struct platform *p = &platforms[i];
        p->frees_at = (enum moment)(i % 4);
        begin(p, addr(127, 0, 0, 1));
        for (unsigned n = 0; p->frees_at == DRAINED && n < 200; n++)
            pm_courier_put(p->courier, stray, sizeof stray);
        (void)pm_courier_send(p->courier);
        assert_true(pm_courier_start(p->courier));
        if (p->frees_at != NEVER)
            continue;
        (void)usleep(i * 500);
        pm_courier_free(p->courier);
        atomic_store(&p->is_freed, true); /* what is told from now on is too late */
    }
    (void)usleep(2600000); /* the self-tests of five of them */
    for (unsigned i = 0; i < 20; i++) {
        assert_true(atomic_load(&platforms[i].is_freed));
        assert_int_equal(atomic_load(&platforms[i].after_free), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_many_threads_are_taken_or_counted),
        cmocka_unit_test(who_hears_that_there_is_no_room_hears_when_there_is),
        cmocka_unit_test(rules_are_replaced_while_packets_come),
        cmocka_unit_test(an_address_that_no_device_has_is_told),
        cmocka_unit_test(a_self_test_that_fails_is_the_last_that_is_told),
        cmocka_unit_test(it_may_be_freed_in_each_of_its_events_and_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
