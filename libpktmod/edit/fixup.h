/* fixup.h - lengths and checksums after an edit.
 *
 * `layout` is the parsed packet whose headers `frame` has (same offsets); frame is what is written.
 * Incremental changes keep a wrong checksum wrong by the same difference (RFC 1624), and leave an
 * absent one (UDP over IPv4, 0) absent.
 */
#ifndef PM_EDIT_FIXUP_H
#define PM_EDIT_FIXUP_H

#include "wire/headers.h"

/* The frame's headers are final but for lengths and checksums, and payload_len bytes of payload
 * stand at payload_off (TCP or UDP). Writes IP and UDP lengths and all checksums; answers the
 * frame's length, without padding. */
size_t pm_fixup_whole(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len);

/* The same of a TCP segment whose checksum who sends it completes: it gets the pseudo-header's sum.
 */
size_t pm_fixup_partial(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len);

/* Writes the L4 checksum in full (TCP, UDP, ICMP, ICMPv6 at PM_PARSE_L4). */
void pm_fixup_l4_sum(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len);

/* Writes bytes into the L4 header (off counts from it) and updates its checksum. */
void pm_fixup_l4_bytes(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                       const uint8_t *bytes, uint32_t len);
void pm_fixup_l4_word32(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                        uint32_t value);

/* Writes bytes into the IP header (off counts from it) and updates the IPv4 header checksum; with
 * in_pseudo the L4 checksum too, because the pseudo-header covers them (addresses). */
void pm_fixup_l3_bytes(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                       const uint8_t *bytes, uint32_t len, bool in_pseudo);

#endif
