/* checksum_test.c - sums against a byte loop, differences against summing again. */
#include "shapes.h"

#include "base/bytes.h"
#include "wire/checksum.h"

static uint32_t next_chance(uint32_t *chance)
{
    *chance = *chance * 1664525u + 1013904223u;
    return *chance >> 8;
}

static uint64_t slow_sum(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint64_t)data[i] << 8 : data[i];
    return sum;
}

static uint16_t slow_fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* ------------------------------------------------------------------ pm_sum */

static void rfc_1071_example_sums_to_ddf2(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(pm_sum_fold(pm_sum(data, sizeof data)), 0xddf2);
}

static void every_length_and_alignment_agrees_with_the_byte_loop(void **state)
{
    (void)state;
    uint32_t chance = 3;
    for (size_t len = 0; len < 400; len++) {
        for (size_t shift = 0; shift < 8; shift++) {
            uint8_t *block = malloc(shift + len + (shift + len == 0));
            assert_non_null(block);
            for (size_t i = 0; i < shift + len; i++)
                block[i] = (uint8_t)next_chance(&chance);
            assert_int_equal(pm_sum_fold(pm_sum(block + shift, len)),
                             slow_fold(slow_sum(block + shift, len)));
            free(block);
        }
    }
}

/* All ones carries the most; all zeros is the only sum that folds to 0. */
static void extremes_of_the_largest_packet_agree_with_the_byte_loop(void **state)
{
    (void)state;
    uint8_t *block = malloc(65536);
    assert_non_null(block);
    for (size_t len = 65520; len <= 65536; len++) {
        memset(block, 0xff, 65536);
        assert_int_equal(pm_sum_fold(pm_sum(block, len)), slow_fold(slow_sum(block, len)));
        memset(block, 0, 65536);
        assert_int_equal(pm_sum_fold(pm_sum(block, len)), 0);
    }
    free(block);
}

static void sums_of_even_parts_may_be_added(void **state)
{
    (void)state;
    uint8_t data[301];
    uint32_t chance = 8;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)next_chance(&chance);
    for (size_t cut = 0; cut <= 300; cut += 2)
        assert_int_equal(pm_sum_fold(pm_sum(data, cut) + pm_sum(data + cut, 301 - cut)),
                         slow_fold(slow_sum(data, 301)));
}

static void fold_agrees_with_folding_in_a_loop(void **state)
{
    (void)state;
    static const uint64_t corners[] = {
        0,           1,           0xffff,       0x10000,    0x1fffe,
        0xffffffffu, 0x100000000, 0x1ffffffffu, UINT64_MAX, UINT64_MAX - 1};
    for (size_t i = 0; i < COUNT(corners); i++)
        assert_int_equal(pm_sum_fold(corners[i]), slow_fold(corners[i]));
    uint32_t chance = 21;
    for (int i = 0; i < 100000; i++) {
        uint64_t sum = (uint64_t)next_chance(&chance) << 40 | (uint64_t)next_chance(&chance) << 16;
        assert_int_equal(pm_sum_fold(sum), slow_fold(sum));
    }
}

/* ------------------------------------------------------------------ updates */

/* What the field must hold for these 20 bytes, with `error` added to the right sum. */
static uint16_t full_field(const uint8_t data[20], uint16_t error)
{
    return (uint16_t)~slow_fold(slow_sum(data, 20) + error);
}

/* 0x0000 and 0xffff are the same number in one's complement. */
static bool is_same_sum(uint16_t a, uint16_t b)
{
    return a % 0xffff == b % 0xffff;
}

/* Words are often 0x0000 or 0xffff, and every third field is wrong by some difference, which must
 * be there afterwards: neither hidden nor grown. */
