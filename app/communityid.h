/* communityid.h - Community ID v1: one name for a flow that every monitor gives it alike.
 *
 *     "1:" base64(SHA1(seed:2 addr:4|16 addr:4|16 proto:1 0:1 [port:2 port:2]))
 *
 * The lower end, by address and then by port, stands first. In the place of ports ICMP has its
 * type and the type of the answer that belongs to it; or, where none does, type and code, with the
 * ends as they are. Specification: github.com/corelight/community-id-spec
 */
#ifndef PKTMOD_APP_COMMUNITYID_H
#define PKTMOD_APP_COMMUNITYID_H

#include <pktmod/pktmod.h>

#define PM_COMMUNITY_ID 31 /* "1:", 28 digits, NUL */

struct pm_community_flow {
    struct pm_addr src, dst; /* of the same version */
    uint8_t proto;
    bool has_ports;              /* TCP, UDP, SCTP, ICMP: the two below count */
    uint16_t src_port, dst_port; /* ICMP: type, code */
};

void pm_community_id(const struct pm_community_flow *flow, uint16_t seed,
                     char text[PM_COMMUNITY_ID]);

#endif
