/* diff_packets.h - one capture through two policies: which packets fare differently, and why.
 *
 *     capture -> old policy -> what became of each frame   (a file of slots, one for each frame)
 *     capture -> new policy -> the same                     then both are read side by side
 *
 * Memory does not grow with the capture: the slots are in temporary files, which have no names.
 */
#ifndef PKTMOD_APP_DIFF_PACKETS_H
#define PKTMOD_APP_DIFF_PACKETS_H

#include <stdio.h>

#include "app/command.h"
#include "app/diff_slots.h"
#include "app/replay.h"

#define PM_DIFF_FRAMES 1000u /* numbers of frames that are kept of a group */
#define PM_DIFF_WHO    128u

/* What differs, the most telling first. */
enum pm_fate {
    PM_FATE_VERDICT,
    PM_FATE_PRESENCE, /* more or fewer packets leave for it */
    PM_FATE_BYTES,
    PM_FATE_TIME,
};

/* Frames that fare differently for the same reason. */
struct pm_diff_group {
    enum pm_fate fate;
    struct pm_slot_cause old, new;
    uint64_t count, flows;
    uint64_t frames[PM_DIFF_FRAMES]; /* the first ones */
    char (*who)[PM_DIFF_WHO];        /* of the first few of them: ends and protocol */
    size_t who_count;
};

struct pm_packets_diff {
    const char *capture;
    struct pm_policy *old_policy, *new_policy;
    uint64_t packets, changed;
    uint64_t renamed;              /* decided by another rule, but to the same end */
    struct pm_diff_group **groups; /* most frames first */
    size_t group_count, group_cap;
    uint64_t ungrouped;    /* changed, of more groups than are kept */
    bool are_flows_capped; /* there were too many to tell all apart: the counts are least ones */
    char damage[512];      /* what ended the capture early, or "" */
};

/* options: in is the capture. False: complained. */
bool pm_packets_diff_find(struct pm_packets_diff *diff, const struct pm_replay_options *options,
                          struct pm_policy *old, struct pm_policy *new, size_t who_most,
                          enum pm_exit *code);
void pm_packets_diff_free(struct pm_packets_diff *diff);

#endif
