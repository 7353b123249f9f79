/* packet_fuzz.c - any bytes, as any link type: read safely, judged safely, promises kept.
 *
 *     input  [0] link type, see below   [1..2] bytes the capture lacks   [3..] the packet
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/headers.h"
#include "wire/print.h"
#include "wire/tcpopt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t linktypes[] = {
    PM_LINK_ETHERNET, PM_LINK_RAW,  PM_LINK_NULL,    PM_LINK_LOOP,     PM_LINK_SLL, PM_LINK_SLL2,
    PM_LINK_IPV4,     PM_LINK_IPV6, PM_LINK_RAW_BSD, PM_LINK_RAW_OBSD, 147,
};

/* An assert that no build switches off. */
#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

static void expect_link(const struct pm_link *link, size_t len)
{
    EXPECT(link->l3_off <= len);
    EXPECT(link->vlan_count <= PM_VLAN_MAX);
    EXPECT(!(link->is_ip && link->is_malformed));
    EXPECT(!link->is_ethernet || len >= 14);
    for (uint8_t i = 0; i < link->vlan_count; i++) {
        EXPECT(link->vlan[i] <= 4095);
        EXPECT(link->vlan_off[i] + 4u <= link->l3_off);
    }
}

static void expect_l3(const struct pm_headers *h, size_t wire_len)
{
    EXPECT(h->ip_version == 4 || h->ip_version == 6);
    EXPECT(h->l3_off < h->l4_off && h->l4_off <= h->end && h->end <= h->len);
    EXPECT(h->l3_off + (uint64_t)h->ip_len <= wire_len);
    EXPECT(h->is_truncated || h->end == h->l3_off + h->ip_len);
    EXPECT(!h->is_truncated || h->len < wire_len);
    EXPECT(!h->is_first_fragment || h->is_fragment);
    uint32_t addr_off = h->ip_version == 4 ? 12 : 8;
    uint32_t addrs_len = h->ip_version == 4 ? 8 : 32;
    EXPECT(h->l3_off + addr_off + addrs_len <= h->l4_off);
}

static void expect_l4(const struct pm_headers *h)
{
    EXPECT(h->l4_off + 8 <= h->payload_off && h->payload_off <= h->end);
    EXPECT(h->payload_len <= h->end - h->payload_off);
    EXPECT(!h->is_fragment || h->is_first_fragment);
    if (h->ip_proto == PM_PROTO_TCP) {
        EXPECT(h->payload_off - h->l4_off == (pm_l4(h)[12] >> 4) * 4u);
        EXPECT(h->payload_off + h->payload_len == h->end);
        EXPECT(h->src_port == pm_get16(pm_l4(h)) && h->tcp_flags == pm_l4(h)[13]);
    }
}

static void walk_options(const struct pm_headers *h)
{
    struct pm_tcpopt it;
    uint32_t behind = 20, header_len = h->payload_off - h->l4_off;
    for (pm_tcpopt_begin(&it, pm_l4(h)); pm_tcpopt_next(&it); behind = it.off + it.len) {
        EXPECT(it.off >= behind && it.len >= 2 && it.off + it.len <= header_len);
        EXPECT(it.kind != PM_OPT_EOL && it.kind != PM_OPT_NOP);
    }
    EXPECT(!pm_tcpopt_next(&it));
}

static void print_addrs(const struct pm_headers *h)
{
    uint32_t off = h->ip_version == 4 ? 12 : 8;
    char text[46];
    memset(text, 'x', sizeof text);
    pm_print_addr(h->ip_version, pm_l3(h) + off, text);
    EXPECT(memchr(text, '\0', sizeof text) != NULL);
}

/* A checksum that is written is right; one that is right holds when a covered word is changed and
 * the field is updated. */
static void expect_sums(const struct pm_headers *h, uint8_t *packet)
{
    enum pm_sum_state before = pm_check_l4(h);
    if (before == PM_SUM_RIGHT && h->ip_proto == PM_PROTO_TCP) {
        uint8_t *l4 = packet + h->l4_off;
        uint16_t field = pm_get16(l4 + 16), window = pm_get16(l4 + 14);
        pm_put16(l4 + 14, (uint16_t)(window + 4711));
        pm_put16(l4 + 16, pm_checksum_update16(field, window, (uint16_t)(window + 4711)));
        EXPECT(pm_check_l4(h) == PM_SUM_RIGHT);
    }
    if (h->ip_version == 4) {
        pm_write_ip_checksum(packet + h->l3_off);
        EXPECT(pm_check_ip(h) == PM_SUM_RIGHT);
    } else {
        EXPECT(pm_check_ip(h) == PM_SUM_RIGHT);
    }
}

static void run_packet(uint16_t linktype, uint8_t *packet, size_t len, size_t wire_len)
{
    struct pm_headers h;
    pm_headers_parse(linktype, packet, len, wire_len, &h);
    EXPECT(h.data == packet && h.len == len && h.link.l3_off == h.l3_off);
    expect_link(&h.link, len);
    EXPECT((h.parse == PM_PARSE_NOT_IP) == !h.link.is_ip);
    if (h.parse == PM_PARSE_NOT_IP || h.parse == PM_PARSE_BAD_L3)
        return;
    expect_l3(&h, wire_len);
    print_addrs(&h);
    (void)pm_check_ip(&h);
    if (h.parse == PM_PARSE_L4) {
        expect_l4(&h);
        if (h.ip_proto == PM_PROTO_TCP)
            walk_options(&h);
    } else {
        EXPECT(pm_check_l4(&h) == PM_SUM_UNKNOWN);
    }
    expect_sums(&h, packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    uint16_t linktype = linktypes[data[0] % (sizeof linktypes / sizeof linktypes[0])];
    size_t len = size - 3, missing = pm_get16(data + 1);
    uint8_t *packet = malloc(len > 0 ? len : 1);
    if (packet == NULL)
        return 0;
    if (len > 0)
        memcpy(packet, data + 3, len);
    /* Of an empty packet not one byte may be read. */
    run_packet(linktype, len > 0 ? packet : packet + 1, len, len + missing);
    free(packet);
    return 0;
}
