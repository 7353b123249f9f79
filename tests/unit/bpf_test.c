/* bpf_test.c - the BPF machine against libpcap's, over expressions and over programs by chance. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* u_int, which libpcap's header wants */
#endif
#include "subject.h"

#include <pcap/pcap.h>

#include "match/bpf.h"

/* ------------------------------------------------------------------ the two machines */

_Static_assert(sizeof(struct pm_bpf_insn) == sizeof(struct bpf_insn), "the same instruction");

#define LONGEST 512

static size_t translate(const struct bpf_insn *from, size_t count, struct pm_bpf_insn *to)
{
    assert_true(count <= LONGEST);
    for (size_t i = 0; i < count; i++)
        to[i] = (struct pm_bpf_insn){from[i].code, from[i].jt, from[i].jf, from[i].k};
    return count;
}

static void expect_same_answer(const struct bpf_insn *program, size_t count, const uint8_t *data,
                               size_t len, size_t wire_len)
{
    struct pm_bpf_insn ours[LONGEST];
    translate(program, count, ours);
    uint32_t theirs = bpf_filter(program, data, (u_int)wire_len, (u_int)len);
    assert_int_equal(pm_bpf_run(ours, data, len, wire_len), theirs);
}

/* ------------------------------------------------------------------ expressions */

static const char *const expressions[] = {
    "",
    "ip",
    "ip6",
    "arp",
    "tcp",
    "udp port 53",
    "tcp port 80 or udp port 53",
    "host 192.0.2.1",
    "src host 192.0.2.1 and dst net 198.51.100.0/24",
    "not host 192.0.2.1",
    "portrange 1000-2000",
    "src portrange 50-90",
    "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
    "tcp[13] & 2 != 0",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "ip[0] & 0xf != 5",
    "ip[6:2] & 0x1fff = 0",
    "ip proto 132",
    "icmp[icmptype] == icmp-echo",
    "icmp6",
    "ip6 host 2001:db8::1",
    "ip6 net 2001:db8::/32",
    "ip6[6] = 58",
    "ip6 proto 17",
    "less 60",
    "greater 100",
    "len > 70 and len < 90",
    "len / 2 = 30",
    "len % 7 = 3",
    "(len << 2) - 5 > 200",
    "ip[8] * 2 > 100",
    "ip[ip[0] & 0xf] > 4",
    "udp[8:4] = 0x61626364",
    "tcp[4:4] > 0x7fffffff",
    "ip[2:2] ^ ip[4:2] & 1 = 1",
    "ip broadcast",
    "ip multicast",
    "tcp src port 80 and (tcp[20:4] = 0x48545450 or ip[8] < 64)",
};

static const char *const ethernet_expressions[] = {
    "ether host 02:00:00:00:00:01",
    "ether proto 0x88cc",
    "vlan",
    "vlan 42",
    "vlan and tcp",
    "vlan 42 and vlan and udp port 53",
    "ether[0] & 1 = 1",
    "ether broadcast",
};

static void make_by_chance(uint64_t *chance, struct made *m, bool ethernet)
{
    static const char *const payloads[] = {NULL, "GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK", "abcd"};
    static const uint8_t protos[] = {6, 6, 17, 17, 1, 58, 132};
    struct plain p = {.version = below(chance, 3) ? 4 : 6,
                      .proto = protos[below(chance, 7)],
                      .src_port = (uint16_t)(below(chance, 3) ? 80 : any(chance)),
                      .dst_port = (uint16_t)(below(chance, 3) ? 53 : any(chance) % 3000),
                      .icmp_type = (uint8_t)(8 * below(chance, 3)),
                      .ttl = (uint8_t)any(chance),
                      .tos = (uint8_t)any(chance),
                      .id = (uint16_t)any(chance),
                      .mf = !below(chance, 8),
                      .fragment = below(chance, 8) ? 0 : 64,
                      .seq = any(chance) << 1,
                      .flags = (uint16_t)below(chance, 64),
                      .mss = below(chance, 2) ? 1460 : 0,
                      .payload = payloads[below(chance, 4)],
                      .ethernet = ethernet,
                      .vlan_count = (uint8_t)(below(chance, 2) ? 0 : below(chance, 3)),
                      .vlan = {42, 7}};
    make(m, &p);
}

