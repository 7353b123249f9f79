/* html_timeline.c - counts over time in constant memory; the contract is in html_timeline.h. */
#include "app/html_timeline.h"

#include <string.h>

#define TOGETHER 10u

static void widen(struct pm_timeline *timeline)
{
    for (uint32_t i = 0; i < timeline->used; i++) {
        uint64_t *into = timeline->counts[i / TOGETHER];
        for (unsigned series = 0; series < PM_SERIES_COUNT; series++) {
            uint64_t count = timeline->counts[i][series];
            timeline->counts[i][series] = 0;
            into[series] += count;
        }
    }
    timeline->used = (timeline->used + TOGETHER - 1) / TOGETHER;
    timeline->width_ns *= TOGETHER;
}

void pm_timeline_count(struct pm_timeline *timeline, uint64_t now_ns, enum pm_series series)
{
    if (!timeline->has_begun)
        timeline->first_ns = now_ns;
    timeline->has_begun = true;
    uint64_t since_ns = now_ns - timeline->first_ns;
    while (since_ns / timeline->width_ns >= PM_TIMELINE_BUCKETS)
        widen(timeline);
    uint32_t bucket = (uint32_t)(since_ns / timeline->width_ns);
    timeline->counts[bucket][series]++;
    if (bucket >= timeline->used)
        timeline->used = bucket + 1;
}

uint32_t pm_timeline_bars(const struct pm_timeline *timeline, uint32_t step)
{
    return (timeline->used + step - 1) / step;
}

uint32_t pm_timeline_step(const struct pm_timeline *timeline, uint32_t most)
{
    static const uint32_t nice[] = {1, 2, 5};
    for (uint32_t ten = 1;; ten *= 10)
        for (unsigned i = 0; i < 3; i++)
            if (pm_timeline_bars(timeline, nice[i] * ten) <= most)
                return nice[i] * ten;
}

void pm_timeline_bar(const struct pm_timeline *timeline, uint32_t step, uint32_t bar,
                     uint64_t counts[PM_SERIES_COUNT])
{
    memset(counts, 0, PM_SERIES_COUNT * sizeof counts[0]);
    for (uint32_t i = bar * step; i < timeline->used && i - bar * step < step; i++)
        for (unsigned series = 0; series < PM_SERIES_COUNT; series++)
            counts[series] += timeline->counts[i][series];
}
