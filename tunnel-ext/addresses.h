/* addresses.h - the addresses of a tunnel that reflects: T, which is its own, and P, which nobody
 * has.
 *
 *     198.18.x.0/30       T .1, P .2     networks for tests between hosts: RFC 2544
 *     2001:2:0:x::/126    T ::1, P ::2   the same: RFC 5180 */
#ifndef PKTMOD_TUNNEL_ADDRESSES_H
#define PKTMOD_TUNNEL_ADDRESSES_H

#include "tunnel-ext/packet.h"

#define PM_OWN4_BITS 30u
#define PM_OWN6_BITS 126u

struct pm_addresses {
    struct pm_addr own4, peer4, own6, peer6;
};

/* The first ones whose IPv4 network no device of this host is in. False: all 256 are in use. */
bool pm_addresses_choose(struct pm_addresses *addresses);

/* The device of this host that has the address; 0: none has. */
unsigned pm_address_device(const struct pm_addr *addr);

#endif
