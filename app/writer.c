/* writer.c - puts records into the output: copied whole, or built anew when something changed. */
#include "app/writer.h"

#include "app/pcapng_options.h"

#define SNAPLEN_USUAL 262144u

/* A reader may cut packets that are longer than the header says, so a limit that rewritten packets
 * can outgrow is lifted. */
static void put_pcap_header(struct pm_writer *writer, const struct pm_capture *capture,
                            uint32_t largest)
{
    bool big;
    uint8_t header[PM_PCAP_HEADER_LEN];
    memcpy(header, pm_capture_pcap_header(capture, &big), sizeof header);
    uint32_t snaplen = pm_file_get32(header + 16, big);
    if (snaplen != 0 && snaplen < largest)
        pm_file_put32(header + 16, SNAPLEN_USUAL, big);
    pm_sink_write(&writer->sink, header, sizeof header);
}

static struct pm_writer writer_of(const struct pm_capture *capture, uint32_t largest)
{
    return (struct pm_writer){
        .format = pm_capture_format(capture),
        .largest = largest,
        .section = {.claimed = PM_NG_LENGTH_UNKNOWN},
    };
}

bool pm_writer_open(struct pm_writer *writer, const char *path, const struct pm_capture *capture,
                    uint32_t largest, const char *const *inputs, size_t input_count)
{
    *writer = writer_of(capture, largest);
    if (!pm_sink_open(&writer->sink, path, inputs, input_count))
        return false;
    if (writer->format == PM_FORMAT_PCAP)
        put_pcap_header(writer, capture, largest);
    return true;
}

void pm_writer_open_memory(struct pm_writer *writer, const struct pm_capture *capture,
                           uint32_t largest)
{
    *writer = writer_of(capture, largest);
    pm_sink_open_memory(&writer->sink);
    if (writer->format == PM_FORMAT_PCAP)
        put_pcap_header(writer, capture, largest);
}

/* What was said of the section's length before it was written is put right. */
static void end_section(struct pm_writer *writer)
{
    uint64_t len = writer->sink.written - writer->section.begin;
    uint8_t bytes[8];
    if (writer->section.claimed == PM_NG_LENGTH_UNKNOWN || writer->section.claimed == len)
        return;
    pm_file_put64(bytes, len, writer->section.big);
    pm_sink_patch(&writer->sink, writer->section.begin - writer->section.header_len + 16, bytes,
                  sizeof bytes);
}

int pm_writer_close(struct pm_writer *writer)
{
    end_section(writer);
    return pm_sink_close(&writer->sink);
}

static void put_pcap(struct pm_writer *writer, const struct pm_record *record,
                     const struct pm_outgoing *out)
{
    uint8_t header[24];
    uint32_t header_len = record->raw_len - record->caplen;
    memcpy(header, record->raw, header_len);
    if (out->retimed) {
        uint64_t fraction = out->time_ns % 1000000000u;
        if (record->clock.exponent == 6)
            fraction /= 1000;
        pm_file_put32(header, (uint32_t)(out->time_ns / 1000000000u), record->big);
        pm_file_put32(header + 4, (uint32_t)fraction, record->big);
    }
    pm_file_put32(header + 8, out->caplen, record->big);
    pm_file_put32(header + 12, out->origlen, record->big);
    pm_sink_write(&writer->sink, header, header_len);
    pm_sink_write(&writer->sink, out->data, out->caplen);
}

/* ------------------------------------------------------------------ pcapng blocks */

/* A length that cannot be put right later is better left open. */
static void begin_section(struct pm_writer *writer, const struct pm_record *record)
{
    uint8_t length[8];
    end_section(writer);
    writer->section.claimed = pm_file_get64(record->raw + 16, record->big);
    if (!writer->sink.can_patch)
        writer->section.claimed = PM_NG_LENGTH_UNKNOWN;
    pm_file_put64(length, writer->section.claimed, record->big);
    pm_sink_write(&writer->sink, record->raw, 16);
    pm_sink_write(&writer->sink, length, sizeof length);
    pm_sink_write(&writer->sink, record->raw + 24, record->raw_len - 24);
    writer->section.begin = writer->sink.written;
    writer->section.header_len = record->raw_len;
    writer->section.interfaces = 0;
    writer->section.is_cut_lifted = false;
    writer->section.big = record->big;
}

