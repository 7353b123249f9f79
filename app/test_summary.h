/* test_summary.h - what became of every packet of a replay, in lines that a reviewer reads.
 *
 *     frame packet                                        bytes out       what
 *         4 192.0.2.10:49152 > 203.0.113.80:80 TCP AP       120 131       allow; secret replace ...
 *
 * A line says nothing of its neighbours, of times of day or of paths, so that a change of one
 * packet changes one line; counts stand at the end.
 */
#ifndef PKTMOD_APP_TEST_SUMMARY_H
#define PKTMOD_APP_TEST_SUMMARY_H

#include "app/replay.h"
#include "app/text.h"

struct pm_summary_line {
    struct pm_text who, out, what;
    size_t bytes;         /* as they came */
    uint64_t arrived_ns;  /* by the clock of the replay */
    uint64_t recorded_ns; /* as the capture has it */
    uint32_t parts;       /* packets that left for it */
};

struct pm_summary {
    struct pm_observer observer;
    const struct pm_replay *replay;
    struct pm_summary_line *lines; /* of frame 1, 2, ... */
    size_t count, cap;
    uint64_t *frames; /* of each packet that left, in order: the frame that it left for */
    size_t left, left_cap;
    bool delays_or_drops, sets_headers; /* what pktmod verify wants to know */
    bool no_memory;
};

/* Observes the replay; before pm_replay_start(). Does not move until the replay ended. */
void pm_summary_begin(struct pm_summary *summary, struct pm_replay *replay);
/* "192.0.2.1:80 > 192.0.2.2:1234 TCP SA" */
void pm_summary_name_packet(struct pm_text *text, const struct pm_packet *packet);
/* After pm_replay_run(). damage: why the capture ended early, or NULL. */
void pm_summary_write(const struct pm_summary *summary, const char *damage, struct pm_text *text);
void pm_summary_free(struct pm_summary *summary);

#endif
