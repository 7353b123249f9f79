/* refragment.c - cutting datagrams; the contract is in refragment.h. */
#include "edit/refragment.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ipv6ext.h"

#define IPV4_FIXED_LEN      20
#define FRAGMENT_HEADER_LEN 8
#define NEXT_IS_FRAGMENT    44

enum ipv4_option {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_IS_COPIED = 0x80,
};

void pm_refragment_begin(struct pm_refragment *cut, const uint8_t *frame, size_t len,
                         const struct pm_headers *layout, const struct pm_fragment_header *v6,
                         uint32_t size)
{
    bool is_v4 = layout->ip_version == 4;
    uint32_t headers = is_v4 ? layout->l4_off - layout->l3_off : v6->off;
    uint32_t before = headers + (is_v4 ? 0 : FRAGMENT_HEADER_LEN);
    *cut = (struct pm_refragment){.frame = frame,
                                  .v6 = {.off = is_v4 ? 0 : v6->off, .id = is_v4 ? 0 : v6->id},
                                  .l3_off = layout->l3_off,
                                  .data_off = layout->l3_off + headers};
    cut->total = (uint32_t)len - cut->data_off;
    cut->room = size > before ? (size - before) & ~7u : 0;
    if (cut->room < 8)
        cut->room = 8;
}

static void blank_first_only_options(uint8_t *l3, uint32_t header_len)
{
    uint32_t off = IPV4_FIXED_LEN;
    while (off < header_len && l3[off] != OPTION_END) {
        uint32_t len = l3[off] == OPTION_NOP ? 1 : off + 1 < header_len ? l3[off + 1] : 0;
        if (len == 0 || len > header_len - off)
            return;
        if (!(l3[off] & OPTION_IS_COPIED))
            memset(l3 + off, OPTION_NOP, len);
        off += len;
    }
}

static void write_v4(const struct pm_refragment *cut, uint8_t *out, uint32_t len)
{
    uint8_t *l3 = out + cut->l3_off;
    uint32_t header_len = cut->data_off - cut->l3_off;
    bool is_last = cut->done + len == cut->total;
    uint16_t flags = (uint16_t)((pm_get16(l3 + 6) & 0xc000u) | (is_last ? 0 : 0x2000u));
    if (cut->done > 0)
        blank_first_only_options(l3, header_len);
    pm_put16(l3 + 2, (uint16_t)(header_len + len));
    pm_put16(l3 + 6, (uint16_t)(flags | cut->done / 8));
    pm_write_ip_checksum(l3);
}

static void write_v6(const struct pm_refragment *cut, uint8_t *out, uint32_t len)
{
    uint8_t *l3 = out + cut->l3_off, *header = l3 + cut->v6.off;
    uint8_t *next = l3 + pm_ipv6ext_next_field(l3, cut->v6.off);
    bool is_last = cut->done + len == cut->total;
    header[0] = *next;
    header[1] = 0;
    pm_put16(header + 2, (uint16_t)(cut->done | (is_last ? 0 : 1)));
    pm_put32(header + 4, cut->v6.id);
    *next = NEXT_IS_FRAGMENT;
    pm_put16(l3 + 4, (uint16_t)(cut->v6.off - PM_IPV6_FIXED_LEN + FRAGMENT_HEADER_LEN + len));
}

size_t pm_refragment_next(struct pm_refragment *cut, uint8_t *out)
{
    uint32_t left = cut->total - cut->done;
    uint32_t len = left < cut->room ? left : cut->room;
    uint32_t headers = cut->data_off;
    if (len == 0)
        return 0;
    memcpy(out, cut->frame, headers);
    if (cut->v6.off == 0) {
        write_v4(cut, out, len);
    } else {
        write_v6(cut, out, len);
        headers += FRAGMENT_HEADER_LEN;
    }
    memcpy(out + headers, cut->frame + cut->data_off + cut->done, len);
    cut->done += len;
    return headers + len;
}
