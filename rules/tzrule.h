/* tzrule.h - rules of summer time, as POSIX writes them in TZ and RFC 9636 behind the data.
 *
 *     IST-1GMT0,M10.5.0,M3.5.0/1      Dublin: standard time is that of the summer
 *     <+0330>-3:30                    Teheran: no summer time
 *
 * Offsets here are seconds east of UTC, as everywhere but in these texts. */
#ifndef PMR_TZRULE_H
#define PMR_TZRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tz_day_kind {
    TZ_MONTH,  /* Mm.w.d: the w'th weekday d of month m; week 5 is the last; day 0 is Sunday */
    TZ_JULIAN, /* Jn: 1..365, 29 February is not counted */
    TZ_ZERO    /* n: 0..365, it is */
};

struct tz_day {
    enum tz_day_kind kind;
    int month, week, day;
    int32_t time_s; /* of the day, by the clock before the change; -167 to 167 hours */
};

struct tz_rule {
    int32_t standard_s, daylight_s;
    bool has_daylight;
    struct tz_day to_daylight, to_standard;
};

bool pmr_tz_rule_parse(const char *text, struct tz_rule *out);

/* When the change happens in that year, where the clock is at offset_s before it: seconds since
 * 1970 in UTC. */
int64_t pmr_tz_day_at(const struct tz_day *day, int year, int32_t offset_s);

/* The year (in UTC) of a time since 1970, for years 1 to 9999; others give the nearest of them. */
int pmr_tz_year_of(int64_t time_s);

/* Days from 1970-01-01 to that date (month and day from 1); -1: there is no such day. Years 1970 to
 * 9999. */
int64_t pmr_tz_days_to(int year, int month, int day);

#endif
