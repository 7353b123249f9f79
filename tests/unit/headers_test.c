/* headers_test.c - every shape of packet, honest, lying or cut, is read safely and as expected. */
#include "shapes.h"

#include "base/bytes.h"

/* ------------------------------------------------------------------ IPv4 */

static const struct shape ipv4_shapes[] = {
    {"tcp with 5 bytes", "4500002d 00010000 4006 0000" ADDRS4 TCP "68656c6c6f", 0,
     "L4 v4 p6 l4 20 pay 40+5 end 45 of 45"},
    {"padding to the minimal frame is no payload",
     "45000028 00010000 4006 0000" ADDRS4 TCP "000000000000", 0,
     "L4 v4 p6 l4 20 pay 40+0 end 40 of 40"},
    {"udp with 4 bytes", "45000020 00010000 4011 0000" ADDRS4 UDP12, 0,
     "L4 v4 p17 l4 20 pay 28+4 end 32 of 32"},
    {"icmp echo", "4500001c 00010000 4001 0000" ADDRS4 PING, 0,
     "L4 v4 p1 l4 20 pay 28+0 end 28 of 28"},
    {"sctp", "4500001c 00010000 4084 0000" ADDRS4 PING, 0, "L3 v4 p132 l4 20 end 28 of 28"},
    {"icmp6 inside ipv4 is any other protocol", "4500001c 00010000 403a 0000" ADDRS4 PING6, 0,
     "L3 v4 p58 l4 20 end 28 of 28"},
    {"nothing but a header", "45000014 00010000 40fd 0000" ADDRS4, 0,
     "L3 v4 p253 l4 20 end 20 of 20"},

    {"options (NOP,NOP,NOP,EOL)", "46000020 00010000 4001 0000" ADDRS4 "01010100" PING, 0,
     "L4 v4 p1 l4 24 pay 32+0 end 32 of 32"},
    {"options (RR 0.0.0.0)", "47000024 00010000 4001 0000" ADDRS4 "0707040000000000" PING, 0,
     "L4 v4 p1 l4 28 pay 36+0 end 36 of 36"},
    {"options (LSRR 10.0.0.9)", "47000024 00010000 4001 0000" ADDRS4 "8307040a00000900" PING, 0,
     "L4 v4 p1 l4 28 pay 36+0 end 36 of 36 fixed"},
    {"options (NOP,SSRR 10.0.0.9)", "47000024 00010000 4001 0000" ADDRS4 "018907040a000009" PING, 0,
     "L4 v4 p1 l4 28 pay 36+0 end 36 of 36 fixed"},
    {"behind EOL a source route is padding",
     "47000024 00010000 4001 0000" ADDRS4 "008307040a000009" PING, 0,
     "L4 v4 p1 l4 28 pay 36+0 end 36 of 36"},
    {"an option of length 0", "46000020 00010000 4001 0000" ADDRS4 "07000000" PING, 0,
     "L4 v4 p1 l4 24 pay 32+0 end 32 of 32 fixed"},
    {"an option that leaves the header", "46000020 00010000 4001 0000" ADDRS4 "07050400" PING, 0,
     "L4 v4 p1 l4 24 pay 32+0 end 32 of 32 fixed"},
    {"an option without its length", "46000020 00010000 4001 0000" ADDRS4 "01010107" PING, 0,
     "L4 v4 p1 l4 24 pay 32+0 end 32 of 32 fixed"},

    {"ESP(spi=0x1,seq=0x1)", "4500001c 00010000 4032 0000" ADDRS4 "0000000100000001", 0,
     "L3 v4 p50 l4 20 end 28 of 28 fixed"},
    {"AH hides what follows", "45000020 00010000 4033 0000" ADDRS4 "060100000000000100000001", 0,
     "L3 v4 p51 l4 20 end 32 of 32 fixed"},

    {"first fragment (+) of tcp", "45000028 00012000 4006 0000" ADDRS4 TCP, 0,
     "L4 v4 p6 l4 20 pay 40+0 end 40 of 40 frag first"},
    {"first fragment of udp, whose length is that of the whole",
     "45000020 00012000 4011 0000" ADDRS4 "0035 1234 05c0 0000 61626364", 0,
     "L4 v4 p17 l4 20 pay 28+4 end 32 of 32 frag first"},
    {"first fragment too small for a tcp header",
     "4500001c 00012000 4006 0000" ADDRS4 "04d2005000000001", 0,
     "BAD_L4 v4 p6 l4 20 end 28 of 28 frag first"},
    {"second fragment (offset 8, +)", "45000028 00012001 4006 0000" ADDRS4 TCP, 0,
     "L3 v4 p6 l4 20 end 40 of 40 frag"},
    {"last fragment (offset 65528)", "45000028 00011fff 4006 0000" ADDRS4 TCP, 0,
     "L3 v4 p6 l4 20 end 40 of 40 frag"},
    {"DF and the evil bit are no fragment", "45000028 0001c000 4006 0000" ADDRS4 TCP, 0,
     "L4 v4 p6 l4 20 pay 40+0 end 40 of 40"},

    {"total length 0: TSO", "45000000 00010000 4006 0000" ADDRS4 TCP "68656c6c6f", 0,
     "L4 v4 p6 l4 20 pay 40+5 end 45 of 45 nolen"},
    {"total length 0, cut by the capture", "45000000 00010000 4006 0000" ADDRS4 TCP "68656c6c6f",
     3000, "L4 v4 p6 l4 20 pay 40+5 end 45 of 45 nolen cut"},

    {"no byte", "", 0, "BAD_L3"},
    {"one byte", "45", 0, "BAD_L3"},
    {"no byte was captured", "", 40, "BAD_L3 cut"},
    {"a header cut by the capture", "45000028 00010000 4006 0000 0a000001 0a0000", 40,
     "BAD_L3 cut"},
    {"options cut by the capture", "47000024 00010000 4001 0000" ADDRS4 "01010101010101", 36,
     "BAD_L3 cut"},
    {"header length 16", "44000028 00010000 4006 0000" ADDRS4 TCP, 0, "BAD_L3"},
    {"header length 24 of 20", "46000014 00010000 4006 0000" ADDRS4, 0, "BAD_L3"},
    {"total length below the header", "45000013 00010000 4006 0000" ADDRS4 TCP, 0, "BAD_L3"},
    {"total length below the options", "46000017 00010000 4001 0000" ADDRS4 "01010100" PING, 0,
     "BAD_L3"},
    {"total length beyond the wire", "45000029 00010000 4006 0000" ADDRS4 TCP, 0, "BAD_L3"},
    {"total length beyond the wire of a cut capture", "45000065 00010000 4006 0000" ADDRS4 TCP, 100,
     "BAD_L3"},
    {"total length beyond the capture only", "45000064 00010000 4006 0000" ADDRS4 TCP, 100,
     "L4 v4 p6 l4 20 pay 40+0 end 40 of 100 cut"},
    {"version 5", "55000028 00010000 4006 0000" ADDRS4 TCP, 0, "BAD_L3"},
    {"version 0", "05000028 00010000 4006 0000" ADDRS4 TCP, 0, "BAD_L3"},
};

