/* reply.h - packets that the tunnel makes itself: what a dialled destination said, as the program
 * would have heard it, and what comes out of sockets that carry no headers. */
#ifndef PKTMOD_TUNNEL_REPLY_H
#define PKTMOD_TUNNEL_REPLY_H

#include "tunnel-ext/packet.h"

#define PM_REPLY_ROOM 1280u /* for a reset, and for an ICMP error */

/* A reset that answers a TCP segment (RFC 9293, 3.10.7.1). Answers its length. */
size_t pm_tunnel_reset(const struct pm_ippacket *to, uint8_t out[PM_REPLY_ROOM]);

enum pm_unreachable {
    PM_UNREACHABLE_NET,
    PM_UNREACHABLE_HOST,
    PM_UNREACHABLE_PORT,
    PM_UNREACHABLE_PROHIBITED,
};

/* The ICMP error that says so of a packet, from its destination (RFC 792, RFC 4443). */
size_t pm_tunnel_unreachable(const struct pm_ippacket *of, enum pm_unreachable how,
                             uint8_t out[PM_REPLY_ROOM]);

#define PM_DATAGRAM_HEADERS 48u

/* The headers of a datagram with this payload, whole with its checksum. Answers their length; 0:
 * too long for a datagram. */
size_t pm_tunnel_datagram(const struct pm_end *src, const struct pm_end *dst,
                          const uint8_t *payload, size_t len, uint8_t out[PM_DATAGRAM_HEADERS]);

/* The IP header of an ICMP echo reply, whose message (from its type on, checksum filled in here)
 * has len bytes. */
size_t pm_tunnel_echo(const struct pm_addr *src, const struct pm_addr *dst, uint8_t *message,
                      size_t len, uint8_t out[PM_DATAGRAM_HEADERS]);

#endif
