/* diff_flows.c - which flows were counted in which group, as far as memory may go. */
#include "app/diff_flows.h"

#include <stdlib.h>

static struct pm_diff_flow *find(const struct pm_diff_flows *flows, const void *group,
                                 uint64_t flow)
{
    uint64_t hash = ((uint64_t)(uintptr_t)group ^ flow) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (flows->cap - 1);
    while (flows->slots[at].group != NULL &&
           (flows->slots[at].group != group || flows->slots[at].flow != flow))
        at = (at + 1) & (flows->cap - 1);
    return &flows->slots[at];
}

/* False: no memory, or as many as may be. */
static bool grow(struct pm_diff_flows *flows)
{
    struct pm_diff_flows larger = {.cap = flows->cap == 0 ? 64 : flows->cap * 2,
                                   .count = flows->count};
    if (flows->count < flows->cap / 2)
        return true;
    larger.slots =
        flows->count >= PM_DIFF_FLOWS_MOST ? NULL : calloc(larger.cap, sizeof *larger.slots);
    if (larger.slots == NULL) {
        flows->is_full = true;
        return false;
    }
    for (size_t i = 0; i < flows->cap; i++)
        if (flows->slots[i].group != NULL)
            *find(&larger, flows->slots[i].group, flows->slots[i].flow) = flows->slots[i];
    free(flows->slots);
    *flows = larger;
    return true;
}

bool pm_diff_flows_is_new(struct pm_diff_flows *flows, const void *group, uint64_t flow)
{
    if (flows->cap > 0 && find(flows, group, flow)->group != NULL)
        return false;
    if (!grow(flows))
        return false;
    *find(flows, group, flow) = (struct pm_diff_flow){group, flow};
    flows->count++;
    return true;
}

void pm_diff_flows_free(struct pm_diff_flows *flows)
{
    free(flows->slots);
    *flows = (struct pm_diff_flows){.slots = NULL};
}
