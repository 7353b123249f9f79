/* quic.h - the TLS hello in the first packets of a QUIC client: versions 1 and 2. RFC 9000 sections
 * 17.2 and 19.6, RFC 9001 section 5, RFC 9369.
 *
 *     datagram   | Initial                                        | more packets ... |
 *                | 11 type .. | version | dcid | scid | token | length | number | sealed |
 *                                          '-- the keys follow from it
 *     sealed     frames: CRYPTO (offset, bytes), PADDING, PING, ACK, CONNECTION_CLOSE
 *     message    | bytes of CRYPTO frames, each at its offset, in any order |
 *
 * What cannot be opened is passed over, as a server does. */
#ifndef PM_PROTO_QUIC_H
#define PM_PROTO_QUIC_H

#include "proto/quiccrypt.h"
#include "proto/tls.h"

#define PM_QUIC_ID_MAX  20u
#define PM_QUIC_LEAST   1200u /* bytes of a datagram with a client's Initial, at least */
#define PM_QUIC_PACKETS 65536u

/* Whether a client's datagram begins with an Initial that can be read; and whether the first bytes
 * of one look so. */
bool pm_quic_is_initial(const uint8_t *datagram, size_t len);
bool pm_quic_may_be_initial(const uint8_t *bytes, size_t len);

/* Gathers the message from datagrams in any order; begun as {0}. */
struct pm_quic_gather {
    uint8_t id[PM_QUIC_ID_MAX]; /* the keys follow from this connection id */
    uint8_t id_len;
    bool has_id;
    uint8_t has[PM_TLS_MESSAGE_MAX / 8]; /* a bit for each byte of the message that came */
    uint32_t len;                        /* of them without a gap, from the first */
};

/* What opening needs beside, shared by all flows. */
struct pm_quic_room {
    struct pm_quiccrypt *crypt;
    uint8_t *text; /* PM_QUIC_PACKETS bytes */
};

/* `message` as in pm_tls_gather(). BAD: frames contradict each other. */
enum pm_tls_answer pm_quic_gather(struct pm_quic_gather *g, uint8_t *message,
                                  const struct pm_quic_room *room, const uint8_t *datagram,
                                  size_t len);

#endif
