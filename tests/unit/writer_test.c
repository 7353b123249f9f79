/* writer_test.c - what the writer puts out, read back; and outputs that fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "app/pcapng_options.h"
#include "app/writer.h"
#include "capfile.h"

static const uint8_t packet[64] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

struct output {
    char path[40];
    uint8_t bytes[16384];
    size_t len;
    struct pm_writer writer;
    struct pm_capture *in;
};

static void begin(struct output *out, const struct capfile *f, uint32_t largest)
{
    strcpy(out->path, "/tmp/pktmod-writer-XXXXXX");
    close(mkstemp(out->path));
    out->in = pm_capture_open_bytes("in", f->bytes, f->len);
    assert_true(pm_writer_open(&out->writer, out->path, out->in, largest, NULL, 0));
}

static void finish(struct output *out)
{
    assert_int_equal(pm_writer_close(&out->writer), 0);
    FILE *file = fopen(out->path, "rb");
    assert_non_null(file);
    out->len = fread(out->bytes, 1, sizeof out->bytes, file);
    fclose(file);
    remove(out->path);
    pm_capture_close(out->in);
}

/* Puts every packet through `change`, all else as it is. */
static void rewrite_all(struct output *out, const struct capfile *f,
                        const struct pm_outgoing *change)
{
    struct pm_record record;
    enum pm_step step;
    begin(out, f, 0);
    while ((step = pm_capture_next(out->in, &record)) != PM_STEP_END) {
        assert_int_not_equal(step, PM_STEP_BAD);
        if (step == PM_STEP_BLOCK)
            pm_writer_put_block(&out->writer, &record);
        else if (change == NULL)
            pm_writer_put_raw(&out->writer, &record);
        else
            pm_writer_put(&out->writer, &record, change);
    }
    finish(out);
}

/* The n-th packet of what was written, n from 1. */
static struct pm_capture *read_packet(const struct output *out, unsigned n,
                                      struct pm_record *record)
{
    struct pm_capture *capture = pm_capture_open_bytes("out", out->bytes, out->len);
    while (n > 0) {
        enum pm_step step = pm_capture_next(capture, record);
        assert_true(step == PM_STEP_PACKET || step == PM_STEP_BLOCK);
        n -= step == PM_STEP_PACKET ? 1 : 0;
    }
    return capture;
}

static void build_pcapng(struct capfile *f, bool big)
{
    cf_pcapng(f, big);
    cf_interface(f, 1, 0, "eth0", 9);
    cf_enhanced(f, 0, 1700000000123456789u, packet, 33, 60);
    cf_option_number(f, 2, 2, 4);
    cf_option(f, 3, "\2crc!", 5); /* epb_hash */
    cf_option(f, 1, "hello", 5);
    cf_option_number(f, 5, 99, 8); /* epb_packetid */
    cf_put(f, 0, 4);
    cf_close(f);
    cf_other(f, 5, "statistics..", 12);
    cf_simple(f, packet, 13, 13);
    cf_old(f, 0, 5000000001u, packet, 22, 22);
    cf_option_number(f, 2, 1, 4);
    cf_put(f, 0, 4);
    cf_close(f);
}

static void untouched_capture_comes_out_bit_for_bit(void **state)
{
    (void)state;
    struct capfile f;
    struct output out;
    for (unsigned big = 0; big < 2; big++) {
        build_pcapng(&f, big == 1);
        rewrite_all(&out, &f, NULL);
        assert_int_equal(out.len, f.len);
        assert_memory_equal(out.bytes, f.bytes, f.len);

        cf_pcap(&f, big == 1, 0xa1b2cd34, 40, 1);
        cf_record(&f, 1, 2000000, packet, 60, 30); /* nothing of this is right */
        cf_record(&f, 0xffffffff, 0xffffffff, packet, 0, 0xffffffff);
        rewrite_all(&out, &f, NULL);
        assert_int_equal(out.len, f.len);
        assert_memory_equal(out.bytes, f.bytes, f.len);
    }
}

