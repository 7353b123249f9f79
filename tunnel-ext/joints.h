/* joints.h - IP fragments of programs on this host, put together: sockets carry whole datagrams.
 *
 *     [0, 1480) [1480, 2960) [2960, 3008)  ->  one packet, as if it had never been cut
 *
 * Bounded: PM_JOINTS_MOST datagrams of at most 64 pieces each, for 30 s; the oldest one makes
 * room. Pieces that overlap, or contradict each other's end, end their datagram (RFC 5722). */
#ifndef PKTMOD_TUNNEL_JOINTS_H
#define PKTMOD_TUNNEL_JOINTS_H

#include "tunnel-ext/packet.h"

#define PM_JOINTS_MOST 16u

struct pm_joints;

/* NULL: no memory. */
struct pm_joints *pm_joints_new(void);
void pm_joints_free(struct pm_joints *fragments);

/* Takes a fragment (packet->is_fragment). Answers the length of the whole packet at *whole, which
 * is there to be changed until the next call; 0: there is none, and *is_lost says whether the
 * fragment will never be part of one. */
size_t pm_joints_take(struct pm_joints *fragments, const struct pm_ippacket *packet,
                      uint64_t now_ns, uint8_t **whole, bool *is_lost);

#endif
