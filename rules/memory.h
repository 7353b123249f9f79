/* memory.h - an arena: what a load allocates goes back all at once. */
#ifndef PMR_MEMORY_H
#define PMR_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Names that begin with pmr_ are seen inside rules/ only. */

struct chunk;

struct memory {
    struct chunk *chunks; /* newest first */
    char *next;           /* free bytes of the newest chunk */
    size_t left;
    bool failed;    /* some request was refused */
    size_t *budget; /* requests that will still be granted, shared by arenas; NULL: no end */
};

/* Zeroed and aligned for anything; NULL (and failed) without memory. */
void *pmr_memory_take(struct memory *m, size_t size);
/* A zeroed array; count * size may not overflow. */
void *pmr_memory_array(struct memory *m, size_t count, size_t size);
/* Room for one more element behind `count`: the array, which was taken here with `cap` elements
 * (or is NULL), or where it is now, larger. */
void *pmr_memory_grow(struct memory *m, void *array, size_t count, size_t *cap, size_t size);
/* An array that nobody needs any more; it goes back at once where it is large. */
void pmr_memory_drop(struct memory *m, void *array, size_t cap, size_t size);
char *pmr_memory_copy(struct memory *m, const char *text, size_t len); /* and a NUL */
/* For memory that somebody else allocates: whether the budget grants one more request. */
bool pmr_memory_grants(struct memory *m);
void pmr_memory_free(struct memory *m);

#endif
