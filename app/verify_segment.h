/* verify_segment.h - what IP carries: TCP, UDP and ICMP headers, and their checksums. */
#ifndef PKTMOD_APP_VERIFY_SEGMENT_H
#define PKTMOD_APP_VERIFY_SEGMENT_H

#include "app/verify_packet.h"

/* Reads what stands at l4_off; is_routed: the pseudo-header's address is not known. */
void pm_verify_segment_read(struct pm_verify_packet *packet, bool is_routed);

/* Ones' complement sum (RFC 1071) of bytes, on top of another; 0xffff over what has a right one. */
uint16_t pm_verify_sum(uint16_t sum, const uint8_t *bytes, uint32_t len);
/* The value that a checksum field should have had, from the sum over all including `seen` in it. */
uint16_t pm_verify_sum_without(uint16_t sum, uint16_t seen);

#endif
