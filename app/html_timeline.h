/* html_timeline.h - what happened when, in a number of buckets that time does not grow.
 *
 *     1 ns a bucket; when a packet falls behind the last bucket, every ten become one
 *
 * so that widths are 1, 10, 100 ns ... and sums are exact.
 */
#ifndef PKTMOD_APP_HTML_TIMELINE_H
#define PKTMOD_APP_HTML_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#define PM_TIMELINE_BUCKETS 1000u

enum pm_series {
    PM_SERIES_ALLOW,
    PM_SERIES_DELAY,
    PM_SERIES_ASK,
    PM_SERIES_REJECT,
    PM_SERIES_DROP,
    PM_SERIES_VERDICTS,                    /* those above sum up to all packets */
    PM_SERIES_EDITED = PM_SERIES_VERDICTS, /* packets that left edited */
    PM_SERIES_COUNT
};

/* All zero but for width_ns, which is 1. */
struct pm_timeline {
    bool has_begun;
    uint64_t first_ns; /* begin of the first bucket */
    uint64_t width_ns;
    uint32_t used; /* buckets up to the last one that was counted in */
    uint64_t counts[PM_TIMELINE_BUCKETS][PM_SERIES_COUNT];
};

/* now_ns does not go back before the first one. */
void pm_timeline_count(struct pm_timeline *timeline, uint64_t now_ns, enum pm_series series);

/* Buckets to a bar, of 1, 2, 5, 10, 20, 50, ..., so that there are at most `most` bars (>= 1). */
uint32_t pm_timeline_step(const struct pm_timeline *timeline, uint32_t most);
uint32_t pm_timeline_bars(const struct pm_timeline *timeline, uint32_t step);
void pm_timeline_bar(const struct pm_timeline *timeline, uint32_t step, uint32_t bar,
                     uint64_t counts[PM_SERIES_COUNT]);

#endif
