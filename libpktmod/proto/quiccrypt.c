/* quiccrypt.c - AES-128 by libcrypto, or none; the contract is in quiccrypt.h. */
#include "proto/quiccrypt.h"

#ifdef PKTMOD_HAS_CRYPTO

#include <limits.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct pm_quiccrypt {
    EVP_CIPHER_CTX *block, *gcm;
};

bool pm_quiccrypt_is_there(void)
{
    return true;
}

/* The ciphers are chosen once; a packet only sets keys. */
static bool choose(struct pm_quiccrypt *crypt)
{
    crypt->block = EVP_CIPHER_CTX_new();
    crypt->gcm = EVP_CIPHER_CTX_new();
    return crypt->block && crypt->gcm &&
           EVP_EncryptInit_ex(crypt->block, EVP_aes_128_ecb(), NULL, NULL, NULL) == 1 &&
           EVP_DecryptInit_ex(crypt->gcm, EVP_aes_128_gcm(), NULL, NULL, NULL) == 1;
}

struct pm_quiccrypt *pm_quiccrypt_new(void)
{
    struct pm_quiccrypt *crypt = calloc(1, sizeof *crypt);
    if (crypt && choose(crypt))
        return crypt;
    pm_quiccrypt_free(crypt);
    return NULL;
}

void pm_quiccrypt_free(struct pm_quiccrypt *crypt)
{
    if (!crypt)
        return;
    EVP_CIPHER_CTX_free(crypt->block);
    EVP_CIPHER_CTX_free(crypt->gcm);
    free(crypt);
}

bool pm_quiccrypt_block(struct pm_quiccrypt *crypt, const uint8_t key[PM_AES_KEY],
                        const uint8_t in[PM_AES_BLOCK], uint8_t out[PM_AES_BLOCK])
{
    int len = 0;
    return EVP_EncryptInit_ex(crypt->block, NULL, NULL, key, NULL) == 1 &&
           EVP_EncryptUpdate(crypt->block, out, &len, in, PM_AES_BLOCK) == 1 && len == PM_AES_BLOCK;
}

bool pm_quiccrypt_open(struct pm_quiccrypt *crypt, const struct pm_sealed *sealed, uint8_t *out)
{
    uint8_t tag[PM_GCM_TAG], rest[PM_AES_BLOCK];
    int len = 0;
    if (sealed->len < PM_GCM_TAG || sealed->len > INT_MAX || sealed->aad_len > INT_MAX)
        return false;
    size_t text_len = sealed->len - PM_GCM_TAG;
    for (size_t i = 0; i < PM_GCM_TAG; i++)
        tag[i] = sealed->bytes[text_len + i];
    return EVP_DecryptInit_ex(crypt->gcm, NULL, NULL, sealed->key, sealed->nonce) == 1 &&
           EVP_DecryptUpdate(crypt->gcm, NULL, &len, sealed->aad, (int)sealed->aad_len) == 1 &&
           EVP_DecryptUpdate(crypt->gcm, out, &len, sealed->bytes, (int)text_len) == 1 &&
           EVP_CIPHER_CTX_ctrl(crypt->gcm, EVP_CTRL_AEAD_SET_TAG, (int)sizeof tag, tag) == 1 &&
           EVP_DecryptFinal_ex(crypt->gcm, rest, &len) == 1;
}

#else

bool pm_quiccrypt_is_there(void)
{
    return false;
}

struct pm_quiccrypt *pm_quiccrypt_new(void)
{
    return NULL;
}

void pm_quiccrypt_free(struct pm_quiccrypt *crypt)
{
    (void)crypt;
}

bool pm_quiccrypt_block(struct pm_quiccrypt *crypt, const uint8_t key[PM_AES_KEY],
                        const uint8_t in[PM_AES_BLOCK], uint8_t out[PM_AES_BLOCK])
{
    (void)crypt, (void)key, (void)in, (void)out;
    return false;
}

bool pm_quiccrypt_open(struct pm_quiccrypt *crypt, const struct pm_sealed *sealed, uint8_t *out)
{
    (void)crypt, (void)sealed, (void)out;
    return false;
}

#endif