static void pcap_changed_packet_keeps_its_timestamp_to_the_digit(void **state)
{
    (void)state;
    static const struct pm_outgoing change = {.data = packet, .caplen = 50, .origlen = 55};
    struct capfile f, expected;
    struct output out;
    for (unsigned big = 0; big < 2; big++) {
        cf_pcap(&f, big == 1, 0xa1b2c3d4, 65535, 1);
        cf_record(&f, 7, 1234567, packet, 60, 60); /* over a second of microseconds */
        cf_pcap(&expected, big == 1, 0xa1b2c3d4, 65535, 1);
        cf_record(&expected, 7, 1234567, packet, 50, 55);
        rewrite_all(&out, &f, &change);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.bytes, expected.bytes, expected.len);
    }
}

static void pcap_delayed_packet_gets_its_new_time_in_the_files_precision(void **state)
{
    (void)state;
    struct pm_outgoing change = {.data = packet, .caplen = 60, .origlen = 60, .retimed = true};
    struct capfile f, expected;
    struct output out;
    change.time_ns = 9 * UINT64_C(1000000000) + 123456789;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t magic = i / 2 == 1 ? 0xa1b23c4d : 0xa1b2c3d4;
        cf_pcap(&f, i % 2 == 1, magic, 65535, 1);
        cf_record(&f, 7, 5, packet, 60, 60);
        cf_pcap(&expected, i % 2 == 1, magic, 65535, 1);
        cf_record(&expected, 9, i / 2 == 1 ? 123456789 : 123456, packet, 60, 60);
        rewrite_all(&out, &f, &change);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.bytes, expected.bytes, expected.len);
    }
}

static void pcap_snaplen_that_rewriting_outgrows_is_lifted_and_no_other(void **state)
{
    (void)state;
    static const struct {
        uint32_t snaplen, largest, expected;
    } cases[] = {{96, 0, 96},  {96, 1564, 262144},   {1564, 1564, 1564},
                 {0, 1564, 0}, {65535, 1564, 65535}, {65535, 65599, 262144}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct capfile f;
        struct output out;
        cf_pcap(&f, true, 0xa1b2c3d4, cases[i].snaplen, 1);
        begin(&out, &f, cases[i].largest);
        finish(&out);
        assert_int_equal(out.len, 24);
        assert_int_equal(pm_file_get32(out.bytes + 16, true), cases[i].expected);
    }
}

struct seen_options {
    uint64_t id;
    unsigned count, comments;
    bool has_flags, has_hash;
    char last_comment[64];
};

static struct seen_options options_of(const struct pm_record *record)
{
    struct seen_options seen = {0};
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option)) {
        seen.count++;
        seen.has_flags = seen.has_flags || option.code == PM_NG_OPT_EPB_FLAGS;
        seen.has_hash = seen.has_hash || option.code == PM_NG_OPT_EPB_HASH;
        if (option.code == PM_NG_OPT_EPB_PACKETID)
            seen.id = pm_file_get64(option.value, record->big);
        if (option.code == PM_NG_OPT_COMMENT) {
            seen.comments++;
            memcpy(seen.last_comment, option.value, option.len);
            seen.last_comment[option.len] = '\0';
        }
    }
    assert_true(options.left >= 4); /* it ends with the end option */
    return seen;
}

static void pcapng_changed_packet_says_so_and_keeps_its_options(void **state)
{
    (void)state;
    struct capfile f;
    struct output out;
    struct pm_record record;
    for (uint32_t len = 0; len < 10; len++) { /* every padding, either order */
        struct pm_outgoing change = {
            .data = packet, .caplen = len, .origlen = len + 1, .comment = "pktmod: test"};
        build_pcapng(&f, len % 2 == 1);
        rewrite_all(&out, &f, &change);
        struct pm_capture *capture = read_packet(&out, 1, &record);
        assert_int_equal(record.kind, PM_RECORD_ENHANCED);
        assert_int_equal(record.caplen, len);
        assert_int_equal(record.origlen, len + 1);
        assert_memory_equal(record.data, packet, len);
        assert_int_equal(record.time_ns, 1700000000123456789u);
        assert_int_equal(record.dir, PM_DIR_OUT);
        struct seen_options seen = options_of(&record);
        assert_int_equal(seen.id, 1);
        assert_int_equal(seen.count, 4);
        assert_int_equal(seen.comments, 2);
        assert_string_equal(seen.last_comment, "pktmod: test");
        assert_true(seen.has_flags);
        assert_false(seen.has_hash); /* it was of other bytes */
        pm_capture_close(capture);
    }
}

