/* memory.h - makes the pools of a tunnel's engines fit into so many bytes. */
#ifndef PKTMOD_TUNNEL_MEMORY_H
#define PKTMOD_TUNNEL_MEMORY_H

#include <pktmod/pktmod.h>

/* What is taken where nobody says. Pools are reserved at the start and touched as they are used:
 * a single stream, however long, needs a few MiB of them. */
#define PM_MEMORY_DEFAULT (UINT64_C(256) << 20)

/* Sets the pools of *config so that all engines that run the policy live keep within `most` bytes.
 * False: these rules need *least at least. */
bool pm_memory_fit(const struct pm_policy *policy, uint64_t most, struct pm_rewriter_config *config,
                   uint64_t *least);

#endif
