/* flowtext_test.c - packets from text: what they are, and what is said of wrong text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/byteorder.h"
#include "app/capture.h"
#include "app/flowtext.h"
#include "app/verify_packet.h"

static struct pm_packetlist list_of(const char *text)
{
    struct pm_packetlist list = {.items = NULL};

    assert_int_equal(pm_flowtext_read("in.flow", NULL, text, strlen(text), &list, stderr), 0);
    return list;
}

/* As verify reads it, which shares no code with what made it. */
static struct pm_verify_packet packet_at(const struct pm_packetlist *list, size_t index)
{
    const struct pm_listed *item = &list->items[index];
    struct pm_verify_packet packet = {.bytes = NULL};
    struct pm_record record = {.data = list->bytes + item->off,
                               .caplen = item->len,
                               .origlen = item->wire_len,
                               .time_ns = item->time_ns,
                               .frame = index + 1,
                               .link = list->link};

    assert_true(index < list->count);
    pm_verify_packet_read(&packet, &record);
    return packet;
}

/* One line for each packet: direction, flags, numbers from the beginning of the streams, payload.
 */
static void described(const struct pm_packetlist *list, char *out, size_t cap)
{
    uint32_t isn[2] = {packet_at(list, 0).seq, packet_at(list, 1).seq};
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        struct pm_verify_packet p = packet_at(list, i);
        unsigned from = list->items[i].dir == PM_DIR_OUT ? 0 : 1;
        char flags[8] = "", *f = flags;

        for (unsigned bit = 0; bit < 6; bit++)
            if (p.flags & 1u << bit)
                *f++ = "FSRPAU"[bit];
        *f = '\0';
        used += (size_t)snprintf(out + used, cap - used, "%c %s %u %u %.*s\n",
                                 from == 0 ? '>' : '<', flags, p.seq - isn[from],
                                 p.flags & PM_VERIFY_ACK ? p.ack - isn[1 - from] : 0,
                                 (int)p.payload_there, (const char *)p.bytes + p.payload_off);
        assert_true(used < cap);
    }
}

static void assert_described(const char *text, const char *expected)
{
    struct pm_packetlist list = list_of(text);
    char out[4096];

    described(&list, out, sizeof out);
    assert_string_equal(out, expected);
    pm_packetlist_free(&list);
}

#define WEB "tcp web 10.0.0.1:40000 > 192.0.2.1:80\nweb open\n"

#define HANDSHAKE                                                                                  \
    "> S 0 0 \n"                                                                                   \
    "< SA 0 1 \n"                                                                                  \
    "> A 1 1 \n"

static void a_conversation_has_handshake_data_and_end(void **state)
{
    (void)state;
    assert_described(WEB "web > \"hello\"\nweb < \"you\"\nweb > close\n",
                     HANDSHAKE "> PA 1 1 hello\n< A 1 6 \n< PA 1 6 you\n> A 6 4 \n"
                               "> FA 6 4 \n< FA 4 7 \n> A 7 5 \n");
    assert_described(WEB "web < fin\nweb > ack\nweb > close\n",
                     HANDSHAKE "< FA 1 1 \n> A 1 2 \n> FA 1 2 \n< A 2 2 \n");
    assert_described(WEB "web > reset\n", HANDSHAKE "> RA 1 1 \n");
}

static void pieces_travel_in_the_order_that_is_said(void **state)
{
    (void)state;
    assert_described(WEB "web > \"abcdefghij\" cut 3,5 order 3,1,2 twice 2\n",
                     HANDSHAKE "> PA 6 1 fghij\n> A 1 1 abc\n> A 4 1 de\n> A 4 1 de\n< A 1 11 \n");
    assert_described(WEB "web > \"abcde\" segment 2 no-ack\n",
                     HANDSHAKE "> A 1 1 ab\n> A 3 1 cd\n> PA 5 1 e\n");
}

