/* sha256.h - the SHA-256 digest (FIPS 180-4), its HMAC (RFC 2104) and HKDF-Expand (RFC 5869). */
#ifndef PM_BASE_SHA256_H
#define PM_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define PM_SHA256_LEN 32u

/* Text that comes in pieces: begin, add any number of times, end once. */
struct pm_sha256 {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64]; /* its first len % 64 bytes are filled */
};

void pm_sha256_begin(struct pm_sha256 *sha);
void pm_sha256_add(struct pm_sha256 *sha, const void *bytes, size_t len);
void pm_sha256_end(struct pm_sha256 *sha, uint8_t digest[PM_SHA256_LEN]);

/* key_len <= 64. HKDF-Extract(salt, secret) is pm_hmac_sha256(salt, secret). */
void pm_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                    uint8_t mac[PM_SHA256_LEN]);
/* The first len bytes, at most one digest's. info_len <= 64. */
void pm_hkdf_expand(const uint8_t secret[PM_SHA256_LEN], const void *info, size_t info_len,
                    uint8_t *out, size_t len);

#endif
