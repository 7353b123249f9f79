/* field.c - reading one field of a packet. */
#include "match/field.h"

#include <string.h>

#include "base/bytes.h"
#include "match/dnsfield.h"
#include "match/httpfield.h"
#include "match/tlsfield.h"
#include "wire/icmpquote.h"
#include "wire/tcpopt.h"

/* What a packet must have before a field can be read from it. */
enum layer { ANY, IP, IPV4, IPV6, TCP, UDP, TCP_UDP, ICMP };

/* Where a field stands: `mask` over the big-endian number of `width` bytes at `off` of its layer's
 * header, shifted right by `shift`. IPv6 may have it elsewhere. Other fields have a reader. */
struct place {
    enum layer layer;
    void (*read)(const struct pm_subject *s, struct pm_reading *out);
    uint8_t off, width, shift, off_v6, shift_v6;
    uint32_t mask;
    bool is_dns, is_hello, is_http;
};

static bool has_ip(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 || h->parse == PM_PARSE_L3 || h->parse == PM_PARSE_BAD_L4;
}

static bool proto_may_have(enum layer layer, uint8_t version, uint8_t proto)
{
    bool tcp = proto == PM_PROTO_TCP, udp = proto == PM_PROTO_UDP;
    switch (layer) {
    case ANY:
    case IP:
        return true;
    case IPV4:
        return version == 4;
    case IPV6:
        return version == 6;
    case TCP:
        return tcp;
    case UDP:
        return udp;
    case TCP_UDP:
        return tcp || udp;
    case ICMP:
        return proto == (version == 4 ? PM_PROTO_ICMP : PM_PROTO_ICMP6);
    }
    return false;
}

static bool is_l4(enum layer layer)
{
    return layer != ANY && layer != IP && layer != IPV4 && layer != IPV6;
}

static bool has_layer(enum layer layer, const struct pm_headers *h)
{
    if (layer == ANY)
        return true;
    return has_ip(h) && (!is_l4(layer) || h->parse == PM_PARSE_L4) &&
           proto_may_have(layer, h->ip_version, h->ip_proto);
}

static void put_number(struct pm_reading *out, uint32_t number)
{
    out->number[out->count++] = number;
}

static void put_bytes(struct pm_reading *out, const uint8_t *bytes, size_t len)
{
    out->bytes.bytes = bytes;
    out->bytes.len = len;
    out->count = 1;
}

static void read_dir(const struct pm_subject *s, struct pm_reading *out)
{
    if (s->dir != PM_DIR_UNKNOWN)
        put_number(out, s->dir == PM_DIR_IN);
}

static void read_flow(const struct pm_subject *s, struct pm_reading *out)
{
    if (s->has_flow)
        put_number(out, !s->to_server);
}

static void read_flow_new(const struct pm_subject *s, struct pm_reading *out)
{
    if (s->has_flow)
        put_number(out, s->flow_is_new);
}

static void read_interface(const struct pm_subject *s, struct pm_reading *out)
{
    if (s->packet->interface)
        put_bytes(out, (const uint8_t *)s->packet->interface, strlen(s->packet->interface));
}

static void read_frame_len(const struct pm_subject *s, struct pm_reading *out)
{
    put_number(out,
               (uint32_t)(s->packet->wire_len < UINT32_MAX ? s->packet->wire_len : UINT32_MAX));
}

static void read_eth_dst(const struct pm_subject *s, struct pm_reading *out)
{
    out->mac = s->headers->data;
    out->count = s->headers->link.is_ethernet;
}

static void read_eth_src(const struct pm_subject *s, struct pm_reading *out)
{
    if (!s->headers->link.is_ethernet)
        return;
    out->mac = s->headers->data + 6;
    out->count = 1;
}

static void read_eth_type(const struct pm_subject *s, struct pm_reading *out)
{
    if (s->headers->link.ethertype)
        put_number(out, s->headers->link.ethertype);
}

static void read_vlan_id(const struct pm_subject *s, struct pm_reading *out)
{
    const struct pm_link *link = &s->headers->link;
    _Static_assert(PM_VLAN_MAX <= PM_FIELD_VALUES, "a reading has room for every tag");
    for (uint8_t i = 0; i < link->vlan_count; i++)
        put_number(out, link->vlan[i]);
}

