/* headers.h - one packet, every length checked exactly once; afterwards no accessor can fail.
 *
 *     0        l3_off      l4_off      payload_off        end          len
 *     | link   | IP, ext.  | TCP/UDP.. | payload          | padding    |
 */
#ifndef PM_WIRE_HEADERS_H
#define PM_WIRE_HEADERS_H

#include "wire/link.h"

enum pm_proto {
    PM_PROTO_ICMP = 1,
    PM_PROTO_TCP = 6,
    PM_PROTO_UDP = 17,
    PM_PROTO_ICMP6 = 58,
};

enum pm_tcp_flag {
    PM_FIN = 0x01,
    PM_SYN = 0x02,
    PM_RST = 0x04,
    PM_PSH = 0x08,
    PM_ACK = 0x10,
    PM_URG = 0x20,
    PM_ECE = 0x40,
    PM_CWR = 0x80,
};

/* How far the packet could be read. */
enum pm_parse {
    PM_PARSE_L4,     /* IP and, for TCP, UDP, ICMP and ICMPv6, the whole L4 header */
    PM_PARSE_L3,     /* IP only: another protocol, or a fragment that is not the first */
    PM_PARSE_NOT_IP, /* link header only */
    PM_PARSE_BAD_L3, /* IP header contradicts the bytes: nothing beyond the link is valid */
    PM_PARSE_BAD_L4, /* IP is valid, the L4 header contradicts the bytes */
};

struct pm_headers {
    const uint8_t *data;
    size_t len;
    struct pm_link link;
    enum pm_parse parse;

    /* valid from PM_PARSE_L3 (and BAD_L4) */
    uint8_t ip_version;
    uint8_t ip_proto;       /* IPv6: what the chain of extension headers ends in */
    bool is_fragment;       /* MF set or offset not zero; an IPv6 atomic fragment is none */
    bool is_first_fragment; /* is_fragment at offset 0 */
    bool is_truncated;      /* the capture (len < wire_len) lacks bytes of the datagram; set with
                               BAD_L3 too, when it is the IP headers that were cut */
    bool has_no_length;     /* IPv4 total length 0, or IPv6 payload length 0 before TCP: a TSO
                               packet, the datagram ends with the frame */
    bool is_unmodifiable;   /* source route, routing header with segments left, Mobile IPv6 home
                               address, IP options that cannot be read, AH, ESP, jumbogram */
    uint32_t l3_off, l4_off;
    uint32_t fragment_off; /* IPv6, is_fragment: of the fragment header; else 0 */
    uint32_t ip_len;       /* whole datagram as its header states it (has_no_length: as captured) */
    uint32_t end; /* where the datagram ends in data; padding lies behind. Never beyond len */

    /* valid at PM_PARSE_L4 */
    uint16_t src_port, dst_port; /* TCP, UDP */
    uint8_t tcp_flags;
    uint32_t payload_off; /* TCP, UDP, ICMP (8 bytes in); equals l4_off for other protocols */
    uint32_t payload_len; /* bytes of it that are in data */
};

/* wire_len >= len; a packet whose IP length exceeds wire_len is BAD_L3, one whose length only
 * exceeds len is_truncated. Bounds: 8 IPv6 extension headers, more is BAD_L3. UDP length < 8 or
 * beyond the datagram (and not 0 in a jumbogram) is BAD_L4; shorter than the datagram, the surplus
 * is not payload (RFC 9868). TCP data offset < 5 or beyond the datagram is BAD_L4. When truncated
 * inside the L4 header: BAD_L4 with is_truncated. */
void pm_headers_parse(uint16_t linktype, const uint8_t *data, size_t len, size_t wire_len,
                      struct pm_headers *out);

static inline const uint8_t *pm_l3(const struct pm_headers *h)
{
    return h->data + h->l3_off;
}

static inline const uint8_t *pm_l4(const struct pm_headers *h)
{
    return h->data + h->l4_off;
}

#endif