static void pcapng_changed_packet_without_comment_loses_nothing_but_its_hash(void **state)
{
    (void)state;
    static const struct pm_outgoing change = {.data = packet, .caplen = 5, .origlen = 5};
    struct capfile f;
    struct output out;
    struct pm_record record;
    build_pcapng(&f, true);
    rewrite_all(&out, &f, &change);
    struct pm_capture *capture = read_packet(&out, 1, &record);
    struct seen_options seen = options_of(&record);
    assert_int_equal(seen.id, 99);
    assert_int_equal(seen.count, 3);
    pm_capture_close(capture);
    capture = read_packet(&out, 2, &record);
    assert_int_equal(record.options_len, 0);
    pm_capture_close(capture);
}

static void pcapng_changed_simple_and_old_packets_become_enhanced_ones(void **state)
{
    (void)state;
    static const struct pm_outgoing change = {
        .data = packet, .caplen = 5, .origlen = 5, .comment = "c"};
    struct capfile f;
    struct output out;
    struct pm_record record;
    for (unsigned big = 0; big < 2; big++) {
        build_pcapng(&f, big == 1);
        rewrite_all(&out, &f, &change);
        struct pm_capture *capture = read_packet(&out, 2, &record);
        assert_int_equal(record.kind, PM_RECORD_ENHANCED);
        assert_int_equal(record.interface_id, 0);
        assert_int_equal(record.time_ns, 1700000000123456789u); /* of the packet before it */
        assert_int_equal(options_of(&record).id, 2);
        pm_capture_close(capture);
        capture = read_packet(&out, 3, &record);
        assert_int_equal(record.kind, PM_RECORD_ENHANCED);
        assert_int_equal(record.time_ns, 5000000001u);
        assert_int_equal(record.dir, PM_DIR_IN);
        assert_int_equal(options_of(&record).id, 3);
        pm_capture_close(capture);
    }
}

static void pcapng_delayed_packet_gets_its_new_time_in_the_interfaces_clock(void **state)
{
    (void)state;
    static const struct {
        unsigned tsresol;
        uint64_t time_ns;
    } cases[] = {{9, 2123456789},    {6, 2123456000},  {3, 2123000000},
                 {0x81, 2000000000}, {12, 2123456789}, {0xa2, 2123456788}};
    struct pm_outgoing change = {
        .data = packet, .caplen = 5, .origlen = 5, .retimed = true, .time_ns = 2123456789};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct capfile f;
        struct output out;
        struct pm_record record;
        cf_pcapng(&f, i % 2 == 1);
        cf_interface(&f, 1, 0, NULL, cases[i].tsresol);
        cf_enhanced(&f, 0, 1, packet, 5, 5);
        cf_close(&f);
        rewrite_all(&out, &f, &change);
        struct pm_capture *capture = read_packet(&out, 1, &record);
        assert_int_equal(record.time_ns, cases[i].time_ns);
        pm_capture_close(capture);
    }
}

static uint32_t flags_of(const struct pm_record *record)
{
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    uint32_t flags = UINT32_MAX;
    while (pm_ng_next_option(&options, &option))
        if (option.code == PM_NG_OPT_EPB_FLAGS) {
            assert_int_equal(flags, UINT32_MAX); /* once */
            flags = pm_file_get32(option.value, record->big);
        }
    return flags;
}

