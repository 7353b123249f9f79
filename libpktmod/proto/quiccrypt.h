/* quiccrypt.h - the AES-128 that QUIC's first packets are hidden with, by a library: libcrypto,
 * where the build found it (PKTMOD_QUIC). Keys of these packets follow from what stands in them, so
 * this keeps nobody from reading. */
#ifndef PM_PROTO_QUICCRYPT_H
#define PM_PROTO_QUICCRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_AES_KEY   16u
#define PM_AES_BLOCK 16u
#define PM_GCM_NONCE 12u
#define PM_GCM_TAG   16u

/* The library's state, allocated at once and used by one thread. */
struct pm_quiccrypt;

/* Built with the library. */
bool pm_quiccrypt_is_there(void);
/* NULL: no memory, or no library. */
struct pm_quiccrypt *pm_quiccrypt_new(void);
void pm_quiccrypt_free(struct pm_quiccrypt *crypt); /* NULL is fine */

/* One block of AES. */
bool pm_quiccrypt_block(struct pm_quiccrypt *crypt, const uint8_t key[PM_AES_KEY],
                        const uint8_t in[PM_AES_BLOCK], uint8_t out[PM_AES_BLOCK]);

/* What AES-GCM opens. */
struct pm_sealed {
    const uint8_t *key, *nonce; /* PM_AES_KEY, PM_GCM_NONCE bytes */
    const uint8_t *aad;         /* in the clear, but nothing else than this was sealed with it */
    size_t aad_len;
    const uint8_t *bytes; /* the tag behind the text */
    size_t len;
};

/* `out` has room for len - PM_GCM_TAG bytes. False: not sealed with that key, or damaged. */
bool pm_quiccrypt_open(struct pm_quiccrypt *crypt, const struct pm_sealed *sealed, uint8_t *out);

#endif
