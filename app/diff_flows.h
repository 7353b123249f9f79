/* diff_flows.h - which flows were counted in which group, as far as memory may go. */
#ifndef PKTMOD_APP_DIFF_FLOWS_H
#define PKTMOD_APP_DIFF_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_DIFF_FLOWS_MOST ((size_t)1 << 20)

/* All zero: empty. Open addressing; group NULL is a free slot. */
struct pm_diff_flows {
    struct pm_diff_flow {
        const void *group;
        uint64_t flow;
    } * slots;
    size_t cap, count;
    bool is_full; /* more came than are kept apart */
};

/* Whether the flow is seen for the first time in the group. False also where it cannot be told. */
bool pm_diff_flows_is_new(struct pm_diff_flows *flows, const void *group, uint64_t flow);
void pm_diff_flows_free(struct pm_diff_flows *flows);

#endif
