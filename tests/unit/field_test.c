/* field_test.c - each field of each kind of packet: its values, or none. */
#include "subject.h"

#include "match/field.h"

#define NONE UINT64_MAX

/* A packet and what one numeric field holds in it: up to two values. */
struct expected {
    const char *what;
    struct plain packet;
    enum pm_field field;
    uint64_t first, second;
};

#define TCP4  .src_port = 1234, .dst_port = 80, .seq = 0xfedcba98u, .ack = 7
#define UDP6  .version = 6, .proto = 17, .src_port = 5353, .dst_port = 53
#define PING  .proto = 1, .icmp_type = 8, .icmp_code = 3
#define PING6 .version = 6, .proto = 58, .icmp_type = 128, .icmp_code = 1

static const struct expected numbers[] = {
    {"frame.len", {TCP4, .payload = "abc"}, PM_FIELD_FRAME_LEN, 43, NONE},
    {"frame.len with link", {TCP4, .ethernet = 1}, PM_FIELD_FRAME_LEN, 54, NONE},
    {"eth.type", {TCP4, .ethernet = 1}, PM_FIELD_ETH_TYPE, 0x0800, NONE},
    {"eth.type inside tags",
     {UDP6, .ethernet = 1, .vlan_count = 1},
     PM_FIELD_ETH_TYPE,
     0x86dd,
     NONE},
    {"no eth.type", {TCP4}, PM_FIELD_ETH_TYPE, NONE, NONE},
    {"vlan.id", {TCP4, .ethernet = 1, .vlan_count = 1, .vlan = {42}}, PM_FIELD_VLAN_ID, 42, NONE},
    {"vlan.id twice",
     {TCP4, .ethernet = 1, .vlan_count = 2, .vlan = {42, 4095}},
     PM_FIELD_VLAN_ID,
     42,
     4095},
    {"no vlan.id", {TCP4, .ethernet = 1}, PM_FIELD_VLAN_ID, NONE, NONE},
    {"vlan.priority",
     {TCP4, .ethernet = 1, .vlan_count = 1, .vlan = {42}},
     PM_FIELD_VLAN_PRIORITY,
     3,
     NONE},
    {"vlan.dei", {TCP4, .ethernet = 1, .vlan_count = 1, .vlan = {42}}, PM_FIELD_VLAN_DEI, 0, NONE},
    {"no vlan.priority", {TCP4, .ethernet = 1}, PM_FIELD_VLAN_PRIORITY, NONE, NONE},
    {"ip.version 4", {TCP4}, PM_FIELD_IP_VERSION, 4, NONE},
    {"ip.version 6", {UDP6}, PM_FIELD_IP_VERSION, 6, NONE},
    {"ip.proto", {UDP6}, PM_FIELD_IP_PROTO, 17, NONE},
    {"ip.proto behind a fragment header", {UDP6, .mf = 1}, PM_FIELD_IP_PROTO, 17, NONE},
    {"ip.ttl", {TCP4, .ttl = 63}, PM_FIELD_IP_TTL, 63, NONE},
    {"hop limit", {UDP6, .ttl = 64}, PM_FIELD_IP_TTL, 64, NONE},
    {"dsfield", {TCP4, .tos = 0xb9}, PM_FIELD_IP_DSFIELD, 0xb9, NONE},
    {"dsfield of IPv6", {UDP6, .tos = 0xb9}, PM_FIELD_IP_DSFIELD, 0xb9, NONE},
    {"flow label", {UDP6}, PM_FIELD_IPV6_FLOW, 0, NONE},
    {"no flow label in IPv4", {TCP4}, PM_FIELD_IPV6_FLOW, NONE, NONE},
    {"dscp", {TCP4, .tos = 0xb9}, PM_FIELD_IP_DSCP, 46, NONE},
    {"dscp of IPv6", {UDP6, .tos = 0xb9}, PM_FIELD_IP_DSCP, 46, NONE},
    {"ecn", {TCP4, .tos = 0xb9}, PM_FIELD_IP_ECN, 1, NONE},
    {"ecn of IPv6", {UDP6, .tos = 0xba}, PM_FIELD_IP_ECN, 2, NONE},
    {"ip.id", {TCP4, .id = 0xbeef}, PM_FIELD_IP_ID, 0xbeef, NONE},
    {"no ip.id in IPv6", {UDP6}, PM_FIELD_IP_ID, NONE, NONE},
    {"df", {TCP4, .df = 1}, PM_FIELD_IP_DF, 1, NONE},
    {"no df", {TCP4, .mf = 1}, PM_FIELD_IP_DF, 0, NONE},
    {"mf", {TCP4, .mf = 1}, PM_FIELD_IP_MF, 1, NONE},
    {"df unknown to IPv6", {UDP6}, PM_FIELD_IP_DF, NONE, NONE},
    {"ip.len", {TCP4, .payload = "abc", .ethernet = 1}, PM_FIELD_IP_LEN, 43, NONE},
    {"ip.len of IPv6 is the whole datagram", {UDP6, .payload = "a"}, PM_FIELD_IP_LEN, 49, NONE},
    {"tcp.srcport", {TCP4}, PM_FIELD_TCP_SRCPORT, 1234, NONE},
    {"tcp.dstport", {TCP4}, PM_FIELD_TCP_DSTPORT, 80, NONE},
    {"tcp.port", {TCP4}, PM_FIELD_TCP_PORT, 1234, 80},
    {"tcp.port of UDP", {UDP6}, PM_FIELD_TCP_PORT, NONE, NONE},
    {"tcp.dstport of a later fragment",
     {TCP4, .fragment = 8, .payload = "0123456789abcdefghijk"},
     PM_FIELD_TCP_DSTPORT,
     NONE,
     NONE},
    {"tcp.dstport of a first fragment", {TCP4, .mf = 1}, PM_FIELD_TCP_DSTPORT, 80, NONE},
    {"tcp.flags with AE", {TCP4, .flags = 0x152}, PM_FIELD_TCP_FLAGS, 0x152, NONE},
    {"fin", {TCP4, .flags = 1}, PM_FIELD_TCP_FLAGS_FIN, 1, NONE},
    {"syn", {TCP4, .flags = 2}, PM_FIELD_TCP_FLAGS_SYN, 1, NONE},
    {"rst", {TCP4, .flags = 4}, PM_FIELD_TCP_FLAGS_RST, 1, NONE},
    {"psh", {TCP4, .flags = 8}, PM_FIELD_TCP_FLAGS_PSH, 1, NONE},
    {"ack", {TCP4, .flags = 0x10}, PM_FIELD_TCP_FLAGS_ACK, 1, NONE},
    {"urg", {TCP4, .flags = 0x20}, PM_FIELD_TCP_FLAGS_URG, 1, NONE},
    {"ece", {TCP4, .flags = 0x40}, PM_FIELD_TCP_FLAGS_ECE, 1, NONE},
    {"cwr", {TCP4, .flags = 0x80}, PM_FIELD_TCP_FLAGS_CWR, 1, NONE},
    {"no syn", {TCP4, .flags = 0xfd}, PM_FIELD_TCP_FLAGS_SYN, 0, NONE},
    {"no cwr", {TCP4, .flags = 0x17f}, PM_FIELD_TCP_FLAGS_CWR, 0, NONE},
    {"tcp.seq", {TCP4}, PM_FIELD_TCP_SEQ, 0xfedcba98u, NONE},
    {"tcp.ack", {TCP4}, PM_FIELD_TCP_ACK, 7, NONE},
    {"tcp.window_size", {TCP4, .window = 65535}, PM_FIELD_TCP_WINDOW, 65535, NONE},
    {"tcp.urgent_pointer", {TCP4}, PM_FIELD_TCP_URGENT, 0, NONE},
    {"tcp.options.mss", {TCP4, .mss = 1460}, PM_FIELD_TCP_MSS, 1460, NONE},
    {"no mss", {TCP4}, PM_FIELD_TCP_MSS, NONE, NONE},
    {"tcp.len", {TCP4, .payload = "abcd"}, PM_FIELD_TCP_LEN, 4, NONE},
    {"tcp.len 0", {TCP4, .mss = 1460}, PM_FIELD_TCP_LEN, 0, NONE},
    {"udp.srcport", {UDP6}, PM_FIELD_UDP_SRCPORT, 5353, NONE},
    {"udp.dstport", {UDP6}, PM_FIELD_UDP_DSTPORT, 53, NONE},
    {"udp.port", {UDP6}, PM_FIELD_UDP_PORT, 5353, 53},
    {"udp.length", {UDP6, .payload = "abc"}, PM_FIELD_UDP_LENGTH, 11, NONE},
    {"udp.port of TCP", {TCP4}, PM_FIELD_UDP_PORT, NONE, NONE},
    {"l4.srcport", {UDP6}, PM_FIELD_L4_SRCPORT, 5353, NONE},
    {"l4.dstport", {TCP4}, PM_FIELD_L4_DSTPORT, 80, NONE},
    {"l4.port", {TCP4}, PM_FIELD_L4_PORT, 1234, 80},
    {"l4.port of ICMP", {PING}, PM_FIELD_L4_PORT, NONE, NONE},
    {"icmp.type", {PING}, PM_FIELD_ICMP_TYPE, 8, NONE},
    {"icmp.code", {PING}, PM_FIELD_ICMP_CODE, 3, NONE},
    {"icmp.type of ICMPv6", {PING6}, PM_FIELD_ICMP_TYPE, 128, NONE},
    {"icmp.code of ICMPv6", {PING6}, PM_FIELD_ICMP_CODE, 1, NONE},
    {"icmp.ident", {PING}, PM_FIELD_ICMP_IDENT, 0, NONE},
    {"icmp.seq of ICMPv6", {PING6}, PM_FIELD_ICMP_SEQ, 0, NONE},
    {"icmp.ident of an error",
     {.proto = 1, .icmp_type = 3, .icmp_code = 1},
     PM_FIELD_ICMP_IDENT,
     NONE,
     NONE},
    {"icmp.type of UDP", {UDP6}, PM_FIELD_ICMP_TYPE, NONE, NONE},
    {"dir unknown", {TCP4}, PM_FIELD_DIR, NONE, NONE},
    {"flow", {TCP4}, PM_FIELD_FLOW, 0, NONE},
    {"flow.new", {TCP4}, PM_FIELD_FLOW_NEW, 1, NONE},
};

