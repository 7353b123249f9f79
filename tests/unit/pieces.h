/* pieces.h - for tests: IP packets cut into fragments at given places, and put together again; slow
 * and plain, and nothing of the library's. Fragments carry no link header. */
#ifndef PM_TESTS_PIECES_H
#define PM_TESTS_PIECES_H

#include "talk.h"

#define PIECE_MAX 70000

struct piece {
    uint8_t bytes[4096];
    size_t len;
    uint64_t cookie;
};

/* Where the bytes that are cut begin: behind the IPv4 header, or the fixed IPv6 header and `ext`
 * bytes of extension headers. */
static inline size_t piece_head(const uint8_t *ip, size_t ext)
{
    return ip[0] >> 4 == 4 ? (size_t)(ip[0] & 15) * 4 : 40 + ext;
}

static inline void piece_sum(uint8_t *ip)
{
    size_t head = piece_head(ip, 0);
    talk_put(ip + 10, 0, 2);
    talk_put(ip + 10, (uint16_t)~talk_sum(ip, head, 0), 2);
}

/* Bytes [from, to) of the packet's cut part as a fragment. With `ext`, the IPv6 packet has such an
 * extension header in front of the fragment header. */
static inline void piece_make(struct piece *p, const uint8_t *ip, size_t len, size_t ext,
                              uint32_t id, size_t from, size_t to)
{
    size_t head = piece_head(ip, ext), add = ip[0] >> 4 == 6 ? 8 : 0;
    uint32_t more = to < len - head;
    memcpy(p->bytes, ip, head);
    memcpy(p->bytes + head + add, ip + head + from, to - from);
    p->len = head + add + (to - from);
    if (ip[0] >> 4 == 4) {
        talk_put(p->bytes + 2, (uint32_t)p->len, 2);
        talk_put(p->bytes + 4, id, 2);
        talk_put(p->bytes + 6, (uint32_t)(ip[6] & 0x40) << 8 | more << 13 | (uint32_t)from / 8, 2);
        piece_sum(p->bytes);
        return;
    }
    uint8_t *next = ext ? p->bytes + 40 : p->bytes + 6, *header = p->bytes + head;
    talk_put(p->bytes + 4, (uint32_t)p->len - 40, 2);
    header[0] = *next;
    header[1] = 0;
    talk_put(header + 2, (uint32_t)from | more, 2);
    talk_put(header + 4, id, 4);
    *next = 44;
}

/* Every `size` bytes; answers how many pieces. */
static inline size_t piece_cut(struct piece *out, const uint8_t *ip, size_t len, size_t ext,
                               uint32_t id, size_t size)
{
    size_t total = len - piece_head(ip, ext), count = 0;
    for (size_t from = 0; from < total; from += size)
        piece_make(&out[count++], ip, len, ext, id, from,
                   from + size < total ? from + size : total);
    return count;
}

/* Puts fragments (or one whole packet) together; they tile without hole or overlap. Answers the
 * packet's length. */
static inline size_t piece_join(const struct piece *pieces, size_t count, size_t ext, uint8_t *ip)
{
    size_t head = piece_head(pieces[0].bytes, ext), end = 0, got = 0;
    bool is_v4 = pieces[0].bytes[0] >> 4 == 4, has_first = false;
    uint8_t next = ext ? pieces[0].bytes[40] : pieces[0].bytes[6];
    if (count == 1 && (is_v4 ? (talk_get(pieces[0].bytes + 6, 2) & 0x3fff) == 0 : next != 44)) {
        memcpy(ip, pieces[0].bytes, pieces[0].len);
        return pieces[0].len;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *b = pieces[i].bytes;
        size_t add = is_v4 ? 0 : 8;
        uint32_t word = is_v4 ? talk_get(b + 6, 2) : talk_get(b + head + 2, 2);
        size_t from = is_v4 ? (word & 0x1fff) * 8u : word & 0xfff8;
        bool more = is_v4 ? word & 0x2000 : word & 1;
        size_t len = pieces[i].len - head - add;
        assert_int_equal(is_v4 ? talk_get(b + 2, 2) : 40 + talk_get(b + 4, 2), pieces[i].len);
        assert_true(!is_v4 || talk_sum(b, head, 0) == 0xffff);
        assert_true(!more || len % 8 == 0);
        memcpy(ip + head + from, b + head + add, len);
        got += len;
        if (!more)
            end = from + len;
        if (from > 0)
            continue;
        has_first = true;
        memcpy(ip, b, head);
        if (!is_v4)
            ip[ext ? 40 : 6] = b[head];
    }
    assert_true(has_first && got == end);
    if (is_v4) {
        talk_put(ip + 2, (uint32_t)(head + end), 2);
        talk_put(ip + 6, (uint32_t)(ip[6] & 0x40) << 8, 2);
        piece_sum(ip);
    } else {
        talk_put(ip + 4, (uint32_t)(head - 40 + end), 2);
    }
    return head + end;
}

#endif