static void read_tags(const struct pm_subject *s, unsigned shift, uint32_t mask,
                      struct pm_reading *out)
{
    const struct pm_link *link = &s->headers->link;
    for (uint8_t i = 0; i < link->vlan_count; i++)
        put_number(out, (uint32_t)pm_get16(s->headers->data + link->vlan_off[i]) >> shift & mask);
}

static void read_vlan_priority(const struct pm_subject *s, struct pm_reading *out)
{
    read_tags(s, 13, 7, out);
}

static void read_vlan_dei(const struct pm_subject *s, struct pm_reading *out)
{
    read_tags(s, 12, 1, out);
}

static void read_icmp_ident(const struct pm_subject *s, struct pm_reading *out)
{
    if (pm_icmp_has_id(s->headers))
        put_number(out, pm_get16(pm_l4(s->headers) + 4));
}

static void read_icmp_seq(const struct pm_subject *s, struct pm_reading *out)
{
    if (pm_icmp_has_id(s->headers))
        put_number(out, pm_get16(pm_l4(s->headers) + 6));
}

static void put_addr(const struct pm_headers *h, bool dst, struct pm_reading *out)
{
    uint32_t off = h->ip_version == 4 ? (dst ? 16 : 12) : (dst ? 24 : 8);
    out->addr_version = h->ip_version;
    out->addr[out->count++] = pm_l3(h) + off;
}

static void read_ip_src(const struct pm_subject *s, struct pm_reading *out)
{
    put_addr(s->headers, false, out);
}

static void read_ip_dst(const struct pm_subject *s, struct pm_reading *out)
{
    put_addr(s->headers, true, out);
}

static void read_ip_addr(const struct pm_subject *s, struct pm_reading *out)
{
    put_addr(s->headers, false, out);
    put_addr(s->headers, true, out);
}

static void read_ip_version(const struct pm_subject *s, struct pm_reading *out)
{
    put_number(out, s->headers->ip_version);
}

static void read_ip_proto(const struct pm_subject *s, struct pm_reading *out)
{
    put_number(out, s->headers->ip_proto);
}

static void read_ip_len(const struct pm_subject *s, struct pm_reading *out)
{
    put_number(out, s->headers->ip_len);
}

static void read_ports(const struct pm_subject *s, struct pm_reading *out)
{
    put_number(out, s->headers->src_port);
    put_number(out, s->headers->dst_port);
}

static void read_tcp_mss(const struct pm_subject *s, struct pm_reading *out)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, pm_l4(s->headers));
    while (pm_tcpopt_next(&option))
        if (option.kind == PM_OPT_MSS && option.len == 4) {
            put_number(out, pm_get16(option.tcp + option.off + 2));
            return;
        }
}

/* As the datagram states it: bytes that a truncated capture lacks count. */
static void read_tcp_len(const struct pm_subject *s, struct pm_reading *out)
{
    const struct pm_headers *h = s->headers;
    uint32_t before = h->payload_off - h->l3_off;
    put_number(out, h->ip_len >= before ? h->ip_len - before : h->payload_len);
}

/* A fragment that is not the first has no payload of its own: its place in the whole is unknown. */
static void read_payload(const struct pm_subject *s, struct pm_reading *out)
{
    const struct pm_headers *h = s->headers;
    if (h->parse == PM_PARSE_L4)
        put_bytes(out, h->data + h->payload_off, h->payload_len);
    else if (h->parse == PM_PARSE_L3 && (!h->is_fragment || h->is_first_fragment))
        put_bytes(out, pm_l4(h), h->end - h->l4_off);
}

/* Its bytes are looked at as they come, not by readings. */
static void read_stream(const struct pm_subject *s, struct pm_reading *out)
{
    if (s->stream)
        put_bytes(out, NULL, 0);
}

#define FLAG(bit) .layer = TCP, .off = 13, .width = 1, .shift = (bit), .mask = 1