static void what_is_lost_is_not_acknowledged_until_it_comes_again(void **state)
{
    (void)state;
    assert_described(WEB "web > \"abcdef\" segment 2 lost 2\nweb > again 2-3 no-ack\n"
                         "web < ack\nweb > again 1-6\n",
                     HANDSHAKE "> A 1 1 ab\n> PA 5 1 ef\n< A 1 3 \n> PA 3 1 c\n< A 1 4 \n"
                               "> PA 2 1 bcdef\n< A 1 7 \n");
    assert_described(WEB "web > \"abcdef\" segment 2 unseen 2\n",
                     HANDSHAKE "> A 1 1 ab\n> PA 5 1 ef\n< A 1 7 \n");
}

static void what_comes_again_leaves_other_holes_as_they_are(void **state)
{
    (void)state;
    assert_described(WEB "web > \"abcdefgh\" segment 2 lost 1,3 no-ack\nweb > again 0-2\n"
                         "web > again 6-8\nweb > again 4-6\n",
                     HANDSHAKE "> A 3 1 cd\n> PA 7 1 gh\n> PA 1 1 ab\n< A 1 5 \n> PA 7 1 gh\n"
                               "< A 1 5 \n> PA 5 1 ef\n< A 1 9 \n");
}

static void fields_are_as_the_statement_says(void **state)
{
    struct pm_packetlist list = list_of(WEB "web > \"x\" flags S seq +7 ttl 9 no-ack\n"
                                            "web > \"y\" urgent 1 seq -1 no-ack\n");
    struct pm_verify_packet third = packet_at(&list, 2), p = packet_at(&list, 3);

    (void)state;
    assert_int_equal(p.flags, PM_VERIFY_SYN);
    assert_int_equal(p.seq, third.seq + 7);
    assert_int_equal(p.bytes[p.ip_off + 8], 9);
    p = packet_at(&list, 4);
    assert_int_equal(p.flags, PM_VERIFY_ACK | PM_VERIFY_PSH | PM_VERIFY_URG);
    assert_int_equal(p.seq, third.seq);
    pm_packetlist_free(&list);
}

static void times_begin_and_go_on_as_the_text_says(void **state)
{
    struct pm_packetlist list = list_of("udp d 10.0.0.1:1 > 10.0.0.2:2\nd > \"a\"\nwait 1.5s\n"
                                        "step 10us\nd < \"b\"\nd > \"c\"\n");

    (void)state;
    assert_int_equal(list.items[0].time_ns, UINT64_C(1767225600000000000));
    assert_int_equal(list.items[1].time_ns, UINT64_C(1767225601501000000));
    assert_int_equal(list.items[2].time_ns, UINT64_C(1767225601501010000));
    pm_packetlist_free(&list);
    list = list_of("start 2024-02-29T23:59:59.25Z\nudp d 10.0.0.1:1 > 10.0.0.2:2\nd > \"a\"\n");
    assert_int_equal(list.items[0].time_ns, UINT64_C(1709251199250000000));
    pm_packetlist_free(&list);
    list = list_of("start 12.5\nframe hex:00\n");
    assert_int_equal(list.items[0].time_ns, UINT64_C(12500000000));
    pm_packetlist_free(&list);
}

static const char everything[] =
    "tcp web 10.0.0.1:40000 > 192.0.2.1:80 timestamps sack window 1000\nweb open\n"
    "web > \"GET\" cut 1\nweb < fill:3001 lost 2 no-ack\nweb > ack 1460 sack 2920-3001\n"
    "web < again 1000-2920\nweb < close\n"
    "tcp six [2001:db8::1]:1234 > [2001:db8::2]:443 incoming vlan 7 vlan 9 isn 4294967290,5\n"
    "six open\nsix > hex:00ff \"x\" ttl 9 dscp 46 window 5\nsix < icmp 1/4\nsix > reset\n"
    "udp dns 10.0.0.1:5353 > 192.0.2.53:53 ttl 3\ndns > \"query\" id 77 df\n"
    "dns < icmp 3/4 mtu 1400\nudp u6 [2001:db8::1]:1 > [2001:db8::2]:2\nu6 > fill:2001\n"
    "icmp ping 10.0.0.1 > 10.0.0.2\nping > echo 7/1 \"abc\"\nping < reply 7/1 \"abc\"\n"
    "icmp p6 2001:db8::1 > 2001:db8::2\np6 > echo 7/1 \"abc\"\np6 < type 135/0 fill:20\n";

