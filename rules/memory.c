/* memory.c - an arena: what a load allocates goes back all at once. */
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64u * 1024u)

struct chunk {
    struct chunk *older;
    max_align_t bytes[];
};

bool pmr_memory_grants(struct memory *m)
{
    if (m->budget != NULL && *m->budget == 0) {
        m->failed = true;
        return false;
    }
    if (m->budget != NULL)
        --*m->budget;
    return true;
}

static struct chunk *chunk_new(struct memory *m, size_t size)
{
    struct chunk *chunk = NULL;

    if (size <= SIZE_MAX - sizeof *chunk)
        chunk = calloc(1, sizeof *chunk + size);
    if (chunk == NULL) {
        m->failed = true;
        return NULL;
    }
    chunk->older = m->chunks;
    m->chunks = chunk;
    return chunk;
}

/* A chunk of its own for a large piece; the free rest of the newest chunk stays in use. */
static void *take_large(struct memory *m, size_t size)
{
    struct chunk *chunk = chunk_new(m, size);

    return chunk == NULL ? NULL : chunk->bytes;
}

void *pmr_memory_take(struct memory *m, size_t size)
{
    const size_t align = sizeof(max_align_t);
    void *piece;

    if (!pmr_memory_grants(m))
        return NULL;
    if (size > CHUNK_SIZE / 4)
        return take_large(m, size);
    size = (size + align - 1) / align * align;
    if (size > m->left) {
        struct chunk *chunk = chunk_new(m, CHUNK_SIZE);

        if (chunk == NULL)
            return NULL;
        m->next = (char *)chunk->bytes;
        m->left = CHUNK_SIZE;
    }
    piece = m->next;
    m->next += size;
    m->left -= size;
    return piece;
}

void *pmr_memory_array(struct memory *m, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        m->failed = true;
        return NULL;
    }
    return pmr_memory_take(m, count * size);
}

void *pmr_memory_grow(struct memory *m, void *array, size_t count, size_t *cap, size_t size)
{
    size_t larger = *cap < 8 ? 8 : *cap * 2;
    void *copy;

    if (count < *cap)
        return array;
    copy = pmr_memory_array(m, larger, size);
    if (copy == NULL)
        return NULL;
    if (count > 0)
        memcpy(copy, array, count * size);
    *cap = larger;
    return copy;
}

char *pmr_memory_copy(struct memory *m, const char *text, size_t len)
{
    char *copy = pmr_memory_take(m, len + 1);

    if (copy != NULL)
        memcpy(copy, text, len);
    return copy;
}

void pmr_memory_free(struct memory *m)
{
    while (m->chunks != NULL) {
        struct chunk *older = m->chunks->older;

        free(m->chunks);
        m->chunks = older;
    }
    m->next = NULL;
    m->left = 0;
}
