/* netlink.h - asks the kernel for addresses, routes and routing rules (rtnetlink). */
#ifndef PKTMOD_TUNNEL_NETLINK_H
#define PKTMOD_TUNNEL_NETLINK_H

#include "tunnel-ext/packet.h"

/* A socket, or -1 with errno set. */
int pm_netlink_open(void);

/* All of them answer 0 or an errno. */
int pm_netlink_up(int fd, unsigned ifindex, uint32_t mtu);
int pm_netlink_add_address(int fd, unsigned ifindex, const struct pm_prefix *own);
/* A device's route in a table, or with ifindex 0 an entry that sends the search to the next table.
 */
int pm_netlink_add_route(int fd, uint32_t table, const struct pm_prefix *to, unsigned ifindex);

/* A routing rule; members that are zero ask for nothing. */
struct pm_netlink_rule {
    uint8_t version;
    uint32_t priority;
    const struct pm_prefix *from, *to;
    const char *interface; /* the packet came in by it; "lo": it is made here */
    uint32_t mark;
    uint8_t ip_proto;
    uint32_t table; /* to search; or */
    uint32_t go_to; /* a later priority; or neither: the rule does nothing */
};
int pm_netlink_add_rule(int fd, const struct pm_netlink_rule *rule);

/* Removes all rules that were made here, and such routes of the table, by whichever process. */
int pm_netlink_clean(int fd, uint32_t table);
/* Whether the table has a route through a device. */
bool pm_netlink_is_used(uint32_t table);

#endif