static void ipv4_shapes_are_read_as_the_table_says(void **state)
{
    (void)state;
    expect_shapes(PM_LINK_RAW, ipv4_shapes, COUNT(ipv4_shapes));
}

/* ------------------------------------------------------------------ L4 */

static const struct shape l4_shapes[] = {
    /* Flags [S], options [mss 1460] */
    {"tcp with options",
     "4500002c 00010000 4006 0000" ADDRS4
     "04d2 0050 00000001 00000000 6002 0200 0000 0000 020405b4",
     0, "L4 v4 p6 l4 20 pay 44+0 end 44 of 44"},
    {"tcp data offset 4",
     "45000028 00010000 4006 0000" ADDRS4 "04d2 0050 00000001 00000002 4018 0200 0000 0000", 0,
     "BAD_L4 v4 p6 l4 20 end 40 of 40"},
    {"tcp data offset beyond the datagram, though padding follows",
     "45000028 00010000 4006 0000" ADDRS4
     "04d2 0050 00000001 00000002 6018 0200 0000 0000 00000000",
     0, "BAD_L4 v4 p6 l4 20 end 40 of 40"},
    {"tcp of 19 bytes",
     "45000027 00010000 4006 0000" ADDRS4 "04d2 0050 00000001 00000002 5018 0200 0000 00", 0,
     "BAD_L4 v4 p6 l4 20 end 39 of 39"},
    {"tcp cut in its fixed header", "45000028 00010000 4006 0000" ADDRS4 "04d2 0050 00000001", 40,
     "BAD_L4 v4 p6 l4 20 end 28 of 40 cut"},
    {"tcp cut in its options",
     "4500002c 00010000 4006 0000" ADDRS4 "04d2 0050 00000001 00000000 6002 0200 0000 0000 0204",
     44, "BAD_L4 v4 p6 l4 20 end 42 of 44 cut"},
    {"tcp cut in its payload", "4500002d 00010000 4006 0000" ADDRS4 TCP "6865", 45,
     "L4 v4 p6 l4 20 pay 40+2 end 42 of 45 cut"},
    {"udp without payload", "4500001c 00010000 4011 0000" ADDRS4 "0035 1234 0008 0000", 0,
     "L4 v4 p17 l4 20 pay 28+0 end 28 of 28"},
    {"udp length 7", "4500001c 00010000 4011 0000" ADDRS4 "0035 1234 0007 0000", 0,
     "BAD_L4 v4 p17 l4 20 end 28 of 28"},
    {"udp length 0 is for jumbograms only",
     "4500001c 00010000 4011 0000" ADDRS4 "0035 1234 0000 0000", 0,
     "BAD_L4 v4 p17 l4 20 end 28 of 28"},
    {"udp length beyond the datagram",
     "4500001c 00010000 4011 0000" ADDRS4 "0035 1234 0009 0000 61", 0,
     "BAD_L4 v4 p17 l4 20 end 28 of 28"},
    {"udp surplus (RFC 9868) is no payload", "45000024 00010000 4011 0000" ADDRS4 UDP12 "02020000",
     0, "L4 v4 p17 l4 20 pay 28+4 end 36 of 36"},
    {"udp cut in its payload", "45000020 00010000 4011 0000" ADDRS4 "0035 1234 000c 0000 6162", 32,
     "L4 v4 p17 l4 20 pay 28+2 end 30 of 32 cut"},
    {"udp cut in the surplus", "45000024 00010000 4011 0000" ADDRS4 UDP12 "0202", 36,
     "L4 v4 p17 l4 20 pay 28+4 end 34 of 36 cut"},
    {"udp of 7 bytes", "4500001b 00010000 4011 0000" ADDRS4 "0035 1234 0007 00", 0,
     "BAD_L4 v4 p17 l4 20 end 27 of 27"},
    {"icmp of 7 bytes", "4500001b 00010000 4001 0000" ADDRS4 "0800 0000 0001 00", 0,
     "BAD_L4 v4 p1 l4 20 end 27 of 27"},
};