static void numbers_are_read_where_they_stand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct expected *e = &numbers[i];
        struct made m;
        struct pm_reading got;
        make(&m, &e->packet);
        pm_field_read(&m.subject, e->field, &got);
        uint32_t count = e->first == NONE ? 0 : e->second == NONE ? 1 : 2;
        if (got.count != count || (count > 0 && got.number[0] != e->first) ||
            (count > 1 && got.number[1] != e->second))
            fail_msg("%s: %u values, first %u", e->what, got.count, got.count ? got.number[0] : 0);
        drop(&m);
    }
}

static void direction_and_side_come_from_the_subject(void **state)
{
    struct made m;
    struct pm_reading got;
    (void)state;
    make(&m, &(struct plain){TCP4});
    m.subject.dir = PM_DIR_IN;
    m.subject.to_server = false;
    m.subject.flow_is_new = false;
    pm_field_read(&m.subject, PM_FIELD_DIR, &got);
    assert_true(got.count == 1 && got.number[0] == 1);
    m.subject.dir = PM_DIR_OUT;
    pm_field_read(&m.subject, PM_FIELD_DIR, &got);
    assert_true(got.count == 1 && got.number[0] == 0);
    pm_field_read(&m.subject, PM_FIELD_FLOW, &got);
    assert_true(got.count == 1 && got.number[0] == 1);
    pm_field_read(&m.subject, PM_FIELD_FLOW_NEW, &got);
    assert_true(got.count == 1 && got.number[0] == 0);
    m.subject.has_flow = false;
    pm_field_read(&m.subject, PM_FIELD_FLOW, &got);
    assert_int_equal(got.count, 0);
    pm_field_read(&m.subject, PM_FIELD_FLOW_NEW, &got);
    assert_int_equal(got.count, 0);
    drop(&m);
}

