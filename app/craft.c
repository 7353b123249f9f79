/* craft.c - packets made from a description: headers around a payload, lengths, checksums. */
#include "app/craft.h"

#include <assert.h>
#include <string.h>

#include "app/byteorder.h"

static void put16(uint8_t *at, uint32_t value)
{
    pm_file_put16(at, (uint16_t)value, true);
}

static void put32(uint8_t *at, uint32_t value)
{
    pm_file_put32(at, value, true);
}

/* ------------------------------------------------------------------ checksums, RFC 1071 */

static uint32_t sum_of(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += pm_file_get16(bytes + i, true);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    if (len % 2 != 0)
        sum += (uint32_t)bytes[len - 1] << 8;
    return (sum & 0xffff) + (sum >> 16);
}

static uint16_t folded(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static size_t addr_len(const struct pm_craft *craft)
{
    return craft->src.version == 6 ? 16 : 4;
}

static uint32_t pseudo_sum(const struct pm_craft *craft, size_t l4_len)
{
    uint32_t sum = sum_of(0, craft->src.bytes, addr_len(craft));
    sum = sum_of(sum, craft->dst.bytes, addr_len(craft));
    return sum + craft->proto + (uint32_t)(l4_len >> 16) + (uint32_t)(l4_len & 0xffff);
}

static void put_l4_checksum(const struct pm_craft *craft, uint8_t *l4, size_t len, size_t field)
{
    bool has_pseudo = craft->proto != PM_CRAFT_ICMP;
    uint32_t sum = sum_of(has_pseudo ? pseudo_sum(craft, len) : 0, l4, len);
    uint16_t value = folded(sum);
    if (craft->is_bad_checksum)
        value ^= 1;
    if (craft->proto == PM_CRAFT_UDP && value == 0)
        value = 0xffff; /* RFC 768: 0 would say that there is none */
    put16(l4 + field, value);
}

/* ------------------------------------------------------------------ layers */

size_t pm_craft_ip_off(const struct pm_craft *craft)
{
    return craft->link == PM_CRAFT_ETHERNET ? 14 + 4 * (size_t)craft->vlan_count : 0;
}

static size_t put_link(const struct pm_craft *craft, uint8_t *out)
{
    size_t at = 12;
    if (craft->link != PM_CRAFT_ETHERNET)
        return 0;
    memcpy(out, craft->dst_mac, 6);
    memcpy(out + 6, craft->src_mac, 6);
    for (unsigned i = 0; i < craft->vlan_count; i++, at += 4) {
        put16(out + at, i + 1 < craft->vlan_count ? 0x88a8 : 0x8100);
        put16(out + at + 2, craft->vlan[i]);
    }
    put16(out + at, craft->src.version == 6 ? 0x86dd : 0x0800);
    return at + 2;
}

static void put_ipv4_checksum(uint8_t *ip)
{
    put16(ip + 10, 0);
    put16(ip + 10, folded(sum_of(0, ip, 20)));
}

static size_t put_ipv4(const struct pm_craft *craft, uint8_t *ip, size_t l4_len)
{
    memset(ip, 0, 20);
    ip[0] = 0x45;
    ip[1] = craft->tos;
    put16(ip + 2, (uint32_t)(20 + l4_len));
    put16(ip + 4, craft->id);
    put16(ip + 6, craft->df ? 0x4000 : 0);
    ip[8] = craft->ttl;
    ip[9] = craft->proto;
    memcpy(ip + 12, craft->src.bytes, 4);
    memcpy(ip + 16, craft->dst.bytes, 4);
    put_ipv4_checksum(ip);
    return 20;
}

static size_t put_ipv6(const struct pm_craft *craft, uint8_t *ip, size_t l4_len)
{
    put32(ip, 0x60000000u | (uint32_t)craft->tos << 20);
    put16(ip + 4, (uint32_t)l4_len);
    ip[6] = craft->proto;
    ip[7] = craft->ttl;
    memcpy(ip + 8, craft->src.bytes, 16);
    memcpy(ip + 24, craft->dst.bytes, 16);
    return 40;
}

static size_t l4_header_len(const struct pm_craft *craft)
{
    switch (craft->proto) {
    case PM_CRAFT_TCP:
        return 20u + craft->options_len;
    case PM_CRAFT_UDP:
    case PM_CRAFT_ICMP:
    case PM_CRAFT_ICMPV6:
        return 8;
    default:
        return 0;
    }
}

static void put_tcp(const struct pm_craft *craft, uint8_t *l4, size_t len)
{
    put16(l4, craft->src_port);
    put16(l4 + 2, craft->dst_port);
    put32(l4 + 4, craft->seq);
    put32(l4 + 8, craft->ack);
    put16(l4 + 12, (uint32_t)(5 + craft->options_len / 4) << 12 | craft->flags);
    put16(l4 + 14, craft->window);
    put16(l4 + 16, 0);
    put16(l4 + 18, craft->urgent);
    memcpy(l4 + 20, craft->options, craft->options_len);
    put_l4_checksum(craft, l4, len, 16);
}

static void put_udp(const struct pm_craft *craft, uint8_t *l4, size_t len)
{
    put16(l4, craft->src_port);
    put16(l4 + 2, craft->dst_port);
    put16(l4 + 4, (uint32_t)len);
    put16(l4 + 6, 0);
    put_l4_checksum(craft, l4, len, 6);
}

static void put_icmp(const struct pm_craft *craft, uint8_t *l4, size_t len)
{
    l4[0] = craft->type;
    l4[1] = craft->code;
    put16(l4 + 2, 0);
    put32(l4 + 4, craft->rest);
    put_l4_checksum(craft, l4, len, 2);
}

size_t pm_craft_frame(const struct pm_craft *craft, uint8_t *out)
{
    size_t header_len = l4_header_len(craft), len = header_len + craft->payload_len;
    assert(craft->payload_len <= PM_CRAFT_PAYLOAD_LEN && craft->vlan_count <= PM_CRAFT_VLANS);
    assert(craft->options_len % 4 == 0 && craft->options_len <= PM_CRAFT_OPTIONS_LEN);
    assert(craft->src.version == craft->dst.version);
    uint8_t *ip = out + put_link(craft, out), *l4;
    l4 = ip + (craft->src.version == 6 ? put_ipv6(craft, ip, len) : put_ipv4(craft, ip, len));
    if (craft->payload_len > 0)
        memcpy(l4 + header_len, craft->payload, craft->payload_len);
    if (craft->proto == PM_CRAFT_TCP)
        put_tcp(craft, l4, len);
    else if (craft->proto == PM_CRAFT_UDP)
        put_udp(craft, l4, len);
    else if (header_len > 0)
        put_icmp(craft, l4, len);
    return (size_t)(l4 - out) + len;
}

/* ------------------------------------------------------------------ fragments */

static size_t ip_header_len(const struct pm_craft *craft)
{
    return craft->src.version == 6 ? 40 : 20;
}

size_t pm_craft_carried_len(const struct pm_craft *craft, size_t frame_len)
{
    return frame_len - pm_craft_ip_off(craft) - ip_header_len(craft);
}

size_t pm_craft_fragment(const struct pm_craft *craft, const uint8_t *frame, size_t frame_len,
                         size_t from, size_t len, uint8_t *out)
{
    size_t ip_off = pm_craft_ip_off(craft), carried_off = ip_off + ip_header_len(craft);
    size_t carried_len = frame_len - carried_off, put_off = carried_off;
    assert(from % 8 == 0 && from <= carried_len && len <= carried_len - from);
    uint32_t more = from + len < carried_len ? 1 : 0;
    uint8_t *ip = out + ip_off;
    memcpy(out, frame, carried_off);
    if (craft->src.version == 6) {
        uint8_t *header = out + carried_off;
        header[0] = ip[6];
        header[1] = 0;
        put16(header + 2, (uint32_t)from | more);
        put32(header + 4, craft->id);
        ip[6] = 44;
        put16(ip + 4, (uint32_t)(8 + len));
        put_off += 8;
    } else {
        put16(ip + 2, (uint32_t)(20 + len));
        put16(ip + 6, more << 13 | (uint32_t)from / 8);
        put_ipv4_checksum(ip);
    }
    memcpy(out + put_off, frame + carried_off + from, len);
    return put_off + len;
}
