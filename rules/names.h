/* names.h - a table from names to what they stand for. */
#ifndef PMR_NAMES_H
#define PMR_NAMES_H

#include <stddef.h>

#include <stdint.h>

#include "memory.h"

struct name {
    const char *text; /* lent */
    const void *what;
};

/* Zeroed is empty. Open addressing over `slots`; text NULL is a free slot. */
struct names {
    struct name *slots;
    size_t cap, count;
};

uint64_t pmr_names_hash(const char *text);
/* So many are about to come; their room is taken at once. */
void pmr_names_expect(struct names *names, struct memory *m, size_t count);
/* What the name stands for, or NULL. */
const void *pmr_names_get(const struct names *names, const char *text);
/* What the name stood for already (then nothing changes), or NULL. Without memory it is not kept,
 * which m->failed tells. */
const void *pmr_names_put(struct names *names, struct memory *m, const char *text,
                          const void *what);

#endif
