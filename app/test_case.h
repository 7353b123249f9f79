/* test_case.h - a regression case: a folder with rules, a capture, and what is expected of them.
 *
 *     case.json      what it shows; rules, capture and options where they are not the usual ones
 *     rules.json     the rules
 *     in.pcapng      the capture: in.pcap, in.pcapng or in.flow
 *     expected/      summary.txt and out.pcapng; of a run with a name summary-NAME.txt, out-NAME.*
 */
#ifndef PKTMOD_APP_TEST_CASE_H
#define PKTMOD_APP_TEST_CASE_H

#include <stdio.h>

#include "app/replay.h"

#define PM_CASE_FILE "case.json"

/* What pktmod verify is told about a run. */
struct pm_case_verify {
    bool is_asked, is_open_loop, any_headers;
};

struct pm_case_run {
    const char *name;                 /* "": the only one */
    struct pm_replay_options options; /* with paths as seen from here */
    struct pm_case_verify verify;
    bool writes; /* the capture that leaves is compared, not only the summary */
};

struct pm_case {
    char *folder;
    struct pm_document *document; /* owns the texts */
    const char *shows;
    const char *rules, *in;
    struct pm_case_run *runs;
    size_t run_count;
    const char **ignored; /* fields that may differ, by name */
    size_t ignored_count;
    struct pm_case_run base;      /* what all runs begin with */
    char *usual_rules, *usual_in; /* where case.json names none */
};

/* NULL: told to `complaints` why. */
struct pm_case *pm_case_load(const char *folder, FILE *complaints);
void pm_case_free(struct pm_case *c); /* NULL is fine */

/* A path below the folder: "FOLDER/expected/out-NAME.pcap". To be freed; NULL without memory. */
char *pm_case_path(const struct pm_case *c, const char *name);
/* The name of a run's expectation, "expected/out-NAME.pcap". stem: "out", suffix: ".pcap". */
#define PM_CASE_NAME 160
void pm_case_expected(const struct pm_case_run *run, const char *stem, const char *suffix,
                      char name[PM_CASE_NAME]);
bool pm_case_ignores(const struct pm_case *c, const char *field);

#endif
