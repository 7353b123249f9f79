/* pipe_frame.h - the frames that `pktmod pipe` reads and writes, all integers little-endian.
 *
 *     0        4      5         13      14
 *     +--------+------+---------+-------+-------------+
 *     | length | type | now_ns  | iface | payload ... |     length counts what follows it:
 *     +--------+------+---------+-------+-------------+     10 + payload
 */
#ifndef PKTMOD_APP_PIPE_FRAME_H
#define PKTMOD_APP_PIPE_FRAME_H

#include <stdint.h>
#include <stdio.h>

#define PM_FRAME_PAYLOAD_MAX 262144u

enum {
    PM_FRAME_CONFIG = 'C', /* in: begin anew; payload JSON, see pipe_config.h */
    PM_FRAME_PACKET = 'P', /* in: an IP packet arrived on iface */
    PM_FRAME_TIME = 'T',   /* in: it is now_ns */
    PM_FRAME_QUIT = 'Q',   /* in */
    PM_FRAME_OUT = 'O',    /* out: an IP packet to send from iface */
    PM_FRAME_EVENT = 'E',  /* out: payload JSON */
    PM_FRAME_DONE = 'D',   /* out: ends the answer; payload u64, when time matters next */
};

struct pm_frame {
    uint8_t type, iface;
    uint64_t now_ns;
    const uint8_t *payload; /* reading: within the buffer that was given */
    uint32_t len;
};

enum pm_frame_step {
    PM_FRAME_GOOD,
    PM_FRAME_END,       /* of the input, between two frames */
    PM_FRAME_CUT,       /* it ends, or fails, within a frame */
    PM_FRAME_TOO_SMALL, /* length under 10 */
    PM_FRAME_TOO_LARGE, /* payload over PM_FRAME_PAYLOAD_MAX */
};

enum pm_frame_step pm_frame_read(FILE *in, struct pm_frame *frame,
                                 uint8_t buffer[PM_FRAME_PAYLOAD_MAX]);
/* What cannot be written is told by ferror(out). */
void pm_frame_write(FILE *out, const struct pm_frame *frame);

#endif
