/* buffer.c - bytes between a socket and what is made of them; the contract is in buffer.h. */
#include "tunnel-ext/buffer.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 4096u

void pm_buffer_free(struct pm_buffer *b)
{
    free(b->bytes);
    *b = (struct pm_buffer){.most = b->most};
}

void pm_buffer_clear(struct pm_buffer *b)
{
    b->begin = b->end = 0;
}

bool pm_buffer_reserve(struct pm_buffer *b, size_t more)
{
    size_t len = pm_buffer_len(b);
    if (more > b->most - len)
        return false;
    if (b->cap - b->end >= more)
        return true;
    if (len > 0 && b->begin > 0)
        memmove(b->bytes, b->bytes + b->begin, len);
    b->begin = 0;
    b->end = len;
    if (b->cap - len >= more)
        return true;
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < len + more)
        cap = cap > b->most / 2 ? b->most : cap * 2;
    uint8_t *larger = realloc(b->bytes, cap);
    if (larger == NULL)
        return false;
    b->bytes = larger;
    b->cap = cap;
    return true;
}

bool pm_buffer_put(struct pm_buffer *b, const void *bytes, size_t len)
{
    if (!pm_buffer_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->bytes + b->end, bytes, len);
    b->end += len;
    return true;
}

void pm_buffer_drop(struct pm_buffer *b, size_t len)
{
    b->begin += len;
    if (b->begin == b->end)
        pm_buffer_clear(b);
}
