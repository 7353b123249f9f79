/* shapes.h - packets written in hex, and what the header parser made of them in one line. */
#ifndef PM_TEST_SHAPES_H
#define PM_TEST_SHAPES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/headers.h"

/* ------------------------------------------------------------------ packets from hex */

/* A block of exactly the packet's size, so that ASan sees a byte read too far. */
struct packet {
    uint8_t *block, *data;
    size_t len;
};

static inline struct packet packet_copy(const uint8_t *data, size_t len)
{
    struct packet p = {.block = malloc(len > 0 ? len : 1), .len = len};
    assert_non_null(p.block);
    p.data = len > 0 ? p.block : p.block + 1;
    if (len > 0)
        memcpy(p.data, data, len);
    return p;
}

static inline uint8_t hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    assert_true(c != '\0' && at != NULL);
    return (uint8_t)(at - digits);
}

static inline struct packet packet_from_hex(const char *hex)
{
    uint8_t bytes[512];
    size_t len = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        assert_true(len < sizeof bytes);
        bytes[len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        hex++;
    }
    return packet_copy(bytes, len);
}

/* ------------------------------------------------------------------ what was read, as text */

static inline const char *parse_name(enum pm_parse parse)
{
    switch (parse) {
    case PM_PARSE_L4:
        return "L4";
    case PM_PARSE_L3:
        return "L3";
    case PM_PARSE_NOT_IP:
        return "NOT_IP";
    case PM_PARSE_BAD_L3:
        return "BAD_L3";
    case PM_PARSE_BAD_L4:
        return "BAD_L4";
    }
    return "?";
}

/* The promises of headers.h that hold for any bytes. */
static inline void expect_order(const struct pm_headers *h)
{
    assert_true(h->link.l3_off <= h->len);
    if (h->parse == PM_PARSE_NOT_IP || h->parse == PM_PARSE_BAD_L3)
        return;
    assert_true(h->l3_off <= h->l4_off && h->l4_off <= h->end && h->end <= h->len);
    assert_true(h->is_truncated || h->end == h->l3_off + h->ip_len);
    assert_true(!h->is_first_fragment || h->is_fragment);
    if (h->parse == PM_PARSE_L4)
        assert_true(h->l4_off < h->payload_off && h->payload_off + h->payload_len <= h->end);
}

/* "L4 v4 p6 l4 20 pay 40+5 end 45 of 45 flags": offsets; `of` is ip_len. */
static inline void describe(const struct pm_headers *h, char out[160])
{
    int used = snprintf(out, 160, "%s", parse_name(h->parse));
    if (h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3)
        used += snprintf(out + used, 160 - (size_t)used, " v%u p%u l4 %u", h->ip_version,
                         h->ip_proto, h->l4_off);
    if (h->parse == PM_PARSE_L4)
        used +=
            snprintf(out + used, 160 - (size_t)used, " pay %u+%u", h->payload_off, h->payload_len);
    if (h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3)
        used += snprintf(out + used, 160 - (size_t)used, " end %u of %u%s%s%s%s", h->end, h->ip_len,
                         h->is_fragment ? " frag" : "", h->is_first_fragment ? " first" : "",
                         h->has_no_length ? " nolen" : "", h->is_unmodifiable ? " fixed" : "");
    snprintf(out + used, 160 - (size_t)used, "%s",
             h->parse != PM_PARSE_NOT_IP && h->is_truncated ? " cut" : "");
}

struct shape {
    const char *story;
    const char *hex;
    size_t wire_len; /* 0: as long as the bytes */
    const char *expected;
};

static inline void expect_shapes(uint16_t linktype, const struct shape *shapes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct packet p = packet_from_hex(shapes[i].hex);
        struct pm_headers h;
        char read[160];
        size_t wire_len = shapes[i].wire_len > 0 ? shapes[i].wire_len : p.len;
        pm_headers_parse(linktype, p.data, p.len, wire_len, &h);
        expect_order(&h);
        describe(&h, read);
        if (strcmp(read, shapes[i].expected) != 0)
            fail_msg("%s:\n  read     %s\n  expected %s", shapes[i].story, read,
                     shapes[i].expected);
        free(p.block);
    }
}

static inline void expect_every_cut_is_safe(const struct shape *shapes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct packet whole = packet_from_hex(shapes[i].hex);
        for (size_t len = 0; len <= whole.len; len++) {
            struct packet cut = packet_copy(whole.data, len);
            struct pm_headers honest, lying;
            pm_headers_parse(PM_LINK_RAW, cut.data, len, whole.len, &honest);
            expect_order(&honest);
            pm_headers_parse(PM_LINK_RAW, cut.data, len, len, &lying);
            expect_order(&lying);
            assert_true(!lying.is_truncated);
            free(cut.block);
        }
        free(whole.block);
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------ building blocks */

#define ADDRS4 "0a000001 0a000002" /* 10.0.0.1 > 10.0.0.2 */
/* 2001:db8::1 > 2001:db8::2 */
#define ADDRS6 "20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002"

/* 1234 > 80: Flags [P.], seq 1, ack 2, win 512, 20 bytes of header */
#define TCP "04d2 0050 00000001 00000002 5018 0200 0000 0000"
/* 53 > 4660, udp length 8 and a payload of 4 */
#define UDP12 "0035 1234 000c 0000 61626364"
/* ICMP echo request, id 1, seq 1 */
#define PING "0800 0000 0001 0001"
/* ICMP6 echo request, id 1, seq 1 */
#define PING6 "8000 0000 0001 0001"

#endif
