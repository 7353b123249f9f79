/* communityid.c - puts the two ends in order, hashes them, writes the hash as text. */
#include "app/communityid.h"

#include <string.h>

#include "app/byteorder.h"

enum { ICMP = 1, ICMPV6 = 58 };
enum { HASH_WORDS = 5, HASH_LEN = 20, BLOCK_LEN = 64 };

static uint32_t rotate(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

/* FIPS 180-4, 6.1.2, for the one block that is all there is. */
static void sha1_block(const uint8_t block[BLOCK_LEN], uint8_t hash[HASH_LEN])
{
    static const uint32_t first[HASH_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                               0xc3d2e1f0};
    static const uint32_t constant[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80], h[HASH_WORDS];
    for (unsigned t = 0; t < 16; t++)
        w[t] = pm_file_get32(block + (size_t)4 * t, true);
    for (unsigned t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(h, first, sizeof h);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t choose = (h[1] & h[2]) | (~h[1] & h[3]);
        uint32_t parity = h[1] ^ h[2] ^ h[3];
        uint32_t majority = (h[1] & h[2]) | (h[1] & h[3]) | (h[2] & h[3]);
        uint32_t f = t < 20 ? choose : t >= 40 && t < 60 ? majority : parity;
        uint32_t next = rotate(h[0], 5) + f + h[4] + constant[t / 20] + w[t];
        h[4] = h[3];
        h[3] = h[2];
        h[2] = rotate(h[1], 30);
        h[1] = h[0];
        h[0] = next;
    }
    for (unsigned i = 0; i < HASH_WORDS; i++)
        pm_file_put32(hash + (size_t)4 * i, first[i] + h[i], true);
}

/* RFC 4648; 20 bytes are six groups of three and one of two. */
static void put_base64(const uint8_t hash[HASH_LEN], char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < HASH_LEN; i += 3) {
        uint32_t last = i + 2 < HASH_LEN ? hash[i + 2] : 0;
        uint32_t group = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 | last;
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = digits[group >> 6 & 63];
        *text++ = i + 2 < HASH_LEN ? digits[group & 63] : '=';
    }
    *text = '\0';
}

/* The type that answers this one, or asks for it; -1: neither. */
static int counterpart(uint8_t proto, uint16_t type)
{
    static const uint8_t v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}};
    static const uint8_t v6[][2] = {{128, 129}, {133, 134}, {135, 136},
                                    {130, 131}, {139, 140}, {144, 145}};
    const uint8_t(*pairs)[2] = proto == ICMP ? v4 : v6;
    size_t count = proto == ICMP ? sizeof v4 / sizeof v4[0] : sizeof v6 / sizeof v6[0];
    for (size_t i = 0; i < count; i++) {
        if (pairs[i][0] == type)
            return pairs[i][1];
        if (pairs[i][1] == type)
            return pairs[i][0];
    }
    return -1;
}

void pm_community_id(const struct pm_community_flow *flow, uint16_t seed,
                     char text[PM_COMMUNITY_ID])
{
    uint8_t block[BLOCK_LEN] = {0}, hash[HASH_LEN];
    size_t addr_len = flow->src.version == 4 ? 4 : 16, len = 2;
    uint16_t port[2] = {flow->src_port, flow->dst_port};
    bool is_one_way = false;
    if (flow->proto == ICMP || flow->proto == ICMPV6) {
        int answer = counterpart(flow->proto, port[0]);
        is_one_way = answer < 0;
        port[1] = is_one_way ? port[1] : (uint16_t)answer;
    }
    int order = memcmp(flow->src.bytes, flow->dst.bytes, addr_len);
    bool is_turned = !is_one_way && (order > 0 || (order == 0 && port[0] > port[1]));
    pm_file_put16(block, seed, true);
    memcpy(block + len, (is_turned ? flow->dst : flow->src).bytes, addr_len);
    memcpy(block + len + addr_len, (is_turned ? flow->src : flow->dst).bytes, addr_len);
    len += 2 * addr_len;
    block[len] = flow->proto;
    len += 2;
    if (flow->has_ports) {
        pm_file_put16(block + len, port[is_turned ? 1 : 0], true);
        pm_file_put16(block + len + 2, port[is_turned ? 0 : 1], true);
        len += 4;
    }
    block[len] = 0x80;
    pm_file_put16(block + BLOCK_LEN - 2, (uint16_t)(len * 8), true);
    sha1_block(block, hash);
    text[0] = '1';
    text[1] = ':';
    put_base64(hash, text + 2);
}
