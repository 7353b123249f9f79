/* hours.c - days and times of day; the contract is in hours.h. */
#include "engine/hours.h"

#define DAY_S       86400
#define EPOCH_DAY   3 /* 1970-01-01 was a Thursday; Monday is 0 */
#define DAYS_A_WEEK 7

int32_t pm_zone_offset(const struct pm_zone *zone, int64_t utc_s)
{
    if (!zone)
        return 0;
    size_t low = 0, high = zone->count; /* steps before low have begun, those from high on not */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->steps[middle].from_s <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return zone->steps[low ? low - 1 : 0].offset_s;
}

/* Division and rest that go down below zero too. */
static int64_t day_of(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0);
}

static bool has_day(const struct pm_hours *hours, int64_t day)
{
    int64_t weekday = (day + EPOCH_DAY) % DAYS_A_WEEK;
    if (weekday < 0)
        weekday += DAYS_A_WEEK;
    return hours->days == 0 || (hours->days >> weekday & 1);
}

bool pm_hours_hold(const struct pm_hours *hours, const struct pm_zone *zone, int64_t utc_s)
{
    int64_t local_s = utc_s + pm_zone_offset(zone, utc_s);
    int64_t day = day_of(local_s);
    int64_t of_day_s = local_s - day * DAY_S;
    if (hours->from_s == 0 && hours->to_s == 0)
        return has_day(hours, day);
    bool has_begun = of_day_s >= hours->from_s, is_over = of_day_s >= hours->to_s;
    if (hours->from_s < hours->to_s)
        return has_begun && !is_over && has_day(hours, day);
    return (has_begun && has_day(hours, day)) || (!is_over && has_day(hours, day - 1));
}
