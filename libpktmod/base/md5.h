/* md5.h - the MD5 digest (RFC 1321), for fingerprints that are made of it; it protects nothing. */
#ifndef PM_BASE_MD5_H
#define PM_BASE_MD5_H

#include <stddef.h>
#include <stdint.h>

#define PM_MD5_LEN 16u

/* Text that comes in pieces: begin, add any number of times, end once. */
struct pm_md5 {
    uint32_t state[4];
    uint64_t len;
    uint8_t block[64]; /* its first len % 64 bytes are filled */
};

void pm_md5_begin(struct pm_md5 *md5);
void pm_md5_add(struct pm_md5 *md5, const void *bytes, size_t len);
void pm_md5_end(struct pm_md5 *md5, uint8_t digest[PM_MD5_LEN]);

#endif