static void pcapng_touched_packet_tells_its_direction_where_nothing_did(void **state)
{
    (void)state;
    static const uint32_t none = UINT32_MAX;
    static const struct {
        uint32_t before;
        enum pm_dir dir;
        const char *comment;
        uint32_t after;
    } cases[] = {
        {none, PM_DIR_IN, "c", 1},         {none, PM_DIR_OUT, "c", 2},
        {none, PM_DIR_UNKNOWN, "c", none}, {0x4, PM_DIR_OUT, "c", 0x6}, /* reception type stays */
        {0x1e4, PM_DIR_IN, "c", 0x1e5},    {1, PM_DIR_OUT, "c", 1}, /* what was recorded stays */
        {none, PM_DIR_IN, NULL, none},     {4, PM_DIR_IN, NULL, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * 2; i++) {
        struct pm_outgoing change = {.data = packet,
                                     .caplen = 5,
                                     .origlen = 5,
                                     .comment = cases[i / 2].comment,
                                     .dir = cases[i / 2].dir};
        struct capfile f;
        struct output out;
        struct pm_record record;
        cf_pcapng(&f, i % 2 == 1);
        cf_interface(&f, 1, 0, NULL, 6);
        cf_enhanced(&f, 0, 1, packet, 5, 5);
        if (cases[i / 2].before != none) {
            cf_option_number(&f, PM_NG_OPT_EPB_FLAGS, cases[i / 2].before, 4);
            cf_put(&f, 0, 4);
        }
        cf_close(&f);
        rewrite_all(&out, &f, &change);
        struct pm_capture *capture = read_packet(&out, 1, &record);
        assert_int_equal(flags_of(&record), cases[i / 2].after);
        pm_capture_close(capture);
    }
}

static void pcapng_lost_packets_are_told_once(void **state)
{
    (void)state;
    struct pm_outgoing change = {.data = packet, .caplen = 5, .origlen = 5, .comment = "c"};
    for (unsigned i = 0; i < 8; i++) {
        struct capfile f;
        struct output out;
        struct pm_record record;
        bool is_old = (i & 2) != 0;
        change.is_extra = (i & 4) != 0;
        cf_pcapng(&f, (i & 1) != 0);
        cf_interface(&f, 1, 0, NULL, 6);
        if (is_old) {
            cf_old(&f, 0, 1, packet, 5, 5);
        } else {
            cf_enhanced(&f, 0, 1, packet, 5, 5);
            cf_option_number(&f, PM_NG_OPT_EPB_DROPCOUNT, 7, 8);
            cf_put(&f, 0, 4);
        }
        cf_close(&f);
        rewrite_all(&out, &f, &change);
        struct pm_capture *capture = read_packet(&out, 1, &record);
        struct pm_ng_options options = {record.options, record.options_len, record.big};
        struct pm_ng_option option;
        uint64_t lost = 0;
        while (pm_ng_next_option(&options, &option))
            if (option.code == PM_NG_OPT_EPB_DROPCOUNT)
                lost = pm_file_get64(option.value, record.big);
        assert_int_equal(lost, change.is_extra ? 0 : 7);
        pm_capture_close(capture);
    }
}

/* Two sections that tell their length; the second is the one that is looked at. */
static void build_sections(struct capfile *f, bool big, size_t *second)
{
    cf_pcapng(f, big);
    cf_interface(f, 1, 0, NULL, 6);
    cf_enhanced(f, 0, 1, packet, 5, 5);
    cf_close(f);
    *second = f->len;
    pm_file_put64(f->bytes + 16, f->len - f->ends[0], big);
    cf_section(f);
    size_t begin = f->len;
    cf_interface(f, 1, 0, NULL, 6);
    cf_simple(f, packet, 9, 9);
    pm_file_put64(f->bytes + *second + 16, f->len - begin, big);
}

static void pcapng_section_lengths_are_those_of_the_output(void **state)
{
    (void)state;
    struct pm_outgoing change = {.data = packet, .caplen = 40, .origlen = 40, .comment = "c"};
    struct capfile f;
    struct output out;
    size_t second;
    for (unsigned big = 0; big < 2; big++) {
        build_sections(&f, big == 1, &second);
        rewrite_all(&out, &f, NULL);
        assert_int_equal(out.len, f.len);
        assert_memory_equal(out.bytes, f.bytes, f.len);

        rewrite_all(&out, &f, &change);
        uint64_t first_len = pm_file_get64(out.bytes + 16, big == 1);
        size_t header = f.ends[0], at = header + (size_t)first_len;
        assert_int_equal(pm_file_get32(out.bytes + at, big == 1), PM_NG_SECTION);
        uint64_t second_len = pm_file_get64(out.bytes + at + 16, big == 1);
        assert_int_equal(at + header + second_len, out.len);
    }
}

static void pcapng_section_length_stays_open_where_it_cannot_be_put_right(void **state)
{
    (void)state;
    int ends[2], saved = dup(STDOUT_FILENO);
    struct capfile f;
    struct pm_record record;
    struct pm_writer writer;
    uint8_t bytes[32];
    size_t second;
    build_sections(&f, true, &second);
    struct pm_capture *in = pm_capture_open_bytes("in", f.bytes, f.len);
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    bool is_open = pm_writer_open(&writer, "-", in, 0, NULL, 0);
    pm_capture_next(in, &record);
    pm_writer_put_block(&writer, &record);
    int why = pm_writer_close(&writer);
    dup2(saved, STDOUT_FILENO);
    assert_true(is_open);
    assert_int_equal(why, 0);
    assert_int_equal(read(ends[0], bytes, sizeof bytes), sizeof bytes);
    assert_true(pm_file_get64(bytes + 16, true) == UINT64_MAX);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    pm_capture_close(in);
}

static void pcapng_interface_limit_that_rewriting_outgrows_is_lifted(void **state)
{
    (void)state;
    struct capfile f;
    struct output out;
    struct pm_record record;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t largest = i / 2 == 1 ? 1564 : 0;
        cf_pcapng(&f, i % 2 == 1);
        cf_interface(&f, 1, 20, "eth0", 6);
        cf_simple(&f, packet, 20, 64); /* cut by the limit */
        cf_simple(&f, packet, 13, 13);
        begin(&out, &f, largest);
        enum pm_step step;
        while ((step = pm_capture_next(out.in, &record)) != PM_STEP_END) {
            if (step == PM_STEP_BLOCK)
                pm_writer_put_block(&out.writer, &record);
            else
                pm_writer_put_raw(&out.writer, &record);
        }
        finish(&out);
        assert_int_equal(pm_file_get32(out.bytes + f.ends[0] + 12, f.big),
                         largest > 0 ? 262144 : 20);
        if (largest == 0)
            assert_memory_equal(out.bytes, f.bytes, f.len);
        struct pm_capture *capture = read_packet(&out, 1, &record);
        assert_int_equal(record.kind, largest > 0 ? PM_RECORD_ENHANCED : PM_RECORD_SIMPLE);
        assert_int_equal(record.caplen, 20);
        assert_int_equal(record.origlen, 64);
        assert_memory_equal(record.data, packet, 20);
        pm_capture_close(capture);
        capture = read_packet(&out, 2, &record);
        assert_int_equal(record.kind, PM_RECORD_SIMPLE);
        assert_int_equal(record.caplen, 13);
        pm_capture_close(capture);
    }
}

