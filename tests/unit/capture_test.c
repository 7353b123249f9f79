/* capture_test.c - the capture readers: every kind of record, either byte order, every damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pcap.h>

#include "app/capture.h"
#include "capfile.h"

static const uint8_t packet[64] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static struct pm_capture *open_file(const struct capfile *f)
{
    struct pm_capture *capture = pm_capture_open_bytes("in", f->bytes, f->len);
    assert_non_null(capture);
    return capture;
}

/* Reads all; how many packets there were. The last step is END or BAD. */
static unsigned read_all(struct pm_capture *capture, enum pm_step *last)
{
    struct pm_record record;
    unsigned packets = 0;
    while ((*last = pm_capture_next(capture, &record)) == PM_STEP_PACKET || *last == PM_STEP_BLOCK)
        packets += *last == PM_STEP_PACKET ? 1 : 0;
    return packets;
}

static void expect_bad(const struct capfile *f, unsigned packets, const char *text)
{
    struct pm_capture *capture = open_file(f);
    enum pm_step last;
    assert_int_equal(read_all(capture, &last), packets);
    assert_int_equal(last, PM_STEP_BAD);
    if (strstr(pm_capture_error(capture), text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", pm_capture_error(capture), text);
    pm_capture_close(capture);
}

/* ------------------------------------------------------------------ pcap */

/* libpcap reads the same file; nanoseconds as it gives them. */
static void compare_with_libpcap(struct capfile *f)
{
    char error[PCAP_ERRBUF_SIZE];
    FILE *stream = fmemopen(f->bytes, f->len, "rb");
    pcap_t *pcap =
        pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error);
    assert_non_null(pcap);
    struct pm_capture *capture = open_file(f);
    struct pm_record record;
    struct pcap_pkthdr *header;
    const u_char *data;
    int answer;
    while ((answer = pcap_next_ex(pcap, &header, &data)) == 1) {
        assert_int_equal(pm_capture_next(capture, &record), PM_STEP_PACKET);
        assert_int_equal(record.caplen, header->caplen);
        assert_int_equal(record.origlen, header->len);
        assert_memory_equal(record.data, data, record.caplen);
        uint32_t seconds = (uint32_t)header->ts.tv_sec; /* libpcap takes them for signed */
        assert_int_equal(record.time_ns,
                         seconds * UINT64_C(1000000000) + (uint64_t)header->ts.tv_usec);
    }
    assert_int_equal(answer, PCAP_ERROR_BREAK);
    assert_int_equal(pm_capture_next(capture, &record), PM_STEP_END);
    pcap_close(pcap);
    pm_capture_close(capture);
}

static void pcap_of_either_order_and_precision_reads_as_libpcap_reads_it(void **state)
{
    (void)state;
    static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34};
    struct capfile f;
    for (unsigned i = 0; i < 6; i++) {
        cf_pcap(&f, i % 2 == 1, magics[i / 2], 65535, 1);
        cf_record(&f, 1, 999999, packet, 60, 60);
        cf_record(&f, 0, 0, packet, 0, 1500);
        cf_record(&f, 0xfffffff0u, 5, packet, 33, 34);
        compare_with_libpcap(&f);
    }
}

static void pcap_link_type_leaves_out_the_fcs_length(void **state)
{
    (void)state;
    struct capfile f;
    struct pm_record record;
    cf_pcap(&f, true, 0xa1b2c3d4, 65535, 0x24000071);
    cf_record(&f, 1, 2, packet, 16, 16);
    struct pm_capture *capture = open_file(&f);
    assert_int_equal(pm_capture_next(capture, &record), PM_STEP_PACKET);
    assert_int_equal(record.link, 113);
    pm_capture_close(capture);
}

static void pcap_record_longer_than_snaplen_or_original_is_read_and_counted(void **state)
{
    (void)state;
    struct capfile f;
    enum pm_step last;
    cf_pcap(&f, false, 0xa1b2c3d4, 20, 1);
    cf_record(&f, 1, 2, packet, 30, 30);
    cf_record(&f, 1, 2, packet, 20, 10);
    cf_record(&f, 1, 2, packet, 20, 100);
    struct pm_capture *capture = open_file(&f);
    assert_int_equal(read_all(capture, &last), 3);
    assert_int_equal(last, PM_STEP_END);
    assert_int_equal(pm_capture_oddities(capture)->over_snaplen, 1);
    assert_int_equal(pm_capture_oddities(capture)->longer_than_original, 1);
    assert_int_equal(pm_capture_oddities(capture)->cut_short, 1);
    pm_capture_close(capture);
}