static void addresses_point_into_the_packet(void **state)
{
    struct made m;
    struct pm_reading got;
    (void)state;
    make(&m, &(struct plain){TCP4, .ethernet = 1});
    pm_field_read(&m.subject, PM_FIELD_IP_ADDR, &got);
    assert_true(got.count == 2 && got.addr_version == 4);
    assert_memory_equal(got.addr[0], "\xc0\x00\x02\x01", 4);
    assert_memory_equal(got.addr[1], "\xc6\x33\x64\x02", 4);
    pm_field_read(&m.subject, PM_FIELD_ETH_DST, &got);
    assert_true(got.count == 1 && got.mac == m.data);
    pm_field_read(&m.subject, PM_FIELD_ETH_SRC, &got);
    assert_true(got.count == 1 && got.mac == m.data + 6);
    drop(&m);
    make(&m, &(struct plain){UDP6});
    pm_field_read(&m.subject, PM_FIELD_IP_SRC, &got);
    assert_true(got.count == 1 && got.addr_version == 6 && got.addr[0] == m.data + 8);
    pm_field_read(&m.subject, PM_FIELD_IP_DST, &got);
    assert_true(got.count == 1 && got.addr[0] == m.data + 24);
    pm_field_read(&m.subject, PM_FIELD_ETH_SRC, &got);
    assert_int_equal(got.count, 0);
    pm_field_read(&m.subject, PM_FIELD_ETH_DST, &got);
    assert_int_equal(got.count, 0);
    drop(&m);
}

