/* keytable.h - a bounded table of what is known under a key; the one unused longest is forgotten
 * for a new one.
 *
 *     bucket[key.a & mask] -> entry -> entry -> NIL
 *     oldest ... newest, in the order of their last use
 */
#ifndef PM_BASE_KEYTABLE_H
#define PM_BASE_KEYTABLE_H

#include "base/pool.h"

/* Both halves come of a keyed hash, so that nobody outside can make two keys equal. */
struct pm_key {
    uint64_t a, b;
};

struct pm_keytable {
    struct pm_pool pool;
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t oldest, newest;
};

size_t pm_keytable_footprint(uint32_t cap, size_t value_size);
bool pm_keytable_init(struct pm_keytable *t, uint32_t cap,
                      size_t value_size);        /* false: no memory */
void pm_keytable_release(struct pm_keytable *t); /* one that was zeroed or released is fine */

/* The value under the key, which counts as used now; NULL: none. Values stay where they are until
 * their key is forgotten. */
void *pm_keytable_find(struct pm_keytable *t, struct pm_key key);
/* The same without using it. */
void *pm_keytable_peek(const struct pm_keytable *t, struct pm_key key);
/* Adds a key that is not there, its value zeroed. *forgot: another one made room. NULL: cap is 0.
 */
void *pm_keytable_add(struct pm_keytable *t, struct pm_key key, bool *forgot);
/* Adds what another table, whose values are as large, has under other keys, in the order of its
 * last use. Answers how many were forgotten for it. */
uint32_t pm_keytable_take(struct pm_keytable *t, const struct pm_keytable *from);
void pm_keytable_remove(struct pm_keytable *t, struct pm_key key); /* one that is there */

#endif
