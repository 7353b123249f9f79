/* input.c - packets to run: a capture file, or a flow text from which they are made. */
#include "app/input.h"

#include <stdlib.h>
#include <string.h>

#include "app/capture_formats.h"
#include "app/flowtext.h"

bool pm_input_is_flow(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, ".flow") == 0;
}

static struct pm_capture *open_list(const char *path, const struct pm_packetlist *list)
{
    size_t len;
    uint8_t *bytes = pm_packetlist_file(list, true, &len);
    struct pm_capture *capture = bytes == NULL ? NULL : pm_capture_open_bytes(path, bytes, len);
    free(bytes);
    return capture;
}

struct pm_capture *pm_input_open(const char *path, FILE *errors)
{
    struct pm_packetlist list = {.items = NULL};
    if (!pm_input_is_flow(path))
        return pm_capture_open(path);
    size_t count = pm_flowtext_load(path, &list, errors);
    struct pm_capture *capture = open_list(path, &list);
    pm_packetlist_free(&list);
    if (capture != NULL && count > 0)
        pm_capture_fail(capture, "no packets are made of it: %zu error%s", count,
                        count == 1 ? "" : "s");
    return capture;
}