static const struct place places[PM_FIELD_COUNT] = {
    [PM_FIELD_DIR] = {.read = read_dir},
    [PM_FIELD_FLOW] = {.read = read_flow},
    [PM_FIELD_FLOW_NEW] = {.read = read_flow_new},
    [PM_FIELD_INTERFACE] = {.read = read_interface},
    [PM_FIELD_FRAME_LEN] = {.read = read_frame_len},
    [PM_FIELD_ETH_SRC] = {.read = read_eth_src},
    [PM_FIELD_ETH_DST] = {.read = read_eth_dst},
    [PM_FIELD_ETH_TYPE] = {.read = read_eth_type},
    [PM_FIELD_VLAN_ID] = {.read = read_vlan_id},
    [PM_FIELD_VLAN_PRIORITY] = {.read = read_vlan_priority},
    [PM_FIELD_VLAN_DEI] = {.read = read_vlan_dei},
    [PM_FIELD_IP_VERSION] = {.layer = IP, .read = read_ip_version},
    [PM_FIELD_IP_SRC] = {.layer = IP, .read = read_ip_src},
    [PM_FIELD_IP_DST] = {.layer = IP, .read = read_ip_dst},
    [PM_FIELD_IP_ADDR] = {.layer = IP, .read = read_ip_addr},
    [PM_FIELD_IP_PROTO] = {.layer = IP, .read = read_ip_proto},
    [PM_FIELD_IP_TTL] = {.layer = IP, .off = 8, .off_v6 = 7, .width = 1, .mask = 0xff},
    [PM_FIELD_IP_DSFIELD] = {.layer = IP, .width = 2, .shift = 0, .shift_v6 = 4, .mask = 0xff},
    [PM_FIELD_IP_DSCP] = {.layer = IP, .width = 2, .shift = 2, .shift_v6 = 6, .mask = 0x3f},
    [PM_FIELD_IP_ECN] = {.layer = IP, .width = 2, .shift = 0, .shift_v6 = 4, .mask = 3},
    [PM_FIELD_IP_ID] = {.layer = IPV4, .off = 4, .width = 2, .mask = 0xffff},
    [PM_FIELD_IP_DF] = {.layer = IPV4, .off = 6, .width = 1, .shift = 6, .mask = 1},
    [PM_FIELD_IP_MF] = {.layer = IPV4, .off = 6, .width = 1, .shift = 5, .mask = 1},
    [PM_FIELD_IP_LEN] = {.layer = IP, .read = read_ip_len},
    [PM_FIELD_IPV6_FLOW] = {.layer = IPV6, .width = 4, .mask = 0xfffff},
    [PM_FIELD_TCP_SRCPORT] = {.layer = TCP, .off = 0, .width = 2, .mask = 0xffff},
    [PM_FIELD_TCP_DSTPORT] = {.layer = TCP, .off = 2, .width = 2, .mask = 0xffff},
    [PM_FIELD_TCP_PORT] = {.layer = TCP, .read = read_ports},
    [PM_FIELD_TCP_FLAGS] = {.layer = TCP, .off = 12, .width = 2, .mask = 0xfff},
    [PM_FIELD_TCP_FLAGS_FIN] = {FLAG(0)},
    [PM_FIELD_TCP_FLAGS_SYN] = {FLAG(1)},
    [PM_FIELD_TCP_FLAGS_RST] = {FLAG(2)},
    [PM_FIELD_TCP_FLAGS_PSH] = {FLAG(3)},
    [PM_FIELD_TCP_FLAGS_ACK] = {FLAG(4)},
    [PM_FIELD_TCP_FLAGS_URG] = {FLAG(5)},
    [PM_FIELD_TCP_FLAGS_ECE] = {FLAG(6)},
    [PM_FIELD_TCP_FLAGS_CWR] = {FLAG(7)},
    [PM_FIELD_TCP_SEQ] = {.layer = TCP, .off = 4, .width = 4, .mask = UINT32_MAX},
    [PM_FIELD_TCP_ACK] = {.layer = TCP, .off = 8, .width = 4, .mask = UINT32_MAX},
    [PM_FIELD_TCP_WINDOW] = {.layer = TCP, .off = 14, .width = 2, .mask = 0xffff},
    [PM_FIELD_TCP_URGENT] = {.layer = TCP, .off = 18, .width = 2, .mask = 0xffff},
    [PM_FIELD_TCP_MSS] = {.layer = TCP, .read = read_tcp_mss},
    [PM_FIELD_TCP_LEN] = {.layer = TCP, .read = read_tcp_len},
    [PM_FIELD_UDP_SRCPORT] = {.layer = UDP, .off = 0, .width = 2, .mask = 0xffff},
    [PM_FIELD_UDP_DSTPORT] = {.layer = UDP, .off = 2, .width = 2, .mask = 0xffff},
    [PM_FIELD_UDP_PORT] = {.layer = UDP, .read = read_ports},
    [PM_FIELD_UDP_LENGTH] = {.layer = UDP, .off = 4, .width = 2, .mask = 0xffff},
    [PM_FIELD_L4_SRCPORT] = {.layer = TCP_UDP, .off = 0, .width = 2, .mask = 0xffff},
    [PM_FIELD_L4_DSTPORT] = {.layer = TCP_UDP, .off = 2, .width = 2, .mask = 0xffff},
    [PM_FIELD_L4_PORT] = {.layer = TCP_UDP, .read = read_ports},
    [PM_FIELD_ICMP_TYPE] = {.layer = ICMP, .off = 0, .width = 1, .mask = 0xff},
    [PM_FIELD_ICMP_CODE] = {.layer = ICMP, .off = 1, .width = 1, .mask = 0xff},
    [PM_FIELD_ICMP_IDENT] = {.layer = ICMP, .read = read_icmp_ident},
    [PM_FIELD_ICMP_SEQ] = {.layer = ICMP, .read = read_icmp_seq},
    [PM_FIELD_DNS_RESPONSE] = {.layer = UDP, .is_dns = true},
    [PM_FIELD_DNS_RCODE] = {.layer = UDP, .is_dns = true},
    [PM_FIELD_DNS_QRY_NAME] = {.layer = UDP, .is_dns = true},
    [PM_FIELD_DNS_QRY_TYPE] = {.layer = UDP, .is_dns = true},
    [PM_FIELD_DNS_A] = {.layer = UDP, .is_dns = true},
    [PM_FIELD_DNS_AAAA] = {.layer = UDP, .is_dns = true},
    [PM_FIELD_TLS_NAME] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_TLS_ALPN] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_TLS_VERSION] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_TLS_SUPPORTED] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_TLS_EXTENSION] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_TLS_JA3] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_TLS_JA4] = {.layer = TCP_UDP, .is_hello = true},
    [PM_FIELD_HTTP_HOST] = {.layer = TCP, .is_http = true},
    [PM_FIELD_HTTP_METHOD] = {.layer = TCP, .is_http = true},
    [PM_FIELD_HTTP_URI] = {.layer = TCP, .is_http = true},
    [PM_FIELD_HTTP_CODE] = {.layer = TCP, .is_http = true},
    [PM_FIELD_HTTP_USER_AGENT] = {.layer = TCP, .is_http = true},
    [PM_FIELD_HTTP_HEADER] = {.layer = TCP, .is_http = true},
    [PM_FIELD_PAYLOAD] = {.layer = IP, .read = read_payload},
    [PM_FIELD_STREAM] = {.layer = TCP, .read = read_stream},
};