static void l4_shapes_are_read_as_the_table_says(void **state)
{
    (void)state;
    expect_shapes(PM_LINK_IPV4, l4_shapes, COUNT(l4_shapes));
}

static void ports_and_flags_are_read(void **state)
{
    (void)state;
    struct packet p = packet_from_hex("4500002d 00010000 4006 0000" ADDRS4 TCP "68656c6c6f");
    struct pm_headers h;
    pm_headers_parse(PM_LINK_RAW, p.data, p.len, p.len, &h);
    assert_int_equal(h.src_port, 1234);
    assert_int_equal(h.dst_port, 80);
    assert_int_equal(h.tcp_flags, PM_PSH | PM_ACK);
    assert_ptr_equal(pm_l3(&h), p.data);
    assert_ptr_equal(pm_l4(&h), p.data + 20);
    free(p.block);
    p = packet_from_hex("45000020 00010000 4011 0000" ADDRS4 UDP12);
    pm_headers_parse(PM_LINK_RAW, p.data, p.len, p.len, &h);
    assert_int_equal(h.src_port, 53);
    assert_int_equal(h.dst_port, 0x1234);
    assert_int_equal(h.tcp_flags, 0);
    free(p.block);
}

/* ------------------------------------------------------------------ below and above IP */

static const struct shape ethernet_shapes[] = {
    {"ethernet, ipv4, icmp",
     "020000000001 020000000002 0800"
     "4500001c 00010000 4001 0000" ADDRS4 PING,
     0, "L4 v4 p1 l4 34 pay 42+0 end 42 of 28"},
    {"vlan 5, ipv6, icmp6, padding",
     "020000000001 020000000002 8100 0005 86dd"
     "60000000 0008 3a40" ADDRS6 PING6 "0000",
     0, "L4 v6 p58 l4 58 pay 66+0 end 66 of 48"},
    {"ethertype IPv4 before version 6",
     "020000000001 020000000002 0800"
     "60000000 0008 3a40" ADDRS6 PING6,
     0, "BAD_L3"},
    {"ethertype IPv6 before version 4",
     "020000000001 020000000002 86dd"
     "4500001c 00010000 4001 0000" ADDRS4 PING,
     0, "BAD_L3"},
    {"MPLS [S], version 4",
     "020000000001 020000000002 8847 00010140"
     "4500001c 00010000 4001 0000" ADDRS4 PING,
     0, "L4 v4 p1 l4 38 pay 46+0 end 46 of 28"},
    {"arp", "ffffffffffff 020000000002 0806 0001", 0, "NOT_IP"},
    {"half a header", "ffffffffffff 0200", 0, "NOT_IP"},
    {"nothing behind the header", "020000000001 020000000002 0800", 0, "BAD_L3"},
};

