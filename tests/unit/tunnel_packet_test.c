/* tunnel_packet_test.c - packets under other ends, and packets of the tunnel's own: checksums
 * against a full sum, and what every length may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tunnel-ext/reply.h"

static const struct pm_end a4 = {.addr = {.bytes = {10, 0, 0, 1}, .version = 4}, .port = 40000};
static const struct pm_end b4 = {.addr = {.bytes = {192, 0, 2, 9}, .version = 4}, .port = 80};
static const struct pm_end a6 = {.addr = {.bytes = {0xfd, [15] = 1}, .version = 6}, .port = 1};
static const struct pm_end b6 = {.addr = {.bytes = {0x20, 1, [15] = 9}, .version = 6}, .port = 443};

/* A segment with whole checksums, by the stupid way. Answers its length. */
static size_t make_tcp(uint8_t *out, const struct pm_end *src, const struct pm_end *dst,
                       uint8_t flags, size_t payload)
{
    bool is_4 = src->addr.version == 4;
    size_t ip = is_4 ? 20 : 40, len = 20 + payload;
    memset(out, 0, ip + 20);
    for (size_t i = 0; i < payload; i++)
        out[ip + 20 + i] = (uint8_t)(i * 7 + 1);
    if (is_4) {
        out[0] = 0x45;
        pm_wire_put16(out + 2, (unsigned)(ip + len));
        out[8] = 64;
        out[9] = PM_IP_TCP;
        memcpy(out + 12, src->addr.bytes, 4);
        memcpy(out + 16, dst->addr.bytes, 4);
        pm_wire_put16(out + 10, pm_ipsum_finish(pm_ipsum_add(0, out, 20)));
    } else {
        out[0] = 0x60;
        pm_wire_put16(out + 4, (unsigned)len);
        out[6] = PM_IP_TCP;
        out[7] = 64;
        memcpy(out + 8, src->addr.bytes, 16);
        memcpy(out + 24, dst->addr.bytes, 16);
    }
    pm_wire_put16(out + ip, src->port);
    pm_wire_put16(out + ip + 2, dst->port);
    pm_wire_put32(out + ip + 4, 1000);
    pm_wire_put32(out + ip + 8, 2000);
    out[ip + 12] = 5 << 4;
    out[ip + 13] = flags;
    uint64_t sum = pm_ipsum_pseudo(&src->addr, &dst->addr, PM_IP_TCP, len);
    pm_wire_put16(out + ip + 16, pm_ipsum_finish(pm_ipsum_add(sum, out + ip, len)));
    return ip + len;
}

/* Whether all checksums of a TCP, UDP or ICMP packet are right. */
static bool is_whole(const uint8_t *bytes, size_t len)
{
    struct pm_ippacket p;
    if (!pm_ippacket_read(&p, bytes, len))
        return false;
    if (p.version == 4 && pm_ipsum_finish(pm_ipsum_add(0, bytes, p.l4_off)) != 0)
        return false;
    size_t l4 = p.len - p.l4_off;
    uint64_t sum =
        p.proto == PM_IP_ICMP ? 0 : pm_ipsum_pseudo(&p.src.addr, &p.dst.addr, p.proto, l4);
    return pm_ipsum_finish(pm_ipsum_add(sum, bytes + p.l4_off, l4)) == 0;
}

