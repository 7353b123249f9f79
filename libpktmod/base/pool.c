/* pool.c - a fixed number of equal objects, named by index. */
#include "base/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* At least 8 bytes: a free object must hold an index. 0 when the size cannot be rounded up. */
static size_t rounded(size_t object_size)
{
    if (object_size == 0)
        return 8;
    return (object_size + 7) & ~(size_t)7;
}

size_t pm_pool_footprint(size_t object_size, uint32_t cap)
{
    size_t size = rounded(object_size);
    if (size == 0 || (cap != 0 && size > SIZE_MAX / cap))
        return SIZE_MAX;
    return size * cap;
}

bool pm_pool_init(struct pm_pool *pool, size_t object_size, uint32_t cap)
{
    *pool = (struct pm_pool){
        .object_size = rounded(object_size),
        .cap = cap,
        .free_head = PM_NIL,
    };
    size_t footprint = pm_pool_footprint(object_size, cap);
    if (footprint == 0)
        return true;
    if (footprint < SIZE_MAX)
        pool->memory = malloc(footprint);
    if (pool->memory == NULL)
        pool->cap = 0;
    return pool->memory != NULL;
}

void pm_pool_release(struct pm_pool *pool)
{
    free(pool->memory);
    *pool = (struct pm_pool){.free_head = PM_NIL};
}

uint32_t pm_pool_take(struct pm_pool *pool)
{
    uint32_t index = pool->free_head;
    if (index != PM_NIL)
        memcpy(&pool->free_head, pm_pool_at(pool, index), sizeof pool->free_head);
    else if (pool->fresh < pool->cap)
        index = pool->fresh++;
    else
        return PM_NIL;
    pool->used++;
    return index;
}

void pm_pool_put(struct pm_pool *pool, uint32_t index)
{
    assert(index < pool->fresh && pool->used > 0);
    memcpy(pm_pool_at(pool, index), &pool->free_head, sizeof pool->free_head);
    pool->free_head = index;
    pool->used--;
}
