/* pool.h - a fixed number of equal objects, named by index; nothing is allocated after init.
 *
 *     memory  [obj 0][obj 1] ... [obj cap-1]      a free object holds the index of the next free
 * one
 */
#ifndef PM_BASE_POOL_H
#define PM_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_NIL UINT32_MAX

struct pm_pool {
    uint8_t *memory;
    size_t object_size; /* multiple of 8 */
    uint32_t cap, used, free_head;
    uint32_t fresh; /* objects from here on were never taken, so that init touches no memory */
};

/* Bytes that pm_pool_init will allocate. */
size_t pm_pool_footprint(size_t object_size, uint32_t cap);
/* object_size is rounded up to a multiple of 8. False: no memory. */
bool pm_pool_init(struct pm_pool *pool, size_t object_size, uint32_t cap);
void pm_pool_release(struct pm_pool *pool);

/* A free object's index, its bytes undefined; PM_NIL when the pool is full. */
uint32_t pm_pool_take(struct pm_pool *pool);
void pm_pool_put(struct pm_pool *pool, uint32_t index);

static inline void *pm_pool_at(const struct pm_pool *pool, uint32_t index)
{
    return pool->memory + (size_t)index * pool->object_size;
}

#endif
