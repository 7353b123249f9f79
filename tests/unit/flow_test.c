/* flow_test.c - the flow table against a list, and what tracking says of who began. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "flow/track.h"

#define SECOND UINT64_C(1000000000)

static const uint64_t hash_key[2] = {1, 2};

static struct pm_flow_key key_number(uint32_t n)
{
    struct pm_flow_key key;
    memset(&key, 0, sizeof key);
    pm_put32(key.addr[0], n);
    key.ip_version = 4;
    return key;
}

/* The stupid twin: all flows in a list from oldest to newest. */
struct twin {
    uint32_t numbers[64];
    uint32_t count;
};

static void twin_touch(struct twin *t, uint32_t number, uint32_t cap)
{
    uint32_t i = 0;
    while (i < t->count && t->numbers[i] != number)
        i++;
    if (i == t->count && t->count == cap)
        i = 0; /* the oldest goes */
    else if (i == t->count)
        t->count++;
    memmove(t->numbers + i, t->numbers + i + 1, (t->count - 1 - i) * sizeof t->numbers[0]);
    t->numbers[t->count - 1] = number;
}

static void the_table_forgets_the_flow_that_was_idle_longest(void **state)
{
    (void)state;
    enum { CAP = 16 };
    struct pm_flow_table t;
    struct twin twin = {.count = 0};
    uint32_t random_state = 7;
    assert_true(pm_flow_table_init(&t, CAP, 8, hash_key, 1000 * SECOND));
    for (uint32_t step = 0; step < 20000; step++) {
        random_state = random_state * 1664525u + 1013904223u;
        uint32_t number = (random_state >> 16) % 40;
        struct pm_flow_key key = key_number(number);
        uint64_t hash = pm_flow_hash(&t, &key);
        struct pm_flow *flow = pm_flow_find(&t, &key, hash, step);
        bool expected = false;
        for (uint32_t i = 0; i < twin.count; i++)
            expected = expected || twin.numbers[i] == number;
        assert_int_equal(flow != NULL, expected);
        if (!flow)
            flow = pm_flow_add(&t, &key, hash, PM_FLOW_SETTLED, step);
        assert_non_null(flow);
        pm_flow_touch(&t, flow, PM_FLOW_SETTLED, step);
        twin_touch(&twin, number, CAP);
    }
    assert_int_equal(t.pool.used, CAP);
    pm_flow_table_release(&t);
}

static struct pm_flow *add(struct pm_flow_table *t, uint32_t number, enum pm_flow_queue queue,
                           uint64_t now_ns)
{
    struct pm_flow_key key = key_number(number);
    return pm_flow_add(t, &key, pm_flow_hash(t, &key), queue, now_ns);
}

static bool has(struct pm_flow_table *t, uint32_t number, uint64_t now_ns)
{
    struct pm_flow_key key = key_number(number);
    return pm_flow_find(t, &key, pm_flow_hash(t, &key), now_ns);
}

static void a_flood_of_half_open_flows_does_not_push_out_settled_ones(void **state)
{
    (void)state;
    struct pm_flow_table t;
    assert_true(pm_flow_table_init(&t, 8, 8, hash_key, 1000 * SECOND));
    for (uint32_t i = 0; i < 4; i++)
        add(&t, i, PM_FLOW_SETTLED, i);
    for (uint32_t i = 100; i < 1000; i++)
        assert_non_null(add(&t, i, PM_FLOW_HALF_OPEN, i));
    for (uint32_t i = 0; i < 4; i++)
        assert_true(has(&t, i, 1000));
    pm_flow_table_release(&t);
}

static void a_table_of_pinned_flows_is_full(void **state)
{
    (void)state;
    struct pm_flow_table t;
    assert_true(pm_flow_table_init(&t, 4, 8, hash_key, 1000 * SECOND));
    for (uint32_t i = 0; i < 4; i++)
        add(&t, i, PM_FLOW_SETTLED, i)->is_pinned = 1;
    assert_null(add(&t, 99, PM_FLOW_SETTLED, 5));
    struct pm_flow_key key = key_number(2);
    pm_flow_find(&t, &key, pm_flow_hash(&t, &key), 5)->is_pinned = 0;
    assert_non_null(add(&t, 99, PM_FLOW_SETTLED, 6));
    assert_false(has(&t, 2, 7));
    pm_flow_table_release(&t);
}

static void an_idle_flow_is_a_new_one(void **state)
{
    (void)state;
    struct pm_flow_table t;
    assert_true(pm_flow_table_init(&t, 4, 8, hash_key, 10 * SECOND));
    add(&t, 1, PM_FLOW_SETTLED, 0);
    assert_true(has(&t, 1, 10 * SECOND));
    assert_false(has(&t, 1, 10 * SECOND + 1));
    assert_int_equal(t.pool.used, 0);
    pm_flow_table_release(&t);
}

/* ------------------------------------------------------------------ tracking */

/* IPv4 192.0.2.src:sport -> 192.0.2.dst:dport, TCP with these flags and no payload. */
static void tcp(struct pm_headers *h, uint8_t frame[40], uint8_t src, uint16_t sport, uint8_t dst,
                uint16_t dport, uint8_t flags)
{
    memset(frame, 0, 40);
    frame[0] = 0x45;
    pm_put16(frame + 2, 40);
    frame[8] = 64;
    frame[9] = PM_PROTO_TCP;
    memcpy(frame + 12, (uint8_t[]){192, 0, 2, src}, 4);
    memcpy(frame + 16, (uint8_t[]){192, 0, 2, dst}, 4);
    pm_put16(frame + 20, sport);
    pm_put16(frame + 22, dport);
    frame[32] = 0x50;
    frame[33] = flags;
    pm_headers_parse(PM_LINK_RAW, frame, 40, 40, h);
    assert_int_equal(h->parse, PM_PARSE_L4);
}

