/* chain.c - chains of blocks; the contract is in chain.h. */
#include "flow/chain.h"

#include <string.h>

static struct pm_chain_block *at(const struct pm_pool *blocks, uint32_t index)
{
    return pm_pool_at(blocks, index);
}

uint32_t pm_chain_keep(struct pm_pool *blocks, const uint8_t *bytes, size_t len)
{
    uint32_t first = pm_pool_take(blocks), index = first;
    for (;;) {
        struct pm_chain_block *block = at(blocks, index);
        size_t part = len < PM_CHAIN_BLOCK ? len : PM_CHAIN_BLOCK;
        memcpy(block->bytes, bytes, part);
        bytes += part;
        len -= part;
        block->next = PM_NIL;
        if (len == 0)
            return first;
        block->next = index = pm_pool_take(blocks);
    }
}

void pm_chain_drop(struct pm_pool *blocks, uint32_t first)
{
    while (first != PM_NIL) {
        uint32_t next = at(blocks, first)->next;
        pm_pool_put(blocks, first);
        first = next;
    }
}

/* The block that holds offset *off of the frame; *off becomes the offset in it. */
static const struct pm_chain_block *seek(const struct pm_pool *blocks, uint32_t first, size_t *off)
{
    while (*off >= PM_CHAIN_BLOCK) {
        first = at(blocks, first)->next;
        *off -= PM_CHAIN_BLOCK;
    }
    return at(blocks, first);
}

void pm_chain_read(const struct pm_pool *blocks, uint32_t first, size_t off, size_t len,
                   uint8_t *out)
{
    if (len == 0)
        return;
    const struct pm_chain_block *block = seek(blocks, first, &off);
    for (;;) {
        size_t part = PM_CHAIN_BLOCK - off < len ? PM_CHAIN_BLOCK - off : len;
        memcpy(out, block->bytes + off, part);
        out += part;
        len -= part;
        off = 0;
        if (len == 0)
            return;
        block = at(blocks, block->next);
    }
}

bool pm_chain_is_same(const struct pm_pool *blocks, uint32_t first, size_t off,
                      const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return true;
    const struct pm_chain_block *block = seek(blocks, first, &off);
    for (;;) {
        size_t part = PM_CHAIN_BLOCK - off < len ? PM_CHAIN_BLOCK - off : len;
        if (memcmp(bytes, block->bytes + off, part) != 0)
            return false;
        bytes += part;
        len -= part;
        off = 0;
        if (len == 0)
            return true;
        block = at(blocks, block->next);
    }
}
