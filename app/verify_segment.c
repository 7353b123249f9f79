/* verify_segment.c - reads TCP, UDP and ICMP headers and holds checksums and lengths to them. */
#include "app/verify_segment.h"

#include <string.h>

#include "app/byteorder.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };

uint16_t pm_verify_sum(uint16_t sum, const uint8_t *bytes, uint32_t len)
{
    uint64_t total = sum;
    for (; len >= 2; len -= 2, bytes += 2)
        total += (uint32_t)bytes[0] << 8 | bytes[1];
    if (len > 0)
        total += (uint32_t)bytes[0] << 8;
    while (total > 0xffff)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

uint16_t pm_verify_sum_without(uint16_t sum, uint16_t seen)
{
    uint32_t rest = (uint32_t)sum + (uint16_t)~seen;
    rest = (rest & 0xffff) + (rest >> 16);
    return (uint16_t)~rest;
}

static uint16_t pseudo_sum(const struct pm_verify_packet *p, uint32_t len)
{
    uint8_t tail[8] = {0, 0, 0, 0, 0, 0, 0, p->ends.proto};
    pm_file_put32(tail, len, true);
    uint32_t width = p->ends.version == 4 ? 4 : 16;
    uint16_t sum = pm_verify_sum(0, p->ends.addr[0], width);
    return pm_verify_sum(pm_verify_sum(sum, p->ends.addr[1], width), tail, sizeof tail);
}

/* Sums of the pseudo-header, with the length and, as some hardware wants it, without. */
static bool is_partial(const struct pm_verify_packet *p, uint16_t seen, uint32_t len)
{
    return seen == pseudo_sum(p, len) || seen == pseudo_sum(p, 0);
}

/* The checksum field stands at field_off behind l4_off; the sum is over len bytes. */
static void check_sum(struct pm_verify_packet *p, const char *what, uint32_t field_off,
                      uint32_t len, bool has_pseudo)
{
    if (p->l4_off > p->caplen || len > p->caplen - p->l4_off || len < field_off + 2)
        return;
    const uint8_t *l4 = p->bytes + p->l4_off;
    uint16_t seen = pm_file_get16(l4 + field_off, true);
    uint16_t sum = pm_verify_sum(has_pseudo ? pseudo_sum(p, len) : 0, l4, len);
    uint16_t expected = pm_verify_sum_without(sum, seen);
    if (p->ends.proto == PROTO_UDP && expected == 0)
        expected = 0xffff;
    if (sum == 0xffff && (seen != 0 || p->ends.proto != PROTO_UDP)) {
        p->sum = PM_VERIFY_SUM_GOOD;
        return;
    }
    p->sum = has_pseudo && (seen == 0 || is_partial(p, seen, len)) ? PM_VERIFY_SUM_OFFLOADED
                                                                   : PM_VERIFY_SUM_BAD;
    pm_verify_packet_fault(
        p, p->sum == PM_VERIFY_SUM_BAD ? PM_VERIFY_BAD_CHECKSUM : PM_VERIFY_OFFLOADED_CHECKSUM,
        what, expected, seen);
}

static void read_sack(struct pm_verify_packet *p, const uint8_t *option, uint32_t len)
{
    for (uint32_t at = 2; at + 8 <= len && p->sack_count < PM_VERIFY_SACKS; at += 8) {
        uint32_t *block = p->sack[p->sack_count++];
        block[0] = pm_file_get32(option + at, true);
        block[1] = pm_file_get32(option + at + 4, true);
    }
}

/* Options count for the fingerprint, except what follows a change of length or the time. */
static void read_options(struct pm_verify_packet *p, uint32_t at, uint32_t end)
{
    enum { END = 0, NOP = 1, SACK = 5, TIMESTAMP = 8 };
    while (at < end && p->bytes[at] != END) {
        const uint8_t *option = p->bytes + at;
        if (option[0] == NOP) {
            at++;
            continue;
        }
        if (end - at < 2 || option[1] < 2 || option[1] > end - at)
            return;
        if (option[0] == SACK)
            read_sack(p, option, option[1]);
        else
            p->l4_mark = pm_verify_hash(p->l4_mark, option, option[0] == TIMESTAMP ? 2 : option[1]);
        at += option[1];
    }
}

static void read_tcp(struct pm_verify_packet *p, bool is_routed)
{
    const uint8_t *tcp = p->bytes + p->l4_off;
    if (p->l4_len < 20) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, "TCP segment length", 20, p->l4_len);
        return;
    }
    if (p->caplen < p->l4_off || p->caplen - p->l4_off < 20)
        return;
    uint32_t header = (tcp[12] >> 4) * 4u;
    if (header < 20 || header > p->l4_len) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, "TCP data offset",
                               header < 20 ? 20 : p->l4_len, header);
        return;
    }
    if (header > p->caplen - p->l4_off)
        return;
    p->kind = PM_VERIFY_TCP;
    p->ends.port[0] = pm_file_get16(tcp, true);
    p->ends.port[1] = pm_file_get16(tcp + 2, true);
    p->seq = pm_file_get32(tcp + 4, true);
    p->ack = pm_file_get32(tcp + 8, true);
    p->flags = tcp[13];
    p->window = pm_file_get16(tcp + 14, true);
    p->payload_off = p->l4_off + header;
    p->payload_len = p->l4_len - header;
    uint8_t kept = p->flags & (PM_VERIFY_SYN | PM_VERIFY_RST | PM_VERIFY_ACK | PM_VERIFY_ECE);
    p->l4_mark = pm_verify_hash(p->window, &kept, 1);
    read_options(p, p->l4_off + 20, p->payload_off);
    if (!is_routed)
        check_sum(p, "TCP checksum", 16, p->l4_len, true);
}

