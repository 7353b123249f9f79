/* assemble.c - one direction of a TCP stream as its receiver puts it together. */
#include "app/assemble.h"

#include <stdlib.h>
#include <string.h>

void pm_assembly_free(struct pm_assembly *a)
{
    free(a->bytes);
    free(a->has);
    *a = (struct pm_assembly){.bytes = NULL};
}

static bool has_room(struct pm_assembly *a, size_t len)
{
    if (len <= a->cap)
        return true;
    size_t cap = len < 4096 ? 4096 : len * 2;
    uint8_t *bytes = realloc(a->bytes, cap);
    if (bytes != NULL)
        a->bytes = bytes;
    uint8_t *has = realloc(a->has, cap);
    if (has != NULL)
        a->has = has;
    if (bytes == NULL || has == NULL)
        return false;
    memset(a->has + a->cap, 0, cap - a->cap);
    a->cap = cap;
    return true;
}

static void put_byte(struct pm_assembly *a, size_t at, uint8_t byte)
{
    if (!a->has[at]) {
        a->has[at] = 1;
        a->bytes[at] = byte;
    } else if (a->bytes[at] != byte && (!a->differs || at < a->differs_at)) {
        a->differs = true;
        a->differs_at = at;
    }
}

void pm_assembly_put(struct pm_assembly *a, int64_t off, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return;
    if (off < 0 || (uint64_t)off > PM_ASSEMBLE_MAX || len > PM_ASSEMBLE_MAX - (size_t)off) {
        a->is_beyond = true;
        return;
    }
    size_t end = (size_t)off + len;
    if (!has_room(a, end)) {
        a->no_memory = true;
        return;
    }
    for (size_t i = 0; i < len; i++)
        put_byte(a, (size_t)off + i, bytes[i]);
    a->len = end > a->len ? end : a->len;
}

size_t pm_assembly_whole(const struct pm_assembly *a)
{
    const uint8_t *hole = a->len == 0 ? NULL : memchr(a->has, 0, a->len);
    return hole == NULL ? a->len : (size_t)(hole - a->has);
}
