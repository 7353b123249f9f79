/* sink.c - writes the output in large pieces and remembers the first thing that went wrong. */
#include "app/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_LEN ((size_t)256 << 10)

static bool is_an_input(const struct stat *out, const char *const *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stat in;
        bool known =
            strcmp(inputs[i], "-") == 0 ? fstat(STDIN_FILENO, &in) == 0 : stat(inputs[i], &in) == 0;
        if (known && in.st_dev == out->st_dev && in.st_ino == out->st_ino)
            return true;
    }
    return false;
}

/* Only now is the file known not to be an input. */
static bool empty_it(int fd, const char *const *inputs, size_t count, bool *can_patch)
{
    struct stat out;
    if (fstat(fd, &out) != 0)
        return false;
    *can_patch = S_ISREG(out.st_mode);
    if (!*can_patch)
        return true;
    if (is_an_input(&out, inputs, count)) {
        errno = EEXIST;
        return false;
    }
    return ftruncate(fd, 0) == 0;
}

bool pm_sink_open(struct pm_sink *sink, const char *path, const char *const *inputs,
                  size_t input_count)
{
    bool is_stdout = strcmp(path, "-") == 0;
    *sink = (struct pm_sink){.fd = -1, .cap = BUFFER_LEN};
    int fd = is_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    bool good = is_stdout || empty_it(fd, inputs, input_count, &sink->can_patch);
    int why = errno;
    if (good && (sink->buffer = malloc(BUFFER_LEN)) == NULL) {
        good = false;
        why = ENOMEM;
    }
    if (!good && !is_stdout)
        close(fd);
    sink->fd = good ? fd : -1;
    errno = why;
    return good;
}

void pm_sink_open_memory(struct pm_sink *sink)
{
    *sink = (struct pm_sink){
        .fd = -1, .buffer = malloc(BUFFER_LEN), .cap = BUFFER_LEN, .can_patch = true};
    if (sink->buffer == NULL) {
        sink->cap = 0;
        sink->error = ENOMEM;
    }
}

/* In memory only: room for len bytes more, or the error is set. */
static bool grow(struct pm_sink *sink, size_t len)
{
    size_t cap = (sink->len + len) * 2;
    uint8_t *buffer = sink->error == 0 ? realloc(sink->buffer, cap) : NULL;
    if (buffer == NULL) {
        sink->error = ENOMEM;
        return false;
    }
    sink->buffer = buffer;
    sink->cap = cap;
    return true;
}

static void write_all(struct pm_sink *sink, const uint8_t *bytes, size_t len)
{
    while (len > 0 && sink->error == 0) {
        ssize_t put = write(sink->fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            sink->error = errno;
        } else {
            bytes += put;
            len -= (size_t)put;
        }
    }
}

void pm_sink_flush(struct pm_sink *sink)
{
    if (sink->fd < 0)
        return;
    write_all(sink, sink->buffer, sink->len);
    sink->len = 0;
}

void pm_sink_patch(struct pm_sink *sink, uint64_t offset, const void *bytes, size_t len)
{
    if (sink->fd < 0) {
        if (sink->error == 0)
            memcpy(sink->buffer + offset, bytes, len);
        return;
    }
    pm_sink_flush(sink);
    if (sink->error == 0 && pwrite(sink->fd, bytes, len, (off_t)offset) != (ssize_t)len)
        sink->error = errno;
}

void pm_sink_write_slow(struct pm_sink *sink, const void *bytes, size_t len)
{
    sink->written += len;
    if (sink->fd < 0) {
        if (!grow(sink, len))
            return;
        memcpy(sink->buffer + sink->len, bytes, len);
        sink->len += len;
        return;
    }
    pm_sink_flush(sink);
    if (len >= sink->cap) {
        write_all(sink, bytes, len);
        return;
    }
    memcpy(sink->buffer, bytes, len);
    sink->len = len;
}

int pm_sink_close(struct pm_sink *sink)
{
    if (sink->fd < 0)
        return sink->error;
    pm_sink_flush(sink);
    if (sink->fd > STDERR_FILENO && close(sink->fd) != 0 && sink->error == 0)
        sink->error = errno;
    free(sink->buffer);
    sink->buffer = NULL;
    sink->fd = -1;
    return sink->error;
}
