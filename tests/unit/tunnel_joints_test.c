/* tunnel_joints_test.c - fragments put together: in any order, and what is refused. */
#include "talk.h"

#include "tunnel-ext/joints.h"

#define S UINT64_C(1000000000)

struct cut {
    uint8_t bytes[PM_JOINTS_MOST * 8][2000];
    size_t len[PM_JOINTS_MOST * 8];
    unsigned count;
    uint8_t whole[TALK_PACKET];
    size_t whole_len;
};

/* A datagram in fragments of `size` payload bytes, by hand. */
static void cut_datagram(struct cut *c, int version, size_t payload_len, size_t size, uint16_t id)
{
    static uint8_t payload[20000];
    struct talk_packet p = {
        .version = version, .udp = 1, .ip_id = id, .payload = payload, .payload_len = payload_len};
    size_t head = version == 6 ? 40 : 20, own = version == 6 ? 48 : 20;
    for (size_t i = 0; i < payload_len; i++)
        payload[i] = (uint8_t)(i * 31 + id);
    c->whole_len = talk_build(&p, c->whole);
    c->count = 0;
    for (size_t off = 0; off < c->whole_len - head; off += size) {
        size_t left = c->whole_len - head - off, len = left < size ? left : size;
        uint8_t *ip = c->bytes[c->count];
        uint32_t more = left > size;
        memcpy(ip, c->whole, head);
        memcpy(ip + own, c->whole + head + off, len);
        c->len[c->count++] = own + len;
        if (version == 6) {
            ip[6] = 44;
            talk_put(ip + 4, (uint32_t)(8 + len), 2);
            talk_put(ip + 40, 17u << 8, 2);
            talk_put(ip + 42, (uint32_t)off | more, 2);
            talk_put(ip + 44, id, 4);
        } else {
            talk_put(ip + 2, (uint32_t)(own + len), 2);
            talk_put(ip + 6, (uint32_t)(off / 8) | more << 13, 2);
            talk_put(ip + 10, 0, 2);
            talk_put(ip + 10, (uint16_t)~talk_sum(ip, 20, 0), 2);
        }
    }
}

/* Answers the length of what is whole now. */
static size_t take(struct pm_joints *f, const struct cut *c, unsigned i, uint64_t now_ns,
                   uint8_t **whole, bool *is_lost)
{
    struct pm_ippacket packet;
    uint8_t *exact = malloc(c->len[i]);
    assert_non_null(exact);
    memcpy(exact, c->bytes[i], c->len[i]);
    assert_true(pm_ippacket_read(&packet, exact, c->len[i]));
    assert_true(packet.is_fragment);
    size_t len = pm_joints_take(f, &packet, now_ns, whole, is_lost);
    free(exact);
    return len;
}

static void in_any_order_they_are_what_was_cut(void **state)
{
    static struct cut c;
    (void)state;
    for (int version = 4; version <= 6; version += 2)
        for (unsigned turn = 0; turn < 7; turn++) {
            struct pm_joints *f = pm_joints_new();
            uint8_t *whole = NULL;
            bool is_lost;
            size_t len = 0;
            cut_datagram(&c, version, 6000, 1000 - 1000 % 8, 7);
            assert_int_equal(c.count, 7);
            for (unsigned i = 0; i < c.count; i++) {
                assert_int_equal(len, 0);
                len = take(f, &c, (i * 3 + turn) % c.count, 1, &whole, &is_lost);
                assert_false(is_lost);
            }
            assert_int_equal(len, c.whole_len);
            assert_memory_equal(whole, c.whole, len);
            pm_joints_free(f);
        }
}

static void overlapping_pieces_end_their_datagram(void **state)
{
    static struct cut c;
    struct pm_joints *f = pm_joints_new();
    uint8_t *whole;
    bool is_lost;
    (void)state;
    cut_datagram(&c, 4, 3000, 800, 7);
    take(f, &c, 1, 1, &whole, &is_lost);
    assert_false(is_lost);
    talk_put(c.bytes[0] + 6, 0x2000 | 50, 2); /* into the one before */
    take(f, &c, 0, 1, &whole, &is_lost);
    assert_true(is_lost);
    for (unsigned i = 2; i < c.count; i++)
        assert_int_equal(take(f, &c, i, 1, &whole, &is_lost), 0);
    pm_joints_free(f);
}

static void a_second_end_ends_its_datagram(void **state)
{
    static struct cut c;
    struct pm_joints *f = pm_joints_new();
    uint8_t *whole;
    bool is_lost;
    (void)state;
    cut_datagram(&c, 4, 3000, 800, 7);
    take(f, &c, c.count - 1, 1, &whole, &is_lost);
    talk_put(c.bytes[0] + 6, 500, 2); /* behind it, and the last as well */
    take(f, &c, 0, 1, &whole, &is_lost);
    assert_true(is_lost);
    pm_joints_free(f);
}

static void what_would_be_larger_than_a_packet_is_refused(void **state)
{
    static struct cut c;
    struct pm_joints *f = pm_joints_new();
    uint8_t *whole;
    bool is_lost;
    (void)state;
    cut_datagram(&c, 4, 3000, 800, 7);
    talk_put(c.bytes[0] + 6, 0x1fff, 2);
    take(f, &c, 0, 1, &whole, &is_lost);
    assert_true(is_lost);
    pm_joints_free(f);
}

static void what_never_comes_makes_room(void **state)
{
    static struct cut c;
    struct pm_joints *f = pm_joints_new();
    uint8_t *whole;
    bool is_lost;
    (void)state;
    for (uint16_t id = 0; id < 4 * PM_JOINTS_MOST; id++) {
        cut_datagram(&c, 4, 3000, 800, id);
        take(f, &c, 0, id, &whole, &is_lost);
        assert_false(is_lost);
    }
    for (unsigned i = 1; i < c.count; i++)
        take(f, &c, i, 100, &whole, &is_lost);
    cut_datagram(&c, 4, 3000, 800, 3); /* forgotten: its rest is not enough */
    for (unsigned i = 1; i < c.count; i++)
        assert_int_equal(take(f, &c, i, 100, &whole, &is_lost), 0);
    pm_joints_free(f);
}

static void the_rest_may_come_within_30_seconds(void **state)
{
    static struct cut c;
    (void)state;
    for (unsigned seconds = 29; seconds < 33; seconds += 3) {
        struct pm_joints *f = pm_joints_new();
        uint8_t *whole;
        bool is_lost;
        cut_datagram(&c, 4, 1400, 800, 7);
        take(f, &c, 0, S, &whole, &is_lost);
        size_t len = take(f, &c, 1, S + seconds * S, &whole, &is_lost);
        assert_int_equal(len > 0, seconds < 30);
        pm_joints_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order_they_are_what_was_cut),
        cmocka_unit_test(overlapping_pieces_end_their_datagram),
        cmocka_unit_test(a_second_end_ends_its_datagram),
        cmocka_unit_test(what_would_be_larger_than_a_packet_is_refused),
        cmocka_unit_test(what_never_comes_makes_room),
        cmocka_unit_test(the_rest_may_come_within_30_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
