/* pipe_frame.c - frames from and to a stream of bytes. */
#include "app/pipe_frame.h"

#include "app/byteorder.h"

enum { LENGTH_LEN = 4, TYPE_OFF = 4, NOW_OFF = 5, IFACE_OFF = 13, HEADER_LEN = 14 };

#define LEAST_LENGTH ((uint32_t)HEADER_LEN - LENGTH_LEN)

static enum pm_frame_step read_rest(FILE *in, struct pm_frame *frame, uint32_t length,
                                    uint8_t *buffer)
{
    uint8_t header[HEADER_LEN];
    if (fread(header + LENGTH_LEN, 1, LEAST_LENGTH, in) < LEAST_LENGTH)
        return PM_FRAME_CUT;
    *frame = (struct pm_frame){
        .type = header[TYPE_OFF],
        .iface = header[IFACE_OFF],
        .now_ns = pm_file_get64(header + NOW_OFF, false),
        .payload = buffer,
        .len = length - LEAST_LENGTH,
    };
    return fread(buffer, 1, frame->len, in) < frame->len ? PM_FRAME_CUT : PM_FRAME_GOOD;
}

enum pm_frame_step pm_frame_read(FILE *in, struct pm_frame *frame,
                                 uint8_t buffer[PM_FRAME_PAYLOAD_MAX])
{
    uint8_t start[LENGTH_LEN];
    size_t got = fread(start, 1, sizeof start, in);
    if (got == 0 && !ferror(in))
        return PM_FRAME_END;
    if (got < sizeof start)
        return PM_FRAME_CUT;
    uint32_t length = pm_file_get32(start, false);
    if (length < LEAST_LENGTH)
        return PM_FRAME_TOO_SMALL;
    if (length - LEAST_LENGTH > PM_FRAME_PAYLOAD_MAX)
        return PM_FRAME_TOO_LARGE;
    return read_rest(in, frame, length, buffer);
}

void pm_frame_write(FILE *out, const struct pm_frame *frame)
{
    uint8_t header[HEADER_LEN];
    pm_file_put32(header, LEAST_LENGTH + frame->len, false);
    header[TYPE_OFF] = frame->type;
    pm_file_put64(header + NOW_OFF, frame->now_ns, false);
    header[IFACE_OFF] = frame->iface;
    fwrite(header, 1, sizeof header, out);
    fwrite(frame->payload, 1, frame->len, out);
}