static void frames_are_read_as_the_table_says(void **state)
{
    (void)state;
    expect_shapes(PM_LINK_ETHERNET, ethernet_shapes, COUNT(ethernet_shapes));
}

static void the_link_s_own_ip_version_binds(void **state)
{
    (void)state;
    static const struct shape six[] = {
        {"IPV6 link, version 4", "4500001c 00010000 4001 0000" ADDRS4 PING, 0, "BAD_L3"}};
    static const struct shape loopback[] = {
        {"AF_INET, version 4", "02000000 4500001c 00010000 4001 0000" ADDRS4 PING, 0,
         "L4 v4 p1 l4 24 pay 32+0 end 32 of 28"},
        {"AF_INET6, version 4", "1e000000 4500001c 00010000 4001 0000" ADDRS4 PING, 0, "BAD_L3"}};
    expect_shapes(PM_LINK_IPV6, six, COUNT(six));
    expect_shapes(PM_LINK_NULL, loopback, COUNT(loopback));
}

static void a_wire_len_below_len_counts_as_len(void **state)
{
    (void)state;
    static const struct shape short_wire[] = {{"wire_len 1",
                                               "4500001c 00010000 4001 0000" ADDRS4 PING, 1,
                                               "L4 v4 p1 l4 20 pay 28+0 end 28 of 28"}};
    expect_shapes(PM_LINK_RAW, short_wire, COUNT(short_wire));
}

/* ------------------------------------------------------------------ any bytes */

static void no_packet_cut_anywhere_is_read_beyond_its_end(void **state)
{
    (void)state;
    expect_every_cut_is_safe(ipv4_shapes, COUNT(ipv4_shapes));
    expect_every_cut_is_safe(l4_shapes, COUNT(l4_shapes));
}