static void other_ends_keep_checksums_right(void **state)
{
    uint8_t packet[256], headers[PM_HEADERS_MAX];
    uint64_t draws = 0;
    (void)state;
    for (int i = 0; i < 4000; i++) {
        bool is_4 = i % 2 == 0;
        struct pm_end src = is_4 ? a4 : a6, dst = is_4 ? b4 : b6;
        struct pm_ippacket p;
        size_t len =
            make_tcp(packet, is_4 ? &a4 : &a6, is_4 ? &b4 : &b6, PM_TCP_ACK, (unsigned)i % 90);
        for (size_t k = 0; k < pm_addr_len(&src.addr); k++)
            src.addr.bytes[k] = (uint8_t)(pm_draw(1, 2, 3, draws++) & (i % 5 ? 0xff : 0));
        src.port = (uint16_t)pm_draw(1, 2, 3, draws++);
        dst.port = i % 7 ? (uint16_t)pm_draw(1, 2, 3, draws++) : 0xffff;
        assert_true(pm_ippacket_read(&p, packet, len));
        size_t head = pm_ippacket_redirect(&p, &src, &dst, headers);
        assert_int_equal(head, p.payload_off);
        memcpy(packet, headers, head);
        assert_true(is_whole(packet, len));
        assert_true(pm_ippacket_read(&p, packet, len));
        assert_true(pm_end_is_same(&p.src, &src));
        assert_true(pm_end_is_same(&p.dst, &dst));
    }
}

static void a_wrong_checksum_stays_wrong(void **state)
{
    uint8_t packet[256], headers[PM_HEADERS_MAX];
    struct pm_ippacket p;
    (void)state;
    size_t len = make_tcp(packet, &a4, &b4, PM_TCP_ACK, 10);
    packet[45] ^= 1;
    assert_true(pm_ippacket_read(&p, packet, len));
    memcpy(packet, headers, pm_ippacket_redirect(&p, &b4, &a4, headers));
    assert_false(is_whole(packet, len));
}

static void every_cut_is_read_or_refused_within_its_bytes(void **state)
{
    uint8_t whole[256];
    (void)state;
    size_t len = make_tcp(whole, &a6, &b6, PM_TCP_ACK, 30);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1); /* the sanitizer sees one byte too far */
        struct pm_ippacket p;
        memcpy(exact, whole, cut);
        assert_false(pm_ippacket_read(&p, exact, cut));
        free(exact);
    }
}

static void random_bytes_are_read_within_their_length(void **state)
{
    uint64_t draws = 0;
    uint8_t headers[PM_HEADERS_MAX];
    (void)state;
    for (int i = 0; i < 200000; i++) {
        size_t len = (size_t)(pm_draw(1, 2, 3, draws++) % 120);
        uint8_t *exact = malloc(len > 0 ? len : 1);
        struct pm_ippacket p;
        for (size_t k = 0; k < len; k++)
            exact[k] = (uint8_t)(pm_draw(1, 2, 3, draws++) >> 20);
        if (len > 9) {
            exact[0] = (uint8_t)(i % 2 ? 0x45 + i % 9 : 0x60);
            exact[i % 2 ? 2 : 4] = 0;
            exact[i % 2 ? 9 : 6] = (uint8_t)((const uint8_t[]){6, 17, 0, 60, 44, 1}[i / 2 % 6]);
        }
        if (pm_ippacket_read(&p, exact, len)) {
            assert_true(p.l4_off <= p.payload_off && p.payload_off <= p.len && p.len <= len);
            if (!p.is_fragment && (p.proto == PM_IP_TCP || p.proto == PM_IP_UDP))
                pm_ippacket_redirect(&p, &a4, &b4, headers);
        }
        free(exact);
    }
}

static void a_fragment_has_no_ports(void **state)
{
    uint8_t packet[256];
    struct pm_ippacket p;
    (void)state;
    size_t len = make_tcp(packet, &a4, &b4, PM_TCP_ACK, 10);
    pm_wire_put16(packet + 6, 0x2000);
    assert_true(pm_ippacket_read(&p, packet, len));
    assert_true(p.is_fragment);
    assert_int_equal(p.src.port, 0);
}

/* ------------------------------------------------------------------ replies */