static void expect_payload(const struct plain *packet, const char *payload)
{
    struct made m;
    struct pm_reading got;
    make(&m, packet);
    pm_field_read(&m.subject, PM_FIELD_PAYLOAD, &got);
    assert_int_equal(got.count, payload != NULL);
    if (payload) {
        assert_int_equal(got.bytes.len, strlen(payload));
        assert_memory_equal(got.bytes.bytes, payload, got.bytes.len);
    }
    drop(&m);
}

static void payload_is_what_l4_carries(void **state)
{
    (void)state;
    expect_payload(&(struct plain){TCP4, .payload = "abc"}, "abc");
    expect_payload(&(struct plain){TCP4, .mss = 1460, .payload = "abc"}, "abc");
    expect_payload(&(struct plain){TCP4}, "");
    expect_payload(&(struct plain){UDP6, .payload = "xy"}, "xy");
    expect_payload(&(struct plain){PING6, .payload = "echo"}, "echo");
    expect_payload(&(struct plain){.proto = 132, .payload = "chunks"}, "chunks");
    expect_payload(&(struct plain){UDP6, .mf = 1, .payload = "12345678"}, "12345678");
    expect_payload(&(struct plain){TCP4, .mf = 1, .payload = "first"}, "first");
    expect_payload(&(struct plain){TCP4, .fragment = 800, .payload = "later"}, NULL);
}

static void ip_fields_outlive_a_bad_l4_header(void **state)
{
    struct made m;
    struct pm_reading got;
    (void)state;
    make(&m, &(struct plain){TCP4});
    m.data[32] = 0x40; /* data offset 4 */
    pm_headers_parse(101, m.data, m.packet.len, m.packet.len, &m.headers);
    assert_int_equal(m.headers.parse, PM_PARSE_BAD_L4);
    pm_field_read(&m.subject, PM_FIELD_IP_PROTO, &got);
    assert_int_equal(got.count, 1);
    pm_field_read(&m.subject, PM_FIELD_TCP_DSTPORT, &got);
    assert_int_equal(got.count, 0);
    pm_field_read(&m.subject, PM_FIELD_PAYLOAD, &got);
    assert_int_equal(got.count, 0);
    drop(&m);
}

