/* offload.c - between virtio_net_hdr and our packets; the contract is in offload.h. */
#include <string.h>

#include "tunnel-ext/carrier.h"
#include "tunnel-ext/linux/offload.h"

enum { TCP_CHECKSUM = 16, UDP_CHECKSUM = 6, TCP_HEADER = 20, IP6_HEADER = 40 };

void pm_offload_read(const struct virtio_net_hdr *header, struct pm_packet *packet)
{
    unsigned gso = header->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
    bool is_tcp = gso == VIRTIO_NET_HDR_GSO_TCPV4 || gso == VIRTIO_NET_HDR_GSO_TCPV6;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        packet->csum = PM_CSUM_PARTIAL;
    if (is_tcp)
        packet->gso_len = header->gso_size;
}

static uint16_t checksum_off(const struct pm_ippacket *ip)
{
    return ip->proto == PM_IP_TCP ? TCP_CHECKSUM : ip->proto == PM_IP_UDP ? UDP_CHECKSUM : 0;
}

/* A complete checksum says nothing of the segments: each gets its own, from the pseudo-header's
 * sum on. */
static void part_checksum(struct pm_offload *o, const struct pm_ippacket *ip)
{
    memcpy(o->headers, ip->bytes, ip->payload_off);
    pm_ippacket_part_sum(ip, &ip->src.addr, &ip->dst.addr, o->headers);
    o->parts[1] = (struct iovec){.iov_base = o->headers, .iov_len = ip->payload_off};
    o->parts[2] = pm_part(ip->bytes + ip->payload_off, ip->len - ip->payload_off);
    o->count = 3;
}

static void set_gso(struct virtio_net_hdr *header, const struct pm_ippacket *ip, uint16_t gso_len)
{
    header->gso_type = ip->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    header->gso_size = gso_len;
    header->hdr_len = (uint16_t)ip->payload_off;
}

/* They were walked over when the packet was read: what is no TCP there has a length. */
static size_t behind_extensions(const uint8_t *headers, size_t head_len)
{
    uint8_t next = headers[6];
    size_t off = IP6_HEADER;
    while (next != PM_IP_TCP && off + 8 <= head_len) {
        next = headers[off];
        off += (headers[off + 1] + 1u) * 8u;
    }
    return off;
}

void pm_offload_describe(const uint8_t *headers, size_t head_len, size_t len, uint16_t gso_len,
                         struct virtio_net_hdr *out)
{
    bool is_4 = headers[0] >> 4 == 4;
    size_t l4_off = is_4 ? (headers[0] & 15u) * 4u : behind_extensions(headers, head_len);
    *out = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                   .csum_start = (uint16_t)l4_off,
                                   .csum_offset = TCP_CHECKSUM};
    if (head_len < l4_off + TCP_HEADER)
        return;
    size_t payload_off = l4_off + (headers[l4_off + 12] >> 4) * 4u;
    if (gso_len == 0 || len <= payload_off + gso_len)
        return;
    out->gso_type = is_4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    out->gso_size = gso_len;
    out->hdr_len = (uint16_t)payload_off;
}

void pm_offload_write(struct pm_offload *offload, const struct pm_emitted *emitted)
{
    struct pm_offload *o = offload;
    struct pm_ippacket ip;
    memset(&o->header, 0, sizeof o->header);
    o->parts[0] = (struct iovec){.iov_base = &o->header, .iov_len = sizeof o->header};
    o->parts[1] = pm_part(emitted->data, emitted->len);
    o->count = 2;
    bool is_plain = emitted->csum == PM_CSUM_ON_WIRE && emitted->gso_len == 0;
    if (is_plain || !pm_ippacket_read(&ip, emitted->data, emitted->len) || ip.is_fragment)
        return;
    uint16_t sum_off = checksum_off(&ip);
    bool is_super =
        ip.proto == PM_IP_TCP && emitted->gso_len > 0 && ip.len - ip.payload_off > emitted->gso_len;
    if (sum_off == 0 || ip.payload_off > PM_HEADERS_MAX)
        return;
    if (is_super)
        set_gso(&o->header, &ip, emitted->gso_len);
    if (is_super && emitted->csum == PM_CSUM_ON_WIRE)
        part_checksum(o, &ip);
    if (!is_super && emitted->csum == PM_CSUM_ON_WIRE)
        return;
    o->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    o->header.csum_start = (uint16_t)ip.l4_off;
    o->header.csum_offset = sum_off;
}
