/* test_replay.h - one run of a case in memory: the summary, and the capture that leaves. */
#ifndef PKTMOD_APP_TEST_REPLAY_H
#define PKTMOD_APP_TEST_REPLAY_H

#include "app/test_case.h"
#include "app/test_summary.h"

/* What came of a run. */
struct pm_case_result {
    struct pm_summary summary; /* its replay is over: names of rules only through `text` */
    struct pm_text text;       /* the summary as it is written */
    struct pm_writer writer;   /* sink.buffer[0..len): the capture */
    enum pm_format format;
    bool is_damaged; /* the capture ended early */
};

/* Reads the input of a run: a capture, or a text that packets are made from. NULL: told why. */
struct pm_capture *pm_case_capture(const struct pm_case *c, FILE *complaints);

/* False: told to `complaints` why it could not be run. To be freed in any case. */
bool pm_case_replay(const struct pm_case *c, const struct pm_case_run *run,
                    struct pm_policy *policy, struct pm_case_result *result, FILE *complaints);
void pm_case_result_free(struct pm_case_result *result);

/* ".pcap" or ".pcapng". */
const char *pm_case_suffix(enum pm_format format);

#endif
