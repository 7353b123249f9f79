/* chain.h - frames kept for later, each in a chain of blocks. */
#ifndef PM_FLOW_CHAIN_H
#define PM_FLOW_CHAIN_H

#include "base/pool.h"

#define PM_CHAIN_BLOCK 508u

struct pm_chain_block {
    uint32_t next;
    uint8_t bytes[PM_CHAIN_BLOCK];
};

static inline uint32_t pm_chain_blocks(size_t len)
{
    return len == 0 ? 1 : (uint32_t)((len + PM_CHAIN_BLOCK - 1) / PM_CHAIN_BLOCK);
}

/* The pool has pm_chain_blocks(len) free. Answers the first block. */
uint32_t pm_chain_keep(struct pm_pool *blocks, const uint8_t *bytes, size_t len);
void pm_chain_drop(struct pm_pool *blocks, uint32_t first);

/* [off, off+len) of the frame, all within it. */
void pm_chain_read(const struct pm_pool *blocks, uint32_t first, size_t off, size_t len,
                   uint8_t *out);
bool pm_chain_is_same(const struct pm_pool *blocks, uint32_t first, size_t off,
                      const uint8_t *bytes, size_t len);

#endif
