/* key.h - what makes packets belong together: two ends, a protocol, the VLANs. */
#ifndef PM_FLOW_KEY_H
#define PM_FLOW_KEY_H

#include "wire/headers.h"

/* Both directions have the same key: the lower end (address, then port) stands first. No padding,
 * so that keys are hashed and compared as bytes. */
struct pm_flow_key {
    uint8_t addr[2][16];
    uint16_t port[2];
    uint16_t vlan[PM_VLAN_MAX];
    uint8_t ip_version, ip_proto, vlan_count;
    uint8_t has_ports; /* else a flow of port-less packets: ICMP, later fragments, ... */
};

_Static_assert(sizeof(struct pm_flow_key) == 48, "no padding");

/* h->parse must be L4, L3 or BAD_L4. Returns the side the packet comes from: 0 if its source is
 * the end that stands first. */
unsigned pm_flow_key_make(const struct pm_headers *h, struct pm_flow_key *key);

#endif
