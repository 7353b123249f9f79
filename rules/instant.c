/* instant.c - a moment as RFC 3339 writes it: "2026-06-01T08:30:00Z". */
#include "instant.h"

#include <stdio.h>

#include "diagnostic.h"
#include "tzrule.h"

#define DAY_S INT64_C(86400)

/* So many digits, at most `most`; then the character `behind`, unless it is 0. */
static bool take(const char **at, int digits, int most, char behind, int *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (**at - '0');
    }
    if (behind != '\0' && *(*at)++ != behind)
        return false;
    return *out <= most;
}

/* "Z", or how far the clock is ahead of UTC. */
static bool take_offset(const char *at, int64_t *out_s)
{
    char sign = *at++;
    int hours = 0, minutes = 0;

    if (sign == '+' || sign == '-') {
        if (!take(&at, 2, 23, ':', &hours) || !take(&at, 2, 59, '\0', &minutes))
            return false;
    } else if (sign != 'Z') {
        return false;
    }
    *out_s = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
    return *at == '\0';
}

bool pmr_parse_instant(const char *text, uint64_t *since_1970_ns, struct complaint *c)
{
    const char *at = text;
    int year, month, day, hour, minute, second;
    int64_t offset_s, days, time_s;

    if (take(&at, 4, 2105, '-', &year) && take(&at, 2, 12, '-', &month) &&
        take(&at, 2, 31, 'T', &day) && take(&at, 2, 23, ':', &hour) &&
        take(&at, 2, 59, ':', &minute) && take(&at, 2, 59, '\0', &second) &&
        take_offset(at, &offset_s) && (days = pmr_tz_days_to(year, month, day)) >= 0) {
        time_s = days * DAY_S + hour * 3600 + minute * 60 + second - offset_s;
        if (time_s >= 0) {
            *since_1970_ns = (uint64_t)time_s * 1000000000;
            return true;
        }
    }
    c->code = CODE_HOURS;
    c->hint[0] = '\0';
    snprintf(c->text, sizeof c->text,
             "expected a moment like \"2026-06-01T10:30:00+02:00\", found %s",
             pmr_quote(text).text);
    return false;
}
