/* source.c - reads the input through one window, so that a record is seen whole without a copy. */
#include "app/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/interrupt.h"

#define WINDOW_LEN ((size_t)256 << 10)

static bool start(struct pm_source *source, int fd, size_t cap)
{
    *source = (struct pm_source){.fd = fd, .cap = cap};
    source->buffer = malloc(cap);
    source->at = source->end = source->buffer;
    return source->buffer != NULL;
}

bool pm_source_open(struct pm_source *source, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    *source = (struct pm_source){.fd = -1};
    if (fd < 0)
        return false;
    if (start(source, fd, WINDOW_LEN))
        return true;
    if (!is_stdin)
        close(fd);
    source->fd = -1;
    errno = ENOMEM;
    return false;
}

bool pm_source_open_bytes(struct pm_source *source, const void *bytes, size_t len)
{
    if (!start(source, -1, len + 1))
        return false;
    if (len > 0)
        memcpy(source->buffer, bytes, len);
    source->end = source->buffer + len;
    source->end_offset = len;
    source->ended = true;
    return true;
}

void pm_source_close(struct pm_source *source)
{
    if (source->fd > STDIN_FILENO)
        close(source->fd);
    free(source->buffer);
    *source = (struct pm_source){.fd = -1};
}

/* Moves what was not taken to the front and makes room for `need` bytes. */
static bool make_room(struct pm_source *source, size_t need)
{
    size_t have = (size_t)(source->end - source->at);
    if (source->at != source->buffer && have > 0)
        memmove(source->buffer, source->at, have);
    if (need > source->cap) {
        uint8_t *grown = realloc(source->buffer, need);
        if (grown == NULL) {
            source->error = ENOMEM;
        } else {
            source->buffer = grown;
            source->cap = need;
        }
    }
    source->at = source->buffer;
    source->end = source->buffer + have;
    return source->error == 0;
}

size_t pm_source_fill(struct pm_source *source, size_t need)
{
    if (source->ended || source->error != 0 || !make_room(source, need))
        return (size_t)(source->end - source->at);
    while ((size_t)(source->end - source->at) < need) {
        size_t room = source->cap - (size_t)(source->end - source->buffer);
        ssize_t got = read(source->fd, source->end, room);
        if (got < 0 && errno == EINTR && pm_interrupted() == 0)
            continue;
        if (got <= 0) {
            source->error = got < 0 ? errno : 0;
            source->ended = got == 0;
            break;
        }
        source->end += got;
        source->end_offset += (uint64_t)got;
    }
    return (size_t)(source->end - source->at);
}
