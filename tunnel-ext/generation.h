/* generation.h - a policy and the engines that run it; what line.h has several of. */
#ifndef PKTMOD_TUNNEL_GENERATION_H
#define PKTMOD_TUNNEL_GENERATION_H

#include "tunnel-ext/line.h"

struct pm_generation {
    struct pm_policy *policy;
    struct pm_filter *filter;
    struct pm_filter *late; /* judges what rewriting leaves; NULL: no rule does */
    struct pm_rewriter *rewriter;
};

/* Whom the rewriter speaks to. */
struct pm_generation_ends {
    pm_emit_fn *emit;
    pm_external_fn *external;
    void *context;
};

/* NULL with `error` filled. */
struct pm_generation *pm_generation_new(struct pm_policy *policy,
                                        const struct pm_line_config *config,
                                        const struct pm_generation_ends *ends, char *error,
                                        size_t error_cap);
uint64_t pm_generation_next_ns(const struct pm_generation *generation);
uint64_t pm_generation_edits(const struct pm_generation *generation);

#endif
