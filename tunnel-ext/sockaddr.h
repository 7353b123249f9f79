/* sockaddr.h - ends as the socket calls want them. */
#ifndef PKTMOD_TUNNEL_SOCKADDR_H
#define PKTMOD_TUNNEL_SOCKADDR_H

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tunnel-ext/packet.h"

union pm_sockaddr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Answers its length. */
static inline socklen_t pm_sockaddr_of(union pm_sockaddr *at, const struct pm_end *end)
{
    memset(at, 0, sizeof *at);
    if (end->addr.version == 4) {
        at->in.sin_family = AF_INET;
        at->in.sin_port = htons(end->port);
        memcpy(&at->in.sin_addr, end->addr.bytes, 4);
        return sizeof at->in;
    }
    at->in6.sin6_family = AF_INET6;
    at->in6.sin6_port = htons(end->port);
    memcpy(&at->in6.sin6_addr, end->addr.bytes, 16);
    return sizeof at->in6;
}

/* False: neither IPv4 nor IPv6. */
static inline bool pm_sockaddr_read(const union pm_sockaddr *at, struct pm_end *end)
{
    memset(end, 0, sizeof *end);
    if (at->any.sa_family == AF_INET) {
        end->addr.version = 4;
        end->port = ntohs(at->in.sin_port);
        memcpy(end->addr.bytes, &at->in.sin_addr, 4);
        return true;
    }
    end->addr.version = 6;
    end->port = ntohs(at->in6.sin6_port);
    memcpy(end->addr.bytes, &at->in6.sin6_addr, 16);
    return at->any.sa_family == AF_INET6;
}

#endif
