/* progress.h - one line on a terminal that says how far a long replay has come. */
#ifndef PKTMOD_APP_PROGRESS_H
#define PKTMOD_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct pm_progress {
    uint64_t started_ns, shown_ns;
    bool is_wanted, is_shown;
};

/* Nothing is shown unless standard error is a terminal, and not within the first second. */
void pm_progress_start(struct pm_progress *progress, bool is_quiet);
/* offset of size bytes (0: unknown) are read. Cheap enough for every few thousand packets. */
void pm_progress_show(struct pm_progress *progress, uint64_t packets, uint64_t offset,
                      uint64_t size);
/* Takes the line away. The time since the start. */
uint64_t pm_progress_end_ns(struct pm_progress *progress);

#endif
