/* tls.h - a TLS ClientHello: out of the records of a stream, and what it says. RFC 8446
 * section 4.1.2 and 5.1, RFC 5246, RFC 6066, RFC 7301.
 *
 *     stream    | 22 3 x len | hello, first part | 22 3 x len | rest |  other records ...
 *     message                | hello, first part              | rest |
 *                            ^ 1, length (24 bits)
 *
 * Reads, never writes; bounded by the length of the message. A hello of SSLv2 is none. What is read
 * is what a server that follows the standards would read: records of another kind between the
 * parts, an extension that comes twice, or a length that contradicts another one make it no hello.
 */
#ifndef PM_PROTO_TLS_H
#define PM_PROTO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_TLS_MESSAGE_MAX 16384u /* bytes of a message that are gathered, its header included */
#define PM_TLS_HEADER      4u     /* of a message: type, length */

enum pm_tls_answer {
    PM_TLS_MORE,     /* as yet a hello, or nothing */
    PM_TLS_WHOLE,    /* the message is complete */
    PM_TLS_NONE,     /* what is there begins no hello */
    PM_TLS_TOO_LONG, /* it does, but one longer than PM_TLS_MESSAGE_MAX */
    PM_TLS_BAD,      /* it does, and contradicts itself; only in QUIC */
};

/* Gathers the message from bytes in order, in any cuts; begun as {0}. */
struct pm_tls_gather {
    uint32_t len;         /* bytes of the message */
    uint16_t record_left; /* bytes of the record at hand */
    uint8_t header[5];    /* of a record */
    uint8_t header_len;
};

/* `message` has room for PM_TLS_MESSAGE_MAX bytes and is the same in every call. After any answer
 * but MORE no more is to be given. */
enum pm_tls_answer pm_tls_gather(struct pm_tls_gather *g, uint8_t *message, const uint8_t *bytes,
                                 size_t len);
/* Whether the first len bytes of a message are all of it. */
enum pm_tls_answer pm_tls_message_answer(const uint8_t *message, size_t len);

/* ------------------------------------------------------------------ what it says */

enum pm_tls_extension {
    PM_TLS_SERVER_NAME = 0,
    PM_TLS_GROUPS = 10,
    PM_TLS_POINT_FORMATS = 11,
    PM_TLS_SIGNATURES = 13,
    PM_TLS_ALPN = 16,
    PM_TLS_SUPPORTED_VERSIONS = 43,
    PM_TLS_ECH = 0xfe0d, /* the name that stands outside is a stand-in */
};

#define PM_TLS_NAME_MAX     255u
#define PM_TLS_ALPN_MAX     255u
#define PM_TLS_VERSIONS_MAX 32u
#define PM_TLS_TYPES_MAX    128u
#define PM_TLS_JA3_LEN      32u
#define PM_TLS_JA4_LEN      36u

/* What rules ask about, read once and kept in place of the message. */
struct pm_tls_hello {
    uint16_t version; /* the one field that every version has; of TLS 1.3 it is 0x0303 */
    uint8_t name_len; /* 0: none */
    uint8_t alpn_len; /* of all entries */
    uint8_t type_count, version_count, ja4_len;
    uint8_t name[PM_TLS_NAME_MAX]; /* server_name: ASCII letters small, no dot at its end */
    uint8_t alpn[PM_TLS_ALPN_MAX]; /* entries: a length, so many bytes */
    uint8_t ja3[PM_TLS_JA3_LEN], ja4[PM_TLS_JA4_LEN]; /* text; ja4_len 0: too many ciphers */
    uint16_t types[PM_TLS_TYPES_MAX];                 /* of all extensions, in their order */
    uint16_t versions[PM_TLS_VERSIONS_MAX];           /* supported_versions */
};

/* Of a whole message. False: it contradicts itself, or has more than there is room for. is_quic: it
 * came in QUIC, which its JA4 says. */
bool pm_tls_hello_read(const uint8_t *message, size_t len, bool is_quic, struct pm_tls_hello *out);

/* Values that mean nothing and keep receivers tolerant (RFC 8701). */
static inline bool pm_tls_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

#endif
