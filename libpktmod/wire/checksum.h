/* checksum.h - the Internet checksum (RFC 1071), whole and incremental (RFC 1624). */
#ifndef PM_WIRE_CHECKSUM_H
#define PM_WIRE_CHECKSUM_H

#include "wire/headers.h"

/* One's complement sum of big-endian 16-bit words, unfolded; an odd last byte counts as its high
 * half. Sums of even-length parts may be added. */
uint64_t pm_sum(const uint8_t *data, size_t len);

/* Folds to 16 bits, not complemented. */
static inline uint16_t pm_sum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* What the checksum field must hold after a 16- or 32-bit word of the covered bytes changed.
 * A checksum that was wrong stays wrong by the same difference (RFC 1624 eqn. 3). */
uint16_t pm_checksum_update16(uint16_t field, uint16_t old_word, uint16_t new_word);
uint16_t pm_checksum_update32(uint16_t field, uint32_t old_word, uint32_t new_word);

/* Pseudo-header sum of the packet's addresses and protocol with that L4 length, unfolded. */
uint64_t pm_pseudo_sum(const struct pm_headers *h, uint32_t l4_len);

enum pm_sum_state {
    PM_SUM_RIGHT,
    PM_SUM_WRONG,
    PM_SUM_PARTIAL, /* wrong, but the field holds just the pseudo-header sum: offloaded */
    PM_SUM_ZERO,    /* wrong, and the field is 0: never filled in (not UDP over IPv4) */
    PM_SUM_NONE,    /* UDP over IPv4 sent without one */
    PM_SUM_UNKNOWN, /* bytes missing (truncated, fragment), is_unmodifiable (the address summed
                       may be another), or a protocol without a checksum here */
};

/* IPv4 header checksum; IPv6 has none and is RIGHT. parse must not be NOT_IP or BAD_L3. A packet
 * with has_no_length counts as offloaded: RIGHT. */
enum pm_sum_state pm_check_ip(const struct pm_headers *h);
/* TCP, UDP, ICMP, ICMPv6 at PM_PARSE_L4; UNKNOWN for all else. */
enum pm_sum_state pm_check_l4(const struct pm_headers *h);

/* Writes the IPv4 header checksum of the header at l3. */
void pm_write_ip_checksum(uint8_t *l3);

#endif
