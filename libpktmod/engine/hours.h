/* hours.h - the hours of a rule: days and times of day in its time zone. */
#ifndef PM_ENGINE_HOURS_H
#define PM_ENGINE_HOURS_H

#include <pktmod/policy.h>

/* When a time zone is how far from UTC. */
struct pm_zone {
    struct pm_zone_step *steps; /* ascending */
    size_t count;
};

struct pm_hours {
    uint8_t days;
    uint32_t from_s, to_s;
};

/* Seconds east of UTC. zone NULL: UTC. */
int32_t pm_zone_offset(const struct pm_zone *zone, int64_t utc_s);
/* Whether that moment lies within the hours; their contract is that of pm_modifiers.when. */
bool pm_hours_hold(const struct pm_hours *hours, const struct pm_zone *zone, int64_t utc_s);

#endif