static void expect_same_over_packets(const struct bpf_program *program, bool ethernet,
                                     uint64_t *chance)
{
    for (int i = 0; i < 120; i++) {
        struct made m;
        make_by_chance(chance, &m, ethernet);
        if (!below(chance, 4))
            m.data[below(chance, (uint32_t)m.packet.len)] ^= (uint8_t)any(chance);
        size_t len = below(chance, 3) ? m.packet.len : below(chance, (uint32_t)m.packet.len + 1);
        expect_same_answer(program->bf_insns, program->bf_len, m.data, len, m.packet.wire_len);
        drop(&m);
    }
}

static void expect_same_for(pcap_t *pcap, const char *expression, bool ethernet, uint64_t *chance)
{
    for (int optimise = 0; optimise < 2; optimise++) {
        struct bpf_program program;
        struct pm_bpf_insn ours[LONGEST];
        if (pcap_compile(pcap, &program, expression, optimise, 0xffffff00u) != 0)
            fail_msg("%s: %s", expression, pcap_geterr(pcap));
        assert_true(pm_bpf_is_valid(ours, translate(program.bf_insns, program.bf_len, ours)));
        expect_same_over_packets(&program, ethernet, chance);
        pcap_freecode(&program);
    }
}

static void expressions_answer_as_libpcap_does(void **state)
{
    uint64_t chance = 11;
    (void)state;
    pcap_t *raw = pcap_open_dead(DLT_RAW, 65535), *ethernet = pcap_open_dead(DLT_EN10MB, 65535);
    assert_true(raw && ethernet);
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        if (!strstr(expressions[i], "broadcast") && !strstr(expressions[i], "arp"))
            expect_same_for(raw, expressions[i], false, &chance);
        expect_same_for(ethernet, expressions[i], true, &chance);
    }
    for (size_t i = 0; i < sizeof ethernet_expressions / sizeof ethernet_expressions[0]; i++)
        expect_same_for(ethernet, ethernet_expressions[i], true, &chance);
    pcap_close(raw);
    pcap_close(ethernet);
}

/* ------------------------------------------------------------------ programs by chance */

static const uint16_t opcodes[] = {
    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x60, 0x80,       /* ld */
    0x01, 0x61, 0x81, 0xb1, 0x02, 0x03,                         /* ldx, st, stx */
    0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, /* alu */
    0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x94, 0x9c, 0xa4,
    0xac, 0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, /* jumps */
    0x07, 0x87, 0x06, 0x16,                                     /* misc, ret */
};

static uint32_t constant(uint64_t *chance, uint16_t code, uint32_t after)
{
    uint32_t k = below(chance, 2) ? below(chance, 40) : any(chance) << below(chance, 2);
    if (code == 0x60 || code == 0x61 || code == 0x02 || code == 0x03)
        return k % 16;
    if (code == 0x64 || code == 0x74)
        return k % 32;
    if (code == 0x34 || code == 0x94)
        return k | 1;
    if (code == 0x20 || code == 0x28 || code == 0x30)
        return k % 100;
    return code == 0x05 ? k % after : k;
}

/* libpcap leaves memory slots unset, so the program sets them first. */
static size_t write_program(uint64_t *chance, struct bpf_insn *program)
{
    size_t count = 0, total = 16 + 2 + below(chance, 40);
    for (; count < 16; count++)
        program[count] = (struct bpf_insn){0x02, 0, 0, (uint32_t)count};
    for (; count < total - 1; count++) {
        uint32_t after = (uint32_t)(total - 1 - count);
        uint16_t code = opcodes[below(chance, sizeof opcodes / sizeof opcodes[0])];
        if ((code & 7) == 6 && below(chance, 4))
            code = 0x30;
        program[count] = (struct bpf_insn){code, (uint8_t)below(chance, after < 9 ? after : 9),
                                           (uint8_t)below(chance, after < 9 ? after : 9),
                                           constant(chance, code, after)};
    }
    program[count++] = (struct bpf_insn){0x16, 0, 0, 0};
    return count;
}

