/* tunnel.h - the packet tunnel of this platform: what is routed to its device goes through the
 * rewriter and on.
 *
 *     reflect   for programs on this host. Their connections end here, and are continued by sockets
 *               of the tunnel; see reflect.h
 *     forward   for a host that routes for others. Packets keep their ends, and the kernel forwards
 *               what comes back from the device */
#ifndef PKTMOD_TUNNEL_TUNNEL_H
#define PKTMOD_TUNNEL_TUNNEL_H

#include <pktmod/pktmod.h>

enum pm_tunnel_mode { PM_TUNNEL_REFLECT, PM_TUNNEL_FORWARD };

struct pm_tunnel;

struct pm_tunnel_config {
    struct pm_policy *policy;
    enum pm_tunnel_mode mode;
    const char *device;         /* a name; it may have a %d for the first free number */
    uint32_t mtu;               /* of the device; 0: 65535 to reflect, 1500 to forward */
    const struct pm_prefix *to; /* destinations whose traffic enters */
    size_t to_count;
    uint64_t seed;
    int (*interrupted)(void); /* not 0: it is to end */
};

struct pm_tunnel_stats {
    uint64_t in, out; /* packets read from the device, written to it */
    uint64_t unwritten;
    uint64_t connections, refused, unreachable, unanswered; /* reflect: TCP, as dialled */
    uint64_t datagrams, echoes;                             /* reflect: sent on */
    uint64_t strays;   /* reflect: packets of no connection, for nobody, or of other protocols */
    uint64_t overflow; /* reflect: no room for another connection, association or question */
};

/* Makes the device, addresses, routes. NULL with `error` filled; then nothing is left behind. */
struct pm_tunnel *pm_tunnel_new(const struct pm_tunnel_config *config, char *error,
                                size_t error_cap);
/* Proves that packets come back; reflect only. False with `error` filled. */
bool pm_tunnel_test(struct pm_tunnel *tunnel, char *error, size_t error_cap);
/* Until `interrupted` says so, or the device is gone: false with `error` filled. */
bool pm_tunnel_run(struct pm_tunnel *tunnel, char *error, size_t error_cap);
/* Everything is as it was before when this returns. */
void pm_tunnel_free(struct pm_tunnel *tunnel);

const char *pm_tunnel_device(const struct pm_tunnel *tunnel);
struct pm_tunnel_stats pm_tunnel_stats(const struct pm_tunnel *tunnel);
const struct pm_rewriter *pm_tunnel_rewriter(const struct pm_tunnel *tunnel);

#endif