static void checksums_and_lengths_are_right_whatever_is_made(void **state)
{
    char text[sizeof everything + 16];
    size_t counts[2] = {0, 0};

    (void)state;
    for (unsigned raw = 0; raw < 2; raw++) {
        snprintf(text, sizeof text, "%s%s", raw ? "link raw\n" : "", everything);
        for (char *vlan = strstr(text, " vlan"); raw && vlan != NULL; vlan = strstr(text, " vlan"))
            memset(vlan, ' ', strlen(" vlan 7"));
        struct pm_packetlist list = list_of(text);
        for (size_t i = 0; i < list.count; i++) {
            struct pm_verify_packet p = packet_at(&list, i);

            assert_int_equal(p.fault_count, 0);
            assert_int_equal(p.sum, PM_VERIFY_SUM_GOOD);
            assert_int_equal(p.surplus, 0);
        }
        counts[raw] = list.count;
        pm_packetlist_free(&list);
    }
    assert_int_equal(counts[0], counts[1]);
    assert_true(counts[0] > 25);
}

static void a_bad_checksum_is_bad_and_nothing_else_is(void **state)
{
    struct pm_packetlist list =
        list_of("udp d 10.0.0.1:1 > 10.0.0.2:2\nd > \"a\" bad-checksum\nd > \"a\"\n");

    (void)state;
    assert_int_equal(packet_at(&list, 0).sum, PM_VERIFY_SUM_BAD);
    assert_int_equal(packet_at(&list, 1).sum, PM_VERIFY_SUM_GOOD);
    pm_packetlist_free(&list);
}

static void fragments_carry_the_whole_datagram_once(void **state)
{
    static const char *const texts[] = {
        "udp d 10.0.0.1:1 > 10.0.0.2:2\nd > fill:100\nd > fill:100 fragment 48 reversed\n",
        "udp d [2001:db8::1]:1 > [2001:db8::2]:2\nd > fill:100\nd > fill:100 fragment 48 "
        "reversed\n"};

    (void)state;
    for (size_t t = 0; t < 2; t++) {
        struct pm_packetlist list = list_of(texts[t]);
        struct pm_verify_packet whole = packet_at(&list, 0);
        const uint32_t offs[] = {96, 48, 0};

        assert_int_equal(list.count, 4);
        for (size_t i = 0; i < 3; i++) {
            struct pm_verify_packet part = packet_at(&list, 1 + i);

            assert_int_equal(part.kind, PM_VERIFY_FRAGMENT);
            assert_int_equal(part.fault_count, 0);
            assert_int_equal(part.fragment_off, offs[i]);
            assert_int_equal(part.has_more, i != 0);
            assert_memory_equal(part.bytes + part.l4_off, whole.bytes + whole.l4_off + offs[i],
                                part.l4_len);
        }
        pm_packetlist_free(&list);
    }
}

static void the_same_text_is_the_same_file(void **state)
{
    struct pm_packetlist first = list_of(everything), second = list_of(everything);
    size_t len[2];

    (void)state;
    for (int is_ng = 0; is_ng < 2; is_ng++) {
        uint8_t *a = pm_packetlist_file(&first, is_ng, &len[0]);
        uint8_t *b = pm_packetlist_file(&second, is_ng, &len[1]);

        assert_int_equal(len[0], len[1]);
        assert_memory_equal(a, b, len[0]);
        free(a);
        free(b);
    }
    pm_packetlist_free(&first);
    pm_packetlist_free(&second);
}

