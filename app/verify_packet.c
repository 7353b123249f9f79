/* verify_packet.c - takes link and IP headers apart; what is behind them goes to verify_segment.c.
 */
#include "app/verify_packet.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "app/byteorder.h"
#include "app/verify_segment.h"

#define TAGS_MAX       4
#define EXTENSIONS_MAX 16

enum { LINK_NULL = 0, LINK_ETHERNET = 1, LINK_RAW = 101, LINK_LOOP = 108, LINK_SLL = 113 };
enum { LINK_IPV4 = 228, LINK_IPV6 = 229, LINK_SLL2 = 276 };

uint64_t pm_verify_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 31) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 29;
}

uint64_t pm_verify_hash(uint64_t seed, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t hash = pm_verify_mix(seed, len), word;
    for (; len >= 8; len -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = pm_verify_mix(hash, word);
    }
    word = 0;
    memcpy(&word, p, len);
    return pm_verify_mix(hash, word);
}

void pm_verify_packet_fault(struct pm_verify_packet *p, enum pm_verify_finding finding,
                            const char *what, uint32_t expected, uint32_t seen)
{
    if (p->fault_count < PM_VERIFY_FAULTS)
        p->faults[p->fault_count++] = (struct pm_verify_fault){finding, what, expected, seen};
}

uint64_t pm_verify_fault_mark(const struct pm_verify_fault *fault)
{
    if (fault->finding != PM_VERIFY_BAD_CHECKSUM)
        return pm_verify_hash(fault->finding, fault->what, strlen(fault->what));
    uint32_t apart = fault->seen + (~fault->expected & 0xffff);
    apart = (apart & 0xffff) + (apart >> 16);
    return pm_verify_hash(apart % 0xffff, fault->what, strlen(fault->what));
}

static uint16_t get16(const struct pm_verify_packet *p, uint32_t at)
{
    return pm_file_get16(p->bytes + at, true);
}

static bool has(const struct pm_verify_packet *p, uint32_t at, uint32_t need)
{
    return at <= p->caplen && need <= p->caplen - at;
}

static bool is_tag(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* Steps over labels; the nibble behind the last one has to tell the version. 0: it does not. */
static uint32_t behind_labels(const struct pm_verify_packet *p, uint32_t at)
{
    bool is_last = false;
    for (; !is_last && has(p, at, 4); at += 4)
        is_last = (p->bytes[at + 2] & 1) != 0;
    bool is_there = is_last && has(p, at, 1);
    return is_there && (p->bytes[at] >> 4 == 4 || p->bytes[at] >> 4 == 6) ? at : 0;
}

/* Where the IP header begins if `type` stands before `at`, or 0. */
static uint32_t behind_type(struct pm_verify_packet *p, uint16_t type, uint32_t at)
{
    for (unsigned tags = 0; is_tag(type) && tags < TAGS_MAX && has(p, at, 4); tags++) {
        p->ends.vlan = p->ends.vlan << 13 | 0x1000 | (get16(p, at) & 0xfff);
        type = get16(p, at + 2);
        at += 4;
    }
    if (type == 0x8847 || type == 0x8848)
        return behind_labels(p, at);
    return type == 0x0800 || type == 0x86dd ? at : 0;
}

/* The same for a type at the offset `at`, behind which the next header begins at `next`. */
static bool find_behind(struct pm_verify_packet *p, uint32_t at, uint32_t next)
{
    p->ip_off = has(p, 0, next) ? behind_type(p, get16(p, at), next) : 0;
    return p->ip_off > 0;
}

static bool is_ip_family(uint32_t family)
{
    return family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
}

/* Where the IP header begins, or false. */
static bool find_ip(struct pm_verify_packet *p, uint16_t link)
{
    switch (link) {
    case LINK_ETHERNET:
        return find_behind(p, 12, 14);
    case LINK_SLL:
        return find_behind(p, 14, 16);
    case LINK_SLL2:
        return find_behind(p, 0, 20);
    case LINK_NULL:
    case LINK_LOOP:
        p->ip_off = 4;
        return has(p, 0, 4) && (is_ip_family(pm_file_get32(p->bytes, true)) ||
                                is_ip_family(pm_file_get32(p->bytes, false)));
    case LINK_RAW:
    case 12: /* raw IP too, as some systems number it */
    case 14:
    case LINK_IPV4:
    case LINK_IPV6:
        p->ip_off = 0;
        return true;
    default:
        return false;
    }
}

/* The length that the IP header tells, held against the frame. False: nothing behind can be read.
 */
static bool take_length(struct pm_verify_packet *p, uint32_t told, uint32_t header,
                        const char *what)
{
    uint32_t room = p->origlen - p->ip_off;
    p->ip_len = told;
    if (told < header) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, what, header, told);
        return false;
    }
    if (told > room) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, what, room, told);
        return false;
    }
    p->surplus = room - told;
    return true;
}

