/* ipv6ext_test.c - IPv6: chains of extension headers, lengths of 0, jumbograms. */
#include "shapes.h"

#define EXT_EMPTY(next) next "00 0104 00000000" /* PadN over 6 bytes */

static const struct shape ipv6_shapes[] = {
    {"tcp with 5 bytes", "60000000 0019 0640" ADDRS6 TCP "68656c6c6f", 0,
     "L4 v6 p6 l4 40 pay 60+5 end 65 of 65"},
    {"udp with padding behind", "60000000 000c 1140" ADDRS6 UDP12 "0000", 0,
     "L4 v6 p17 l4 40 pay 48+4 end 52 of 52"},
    {"icmp6 echo", "60000000 0008 3a40" ADDRS6 PING6, 0, "L4 v6 p58 l4 40 pay 48+0 end 48 of 48"},
    {"icmp inside ipv6 is any other protocol", "60000000 0008 0140" ADDRS6 PING, 0,
     "L3 v6 p1 l4 40 end 48 of 48"},
    {"no next header", "60000000 0000 3b40" ADDRS6, 0, "L3 v6 p59 l4 40 end 40 of 40"},
    {"no next header, and bytes", "60000000 0004 3b40" ADDRS6 "01020304", 0,
     "L3 v6 p59 l4 40 end 44 of 44"},
    {"HBH, DSTOPT, tcp", "60000000 0024 0040" ADDRS6 EXT_EMPTY("3c") EXT_EMPTY("06") TCP, 0,
     "L4 v6 p6 l4 56 pay 76+0 end 76 of 76"},
    {"a longer DSTOPT (hdrlen 1)",
     "60000000 0018 3c40" ADDRS6 "3a01 010c 000000000000 000000000000" PING6, 0,
     "L4 v6 p58 l4 56 pay 64+0 end 64 of 64"},
    {"HBH (rtalert)", "60000000 0010 0040" ADDRS6 "3a00 0502 0000 0100" PING6, 0,
     "L4 v6 p58 l4 48 pay 56+0 end 56 of 56"},
    {"srcrt (type 2, segleft 0)",
     "60000000 0020 2b40" ADDRS6 "3a02 02 00 00000000 20010db8000000000000000000000003" PING6, 0,
     "L4 v6 p58 l4 64 pay 72+0 end 72 of 72"},
    {"srcrt (type 2, segleft 1)",
     "60000000 0020 2b40" ADDRS6 "3a02 02 01 00000000 20010db8000000000000000000000003" PING6, 0,
     "L4 v6 p58 l4 64 pay 72+0 end 72 of 72 fixed"},
    {"DSTOPT (homeaddr): another source is summed",
     "60000000 0020 3c40" ADDRS6 "3a02 0102 0000 c910 20010db8000000000000000000000003" PING6, 0,
     "L4 v6 p58 l4 64 pay 72+0 end 72 of 72 fixed"},
    {"mobility, HIP, shim6",
     "60000000 0020 8740" ADDRS6 "8b00000000000000 8c00000000000000"
     "3a00000000000000" PING6,
     0, "L4 v6 p58 l4 64 pay 72+0 end 72 of 72"},
    {"AH (12 bytes), tcp", "60000000 0020 3340" ADDRS6 "0601 0000 00000001 00000001" TCP, 0,
     "L4 v6 p6 l4 52 pay 72+0 end 72 of 72 fixed"},
    {"ESP", "60000000 0008 3240" ADDRS6 "0000000100000001", 0,
     "L3 v6 p50 l4 40 end 48 of 48 fixed"},
    {"DSTOPT, ESP", "60000000 0010 3c40" ADDRS6 EXT_EMPTY("32") "0000000100000001", 0,
     "L3 v6 p50 l4 48 end 56 of 56 fixed"},
    {"an option that leaves its header", "60000000 0010 3c40" ADDRS6 "3a00 0105 00000000" PING6, 0,
     "L4 v6 p58 l4 48 pay 56+0 end 56 of 56 fixed"},
    {"an option without its length", "60000000 0010 0040" ADDRS6 "3a00 000000000001" PING6, 0,
     "L4 v6 p58 l4 48 pay 56+0 end 56 of 56 fixed"},

    {"frag (0|12), tcp header whole", "60000000 001c 2c40" ADDRS6 "0600 0001 00000007" TCP, 0,
     "L4 v6 p6 l4 48 pay 68+0 end 68 of 68 frag first"},
    {"atomic fragment is none", "60000000 001c 2c40" ADDRS6 "0600 0000 00000007" TCP, 0,
     "L4 v6 p6 l4 48 pay 68+0 end 68 of 68"},
    {"the reserved bits of an atomic fragment",
     "60000000 001c 2c40" ADDRS6 "0600 0006 00000007" TCP, 0,
     "L4 v6 p6 l4 48 pay 68+0 end 68 of 68"},
    {"frag (8|20)", "60000000 001c 2c40" ADDRS6 "0600 0009 00000007" TCP, 0,
     "L3 v6 p6 l4 48 end 68 of 68 frag"},
    {"last frag (8|20)", "60000000 001c 2c40" ADDRS6 "0600 0008 00000007" TCP, 0,
     "L3 v6 p6 l4 48 end 68 of 68 frag"},
    {"in a later fragment, options are payload",
     "60000000 0010 2c40" ADDRS6 "3c00 0008 00000007 3c00000000000000", 0,
     "L3 v6 p60 l4 48 end 56 of 56 frag"},
    {"first fragment, its DSTOPT goes on in the next",
     "60000000 0010 2c40" ADDRS6 "3c00 0001 00000007 0604000000000000", 0, "BAD_L3"},
    {"first fragment too small for a tcp header",
     "60000000 0010 2c40" ADDRS6 "0600 0001 00000007 04d2005000000001", 0,
     "BAD_L4 v6 p6 l4 48 end 56 of 56 frag first"},
    {"a later fragment inside a first one",
     "60000000 0018 2c40" ADDRS6 "2c00 0001 00000007 0600 0009 00000007 04d2005000000001", 0,
     "L3 v6 p6 l4 56 end 64 of 64 frag fixed"},

    {"8 extension headers",
     "60000000 0048 3c40" ADDRS6 EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c")
         EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3a") PING6,
     0, "L4 v6 p58 l4 104 pay 112+0 end 112 of 112"},
    {"9 extension headers",
     "60000000 0050 3c40" ADDRS6 EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c")
         EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3c") EXT_EMPTY("3a") PING6,
     0, "BAD_L3"},
    {"an extension header that leaves the datagram",
     "60000000 0008 3c40" ADDRS6 "3a01 010c 00000000 0000000000000000" PING6, 0, "BAD_L3"},
    {"half an extension header", "60000000 0004 3c40" ADDRS6 "3a000104", 0, "BAD_L3"},
    {"AH that leaves the datagram", "60000000 0008 3340" ADDRS6 "0601 0000 00000001", 0, "BAD_L3"},
    {"chain cut by the capture", "60000000 0010 3c40" ADDRS6 "3a000104", 56, "BAD_L3 cut"},
    {"chain cut behind its last header", "60000000 0010 3c40" ADDRS6 EXT_EMPTY("3a"), 56,
     "BAD_L4 v6 p58 l4 48 end 48 of 56 cut"},

    {"header cut by the capture", "60000000 0008 3a40 20010db8", 48, "BAD_L3 cut"},
    {"39 bytes",
     "60000000 0000 3b40 20010db8 00000000 00000000 00000001"
     "20010db8 00000000 00000000 000000",
     0, "BAD_L3"},
    {"payload length beyond the wire", "60000000 0009 3a40" ADDRS6 PING6, 0, "BAD_L3"},
    {"payload length beyond the capture only", "60000000 0009 3a40" ADDRS6 PING6, 49,
     "L4 v6 p58 l4 40 pay 48+0 end 48 of 49 cut"},

    {"payload length 0, tcp: TSO", "60000000 0000 0640" ADDRS6 TCP "68656c6c6f", 0,
     "L4 v6 p6 l4 40 pay 60+5 end 65 of 65 nolen"},
    {"payload length 0, udp: there is no room for it", "60000000 0000 1140" ADDRS6 UDP12, 0,
     "BAD_L4 v6 p17 l4 40 end 40 of 40"},
    {"payload length 0, HBH without a jumbo length",
     "60000000 0000 0040" ADDRS6 EXT_EMPTY("3a") PING6, 0, "BAD_L3"},
    {"jumbo length of 65535", "60000000 0000 0040" ADDRS6 "3a00 c204 0000ffff" PING6, 70000,
     "BAD_L3"},
    {"jumbo length beside a length", "60000000 0010 0040" ADDRS6 "3a00 c204 00010000" PING6, 70000,
     "BAD_L3"},
    {"jumbo length beyond the wire", "60000000 0000 0040" ADDRS6 "3a00 c204 00010000" PING6, 65575,
     "BAD_L3"},
    {"jumbo length of 2^32-1", "60000000 0000 0040" ADDRS6 "3a00 c204 ffffffff" PING6, UINT32_MAX,
     "BAD_L3"},
    {"jumbogram, cut by the capture", "60000000 0000 0040" ADDRS6 "3a00 c204 00010000" PING6, 65576,
     "L4 v6 p58 l4 48 pay 56+0 end 56 of 65576 fixed cut"},
    {"jumbogram, udp length 0",
     "60000000 0000 0040" ADDRS6 "1100 c204 00010000 0035 1234 0000 0000 61626364", 65576,
     "L4 v6 p17 l4 48 pay 56+4 end 60 of 65576 fixed cut"},
};

