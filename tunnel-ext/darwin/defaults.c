/* defaults.c - reads a dump of the routing table; the contract is in defaults.h.
 *
 *     | rt_msghdr | destination | gateway | netmask | ... |   each address in a multiple of 4 bytes
 */
#include "tunnel-ext/darwin/defaults.h"

#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysctl.h>

/* A route as the dump has it. */
struct route {
    struct rt_msghdr header;
    const uint8_t *addresses;
    size_t len;
};

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

/* Of the address at the front; an empty one takes 4 bytes too. */
static size_t room_of(const struct route *route)
{
    size_t len = route->len == 0 || route->addresses[0] == 0 ? 4 : route->addresses[0];
    len = (len + 3) & ~(size_t)3;
    return len < route->len ? len : route->len;
}

/* The destination is an IP address of zeros. */
static bool is_default(const struct route *route, int family)
{
    static const uint8_t nothing[16] = {0};
    size_t off = family == AF_INET ? offsetof(struct sockaddr_in, sin_addr)
                                   : offsetof(struct sockaddr_in6, sin6_addr);
    size_t size = family == AF_INET ? 4 : 16;
    if ((route->header.rtm_addrs & RTA_DST) == 0 || route->len < off + size)
        return false;
    return route->addresses[1] == family && memcmp(route->addresses + off, nothing, size) == 0;
}

static bool is_wanted(const struct route *route, int family, unsigned tunnel)
{
    const int needed = RTF_UP | RTF_GATEWAY;
    return (route->header.rtm_flags & (needed | RTF_HOST)) == needed &&
           route->header.rtm_index != tunnel && is_default(route, family) &&
           is_physical(route->header.rtm_index);
}

static struct pm_default read_default(const struct route *route)
{
    struct pm_default found = {.device = route->header.rtm_index};
    size_t off = room_of(route), left = route->len - off;
    bool has_gateway = (route->header.rtm_addrs & RTA_GATEWAY) != 0 && left > 0;
    size_t len = has_gateway ? route->addresses[off] : 0;
    if (len > 0 && len <= left && len <= sizeof found.gateway)
        memcpy(&found.gateway, route->addresses + off, len);
    return found;
}

/* False: the dump ends here, or makes no sense from here on. */
static bool next_route(const uint8_t *dump, size_t len, size_t *off, struct route *route)
{
    if (len - *off < sizeof route->header)
        return false;
    memcpy(&route->header, dump + *off, sizeof route->header);
    size_t size = route->header.rtm_msglen;
    if (size < sizeof route->header || size > len - *off)
        return false;
    route->addresses = dump + *off + sizeof route->header;
    route->len = size - sizeof route->header;
    *off += size;
    return true;
}

static bool find(const uint8_t *dump, size_t len, int family, unsigned tunnel,
                 struct pm_default *found)
{
    struct route route;
    bool has_scoped = false;
    for (size_t off = 0; next_route(dump, len, &off, &route);) {
        bool is_scoped = (route.header.rtm_flags & RTF_IFSCOPE) != 0;
        if (!is_wanted(&route, family, tunnel) || (is_scoped && has_scoped))
            continue;
        *found = read_default(&route);
        if (!is_scoped)
            return true;
        has_scoped = true;
    }
    return has_scoped;
}

bool pm_default_find(int family, unsigned tunnel, struct pm_default *found)
{
    int name[] = {CTL_NET, PF_ROUTE, 0, family, NET_RT_FLAGS, RTF_GATEWAY};
    size_t len = 0;
    if (sysctl(name, 6, NULL, &len, NULL, 0) != 0 || len == 0)
        return false;
    len += len / 4; /* more routes may come between the two calls */
    uint8_t *dump = malloc(len);
    bool is_found = dump != NULL && sysctl(name, 6, dump, &len, NULL, 0) == 0 &&
                    find(dump, len, family, tunnel, found);
    free(dump);
    return is_found;
}