struct tracking {
    struct pm_flow_table table;
    struct pm_headers headers;
    uint8_t frame[40];
    struct pm_tracked tracked;
    uint64_t now_ns;
};

static void setup(struct tracking *t)
{
    memset(t, 0, sizeof *t);
    assert_true(pm_flow_table_init(&t->table, 8, 8, hash_key, 1000 * SECOND));
}

static const struct pm_tracked *packet(struct tracking *t, uint8_t src, uint16_t sport, uint8_t dst,
                                       uint16_t dport, uint8_t flags, enum pm_dir given)
{
    tcp(&t->headers, t->frame, src, sport, dst, dport, flags);
    pm_track(&t->table, &t->headers, given, true, t->now_ns++, &t->tracked);
    return &t->tracked;
}

static void the_sender_of_the_syn_is_the_client_and_the_host(void **state)
{
    (void)state;
    struct tracking t;
    setup(&t);
    const struct pm_tracked *p = packet(&t, 9, 80, 1, 5000, PM_SYN, PM_DIR_UNKNOWN);
    assert_true(p->is_new && p->to_server);
    assert_int_equal(p->dir, PM_DIR_OUT);
    p = packet(&t, 1, 5000, 9, 80, PM_SYN | PM_ACK, PM_DIR_UNKNOWN);
    assert_false(p->is_new || p->to_server);
    assert_int_equal(p->dir, PM_DIR_IN);
    pm_flow_table_release(&t.table);
}

static void a_syn_ack_alone_shows_who_began(void **state)
{
    (void)state;
    struct tracking t;
    setup(&t);
    assert_false(packet(&t, 1, 5000, 9, 6000, PM_SYN | PM_ACK, PM_DIR_UNKNOWN)->to_server);
    assert_false(t.tracked.flow->is_midstream);
    pm_flow_table_release(&t.table);
}

static void from_the_middle_on_the_privileged_port_is_the_server(void **state)
{
    (void)state;
    struct tracking t;
    setup(&t);
    assert_false(packet(&t, 1, 443, 9, 50000, PM_ACK, PM_DIR_UNKNOWN)->to_server);
    assert_true(t.tracked.flow->is_midstream);
    assert_true(packet(&t, 1, 50000, 9, 50001, PM_ACK, PM_DIR_UNKNOWN)->to_server);
    pm_flow_table_release(&t.table);
}

static void a_given_direction_is_believed_and_remembered(void **state)
{
    (void)state;
    struct tracking t;
    setup(&t);
    assert_int_equal(packet(&t, 1, 5000, 9, 80, PM_SYN, PM_DIR_IN)->dir, PM_DIR_IN);
    assert_true(t.tracked.to_server);
    assert_int_equal(packet(&t, 9, 80, 1, 5000, PM_SYN | PM_ACK, PM_DIR_UNKNOWN)->dir, PM_DIR_OUT);
    pm_flow_table_release(&t.table);
}

static void a_syn_in_a_closed_flow_starts_its_next_life(void **state)
{
    (void)state;
    struct tracking t;
    setup(&t);
    packet(&t, 1, 5000, 9, 80, PM_SYN, PM_DIR_UNKNOWN);
    uint64_t first = t.tracked.flow->id;
    packet(&t, 1, 5000, 9, 80, PM_SYN, PM_DIR_UNKNOWN);
    assert_int_equal(t.tracked.flow->id, first); /* a retransmission */
    packet(&t, 1, 5000, 9, 80, PM_FIN | PM_ACK, PM_DIR_UNKNOWN);
    packet(&t, 1, 5000, 9, 80, PM_SYN, PM_DIR_UNKNOWN);
    assert_int_equal(t.tracked.flow->id, first); /* half-closed is not closed */
    packet(&t, 9, 80, 1, 5000, PM_FIN | PM_ACK, PM_DIR_UNKNOWN);
    packet(&t, 1, 5000, 9, 80, PM_SYN, PM_DIR_UNKNOWN);
    assert_int_not_equal(t.tracked.flow->id, first);
    assert_true(t.tracked.is_new);
    pm_flow_table_release(&t.table);
}

static void packets_without_ports_do_not_meet_port_zero(void **state)
{
    (void)state;
    struct tracking t;
    setup(&t);
    packet(&t, 1, 0, 9, 0, PM_SYN, PM_DIR_UNKNOWN);
    t.frame[7] = 1; /* fragment offset 8 */
    pm_headers_parse(PM_LINK_RAW, t.frame, 40, 40, &t.headers);
    assert_int_equal(t.headers.parse, PM_PARSE_L3);
    pm_track(&t.table, &t.headers, PM_DIR_UNKNOWN, true, t.now_ns, &t.tracked);
    assert_true(t.tracked.is_new);
    assert_int_equal(t.table.pool.used, 2);
    pm_flow_table_release(&t.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_forgets_the_flow_that_was_idle_longest),
        cmocka_unit_test(a_flood_of_half_open_flows_does_not_push_out_settled_ones),
        cmocka_unit_test(a_table_of_pinned_flows_is_full),
        cmocka_unit_test(an_idle_flow_is_a_new_one),
        cmocka_unit_test(the_sender_of_the_syn_is_the_client_and_the_host),
        cmocka_unit_test(a_syn_ack_alone_shows_who_began),
        cmocka_unit_test(from_the_middle_on_the_privileged_port_is_the_server),
        cmocka_unit_test(a_given_direction_is_believed_and_remembered),
        cmocka_unit_test(a_syn_in_a_closed_flow_starts_its_next_life),
        cmocka_unit_test(packets_without_ports_do_not_meet_port_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
