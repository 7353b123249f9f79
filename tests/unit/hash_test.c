/* hash_test.c - SipHash-1-3 against a slow twin, which itself is held to published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

static uint64_t rotl(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

static void rounds(uint64_t v[4], int count)
{
    while (count-- > 0) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13);
        v[1] ^= v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16);
        v[3] ^= v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21);
        v[3] ^= v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17);
        v[1] ^= v[2];
        v[2] = rotl(v[2], 32);
    }
}

/* SipHash-c-d, one byte at a time as the paper describes it. */
static uint64_t slow_hash(int c, int d, const uint64_t key[2], const uint8_t *data, size_t len)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    size_t padded = (len / 8 + 1) * 8;
    uint64_t word = 0;
    for (size_t i = 0; i < padded; i++) {
        uint8_t byte = i < len ? data[i] : 0;
        if (i == padded - 1)
            byte = (uint8_t)len;
        word |= (uint64_t)byte << (i % 8 * 8);
        if (i % 8 < 7)
            continue;
        v[3] ^= word;
        rounds(v, c);
        v[0] ^= word;
        word = 0;
    }
    v[2] ^= 0xff;
    rounds(v, d);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const uint64_t paper_key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static void fill_ascending(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)i;
}

/* SipHash-2-4 of 00 01 02 .. of lengths 0, 1, 2, 8 and 15; the last is the paper's appendix A. */
static void slow_twin_gives_the_published_siphash_2_4_values(void **state)
{
    (void)state;
    uint8_t data[15];
    fill_ascending(data, sizeof data);
    assert_true(slow_hash(2, 4, paper_key, data, 0) == 0x726fdb47dd0e0e31u);
    assert_true(slow_hash(2, 4, paper_key, data, 1) == 0x74f839c593dc67fdu);
    assert_true(slow_hash(2, 4, paper_key, data, 2) == 0x0d6c8009d9a94f5au);
    assert_true(slow_hash(2, 4, paper_key, data, 8) == 0x93f5f5799a932462u);
    assert_true(slow_hash(2, 4, paper_key, data, 15) == 0xa129ca6149be45e5u);
}

static void every_length_and_alignment_agrees_with_the_slow_twin(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 300; len++) {
        for (size_t shift = 0; shift < 8; shift++) {
            uint8_t *block = malloc(len + shift + 1);
            assert_non_null(block);
            uint8_t *exact = realloc(block, len + shift > 0 ? len + shift : 1);
            assert_non_null(exact);
            for (size_t i = 0; i < len; i++)
                exact[shift + i] = (uint8_t)(i * 151 + len * 7 + shift);
            uint64_t key[2] = {len * 0x9e3779b97f4a7c15u, ~(uint64_t)shift};
            assert_true(pm_hash(key, exact + shift, len) ==
                        slow_hash(1, 3, key, exact + shift, len));
            free(exact);
        }
    }
}

static void a_flipped_bit_of_data_key_or_length_changes_the_hash(void **state)
{
    (void)state;
    uint8_t data[41];
    fill_ascending(data, sizeof data);
    uint64_t plain = pm_hash(paper_key, data, 40);
    for (unsigned bit = 0; bit < 40 * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(pm_hash(paper_key, data, 40) != plain);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 128; bit++) {
        uint64_t key[2] = {paper_key[0], paper_key[1]};
        key[bit / 64] ^= (uint64_t)1 << bit % 64;
        assert_true(pm_hash(key, data, 40) != plain);
    }
    data[40] = 0;
    assert_true(pm_hash(paper_key, data, 41) != plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_twin_gives_the_published_siphash_2_4_values),
        cmocka_unit_test(every_length_and_alignment_agrees_with_the_slow_twin),
        cmocka_unit_test(a_flipped_bit_of_data_key_or_length_changes_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
