/* ipv6ext.h - the chain of IPv6 extension headers (RFC 8200 section 4). */
#ifndef PM_WIRE_IPV6EXT_H
#define PM_WIRE_IPV6EXT_H

#include "wire/headers.h"

#define PM_IPV6_FIXED_LEN 40
#define PM_IPV6_EXT_MAX   8

/* Walks from h->l4_off, where a header of type h->ip_proto begins, to the upper-layer header or to
 * the payload of a fragment; moves both there and sets the flags that say what was met. ip_len and
 * end are set before. False: the chain leaves the datagram or the capture, is longer than
 * PM_IPV6_EXT_MAX, or contradicts the length of the datagram. */
bool pm_ipv6ext_walk(struct pm_headers *h);

/* The jumbo payload length (RFC 2675) in the hop-by-hop header that begins at ext, of which `len`
 * bytes may be read; 0: it has none. */
uint32_t pm_ipv6ext_jumbo_len(const uint8_t *ext, size_t len);

/* Whether that next header is an extension header, so that what the datagram carries comes later.
 */
bool pm_ipv6ext_is(uint8_t type);

/* The header before the one that begins `off` bytes into the IPv6 packet at l3, which was walked
 * that far: offset of its next-header field. */
uint32_t pm_ipv6ext_next_field(const uint8_t *l3, uint32_t off);

#endif
