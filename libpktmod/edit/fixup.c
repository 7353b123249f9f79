/* fixup.c - lengths and checksums; the contract is in fixup.h. */
#include "edit/fixup.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define IP4_TOTAL_LENGTH   2
#define IP4_CHECKSUM       10
#define IP6_PAYLOAD_LENGTH 4
#define IP6_HEADER         40
#define UDP_LENGTH         4
#define TCP_CHECKSUM       16
#define NO_CHECKSUM        UINT32_MAX

/* Offset in the frame of the L4 checksum field, NO_CHECKSUM if the packet has none. A first
 * fragment has one; its sum covers the fragments behind it, which incremental updates respect. */
static uint32_t l4_sum_off(const struct pm_headers *layout)
{
    if (layout->parse != PM_PARSE_L4)
        return NO_CHECKSUM;
    switch (layout->ip_proto) {
    case PM_PROTO_TCP:
        return layout->l4_off + 16;
    case PM_PROTO_UDP:
        return layout->l4_off + 6;
    case PM_PROTO_ICMP:
    case PM_PROTO_ICMP6:
        return layout->l4_off + 2;
    default:
        return NO_CHECKSUM;
    }
}

void pm_fixup_l4_sum(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len)
{
    uint32_t off = l4_sum_off(layout);
    if (off == NO_CHECKSUM)
        return;
    struct pm_headers written = *layout;
    written.data = frame;
    uint32_t l4_len = layout->payload_off - layout->l4_off + payload_len;
    pm_put16(frame + off, 0);
    uint64_t sum = pm_sum(frame + layout->l4_off, l4_len);
    if (layout->ip_proto != PM_PROTO_ICMP)
        sum += pm_pseudo_sum(&written, l4_len);
    uint16_t field = (uint16_t)~pm_sum_fold(sum);
    if (field == 0 && layout->ip_proto == PM_PROTO_UDP)
        field = 0xffff;
    pm_put16(frame + off, field);
}

static void write_lengths(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len)
{
    uint8_t *l3 = frame + layout->l3_off;
    uint32_t ip_len = layout->payload_off - layout->l3_off + payload_len;
    if (layout->ip_version == 4) {
        pm_put16(l3 + IP4_TOTAL_LENGTH, (uint16_t)ip_len);
        pm_write_ip_checksum(l3);
    } else {
        pm_put16(l3 + IP6_PAYLOAD_LENGTH, (uint16_t)(ip_len - IP6_HEADER));
    }
}

size_t pm_fixup_partial(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len)
{
    struct pm_headers written = *layout;
    written.data = frame;
    write_lengths(layout, frame, payload_len);
    uint32_t l4_len = layout->payload_off - layout->l4_off + payload_len;
    pm_put16(frame + layout->l4_off + TCP_CHECKSUM,
             (uint16_t)pm_sum_fold(pm_pseudo_sum(&written, l4_len)));
    return layout->payload_off + payload_len;
}

size_t pm_fixup_whole(const struct pm_headers *layout, uint8_t *frame, uint32_t payload_len)
{
    write_lengths(layout, frame, payload_len);
    bool is_udp = layout->ip_proto == PM_PROTO_UDP;
    if (is_udp)
        pm_put16(frame + layout->l4_off + UDP_LENGTH,
                 (uint16_t)(layout->payload_off - layout->l4_off + payload_len));
    bool has_no_sum =
        is_udp && layout->ip_version == 4 && pm_get16(frame + layout->l4_off + 6) == 0;
    if (!has_no_sum)
        pm_fixup_l4_sum(layout, frame, payload_len);
    return layout->payload_off + payload_len;
}

/* Sum of the even-aligned words (counted from `base`) that hold [off, off+len). The byte before or
 * behind is summed too; it cancels out between before and after. */
static uint16_t words_sum(const uint8_t *base, uint32_t off, uint32_t len)
{
    uint32_t begin = off & ~1u;
    uint32_t end = (off + len + 1) & ~1u;
    return pm_sum_fold(pm_sum(base + begin, end - begin));
}

static void update_sum(uint8_t *field, uint16_t old_sum, uint16_t new_sum, bool zero_is_none)
{
    uint16_t sum = pm_get16(field);
    if (zero_is_none && sum == 0)
        return;
    sum = pm_checksum_update16(sum, old_sum, new_sum);
    if (zero_is_none && sum == 0)
        sum = 0xffff;
    pm_put16(field, sum);
}

void pm_fixup_l4_bytes(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                       const uint8_t *bytes, uint32_t len)
{
    uint8_t *l4 = frame + layout->l4_off;
    uint32_t sum_off = l4_sum_off(layout);
    uint16_t old_sum = words_sum(l4, off, len);
    memcpy(l4 + off, bytes, len);
    if (sum_off != NO_CHECKSUM)
        update_sum(frame + sum_off, old_sum, words_sum(l4, off, len),
                   layout->ip_proto == PM_PROTO_UDP);
}

void pm_fixup_l4_word32(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                        uint32_t value)
{
    uint8_t bytes[4];
    pm_put32(bytes, value);
    pm_fixup_l4_bytes(layout, frame, off, bytes, sizeof bytes);
}

void pm_fixup_l3_bytes(const struct pm_headers *layout, uint8_t *frame, uint32_t off,
                       const uint8_t *bytes, uint32_t len, bool in_pseudo)
{
    uint8_t *l3 = frame + layout->l3_off;
    uint16_t old_sum = words_sum(l3, off, len);
    memcpy(l3 + off, bytes, len);
    uint16_t new_sum = words_sum(l3, off, len);
    if (layout->ip_version == 4)
        update_sum(l3 + IP4_CHECKSUM, old_sum, new_sum, false);
    uint32_t sum_off = l4_sum_off(layout);
    if (in_pseudo && sum_off != NO_CHECKSUM && layout->ip_proto != PM_PROTO_ICMP)
        update_sum(frame + sum_off, old_sum, new_sum, layout->ip_proto == PM_PROTO_UDP);
}
