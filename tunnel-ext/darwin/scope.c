/* scope.c - IP_BOUND_IF, and the default route; the contract is in scope.h. */
#include "tunnel-ext/scope.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "tunnel-ext/darwin/defaults.h"
#include "tunnel-ext/sockaddr.h"

bool pm_scope_bind(int fd, unsigned device)
{
    union pm_sockaddr own;
    socklen_t len = sizeof own;
    if (getsockname(fd, &own.any, &len) != 0)
        return false;
    bool is_4 = own.any.sa_family == AF_INET;
    return setsockopt(fd, is_4 ? IPPROTO_IP : IPPROTO_IPV6, is_4 ? IP_BOUND_IF : IPV6_BOUND_IF,
                      &device, sizeof device) == 0;
}

unsigned pm_scope_outside(unsigned tunnel)
{
    struct pm_default found;
    if (pm_default_find(AF_INET, tunnel, &found) || pm_default_find(AF_INET6, tunnel, &found))
        return found.device;
    return 0;
}
