/* diff_slots.c - what became of every frame of a capture: one small record each, in a file.
 *
 *     frame          1 ........... first ...... first + 4095
 *                    in the file   in the window
 */
#include "app/diff_slots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file without a name, in TMPDIR or /tmp. */
static int nameless(void)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/pktmod-XXXXXX",
                       folder == NULL || folder[0] == '\0' ? "/tmp" : folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkstemp(path);
    if (fd >= 0)
        unlink(path);
    return fd;
}

bool pm_slots_open(struct pm_slots *slots)
{
    *slots = (struct pm_slots){.fd = nameless(), .first = 1};
    slots->error = slots->fd < 0 ? errno : 0;
    slots->window = calloc(PM_SLOTS_WINDOW, sizeof *slots->window);
    if (slots->window == NULL)
        slots->error = ENOMEM;
    return slots->error == 0;
}

void pm_slots_close(struct pm_slots *slots)
{
    if (slots->fd >= 0)
        close(slots->fd);
    free(slots->window);
    slots->window = NULL;
    slots->fd = -1;
}

static off_t place(uint64_t frame)
{
    return (off_t)((frame - 1) * sizeof(struct pm_slot));
}

/* All of it, or slots->error. */
static void move(struct pm_slots *slots, bool writes, uint64_t frame, void *data, size_t len)
{
    off_t at = place(frame);
    char *bytes = data;
    while (len > 0 && slots->error == 0) {
        ssize_t got = writes ? pwrite(slots->fd, bytes, len, at) : pread(slots->fd, bytes, len, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            slots->error = got < 0 ? errno : EIO;
            return;
        }
        bytes += got;
        len -= (size_t)got;
        at += got;
    }
}

static void put_window(struct pm_slots *slots)
{
    if (slots->is_dirty)
        move(slots, true, slots->first, slots->window, (size_t)slots->held * sizeof *slots->window);
    slots->is_dirty = false;
}

struct pm_slot *pm_slots_add(struct pm_slots *slots, uint64_t frame)
{
    if (frame - slots->first >= PM_SLOTS_WINDOW) {
        put_window(slots);
        slots->first = frame;
    }
    slots->count = frame;
    slots->held = frame - slots->first + 1;
    slots->is_dirty = true;
    struct pm_slot *slot = &slots->window[frame - slots->first];
    memset(slot, 0, sizeof *slot);
    return slot;
}

void pm_slots_change(struct pm_slots *slots, uint64_t frame,
                     void (*change)(struct pm_slot *slot, const void *context), const void *context)
{
    struct pm_slot slot;
    if (frame == 0 || frame > slots->count)
        return;
    if (frame >= slots->first) {
        change(&slots->window[frame - slots->first], context);
        return;
    }
    move(slots, false, frame, &slot, sizeof slot);
    change(&slot, context);
    move(slots, true, frame, &slot, sizeof slot);
}

bool pm_slots_read(struct pm_slots *slots, uint64_t frame, struct pm_slot *slot)
{
    if (frame == 0 || frame > slots->count || slots->error != 0)
        return false;
    if (frame < slots->first || frame - slots->first >= slots->held) {
        uint64_t len = slots->count - frame + 1;
        put_window(slots);
        slots->first = frame;
        slots->held = len < PM_SLOTS_WINDOW ? len : PM_SLOTS_WINDOW;
        move(slots, false, frame, slots->window, (size_t)slots->held * sizeof *slots->window);
    }
    *slot = slots->window[frame - slots->first];
    return slots->error == 0;
}