/* ------------------------------------------------------------------ outputs that fail */

static struct pm_capture *some_capture(void)
{
    struct capfile f;
    cf_pcap(&f, true, 0xa1b2c3d4, 65535, 1);
    return pm_capture_open_bytes("in", f.bytes, f.len);
}

static void output_that_is_an_input_is_refused_and_left_alone(void **state)
{
    (void)state;
    char path[] = "/tmp/pktmod-writer-XXXXXX", other[sizeof path + 5];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "precious", 8), 8);
    snprintf(other, sizeof other, "%s.link", path);
    assert_int_equal(link(path, other), 0);
    const char *inputs[] = {"-", path};
    struct pm_capture *capture = some_capture();
    struct pm_writer writer;
    assert_false(pm_writer_open(&writer, other, capture, 0, inputs, 2));
    assert_int_equal(errno, EEXIST);
    assert_int_equal(lseek(fd, 0, SEEK_END), 8);
    assert_true(pm_writer_open(&writer, other, capture, 0, inputs, 1));
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    assert_int_equal(pm_writer_close(&writer), 0);
    pm_capture_close(capture);
    close(fd);
    remove(path);
    remove(other);
}

static void output_that_cannot_be_opened_says_why(void **state)
{
    (void)state;
    struct pm_capture *capture = some_capture();
    struct pm_writer writer;
    assert_false(pm_writer_open(&writer, "/no/such/folder/out.pcap", capture, 0, NULL, 0));
    assert_int_equal(errno, ENOENT);
    assert_false(pm_writer_open(&writer, "/", capture, 0, NULL, 0));
    assert_int_equal(errno, EISDIR);
    pm_capture_close(capture);
}

