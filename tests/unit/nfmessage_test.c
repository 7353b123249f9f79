/* nfmessage_test.c - messages of the kernel's packet queue, also such as no kernel sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter-ext/linux/nfmessage.h"

/* A packet of 6 bytes, id 258, hook 1, as an x86 kernel sends it: lengths and types little-endian.
 */
static const uint8_t packet[] = {
    80, 0, 0,  0, 0,   3,   0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 2, 0, 0, 5, /* headers */
    11, 0, 1,  0, 0,   0,   1,   2,   8,   0,   1, 0,                         /* PACKET_HDR */
    8,  0, 3,  0, 0,   0,   0,   7,                                           /* MARK */
    8,  0, 5,  0, 0,   0,   0,   2,                                           /* IFINDEX_INDEV */
    8,  0, 13, 0, 0,   0,   5,   220,                                         /* CAP_LEN */
    8,  0, 14, 0, 0,   0,   0,   1,                                           /* SKB_INFO */
    10, 0, 10, 0, 'a', 'b', 'c', 'd', 'e', 'f', 0, 0,                         /* PAYLOAD */
    4,  0, 99, 0, /* of a newer kernel */
};

static struct pm_nf_message read_copy(const uint8_t *bytes, size_t len)
{
    static _Alignas(4) uint8_t room[256];
    memset(room, 0xee, sizeof room);
    memcpy(room, bytes, len);
    return pm_nf_read(room, len);
}

static void a_packet_is_read(void **state)
{
    (void)state;
    struct pm_nf_message m = read_copy(packet, sizeof packet);
    assert_int_equal(m.kind, PM_NF_PACKET);
    assert_int_equal(m.size, sizeof packet);
    assert_int_equal(m.id, 258);
    assert_int_equal(m.hook, 1);
    assert_int_equal(m.mark, 7);
    assert_int_equal(m.in_ifindex, 2);
    assert_int_equal(m.out_ifindex, 0);
    assert_true(m.is_checksum_partial);
    assert_int_equal(m.len, 6);
    assert_memory_equal(m.data, "abcdef", 6);
    assert_int_equal(m.wire_len, 1500);
}

static void a_message_cut_anywhere_is_broken(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof packet; len++) {
        struct pm_nf_message m = read_copy(packet, len);
        assert_int_equal(m.kind, PM_NF_BROKEN);
        assert_int_equal(m.size, len);
    }
}

/* Whatever a byte is changed to: it ends, and what it points at lies within. */
static void no_byte_leads_outside(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof packet; at++)
        for (unsigned value = 0; value < 256; value++) {
            static _Alignas(4) uint8_t room[sizeof packet];
            memcpy(room, packet, sizeof packet);
            room[at] = (uint8_t)value;
            struct pm_nf_message m = pm_nf_read(room, sizeof room);
            assert_true(m.size > 0 && m.size <= sizeof room);
            if (m.kind == PM_NF_PACKET && m.data != NULL)
                assert_true(m.data >= room && m.data + m.len <= room + sizeof room);
        }
}

static void an_attribute_too_short_for_its_value_is_broken(void **state)
{
    (void)state;
    uint8_t bytes[sizeof packet];
    memcpy(bytes, packet, sizeof packet);
    bytes[32] = 6; /* MARK of two bytes */
    assert_int_equal(read_copy(bytes, sizeof bytes).kind, PM_NF_BROKEN);
}

static void a_length_of_two_gigabytes_is_broken(void **state)
{
    (void)state;
    static const uint8_t types[][2] = {{2, 0}, {0, 3}}; /* an error, a packet */
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[20] = {16, 0, 0, 0x80, types[i][0], types[i][1]};
        struct pm_nf_message m = read_copy(bytes, sizeof bytes);
        assert_int_equal(m.kind, PM_NF_BROKEN);
        assert_int_equal(m.size, sizeof bytes);
    }
}

static void an_error_is_an_answer(void **state)
{
    (void)state;
    uint8_t bytes[36] = {36, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0};
    memset(bytes + 16, 0xff, 4); /* -1: EPERM */
    struct pm_nf_message m = read_copy(bytes, sizeof bytes);
    assert_int_equal(m.kind, PM_NF_ANSWER);
    assert_int_equal(m.sequence, 9);
    assert_int_equal(m.error, 1);
}

static void a_verdict_names_queue_packet_and_mark(void **state)
{
    (void)state;
    _Alignas(4) uint8_t out[PM_NF_MESSAGE_MAX];
    struct pm_nf_verdict verdict = {.id = 258, .verdict = 1, .mark = 7, .has_mark = true};
    static const uint8_t expected[] = {40, 0, 0, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
                                       12, 0, 2, 0, 0, 0, 0, 1, 0, 0, 1, 2, 8, 0, 3, 0, 0, 0, 0, 7};
    assert_int_equal(pm_nf_write_verdict(out, 5, &verdict), sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
    verdict.all_before = true;
    verdict.has_mark = false;
    assert_int_equal(pm_nf_write_verdict(out, 5, &verdict), 32);
    assert_int_equal(out[4], 3);
}

int main(void)
{
    static const uint16_t one = 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_read),
        cmocka_unit_test(a_message_cut_anywhere_is_broken),
        cmocka_unit_test(no_byte_leads_outside),
        cmocka_unit_test(an_attribute_too_short_for_its_value_is_broken),
        cmocka_unit_test(a_length_of_two_gigabytes_is_broken),
        cmocka_unit_test(an_error_is_an_answer),
        cmocka_unit_test(a_verdict_names_queue_packet_and_mark),
    };
    if (*(const uint8_t *)&one == 0)
        return 0; /* the bytes above are of a little-endian kernel */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
