/* progress.c - the only file of a replay that looks at a clock. */
#include "app/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define MEGABYTE  1000000u

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

int pm_progress_text(const struct pm_progress_state *state, char text[PM_PROGRESS_TEXT])
{
    double seconds = (double)state->elapsed_ns / 1e9;
    double rate = seconds > 0 ? (double)state->packets / seconds / 1e6 : 0;
    char left[48] = "";
    if (state->size == 0)
        return snprintf(text, PM_PROGRESS_TEXT,
                        "%" PRIu64 " packets, %" PRIu64 " MB, %.2f million/s", state->packets,
                        state->offset / MEGABYTE, rate);
    if (state->offset > 0 && state->offset < state->size) {
        double part = (double)state->offset / (double)state->size;
        uint64_t left_s = (uint64_t)(seconds / part - seconds + 0.5);
        snprintf(left, sizeof left, ", %" PRIu64 ":%02u left", left_s / 60,
                 (unsigned)(left_s % 60));
    }
    return snprintf(text, PM_PROGRESS_TEXT,
                    "%" PRIu64 " packets, %" PRIu64 " of %" PRIu64 " MB, %u %%, %.2f million/s%s",
                    state->packets, state->offset / MEGABYTE, state->size / MEGABYTE,
                    (unsigned)((double)state->offset * 100 / (double)state->size), rate, left);
}

void pm_progress_start(struct pm_progress *progress, bool is_quiet)
{
    *progress = (struct pm_progress){.started_ns = now_ns()};
    progress->shown_ns = progress->started_ns;
    progress->is_wanted = !is_quiet && isatty(STDERR_FILENO) != 0;
}

/* Writes over what stands there, to its end. */
static void put_line(struct pm_progress *progress, const char *text, int len)
{
    fprintf(stderr, "\r%s%*s", text, progress->shown_len > len ? progress->shown_len - len : 0, "");
    fflush(stderr);
    progress->shown_len = len;
}

void pm_progress_show(struct pm_progress *progress, uint64_t packets, uint64_t offset,
                      uint64_t size)
{
    char text[PM_PROGRESS_TEXT];
    if (!progress->is_wanted)
        return;
    uint64_t now = now_ns();
    if (now - progress->shown_ns < (progress->shown_len > 0 ? SECOND_NS / 5 : SECOND_NS))
        return;
    progress->shown_ns = now;
    struct pm_progress_state state = {packets, offset, size, now - progress->started_ns};
    int len = pm_progress_text(&state, text);
    put_line(progress, text, len < PM_PROGRESS_TEXT ? len : PM_PROGRESS_TEXT - 1);
}

uint64_t pm_progress_end_ns(struct pm_progress *progress)
{
    if (progress->shown_len > 0) {
        put_line(progress, "", 0);
        fputc('\r', stderr);
    }
    return now_ns() - progress->started_ns;
}