static void a_syn_is_refused_with_its_number_acknowledged(void **state)
{
    const struct pm_end *ends[2][2] = {{&a4, &b4}, {&a6, &b6}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t packet[256], reply[PM_REPLY_ROOM];
        struct pm_ippacket syn, rst;
        size_t len = make_tcp(packet, ends[i][0], ends[i][1], PM_TCP_SYN, 0);
        assert_true(pm_ippacket_read(&syn, packet, len));
        len = pm_tunnel_reset(&syn, reply);
        assert_true(is_whole(reply, len));
        assert_true(pm_ippacket_read(&rst, reply, len));
        assert_true(pm_end_is_same(&rst.src, ends[i][1]));
        assert_true(pm_end_is_same(&rst.dst, ends[i][0]));
        assert_int_equal(rst.tcp_flags, PM_TCP_RST | PM_TCP_ACK);
        assert_int_equal(pm_wire_get32(reply + rst.l4_off + 8), 1001);
    }
}

static void a_segment_of_no_connection_is_reset_at_the_number_it_expects(void **state)
{
    uint8_t packet[256], reply[PM_REPLY_ROOM];
    struct pm_ippacket p, rst;
    (void)state;
    size_t len = make_tcp(packet, &a4, &b4, PM_TCP_ACK, 5);
    assert_true(pm_ippacket_read(&p, packet, len));
    len = pm_tunnel_reset(&p, reply);
    assert_true(pm_ippacket_read(&rst, reply, len));
    assert_int_equal(rst.tcp_flags, PM_TCP_RST);
    assert_int_equal(pm_wire_get32(reply + rst.l4_off + 4), 2000);
}