static uint32_t read_bits(const struct place *place, const struct pm_headers *h)
{
    bool v6 = place->layer == IP && h->ip_version == 6;
    const uint8_t *p = is_l4(place->layer) ? pm_l4(h) : pm_l3(h);
    p += v6 ? place->off_v6 : place->off;
    uint32_t number = place->width == 4 ? pm_get32(p) : place->width == 2 ? pm_get16(p) : *p;
    return number >> (v6 ? place->shift_v6 : place->shift) & place->mask;
}

void pm_field_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out)
{
    const struct place *place = &places[field];
    out->count = 0;
    out->has_more = false;
    if (!has_layer(place->layer, s->headers) && !(place->is_dns && s->dns))
        return;
    if (place->is_dns) {
        out->walk = (struct pm_dns_walk){.off = 0};
        pm_dnsfield_read(s, field, out);
    } else if (place->is_hello) {
        out->next = 0;
        pm_tlsfield_read(s, field, out);
    } else if (place->is_http) {
        out->http_off = 0;
        pm_httpfield_read(s, field, out);
    } else if (place->read)
        place->read(s, out);
    else if (place->width)
        put_number(out, read_bits(place, s->headers));
}

void pm_field_read_more(const struct pm_subject *s, enum pm_field field, struct pm_reading *io)
{
    io->count = 0;
    io->has_more = false;
    if (places[field].is_dns)
        pm_dnsfield_read(s, field, io);
    else if (places[field].is_hello)
        pm_tlsfield_read(s, field, io);
    else if (places[field].is_http)
        pm_httpfield_read(s, field, io);
}

bool pm_field_fits_flow(const struct pm_subject *s, enum pm_field field)
{
    const struct pm_headers *h = s->headers;
    enum layer layer = places[field].layer;
    if (places[field].is_dns && s->carries_dns)
        return true;
    return layer == ANY || (has_ip(h) && proto_may_have(layer, h->ip_version, h->ip_proto));
}

bool pm_field_needs_l4(enum pm_field field)
{
    return is_l4(places[field].layer);
}
