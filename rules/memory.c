/* memory.c - an arena: what a load allocates goes back all at once. */
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64u * 1024u)

struct chunk {
    struct chunk *older, *newer;
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

/* As the newest. */
static void link_in(struct memory *m, struct chunk *chunk)
{
    chunk->older = m->chunks;
    chunk->newer = NULL;
    if (m->chunks != NULL)
        m->chunks->newer = chunk;
    m->chunks = chunk;
}

static void link_out(struct memory *m, const struct chunk *chunk)
{
    if (chunk->newer != NULL)
        chunk->newer->older = chunk->older;
    else
        m->chunks = chunk->older;
    if (chunk->older != NULL)
        chunk->older->newer = chunk->newer;
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
    link_in(m, chunk);
    return chunk;
}

static bool is_large(size_t size)
{
    return size > CHUNK_SIZE / 4;
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
    if (is_large(size))
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

/* A large array has a chunk for itself. */
static struct chunk *chunk_of(void *array)
{
    return (struct chunk *)(void *)((char *)array - offsetof(struct chunk, bytes));
}

void pmr_memory_drop(struct memory *m, void *array, size_t cap, size_t size)
{
    struct chunk *chunk;

    if (array == NULL || !is_large(cap * size))
        return;
    chunk = chunk_of(array);
    link_out(m, chunk);
    free(chunk);
}

/* It can become larger where it is. */
static void *grow_large(struct memory *m, void *array, size_t old, size_t size)
{
    struct chunk *chunk = chunk_of(array), *larger = NULL;

    if (!pmr_memory_grants(m))
        return NULL;
    link_out(m, chunk);
    if (size <= SIZE_MAX - sizeof *chunk)
        larger = realloc(chunk, sizeof *chunk + size);
    link_in(m, larger == NULL ? chunk : larger);
    if (larger == NULL) {
        m->failed = true;
        return NULL;
    }
    memset((char *)larger->bytes + old, 0, size - old);
    return larger->bytes;
}

void *pmr_memory_grow(struct memory *m, void *array, size_t count, size_t *cap, size_t size)
{
    size_t larger = *cap < 4 ? *cap * 2 + 1 : *cap + *cap / 2;
    void *grown;

    if (count < *cap)
        return array;
    if (is_large(*cap * size) && larger <= SIZE_MAX / size) {
        grown = grow_large(m, array, *cap * size, larger * size);
    } else {
        grown = pmr_memory_array(m, larger, size);
        if (grown != NULL && count > 0)
            memcpy(grown, array, count * size);
    }
    if (grown != NULL)
        *cap = larger;
    return grown;
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