/* Reads an IPv4 packet without options' meaning in the plainest way: whole copy, no offsets kept.
 */
static enum pm_parse slow_ipv4(const uint8_t *p, size_t len)
{
    size_t header_len, total_len;
    if (len < 20 || p[0] >> 4 != 4)
        return PM_PARSE_BAD_L3;
    header_len = (p[0] & 15u) * 4;
    total_len = p[2] * 256u + p[3];
    if (total_len == 0)
        total_len = len;
    if (header_len < 20 || header_len > total_len || total_len > len)
        return PM_PARSE_BAD_L3;
    size_t offset = (p[6] & 31u) * 256 + p[7], more = p[6] & 32u, rest = total_len - header_len;
    const uint8_t *l4 = p + header_len;
    if (offset > 0 || (p[9] != 6 && p[9] != 17 && p[9] != 1))
        return PM_PARSE_L3;
    if (p[9] == 6)
        return rest >= 20 && l4[12] >= 0x50 && l4[12] / 16 * 4u <= rest ? PM_PARSE_L4
                                                                        : PM_PARSE_BAD_L4;
    if (p[9] == 1)
        return rest >= 8 ? PM_PARSE_L4 : PM_PARSE_BAD_L4;
    if (rest < 8 || l4[4] * 256u + l4[5] < 8 || (!more && l4[4] * 256u + l4[5] > rest))
        return PM_PARSE_BAD_L4;
    return PM_PARSE_L4;
}

static void random_ipv4_packets_agree_with_a_slow_twin(void **state)
{
    (void)state;
    unsigned counts[5] = {0};
    uint32_t chance = 77;
    for (int i = 0; i < 300000; i++) {
        uint8_t bytes[64];
        for (size_t b = 0; b < sizeof bytes; b++) {
            chance = chance * 1664525u + 1013904223u;
            bytes[b] = (uint8_t)(chance >> 24);
        }
        size_t len = (chance >> 8) % 65;
        static const uint8_t protos[4] = {6, 17, 1, 41};
        bytes[0] = (uint8_t)(bytes[0] % 16 < 14 ? 0x45 + bytes[1] % 4 : bytes[0]);
        pm_put16(bytes + 2, (uint16_t)(bytes[2] % 3 > 0 ? len : bytes[3] % 70));
        pm_put16(bytes + 6, bytes[6] % 2 ? 0 : pm_get16(bytes + 6));
        bytes[9] = protos[bytes[9] % 4];
        size_t l4 = (bytes[0] & 15u) * 4;
        if (l4 < 50) {
            bytes[l4 + 4] = 0;
            bytes[l4 + 5] %= 48;
        }
        struct packet p = packet_copy(bytes, len);
        struct pm_headers h;
        pm_headers_parse(PM_LINK_RAW, p.data, len, len, &h);
        expect_order(&h);
        if (len > 0 && p.data[0] >> 4 == 4)
            assert_int_equal(h.parse, slow_ipv4(p.data, len));
        counts[h.parse]++;
        free(p.block);
    }
    assert_true(counts[PM_PARSE_L4] > 10000 && counts[PM_PARSE_L3] > 10000);
    assert_true(counts[PM_PARSE_BAD_L4] > 10000 && counts[PM_PARSE_BAD_L3] > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_shapes_are_read_as_the_table_says),
        cmocka_unit_test(l4_shapes_are_read_as_the_table_says),
        cmocka_unit_test(ports_and_flags_are_read),
        cmocka_unit_test(frames_are_read_as_the_table_says),
        cmocka_unit_test(the_link_s_own_ip_version_binds),
        cmocka_unit_test(a_wire_len_below_len_counts_as_len),
        cmocka_unit_test(no_packet_cut_anywhere_is_read_beyond_its_end),
        cmocka_unit_test(random_ipv4_packets_agree_with_a_slow_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