static void full_disk_is_told_even_if_only_the_last_flush_meets_it(void **state)
{
    (void)state;
    struct pm_capture *capture = some_capture();
    struct pm_writer writer;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_true(pm_writer_open(&writer, "/dev/full", capture, 0, NULL, 0));
    assert_int_equal(writer.sink.error, 0); /* nothing was flushed yet */
    assert_int_equal(pm_writer_close(&writer), ENOSPC);
    pm_capture_close(capture);
}

static void large_and_small_writes_come_out_in_order(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 262143, 262144, 262145, 3, 600000, 0, 262141, 7};
    char path[] = "/tmp/pktmod-writer-XXXXXX";
    int fd = mkstemp(path);
    struct pm_sink sink;
    uint8_t *bytes = malloc(600000);
    assert_non_null(bytes);
    assert_true(pm_sink_open(&sink, path, NULL, 0));
    for (size_t i = 0; i < 9; i++) {
        memset(bytes, (int)('a' + i), lengths[i]);
        pm_sink_write(&sink, bytes, lengths[i]);
    }
    assert_int_equal(pm_sink_close(&sink), 0);
    for (size_t i = 0; i < 9; i++) {
        size_t got = 0;
        while (got < lengths[i]) {
            ssize_t n = read(fd, bytes + got, lengths[i] - got);
            assert_true(n > 0);
            got += (size_t)n;
        }
        for (size_t j = 0; j < got; j++)
            assert_int_equal(bytes[j], 'a' + i);
    }
    assert_int_equal(read(fd, bytes, 1), 0);
    close(fd);
    remove(path);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched_capture_comes_out_bit_for_bit),
        cmocka_unit_test(pcap_changed_packet_keeps_its_timestamp_to_the_digit),
        cmocka_unit_test(pcap_delayed_packet_gets_its_new_time_in_the_files_precision),
        cmocka_unit_test(pcap_snaplen_that_rewriting_outgrows_is_lifted_and_no_other),
        cmocka_unit_test(pcapng_changed_packet_says_so_and_keeps_its_options),
        cmocka_unit_test(pcapng_changed_packet_without_comment_loses_nothing_but_its_hash),
        cmocka_unit_test(pcapng_changed_simple_and_old_packets_become_enhanced_ones),
        cmocka_unit_test(pcapng_delayed_packet_gets_its_new_time_in_the_interfaces_clock),
        cmocka_unit_test(pcapng_touched_packet_tells_its_direction_where_nothing_did),
        cmocka_unit_test(pcapng_lost_packets_are_told_once),
        cmocka_unit_test(pcapng_section_lengths_are_those_of_the_output),
        cmocka_unit_test(pcapng_section_length_stays_open_where_it_cannot_be_put_right),
        cmocka_unit_test(pcapng_interface_limit_that_rewriting_outgrows_is_lifted),
        cmocka_unit_test(output_that_is_an_input_is_refused_and_left_alone),
        cmocka_unit_test(output_that_cannot_be_opened_says_why),
        cmocka_unit_test(full_disk_is_told_even_if_only_the_last_flush_meets_it),
        cmocka_unit_test(large_and_small_writes_come_out_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
