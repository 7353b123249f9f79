/* sha256.c - the SHA-256 digest and what is made of it; the contract is in sha256.h. */
#include "base/sha256.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t roots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, unsigned bits)
{
    return x >> bits | x << (32 - bits);
}

static void spread(const uint8_t block[64], uint32_t words[64])
{
    for (size_t i = 0; i < 16; i++)
        words[i] = pm_get32(block + 4 * i);
    for (size_t i = 16; i < 64; i++) {
        uint32_t near = words[i - 2], far = words[i - 15];
        words[i] = (turn(near, 17) ^ turn(near, 19) ^ near >> 10) + words[i - 7] +
                   (turn(far, 7) ^ turn(far, 18) ^ far >> 3) + words[i - 16];
    }
}

static void take_block(uint32_t state[8], const uint8_t block[64])
{
    uint32_t words[64], s[8];
    spread(block, words);
    memcpy(s, state, sizeof s);
    for (size_t i = 0; i < 64; i++) {
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t first =
            s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + choice + roots[i] + words[i];
        uint32_t second = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + majority;
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += first;
        s[0] = first + second;
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += s[i];
}

void pm_sha256_begin(struct pm_sha256 *sha)
{
    *sha = (struct pm_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                        0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void pm_sha256_add(struct pm_sha256 *sha, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len > 0) {
        size_t used = sha->len % sizeof sha->block;
        size_t part = sizeof sha->block - used < len ? sizeof sha->block - used : len;
        memcpy(sha->block + used, p, part);
        sha->len += part;
        p += part;
        len -= part;
        if (used + part == sizeof sha->block)
            take_block(sha->state, sha->block);
    }
}

void pm_sha256_end(struct pm_sha256 *sha, uint8_t digest[PM_SHA256_LEN])
{
    static const uint8_t padding[64] = {0x80};
    uint8_t bits[8];
    pm_put32(bits, (uint32_t)(sha->len >> 29));
    pm_put32(bits + 4, (uint32_t)(sha->len << 3));
    size_t used = sha->len % 64;
    pm_sha256_add(sha, padding, used < 56 ? 56 - used : 120 - used);
    pm_sha256_add(sha, bits, sizeof bits);
    for (size_t i = 0; i < 8; i++)
        pm_put32(digest + 4 * i, sha->state[i]);
}

/* A digest begun with the key, each byte of it changed by `pad`. */
static void begin_keyed(struct pm_sha256 *sha, const uint8_t *key, size_t key_len, uint8_t pad)
{
    uint8_t block[64];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)((i < key_len ? key[i] : 0) ^ pad);
    pm_sha256_begin(sha);
    pm_sha256_add(sha, block, sizeof block);
}

void pm_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                    uint8_t mac[PM_SHA256_LEN])
{
    struct pm_sha256 sha;
    uint8_t inner[PM_SHA256_LEN];
    assert(key_len <= sizeof sha.block);
    begin_keyed(&sha, key, key_len, 0x36);
    pm_sha256_add(&sha, bytes, len);
    pm_sha256_end(&sha, inner);
    begin_keyed(&sha, key, key_len, 0x5c);
    pm_sha256_add(&sha, inner, sizeof inner);
    pm_sha256_end(&sha, mac);
}

void pm_hkdf_expand(const uint8_t secret[PM_SHA256_LEN], const void *info, size_t info_len,
                    uint8_t *out, size_t len)
{
    uint8_t text[65], block[PM_SHA256_LEN];
    assert(info_len < sizeof text && len <= sizeof block);
    memcpy(text, info, info_len);
    text[info_len] = 1;
    pm_hmac_sha256(secret, PM_SHA256_LEN, text, info_len + 1, block);
    memcpy(out, block, len);
}
