/* text.h - a text that grows while it is written to. */
#ifndef PKTMOD_APP_TEXT_H
#define PKTMOD_APP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: empty. Without memory nothing more is added. */
struct pm_text {
    char *at; /* NUL-terminated; NULL while empty */
    size_t len, cap;
    bool no_memory;
};

void pm_text_add(struct pm_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pm_text_free(struct pm_text *text);

/* What it says, also when it is empty. */
static inline const char *pm_text_of(const struct pm_text *text)
{
    return text->at == NULL ? "" : text->at;
}

#endif
