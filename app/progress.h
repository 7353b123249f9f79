/* progress.h - one line on a terminal that says how far a long replay has come. */
#ifndef PKTMOD_APP_PROGRESS_H
#define PKTMOD_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct pm_progress {
    uint64_t started_ns, shown_ns;
    int shown_len; /* 0: nothing stands there */
    bool is_wanted;
};

/* What has been done so far; of size bytes (0: unknown) offset are read. */
struct pm_progress_state {
    uint64_t packets, offset, size, elapsed_ns;
};

/* "1234567 packets, 512 of 2048 MB, 25 %, 1.31 million/s, 0:03 left" */
#define PM_PROGRESS_TEXT 80
int pm_progress_text(const struct pm_progress_state *state, char text[PM_PROGRESS_TEXT]);

/* Nothing is shown unless standard error is a terminal, and not within the first second. */
void pm_progress_start(struct pm_progress *progress, bool is_quiet);
/* Cheap enough for every few thousand packets. */
void pm_progress_show(struct pm_progress *progress, uint64_t packets, uint64_t offset,
                      uint64_t size);
/* Takes the line away. The time since the start. */
uint64_t pm_progress_end_ns(struct pm_progress *progress);

#endif
