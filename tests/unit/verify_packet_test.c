/* verify_packet_test.c - packets as verify reads them: lengths, checksums, fragments, fingerprints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/verify_fragment.h"
#include "verify_frame.h"

static void a_right_segment_has_no_fault(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p;
    for (unsigned i = 0; i < 3; i++) { /* even and odd lengths */
        frame_tcp(&f, false, 24, 1000, 2000, &"odd"[i]);
        frame_read(&f, &p);
        assert_int_equal(p.kind, PM_VERIFY_TCP);
        assert_int_equal(p.fault_count, 0);
        assert_int_equal(p.sum, PM_VERIFY_SUM_GOOD);
        assert_int_equal(p.payload_len, 3 - i);
        assert_int_equal(p.seq, 1000);
        assert_int_equal(p.ack, 2000);
    }
}

/* Which byte is changed by how much, and what that is called. */
static const struct {
    unsigned at;
    uint8_t by;
    enum pm_verify_finding finding;
    const char *what;
} spoilt[] = {
    {10, 1, PM_VERIFY_BAD_CHECKSUM, "IPv4 header checksum"},
    {8, 1, PM_VERIFY_BAD_CHECKSUM, "IPv4 header checksum"},
    {36, 1, PM_VERIFY_BAD_CHECKSUM, "TCP checksum"},
    {40, 1, PM_VERIFY_BAD_CHECKSUM, "TCP checksum"},
    {3, 100, PM_VERIFY_BAD_LENGTH, "IPv4 total length"},
    {32, 0x80, PM_VERIFY_BAD_LENGTH, "TCP data offset"},
    {32, 0xd0, PM_VERIFY_BAD_LENGTH, "TCP data offset"},
    {0, 0xfe, PM_VERIFY_BAD_LENGTH, "IPv4 header length"},
};

static void each_spoilt_byte_has_its_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        struct frame f;
        struct pm_verify_packet p;
        frame_tcp(&f, false, 24, 1000, 2000, "payload");
        f.bytes[spoilt[i].at] = (uint8_t)(f.bytes[spoilt[i].at] + spoilt[i].by);
        frame_read(&f, &p);
        bool is_there = false;
        for (unsigned k = 0; k < p.fault_count; k++)
            is_there = is_there || (p.faults[k].finding == spoilt[i].finding &&
                                    strcmp(p.faults[k].what, spoilt[i].what) == 0);
        assert_true(is_there);
    }
}

static void a_wrong_checksum_tells_the_right_one(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p;
    frame_udp(&f, false, "some words");
    uint32_t right = (uint32_t)f.bytes[26] << 8 | f.bytes[27];
    put_be(f.bytes + 26, 0x1234, 2);
    frame_read(&f, &p);
    assert_int_equal(p.fault_count, 1);
    assert_int_equal(p.faults[0].expected, right);
    assert_int_equal(p.faults[0].seen, 0x1234);
}

static void a_checksum_left_to_the_hardware_is_not_wrong(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p;
    frame_tcp(&f, false, 24, 1000, 2000, "payload");
    put_be(f.bytes + 36, plain_sum(f.bytes + 12, 8, 6 + f.len - 20), 2);
    frame_read(&f, &p);
    assert_int_equal(p.sum, PM_VERIFY_SUM_OFFLOADED);
    put_be(f.bytes + 36, 0, 2);
    frame_read(&f, &p);
    assert_int_equal(p.sum, PM_VERIFY_SUM_OFFLOADED);
}

static void udp_may_have_no_checksum_and_tcp_may_not(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p;
    frame_udp(&f, false, "some words");
    put_be(f.bytes + 26, 0, 2);
    frame_read(&f, &p);
    assert_int_equal(p.fault_count, 0);
}

static void a_checksum_wrong_by_as_much_has_the_same_mark(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p, other;
    frame_tcp(&f, false, 24, 1000, 2000, "payload");
    f.bytes[37] ^= 4;
    frame_read(&f, &p);
    frame_tcp(&f, false, 24, 1000, 2000, "another payload");
    f.bytes[37] ^= 4;
    frame_read(&f, &other);
    bool is_up = p.faults[0].seen > p.faults[0].expected;
    if (is_up != (other.faults[0].seen > other.faults[0].expected)) {
        f.bytes[37] ^= 4;
        put_be(f.bytes + 36, other.faults[0].expected + (is_up ? 4 : -4u), 2);
        frame_read(&f, &other);
    }
    assert_int_equal(pm_verify_fault_mark(&p.faults[0]), pm_verify_fault_mark(&other.faults[0]));
    f.bytes[37] ^= 0x40;
    frame_read(&f, &other);
    assert_int_not_equal(pm_verify_fault_mark(&p.faults[0]),
                         pm_verify_fault_mark(&other.faults[0]));
}

