/* carrier.h - what the cores of a tunnel ask of their platform. */
#ifndef PKTMOD_TUNNEL_CARRIER_H
#define PKTMOD_TUNNEL_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

/* What a watched descriptor can do now; edges, not levels. */
enum { PM_CAN_READ = 1, PM_CAN_WRITE = 2, PM_HAS_FAILED = 4 };

/* Bytes that are only read. */
static inline struct iovec pm_part(const uint8_t *bytes, size_t len)
{
    struct iovec part = {.iov_base = NULL, .iov_len = len};
    memcpy(&part.iov_base, &bytes, sizeof bytes);
    return part;
}

struct pm_carrier {
    void *context;
    /* Hands an IP packet to the local stack, as if it had come in by the device. */
    void (*write)(void *context, const struct iovec *parts, int count);
    /* The same of a TCP packet whose checksum is the pseudo-header's sum: its checksum is to be
     * completed, and its payload cut to gso_len (0: it is not). NULL: none such comes in. */
    void (*write_partial)(void *context, const struct iovec *parts, int count, uint16_t gso_len);
    /* Tells of the descriptor's edges, under the tag, until it is closed. */
    bool (*watch)(void *context, int fd, uint64_t tag);
    /* The socket's packets take the routes that there were without the tunnel. */
    bool (*stay_outside)(void *context, int fd);
    /* The socket hears the device only. */
    bool (*stay_inside)(void *context, int fd);
};

#endif
