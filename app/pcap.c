/* pcap.c - reads classic pcap files: a header, then records.
 *
 * Not through libpcap, which hides the offsets, the byte order and the header's own words, cuts
 * packets that are longer than the file's snaplen, swaps pseudo headers of foreign files, and so
 * could not give an untouched packet back as it was.
 *
 *   file    magic:4 major:2 minor:2 zone:4 sigfigs:4 snaplen:4 linktype:4
 *   record  seconds:4 fraction:4 caplen:4 origlen:4 [patched variant: ifindex:4 more:4] packet
 */
#include "app/capture_formats.h"

#include <string.h>

#include "app/byteorder.h"

#define MAGIC_MICRO   0xa1b2c3d4u
#define MAGIC_NANO    0xa1b23c4du
#define MAGIC_PATCHED 0xa1b2cd34u /* by a patch for libpcap 0.4 */

static bool is_magic(uint32_t magic)
{
    return magic == MAGIC_MICRO || magic == MAGIC_NANO || magic == MAGIC_PATCHED;
}

bool pm_pcap_begin(struct pm_capture *capture)
{
    struct pm_source *source = &capture->source;
    capture->big = is_magic(pm_file_get32(source->at, true));
    uint32_t magic = pm_file_get32(source->at, capture->big);
    if (!is_magic(magic))
        return false;
    size_t have = pm_source_need(source, PM_PCAP_HEADER_LEN);
    if (have < PM_PCAP_HEADER_LEN) {
        pm_capture_fail(capture, "truncated in the file header at byte %zu: it needs %d bytes",
                        have, PM_PCAP_HEADER_LEN);
        return false;
    }
    const uint8_t *h = source->at;
    uint16_t major = pm_file_get16(h + 4, capture->big), minor = pm_file_get16(h + 6, capture->big);
    if (major != 2 || minor < 3) { /* older minors exchange the two lengths */
        pm_capture_fail(capture, "pcap version %u.%u is not supported (2.4 is)", major, minor);
        return false;
    }
    capture->format = PM_FORMAT_PCAP;
    memcpy(capture->pcap.header, h, PM_PCAP_HEADER_LEN);
    capture->pcap.record_header_len = magic == MAGIC_PATCHED ? 24 : 16;
    capture->pcap.nano = magic == MAGIC_NANO;
    capture->pcap.snaplen = pm_file_get32(h + 16, capture->big);
    capture->pcap.link = (uint16_t)pm_file_get32(h + 20, capture->big); /* above: FCS length */
    pm_source_take(source, PM_PCAP_HEADER_LEN);
    return true;
}

enum pm_step pm_pcap_next(struct pm_capture *capture, struct pm_record *record)
{
    struct pm_source *source = &capture->source;
    uint32_t header_len = capture->pcap.record_header_len;
    size_t have = pm_source_need(source, header_len);
    if (have == 0 && source->error == 0)
        return PM_STEP_END;
    if (have < header_len)
        return pm_capture_cut(capture, "the record", header_len);

    uint32_t caplen = pm_file_get32(source->at + 8, capture->big);
    if (caplen > PM_RECORD_MAX)
        return pm_capture_fail(capture,
                               "corrupt in frame %llu at byte %llu: a captured length of %u bytes",
                               (unsigned long long)capture->frames + 1,
                               (unsigned long long)pm_source_offset(source), caplen);
    uint32_t raw_len = header_len + caplen;
    if (pm_source_need(source, raw_len) < raw_len)
        return pm_capture_cut(capture, "the record", raw_len);

    uint8_t *raw = source->at; /* only now: filling may move it */
    uint64_t seconds = pm_file_get32(raw, capture->big);
    uint64_t fraction = pm_file_get32(raw + 4, capture->big);
    pm_source_take(source, raw_len);
    *record = (struct pm_record){
        .data = raw + header_len,
        .caplen = caplen,
        .origlen = pm_file_get32(raw + 12, capture->big),
        .time_ns = seconds * 1000000000u + (capture->pcap.nano ? fraction : fraction * 1000u),
        .link = capture->pcap.link,
        .kind = PM_RECORD_PCAP,
        .dir = PM_DIR_UNKNOWN,
        .raw = raw,
        .raw_len = raw_len,
        .clock = capture->pcap.nano ? PM_TICKS_NANO : PM_TICKS_MICRO,
        .big = capture->big,
    };
    pm_capture_count(capture, record, capture->pcap.snaplen);
    return PM_STEP_PACKET;
}