static void a_frame_that_is_not_ip_has_its_length_only(void **state)
{
    static const uint8_t bytes[] = {0xf0, 1, 2, 3};
    struct pm_packet packet = {.data = bytes, .len = 4, .wire_len = 60, .link = 101};
    struct pm_headers h;
    struct pm_subject s = {.headers = &h, .packet = &packet, .dir = PM_DIR_UNKNOWN};
    (void)state;
    pm_headers_parse(101, bytes, 4, 60, &h);
    for (int field = 0; field < PM_FIELD_COUNT; field++) {
        struct pm_reading got;
        if (field == PM_FIELD_BPF)
            continue;
        pm_field_read(&s, (enum pm_field)field, &got);
        assert_int_equal(got.count, field == PM_FIELD_FRAME_LEN);
    }
    struct pm_reading len;
    pm_field_read(&s, PM_FIELD_FRAME_LEN, &len);
    assert_int_equal(len.number[0], 60);
}

static void the_interface_is_there_when_named(void **state)
{
    struct made m;
    struct pm_reading got;
    (void)state;
    make(&m, &(struct plain){TCP4});
    pm_field_read(&m.subject, PM_FIELD_INTERFACE, &got);
    assert_int_equal(got.count, 0);
    m.packet.interface = "eth0";
    pm_field_read(&m.subject, PM_FIELD_INTERFACE, &got);
    assert_true(got.count == 1 && got.bytes.len == 4);
    assert_memory_equal(got.bytes.bytes, "eth0", 4);
    drop(&m);
}

static void a_truncated_segment_keeps_its_stated_length(void **state)
{
    struct made m;
    struct pm_reading got;
    (void)state;
    make(&m, &(struct plain){TCP4, .payload = "0123456789"});
    pm_headers_parse(101, m.data, m.packet.len - 4, m.packet.len, &m.headers);
    pm_field_read(&m.subject, PM_FIELD_TCP_LEN, &got);
    assert_true(got.count == 1 && got.number[0] == 10);
    pm_field_read(&m.subject, PM_FIELD_PAYLOAD, &got);
    assert_true(got.count == 1 && got.bytes.len == 6);
    drop(&m);
}

/* A field that some packet of a kind can have fits flows of that kind. */
static void fields_fit_flows_whose_packets_have_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct made m;
        make(&m, &numbers[i].packet);
        if (numbers[i].first != NONE)
            assert_true(pm_field_fits_flow(&m.subject, numbers[i].field));
        drop(&m);
    }
    struct made udp, tcp, ping;
    make(&udp, &(struct plain){UDP6});
    make(&tcp, &(struct plain){TCP4});
    make(&ping, &(struct plain){PING});
    assert_false(pm_field_fits_flow(&udp.subject, PM_FIELD_TCP_FLAGS));
    assert_false(pm_field_fits_flow(&udp.subject, PM_FIELD_ICMP_TYPE));
    assert_false(pm_field_fits_flow(&udp.subject, PM_FIELD_IP_ID));
    assert_false(pm_field_fits_flow(&tcp.subject, PM_FIELD_UDP_LENGTH));
    assert_false(pm_field_fits_flow(&ping.subject, PM_FIELD_L4_PORT));
    assert_true(pm_field_fits_flow(&ping.subject, PM_FIELD_PAYLOAD));
    drop(&udp);
    drop(&tcp);
    drop(&ping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_where_they_stand),
        cmocka_unit_test(direction_and_side_come_from_the_subject),
        cmocka_unit_test(addresses_point_into_the_packet),
        cmocka_unit_test(payload_is_what_l4_carries),
        cmocka_unit_test(ip_fields_outlive_a_bad_l4_header),
        cmocka_unit_test(a_frame_that_is_not_ip_has_its_length_only),
        cmocka_unit_test(the_interface_is_there_when_named),
        cmocka_unit_test(a_truncated_segment_keeps_its_stated_length),
        cmocka_unit_test(fields_fit_flows_whose_packets_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
