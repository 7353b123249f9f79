/* icmpquote.h - the packet that an ICMP or ICMPv6 error quotes: the beginning of one that its
 * addressee sent (RFC 792, RFC 4443, RFC 4884).
 *
 *     | outer IP | type, code, sum, MTU.. | quoted IP | quoted TCP: seq | ack | .. | sum | ..
 *                                                     l4_off            at least 8 bytes of it
 */
#ifndef PM_WIRE_ICMPQUOTE_H
#define PM_WIRE_ICMPQUOTE_H

#include "wire/headers.h"

struct pm_icmpquote {
    struct pm_headers headers; /* of the quoted packet, as far as it goes: L3, ports, flow */
    uint32_t l4_off;           /* of its TCP, UDP or ICMP header, in the frame that quotes */
    uint32_t l4_len;           /* bytes of it, and of what follows, that are quoted; at least 8 */
    uint32_t mtu;              /* that the error asks for; 0: none */
};

/* h is the packet's that may quote. False: it is no such error, quotes no TCP, UDP or ICMP query,
 * less than the 8 bytes that every error has, or a packet that its addressee did not send. */
bool pm_icmpquote_read(const struct pm_headers *h, struct pm_icmpquote *out);

/* Whether it is an echo, or an older query with an identifier behind its checksum and a sequence
 * number behind that: what an answer is found by (RFC 792, RFC 4443). */
bool pm_icmp_has_id(const struct pm_headers *h);

#endif
