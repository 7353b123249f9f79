/* capture.c - opens a capture, tells its format by its magic, and words what is wrong with it. */
#include "app/capture_formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/byteorder.h"

enum pm_step pm_capture_fail(struct pm_capture *capture, const char *format, ...)
{
    int used = snprintf(capture->error, sizeof capture->error, "%.255s: ", capture->name);
    size_t start = used < 0 ? 0 : (size_t)used;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(capture->error + start, sizeof capture->error - start, format, arguments);
    va_end(arguments);
    return PM_STEP_BAD;
}

enum pm_step pm_capture_cut(struct pm_capture *capture, const char *what, uint64_t need)
{
    const struct pm_source *source = &capture->source;
    uint64_t begin = pm_source_offset(source);
    if (source->error == EINTR)
        return PM_STEP_END;
    if (source->error == ENOMEM)
        return pm_capture_fail(
            capture, "frame %" PRIu64 " at byte %" PRIu64 ": no memory for %s of %" PRIu64 " bytes",
            capture->frames + 1, begin, what, need);
    if (source->error != 0)
        return pm_capture_fail(capture,
                               "cannot be read in frame %" PRIu64 " at byte %" PRIu64 ": %s",
                               capture->frames + 1, source->end_offset, strerror(source->error));
    return pm_capture_fail(
        capture,
        "truncated in frame %" PRIu64 " at byte %" PRIu64 ": %s begins at byte %" PRIu64
        " and needs %" PRIu64 " bytes; the file ends after %" PRIu64,
        capture->frames + 1, source->end_offset, what, begin, need, source->end_offset - begin);
}

void pm_capture_count(struct pm_capture *capture, struct pm_record *record, uint32_t snaplen)
{
    record->frame = ++capture->frames;
    capture->last_ns = record->time_ns;
    if (record->caplen > record->origlen)
        capture->oddities.longer_than_original++;
    else if (record->caplen < record->origlen)
        capture->oddities.cut_short++;
    if (snaplen != 0 && record->caplen > snaplen)
        capture->oddities.over_snaplen++;
}

static const char *what_instead(const uint8_t *magic)
{
    static const struct {
        uint8_t magic[4];
        const char *is;
    } known[] = {
        {{'B', 'Z', 'h', 0}, "is compressed with bzip2; decompress it first"},
        {{0x28, 0xb5, 0x2f, 0xfd}, "is compressed with zstd; decompress it first"},
        {{0xfd, '7', 'z', 'X'}, "is compressed with xz; decompress it first"},
        {{0x04, 0x22, 0x4d, 0x18}, "is compressed with lz4; decompress it first"},
        {{'s', 'n', 'o', 'o'}, "is a snoop capture; convert it with: editcap -F pcap"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (memcmp(magic, known[i].magic, known[i].magic[3] == 0 ? 3 : 4) == 0)
            return known[i].is;
    return "is not a capture that pktmod reads (pcap or pcapng)";
}

/* Tells the format and reads what stands before the first record. */
static void begin(struct pm_capture *capture)
{
    struct pm_source *source = &capture->source;
    size_t have = pm_source_need(source, 4);
    if (source->error != 0)
        pm_capture_fail(capture, "cannot be read: %s", strerror(source->error));
    else if (have == 0)
        pm_capture_fail(capture, "is empty");
    else if (have >= 2 && source->at[0] == 0x1f && source->at[1] == 0x8b)
        pm_capture_fail(
            capture, "is compressed with gzip; decompress it first: gzip -dc FILE | pktmod replay "
                     "RULES -r -");
    else if (have < 4)
        pm_capture_fail(capture, "is not a capture: it has only %zu bytes", have);
    else if (pm_file_get32(source->at, true) == 0x0a0d0d0au)
        capture->format = PM_FORMAT_PCAPNG;
    else if (!pm_pcap_begin(capture) && capture->error[0] == '\0')
        pm_capture_fail(capture, "%s", what_instead(source->at));
}

static struct pm_capture *new_capture(const char *name)
{
    struct pm_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return NULL;
    capture->source.fd = -1;
    capture->name = strdup(strcmp(name, "-") == 0 ? "standard input" : name);
    if (capture->name == NULL) {
        free(capture);
        return NULL;
    }
    return capture;
}

struct pm_capture *pm_capture_open(const char *path)
{
    struct pm_capture *capture = new_capture(path);
    struct stat status;
    if (capture == NULL)
        return NULL;
    if (!pm_source_open(&capture->source, path)) {
        pm_capture_fail(capture, "cannot be opened: %s", strerror(errno));
        return capture;
    }
    if (fstat(capture->source.fd, &status) == 0 && S_ISREG(status.st_mode))
        capture->size = (uint64_t)status.st_size;
    begin(capture);
    return capture;
}

struct pm_capture *pm_capture_open_bytes(const char *name, const void *bytes, size_t len)
{
    struct pm_capture *capture = new_capture(name);
    if (capture == NULL)
        return NULL;
    if (!pm_source_open_bytes(&capture->source, bytes, len)) {
        pm_capture_close(capture);
        return NULL;
    }
    capture->size = len;
    begin(capture);
    return capture;
}

void pm_capture_close(struct pm_capture *capture)
{
    if (capture == NULL)
        return;
    pm_pcapng_forget_interfaces(capture);
    free(capture->ng.interfaces);
    pm_source_close(&capture->source);
    free(capture->name);
    free(capture);
}

enum pm_step pm_capture_next(struct pm_capture *capture, struct pm_record *record)
{
    if (capture->error[0] != '\0')
        return PM_STEP_BAD;
    return capture->format == PM_FORMAT_PCAP ? pm_pcap_next(capture, record)
                                             : pm_pcapng_next(capture, record);
}

void pm_capture_late(struct pm_capture *capture, uint32_t interface_id, uint64_t frame,
                     struct pm_record *record)
{
    *record = (struct pm_record){.frame = frame, .dir = PM_DIR_UNKNOWN, .big = capture->big};
    if (capture->format == PM_FORMAT_PCAP) {
        record->kind = PM_RECORD_PCAP;
        record->link = capture->pcap.link;
        record->raw = capture->pcap.late_header;
        record->raw_len = capture->pcap.record_header_len;
        record->clock = capture->pcap.nano ? PM_TICKS_NANO : PM_TICKS_MICRO;
        return;
    }
    record->kind = PM_RECORD_ENHANCED;
    record->interface_id = interface_id;
    if (interface_id < capture->ng.count) {
        record->link = capture->ng.interfaces[interface_id].link;
        record->clock = capture->ng.interfaces[interface_id].clock;
    }
}

const char *pm_capture_error(const struct pm_capture *capture)
{
    return capture->error[0] == '\0' ? NULL : capture->error;
}

enum pm_format pm_capture_format(const struct pm_capture *capture)
{
    return capture->format;
}

const struct pm_oddities *pm_capture_oddities(const struct pm_capture *capture)
{
    return &capture->oddities;
}

uint64_t pm_capture_offset(const struct pm_capture *capture)
{
    return pm_source_offset(&capture->source);
}

uint64_t pm_capture_size(const struct pm_capture *capture)
{
    return capture->size;
}

const uint8_t *pm_capture_pcap_header(const struct pm_capture *capture, bool *big)
{
    *big = capture->big;
    return capture->pcap.header;
}
