/* wire.h - IP packets with a TCP segment, made and read by code of our own, so that what the
 * engine sends is judged by somebody else's arithmetic (RFC 791, 8200, 9293, 7323, 2018). */
#ifndef CL_WIRE_H
#define CL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FIN 0x01
#define WIRE_SYN 0x02
#define WIRE_RST 0x04
#define WIRE_PSH 0x08
#define WIRE_ACK 0x10
#define WIRE_URG 0x20

#define WIRE_MAX   65600
#define WIRE_SACKS 4

struct wire_segment {
    uint8_t ip_version, ttl, tos;
    bool df;
    uint16_t ip_id;
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window, urgent;
    bool has_mss, has_scale, has_sack_ok, has_ts;
    uint16_t mss;
    uint8_t scale;
    uint32_t tsval, tsecr;
    unsigned sack_count;
    struct {
        uint32_t left, right;
    } sack[WIRE_SACKS];
    const uint8_t *data;
    size_t len;
    size_t header_len, option_len; /* filled when read or built; IP and TCP, TCP options alone */
    bool has_odd_option;           /* one that these ends do not use */
};

/* What is wrong with a packet; names in wire_fault_name. */
enum wire_fault {
    WIRE_OK,
    WIRE_NOT_IP,
    WIRE_BAD_LENGTH,
    WIRE_BAD_IP_SUM,
    WIRE_NOT_TCP,
    WIRE_BAD_TCP_SUM,
    WIRE_BAD_OPTIONS,
};

const char *wire_fault_name(enum wire_fault fault);

/* Writes the packet to out, WIRE_MAX bytes, and answers its length. */
size_t wire_build(struct wire_segment *segment, uint8_t *out);
/* Reads a packet of len bytes. segment->data points into it. */
enum wire_fault wire_read(const uint8_t *packet, size_t len, struct wire_segment *segment);
/* As wire_read, and a TCP checksum that holds the pseudo-header sum alone is right (offload). */
enum wire_fault wire_read_partial(const uint8_t *packet, size_t len, struct wire_segment *segment);

/* Puts the TCP checksum right, or to what an offloading stack leaves. The packet is sound else. */
void wire_complete_sum(uint8_t *packet, size_t len);
void wire_partial_sum(uint8_t *packet, size_t len);
/* The sound packet gets the addresses and ports of `ends`, and both checksums right. */
void wire_readdress(uint8_t *packet, size_t len, const struct wire_segment *ends);

#endif
