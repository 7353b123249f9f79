/* ruletest_plan.h - the packets that a test of a rule file runs with; a stream travels in many
 * ways. */
#ifndef PKTMOD_APP_RULETEST_PLAN_H
#define PKTMOD_APP_RULETEST_PLAN_H

#include "app/talk.h"
#include "rules/ruletest.h"

/* One way for a stream to travel. */
struct pm_ruletest_plan {
    unsigned mode; /* 0: in full segments; else one of PM_RULETEST_EVERY_SPLIT, ... */
    unsigned way;  /* EVERY_SPLIT: which direction is cut */
    size_t at;     /* and behind how many bytes; REORDER: pieces that change places */
};

/* How many plans a test has, at least one, and which they are. */
size_t pm_ruletest_plan_count(const struct pm_ruletest *test);
struct pm_ruletest_plan pm_ruletest_plan_at(const struct pm_ruletest *test, size_t index);
/* "to_server cut behind byte 17" */
#define PM_RULETEST_PLAN_TEXT 80
void pm_ruletest_plan_text(const struct pm_ruletest_plan *plan, char text[PM_RULETEST_PLAN_TEXT]);

/* The packets, into *list (begun as {0}, freed by the caller). For a stream isn[] is what its
 * directions begin with. False: no memory, or too many packets. */
bool pm_ruletest_packets(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                         struct pm_packetlist *list, uint32_t isn[2]);

/* The Ethernet frame of one packet (not of PM_RULETEST_FRAME, which is one), at
 * out[PM_CRAFT_FRAME_LEN]; its length. */
size_t pm_ruletest_frame(const struct pm_ruletest_packet *packet, uint8_t *out);

#endif