static void what_rewriting_moves_leaves_the_fingerprints_alone(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p, moved, other;
    frame_tcp(&f, false, 16, 1000, 2000, "payload");
    frame_read(&f, &p);
    frame_tcp(&f, false, 16 | 8 | 1, 1777, 2999, "a longer payload");
    put_be(f.bytes + 4, 9999, 2);
    frame_complete(&f);
    frame_read(&f, &moved);
    assert_int_equal(p.ip_mark, moved.ip_mark);
    assert_int_equal(p.l4_mark, moved.l4_mark);
    f.bytes[8]--;
    put_be(f.bytes + 34, 1001, 2);
    frame_complete(&f);
    frame_read(&f, &other);
    assert_int_not_equal(p.ip_mark, other.ip_mark);
    assert_int_not_equal(p.l4_mark, other.l4_mark);
}

static void bytes_behind_the_packet_are_no_payload(void **state)
{
    (void)state;
    struct frame f;
    struct pm_verify_packet p;
    frame_tcp(&f, false, 16, 1000, 2000, "");
    f.len += 6;
    frame_read(&f, &p);
    assert_int_equal(p.payload_len, 0);
    assert_int_equal(p.surplus, 6);
    assert_int_equal(p.fault_count, 0);
}

static void every_prefix_of_a_packet_can_be_read(void **state)
{
    (void)state;
    struct frame f;
    frame_tcp(&f, false, 24, 1000, 2000, "payload");
    for (uint32_t len = 0; len < f.len; len++) {
        uint8_t *bytes = malloc(len + 1);
        memcpy(bytes, f.bytes, len);
        bytes = realloc(bytes, len > 0 ? len : 1);
        struct pm_record record = {.data = bytes, .caplen = len, .origlen = f.len, .link = RAW_IP};
        struct pm_verify_packet p;
        pm_verify_packet_read(&p, &record);
        assert_true(p.is_cut_short);
        assert_int_not_equal(p.sum, PM_VERIFY_SUM_BAD);
        free(bytes);
    }
}

/* Part `part` of a datagram cut into `size` bytes each. */
static void cut(const struct frame *whole, unsigned part, uint32_t size, struct frame *f)
{
    uint32_t at = part * size, left = whole->len - 20 - at;
    *f = *whole;
    memcpy(f->bytes + 20, whole->bytes + 20 + at, left < size ? left : size);
    f->len = 20 + (left < size ? left : size);
    put_be(f->bytes + 2, f->len, 2);
    put_be(f->bytes + 6, at / 8 | (left > size ? 0x2000 : 0), 2);
    put_be(f->bytes + 10, 0, 2);
    put_be(f->bytes + 10, (uint16_t)~plain_sum(f->bytes, 20, 0), 2);
}

static void fragments_in_any_order_make_the_datagram(void **state)
{
    (void)state;
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {1, 0, 2}};
    struct pm_verify_fragments *fragments = calloc(1, sizeof *fragments);
    struct frame whole, f;
    frame_udp(&whole, false, "just the thing to be cut in three");
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        for (unsigned k = 0; k < 3; k++) {
            struct pm_verify_packet p;
            struct pm_record found;
            cut(&whole, orders[i][k], 16, &f);
            struct pm_record record = frame_record(&f);
            frame_read(&f, &p);
            assert_int_equal(p.kind, PM_VERIFY_FRAGMENT);
            bool is_complete = pm_verify_fragments_take(fragments, &p, &record, &found);
            assert_int_equal(is_complete, k == 2);
            if (!is_complete)
                continue;
            assert_int_equal(found.caplen, whole.len);
            assert_memory_equal(found.data, whole.bytes, whole.len);
        }
    pm_verify_fragments_free(fragments);
    free(fragments);
}

static void more_datagrams_than_there_is_room_for_give_up_the_oldest(void **state)
{
    (void)state;
    struct pm_verify_fragments *fragments = calloc(1, sizeof *fragments);
    struct frame whole, f;
    struct pm_record found;
    frame_udp(&whole, false, "this is to be cut in two");
    for (unsigned turn = 0; turn < 2; turn++)
        for (unsigned i = 0; i <= PM_VERIFY_DATAGRAMS; i++) {
            struct pm_verify_packet p;
            put_be(whole.bytes + 4, i, 2);
            cut(&whole, turn, 16, &f);
            f.time_ns = i;
            struct pm_record record = frame_record(&f);
            frame_read(&f, &p);
            bool is_complete = pm_verify_fragments_take(fragments, &p, &record, &found);
            if (turn == 1 && i > 1)
                assert_true(is_complete);
            if (turn == 0 || i == 0)
                assert_false(is_complete);
        }
    pm_verify_fragments_free(fragments);
    free(fragments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_segment_has_no_fault),
        cmocka_unit_test(each_spoilt_byte_has_its_fault),
        cmocka_unit_test(a_wrong_checksum_tells_the_right_one),
        cmocka_unit_test(a_checksum_left_to_the_hardware_is_not_wrong),
        cmocka_unit_test(udp_may_have_no_checksum_and_tcp_may_not),
        cmocka_unit_test(a_checksum_wrong_by_as_much_has_the_same_mark),
        cmocka_unit_test(what_rewriting_moves_leaves_the_fingerprints_alone),
        cmocka_unit_test(bytes_behind_the_packet_are_no_payload),
        cmocka_unit_test(every_prefix_of_a_packet_can_be_read),
        cmocka_unit_test(fragments_in_any_order_make_the_datagram),
        cmocka_unit_test(more_datagrams_than_there_is_room_for_give_up_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