static void updates_agree_with_summing_again_right_or_wrong(void **state)
{
    (void)state;
    static const uint32_t favourites[] = {0, 0xffffffffu, 0xffff, 0xffff0000u};
    uint32_t chance = 31;
    for (int i = 0; i < 300000; i++) {
        uint8_t data[20];
        for (size_t b = 0; b < sizeof data; b++)
            data[b] = (uint8_t)next_chance(&chance);
        uint16_t error = i % 3 == 0 ? (uint16_t)next_chance(&chance) : 0;
        size_t at = next_chance(&chance) % 9 * 2;
        for (size_t word = 0; word < 4; word++) {
            uint32_t new_word = next_chance(&chance) % 2 ? favourites[next_chance(&chance) % 4]
                                                         : next_chance(&chance) << 8;
            uint16_t field = full_field(data, error);
            uint32_t old_word = pm_get32(data + at);
            pm_put32(data + at, new_word);
            uint16_t expected = full_field(data, error);
            assert_true(is_same_sum(pm_checksum_update32(field, old_word, new_word), expected));
            uint16_t half =
                pm_checksum_update16(field, (uint16_t)(old_word >> 16), (uint16_t)(new_word >> 16));
            half = pm_checksum_update16(half, (uint16_t)old_word, (uint16_t)new_word);
            assert_int_equal(half, pm_checksum_update32(field, old_word, new_word));
        }
    }
}

/* Where the bytes are not all zero, a right field is not only equivalent but the very same. */
static void a_right_field_stays_bit_for_bit_what_summing_gives(void **state)
{
    (void)state;
    for (uint32_t old_word = 0; old_word <= 0xffff; old_word += 13) {
        for (uint32_t new_word = 0; new_word <= 0xffff; new_word += 1285) {
            uint8_t data[20] = {0x45, [19] = 1};
            pm_put16(data + 6, (uint16_t)old_word);
            uint16_t field = full_field(data, 0);
            pm_put16(data + 6, (uint16_t)new_word);
            assert_int_equal(pm_checksum_update16(field, (uint16_t)old_word, (uint16_t)new_word),
                             full_field(data, 0));
        }
    }
}

