/* progress.c - the only file of a replay that looks at a clock. */
#include "app/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void pm_progress_start(struct pm_progress *progress, bool is_quiet)
{
    *progress = (struct pm_progress){.started_ns = now_ns()};
    progress->shown_ns = progress->started_ns;
    progress->is_wanted = !is_quiet && isatty(STDERR_FILENO) != 0;
}

void pm_progress_show(struct pm_progress *progress, uint64_t packets, uint64_t offset,
                      uint64_t size)
{
    if (!progress->is_wanted)
        return;
    uint64_t now = now_ns();
    if (now - progress->shown_ns < (progress->is_shown ? SECOND_NS / 5 : SECOND_NS))
        return;
    progress->shown_ns = now;
    progress->is_shown = true;
    fprintf(stderr, "\r%" PRIu64 " packets, %" PRIu64 " MB", packets, offset / 1000000);
    if (size > 0)
        fprintf(stderr, ", %" PRIu64 " %%", offset / (size / 100 + 1));
    fputs("   ", stderr);
    fflush(stderr);
}

uint64_t pm_progress_end_ns(struct pm_progress *progress)
{
    if (progress->is_shown)
        fputs("\r                                                \r", stderr);
    progress->is_shown = false;
    return now_ns() - progress->started_ns;
}