/* Readers may refuse packets that are longer than their interface's limit. */
static void put_interface(struct pm_writer *writer, const struct pm_record *record)
{
    uint8_t snaplen[4];
    uint32_t limit = pm_file_get32(record->raw + 12, record->big);
    bool is_lifted = limit != 0 && limit < writer->largest;
    pm_file_put32(snaplen, is_lifted ? SNAPLEN_USUAL : limit, record->big);
    pm_sink_write(&writer->sink, record->raw, 12);
    pm_sink_write(&writer->sink, snaplen, sizeof snaplen);
    pm_sink_write(&writer->sink, record->raw + 16, record->raw_len - 16);
    if (writer->section.interfaces++ == 0)
        writer->section.is_cut_lifted = is_lifted;
}

void pm_writer_put_block(struct pm_writer *writer, const struct pm_record *record)
{
    if (record->kind == PM_RECORD_SECTION)
        begin_section(writer, record);
    else if (pm_file_get32(record->raw, record->big) == PM_NG_INTERFACE)
        put_interface(writer, record);
    else
        pm_sink_write(&writer->sink, record->raw, record->raw_len);
}

/* ------------------------------------------------------------------ pcapng packets */

/* What an enhanced packet is made of besides its packet. */
struct enhanced {
    uint32_t kept_len;    /* options of the record that stay */
    uint32_t comment_len; /* without padding; 0: none */
    bool has_id;
    bool has_flags; /* with the direction; in the place of those that stood there */
    bool is_extra;
    uint32_t flags;
    uint16_t lost; /* packets before this one, of an old block, which has no option for them */
};

/* What would tell something wrong goes: a checksum of the old bytes, an older packet id, packets
 * lost before this one told a second time. */
static bool stays(const struct pm_ng_option *option, const struct enhanced *parts)
{
    switch (option->code) {
    case PM_NG_OPT_EPB_HASH:
        return false;
    case PM_NG_OPT_EPB_PACKETID:
        return !parts->has_id;
    case PM_NG_OPT_EPB_FLAGS:
        return !parts->has_flags;
    case PM_NG_OPT_EPB_DROPCOUNT:
        return !parts->is_extra;
    }
    return true;
}

/* The direction is added where the record's own flags leave it open. */
static void find_flags(const struct pm_record *record, const struct pm_outgoing *out,
                       struct enhanced *parts)
{
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    if (out->comment == NULL || out->dir == PM_DIR_UNKNOWN || record->dir != PM_DIR_UNKNOWN)
        return;
    parts->has_flags = true;
    while (parts->flags == 0 && pm_ng_next_option(&options, &option))
        if (option.code == PM_NG_OPT_EPB_FLAGS && option.len >= 4)
            parts->flags = pm_file_get32(option.value, record->big) & ~(uint32_t)PM_NG_DIRECTION;
    parts->flags |= out->dir == PM_DIR_OUT ? PM_NG_OUTBOUND : PM_NG_INBOUND;
}

static void pad(struct pm_sink *sink, uint32_t len)
{
    static const uint8_t zeros[4] = {0};
    pm_sink_write(sink, zeros, pm_ng_padded(len) - len);
}

static uint64_t ticks_of(const struct pm_record *record, const struct pm_outgoing *out)
{
    if (out->retimed || record->kind == PM_RECORD_SIMPLE)
        return pm_ticks_from_ns(record->clock, out->retimed ? out->time_ns : record->time_ns);
    return (uint64_t)pm_file_get32(record->raw + 12, record->big) << 32 |
           pm_file_get32(record->raw + 16, record->big);
}

static void put_option_head(struct pm_sink *sink, uint16_t code, uint32_t len, bool big)
{
    uint8_t head[4];
    pm_file_put16(head, code, big);
    pm_file_put16(head + 2, (uint16_t)len, big);
    pm_sink_write(sink, head, sizeof head);
}

static void put_option_number(struct pm_sink *sink, uint16_t code, uint64_t number, bool big)
{
    uint8_t bytes[8];
    pm_file_put64(bytes, number, big);
    put_option_head(sink, code, sizeof bytes, big);
    pm_sink_write(sink, bytes, sizeof bytes);
}

