/* endpoints.c - who talks to whom, for reports. */
#include <string.h>

#include <pktmod/pktmod.h>

#include "wire/headers.h"
#include "wire/print.h"

bool pm_packet_endpoints(const struct pm_packet *packet, struct pm_endpoints *out)
{
    struct pm_headers h;
    memset(out, 0, sizeof *out);
    pm_headers_parse(packet->link, packet->data, packet->len, packet->wire_len, &h);
    if (h.parse == PM_PARSE_NOT_IP || h.parse == PM_PARSE_BAD_L3)
        return false;
    size_t addr_len = h.ip_version == 4 ? 4 : 16;
    const uint8_t *src = pm_l3(&h) + (h.ip_version == 4 ? 12 : 8);
    out->src.version = out->dst.version = h.ip_version;
    memcpy(out->src.bytes, src, addr_len);
    memcpy(out->dst.bytes, src + addr_len, addr_len);
    out->ip_proto = h.ip_proto;
    bool is_tcp = h.parse == PM_PARSE_L4 && h.ip_proto == PM_PROTO_TCP;
    bool is_udp = h.parse == PM_PARSE_L4 && h.ip_proto == PM_PROTO_UDP;
    out->has_ports = is_tcp || is_udp;
    if (out->has_ports) {
        out->src_port = h.src_port;
        out->dst_port = h.dst_port;
    }
    if (is_tcp)
        out->tcp_flags = h.tcp_flags;
    return true;
}

void pm_addr_text(const struct pm_addr *addr, char out[PM_ADDR_TEXT])
{
    pm_print_addr(addr->version, addr->bytes, out);
}