/* Loose and strict source routes: the pseudo-header has another address than the header. */
static bool has_source_route(const uint8_t *option, uint32_t len)
{
    for (uint32_t at = 0; at < len && option[at] != 0;) {
        if (option[at] == 131 || option[at] == 137)
            return true;
        uint32_t step = option[at] == 1 ? 1 : at + 1 < len ? option[at + 1] : 0;
        if (step == 0)
            return false;
        at += step;
    }
    return false;
}

static bool read_ipv4(struct pm_verify_packet *p, bool *is_routed)
{
    const uint8_t *ip = p->bytes + p->ip_off;
    uint32_t header = (ip[0] & 15u) * 4, told = get16(p, p->ip_off + 2);
    if (header < 20) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, "IPv4 header length", 20, header);
        return false;
    }
    if (!has(p, p->ip_off, header))
        return false;
    memcpy(p->ends.addr[0], ip + 12, 4);
    memcpy(p->ends.addr[1], ip + 16, 4);
    p->ends.proto = ip[9];
    uint16_t sum = pm_verify_sum(0, ip, header), seen = get16(p, p->ip_off + 10);
    uint16_t expected = pm_verify_sum_without(sum, seen);
    if (sum != 0xffff)
        pm_verify_packet_fault(p, seen == 0 ? PM_VERIFY_OFFLOADED_CHECKSUM : PM_VERIFY_BAD_CHECKSUM,
                               "IPv4 header checksum", expected, seen);
    bool is_left_to_hardware = told == 0;
    if (!take_length(p, is_left_to_hardware ? p->origlen - p->ip_off : told, header,
                     "IPv4 total length"))
        return false;
    uint16_t place = get16(p, p->ip_off + 6);
    p->is_fragment = (place & 0x3fff) != 0;
    p->has_more = (place & 0x2000) != 0;
    p->fragment_off = (place & 0x1fffu) * 8;
    p->fragment_id = get16(p, p->ip_off + 4);
    *is_routed = has_source_route(ip + 20, header - 20);
    p->l4_off = p->ip_off + header;
    uint8_t kept[4] = {ip[0], ip[1] & 0xfc, ip[8], ip[9]};
    p->ip_mark = pm_verify_hash(place & 0xc000, kept, sizeof kept);
    p->ip_mark = pm_verify_hash(p->ip_mark, ip + 12, header - 12);
    return true;
}

static void take_fragment(struct pm_verify_packet *p, uint32_t at, uint32_t named_at)
{
    uint16_t place = get16(p, at + 2);
    p->is_fragment = (place & 0xfff9) != 0;
    p->has_more = (place & 1) != 0;
    p->fragment_off = place & 0xfff8;
    p->fragment_id = pm_file_get32(p->bytes + at + 4, true);
    p->fragment_at = at;
    p->fragment_link = named_at;
}

