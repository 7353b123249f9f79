/* bearer.h - a reflecting tunnel above a device that somebody else reads and writes: the line that
 * rewrites (line.h; another extension judges), reflection, the sockets of both and their clock. One
 * thread at a time.
 *
 *     device --pm_bearer_take()--> line, reflection --> sockets by the device outside
 *     device <----- write() ------                      <--
 *
 * The device is found by the address T that it has, and may get it late; the way outside is the
 * default route, which may change. */
#ifndef PKTMOD_TUNNEL_BEARER_H
#define PKTMOD_TUNNEL_BEARER_H

#include <poll.h>

#include "tunnel-ext/addresses.h"
#include "tunnel-ext/carrier.h"
#include "tunnel-ext/tunnel.h"

struct pm_bearer_device {
    void *context;
    /* Hands an IP packet to the local stack. False: it is lost. */
    bool (*write)(void *context, const struct iovec *parts, int count);
    /* What was written waits no longer; answers how many packets are lost. NULL: none ever wait. */
    unsigned (*flush)(void *context);
};

struct pm_bearer_config {
    struct pm_policy *policy;
    struct pm_addresses addresses; /* own6 of version 0: no IPv6 */
    uint32_t mtu;                  /* of the device */
    uint64_t seed;
    uint64_t memory; /* as in pm_line_config */
    struct pm_bearer_device device;
};

struct pm_bearer;

/* Descriptors that poll() is asked for, at most. */
#define PM_BEARER_POLLED 64u

/* NULL with `error` filled. */
struct pm_bearer *pm_bearer_new(const struct pm_bearer_config *config, char *error,
                                size_t error_cap);
/* Ends every connection with a reset. */
void pm_bearer_free(struct pm_bearer *bearer);

/* Finds the device that has T, and listens there. False with `error` filled: not yet, perhaps. */
bool pm_bearer_open(struct pm_bearer *bearer, char *error, size_t error_cap);
/* Looks for the way outside: at the start, and when the network has changed. New sockets take what
 * is found; connections over a device that is gone end with a reset. False: there is none, and
 * programs hear that their network is unreachable. */
bool pm_bearer_move(struct pm_bearer *bearer);
unsigned pm_bearer_inside(const struct pm_bearer *bearer);  /* the index of its own; 0: not open */
unsigned pm_bearer_outside(const struct pm_bearer *bearer); /* its index; 0: none */

/* A packet from the device, in a buffer that may be changed. */
void pm_bearer_take(struct pm_bearer *bearer, uint8_t *bytes, size_t len);
/* To wait: these descriptors, at most so long. */
size_t pm_bearer_poll(const struct pm_bearer *bearer, struct pollfd fds[PM_BEARER_POLLED]);
int pm_bearer_pause_ms(const struct pm_bearer *bearer);
/* All that is due, and all that sockets can do without waiting; then flushes. */
void pm_bearer_work(struct pm_bearer *bearer);

/* Another policy for connections that begin from now on; those that are there keep theirs (line.h).
 * False with `error` filled: the one in force stays. */
bool pm_bearer_replace(struct pm_bearer *bearer, struct pm_policy *policy, char *error,
                       size_t error_cap);

/* The self-test: a connection through P that must come back. Begin answers 0 or an errno. */
int pm_bearer_probe(struct pm_bearer *bearer);
bool pm_bearer_has_passed(const struct pm_bearer *bearer);

uint64_t pm_bearer_now_ns(void); /* monotonic */
struct pm_tunnel_stats pm_bearer_stats(const struct pm_bearer *bearer);
const struct pm_line *pm_bearer_line(const struct pm_bearer *bearer);

#endif
