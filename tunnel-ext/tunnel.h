/* tunnel.h - the packet tunnel of this platform: what is routed to its device goes through the
 * line (line.h) and on.
 *
 *     reflect   for programs on this host. Their connections end here, and are continued by sockets
 *               of the tunnel; see reflect.h
 *     forward   for a host that routes for others. Packets keep their ends, and the kernel forwards
 *               what comes back from the device
 *
 * Packets have a thread of their own. It holds the tunnel's lock while it works and lets go of it
 * while it waits, so that others may look and change in between: whatever says `locked`. */
#ifndef PKTMOD_TUNNEL_TUNNEL_H
#define PKTMOD_TUNNEL_TUNNEL_H

#include "tunnel-ext/line.h"

enum pm_tunnel_mode { PM_TUNNEL_REFLECT, PM_TUNNEL_FORWARD };

struct pm_tunnel;

struct pm_tunnel_config {
    enum pm_tunnel_mode mode;
    const char *device;         /* a name; it may have a %d for the first free number */
    uint32_t mtu;               /* of the device; 0: 65535 to reflect, 1500 to forward */
    const struct pm_prefix *to; /* destinations whose traffic enters; lent for life, and they may
                                   become more: pm_tunnel_route() */
    size_t to_count;
    uint64_t seed;
    bool plain;            /* no super-packets, and whole checksums */
    uint64_t memory;       /* as in pm_line_config */
    uint64_t ask_id, asks; /* the same */
    int64_t clock_ns;      /* time is the monotonic clock plus this */
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
struct pm_tunnel *pm_tunnel_new(const struct pm_tunnel_config *config, struct pm_policy *policy,
                                char *error, size_t error_cap);
/* Proves that packets come back; reflect only. Before the start. False with `error` filled. */
bool pm_tunnel_test(struct pm_tunnel *tunnel, char *error, size_t error_cap);
/* False: no thread could be made. */
bool pm_tunnel_start(struct pm_tunnel *tunnel);
bool pm_tunnel_has_started(const struct pm_tunnel *tunnel);
/* The thread ends; what waits in the engines is decided as when its time is over. */
void pm_tunnel_stop(struct pm_tunnel *tunnel);
/* Stopped, or never started. Everything is as it was before when this returns. */
void pm_tunnel_free(struct pm_tunnel *tunnel);

void pm_tunnel_lock(struct pm_tunnel *tunnel);
void pm_tunnel_unlock(struct pm_tunnel *tunnel);

/* Engines for another policy, made without the lock. NULL with `error` filled: it cannot be taken
 * while the tunnel runs, or memory is short. */
struct pm_generation *pm_tunnel_prepare(const struct pm_tunnel *tunnel, struct pm_policy *policy,
                                        char *error, size_t error_cap);
/* Not locked. Destinations from to[from] on enter too. False with `error` filled. */
bool pm_tunnel_route(struct pm_tunnel *tunnel, const struct pm_prefix *to, size_t from,
                     size_t to_count, char *error, size_t error_cap);

/* Locked, all of them. */
bool pm_tunnel_is_gone(const struct pm_tunnel *tunnel); /* its device is */
struct pm_line *pm_tunnel_line(const struct pm_tunnel *tunnel);
struct pm_tunnel_stats pm_tunnel_stats(const struct pm_tunnel *tunnel);
void pm_tunnel_replace(struct pm_tunnel *tunnel, struct pm_generation *next);
bool pm_tunnel_answer_ask(struct pm_tunnel *tunnel, uint64_t id, bool allow,
                          enum pm_answer_for answer_for, uint64_t duration_ns);
/* About once a second. */
void pm_tunnel_tick(struct pm_tunnel *tunnel);

const char *pm_tunnel_device(const struct pm_tunnel *tunnel);

#endif
