/* flowtext_fuzz.c - no flow text crashes its reader, and what it makes can be read back. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/capture.h"
#include "app/flowtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert, in every kind of build. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_back(const struct pm_packetlist *list, bool is_pcapng)
{
    size_t len, count = 0;
    uint8_t *bytes = pm_packetlist_file(list, is_pcapng, &len);
    struct pm_capture *capture = pm_capture_open_bytes("list", bytes, len);
    struct pm_record record;
    enum pm_step step;

    require(bytes != NULL && capture != NULL);
    while ((step = pm_capture_next(capture, &record)) != PM_STEP_END) {
        require(step != PM_STEP_BAD);
        if (step != PM_STEP_PACKET)
            continue;
        require(count < list->count && record.caplen == list->items[count].len);
        require(record.time_ns == list->items[count].time_ns);
        count++;
    }
    require(count == list->count);
    pm_capture_close(capture);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[1 << 16];
    struct pm_packetlist list = {.items = NULL};
    FILE *out = fmemopen(room, sizeof room, "w");

    require(out != NULL);
    if (pm_flowtext_read("fuzz", NULL, (const char *)data, size, &list, out) == 0) {
        read_back(&list, true);
        read_back(&list, false);
    }
    fclose(out);
    pm_packetlist_free(&list);
    return 0;
}
