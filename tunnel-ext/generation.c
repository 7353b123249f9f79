/* generation.c - makes the engines of a policy; the contract is in generation.h. */
#include "tunnel-ext/generation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel-ext/memory.h"

#define MIB (UINT64_C(1) << 20)

static bool make_filters(struct pm_generation *g, const struct pm_line_config *config,
                         struct pm_error *why)
{
    struct pm_filter_config filter = {.seed = config->seed,
                                      .hash_key = {config->hash_key[0], config->hash_key[1]},
                                      .wall_ns = config->wall_ns};
    g->filter = pm_filter_new(g->policy, &filter, why);
    if (g->filter == NULL || !pm_policy_has_stage(g->policy, PM_STAGE_AFTER_REWRITE))
        return g->filter != NULL;
    filter.stage = PM_STAGE_AFTER_REWRITE;
    g->late = pm_filter_new(g->policy, &filter, why);
    return g->late != NULL;
}

static bool fit(const struct pm_generation *g, const struct pm_line_config *config,
                struct pm_rewriter_config *rewriter, struct pm_error *why)
{
    uint64_t most = config->memory == 0 ? PM_MEMORY_DEFAULT : config->memory, least;
    if (pm_memory_fit(g->policy, most, rewriter, &least))
        return true;
    snprintf(why->text, sizeof why->text,
             "these rules need %" PRIu64 " MiB of memory at least, and may have %" PRIu64
             "; give more (--memory), or let policy.flows be less than %" PRIu32,
             (least + MIB - 1) / MIB, most / MIB, pm_policy_settings(g->policy)->flows);
    return false;
}

static bool make_rewriter(struct pm_generation *g, const struct pm_line_config *config,
                          const struct pm_generation_ends *ends, struct pm_error *why)
{
    struct pm_rewriter_config rewriter = {.seed = config->seed,
                                          .hash_key = {config->hash_key[0], config->hash_key[1]},
                                          .mode = PM_MODE_LIVE,
                                          .checksums = PM_CHECKSUMS_VERIFY,
                                          .mtu = config->mtu,
                                          .wall_ns = config->wall_ns,
                                          .clamp_mss = config->clamp_mss,
                                          .offload = config->offload,
                                          .emit = ends->emit,
                                          .external = ends->external,
                                          .context = ends->context};
    if (fit(g, config, &rewriter, why))
        g->rewriter = pm_rewriter_new(g->policy, &rewriter, why);
    return g->rewriter != NULL;
}

struct pm_generation *pm_generation_new(struct pm_policy *policy,
                                        const struct pm_line_config *config,
                                        const struct pm_generation_ends *ends, char *error,
                                        size_t error_cap)
{
    struct pm_error why = {.status = PM_NO_MEMORY, .text = "no memory"};
    struct pm_generation *g = calloc(1, sizeof *g);
    if (g != NULL)
        g->policy = pm_policy_ref(policy);
    if (g != NULL && make_filters(g, config, &why) && make_rewriter(g, config, ends, &why))
        return g;
    snprintf(error, error_cap, "%s", why.text);
    pm_generation_free(g);
    return NULL;
}

void pm_generation_free(struct pm_generation *generation)
{
    if (generation == NULL)
        return;
    pm_rewriter_free(generation->rewriter);
    pm_filter_free(generation->late);
    pm_filter_free(generation->filter);
    pm_policy_unref(generation->policy);
    free(generation);
}

uint64_t pm_generation_next_ns(const struct pm_generation *generation)
{
    uint64_t waiting_ns = pm_filter_next_ns(generation->filter);
    uint64_t held_ns = pm_rewriter_next_ns(generation->rewriter);
    return waiting_ns < held_ns ? waiting_ns : held_ns;
}

uint64_t pm_generation_edits(const struct pm_generation *generation)
{
    uint64_t edits = 0;
    for (uint32_t i = 0; i < pm_policy_rule_count(generation->policy); i++)
        edits += pm_rewriter_rule_stats(generation->rewriter, i)->edits;
    return edits;
}

void pm_stats_add(struct pm_stats *sum, const struct pm_stats *more)
{
    _Static_assert(sizeof(struct pm_stats) % sizeof(uint64_t) == 0, "all counters");
    uint64_t a[sizeof *sum / sizeof(uint64_t)], b[sizeof *sum / sizeof(uint64_t)];
    memcpy(a, sum, sizeof a);
    memcpy(b, more, sizeof b);
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] += b[i];
    memcpy(sum, a, sizeof a);
}
