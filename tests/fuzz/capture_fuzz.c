/* capture_fuzz.c - any bytes as a capture: read to the end, written again, read once more. */
#include <stdio.h>
#include <stdlib.h>

#include "app/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rewrites every second packet, so that copies and new blocks stand side by side. */
static void put(struct pm_writer *writer, const struct pm_record *record)
{
    struct pm_outgoing outgoing = {
        .data = record->data,
        .caplen = record->caplen / 2,
        .origlen = record->origlen,
        .time_ns = record->time_ns,
        .retimed = record->frame % 4 == 0,
        .comment = "pktmod: fuzz",
    };
    if (record->frame % 2 == 0)
        pm_writer_put(writer, record, &outgoing);
    else
        pm_writer_put_raw(writer, record);
}

/* How many packets were good. */
static uint64_t take_through(struct pm_capture *capture, struct pm_writer *writer)
{
    struct pm_record record;
    enum pm_step step;
    uint64_t packets = 0;
    while ((step = pm_capture_next(capture, &record)) == PM_STEP_PACKET || step == PM_STEP_BLOCK) {
        packets += step == PM_STEP_PACKET ? 1 : 0;
        if (writer != NULL && step == PM_STEP_PACKET)
            put(writer, &record);
        else if (writer != NULL)
            pm_writer_put_block(writer, &record);
    }
    if ((step == PM_STEP_BAD) != (pm_capture_error(capture) != NULL))
        abort();
    return packets;
}

/* What was written must be as good as what was read. */
static void read_again(const struct pm_sink *sink, uint64_t packets)
{
    struct pm_capture *capture = pm_capture_open_bytes("out", sink->buffer, sink->len);
    if (take_through(capture, NULL) != packets || pm_capture_error(capture) != NULL)
        abort();
    pm_capture_close(capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_writer writer;
    struct pm_capture *capture = pm_capture_open_bytes("in", data, size);
    if (capture == NULL || size > 65536)
        goto out;
    if (pm_capture_error(capture) != NULL)
        goto out;
    if (!pm_writer_open(&writer, "/dev/null", capture, 0, NULL, 0))
        abort();
    uint64_t packets = take_through(capture, &writer);
    if (writer.sink.len == writer.sink.written && writer.sink.len > 0) /* all of it is there */
        read_again(&writer.sink, packets);
    pm_writer_close(&writer);
out:
    pm_capture_close(capture);
    return 0;
}
