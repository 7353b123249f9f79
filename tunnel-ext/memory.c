/* memory.c - pools of a size; the contract is in memory.h.
 *
 *     filters | flows, streams, edits | bytes under way, 3/4 | bytes that wait, 1/4
 *     fixed     by steps                what is left
 */
#include "tunnel-ext/memory.h"

#define MIB          (UINT64_C(1) << 20)
#define BYTES_LEAST  (4 * MIB) /* below it a few streams would stop each other */
#define DIR_MOST     (4 * MIB)
#define PENDING_MOST (1 * MIB)

static uint64_t within(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static uint64_t filters(const struct pm_policy *policy)
{
    bool has_late = pm_policy_has_stage(policy, PM_STAGE_AFTER_REWRITE);
    return pm_filter_footprint(policy) * (has_late ? 2 : 1);
}

static void set_bytes(struct pm_rewriter_config *config, uint64_t bytes)
{
    uint64_t retain = bytes - bytes / 4, pending = bytes / 4;
    config->retain_bytes = (uint32_t)within(retain, 1, UINT64_C(1) << 30);
    config->pending_bytes = (uint32_t)within(pending, 1, UINT64_C(1) << 30);
    config->retain_dir_bytes = (uint32_t)within(retain / 4, MIB, DIR_MOST);
    config->external_bytes = (uint32_t)within(pending / 4, MIB / 4, 16 * MIB);
}

bool pm_memory_fit(const struct pm_policy *policy, uint64_t most, struct pm_rewriter_config *config,
                   uint64_t *least)
{
    config->streams = (uint32_t)within(most / 8192, 256, 8192);
    config->edits = (uint32_t)within(most / 1024, 4096, 262144);
    config->pending_dir_bytes = (uint32_t)within(most / 512, 65536, PENDING_MOST);
    config->datagrams = (uint32_t)within(most / 65536, 64, 1024);
    config->fragment_bytes = (uint32_t)within(most / 64, MIB / 2, 4 * MIB);
    set_bytes(config, BYTES_LEAST);
    uint64_t fixed = filters(policy);
    *least = fixed + pm_rewriter_footprint(policy, config);
    if (*least > most)
        return false;
    /* pools take a little more than what they hold */
    for (uint64_t bytes = most; bytes > BYTES_LEAST; bytes -= bytes / 32) {
        set_bytes(config, bytes);
        if (fixed + pm_rewriter_footprint(policy, config) <= most)
            return true;
    }
    set_bytes(config, BYTES_LEAST);
    return true;
}
