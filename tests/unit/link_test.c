/* link_test.c - where IP begins, for every link type, and at every length that is too short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/link.h"

/* Parses a copy in a block of exactly its size, so that ASan sees a byte read too far. */
static struct pm_link parse(uint16_t linktype, const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    uint8_t *begin = len > 0 ? exact : exact + 1;
    if (len > 0)
        memcpy(begin, data, len);
    struct pm_link link;
    pm_link_parse(linktype, begin, len, &link);
    assert_true(link.l3_off <= len);
    assert_true(link.vlan_count <= PM_VLAN_MAX);
    assert_false(link.is_ip && link.is_malformed);
    free(exact);
    return link;
}

#define MACS   2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2
#define NOT_IP 255 /* as an ip_version */

struct frame {
    const char *story;
    uint16_t linktype;
    uint8_t ip_version; /* 0: the nibble decides; NOT_IP */
    uint16_t ethertype;
    uint32_t l3_off;
    uint8_t vlan_count;
    uint16_t last_vlan, last_vlan_off;
    bool is_malformed;
    uint8_t len;
    uint8_t bytes[44];
};

static const struct frame frames[] = {
    {"ethertype IPv4", 1, 4, 0x800, 14, 0, 0, 0, false, 15, {MACS, 8, 0, 0x45}},
    {"ethertype IPv6", 1, 6, 0x86dd, 14, 0, 0, 0, false, 15, {MACS, 0x86, 0xdd, 0x60}},
    {"ethertype ARP", 1, NOT_IP, 0x806, 14, 0, 0, 0, false, 15, {MACS, 8, 6, 0}},
    {"IP, but nothing of it", 1, 4, 0x800, 14, 0, 0, 0, false, 14, {MACS, 8, 0}},
    {"one byte short of a header", 1, NOT_IP, 0, 0, 0, 0, 0, true, 13, {MACS, 8}},
    {"802.3, length 100, LLC SAP 0x42 (STP)",
     1,
     NOT_IP,
     0,
     14,
     0,
     0,
     0,
     false,
     17,
     {MACS, 0, 100, 0x42, 0x42, 3}},
    {"802.3, length 1500", 1, NOT_IP, 0, 14, 0, 0, 0, false, 15, {MACS, 5, 0xdc, 0x45}},
    {"802.3, largest below the first ethertype",
     1,
     NOT_IP,
     0,
     14,
     0,
     0,
     0,
     false,
     15,
     {MACS, 5, 0xff, 0x45}},
    {"vlan 5, p 7, ethertype IPv4",
     1,
     4,
     0x800,
     18,
     1,
     5,
     14,
     false,
     19,
     {MACS, 0x81, 0, 0xe0, 5, 8, 0, 0x45}},
    {"802.1ad vlan 4095, 0x9100 vlan 2, 0x9200 vlan 3, vlan 4, IPv6",
     1,
     6,
     0x86dd,
     30,
     4,
     4,
     26,
     false,
     31,
     {MACS, 0x88, 0xa8, 0xff, 0xff, 0x91, 0, 0, 2, 0x92, 0, 0, 3, 0x81, 0, 0, 4, 0x86, 0xdd, 0x60}},
    {"five tags are one too many", 1, NOT_IP, 0x8100, 30, 4, 4, 26, false, 35, {MACS, 0x81, 0,
                                                                                0,    1,    0x81,
                                                                                0,    0,    2,
                                                                                0x81, 0,    0,
                                                                                3,    0x81, 0,
                                                                                0,    4,    0x81,
                                                                                0,    0,    5,
                                                                                8,    0,    0x45}},
    {"a tag cut in half", 1, NOT_IP, 0, 14, 0, 0, 0, true, 17, {MACS, 0x81, 0, 0, 5, 8}},
    {"the second tag cut in half",
     1,
     NOT_IP,
     0,
     18,
     1,
     5,
     14,
     true,
     20,
     {MACS, 0x81, 0, 0, 5, 0x81, 0, 0, 6}},
    {"MPLS (label 16, ttl 64)(label 17, [S]), IPv4",
     1,
     0,
     0x8847,
     22,
     0,
     0,
     0,
     false,
     23,
     {MACS, 0x88, 0x47, 0, 1, 0, 64, 0, 1, 0x11, 64, 0x45}},
    {"vlan 9, MPLS multicast (label 16, [S]), IPv6",
     1,
     0,
     0x8848,
     22,
     1,
     9,
     14,
     false,
     23,
     {MACS, 0x81, 0, 0, 9, 0x88, 0x48, 0, 1, 1, 64, 0x60}},
    {"MPLS over a pseudowire control word",
     1,
     NOT_IP,
     0x8847,
     18,
     0,
     0,
     0,
     false,
     22,
     {MACS, 0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 1}},
    {"MPLS without a bottom",
     1,
     NOT_IP,
     0x8847,
     22,
     0,
     0,
     0,
     true,
     24,
     {MACS, 0x88, 0x47, 0, 1, 0, 64, 0, 1, 0, 64, 0, 1}},
    {"MPLS and nothing below",
     1,
     NOT_IP,
     0x8847,
     18,
     0,
     0,
     0,
     false,
     18,
     {MACS, 0x88, 0x47, 0, 1, 1, 64}},

    {"AF_INET, little-endian", 0, 4, 0, 4, 0, 0, 0, false, 5, {2, 0, 0, 0, 0x45}},
    {"AF_INET, big-endian", 0, 4, 0, 4, 0, 0, 0, false, 5, {0, 0, 0, 2, 0x45}},
    {"AF_INET6 of Linux", 0, 6, 0, 4, 0, 0, 0, false, 5, {10, 0, 0, 0, 0x60}},
    {"AF_INET6 of OpenBSD", 0, 6, 0, 4, 0, 0, 0, false, 5, {0, 0, 0, 24, 0x60}},
    {"AF_INET6 of FreeBSD", 0, 6, 0, 4, 0, 0, 0, false, 5, {28, 0, 0, 0, 0x60}},
    {"AF_INET6 of Darwin", 0, 6, 0, 4, 0, 0, 0, false, 5, {30, 0, 0, 0, 0x60}},
    {"AF_APPLETALK", 0, NOT_IP, 0, 4, 0, 0, 0, false, 5, {16, 0, 0, 0, 0x45}},
    {"the family's bytes in the middle", 0, NOT_IP, 0, 4, 0, 0, 0, false, 5, {0, 2, 0, 0, 0x45}},
    {"a large family whose low byte is 2", 0, NOT_IP, 0, 4, 0, 0, 0, false, 5, {2, 0, 0, 1, 0x45}},
    {"three bytes of a family", 0, NOT_IP, 0, 0, 0, 0, 0, true, 3, {2, 0, 0}},
    {"LOOP AF_INET", 108, 4, 0, 4, 0, 0, 0, false, 5, {0, 0, 0, 2, 0x45}},
    {"LOOP AF_INET6", 108, 6, 0, 4, 0, 0, 0, false, 5, {0, 0, 0, 24, 0x60}},
    {"LOOP is never little-endian", 108, NOT_IP, 0, 4, 0, 0, 0, false, 5, {2, 0, 0, 0, 0x45}},

    {"RAW", 101, 0, 0, 0, 0, 0, 0, false, 1, {0x45}},
    {"RAW without a byte", 101, 0, 0, 0, 0, 0, 0, false, 0, {0}},
    {"RAW of BSD", 12, 0, 0, 0, 0, 0, 0, false, 1, {0x60}},
    {"RAW of OpenBSD", 14, 0, 0, 0, 0, 0, 0, false, 1, {0x60}},
    {"IPV4", 228, 4, 0, 0, 0, 0, 0, false, 1, {0x45}},
    {"IPV6", 229, 6, 0, 0, 0, 0, 0, false, 1, {0x60}},

    {"SLL In, ethertype IPv4",
     113,
     4,
     0x800,
     16,
     0,
     0,
     0,
     false,
     17,
     {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, 0x45}},
    {"SLL Out, vlan 7, ethertype IPv6",
     113,
     6,
     0x86dd,
     20,
     1,
     7,
     16,
     false,
     21,
     {0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 7, 0x86, 0xdd, 0x60}},
    {"SLL of a netlink device",
     113,
     NOT_IP,
     0,
     16,
     0,
     0,
     0,
     false,
     17,
     {0, 4, 3, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45}},
    {"SLL 802.2",
     113,
     NOT_IP,
     0,
     16,
     0,
     0,
     0,
     false,
     17,
     {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0x45}},
    {"SLL one byte short",
     113,
     NOT_IP,
     0,
     0,
     0,
     0,
     0,
     true,
     15,
     {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8}},
    {"SLL2 ifindex 3, ethertype IPv4", 276, 4, 0x800, 20, 0, 0, 0, false, 21, {8, 0, 0,   0, 0, 0,
                                                                               0, 3, 0,   1, 0, 6,
                                                                               2, 0, 0,   0, 0, 1,
                                                                               0, 0, 0x45}},
    {"SLL2 802.1ad vlan 8, vlan 9, ethertype IPv6",
     276,
     6,
     0x86dd,
     28,
     2,
     9,
     24,
     false,
     29,
     {0x88, 0xa8, 0, 0, 0, 0, 0, 3,    0, 1, 0, 6,    2,    0,   0,
      0,    0,    1, 0, 0, 0, 8, 0x81, 0, 0, 9, 0x86, 0xdd, 0x60}},
    {"SLL2 of a radiotap device", 276, NOT_IP, 0, 20, 0, 0, 0, false, 21, {8, 0, 0,   0,    0, 0,
                                                                           0, 3, 3,   0x23, 0, 6,
                                                                           2, 0, 0,   0,    0, 1,
                                                                           0, 0, 0x45}},
    {"SLL2 one byte short",
     276,
     NOT_IP,
     0,
     0,
     0,
     0,
     0,
     true,
     19,
     {8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0}},

    {"a link type we do not know", 147, NOT_IP, 0, 0, 0, 0, 0, false, 5, {2, 0, 0, 0, 0x45}},
};