static void an_unreachable_quotes_the_packet(void **state)
{
    static const struct {
        const struct pm_end *src, *dst;
        enum pm_unreachable how;
        uint8_t type, code;
    } cases[] = {
        {&a4, &b4, PM_UNREACHABLE_HOST, 3, 1}, {&a4, &b4, PM_UNREACHABLE_NET, 3, 0},
        {&a4, &b4, PM_UNREACHABLE_PORT, 3, 3}, {&a4, &b4, PM_UNREACHABLE_PROHIBITED, 3, 13},
        {&a6, &b6, PM_UNREACHABLE_HOST, 1, 3}, {&a6, &b6, PM_UNREACHABLE_NET, 1, 0},
        {&a6, &b6, PM_UNREACHABLE_PORT, 1, 4}, {&a6, &b6, PM_UNREACHABLE_PROHIBITED, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t packet[2048], reply[PM_REPLY_ROOM];
        struct pm_ippacket p, error;
        size_t len = make_tcp(packet, cases[i].src, cases[i].dst, PM_TCP_SYN, i % 2 ? 1500 : 0);
        assert_true(pm_ippacket_read(&p, packet, len));
        size_t told = pm_tunnel_unreachable(&p, cases[i].how, reply);
        assert_true(told <= (p.version == 4 ? 576 : 1280));
        assert_true(is_whole(reply, told));
        assert_true(pm_ippacket_read(&error, reply, told));
        assert_true(pm_addr_is_same(&error.dst.addr, &p.src.addr));
        assert_int_equal(reply[error.l4_off], cases[i].type);
        assert_int_equal(reply[error.l4_off + 1], cases[i].code);
        assert_memory_equal(reply + error.payload_off, packet, told - error.payload_off);
    }
}

static void a_datagram_is_whole_or_refused(void **state)
{
    static uint8_t packet[70000], payload[66000];
    const struct pm_end *ends[2][2] = {{&a4, &b4}, {&a6, &b6}};
    (void)state;
    memset(payload, 0xa5, sizeof payload);
    for (int i = 0; i < 2; i++) {
        const size_t most = i == 0 ? 65507 : 65527, sizes[] = {0, 1, 1472, most};
        for (size_t k = 0; k < 4; k++) {
            size_t off = pm_tunnel_datagram(ends[i][0], ends[i][1], payload, sizes[k], packet);
            assert_int_equal(off, i == 0 ? 28 : 48);
            memcpy(packet + off, payload, sizes[k]);
            assert_true(is_whole(packet, off + sizes[k]));
        }
        assert_int_equal(pm_tunnel_datagram(ends[i][0], ends[i][1], payload, most + 1, packet), 0);
    }
}

static void an_echo_reply_is_whole(void **state)
{
    const struct pm_end *ends[2][2] = {{&a4, &b4}, {&a6, &b6}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t message[64] = {0, 0, 9, 9, 1, 2, 3, 4}, packet[128];
        size_t off = pm_tunnel_echo(&ends[i][0]->addr, &ends[i][1]->addr, message, 61, packet);
        memcpy(packet + off, message, 61);
        assert_true(is_whole(packet, off + 61));
        assert_int_equal(packet[off], i == 0 ? 0 : 129);
    }
}

static void a_prefix_holds_what_begins_with_it(void **state)
{
    static const struct {
        struct pm_prefix prefix;
        struct pm_addr addr;
        bool holds;
    } cases[] = {
        {{{{10}, 4}, 8}, {{10, 1, 2, 3}, 4}, true},
        {{{{10}, 4}, 8}, {{11, 1, 2, 3}, 4}, false},
        {{{{10, 128}, 4}, 9}, {{10, 200}, 4}, true},
        {{{{10, 128}, 4}, 9}, {{10, 127}, 4}, false},
        {{{{0}, 4}, 0}, {{8, 8, 8, 8}, 4}, true},
        {{{{0}, 4}, 0}, {{8, 8, 8, 8}, 6}, false},
        {{{{1, 2, 3, 4}, 4}, 32}, {{1, 2, 3, 5}, 4}, false},
        {{{{0xfd}, 6}, 7}, {{0xfc}, 6}, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(pm_prefix_holds(&cases[i].prefix, &cases[i].addr), cases[i].holds);
}

/* What is to be completed holds the sum of the new ends, and nothing of the ports. */
static void a_partial_checksum_gets_the_sum_of_its_new_ends(void **state)
{
    static uint8_t bytes[3000];
    const struct pm_end ends[2][2] = {{a4, b4}, {a6, b6}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct pm_end *src = &ends[i][0], *dst = &ends[i][1];
        uint8_t headers[PM_HEADERS_MAX];
        struct pm_ippacket p;
        size_t len = make_tcp(bytes, src, dst, PM_TCP_ACK, 2000);
        assert_true(pm_ippacket_read(&p, bytes, len));
        pm_ippacket_part_sum(&p, &src->addr, &dst->addr, bytes);
        p.is_partial = true;
        size_t head = pm_ippacket_redirect(&p, dst, src, headers);
        assert_int_equal(head, p.payload_off);
        memcpy(bytes, headers, head);
        uint64_t sum = pm_ipsum_add(0, bytes + p.l4_off, len - p.l4_off); /* as a card does */
        pm_wire_put16(bytes + p.l4_off + 16, pm_ipsum_finish(sum));
        assert_true(is_whole(bytes, len));
        assert_true(pm_ippacket_read(&p, bytes, len));
        assert_true(pm_end_is_same(&p.src, dst) && pm_end_is_same(&p.dst, src));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_ends_keep_checksums_right),
        cmocka_unit_test(a_wrong_checksum_stays_wrong),
        cmocka_unit_test(every_cut_is_read_or_refused_within_its_bytes),
        cmocka_unit_test(random_bytes_are_read_within_their_length),
        cmocka_unit_test(a_fragment_has_no_ports),
        cmocka_unit_test(a_syn_is_refused_with_its_number_acknowledged),
        cmocka_unit_test(a_segment_of_no_connection_is_reset_at_the_number_it_expects),
        cmocka_unit_test(an_unreachable_quotes_the_packet),
        cmocka_unit_test(a_datagram_is_whole_or_refused),
        cmocka_unit_test(an_echo_reply_is_whole),
        cmocka_unit_test(a_prefix_holds_what_begins_with_it),
        cmocka_unit_test(a_partial_checksum_gets_the_sum_of_its_new_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