static void the_file_has_directions_interfaces_and_times(void **state)
{
    struct pm_packetlist list = list_of("interface lan0\nudp d 10.0.0.1:1 > 10.0.0.2:2 incoming\n"
                                        "d > \"a\"\nd < \"b\"\ninterface wan0\nframe hex:0102\n");
    static const enum pm_dir dirs[] = {PM_DIR_IN, PM_DIR_OUT, PM_DIR_UNKNOWN};
    static const char *const names[] = {"lan0", "lan0", "wan0"};
    size_t len;
    uint8_t *bytes = pm_packetlist_file(&list, true, &len);
    struct pm_capture *capture = pm_capture_open_bytes("list", bytes, len);
    struct pm_record record;
    unsigned count = 0;

    (void)state;
    for (enum pm_step step; (step = pm_capture_next(capture, &record)) != PM_STEP_END;) {
        assert_int_not_equal(step, PM_STEP_BAD);
        if (step != PM_STEP_PACKET)
            continue;
        assert_true(count < 3);
        assert_int_equal(record.dir, dirs[count]);
        assert_string_equal(record.interface, names[count]);
        assert_int_equal(record.time_ns, list.items[count].time_ns);
        count++;
    }
    assert_int_equal(count, 3);
    pm_capture_close(capture);
    free(bytes);
    pm_packetlist_free(&list);
}

/* What is wrong, and what is said of it. */
static const struct {
    const char *text, *said;
} faults[] = {
    {"tcpp web 10.0.0.1:1 > 10.0.0.2:2\n",
     "in.flow:1:1: error: expected a statement, or the name of a conversation, found \"tcpp\"\n"
     "    1 | tcpp web 10.0.0.1:1 > 10.0.0.2:2\n"
     "      | ^~~~ did you mean \"tcp\"?\n"},
    {"\n# fine\n  tcp web 10.0.0.1 > 10.0.0.2:2\nweb open\n",
     "in.flow:3:11: error: expected address and port as in 192.0.2.1:80 or [2001:db8::1]:80, "
     "found \"10.0.0.1\"\n"
     "    3 |   tcp web 10.0.0.1 > 10.0.0.2:2\n"
     "      |           ^~~~~~~~\n"},
    {WEB "web > \"abc\" sgment 2\n",
     "in.flow:3:13: error: expected the end of the line, or how the data travels, found "
     "\"sgment\"\n"
     "    3 | web > \"abc\" sgment 2\n"
     "      |             ^~~~~~ did you mean \"segment\"?\n"},
    {WEB "web > \"\303\244\\q\"\n",
     "in.flow:3:9: error: no such escape; there are \\r \\n \\t \\0 \\\" \\\\ and \\xNN\n"
     "    3 | web > \"\303\244\\q\"\n"
     "      |         ^~\n"},
    {WEB "web > \"abc\n", "in.flow:3:7: error: the string does not end in this line\n"
                          "    3 | web > \"abc\n"
                          "      |       ^~~~\n"},
    {WEB "web > \"abc\" cut 2,3\n",
     "in.flow:3:17: error: cuts rise, from 1 to 2: the data has 3 bytes\n"
     "    3 | web > \"abc\" cut 2,3\n"
     "      |                 ^~~\n"},
    {WEB "web > \"abc\" cut 1,2 order 1,2,4\n",
     "in.flow:3:27: error: \"order\" names piece 4; the data travels in 3 pieces\n"
     "    3 | web > \"abc\" cut 1,2 order 1,2,4\n"
     "      |                           ^~~~~\n"},
    {WEB "web > \"abc\" cut 1,2 order 1,2\n", "in.flow:3:27: error: \"order\" names 2 of 3 pieces\n"
                                              "    3 | web > \"abc\" cut 1,2 order 1,2\n"
                                              "      |                           ^~~\n"},
    {WEB "web > \"abc\" lost 1,1\n",
     "in.flow:3:18: error: \"lost\" names piece 1 twice; the data travels in 1 piece\n"
     "    3 | web > \"abc\" lost 1,1\n"
     "      |                  ^~~\n"},
    {WEB "web > again 0-5\n", "in.flow:3:13: error: this end has sent 0 bytes so far\n"
                              "    3 | web > again 0-5\n"
                              "      |             ^~~\n"},
    {WEB "web > fin\nweb > \"x\"\n",
     "in.flow:4:7: error: this end has sent its FIN; nothing follows it\n"
     "    4 | web > \"x\"\n"
     "      |       ^~~\n"},
    {WEB "web > @body.bin\n", "in.flow:3:7: error: files may not be named here\n"
                              "    3 | web > @body.bin\n"
                              "      |       ^~~~~~~~~\n"},
    {WEB "web >\n",
     "in.flow:3:6: error: expected data, or what is sent, found the end of the line\n"
     "    3 | web >\n"
     "      |      ^\n"},
    {"udp d 10.0.0.1:1 > 10.0.0.2:2\nd < icmp 3/1\n",
     "in.flow:2:5: error: the other end has sent nothing that this error could be about\n"
     "    2 | d < icmp 3/1\n"
     "      |     ^~~~\n"},
    {"udp d 10.0.0.1:1 > [2001:db8::1]:2\n",
     "in.flow:1:20: error: both addresses are IPv4, or both IPv6\n"
     "    1 | udp d 10.0.0.1:1 > [2001:db8::1]:2\n"
     "      |                    ^~~~~~~~~~~~~~~\n"},
    {"start 2026-02-29T00:00:00Z\n",
     "in.flow:1:7: error: expected a time as in 2026-01-01T00:00:00Z, or seconds since 1970, found "
     "\"2026-02-29T00:00:00Z\"\n"
     "    1 | start 2026-02-29T00:00:00Z\n"
     "      |       ^~~~~~~~~~~~~~~~~~~~\n"},
    {"frame hex:0\nwait 5\n",
     "in.flow:1:7: error: expected pairs of hex digits, found \"hex:0\"\n"
     "    1 | frame hex:0\n"
     "      |       ^~~~~\n"
     "in.flow:2:6: error: expected a duration as in 5us, 1.5ms or 2s, found \"5\"\n"
     "    2 | wait 5\n"
     "      |      ^\n"},
    {"frame hex:00\nstart 5\n", "in.flow:2:1: error: \"start\" stands before the first packet\n"
                                "    2 | start 5\n"
                                "      | ^~~~~\n"},
    {"udp d 10.0.0.1:1 > 10.0.0.2:2\nd > fill:70000\nd > \"a\" fragment 12\n",
     "in.flow:2:5: error: a datagram has at most 65000 bytes, this one 70000\n"
     "    2 | d > fill:70000\n"
     "      |     ^~~~~~~~~~\n"
     "in.flow:3:18: error: fragments have a multiple of 8 bytes\n"
     "    3 | d > \"a\" fragment 12\n"
     "      |                  ^~\n"},
};

