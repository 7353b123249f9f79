/* ja.h - JA3 and JA4, fingerprints of TLS clients: which ciphers and extensions a hello has.
 *
 *     JA3   MD5 of "771,4865-4866-...,0-23-...,29-23-24,0"      version, ciphers, extensions,
 *                                                              groups, point formats; as they stand
 *     JA4   t13d1516h2_8daaf6152771_e5627efa2ab1                counts; SHA-256 of sorted ciphers;
 *                                                              of sorted extensions and signatures
 *
 * GREASE (RFC 8701) is left out of both. */
#ifndef PM_PROTO_JA_H
#define PM_PROTO_JA_H

#include "proto/tls.h"

struct pm_tls_span {
    const uint8_t *bytes;
    size_t len;
};

/* Of a hello, lists that only fingerprints look at: 16-bit numbers, but formats bytes. */
struct pm_tls_lists {
    struct pm_tls_span ciphers, groups, formats, signatures;
    bool is_quic;
};

#define PM_JA4_CIPHERS_MAX 512u

/* Read what stands in hello, and fill in its ja3, its ja4. */
void pm_ja3(const struct pm_tls_lists *lists, struct pm_tls_hello *hello);
void pm_ja4(const struct pm_tls_lists *lists, struct pm_tls_hello *hello);

#endif
