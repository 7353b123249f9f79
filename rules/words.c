/* words.c - a text that grows while it is put together. */
#include "words.h"

#include <stdarg.h>
#include <stdlib.h>

#define FIRST_CAP 256u

/* Room for more bytes and a NUL. */
static bool reserve(struct words *w, size_t more)
{
    size_t cap = w->cap == 0 ? FIRST_CAP : w->cap;
    char *grown;

    while (cap - w->len <= more)
        cap *= 2;
    if (cap == w->cap)
        return true;
    grown = w->failed ? NULL : realloc(w->text, cap);
    if (grown == NULL) {
        w->failed = true;
        return false;
    }
    w->text = grown;
    w->cap = cap;
    return true;
}

void pmr_words_add(struct words *w, const char *format, ...)
{
    va_list list, again;
    int len;

    va_start(list, format);
    va_copy(again, list);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len >= 0 && reserve(w, (size_t)len)) {
        vsnprintf(w->text + w->len, (size_t)len + 1, format, list);
        w->len += (size_t)len;
    }
    va_end(list);
}

void pmr_words_hex(struct words *w, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    if (!reserve(w, 2 * len))
        return;
    for (size_t i = 0; i < len; i++) {
        w->text[w->len++] = digits[bytes[i] >> 4];
        w->text[w->len++] = digits[bytes[i] & 15];
    }
    w->text[w->len] = '\0';
}

const char *pmr_words_keep(struct words *w, struct memory *m)
{
    const char *kept = w->text == NULL ? NULL : pmr_memory_copy(m, w->text, w->len);

    m->failed = m->failed || w->failed;
    free(w->text);
    *w = (struct words){.text = NULL};
    return kept == NULL ? "" : kept;
}
