/* relay.h - bytes between two connected TCP sockets, with no memory of its own.
 *
 *     fd[0] --peek--> room --send--> fd[1]      what was sent is then taken from fd[0]
 *     fd[1] --peek--> room --send--> fd[0]
 *
 * Bytes stay in the receiving kernel socket until the other one took them: a slow reader closes the
 * window of who writes, and an endless upload costs the same as a short one. The end of one
 * direction, and a reset, are handed on. */
#ifndef PKTMOD_TUNNEL_RELAY_H
#define PKTMOD_TUNNEL_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_relay {
    int fd[2];        /* non-blocking; watched for edges */
    bool can_read[2]; /* as far as is known; cleared when the socket says no */
    bool can_write[2];
    bool has_ended[2]; /* it said so, and the other one was told */
    uint64_t carried[2];
};

enum pm_relay_step {
    PM_RELAY_GOES,
    PM_RELAY_DONE,   /* both ended */
    PM_RELAY_BROKEN, /* one was reset, or failed: reset both */
};

/* Takes both sockets over, and assumes that all can be done. */
void pm_relay_init(struct pm_relay *relay, int here, int there);
/* Carries until neither socket can do more. `room` is lent for the call. */
enum pm_relay_step pm_relay_carry(struct pm_relay *relay, uint8_t *room, size_t cap);
/* Closes both: in order, or as resets. */
void pm_relay_close(struct pm_relay *relay, bool as_reset);

#endif
