/* annotation.h - the comment that a touched packet carries in pcapng output. */
#ifndef PKTMOD_APP_ANNOTATION_H
#define PKTMOD_APP_ANNOTATION_H

#include <pktmod/pktmod.h>

/* Room for 16 edits with ids of 64 characters. */
#define PM_ANNOTATION_LEN 2048

struct pm_wait {
    uint64_t ns;
    uint32_t rule; /* or PM_NO_RULE */
};

/* "pktmod: allow; swap-token replace 6->12 @1005". `wait`: the packet was delayed; or NULL. */
void pm_annotate(char text[PM_ANNOTATION_LEN], const struct pm_policy *policy,
                 const struct pm_emitted *emitted, const struct pm_wait *wait);

/* What became of a packet that goes no further. */
struct pm_fate {
    enum pm_verdict verdict; /* DROP or REJECT */
    enum pm_why why;
    uint32_t rule; /* or PM_NO_RULE */
    bool is_by_rewriter, is_after_rewrite;
};

/* "pktmod: drop by no-telnet", "pktmod: drop; default", "pktmod: drop in rewriting; unmappable" */
void pm_annotate_drop(char text[PM_ANNOTATION_LEN], const struct pm_policy *policy,
                      const struct pm_fate *fate);

/* "pktmod: tells of a reject by telnet". */
void pm_annotate_reply(char text[PM_ANNOTATION_LEN], const struct pm_policy *policy, uint32_t rule);

#endif
