/* notlive.h - frames of a recording that would not exist live, because their SYN was dropped or
 * their connection rejected.
 *
 * A recording cannot react: when a rule drops the SYN of a connection, the rest of it still comes.
 * Who reads the report should know which frames those are.
 */
#ifndef PKTMOD_APP_NOTLIVE_H
#define PKTMOD_APP_NOTLIVE_H

#include <pktmod/pktmod.h>

#define PM_NOTLIVE_FLOWS  1024u /* followed at a time of the whole capture */
#define PM_NOTLIVE_SLOTS  (2 * PM_NOTLIVE_FLOWS)
#define PM_NOTLIVE_RANGES 64u /* told one by one; the rest is counted */

struct pm_frame_range {
    uint64_t first, last;
    uint32_t rule; /* that dropped the SYN, or rejected; PM_NO_RULE: policy.default */
};

struct pm_notlive {
    struct {
        uint64_t flow_id; /* 0: free */
        uint32_t rule;
        bool is_dropped; /* false again once a SYN of the flow passed */
    } flows[PM_NOTLIVE_SLOTS];
    uint32_t flow_count;
    struct pm_frame_range ranges[PM_NOTLIVE_RANGES];
    uint32_t range_count;
    uint64_t frames;          /* all that would not exist */
    uint64_t frames_untold;   /* of those, not in ranges */
    uint64_t flows_untracked; /* dropped SYNs that were not followed for lack of room */
};

/* To be told of every judged packet that has a flow and is dropped or rejected, and, once any flow
 * is known here (flow_count > 0), of every packet that has a flow. */
void pm_notlive_see(struct pm_notlive *notlive, const struct pm_packet *packet,
                    const struct pm_decision *decision, uint64_t frame);

#endif
