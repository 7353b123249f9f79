/* checksum.c - the Internet checksum: sums, differences, and what a wrong one means. */
#include "wire/checksum.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

/* Words are added in the machine's own byte order; where that is little-endian the one's complement
 * sum comes out with its bytes swapped, and is swapped back (RFC 1071 section 2 (B)). */

static inline uint64_t halves(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return (word & 0xffffffffu) + (word >> 32);
}

/* The last 0..7 bytes, an odd one followed by a zero. */
static inline uint64_t tail_sum(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    if (len & 4) {
        uint32_t word;
        memcpy(&word, p, sizeof word);
        sum += word;
        p += 4;
    }
    if (len & 2) {
        uint16_t word;
        memcpy(&word, p, sizeof word);
        sum += word;
        p += 2;
    }
    if (len & 1) {
        const uint8_t padded[2] = {*p, 0};
        uint16_t word;
        memcpy(&word, padded, sizeof word);
        sum += word;
    }
    return sum;
}

static inline uint16_t from_native(uint16_t sum)
{
    const uint8_t one[2] = {0, 1};
    uint16_t big_endian_one;
    memcpy(&big_endian_one, one, sizeof big_endian_one);
    if (big_endian_one == 1)
        return sum;
    return (uint16_t)(sum << 8 | sum >> 8);
}

uint64_t pm_sum(const uint8_t *data, size_t len)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; len >= 32; len -= 32, data += 32) {
        a += halves(data);
        b += halves(data + 8);
        c += halves(data + 16);
        d += halves(data + 24);
    }
    for (; len >= 8; len -= 8, data += 8)
        a += halves(data);
    return from_native(pm_sum_fold(a + b + c + d + tail_sum(data, len)));
}

/* RFC 1624 equation 3, with ~(a) written as 0xffff - a. */
uint16_t pm_checksum_update16(uint16_t field, uint16_t old_word, uint16_t new_word)
{
    if (old_word == new_word)
        return field;
    uint64_t sum = (uint64_t)(0xffff - field) + (uint64_t)(0xffff - old_word) + new_word;
    return (uint16_t)~pm_sum_fold(sum);
}

uint16_t pm_checksum_update32(uint16_t field, uint32_t old_word, uint32_t new_word)
{
    field = pm_checksum_update16(field, (uint16_t)(old_word >> 16), (uint16_t)(new_word >> 16));
    return pm_checksum_update16(field, (uint16_t)old_word, (uint16_t)new_word);
}

uint64_t pm_pseudo_sum(const struct pm_headers *h, uint32_t l4_len)
{
    uint64_t addresses = h->ip_version == 4 ? pm_sum(pm_l3(h) + 12, 8) : pm_sum(pm_l3(h) + 8, 32);
    return addresses + h->ip_proto + (l4_len >> 16) + (l4_len & 0xffff);
}

enum pm_sum_state pm_check_ip(const struct pm_headers *h)
{
    assert(h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3);
    if (h->ip_version == 6 || h->has_no_length)
        return PM_SUM_RIGHT;
    const uint8_t *l3 = pm_l3(h);
    if (pm_sum_fold(pm_sum(l3, (size_t)(l3[0] & 15) * 4)) == 0xffff)
        return PM_SUM_RIGHT;
    return pm_get16(l3 + 10) == 0 ? PM_SUM_ZERO : PM_SUM_WRONG;
}

/* Where the field is in the L4 header; 0: that protocol has none here. */
static uint32_t field_off(const struct pm_headers *h)
{
    if (h->ip_proto == PM_PROTO_TCP)
        return 16;
    if (h->ip_proto == PM_PROTO_UDP)
        return 6;
    if (h->ip_proto == (h->ip_version == 4 ? PM_PROTO_ICMP : PM_PROTO_ICMP6))
        return 2;
    return 0;
}

/* The sender's stack leaves the pseudo-header's sum for the network card to complete; in a TSO
 * packet it is the sum without a length, because each segment gets its own. */
static bool is_bare_pseudo_sum(const struct pm_headers *h, uint16_t field, uint32_t l4_len)
{
    if (h->ip_proto == PM_PROTO_ICMP)
        return false;
    if (field == pm_sum_fold(pm_pseudo_sum(h, l4_len)))
        return true;
    return h->has_no_length && field == pm_sum_fold(pm_pseudo_sum(h, 0));
}

enum pm_sum_state pm_check_l4(const struct pm_headers *h)
{
    /* Unmodifiable packets are mostly on their way to an address other than the one summed. */
    if (h->parse != PM_PARSE_L4 || h->is_truncated || h->is_fragment || h->is_unmodifiable)
        return PM_SUM_UNKNOWN;
    uint32_t off = field_off(h);
    if (off == 0)
        return PM_SUM_UNKNOWN;
    uint16_t field = pm_get16(pm_l4(h) + off);
    if (h->ip_proto == PM_PROTO_UDP && h->ip_version == 4 && field == 0)
        return PM_SUM_NONE;
    /* Not up to the end: what lies behind a UDP datagram is not summed. */
    uint32_t l4_len = h->payload_off - h->l4_off + h->payload_len;
    uint64_t pseudo = h->ip_proto == PM_PROTO_ICMP ? 0 : pm_pseudo_sum(h, l4_len);
    bool is_zero_udp = h->ip_proto == PM_PROTO_UDP && field == 0;
    if (!is_zero_udp && pm_sum_fold(pm_sum(pm_l4(h), l4_len) + pseudo) == 0xffff)
        return PM_SUM_RIGHT;
    if (is_bare_pseudo_sum(h, field, l4_len))
        return PM_SUM_PARTIAL;
    return field == 0 ? PM_SUM_ZERO : PM_SUM_WRONG;
}

void pm_write_ip_checksum(uint8_t *l3)
{
    pm_put16(l3 + 10, 0);
    uint16_t sum = pm_sum_fold(pm_sum(l3, (size_t)(l3[0] & 15) * 4));
    pm_put16(l3 + 10, (uint16_t)~sum);
}
