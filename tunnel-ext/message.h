/* message.h - what pktmod and the client of an external edit say to each other: a line of words,
 * and behind some lines bytes.
 *
 *     data stream=7 offset=0 len=5 end=0 dir=out to=server src=192.0.2.1 sport=40000
 *          dst=198.51.100.9 dport=80 flow=3 rule=mask\n hello              (one line)
 *     gone stream=7\n
 *     sync n=12\n
 *
 *     answer stream=7 offset=0 take=5 len=4\n HALO
 *     sync n=12\n
 */
#ifndef PKTMOD_TUNNEL_MESSAGE_H
#define PKTMOD_TUNNEL_MESSAGE_H

#include <pktmod/pktmod.h>

#include "tunnel-ext/buffer.h"

/* Longest line of a client, its end included. */
#define PM_MESSAGE_LINE 256u
/* Most bytes behind it. */
#define PM_MESSAGE_BYTES (256u << 10)

enum pm_message_kind {
    PM_MESSAGE_PARTIAL, /* more bytes have to come */
    PM_MESSAGE_WRONG,   /* no such message */
    PM_MESSAGE_ANSWER,
    PM_MESSAGE_SYNC
};

struct pm_message {
    enum pm_message_kind kind;
    uint64_t stream, offset, take, n;
    const uint8_t *bytes; /* in the buffer */
    size_t len;
    size_t size; /* of the whole message in the buffer */
};

/* Reads the first message in the buffer; it stays there. */
struct pm_message pm_message_read(const struct pm_buffer *in);

/* Both: false without room. */
bool pm_message_write_data(struct pm_buffer *out, const struct pm_external_data *data,
                           const char *rule);
bool pm_message_write_sync(struct pm_buffer *out, uint64_t n);

#endif
