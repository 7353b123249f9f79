/* explain.h - the inside of a moment: what an engine lets itself be asked about a packet. */
#ifndef PM_ENGINE_EXPLAIN_H
#define PM_ENGINE_EXPLAIN_H

#include <pktmod/explain.h>

#include "engine/meters.h"

struct pm_filter;
struct pm_passage;
struct pm_rewriter;
struct pm_trial;

struct pm_moment {
    const struct pm_policy *policy;
    const struct pm_subject *subject;
    const struct pm_meters *meters;
    struct pm_occasion occasion;
    struct pm_about_packet packet;
    enum pm_stage stage;
    bool is_rewriter, is_rehearsal;
    const struct pm_passage *passage; /* the rewriter's */
};

/* Calls the filter's explainer. refused: why no rule will be asked; NONE. is_whole: the trial is of
 * a datagram, and not of the fragment that completes it. */
void pm_explain_trial(struct pm_filter *f, struct pm_trial *t, enum pm_why refused, bool is_whole);
/* Calls the rewriter's explainer. */
void pm_explain_passage(struct pm_rewriter *r, const struct pm_passage *p);

#endif
