/* run_report.h - what a live run tells of itself, for people, programs and Prometheus. */
#ifndef PKTMOD_APP_RUN_REPORT_H
#define PKTMOD_APP_RUN_REPORT_H

#include "app/json.h"
#include "app/run.h"

#define PM_RUN_FLOWS_MAX 10000u /* told at a time */

/* Members of an open object. */
void pm_run_put_status(struct pm_json *json, struct pm_run *run);
void pm_run_put_stats(struct pm_json *json, struct pm_run *run);
/* False: no memory. */
bool pm_run_put_flows(struct pm_json *json, struct pm_run *run, uint32_t limit);

void pm_run_print_status(FILE *out, struct pm_run *run);
void pm_run_print_stats(FILE *out, struct pm_run *run);
bool pm_run_print_flows(FILE *out, struct pm_run *run, uint32_t limit);
/* Text exposition format, version 0.0.4. */
void pm_run_print_prometheus(FILE *out, struct pm_run *run);

#endif
