/* output.c - text that grows while it is written. */
#include "output.h"

#include <stdlib.h>
#include <string.h>

static bool has_room(struct output *out, size_t len)
{
    size_t cap = out->cap == 0 ? 4096 : out->cap;
    char *bytes;

    if (out->failed)
        return false;
    if (len <= out->cap - out->len)
        return true;
    while (cap - out->len < len)
        cap += cap / 2;
    bytes = realloc(out->bytes, cap);
    if (bytes == NULL) {
        out->failed = true;
        return false;
    }
    out->bytes = bytes;
    out->cap = cap;
    return true;
}

void pmr_output_put(struct output *out, const char *text, size_t len)
{
    if (!has_room(out, len))
        return;
    memcpy(out->bytes + out->len, text, len);
    out->len += len;
}

void pmr_output_text(struct output *out, const char *text)
{
    pmr_output_put(out, text, strlen(text));
}
