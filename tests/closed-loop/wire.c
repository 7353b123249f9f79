/* wire.c - making and reading packets; the contract is in wire.h. */
#include "wire.h"

#include <string.h>

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
    return put16(put16(p, v >> 16), v);
}

const char *wire_fault_name(enum wire_fault fault)
{
    switch (fault) {
    case WIRE_OK:
        return "sound";
    case WIRE_NOT_IP:
        return "not IP";
    case WIRE_BAD_LENGTH:
        return "a length contradicts the bytes";
    case WIRE_BAD_IP_SUM:
        return "wrong IP checksum";
    case WIRE_NOT_TCP:
        return "not TCP";
    case WIRE_BAD_TCP_SUM:
        return "wrong TCP checksum";
    case WIRE_BAD_OPTIONS:
        return "malformed TCP options";
    }
    return "?";
}

/* ------------------------------------------------------------------ sums */

static uint32_t sum_bytes(uint32_t sum, const uint8_t *p, size_t len)
{
    uint64_t total = sum;
    for (; len >= 2; p += 2, len -= 2)
        total += get16(p);
    if (len > 0)
        total += (uint32_t)p[0] << 8;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint32_t)total;
}

static size_t ip_header_len(const uint8_t *packet)
{
    return packet[0] >> 4 == 4 ? (packet[0] & 15u) * 4u : 40;
}

static uint32_t pseudo_sum(const uint8_t *packet, size_t tcp_len)
{
    bool is_v4 = packet[0] >> 4 == 4;
    uint32_t sum = 6 + (uint32_t)(tcp_len >> 16) + (uint32_t)(tcp_len & 0xffff);
    return is_v4 ? sum_bytes(sum, packet + 12, 8) : sum_bytes(sum, packet + 8, 32);
}

void wire_complete_sum(uint8_t *packet, size_t len)
{
    size_t off = ip_header_len(packet);
    put16(packet + off + 16, 0);
    uint32_t sum = sum_bytes(pseudo_sum(packet, len - off), packet + off, len - off);
    put16(packet + off + 16, ~sum & 0xffff);
}

void wire_partial_sum(uint8_t *packet, size_t len)
{
    size_t off = ip_header_len(packet);
    put16(packet + off + 16, pseudo_sum(packet, len - off));
}

void wire_readdress(uint8_t *packet, size_t len, const struct wire_segment *ends)
{
    bool is_v4 = packet[0] >> 4 == 4;
    size_t addr_len = is_v4 ? 4 : 16;
    uint8_t *src = packet + (is_v4 ? 12 : 8), *tcp = packet + ip_header_len(packet);
    memcpy(src, ends->src, addr_len);
    memcpy(src + addr_len, ends->dst, addr_len);
    put16(tcp, ends->src_port);
    put16(tcp + 2, ends->dst_port);
    if (is_v4) {
        put16(packet + 10, 0);
        put16(packet + 10, ~sum_bytes(0, packet, ip_header_len(packet)) & 0xffff);
    }
    wire_complete_sum(packet, len);
}

/* ------------------------------------------------------------------ making */

static uint8_t *put_options(const struct wire_segment *s, uint8_t *p)
{
    uint8_t *begin = p;
    if (s->has_mss) {
        p = put16(p, 2 << 8 | 4);
        p = put16(p, s->mss);
    }
    if (s->has_sack_ok)
        p = put16(p, 4 << 8 | 2);
    if (s->has_ts) {
        p = put16(p, 8 << 8 | 10);
        p = put32(put32(p, s->tsval), s->tsecr);
    }
    if (s->has_scale) {
        p = put16(p, 3 << 8 | 3);
        *p++ = s->scale;
    }
    if (s->sack_count > 0) {
        p = put16(p, 5u << 8 | (2 + 8 * s->sack_count));
        for (unsigned i = 0; i < s->sack_count; i++)
            p = put32(put32(p, s->sack[i].left), s->sack[i].right);
    }
    while ((p - begin) % 4)
        *p++ = 1;
    return p;
}

static size_t put_ip(const struct wire_segment *s, uint8_t *out, size_t tcp_len)
{
    if (s->ip_version == 4) {
        memset(out, 0, 20);
        out[0] = 0x45;
        out[1] = s->tos;
        put16(out + 2, (uint32_t)(20 + tcp_len));
        put16(out + 4, s->ip_id);
        put16(out + 6, s->df ? 0x4000 : 0);
        out[8] = s->ttl;
        out[9] = 6;
        memcpy(out + 12, s->src, 4);
        memcpy(out + 16, s->dst, 4);
        put16(out + 10, ~sum_bytes(0, out, 20) & 0xffff);
        return 20;
    }
    put32(out, 6u << 28 | (uint32_t)s->tos << 20);
    put16(out + 4, (uint32_t)tcp_len);
    out[6] = 6;
    out[7] = s->ttl;
    memcpy(out + 8, s->src, 16);
    memcpy(out + 24, s->dst, 16);
    return 40;
}

size_t wire_build(struct wire_segment *s, uint8_t *out)
{
    size_t ip_len = s->ip_version == 4 ? 20 : 40;
    uint8_t *tcp = out + ip_len;
    uint8_t *end = put_options(s, tcp + 20);
    s->header_len = (size_t)(end - out);
    s->option_len = (size_t)(end - tcp) - 20;
    if (s->len > 0)
        memmove(end, s->data, s->len);
    s->data = end;
    put16(tcp, s->src_port);
    put16(tcp + 2, s->dst_port);
    put32(tcp + 4, s->seq);
    put32(tcp + 8, s->ack);
    tcp[12] = (uint8_t)((end - tcp) / 4 << 4);
    tcp[13] = s->flags;
    put16(tcp + 14, s->window);
    put16(tcp + 18, s->urgent);
    size_t tcp_len = (size_t)(end - tcp) + s->len;
    put_ip(s, out, tcp_len);
    wire_complete_sum(out, ip_len + tcp_len);
    return ip_len + tcp_len;
}