static void every_fault_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct pm_packetlist list = {.items = NULL};
        char *said = NULL;
        size_t len;
        FILE *out = open_memstream(&said, &len);

        assert_non_null(out);
        assert_true(pm_flowtext_read("in.flow", NULL, faults[i].text, strlen(faults[i].text), &list,
                                     out) > 0);
        fclose(out);
        assert_string_equal(said, faults[i].said);
        free(said);
        pm_packetlist_free(&list);
    }
}

static void what_a_text_makes_is_bounded(void **state)
{
    static const char text[] = "tcp w 10.0.0.1:1 > 10.0.0.2:2\nw > fill:67108864 segment 1\n"
                               "w > fill:1\n";
    struct pm_packetlist list = {.items = NULL};

    (void)state;
    assert_int_equal(pm_flowtext_read("in.flow", NULL, text, strlen(text), &list, NULL), 1);
    pm_packetlist_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_has_handshake_data_and_end),
        cmocka_unit_test(pieces_travel_in_the_order_that_is_said),
        cmocka_unit_test(what_is_lost_is_not_acknowledged_until_it_comes_again),
        cmocka_unit_test(what_comes_again_leaves_other_holes_as_they_are),
        cmocka_unit_test(fields_are_as_the_statement_says),
        cmocka_unit_test(times_begin_and_go_on_as_the_text_says),
        cmocka_unit_test(checksums_and_lengths_are_right_whatever_is_made),
        cmocka_unit_test(a_bad_checksum_is_bad_and_nothing_else_is),
        cmocka_unit_test(fragments_carry_the_whole_datagram_once),
        cmocka_unit_test(the_same_text_is_the_same_file),
        cmocka_unit_test(the_file_has_directions_interfaces_and_times),
        cmocka_unit_test(every_fault_is_told_with_its_place),
        cmocka_unit_test(what_a_text_makes_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
