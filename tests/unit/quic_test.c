/* quic_test.c - a hello is gathered out of a QUIC client's first packets as they were sealed by
 * another implementation, and what cannot be opened is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "proto/quic.h"
#include "quic_packets.h"

#define PACKET_ROOM 2000u

struct packet {
    uint8_t bytes[PACKET_ROOM];
    size_t len;
};

struct scene {
    struct pm_quic_room room;
    struct pm_quic_gather gather;
    uint8_t message[PM_TLS_MESSAGE_MAX];
};

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static struct packet packet_of(const char *hex)
{
    struct packet p = {.len = strlen(hex) / 2};
    assert_in_range(p.len, 1, PACKET_ROOM);
    for (size_t i = 0; i < p.len; i++)
        p.bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return p;
}

static struct scene *begin(void)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->room = (struct pm_quic_room){pm_quiccrypt_new(), malloc(PM_QUIC_PACKETS)};
    assert_non_null(s->room.crypt);
    assert_non_null(s->room.text);
    return s;
}

static void end(struct scene *s)
{
    pm_quiccrypt_free(s->room.crypt);
    free(s->room.text);
    free(s);
}

/* In a block of exactly its size, so that a byte too much is seen. */
static enum pm_tls_answer give(struct scene *s, const struct packet *p, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, p->bytes, len);
    enum pm_tls_answer answer = pm_quic_gather(&s->gather, s->message, &s->room, copy, len);
    free(copy);
    return answer;
}

static enum pm_tls_answer give_hex(struct scene *s, const char *hex)
{
    struct packet p = packet_of(hex);
    return give(s, &p, p.len);
}

static void expect_name(const struct scene *s, const char *name)
{
    struct pm_tls_hello hello;
    assert_true(pm_tls_hello_read(s->message, s->gather.len, true, &hello));
    assert_int_equal(hello.name_len, strlen(name));
    assert_memory_equal(hello.name, name, strlen(name));
    assert_int_equal(hello.ja4[0], 'q');
}

/* ------------------------------------------------------------------ stories */

static void the_samples_of_both_versions_are_opened(void **state)
{
    (void)state;
    static const char *const samples[] = {SAMPLE_1, SAMPLE_2};
    for (size_t i = 0; i < 2; i++) {
        struct scene *s = begin();
        struct packet p = packet_of(samples[i]);
        assert_true(pm_quic_may_be_initial(p.bytes, 5));
        assert_true(pm_quic_is_initial(p.bytes, p.len));
        assert_false(pm_quic_is_initial(p.bytes, p.len - 1));
        assert_int_equal(give(s, &p, p.len), PM_TLS_WHOLE);
        expect_name(s, "example.com");
        end(s);
    }
}

static void pieces_in_any_order_over_two_packets_are_one_hello(void **state)
{
    (void)state;
    for (int later_first = 0; later_first < 2; later_first++) {
        struct scene *s = begin();
        if (later_first) /* its keys follow from its own id, and the other's too */
            assert_int_equal(give_hex(s, LATER_HALF), PM_TLS_MORE);
        else
            assert_int_equal(give_hex(s, FIRST_HALF), PM_TLS_MORE);
        assert_int_equal(s->gather.has_id, later_first);
        if (later_first) {
            assert_int_equal(give_hex(s, LATER_HALF), PM_TLS_MORE); /* sent again */
            assert_int_equal(give_hex(s, FIRST_HALF), PM_TLS_WHOLE);
            expect_name(s, "bad.example");
        }
        end(s);
    }
}

static void after_a_retry_the_keys_follow_from_the_new_id(void **state)
{
    (void)state;
    struct scene *s = begin();
    assert_int_equal(give_hex(s, LATER_HALF), PM_TLS_MORE);
    memset(s->gather.has, 0, sizeof s->gather.has);
    assert_int_equal(give_hex(s, AFTER_RETRY), PM_TLS_WHOLE);
    expect_name(s, "bad.example");
    end(s);
}

static void bytes_that_contradict_each_other_are_told(void **state)
{
    (void)state;
    struct scene *s = begin();
    assert_int_equal(give_hex(s, CONTRADICTS), PM_TLS_BAD);
    end(s);
}

static void packets_behind_others_in_a_datagram_are_opened_too(void **state)
{
    (void)state;
    struct scene *s = begin();
    assert_int_equal(give_hex(s, COALESCED), PM_TLS_WHOLE);
    expect_name(s, "bad.example");
    end(s);
}

/* Any byte of it that is another one, or any end before its end. */
static void a_damaged_packet_brings_nothing(void **state)
{
    (void)state;
    struct scene *s = begin();
    struct packet p = packet_of(SAMPLE_1);
    for (size_t i = 0; i < p.len; i += i < 64 ? 1 : 37) {
        p.bytes[i] ^= 1;
        assert_int_equal(give(s, &p, p.len), PM_TLS_MORE);
        p.bytes[i] ^= 1;
        assert_int_equal(give(s, &p, i), PM_TLS_MORE);
        assert_int_equal(s->gather.len, 0);
    }
    assert_int_equal(give(s, &p, p.len), PM_TLS_WHOLE);
    end(s);
}

static void any_bytes_are_read_within_their_bounds(void **state)
{
    (void)state;
    struct scene *s = begin();
    struct packet p = packet_of(SAMPLE_1);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t draw = pm_draw(1, 2, 3, i);
        for (size_t j = 0; j < 3; j++)
            p.bytes[draw >> (16 * j) & 31] = (uint8_t)(draw >> (8 * j + 8));
        p.bytes[0] |= 0xc0;
        memcpy(p.bytes + 1, "\0\0\0\1", 4);
        give(s, &p, draw >> 32 & 127);
    }
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_of_both_versions_are_opened),
        cmocka_unit_test(pieces_in_any_order_over_two_packets_are_one_hello),
        cmocka_unit_test(after_a_retry_the_keys_follow_from_the_new_id),
        cmocka_unit_test(bytes_that_contradict_each_other_are_told),
        cmocka_unit_test(packets_behind_others_in_a_datagram_are_opened_too),
        cmocka_unit_test(a_damaged_packet_brings_nothing),
        cmocka_unit_test(any_bytes_are_read_within_their_bounds),
    };
    return pm_quiccrypt_is_there() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
