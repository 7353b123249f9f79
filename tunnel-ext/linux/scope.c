/* scope.c - SO_BINDTODEVICE, and the default route; the contract is in scope.h. */
#include "tunnel-ext/scope.h"

#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ROUTE_IS_UP 1u

bool pm_scope_bind(int fd, unsigned device)
{
    char name[IF_NAMESIZE];
    return if_indextoname(device, name) != NULL &&
           setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) == 0;
}

/* Of IPv4; a host with IPv6 alone has none. */
unsigned pm_scope_outside(unsigned tunnel)
{
    char line[256], name[IF_NAMESIZE];
    unsigned best = 0, least = UINT_MAX, to, flags, metric, mask;
    FILE *routes = fopen("/proc/net/route", "re");
    if (routes == NULL)
        return 0;
    while (fgets(line, sizeof line, routes) != NULL) {
        if (sscanf(line, "%15s %x %*x %x %*d %*d %u %x", name, &to, &flags, &metric, &mask) != 5)
            continue;
        unsigned device = if_nametoindex(name);
        bool is_default = to == 0 && mask == 0 && (flags & ROUTE_IS_UP) != 0;
        if (!is_default || device == tunnel || metric >= least)
            continue;
        best = device;
        least = metric;
    }
    (void)fclose(routes);
    return best;
}
