/* hash.h - SipHash-1-3: a keyed hash, so that nobody outside can choose who collides. */
#ifndef PM_BASE_HASH_H
#define PM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t pm_hash(const uint64_t key[2], const void *data, size_t len);

#endif
