/* routes.h - sends what needs modification into the tunnel, and puts things back.
 *
 * Everything is routing rules and one table; the main table is not touched. D: the destinations.
 *
 *     reflect  5200  marked (our own sockets)          -> skip to 5209
 *              5201  IPv4 from nobody yet, or T; to D  -> table 5200: the device
 *              5201  IPv6 to D                         -> table 5200
 *              5202  the same, where D is everything
 *     forward  5200  came in by the device             -> skip to 5209
 *              5201  ICMP                              -> table 5200   errors quote what we sent
 *              5202  made here                         -> skip to 5209
 *              5203  to D, from D                      -> table 5200
 *              5204  all, where D is everything        -> table 5200
 *     both     5209  nothing: the search goes on as it would have
 *
 * IPv4 from T only: a program that has chosen another source address goes past the tunnel, and the
 * reverse path filter of the other devices finds the routes that it knew.
 *
 * A child process waits for our end, however it comes, and then removes all of that; so kill -9
 * leaves nothing behind. */
#ifndef PKTMOD_TUNNEL_ROUTES_H
#define PKTMOD_TUNNEL_ROUTES_H

#include <sys/types.h>

#include "tunnel-ext/linux/tun.h"
#include "tunnel-ext/packet.h"

#define PM_ROUTES_TABLE 5200u
#define PM_ROUTES_MARK  0x706b6d64u /* of sockets that stay outside */

struct pm_routes {
    int netlink, alive; /* alive: closed with us, which the child sees */
    pid_t child;
    bool is_forward, has_4, has_6; /* has: the tunnel can carry that version */
    bool is_framed_4, is_framed_6; /* its table, and the rules around those of destinations */
    struct pm_addr own4;           /* T, to reflect */
};

struct pm_route_plan {
    const struct pm_prefix *to;
    size_t count;
};

/* Removes what a run left that was killed with its child, and starts the child; before the device
 * is opened. Refused where another tunnel runs. False with `error` filled. */
bool pm_routes_begin(struct pm_routes *routes, char *error, size_t error_cap);
/* own6 NULL: no IPv6. */
bool pm_routes_reflect(struct pm_routes *routes, const struct pm_tun *tun,
                       const struct pm_route_plan *plan, const struct pm_addr *own4,
                       const struct pm_addr *own6, char *error, size_t error_cap);
bool pm_routes_forward(struct pm_routes *routes, const struct pm_tun *tun,
                       const struct pm_route_plan *plan, char *error, size_t error_cap);
/* More destinations for either. */
bool pm_routes_add(struct pm_routes *routes, const struct pm_tun *tun,
                   const struct pm_route_plan *plan, char *error, size_t error_cap);
/* All is as it was when this returns. */
void pm_routes_end(struct pm_routes *routes);

#endif
