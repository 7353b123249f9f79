/* nat.h - the ends of a packet as a nat knows them, and writing others in their place.
 *
 * A key of ends is a flow's key in which an ICMP query and its answer have their identifier as the
 * port of both ends: what an answer is found by.
 */
#ifndef PM_EDIT_NAT_H
#define PM_EDIT_NAT_H

#include "flow/key.h"

/* False: a packet that no nat maps: an ICMP message without an identifier, a fragment or a damaged
 * packet of a protocol that has ports, addresses that may not be written. *side is its source's. */
bool pm_nat_key_make(const struct pm_headers *h, struct pm_flow_key *key, unsigned *side);

/* Writes the key's ends into frame, whose headers lie as in layout: `side` is the source. Checksums
 * stay as right or wrong as they are. sum_is_there: the L4 checksum lies within the frame. */
void pm_nat_write(const struct pm_headers *layout, uint8_t *frame, const struct pm_flow_key *key,
                  unsigned side, bool sum_is_there);

/* A key with these ends, src being side 0 or 1 as keys are ordered; the rest is like's. */
struct pm_nat_end {
    uint8_t addr[16];
    uint16_t port;
};
void pm_nat_key_of(const struct pm_flow_key *like, const struct pm_nat_end *src,
                   const struct pm_nat_end *dst, struct pm_flow_key *key, unsigned *side);

#endif