static void put_options(struct pm_sink *sink, const struct pm_record *record,
                        const struct pm_outgoing *out, const struct enhanced *parts)
{
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option))
        if (stays(&option, parts))
            pm_sink_write(sink, option.whole, option.whole_len);
    if (parts->has_flags) {
        uint8_t flags[4];
        pm_file_put32(flags, parts->flags, record->big);
        put_option_head(sink, PM_NG_OPT_EPB_FLAGS, sizeof flags, record->big);
        pm_sink_write(sink, flags, sizeof flags);
    }
    if (parts->lost > 0)
        put_option_number(sink, PM_NG_OPT_EPB_DROPCOUNT, parts->lost, record->big);
    if (parts->has_id)
        put_option_number(sink, PM_NG_OPT_EPB_PACKETID, record->frame, record->big);
    if (parts->comment_len > 0) {
        put_option_head(sink, PM_NG_OPT_COMMENT, parts->comment_len, record->big);
        pm_sink_write(sink, out->comment, parts->comment_len);
        pad(sink, parts->comment_len);
    }
}

static struct enhanced parts_of(const struct pm_record *record, const struct pm_outgoing *out)
{
    struct enhanced parts = {.has_id = out->comment != NULL, .is_extra = out->is_extra};
    find_flags(record, out, &parts);
    if (record->kind == PM_RECORD_OLD && !out->is_extra)
        parts.lost = pm_file_get16(record->raw + 10, record->big);
    if (parts.lost == PM_NG_OLD_LOST_UNKNOWN)
        parts.lost = 0;
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option))
        if (stays(&option, &parts))
            parts.kept_len += option.whole_len;
    size_t comment_len = out->comment == NULL ? 0 : strlen(out->comment);
    parts.comment_len = (uint32_t)(comment_len > 65532 ? 65532 : comment_len);
    return parts;
}

static void put_enhanced(struct pm_writer *writer, const struct pm_record *record,
                         const struct pm_outgoing *out)
{
    struct pm_sink *sink = &writer->sink;
    struct enhanced parts = parts_of(record, out);
    uint32_t options_len = parts.kept_len + (parts.has_flags ? 8u : 0u) +
                           (parts.lost > 0 ? 12u : 0u) + (parts.has_id ? 12u : 0u) +
                           (parts.comment_len > 0 ? 4u + pm_ng_padded(parts.comment_len) : 0u);
    bool has_options = options_len > 0;
    uint32_t len = PM_NG_PACKET_HEAD_LEN + pm_ng_padded(out->caplen) + options_len +
                   (has_options ? 4u : 0u) + 4u;
    uint64_t ticks = ticks_of(record, out);
    uint8_t head[PM_NG_PACKET_HEAD_LEN], tail[4];
    pm_file_put32(head, PM_NG_ENHANCED_PACKET, record->big);
    pm_file_put32(head + 4, len, record->big);
    pm_file_put32(head + 8, record->interface_id, record->big);
    pm_file_put32(head + 12, (uint32_t)(ticks >> 32), record->big);
    pm_file_put32(head + 16, (uint32_t)ticks, record->big);
    pm_file_put32(head + 20, out->caplen, record->big);
    pm_file_put32(head + 24, out->origlen, record->big);
    pm_file_put32(tail, len, record->big);

    pm_sink_write(sink, head, sizeof head);
    pm_sink_write(sink, out->data, out->caplen);
    pad(sink, out->caplen);
    put_options(sink, record, out, &parts);
    if (has_options)
        put_option_head(sink, PM_NG_OPT_END, 0, record->big);
    pm_sink_write(sink, tail, sizeof tail);
}

/* How long a cut simple packet is, only its interface's limit tells; where that was lifted, it
 * needs a block that tells. */
void pm_writer_put_raw(struct pm_writer *writer, const struct pm_record *record)
{
    writer->packets++;
    writer->bytes += record->origlen;
    if (record->kind == PM_RECORD_SIMPLE && writer->section.is_cut_lifted &&
        record->caplen < record->origlen) {
        struct pm_outgoing same = {.data = record->data,
                                   .caplen = record->caplen,
                                   .origlen = record->origlen,
                                   .dir = PM_DIR_UNKNOWN};
        put_enhanced(writer, record, &same);
        return;
    }
    pm_sink_write(&writer->sink, record->raw, record->raw_len);
}

void pm_writer_put(struct pm_writer *writer, const struct pm_record *record,
                   const struct pm_outgoing *outgoing)
{
    writer->packets++;
    writer->bytes += outgoing->origlen;
    if (record->kind == PM_RECORD_PCAP)
        put_pcap(writer, record, outgoing);
    else
        put_enhanced(writer, record, outgoing);
}
