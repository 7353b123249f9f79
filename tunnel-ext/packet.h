/* packet.h - where the ends of an IP packet are written, for a tunnel that gives it other ones.
 *
 *     +----------------+------------------+----------+
 *     | IP, extensions | TCP | UDP | ICMP | payload  |
 *     +----------------+------------------+----------+
 *     0                l4_off             payload_off   len
 *
 * A packet is read once, with every length checked; after that nothing here can fail. */
#ifndef PKTMOD_TUNNEL_PACKET_H
#define PKTMOD_TUNNEL_PACKET_H

#include <pktmod/pktmod.h>

enum { PM_IP_ICMP = 1, PM_IP_TCP = 6, PM_IP_UDP = 17, PM_IP_ICMP6 = 58 };
enum { PM_TCP_FIN = 1, PM_TCP_SYN = 2, PM_TCP_RST = 4, PM_TCP_ACK = 16 };

struct pm_end {
    struct pm_addr addr;
    uint16_t port;
};

struct pm_ippacket {
    const uint8_t *bytes;
    size_t len; /* of the IP packet; what lies behind it does not count */
    size_t l4_off, payload_off;
    uint8_t version, proto, tcp_flags;
    bool is_fragment;       /* then nothing below IP is known */
    struct pm_end src, dst; /* ports 0 where there are none */
    /* Not read, but said by who has the packet: its checksum is the pseudo-header's sum, and to be
     * completed; its payload is to be cut to so much (0: it is not). */
    bool is_partial;
    uint16_t gso_len;
};

/* False: not an IP packet, or a length contradicts the bytes. */
bool pm_ippacket_read(struct pm_ippacket *packet, const uint8_t *bytes, size_t len);

/* The longest headers that pm_ippacket_redirect takes. */
#define PM_HEADERS_MAX 256u

/* The TCP checksum, in headers that are written there, of a packet whose checksum is completed by
 * who sends it. */
void pm_ippacket_part_sum(const struct pm_ippacket *packet, const struct pm_addr *src,
                          const struct pm_addr *dst, uint8_t *headers);

/* Writes the packet's headers with other ends to out, checksums following (RFC 1624), and answers
 * their length; the payload follows unchanged in the packet. TCP and UDP only. 0: they are longer
 * than PM_HEADERS_MAX. */
size_t pm_ippacket_redirect(const struct pm_ippacket *packet, const struct pm_end *src,
                            const struct pm_end *dst, uint8_t out[PM_HEADERS_MAX]);

bool pm_addr_is_same(const struct pm_addr *a, const struct pm_addr *b);
bool pm_end_is_same(const struct pm_end *a, const struct pm_end *b);
bool pm_prefix_holds(const struct pm_prefix *prefix, const struct pm_addr *addr);

/* The Internet checksum (RFC 1071) in parts: add up, then finish. */
uint64_t pm_ipsum_add(uint64_t sum, const uint8_t *bytes, size_t len);
uint64_t pm_ipsum_pseudo(const struct pm_addr *src, const struct pm_addr *dst, uint8_t proto,
                         size_t len);
uint16_t pm_ipsum_finish(uint64_t sum);

static inline uint16_t pm_wire_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t pm_wire_get32(const uint8_t *at)
{
    return (uint32_t)pm_wire_get16(at) << 16 | pm_wire_get16(at + 2);
}

static inline void pm_wire_put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void pm_wire_put32(uint8_t *at, uint32_t value)
{
    pm_wire_put16(at, value >> 16);
    pm_wire_put16(at + 2, value & 0xffff);
}

static inline size_t pm_addr_len(const struct pm_addr *addr)
{
    return addr->version == 4 ? 4 : 16;
}

#endif
