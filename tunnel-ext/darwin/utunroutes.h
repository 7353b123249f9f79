/* utunroutes.h - sends what needs modification into a utun, by routes of this Mac.
 *
 *     each destination         -> the device     0/0 as 0/1 and 128/1, which go before it
 *     the tunnel's own network -> the device
 *     default, of one device   -> its gateway    a copy that only sockets bound to that device see;
 *                                                without it they would find the routes above alone
 *
 * Routes of the device go with it, however this process ends. The copy is removed at the end; after
 * a kill it stays, and does no harm: it says what the default route says. */
#ifndef PKTMOD_TUNNEL_UTUNROUTES_H
#define PKTMOD_TUNNEL_UTUNROUTES_H

#include "tunnel-ext/darwin/defaults.h"
#include "tunnel-ext/packet.h"

struct pm_utunroutes {
    int fd; /* a routing socket: readable when something about routes has changed */
    unsigned device;
    struct pm_default copies[2]; /* IPv4, IPv6; device 0: none is ours */
};

/* False: errno tells why. */
bool pm_utunroutes_open(struct pm_utunroutes *routes, unsigned device);
void pm_utunroutes_close(struct pm_utunroutes *routes);
/* 0 or an errno. */
int pm_utunroutes_add(struct pm_utunroutes *routes, const struct pm_prefix *to);
/* Copies the default routes as they are now. */
void pm_utunroutes_follow(struct pm_utunroutes *routes);
/* Reads all that the routing socket has to say. True: it may concern the way outside. */
bool pm_utunroutes_hear(const struct pm_utunroutes *routes);

#endif
