/* text.c - grows by doubling, and remembers that there was no memory. */
#include "app/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_room(struct pm_text *text, size_t len)
{
    if (text->no_memory)
        return false;
    if (len < text->cap - text->len)
        return true;
    size_t cap = (text->len + len + 32) * 2;
    char *at = realloc(text->at, cap);
    if (at == NULL) {
        text->no_memory = true;
        return false;
    }
    text->at = at;
    text->cap = cap;
    return true;
}

void pm_text_add(struct pm_text *text, const char *format, ...)
{
    va_list words;
    va_start(words, format);
    int len = vsnprintf(NULL, 0, format, words);
    va_end(words);
    if (len < 0 || !has_room(text, (size_t)len))
        return;
    va_start(words, format);
    vsnprintf(text->at + text->len, text->cap - text->len, format, words);
    va_end(words);
    text->len += (size_t)len;
}

void pm_text_free(struct pm_text *text)
{
    free(text->at);
    *text = (struct pm_text){0};
}