/* RFC 1624 section 4: HC 0xdd2f, m 0x5555 -> 0x3285 gives 0x0000 and not 0xffff. */
static void rfc_1624_example_gives_zero(void **state)
{
    (void)state;
    assert_int_equal(pm_checksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

static void a_word_that_does_not_change_leaves_even_ffff_alone(void **state)
{
    (void)state;
    static const uint16_t words[] = {0, 1, 0x8000, 0xffff};
    for (uint32_t field = 0; field <= 0xffff; field++) {
        for (size_t i = 0; i < COUNT(words); i++)
            assert_int_equal(pm_checksum_update16((uint16_t)field, words[i], words[i]), field);
        assert_int_equal(pm_checksum_update32((uint16_t)field, 0xffff0000u, 0xffff0000u), field);
    }
}

/* ------------------------------------------------------------------ checking packets */

struct check {
    const char *story;
    enum pm_sum_state ip, l4;
    const char *hex;
    size_t wire_len;
};

/* Checksums below agree with a packet dissector; none was made by the code under test. */
static const struct check checks[] = {
    {"tcp, right", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "4500002d 00010000 4006 66c8" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 50ce 0000 68656c6c6f",
     0},
    {"tcp, right, padding behind", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "4500002d 00010000 4006 66c8" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 50ce 0000 68656c6c6f ff",
     0},
    {"both wrong", PM_SUM_WRONG, PM_SUM_WRONG,
     "4500002d 00010000 4006 66c9" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 50cd 0000 68656c6c6f",
     0},
    {"both never filled in", PM_SUM_ZERO, PM_SUM_ZERO,
     "4500002d 00010000 4006 0000" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 0000 0000 68656c6c6f",
     0},
    {"tcp, pseudo-header only", PM_SUM_RIGHT, PM_SUM_PARTIAL,
     "4500002d 00010000 4006 66c8" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 1422 0000 68656c6c6f",
     0},
    {"tcp, pseudo-header without length is none here", PM_SUM_RIGHT, PM_SUM_WRONG,
     "4500002d 00010000 4006 66c8" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 1409 0000 68656c6c6f",
     0},
    {"tcp TSO, pseudo-header without length", PM_SUM_RIGHT, PM_SUM_PARTIAL,
     "45000000 00010000 4006 0000" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 1409 0000 68656c6c6f",
     0},
    {"tcp TSO, right", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "45000000 00010000 4006 0000" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 50ce 0000 68656c6c6f",
     0},
    {"tcp, truncated", PM_SUM_RIGHT, PM_SUM_UNKNOWN,
     "4500002d 00010000 4006 66c8" ADDRS4 "04d2 0050 00000001 00000002 5018 0200 50ce 0000 68656c",
     45},
    {"tcp, first fragment", PM_SUM_RIGHT, PM_SUM_UNKNOWN,
     "4500002d 00012000 4006 46c8" ADDRS4
     "04d2 0050 00000001 00000002 5018 0200 50ce 0000 68656c6c6f",
     0},
    {"udp, right", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "45000020 00010000 4011 66ca" ADDRS4 "0035 1234 000c 14a4 61626364", 0},
    {"udp, without", PM_SUM_RIGHT, PM_SUM_NONE,
     "45000020 00010000 4011 66ca" ADDRS4 "0035 1234 000c 0000 61626364", 0},
    {"udp, wrong", PM_SUM_RIGHT, PM_SUM_WRONG,
     "45000020 00010000 4011 66ca" ADDRS4 "0035 1234 000c 14a3 61626364", 0},
    {"udp, pseudo-header only", PM_SUM_RIGHT, PM_SUM_PARTIAL,
     "45000020 00010000 4011 66ca" ADDRS4 "0035 1234 000c 1420 61626364", 0},
    {"udp, a surplus is not summed", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "45000024 00010000 4011 66c6" ADDRS4 "0035 1234 000c 14a4 61626364 01020304", 0},
    {"icmp, right", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "4500001c 00010000 4001 66de" ADDRS4 "0800 f7fd 0001 0001", 0},
    {"icmp, never filled in", PM_SUM_RIGHT, PM_SUM_ZERO,
     "4500001c 00010000 4001 66de" ADDRS4 "0800 0000 0001 0001", 0},
    {"icmp has no pseudo-header to hold", PM_SUM_RIGHT, PM_SUM_WRONG,
     "4500001c 00010000 4001 66de" ADDRS4 "0800 140c 0001 0001", 0},
    {"sctp has another sum", PM_SUM_RIGHT, PM_SUM_UNKNOWN,
     "4500001c 00010000 4084 665b" ADDRS4 "0800 0000 0001 0001", 0},
    {"tcp cut short: BAD_L4", PM_SUM_RIGHT, PM_SUM_UNKNOWN,
     "4500001c 00010000 4006 66d9" ADDRS4 "04d2 0050 00000001", 0},
    {"source route", PM_SUM_RIGHT, PM_SUM_UNKNOWN,
     "47000024 00010000 4001 d4c4" ADDRS4 "8307040a00000900"
     "0800 f7fd 0001 0001",
     0},
    {"options are summed too", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "46000020 00010000 4001 63d9" ADDRS4 "01010100"
     "0800 f7fd 0001 0001",
     0},
    {"ipv6 tcp, right", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "60000000 0019 0640" ADDRS6 "04d2 0050 00000001 00000002 5018 0200 095c 0000 68656c6c6f", 0},
    {"ipv6 udp, right", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "60000000 000c 1140" ADDRS6 "0035 1234 000c cd31 61626364", 0},
    {"ipv6 udp, right, behind a destination header", PM_SUM_RIGHT, PM_SUM_RIGHT,
     "60000000 0014 3c40" ADDRS6 "1100010400000000 0035 1234 000c cd31 61626364", 0},
    {"ipv6 udp must have one", PM_SUM_RIGHT, PM_SUM_ZERO,
     "60000000 000c 1140" ADDRS6 "0035 1234 000c 0000 61626364", 0},
    {"icmp6, right", PM_SUM_RIGHT, PM_SUM_RIGHT, "60000000 0008 3a40" ADDRS6 "8000 2446 0001 0001",
     0},
    {"icmp6, wrong", PM_SUM_RIGHT, PM_SUM_WRONG, "60000000 0008 3a40" ADDRS6 "8000 2447 0001 0001",
     0},
};

static void each_packet_is_judged_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(checks); i++) {
        struct packet p = packet_from_hex(checks[i].hex);
        struct pm_headers h;
        size_t wire_len = checks[i].wire_len > 0 ? checks[i].wire_len : p.len;
        pm_headers_parse(PM_LINK_RAW, p.data, p.len, wire_len, &h);
        enum pm_sum_state ip = pm_check_ip(&h), l4 = pm_check_l4(&h);
        if (ip != checks[i].ip || l4 != checks[i].l4)
            fail_msg("%s: ip %d for %d, l4 %d for %d", checks[i].story, ip, checks[i].ip, l4,
                     checks[i].l4);
        free(p.block);
    }
}