static void programs_by_chance_answer_as_libpcap_does(void **state)
{
    uint64_t chance = 5;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct bpf_insn program[LONGEST];
        struct pm_bpf_insn ours[LONGEST];
        size_t count = write_program(&chance, program), len = below(&chance, 60);
        assert_true(pm_bpf_is_valid(ours, translate(program, count, ours)));
        uint8_t *data = malloc(len ? len : 1);
        assert_non_null(data);
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)any(&chance);
        expect_same_answer(program, count, data, len, len + below(&chance, 9));
        free(data);
    }
}

/* ------------------------------------------------------------------ validity */

static void programs_that_could_run_astray_are_refused(void **state)
{
    static const struct {
        const char *what;
        struct pm_bpf_insn insns[3];
        size_t count;
    } bad[] = {
        {"no instruction", {{0x06, 0, 0, 0}}, 0},
        {"no return at the end", {{0x30, 0, 0, 0}}, 1},
        {"jump beyond the end", {{0x15, 0, 2, 0}, {0x06, 0, 0, 0}, {0x06, 0, 0, 0}}, 3},
        {"true branch just beyond the end", {{0x15, 2, 0, 0}, {0x06, 0, 0, 0}, {0x06, 0, 0, 0}}, 3},
        {"true branch beyond the end", {{0x15, 255, 0, 0}, {0x06, 0, 0, 0}, {0x06, 0, 0, 0}}, 3},
        {"long jump beyond the end", {{0x05, 0, 0, 2}, {0x06, 0, 0, 0}, {0x06, 0, 0, 0}}, 3},
        {"jump back", {{0x05, 0, 0, 0xffffffffu}, {0x06, 0, 0, 0}}, 2},
        {"slot 16", {{0x60, 0, 0, 16}, {0x06, 0, 0, 0}}, 2},
        {"x from slot 16", {{0x61, 0, 0, 16}, {0x06, 0, 0, 0}}, 2},
        {"store to slot 16", {{0x02, 0, 0, 16}, {0x06, 0, 0, 0}}, 2},
        {"store x to slot 16", {{0x03, 0, 0, 16}, {0x06, 0, 0, 0}}, 2},
        {"division by 0", {{0x34, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"remainder by 0", {{0x94, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"shift by 32", {{0x64, 0, 0, 32}, {0x06, 0, 0, 0}}, 2},
        {"right shift by 32", {{0x74, 0, 0, 32}, {0x06, 0, 0, 0}}, 2},
        {"unknown load", {{0x38, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"unknown mode", {{0xc0, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"unknown operation", {{0xb4, 0, 0, 1}, {0x06, 0, 0, 0}}, 2},
        {"unknown jump", {{0x55, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"unknown misc", {{0x0f, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"return of x", {{0x0e, 0, 0, 0}}, 1},
        {"bits beyond the opcode", {{0x130, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"bits beyond the operation", {{0x104, 0, 0, 0}, {0x06, 0, 0, 0}}, 2},
        {"kernel extension", {{0x28, 0, 0, 0xfffff000u}, {0x06, 0, 0, 0}}, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pm_bpf_is_valid(bad[i].insns, bad[i].count))
            fail_msg("%s", bad[i].what);
}

static void the_smallest_programs_are_valid(void **state)
{
    const struct pm_bpf_insn all = {0x06, 0, 0, 65535}, a = {0x16, 0, 0, 0};
    (void)state;
    assert_true(pm_bpf_is_valid(&all, 1));
    assert_int_equal(pm_bpf_run(&all, NULL, 0, 0), 65535);
    assert_true(pm_bpf_is_valid(&a, 1));
    assert_int_equal(pm_bpf_run(&a, NULL, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_answer_as_libpcap_does),
        cmocka_unit_test(programs_by_chance_answer_as_libpcap_does),
        cmocka_unit_test(programs_that_could_run_astray_are_refused),
        cmocka_unit_test(the_smallest_programs_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
