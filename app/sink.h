/* sink.h - the output file: buffered bytes out, and no way to lose an error. */
#ifndef PKTMOD_APP_SINK_H
#define PKTMOD_APP_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pm_sink {
    uint8_t *buffer;
    size_t len, cap;
    int fd;           /* -1: none, bytes stay in the buffer, which grows */
    int error;        /* errno of the first write that failed; what follows is discarded */
    uint64_t written; /* bytes taken */
    bool can_patch;   /* a file or memory: bytes that were written can be changed */
};

/* path "-" is standard output. The file is emptied only when it is none of `inputs` (a file would
 * be destroyed before it is read); errno is EEXIST then. False with errno set on failure. */
bool pm_sink_open(struct pm_sink *sink, const char *path, const char *const *inputs,
                  size_t input_count);
/* Keeps everything in memory: buffer[0..len). Closing leaves it there, and the caller frees it. */
void pm_sink_open_memory(struct pm_sink *sink);
/* Writes what is buffered and closes. The errno of the first failure of all, or 0. */
int pm_sink_close(struct pm_sink *sink);

void pm_sink_flush(struct pm_sink *sink);
/* Changes bytes at an offset of what was written. Only where can_patch. */
void pm_sink_patch(struct pm_sink *sink, uint64_t offset, const void *bytes, size_t len);
void pm_sink_write_slow(struct pm_sink *sink, const void *bytes, size_t len);

static inline void pm_sink_write(struct pm_sink *sink, const void *bytes, size_t len)
{
    if (len > sink->cap - sink->len) {
        pm_sink_write_slow(sink, bytes, len);
        return;
    }
    memcpy(sink->buffer + sink->len, bytes, len);
    sink->len += len;
    sink->written += len;
}

#endif