/* A zero in the field where the sum of the rest is 0xffff is both right and unset; it verifies. */
static void udp_of_ffff_is_right_and_never_none(void **state)
{
    (void)state;
    struct packet p =
        packet_from_hex("45000020 00010000 4011 66ca" ADDRS4 "0035 1234 000c 0000 61620000");
    pm_put16(p.data + 30, (uint16_t)~slow_fold(slow_sum(p.data + 12, 20) + 17 + 12));
    pm_put16(p.data + 26, 0xffff);
    struct pm_headers h;
    pm_headers_parse(PM_LINK_RAW, p.data, p.len, p.len, &h);
    assert_int_equal(pm_check_l4(&h), PM_SUM_RIGHT);
    pm_put16(p.data + 26, 0);
    assert_int_equal(pm_check_l4(&h), PM_SUM_NONE);
    free(p.block);
}

static void a_written_ip_checksum_is_right(void **state)
{
    (void)state;
    struct packet p = packet_from_hex("46000020 00010000 4001 ffff" ADDRS4 "01010100" PING);
    pm_write_ip_checksum(p.data);
    assert_int_equal(pm_get16(p.data + 10), 0x63d9);
    free(p.block);
}

/* Over IPv6, a zero where the right sum happens to be zero is still no checksum (RFC 8200). */
static void udp_over_ipv6_never_gets_by_with_zero(void **state)
{
    (void)state;
    struct packet p = packet_from_hex("60000000 000c 1140" ADDRS6 "0035 1234 000c 0000 61620000");
    uint16_t rest = (uint16_t)~slow_fold(slow_sum(p.data + 8, p.len - 8) + 17 + 12);
    pm_put16(p.data + 50, rest);
    assert_int_equal(slow_fold(slow_sum(p.data + 8, p.len - 8) + 17 + 12), 0xffff);
    struct pm_headers h;
    pm_headers_parse(PM_LINK_RAW, p.data, p.len, p.len, &h);
    assert_int_equal(pm_check_l4(&h), PM_SUM_ZERO);
    free(p.block);
}

/* Of a jumbogram even the upper half of the length counts. */
static void pseudo_sum_agrees_with_a_written_out_pseudo_header(void **state)
{
    (void)state;
    uint8_t pseudo[40] = {[39] = 6};
    struct packet p = packet_from_hex("60000000 0014 0640" ADDRS6 TCP);
    struct pm_headers h;
    pm_headers_parse(PM_LINK_RAW, p.data, p.len, p.len, &h);
    memcpy(pseudo, p.data + 8, 32);
    pm_put32(pseudo + 32, 0x00123456);
    assert_int_equal(pm_sum_fold(pm_pseudo_sum(&h, 0x00123456)), slow_fold(slow_sum(pseudo, 40)));
    free(p.block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_1071_example_sums_to_ddf2),
        cmocka_unit_test(every_length_and_alignment_agrees_with_the_byte_loop),
        cmocka_unit_test(extremes_of_the_largest_packet_agree_with_the_byte_loop),
        cmocka_unit_test(sums_of_even_parts_may_be_added),
        cmocka_unit_test(fold_agrees_with_folding_in_a_loop),
        cmocka_unit_test(updates_agree_with_summing_again_right_or_wrong),
        cmocka_unit_test(a_right_field_stays_bit_for_bit_what_summing_gives),
        cmocka_unit_test(rfc_1624_example_gives_zero),
        cmocka_unit_test(a_word_that_does_not_change_leaves_even_ffff_alone),
        cmocka_unit_test(each_packet_is_judged_as_the_table_says),
        cmocka_unit_test(udp_of_ffff_is_right_and_never_none),
        cmocka_unit_test(udp_over_ipv6_never_gets_by_with_zero),
        cmocka_unit_test(a_written_ip_checksum_is_right),
        cmocka_unit_test(pseudo_sum_agrees_with_a_written_out_pseudo_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
