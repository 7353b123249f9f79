/* scope.h - which device the packets of a socket take, whatever the routes say. */
#ifndef PKTMOD_TUNNEL_SCOPE_H
#define PKTMOD_TUNNEL_SCOPE_H

#include <stdbool.h>

/* The socket uses this device alone. */
bool pm_scope_bind(int fd, unsigned device);

/* The device by which this host reaches the world, if it had no tunnel: that of the default route
 * which is no tunnel's. 0: there is none now. */
unsigned pm_scope_outside(unsigned tunnel);

#endif
