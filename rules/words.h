/* words.h - a text that grows while it is put together. */
#ifndef PMR_WORDS_H
#define PMR_WORDS_H

#include <stdint.h>

#include "diagnostic.h"

/* Zeroed is empty. Without memory nothing more is added, and `failed` tells. */
struct words {
    char *text; /* NULL while empty */
    size_t len, cap;
    bool failed;
};

void pmr_words_add(struct words *w, const char *format, ...) PMR_PRINTF(2, 3);
/* Bytes as lower-case hex, so that nothing in them can be taken for something else. */
void pmr_words_hex(struct words *w, const uint8_t *bytes, size_t len);
/* Keeps what was written in the arena ("" without memory) and begins anew. */
const char *pmr_words_keep(struct words *w, struct memory *m);

#endif
