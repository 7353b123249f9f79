/* addresses.c - looks for addresses among those of this host; the contract is in addresses.h. */
#include "tunnel-ext/addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "tunnel-ext/sockaddr.h"

/* False: not an IP address. */
static bool address_of(const struct ifaddrs *at, struct pm_addr *addr)
{
    union pm_sockaddr name;
    struct pm_end end;
    if (at->ifa_addr == NULL)
        return false;
    bool is_4 = at->ifa_addr->sa_family == AF_INET;
    if (!is_4 && at->ifa_addr->sa_family != AF_INET6)
        return false;
    memcpy(&name, at->ifa_addr, is_4 ? sizeof name.in : sizeof name.in6);
    bool is_read = pm_sockaddr_read(&name, &end);
    *addr = end.addr;
    return is_read;
}

/* Whether a device of this host has an address of the prefix. */
static bool is_taken(const struct pm_prefix *prefix)
{
    struct ifaddrs *list;
    struct pm_addr addr;
    bool is_taken = false;
    if (getifaddrs(&list) != 0)
        return false;
    for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next)
        is_taken |= address_of(at, &addr) && pm_prefix_holds(prefix, &addr);
    freeifaddrs(list);
    return is_taken;
}

bool pm_addresses_choose(struct pm_addresses *addresses)
{
    for (unsigned x = 0; x < 256; x++) {
        struct pm_prefix own = {.addr = {.bytes = {198, 18, (uint8_t)x, 0}, .version = 4},
                                .bits = PM_OWN4_BITS};
        if (is_taken(&own))
            continue;
        addresses->own4 = addresses->peer4 = own.addr;
        addresses->own4.bytes[3] = 1;
        addresses->peer4.bytes[3] = 2;
        addresses->own6 = (struct pm_addr){
            .bytes = {0x20, 0x01, 0, 2, 0, 0, 0, (uint8_t)x, [15] = 1}, .version = 6};
        addresses->peer6 = addresses->own6;
        addresses->peer6.bytes[15] = 2;
        return true;
    }
    return false;
}

unsigned pm_address_device(const struct pm_addr *addr)
{
    struct ifaddrs *list;
    struct pm_addr found;
    unsigned index = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (const struct ifaddrs *at = list; at != NULL && index == 0; at = at->ifa_next)
        if (address_of(at, &found) && pm_addr_is_same(&found, addr))
            index = if_nametoindex(at->ifa_name);
    freeifaddrs(list);
    return index;
}