static void ipv6_shapes_are_read_as_the_table_says(void **state)
{
    (void)state;
    expect_shapes(PM_LINK_RAW, ipv6_shapes, COUNT(ipv6_shapes));
}

static void a_whole_jumbogram_ends_where_its_option_says(void **state)
{
    (void)state;
    struct packet head =
        packet_from_hex("60000000 0000 0040" ADDRS6 "1100 c204 00010010 0035 1234 0000 0000");
    struct packet p = {.block = calloc(1, 65600), .len = 65600};
    assert_non_null(p.block);
    memcpy(p.block, head.data, head.len);
    struct pm_headers h;
    pm_headers_parse(PM_LINK_RAW, p.block, p.len, p.len, &h);
    expect_order(&h);
    assert_int_equal(h.parse, PM_PARSE_L4);
    assert_int_equal(h.ip_len, 40 + 65552);
    assert_int_equal(h.payload_off, 56);
    assert_int_equal(h.payload_len, 40 + 65552 - 56);
    assert_true(h.is_unmodifiable && !h.is_truncated);
    free(p.block);
    free(head.block);
}

static void no_chain_cut_anywhere_is_read_beyond_its_end(void **state)
{
    (void)state;
    expect_every_cut_is_safe(ipv6_shapes, COUNT(ipv6_shapes));
}

static void every_single_changed_byte_is_read_safely(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ipv6_shapes); i++) {
        struct packet p = packet_from_hex(ipv6_shapes[i].hex);
        for (size_t at = 0; at < p.len; at++) {
            uint8_t before = p.data[at];
            for (unsigned value = 0; value < 256; value += at < 8 || at >= 40 ? 1 : 51) {
                p.data[at] = (uint8_t)value;
                struct pm_headers h;
                pm_headers_parse(PM_LINK_RAW, p.data, p.len, p.len + 1000, &h);
                expect_order(&h);
            }
            p.data[at] = before;
        }
        free(p.block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv6_shapes_are_read_as_the_table_says),
        cmocka_unit_test(a_whole_jumbogram_ends_where_its_option_says),
        cmocka_unit_test(no_chain_cut_anywhere_is_read_beyond_its_end),
        cmocka_unit_test(every_single_changed_byte_is_read_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
