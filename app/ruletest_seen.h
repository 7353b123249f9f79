/* ruletest_seen.h - one run of a test of a rule file: what was decided and what left. */
#ifndef PKTMOD_APP_RULETEST_SEEN_H
#define PKTMOD_APP_RULETEST_SEEN_H

#include "app/assemble.h"
#include "app/replay.h"
#include "app/ruletest_plan.h"

/* What became of one packet. */
struct pm_ruletest_seen_packet {
    struct pm_decision decision;
    bool was_judged, left;
    struct pm_filter *leaving; /* judges what leaves; NULL: nothing is said of it */
    const char *unmet;         /* what a packet that left does not meet, or NULL */
    uint8_t *payload;          /* of all that left for it */
    size_t len;
};

struct pm_ruletest_seen {
    struct pm_ruletest_seen_packet *packets; /* packet_count of them; for PACKETS */
    size_t packet_count;
    struct pm_assembly ways[2]; /* for a STREAM: as the server and the client get it */
    uint64_t *hits;             /* of each rule of the policy */
    bool no_memory;
};

/* Runs the packets of a plan, or the capture, through the engines of a replay. False: it could not
 * be run, told to `text`. To be freed in any case. */
bool pm_ruletest_run(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                     struct pm_policy *policy, struct pm_ruletest_seen *seen, FILE *text);
/* The same packets as a capture; isn: what the directions of a stream begin with, or NULL. text may
 * be NULL. NULL: told to it. */
struct pm_capture *pm_ruletest_capture(const struct pm_ruletest *test,
                                       const struct pm_ruletest_plan *plan, uint32_t isn[2],
                                       FILE *text);
/* What they are replayed with. */
struct pm_replay_options pm_ruletest_options(const struct pm_ruletest *test);
/* And the answers to what rules ask; `answers` begins zeroed. False: no memory. */
bool pm_ruletest_give_answers(const struct pm_ruletest *test, const struct pm_policy *policy,
                              struct pm_answers *answers);
void pm_ruletest_seen_free(struct pm_ruletest_seen *seen);

#endif