static bool is_as_expected(const struct frame *f, const struct pm_link *link)
{
    bool is_ip = f->ip_version != NOT_IP;
    uint8_t last = f->vlan_count > 0 ? f->vlan_count - 1 : 0;
    return link->is_ip == is_ip && (!is_ip || link->ip_version == f->ip_version) &&
           link->ethertype == f->ethertype && link->l3_off == f->l3_off &&
           link->vlan_count == f->vlan_count && link->vlan[last] == f->last_vlan &&
           link->vlan_off[last] == f->last_vlan_off && link->is_malformed == f->is_malformed &&
           link->is_ethernet == (f->linktype == PM_LINK_ETHERNET && f->len >= 14);
}

static void each_frame_is_read_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct pm_link link = parse(frames[i].linktype, frames[i].bytes, frames[i].len);
        if (!is_as_expected(&frames[i], &link))
            fail_msg("%s: is_ip %d v%d type %x l3 %u vlans %u malformed %d", frames[i].story,
                     link.is_ip, link.ip_version, link.ethertype, link.l3_off, link.vlan_count,
                     link.is_malformed);
    }
}

static void no_frame_cut_anywhere_is_read_beyond_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        for (size_t len = 0; len < frames[i].len; len++)
            parse(frames[i].linktype, frames[i].bytes, len);
    }
}

static void vlan_ids_are_listed_outermost_first_without_their_priority(void **state)
{
    (void)state;
    /* vlan 100, p 5, ethertype 802.1Q, vlan 200, p 0, DEI, ethertype IPv4 */
    static const uint8_t bytes[] = {MACS, 0x88, 0xa8, 0xa0, 100, 0x81, 0, 0x10, 200, 8, 0, 0x45};
    struct pm_link link = parse(PM_LINK_ETHERNET, bytes, sizeof bytes);
    assert_int_equal(link.vlan_count, 2);
    assert_int_equal(link.vlan[0], 100);
    assert_int_equal(link.vlan[1], 200);
    assert_int_equal(link.vlan_off[0], 14);
    assert_int_equal(link.vlan_off[1], 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_read_as_the_table_says),
        cmocka_unit_test(no_frame_cut_anywhere_is_read_beyond_its_end),
        cmocka_unit_test(vlan_ids_are_listed_outermost_first_without_their_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
