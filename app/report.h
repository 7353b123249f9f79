/* report.h - tells what a replay did: as text for people, as JSON for programs.
 *
 * A report is the same for the same input: no clock, no locale, paths as they were given.
 */
#ifndef PKTMOD_APP_REPORT_H
#define PKTMOD_APP_REPORT_H

#include <stdio.h>

#include "app/replay.h"

struct pm_report {
    const struct pm_replay *replay;
    const char *rules_name;    /* "name" of the rule file, or NULL */
    const char *capture_error; /* what ended the capture before its end, or NULL */
};

/* What a rule did, whichever engine ran it. */
const struct pm_rule_stats *pm_report_rule(const struct pm_report *report, uint32_t rule);
const char *pm_action_name(enum pm_action action);
const char *pm_signal_name(int signal_number); /* of those that end a run early */
/* "2026-01-15 09:30:00.000000000" in UTC. */
#define PM_TIME_TEXT 96
void pm_report_time(uint64_t ns, char separator, char text[PM_TIME_TEXT]);

void pm_report_text(const struct pm_report *report, FILE *out, bool colour);
void pm_report_json(const struct pm_report *report, FILE *out);

#endif
