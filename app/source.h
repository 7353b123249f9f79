/* source.h - bytes of an input file in order, a window at a time, with the offset they stand at. */
#ifndef PKTMOD_APP_SOURCE_H
#define PKTMOD_APP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*   buffer        at            end        cap
 *     | given back | not yet taken | room to read into |
 */
struct pm_source {
    uint8_t *at, *end;
    uint8_t *buffer;
    size_t cap;
    uint64_t end_offset; /* in the file, of `end` */
    int fd;              /* -1: memory only */
    int error;           /* errno of the read that failed; EINTR: interrupt.h noted a signal; 0 */
    bool ended;
};

/* path "-" is standard input. False with errno set when it cannot be opened. */
bool pm_source_open(struct pm_source *source, const char *path);
/* Reads from a copy of `bytes`. False: no memory. */
bool pm_source_open_bytes(struct pm_source *source, const void *bytes, size_t len);
void pm_source_close(struct pm_source *source);

/* How many bytes stand at source->at: `need` or more, or fewer at the end of the file, after a read
 * error and without memory (source->error is set then). They may be written to, and stay where
 * they are until the next call. */
size_t pm_source_fill(struct pm_source *source, size_t need);

static inline size_t pm_source_need(struct pm_source *source, size_t need)
{
    size_t have = (size_t)(source->end - source->at);
    return have >= need ? have : pm_source_fill(source, need);
}

/* Takes n bytes, which must have been asked for. */
static inline void pm_source_take(struct pm_source *source, size_t n)
{
    source->at += n;
}

/* Where source->at stands in the file. */
static inline uint64_t pm_source_offset(const struct pm_source *source)
{
    return source->end_offset - (uint64_t)(source->end - source->at);
}

#endif
