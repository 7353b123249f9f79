/* defaults.h - the default routes of this Mac, as its kernel lists them. */
#ifndef PKTMOD_TUNNEL_DEFAULTS_H
#define PKTMOD_TUNNEL_DEFAULTS_H

#include <stdbool.h>
#include <sys/socket.h>

struct pm_default {
    unsigned device;
    struct sockaddr_storage gateway; /* ss_len 0: the kernel named none */
};

/* The one of this family that stands for all, or else the first of those that are for sockets of
 * their device alone; never one of a tunnel. False: there is none. */
bool pm_default_find(int family, unsigned tunnel, struct pm_default *found);

#endif
