/* buffer.h - bytes between a socket and what is made of them: grows up to a bound. */
#ifndef PKTMOD_TUNNEL_BUFFER_H
#define PKTMOD_TUNNEL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_buffer {
    uint8_t *bytes;
    size_t begin, end; /* what is in it: [begin, end) */
    size_t cap, most;
};

void pm_buffer_free(struct pm_buffer *b);
void pm_buffer_clear(struct pm_buffer *b);
/* Room for `more` bytes at the end. False: beyond `most`, or no memory. */
bool pm_buffer_reserve(struct pm_buffer *b, size_t more);
bool pm_buffer_put(struct pm_buffer *b, const void *bytes, size_t len);
/* The first len bytes were used. */
void pm_buffer_drop(struct pm_buffer *b, size_t len);

static inline size_t pm_buffer_len(const struct pm_buffer *b)
{
    return b->end - b->begin;
}

/* NULL as long as nothing was ever put in. */
static inline const uint8_t *pm_buffer_at(const struct pm_buffer *b)
{
    return b->bytes == NULL ? NULL : b->bytes + b->begin;
}

#endif