static void read_udp(struct pm_verify_packet *p, bool is_routed)
{
    const uint8_t *udp = p->bytes + p->l4_off;
    if (p->l4_len < 8) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, "UDP segment length", 8, p->l4_len);
        return;
    }
    if (p->caplen < p->l4_off || p->caplen - p->l4_off < 8)
        return;
    p->kind = PM_VERIFY_UDP;
    p->ends.port[0] = pm_file_get16(udp, true);
    p->ends.port[1] = pm_file_get16(udp + 2, true);
    uint32_t len = pm_file_get16(udp + 4, true);
    if (len < 8 || len > p->l4_len) {
        pm_verify_packet_fault(p, PM_VERIFY_BAD_LENGTH, "UDP length", p->l4_len, len);
        return;
    }
    if (len < p->l4_len)
        p->surplus = p->l4_len - len;
    p->payload_off = p->l4_off + 8;
    p->payload_len = len - 8;
    bool has_none = p->ends.version == 4 && udp[6] == 0 && udp[7] == 0;
    if (has_none)
        p->sum = PM_VERIFY_SUM_GOOD;
    else if (!is_routed)
        check_sum(p, "UDP checksum", 6, len, true);
}

static void read_icmp(struct pm_verify_packet *p, bool is_routed)
{
    if (p->l4_len < 4 || p->caplen < p->l4_off || p->caplen - p->l4_off < 4)
        return;
    p->kind = PM_VERIFY_ICMP;
    p->payload_off = p->l4_off + 4;
    p->payload_len = p->l4_len - 4;
    p->l4_mark = pm_verify_hash(p->ends.proto, p->bytes + p->l4_off, 2);
    if (p->ends.proto == PROTO_ICMP)
        check_sum(p, "ICMP checksum", 2, p->l4_len, false);
    else if (!is_routed)
        check_sum(p, "ICMPv6 checksum", 2, p->l4_len, true);
}

void pm_verify_segment_read(struct pm_verify_packet *p, bool is_routed)
{
    if (p->ends.proto == PROTO_TCP)
        read_tcp(p, is_routed);
    else if (p->ends.proto == PROTO_UDP)
        read_udp(p, is_routed);
    else if ((p->ends.proto == PROTO_ICMP && p->ends.version == 4) ||
             (p->ends.proto == PROTO_ICMPV6 && p->ends.version == 6))
        read_icmp(p, is_routed);
    uint32_t there = p->payload_off < p->caplen ? p->caplen - p->payload_off : 0;
    p->payload_there = there < p->payload_len ? there : p->payload_len;
}