/* ------------------------------------------------------------------ reading */

static enum wire_fault read_v4(const uint8_t *p, size_t len, struct wire_segment *s)
{
    size_t header = (p[0] & 15u) * 4u;
    if (len < 20 || header < 20 || header > len || get16(p + 2) != len)
        return WIRE_BAD_LENGTH;
    if (sum_bytes(0, p, header) != 0xffff)
        return WIRE_BAD_IP_SUM;
    if (p[9] != 6 || (get16(p + 6) & 0x3fff))
        return WIRE_NOT_TCP;
    s->tos = p[1];
    s->ip_id = get16(p + 4);
    s->df = p[6] & 0x40;
    s->ttl = p[8];
    memcpy(s->src, p + 12, 4);
    memcpy(s->dst, p + 16, 4);
    s->header_len = header;
    return WIRE_OK;
}

static enum wire_fault read_v6(const uint8_t *p, size_t len, struct wire_segment *s)
{
    if (len < 40 || (size_t)get16(p + 4) + 40 != len)
        return WIRE_BAD_LENGTH;
    if (p[6] != 6)
        return WIRE_NOT_TCP;
    s->tos = (uint8_t)(get16(p) >> 4);
    s->ttl = p[7];
    memcpy(s->src, p + 8, 16);
    memcpy(s->dst, p + 24, 16);
    s->header_len = 40;
    return WIRE_OK;
}

static bool read_sack(struct wire_segment *s, const uint8_t *p, size_t len)
{
    if (len < 10 || (len - 2) % 8 || len > 2 + 8 * WIRE_SACKS)
        return false;
    s->sack_count = (unsigned)((len - 2) / 8);
    for (unsigned i = 0; i < s->sack_count; i++) {
        s->sack[i].left = get32(p + 2 + 8 * i);
        s->sack[i].right = get32(p + 6 + 8 * i);
    }
    return true;
}

static bool read_option(struct wire_segment *s, const uint8_t *p, size_t len)
{
    switch (p[0]) {
    case 2:
        s->has_mss = len == 4;
        s->mss = len == 4 ? get16(p + 2) : 0;
        return len == 4;
    case 3:
        s->has_scale = len == 3;
        s->scale = len == 3 ? p[2] : 0;
        return len == 3 && p[2] <= 14;
    case 4:
        s->has_sack_ok = true;
        return len == 2;
    case 5:
        return read_sack(s, p, len);
    case 8:
        s->has_ts = len == 10;
        s->tsval = len == 10 ? get32(p + 2) : 0;
        s->tsecr = len == 10 ? get32(p + 6) : 0;
        return len == 10;
    default:
        s->has_odd_option = true;
        return true;
    }
}

static bool read_options(struct wire_segment *s, const uint8_t *p, size_t len)
{
    size_t off = 0;
    while (off < len && p[off] != 0) {
        if (p[off] == 1) {
            off++;
            continue;
        }
        if (len - off < 2 || p[off + 1] < 2 || p[off + 1] > len - off)
            return false;
        if (!read_option(s, p + off, p[off + 1]))
            return false;
        off += p[off + 1];
    }
    return true;
}

static enum wire_fault read_tcp(const uint8_t *packet, size_t len, struct wire_segment *s)
{
    const uint8_t *tcp = packet + s->header_len;
    size_t tcp_len = len - s->header_len;
    if (tcp_len < 20)
        return WIRE_BAD_LENGTH;
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    if (header < 20 || header > tcp_len)
        return WIRE_BAD_LENGTH;
    s->src_port = get16(tcp);
    s->dst_port = get16(tcp + 2);
    s->seq = get32(tcp + 4);
    s->ack = get32(tcp + 8);
    s->flags = tcp[13];
    s->window = get16(tcp + 14);
    s->urgent = get16(tcp + 18);
    s->option_len = header - 20;
    s->data = tcp + header;
    s->len = tcp_len - header;
    s->header_len += header;
    return read_options(s, tcp + 20, header - 20) ? WIRE_OK : WIRE_BAD_OPTIONS;
}

static enum wire_fault read_packet(const uint8_t *packet, size_t len, struct wire_segment *s,
                                   bool may_be_partial)
{
    memset(s, 0, sizeof *s);
    s->ip_version = len > 0 ? packet[0] >> 4 : 0;
    if (s->ip_version != 4 && s->ip_version != 6)
        return WIRE_NOT_IP;
    enum wire_fault fault = s->ip_version == 4 ? read_v4(packet, len, s) : read_v6(packet, len, s);
    if (fault != WIRE_OK)
        return fault;
    size_t off = s->header_len;
    if (len - off < 20)
        return WIRE_BAD_LENGTH;
    uint32_t pseudo = pseudo_sum(packet, len - off);
    bool is_right = sum_bytes(pseudo, packet + off, len - off) == 0xffff;
    if (!is_right && !(may_be_partial && get16(packet + off + 16) == pseudo))
        return WIRE_BAD_TCP_SUM;
    return read_tcp(packet, len, s);
}

enum wire_fault wire_read(const uint8_t *packet, size_t len, struct wire_segment *segment)
{
    return read_packet(packet, len, segment, false);
}

enum wire_fault wire_read_partial(const uint8_t *packet, size_t len, struct wire_segment *segment)
{
    return read_packet(packet, len, segment, true);
}