static void pcap_absurd_captured_length_ends_the_file_with_its_place(void **state)
{
    (void)state;
    struct capfile f;
    cf_pcap(&f, false, 0xa1b2c3d4, 65535, 1);
    cf_record(&f, 1, 2, packet, 30, 30);
    cf_record(&f, 1, 2, packet, 30, 30);
    f.len = f.ends[1] + 8;
    cf_put(&f, 0xfffffff0u, 4);
    f.len = f.ends[2];
    expect_bad(&f, 1, "in: corrupt in frame 2 at byte 70: a captured length of 4294967280 bytes");
}

static void pcap_version_that_is_unknown_is_refused(void **state)
{
    (void)state;
    struct capfile f;
    cf_pcap(&f, false, 0xa1b2c3d4, 65535, 1);
    f.bytes[4] = 3;
    expect_bad(&f, 0, "in: pcap version 3.4 is not supported");
}

/* ------------------------------------------------------------------ what is no capture */

static void file_that_is_no_capture_says_what_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } cases[] = {
        {"", 0, "in: is empty"},
        {"\xa1", 1, "it has only 1 bytes"},
        {"\x1f\x8b\x08\x00", 4, "is compressed with gzip; decompress it first: gzip -dc"},
        {"\x1f\x8b", 2, "gzip"},
        {"BZh91AY", 7, "bzip2"},
        {"\x28\xb5\x2f\xfd....", 8, "zstd"},
        {"snoop\0\0\0", 8, "snoop"},
        {"{\"pktmod\": 1}", 13, "is not a capture that pktmod reads (pcap or pcapng)"},
        {"\xd4\xc3\xb2\xa1\x02\x00", 6, "truncated in the file header at byte 6"},
        {"\x0a\x0d\x0d\x0a\x00", 5, "truncated in frame 1 at byte 5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct capfile f = {.len = cases[i].len};
        memcpy(f.bytes, cases[i].bytes, cases[i].len);
        expect_bad(&f, 0, cases[i].says);
    }
}

static void file_that_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct pm_capture *capture = pm_capture_open("no/such/file.pcap");
    assert_string_equal(pm_capture_error(capture),
                        "no/such/file.pcap: cannot be opened: No such file or directory");
    pm_capture_close(capture);
    capture = pm_capture_open("/");
    assert_string_equal(pm_capture_error(capture), "/: cannot be read: Is a directory");
    pm_capture_close(capture);
}

/* ------------------------------------------------------------------ pcapng */

