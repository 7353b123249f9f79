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

bool pm_writer_open(struct pm_writer *writer, const char *path, const struct pm_capture *capture,
                    uint32_t largest, const char *const *inputs, size_t input_count)
{
    *writer = (struct pm_writer){.format = pm_capture_format(capture)};
    if (!pm_sink_open(&writer->sink, path, inputs, input_count))
        return false;
    if (writer->format == PM_FORMAT_PCAP)
        put_pcap_header(writer, capture, largest);
    return true;
}

void pm_writer_open_memory(struct pm_writer *writer, const struct pm_capture *capture,
                           uint32_t largest)
{
    *writer = (struct pm_writer){.format = pm_capture_format(capture)};
    pm_sink_open_memory(&writer->sink);
    if (writer->format == PM_FORMAT_PCAP)
        put_pcap_header(writer, capture, largest);
}

int pm_writer_close(struct pm_writer *writer)
{
    return pm_sink_close(&writer->sink);
}

void pm_writer_put_raw(struct pm_writer *writer, const struct pm_record *record)
{
    writer->packets++;
    writer->bytes += record->origlen;
    pm_sink_write(&writer->sink, record->raw, record->raw_len);
}

void pm_writer_put_block(struct pm_writer *writer, const struct pm_record *record)
{
    pm_sink_write(&writer->sink, record->raw, record->raw_len);
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

/* ------------------------------------------------------------------ pcapng */

/* What an enhanced packet is made of besides its packet. */
struct enhanced {
    uint32_t kept_len;    /* options of the record that stay */
    uint32_t comment_len; /* without padding; 0: none */
    bool has_id;
};

/* A checksum of the old bytes and an older packet id would tell something wrong. */
static bool stays(const struct pm_ng_option *option, const struct enhanced *parts)
{
    return option->code != PM_NG_OPT_EPB_HASH &&
           !(option->code == PM_NG_OPT_EPB_PACKETID && parts->has_id);
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

static void put_options(struct pm_sink *sink, const struct pm_record *record,
                        const struct pm_outgoing *out, const struct enhanced *parts)
{
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option))
        if (stays(&option, parts))
            pm_sink_write(sink, option.whole, option.whole_len);
    if (parts->has_id) {
        uint8_t id[8];
        pm_file_put64(id, record->frame, record->big);
        put_option_head(sink, PM_NG_OPT_EPB_PACKETID, sizeof id, record->big);
        pm_sink_write(sink, id, sizeof id);
    }
    if (parts->comment_len > 0) {
        put_option_head(sink, PM_NG_OPT_COMMENT, parts->comment_len, record->big);
        pm_sink_write(sink, out->comment, parts->comment_len);
        pad(sink, parts->comment_len);
    }
}

static struct enhanced parts_of(const struct pm_record *record, const struct pm_outgoing *out)
{
    struct enhanced parts = {.has_id = out->comment != NULL};
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
    uint32_t options_len = parts.kept_len + (parts.has_id ? 12u : 0u) +
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
