/* scope.c - IP_BOUND_IF, and the default route; the contract is in scope.h. */
#include "tunnel-ext/scope.h"

#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysctl.h>

bool pm_scope_bind(int fd, unsigned device)
{
    union {
        struct sockaddr any;
        struct sockaddr_in6 in6;
    } own;
    socklen_t len = sizeof own;
    if (getsockname(fd, &own.any, &len) != 0)
        return false;
    bool is_4 = own.any.sa_family == AF_INET;
    return setsockopt(fd, is_4 ? IPPROTO_IP : IPPROTO_IPV6, is_4 ? IP_BOUND_IF : IPV6_BOUND_IF,
                      &device, sizeof device) == 0;
}

/* Not a tunnel, nor what cannot reach anybody. */
static bool is_physical(unsigned device)
{
    static const char *const others[] = {"utun", "ipsec", "ppp", "lo", "gif", "stf"};
    char name[IF_NAMESIZE];
    if (if_indextoname(device, name) == NULL)
        return false;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

/* Destination and mask are both nothing but zero; a mask may be left out, or be of length 0. */
static bool is_default(const struct rt_msghdr *route, const uint8_t *addresses, size_t len)
{
    static const uint8_t nothing[16] = {0};
    size_t off = addresses[1] == AF_INET ? 4 : 8; /* of the address in its sockaddr */
    size_t size = addresses[1] == AF_INET ? 4 : 16;
    bool is_ip = addresses[1] == AF_INET || addresses[1] == AF_INET6;
    if ((route->rtm_addrs & RTA_DST) == 0 || !is_ip || len < off + size)
        return false;
    return (route->rtm_flags & RTF_HOST) == 0 && memcmp(addresses + off, nothing, size) == 0;
}

static bool is_wanted(const struct rt_msghdr *route, const uint8_t *addresses, size_t len,
                      unsigned tunnel)
{
    const int needed = RTF_UP | RTF_GATEWAY;
    return (route->rtm_flags & needed) == needed && route->rtm_index != tunnel && len >= 2 &&
           is_default(route, addresses, len) && is_physical(route->rtm_index);
}

/* Of a dump of the routes: the first default route that stands for all, or else the first of those
 * that are for sockets of their device alone. */
static unsigned find(const uint8_t *dump, size_t len, unsigned tunnel)
{
    unsigned scoped = 0;
    for (size_t off = 0; len - off >= sizeof(struct rt_msghdr);) {
        struct rt_msghdr route;
        memcpy(&route, dump + off, sizeof route);
        if (route.rtm_msglen < sizeof route || route.rtm_msglen > len - off)
            break;
        const uint8_t *addresses = dump + off + sizeof route;
        off += route.rtm_msglen;
        if (!is_wanted(&route, addresses, route.rtm_msglen - sizeof route, tunnel))
            continue;
        if ((route.rtm_flags & RTF_IFSCOPE) == 0)
            return route.rtm_index;
        if (scoped == 0)
            scoped = route.rtm_index;
    }
    return scoped;
}

static unsigned outside_of(int family, unsigned tunnel)
{
    int name[] = {CTL_NET, PF_ROUTE, 0, family, NET_RT_FLAGS, RTF_GATEWAY};
    size_t len = 0;
    unsigned device = 0;
    if (sysctl(name, 6, NULL, &len, NULL, 0) != 0 || len == 0)
        return 0;
    len += len / 4; /* more routes may come between the two calls */
    uint8_t *dump = malloc(len);
    if (dump != NULL && sysctl(name, 6, dump, &len, NULL, 0) == 0)
        device = find(dump, len, tunnel);
    free(dump);
    return device;
}

unsigned pm_scope_outside(unsigned tunnel)
{
    unsigned device = outside_of(AF_INET, tunnel);
    return device != 0 ? device : outside_of(AF_INET6, tunnel);
}