/* Walks the extension headers. False: what is behind them cannot be read. */
static bool walk_extensions(struct pm_verify_packet *p, bool *is_routed)
{
    uint32_t at = p->ip_off + 40, end = p->ip_off + p->ip_len, named_at = p->ip_off + 6;
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        p->l4_off = at;
        if (p->ends.proto != 0 && p->ends.proto != 43 && p->ends.proto != 44 && p->ends.proto != 60)
            return true;
        if (!has(p, at, 8) || end - at < 8)
            return false;
        const uint8_t *extension = p->bytes + at;
        uint32_t len = p->ends.proto == 44 ? 8 : 8 + extension[1] * 8u;
        if (p->ends.proto == 44)
            take_fragment(p, at, named_at);
        if (p->ends.proto == 43)
            *is_routed = *is_routed || extension[3] > 0;
        p->ends.proto = extension[0];
        if (len > end - at || !has(p, at, len))
            return false;
        named_at = at;
        at += len;
        p->l4_off = at;
        if (p->is_fragment)
            return true;
    }
    return false;
}

static bool read_ipv6(struct pm_verify_packet *p, bool *is_routed)
{
    const uint8_t *ip = p->bytes + p->ip_off;
    if (!has(p, p->ip_off, 40))
        return false;
    memcpy(p->ends.addr[0], ip + 8, 16);
    memcpy(p->ends.addr[1], ip + 24, 16);
    p->ends.proto = ip[6];
    uint32_t told = get16(p, p->ip_off + 4) + 40u;
    bool is_left_to_hardware = told == 40 && p->ends.proto != 59;
    if (!take_length(p, is_left_to_hardware ? p->origlen - p->ip_off : told, 40,
                     "IPv6 payload length"))
        return false;
    bool is_readable = walk_extensions(p, is_routed);
    uint8_t kept[8] = {ip[0], ip[1] & 0xcf, ip[2], ip[3], ip[6], ip[7]};
    p->ip_mark = pm_verify_hash(6, kept, sizeof kept);
    p->ip_mark = pm_verify_hash(p->ip_mark, ip + 8, p->l4_off - p->ip_off - 8);
    return is_readable;
}

static bool read_ip(struct pm_verify_packet *p, bool *is_routed)
{
    if (!has(p, p->ip_off, 20))
        return false;
    p->ends.version = p->bytes[p->ip_off] >> 4;
    if (p->ends.version == 4)
        return read_ipv4(p, is_routed);
    return p->ends.version == 6 && read_ipv6(p, is_routed);
}

void pm_verify_packet_read(struct pm_verify_packet *p, const struct pm_record *record)
{
    *p = (struct pm_verify_packet){.bytes = record->data,
                                   .caplen = record->caplen,
                                   .origlen = record->origlen,
                                   .frame = record->frame,
                                   .time_ns = record->time_ns};
    if (p->origlen < p->caplen)
        p->origlen = p->caplen;
    p->is_cut_short = p->caplen < p->origlen;
    p->whole = pm_verify_hash(p->origlen, p->bytes, p->caplen);
    if (!find_ip(p, record->link) || p->ip_off > p->caplen)
        return;
    bool is_routed = false;
    if (!read_ip(p, &is_routed)) {
        p->ends = (struct pm_verify_ends){0};
        return;
    }
    p->link_mark = pm_verify_hash(record->link, p->bytes, p->ip_off);
    p->kind = p->is_fragment ? PM_VERIFY_FRAGMENT : PM_VERIFY_IP;
    p->l4_len = p->ip_off + p->ip_len - p->l4_off;
    if (!p->is_fragment)
        pm_verify_segment_read(p, is_routed);
}

static void put_end(char *text, size_t cap, const struct pm_verify_ends *ends, unsigned side)
{
    char address[INET6_ADDRSTRLEN] = "";
    bool is_ipv4 = ends->version == 4;
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, ends->addr[side], address, sizeof address);
    if (ends->proto != 6 && ends->proto != 17)
        snprintf(text, cap, "%s", address);
    else
        snprintf(text, cap, is_ipv4 ? "%s:%u" : "[%s]:%u", address, ends->port[side]);
}

void pm_verify_ends_name(const struct pm_verify_ends *ends, unsigned from, char *text)
{
    char sender[54], receiver[54];
    if (ends->version == 0) {
        snprintf(text, PM_VERIFY_FLOW, "not IP");
        return;
    }
    put_end(sender, sizeof sender, ends, from);
    put_end(receiver, sizeof receiver, ends, from ^ 1);
    snprintf(text, PM_VERIFY_FLOW, "%s > %s", sender, receiver);
}
