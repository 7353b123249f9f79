/* test_fields_test.c - every byte of a frame stands in exactly one field, whatever the bytes are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/test_fields.h"

/* Ethernet, IPv4, TCP with a timestamp option, three bytes of payload, one of padding. */
static const uint8_t frame[] = {
    2,    0,    0,    0,  0,    2,    2,    0, 0,  0, 0, 1, 8, 0, /* Ethernet */
    0x45, 0,    0,    55, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0,       /* IPv4 */
    192,  0,    2,    1,  198,  51,   100,  2,                    /* addresses */
    0x9c, 0x40, 0,    80, 0,    0,    0,    1, 0,  0, 0, 9,       /* TCP */
    0x80, 0x18, 0x20, 0,  0,    0,    0,    0,                    /* flags, window */
    1,    1,    8,    10, 0,    0,    0,    1, 0,  0, 0, 2,       /* options */
    'a',  'b',  'c',  0,
};

static struct pm_verify_packet read_frame(const uint8_t *bytes, uint32_t len, uint16_t link)
{
    struct pm_record record = {.caplen = len, .origlen = len, .link = link};
    struct pm_verify_packet packet;
    uint8_t *copy = malloc(len + 1u);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    record.data = copy;
    pm_verify_packet_read(&packet, &record);
    free(copy); /* the fields are places, not bytes */
    return packet;
}

static void a_tcp_segment_has_wiresharks_names(void **state)
{
    static const struct {
        const char *name;
        uint32_t off, len;
    } wanted[] = {
        {"eth.dst", 0, 6},        {"eth.src", 6, 6},
        {"link", 12, 2},          {"ip.hdr_len", 14, 1},
        {"ip.dsfield", 15, 1},    {"ip.len", 16, 2},
        {"ip.id", 18, 2},         {"ip.frag_offset", 20, 2},
        {"ip.ttl", 22, 1},        {"ip.proto", 23, 1},
        {"ip.checksum", 24, 2},   {"ip.src", 26, 4},
        {"ip.dst", 30, 4},        {"tcp.srcport", 34, 2},
        {"tcp.dstport", 36, 2},   {"tcp.seq", 38, 4},
        {"tcp.ack", 42, 4},       {"tcp.hdr_len", 46, 1},
        {"tcp.flags", 47, 1},     {"tcp.window_size", 48, 2},
        {"tcp.checksum", 50, 2},  {"tcp.urgent_pointer", 52, 2},
        {"tcp.options", 54, 12},  {"tcp.payload", 66, 3},
        {"frame.padding", 69, 1},
    };
    struct pm_field_span spans[PM_FIELD_SPANS];
    struct pm_verify_packet packet = read_frame(frame, sizeof frame, 1);
    (void)state;
    unsigned count = pm_fields_of(&packet, 1, spans);
    assert_int_equal(count, sizeof wanted / sizeof wanted[0]);
    for (unsigned i = 0; i < count; i++) {
        assert_string_equal(spans[i].name, wanted[i].name);
        assert_int_equal(spans[i].off, wanted[i].off);
        assert_int_equal(spans[i].len, wanted[i].len);
        assert_true(pm_field_is_known(spans[i].name));
    }
    assert_false(pm_field_is_known("tcp.payloads"));
}

static void check_cover(const uint8_t *bytes, uint32_t len, uint16_t link)
{
    struct pm_field_span spans[PM_FIELD_SPANS];
    struct pm_verify_packet packet = read_frame(bytes, len, link);
    unsigned count = pm_fields_of(&packet, link, spans);
    uint32_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(spans[i].off, at);
        assert_true(spans[i].len > 0);
        assert_true(pm_field_is_known(spans[i].name));
        at += spans[i].len;
    }
    assert_int_equal(at, len);
}

static void every_byte_stands_in_one_field(void **state)
{
    static const uint16_t links[] = {0, 1, 101, 108, 113, 228, 229, 276, 9999};
    uint8_t bytes[sizeof frame];
    uint32_t draw = 12345;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(bytes, frame, sizeof bytes);
        for (unsigned i = 0; i < round % 6; i++) {
            draw = draw * 1664525u + 1013904223u;
            bytes[(draw >> 8) % sizeof bytes] = (uint8_t)(draw >> 24);
        }
        draw = draw * 1664525u + 1013904223u;
        uint32_t len = round % 3 == 0 ? (draw >> 8) % (sizeof bytes + 1u) : (uint32_t)sizeof bytes;
        check_cover(bytes, len, round % 2 == 0 ? 1 : links[round / 2 % 9]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tcp_segment_has_wiresharks_names),
        cmocka_unit_test(every_byte_stands_in_one_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
