/* pipe_frame_test.c - frames of `pktmod pipe`, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/pipe_frame.h"

static FILE *stream_of(const uint8_t *bytes, size_t len)
{
    FILE *in = tmpfile();
    assert_non_null(in);
    assert_int_equal(fwrite(bytes, 1, len, in), len);
    rewind(in);
    return in;
}

static enum pm_frame_step read_one(const uint8_t *bytes, size_t len, struct pm_frame *frame,
                                   uint8_t *buffer)
{
    FILE *in = stream_of(bytes, len);
    enum pm_frame_step step = pm_frame_read(in, frame, buffer);
    fclose(in);
    return step;
}

/* P, 0x0807060504030201 ns, interface 1, "abc" */
static const uint8_t packet[] = {13, 0, 0, 0, 'P', 1, 2, 3, 4, 5, 6, 7, 8, 1, 'a', 'b', 'c'};

static void frame_is_read_field_by_field(void **state)
{
    (void)state;
    uint8_t *buffer = malloc(PM_FRAME_PAYLOAD_MAX);
    struct pm_frame frame;
    assert_int_equal(read_one(packet, sizeof packet, &frame, buffer), PM_FRAME_GOOD);
    assert_int_equal(frame.type, PM_FRAME_PACKET);
    assert_int_equal(frame.now_ns, UINT64_C(0x0807060504030201));
    assert_int_equal(frame.iface, 1);
    assert_int_equal(frame.len, 3);
    assert_memory_equal(frame.payload, "abc", 3);
    free(buffer);
}

static void what_is_written_is_what_was_read(void **state)
{
    (void)state;
    uint8_t written[64];
    struct pm_frame frame = {PM_FRAME_PACKET, 1, UINT64_C(0x0807060504030201),
                             (const uint8_t *)"abc", 3};
    FILE *out = tmpfile();
    pm_frame_write(out, &frame);
    rewind(out);
    assert_int_equal(fread(written, 1, sizeof written, out), sizeof packet);
    assert_memory_equal(written, packet, sizeof packet);
    fclose(out);
}

static void every_cut_is_told_from_the_end(void **state)
{
    (void)state;
    uint8_t *buffer = malloc(PM_FRAME_PAYLOAD_MAX);
    struct pm_frame frame;
    assert_int_equal(read_one(packet, 0, &frame, buffer), PM_FRAME_END);
    for (size_t len = 1; len < sizeof packet; len++)
        assert_int_equal(read_one(packet, len, &frame, buffer), PM_FRAME_CUT);
    free(buffer);
}

static void length_is_kept_within_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t length;
        enum pm_frame_step step;
    } cases[] = {
        {0, PM_FRAME_TOO_SMALL},
        {9, PM_FRAME_TOO_SMALL},
        {10, PM_FRAME_GOOD},
        {10 + PM_FRAME_PAYLOAD_MAX, PM_FRAME_GOOD},
        {11 + PM_FRAME_PAYLOAD_MAX, PM_FRAME_TOO_LARGE},
        {UINT32_MAX, PM_FRAME_TOO_LARGE},
    };
    uint8_t *buffer = malloc(PM_FRAME_PAYLOAD_MAX),
            *bytes = calloc(1, 4 + 11 + PM_FRAME_PAYLOAD_MAX);
    struct pm_frame frame;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned b = 0; b < 4; b++)
            bytes[b] = (uint8_t)(cases[i].length >> 8 * b);
        assert_int_equal(read_one(bytes, 4 + 11 + PM_FRAME_PAYLOAD_MAX, &frame, buffer),
                         cases[i].step);
    }
    free(buffer);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_is_read_field_by_field),
        cmocka_unit_test(what_is_written_is_what_was_read),
        cmocka_unit_test(every_cut_is_told_from_the_end),
        cmocka_unit_test(length_is_kept_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
