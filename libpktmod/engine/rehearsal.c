/* rehearsal.c - what dry-run rules would do: a second rewriter beside the first takes every packet
 * as it came, with all rules in force, and what it emits is told and does not leave.
 *
 *     packet --+--> rewriter (rules in force) ----> emit
 *              +--> rehearsal (dry-run rules too) -> rehearsed
 *
 * It works as in a recording whatever the mode, because nobody answers to what it makes: the
 * acknowledgements that come are of what really left. It asks no external client.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/rewriter.h"

static void tell(void *context, const struct pm_emitted *emitted)
{
    struct pm_rewriter *r = context;
    if (r->config.rehearsed && emitted->changed)
        r->config.rehearsed(r->config.context, emitted);
}

static struct pm_rewriter_config config_of(const struct pm_rewriter_config *config)
{
    struct pm_rewriter_config own = *config;
    own.mode = PM_MODE_REPLAY;
    own.emit = tell;
    own.event = NULL;
    own.external = NULL;
    if (config->mode == PM_MODE_LIVE)
        own.checksums = PM_CHECKSUMS_VERIFY;
    return own;
}

size_t pm_rehearsal_footprint(const struct pm_policy *policy,
                              const struct pm_rewriter_config *config)
{
    struct pm_rewriter_config own = config_of(config);
    if (policy->rehearsed.count == 0)
        return 0;
    return pm_rewriter_size(policy, &own) + PM_IP_MAX + PM_LINK_ROOM;
}

bool pm_rehearsal_init(struct pm_rewriter *r, const struct pm_rewriter_config *config,
                       struct pm_error *error)
{
    struct pm_rewriter_config own = config_of(config);
    own.context = r;
    r->rehearsed = malloc(PM_IP_MAX + PM_LINK_ROOM);
    if (!r->rehearsed) {
        *error = (struct pm_error){PM_NO_MEMORY, "out of memory for the dry run"};
        return false;
    }
    r->rehearsal = pm_rewriter_make(r->policy, &r->policy->rehearsed, &own, error);
    return r->rehearsal;
}

void pm_rehearsal_release(struct pm_rewriter *r)
{
    pm_rewriter_free(r->rehearsal);
    free(r->rehearsed);
}

void pm_rehearse(struct pm_rewriter *r, const struct pm_packet *packet)
{
    struct pm_packet copy = *packet;
    if (packet->len > PM_IP_MAX + PM_LINK_ROOM)
        return; /* no packet is that large; the rewriter passes it */
    memcpy(r->rehearsed, packet->data, packet->len);
    copy.data = r->rehearsed;
    pm_rewrite(r->rehearsal, &copy, r->rehearsed, r->now_ns);
}