/* Every kind of block, two sections, three interfaces with clocks of their own. */
static void build_everything(struct capfile *f, bool big)
{
    cf_pcapng(f, big);
    cf_interface(f, 1, 0, "eth0", 9);
    cf_interface(f, 113, 40, NULL, 0x8a); /* 2^-10 s */
    cf_other(f, 4, "name resolution", 15);
    cf_enhanced(f, 0, 1700000000123456789u, packet, 33, 60);
    cf_option_number(f, 2, 2, 4); /* outbound */
    cf_option(f, 1, "hello", 5);
    cf_put(f, 0, 4);
    cf_close(f);
    cf_simple(f, packet, 13, 13);
    cf_enhanced(f, 1, 3u << 10 | 512, packet, 7, 7);
    cf_close(f);
    cf_old(f, 1, 1024, packet, 22, 22);
    cf_option_number(f, 2, 1, 4); /* inbound */
    cf_put(f, 0, 4);
    cf_close(f);
    cf_other(f, 0x80000bad, "custom, or of somebody", 22);
    cf_other(f, 5, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    f->big = !big; /* the byte order is the section's own */
    cf_section(f);
    cf_interface(f, 101, 262144, "tun0", 6);
    cf_enhanced(f, 0, 5000000, packet, 20, 20);
    cf_close(f);
}

enum { EVERYTHING_PACKETS = 5 };

static void pcapng_every_block_in_either_order_is_read(void **state)
{
    (void)state;
    static const struct {
        enum pm_record_kind kind;
        uint32_t caplen, origlen, interface_id;
        uint16_t link;
        enum pm_dir dir;
        uint64_t time_ns;
        const char *interface;
    } expected[EVERYTHING_PACKETS] = {
        {PM_RECORD_ENHANCED, 33, 60, 0, 1, PM_DIR_OUT, 1700000000123456789u, "eth0"},
        {PM_RECORD_SIMPLE, 13, 13, 0, 1, PM_DIR_UNKNOWN, 1700000000123456789u, "eth0"},
        {PM_RECORD_ENHANCED, 7, 7, 1, 113, PM_DIR_UNKNOWN, 3500000000u, NULL},
        {PM_RECORD_OLD, 22, 22, 1, 113, PM_DIR_IN, 1000000000, NULL},
        {PM_RECORD_ENHANCED, 20, 20, 0, 101, PM_DIR_UNKNOWN, 5000000000u, "tun0"},
    };
    for (unsigned big = 0; big < 2; big++) {
        struct capfile f;
        struct pm_record record;
        build_everything(&f, big == 1);
        struct pm_capture *capture = open_file(&f);
        size_t offset = 0;
        unsigned i = 0;
        enum pm_step step;
        while ((step = pm_capture_next(capture, &record)) != PM_STEP_END) {
            assert_int_not_equal(step, PM_STEP_BAD);
            assert_memory_equal(record.raw, f.bytes + offset, record.raw_len);
            offset += record.raw_len;
            if (step == PM_STEP_BLOCK)
                continue;
            assert_int_equal(record.kind, expected[i].kind);
            assert_int_equal(record.caplen, expected[i].caplen);
            assert_int_equal(record.origlen, expected[i].origlen);
            assert_int_equal(record.interface_id, expected[i].interface_id);
            assert_int_equal(record.link, expected[i].link);
            assert_int_equal(record.dir, expected[i].dir);
            assert_int_equal(record.time_ns, expected[i].time_ns);
            assert_memory_equal(record.data, packet, record.caplen);
            assert_int_equal(record.interface == NULL, expected[i].interface == NULL);
            if (record.interface != NULL)
                assert_string_equal(record.interface, expected[i].interface);
            i++;
            assert_int_equal(record.frame, i);
        }
        assert_int_equal(i, EVERYTHING_PACKETS);
        assert_int_equal(offset, f.len); /* nothing is left out */
        pm_capture_close(capture);
    }
}

static void pcapng_simple_packet_is_as_long_as_the_snaplen_lets_it(void **state)
{
    (void)state;
    struct capfile f;
    struct pm_record record;
    cf_pcapng(&f, true);
    cf_interface(&f, 1, 18, NULL, 6);
    cf_simple(&f, packet, 18, 60);
    struct pm_capture *capture = open_file(&f);
    assert_int_equal(pm_capture_next(capture, &record), PM_STEP_BLOCK);
    assert_int_equal(pm_capture_next(capture, &record), PM_STEP_BLOCK);
    assert_int_equal(pm_capture_next(capture, &record), PM_STEP_PACKET);
    assert_int_equal(record.caplen, 18);
    assert_int_equal(record.origlen, 60);
    pm_capture_close(capture);
}

static void pcapng_options_that_overrun_their_block_are_ignored(void **state)
{
    (void)state;
    struct capfile f;
    enum pm_step last;
    cf_pcapng(&f, false);
    cf_interface(&f, 1, 0, NULL, 6);
    cf_enhanced(&f, 0, 1, packet, 8, 8);
    cf_put(&f, 2, 2);
    cf_put(&f, 0xffff, 2);
    cf_close(&f);
    struct pm_capture *capture = open_file(&f);
    assert_int_equal(read_all(capture, &last), 1);
    assert_int_equal(last, PM_STEP_END);
    pm_capture_close(capture);
}

/* Sets the 32 bits at `offset` of the last block. */
static void spoil(struct capfile *f, size_t offset, uint32_t value)
{
    size_t len = f->len;
    f->len = f->block + offset;
    cf_put(f, value, 4);
    f->len = len;
}

static void pcapng_with_one_packet(struct capfile *f)
{
    cf_pcapng(f, true);
    cf_interface(f, 1, 0, NULL, 6);
    cf_enhanced(f, 0, 1, packet, 30, 30);
    cf_close(f);
    cf_enhanced(f, 0, 2, packet, 30, 30);
    cf_close(f);
}

static void pcapng_numbers_that_contradict_the_bytes_end_the_file(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
        const char *says;
    } cases[] = {
        {4, 0, "corrupt in frame 2 at byte 140: a block length of 0 bytes"},
        {4, 11, "a block length of 11 bytes"},
        {4, 63, "a block length of 63 bytes"},
        {4, 0xfffffffc, "a block length of 4294967292 bytes"},
        {4, 0x04000000, "truncated in frame 2 at byte 204"},
        {4, 60, "the two lengths of a block differ"},
        {60, 60, "the two lengths of a block differ"},
        {8, 1, "interface 1 of a section that has 1"},
        {8, 0xffffffff, "interface 4294967295 of a section that has 1"},
        {20, 33, "a captured length beyond the end of the block"},
        {20, 0xffffffff, "a captured length beyond the end of the block"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct capfile f;
        pcapng_with_one_packet(&f);
        spoil(&f, cases[i].offset, cases[i].value);
        expect_bad(&f, 1, cases[i].says);
    }
}

static void pcapng_blocks_out_of_place_or_too_short_end_the_file(void **state)
{
    (void)state;
    struct capfile f;
    cf_pcapng(&f, false);
    cf_simple(&f, packet, 4, 4);
    expect_bad(&f, 0, "interface 0 of a section that has 0");

    cf_pcapng(&f, false);
    cf_other(&f, 1, "\1\0\0\0", 4);
    expect_bad(&f, 0, "an interface block that is too short");

    cf_pcapng(&f, false);
    cf_interface(&f, 1, 0, NULL, 6);
    cf_other(&f, 6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    expect_bad(&f, 0, "a packet block that is too short");

    cf_pcapng(&f, false);
    cf_interface(&f, 1, 0, NULL, 6);
    cf_simple(&f, packet, 4, 40);
    expect_bad(&f, 0, "a packet length beyond the end of the block");

    cf_pcapng(&f, false);
    f.bytes[12] = 9;
    expect_bad(&f, 0, "section at byte 0: pcapng version 9.0 is not supported");

    cf_pcapng(&f, false);
    f.bytes[8] = 9;
    expect_bad(&f, 0, "a section without its byte-order magic");
}

/* ------------------------------------------------------------------ half a file */

/* How many packets lie before byte `cut`, and whether a record or block ends there. */
static unsigned packets_before(const struct capfile *f, size_t cut, bool *is_boundary)
{
    struct capfile whole = *f;
    struct pm_record record;
    unsigned packets = 0;
    size_t at = f->bytes[0] == 0x0a ? 0 : 24;
    struct pm_capture *capture = open_file(&whole);
    enum pm_step step;
    *is_boundary = at == cut && at > 0;
    while ((step = pm_capture_next(capture, &record)) != PM_STEP_END) {
        at += record.raw_len;
        *is_boundary = *is_boundary || at == cut;
        packets += step == PM_STEP_PACKET && at <= cut ? 1 : 0;
    }
    pm_capture_close(capture);
    return packets;
}

static void cut_everywhere(const struct capfile *f)
{
    for (size_t cut = 1; cut < f->len; cut++) {
        struct capfile half = *f;
        bool is_boundary;
        enum pm_step last;
        char place[64];
        unsigned packets = packets_before(f, cut, &is_boundary);
        half.len = cut;
        struct pm_capture *capture = open_file(&half);
        assert_int_equal(read_all(capture, &last), packets);
        assert_int_equal(last, is_boundary ? PM_STEP_END : PM_STEP_BAD);
        bool is_in_header = f->bytes[0] != 0x0a && cut < 24;
        snprintf(place, sizeof place, "in: truncated in frame %u at byte %zu:", packets + 1, cut);
        if (!is_boundary && !is_in_header && cut >= 4)
            assert_non_null(strstr(pm_capture_error(capture), place));
        if (!is_boundary)
            assert_non_null(pm_capture_error(capture));
        pm_capture_close(capture);
    }
}

static void file_cut_at_any_byte_gives_all_before_and_says_where(void **state)
{
    (void)state;
    struct capfile f;
    for (unsigned big = 0; big < 2; big++) {
        cf_pcap(&f, big == 1, 0xa1b23c4d, 65535, 1);
        cf_record(&f, 1, 2, packet, 40, 40);
        cf_record(&f, 1, 3, packet, 0, 0);
        cf_record(&f, 1, 4, packet, 9, 1500);
        cut_everywhere(&f);
        build_everything(&f, big == 1);
        cut_everywhere(&f);
    }
}

static void any_byte_may_be_wrong_without_a_crash(void **state)
{
    (void)state;
    static const uint8_t wrong[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct capfile f;
    build_everything(&f, false);
    for (size_t i = 0; i < f.len * sizeof wrong; i++) {
        struct capfile bad = f;
        enum pm_step last;
        bad.bytes[i / sizeof wrong] = wrong[i % sizeof wrong];
        struct pm_capture *capture = open_file(&bad);
        assert_true(read_all(capture, &last) <= EVERYTHING_PACKETS);
        assert_int_equal(last == PM_STEP_BAD, pm_capture_error(capture) != NULL);
        pm_capture_close(capture);
    }
}

/* ------------------------------------------------------------------ from a file */

static void records_larger_than_the_window_come_whole_from_a_file(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {3, 262144, 1000000, 5, 262128, 700000, 0, 1};
    char path[] = "/tmp/pktmod-capture-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "wb");
    struct capfile head;
    uint8_t *data = malloc(1000000);
    assert_non_null(data);
    for (size_t i = 0; i < 1000000; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    cf_pcap(&head, true, 0xa1b2c3d4, 0, 1);
    fwrite(head.bytes, 1, head.len, file);
    for (size_t i = 0; i < 8; i++) {
        head.len = 0;
        cf_record(&head, 1, 2, NULL, 0, lengths[i]);
        head.len = 8;
        cf_put(&head, lengths[i], 4);
        fwrite(head.bytes, 1, 16, file);
        fwrite(data, 1, lengths[i], file);
    }
    assert_int_equal(fclose(file), 0);

    struct pm_capture *capture = pm_capture_open(path);
    struct pm_record record;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pm_capture_next(capture, &record), PM_STEP_PACKET);
        assert_int_equal(record.caplen, lengths[i]);
        assert_memory_equal(record.data, data, lengths[i]);
    }
    assert_int_equal(pm_capture_next(capture, &record), PM_STEP_END);
    pm_capture_close(capture);
    remove(path);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcap_of_either_order_and_precision_reads_as_libpcap_reads_it),
        cmocka_unit_test(pcap_link_type_leaves_out_the_fcs_length),
        cmocka_unit_test(pcap_record_longer_than_snaplen_or_original_is_read_and_counted),
        cmocka_unit_test(pcap_absurd_captured_length_ends_the_file_with_its_place),
        cmocka_unit_test(pcap_version_that_is_unknown_is_refused),
        cmocka_unit_test(file_that_is_no_capture_says_what_it_is),
        cmocka_unit_test(file_that_cannot_be_opened_says_why),
        cmocka_unit_test(pcapng_every_block_in_either_order_is_read),
        cmocka_unit_test(pcapng_simple_packet_is_as_long_as_the_snaplen_lets_it),
        cmocka_unit_test(pcapng_options_that_overrun_their_block_are_ignored),
        cmocka_unit_test(pcapng_numbers_that_contradict_the_bytes_end_the_file),
        cmocka_unit_test(pcapng_blocks_out_of_place_or_too_short_end_the_file),
        cmocka_unit_test(file_cut_at_any_byte_gives_all_before_and_says_where),
        cmocka_unit_test(any_byte_may_be_wrong_without_a_crash),
        cmocka_unit_test(records_larger_than_the_window_come_whole_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
