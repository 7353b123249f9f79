/* reject.h - packets that tell the ends of a rejected one: complete, with the link header of that.
 *
 *     reset     RFC 9293 section 3.5.2      to the sender, and to the receiver of an ACK
 *     prohibited   ICMP type 3 code 13 (RFC 1812), ICMPv6 type 1 code 1 (RFC 4443), to the sender,
 *                  from the address that the packet was for
 */
#ifndef PM_ENGINE_REJECT_H
#define PM_ENGINE_REJECT_H

#include <pktmod/pktmod.h>

#include "wire/headers.h"

#define PM_REPLY_LINK 512u  /* longest link header that is mirrored */
#define PM_REPLY_IP   1280u /* longest IP packet: the least MTU of IPv6 */

struct pm_reply_room {
    uint8_t bytes[PM_REPLY_LINK + PM_REPLY_IP];
    size_t len;
    bool to_sender;
};

/* The packet may be answered at all: no error answers an error, a reset, a broadcast or multicast,
 * a later fragment, or what no receiver takes because its checksum is wrong (offloaded ones are
 * not). Only whole headers are. */
bool pm_reject_may_tell(const struct pm_headers *h, const struct pm_packet *packet);

/* What a TCP segment takes of the sequence space. */
uint32_t pm_segment_len(const struct pm_headers *h);

/* to_sender: the numbers are those of an answer. Else those of the sender, who would go on at seq.
 * The packet is a TCP segment. */
void pm_reject_reset(const struct pm_headers *h, uint16_t link, bool to_sender, uint32_t seq,
                     struct pm_reply_room *out);
void pm_reject_prohibited(const struct pm_headers *h, uint16_t link, struct pm_reply_room *out);

/* The packet is a UDP datagram, and `frame` has len bytes for its sender at pm_reply_payload(): the
 * headers before them are written. Answers the length of all. */
uint32_t pm_reply_payload(const struct pm_headers *h);
size_t pm_reply_write(const struct pm_headers *h, uint16_t link, uint8_t *frame, uint32_t len);

#endif
