/* offload.h - what the kernel leaves to be done to packets of a TUN device, and takes over of ours:
 * cutting TCP super-packets to segments (TSO, GRO), and checksums.
 *
 *     read   | virtio_net_hdr | packet |   csum PARTIAL, gso_len of struct pm_packet
 *     write  | virtio_net_hdr | packet |   of struct pm_emitted */
#ifndef PKTMOD_TUNNEL_OFFLOAD_H
#define PKTMOD_TUNNEL_OFFLOAD_H

#include <linux/virtio_net.h>
#include <sys/uio.h>

#include "tunnel-ext/packet.h"

/* Tells a packet what stands in front of it. */
void pm_offload_read(const struct virtio_net_hdr *header, struct pm_packet *packet);

/* The parts of a packet that leaves: the header here, and what it needs changed. */
struct pm_offload {
    struct virtio_net_hdr header;
    uint8_t headers[PM_HEADERS_MAX]; /* of the packet */
    struct iovec parts[3];
    int count;
};

/* The header of a TCP packet with a partial checksum, of `len` bytes, whose headers are the first
 * head_len of them; gso_len 0: it is not to be cut. */
void pm_offload_describe(const uint8_t *headers, size_t head_len, size_t len, uint16_t gso_len,
                         struct virtio_net_hdr *out);

void pm_offload_write(struct pm_offload *offload, const struct pm_emitted *emitted);

#endif
