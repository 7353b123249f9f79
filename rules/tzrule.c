/* tzrule.c - rules of summer time, as POSIX writes them in TZ and RFC 9636 behind the data. */
#include "tzrule.h"

#include <string.h>

#define DAY_S  86400
#define HOUR_S 3600

/* ------------------------------------------------------------------ the calendar */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_to(int year)
{
    int64_t before = year - 1; /* whole years since year 1 */

    return before * 365 + before / 4 - before / 100 + before / 400 - 719162;
}

static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static int days_of_month(int month, int year)
{
    return month_days[month - 1] + (month == 2 && is_leap(year));
}

/* Days of the year before the month. */
static int days_before(int month, int year)
{
    int days = 0;

    for (int m = 1; m < month; m++)
        days += days_of_month(m, year);
    return days;
}

int64_t pmr_tz_days_to(int year, int month, int day)
{
    if (year < 1970 || year > 9999 || month < 1 || month > 12)
        return -1;
    if (day < 1 || day > days_of_month(month, year))
        return -1;
    return days_to(year) + days_before(month, year) + day - 1;
}

int pmr_tz_year_of(int64_t time_s)
{
    int low = 1, high = 10000;

    while (high - low > 1) {
        int middle = low + (high - low) / 2;

        if (days_to(middle) * DAY_S <= time_s)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Day of the year, from 0. */
static int month_day(const struct tz_day *day, int year)
{
    int first = days_before(day->month, year);
    /* 1970-01-01 was a Thursday */
    int weekday = (int)(((days_to(year) + first + 4) % 7 + 7) % 7);
    int at = (day->day - weekday + 7) % 7 + 7 * (day->week - 1);

    if (at >= days_of_month(day->month, year))
        at -= 7;
    return first + at;
}

static int day_of_year(const struct tz_day *day, int year)
{
    switch (day->kind) {
    case TZ_MONTH:
        return month_day(day, year);
    case TZ_JULIAN:
        return day->day - 1 + (is_leap(year) && day->day >= 60);
    case TZ_ZERO:
        break;
    }
    return day->day;
}

int64_t pmr_tz_day_at(const struct tz_day *day, int year, int32_t offset_s)
{
    return (days_to(year) + day_of_year(day, year)) * DAY_S + day->time_s - offset_s;
}

/* ------------------------------------------------------------------ the text */

static bool number(const char **text, int least, int most, int *out)
{
    const char *at = *text;

    *out = 0;
    for (; *at >= '0' && *at <= '9' && at - *text < 3; at++)
        *out = *out * 10 + (*at - '0');
    if (at == *text || *out < least || *out > most)
        return false;
    *text = at;
    return true;
}

/* EST, or <+0330>; what it says does not matter. */
static bool name(const char **text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = strspn(*text, letters);

    if (**text == '<') {
        len = strcspn(*text, ">");
        if (len < 4 || (*text)[len] != '>')
            return false;
        len++;
    }
    *text += len;
    return len >= 3;
}

/* [+-]h[h][:mm[:ss]] */
static bool clock(const char **text, int most_hours, int32_t *out)
{
    const char *at = *text;
    bool is_negative = *at == '-';
    int hours, minutes = 0, seconds = 0;

    at += *at == '-' || *at == '+';
    if (!number(&at, 0, most_hours, &hours))
        return false;
    if (*at == ':' && (at++, !number(&at, 0, 59, &minutes)))
        return false;
    if (*at == ':' && (at++, !number(&at, 0, 59, &seconds)))
        return false;
    *out = hours * HOUR_S + minutes * 60 + seconds;
    *out = is_negative ? -*out : *out;
    *text = at;
    return true;
}

static bool month_parts(const char **text, struct tz_day *out)
{
    return *(*text)++ == 'M' && number(text, 1, 12, &out->month) && *(*text)++ == '.' &&
           number(text, 1, 5, &out->week) && *(*text)++ == '.' && number(text, 0, 6, &out->day);
}

/* ,M3.5.0/2 */
static bool change(const char **text, struct tz_day *out)
{
    bool is_good;

    *out = (struct tz_day){.kind = TZ_ZERO, .time_s = 2 * HOUR_S};
    if (*(*text)++ != ',')
        return false;
    if (**text == 'M')
        out->kind = TZ_MONTH;
    else if (**text == 'J')
        out->kind = TZ_JULIAN;
    if (out->kind == TZ_MONTH)
        is_good = month_parts(text, out);
    else if (out->kind == TZ_JULIAN)
        is_good = ((*text)++, number(text, 1, 365, &out->day));
    else
        is_good = number(text, 0, 365, &out->day);
    if (!is_good || **text != '/')
        return is_good;
    (*text)++;
    return clock(text, 167, &out->time_s);
}

bool pmr_tz_rule_parse(const char *text, struct tz_rule *out)
{
    int32_t west;

    *out = (struct tz_rule){.standard_s = 0};
    if (!name(&text) || !clock(&text, 24, &west))
        return false;
    out->standard_s = -west;
    if (*text == '\0')
        return true;
    out->has_daylight = true;
    out->daylight_s = out->standard_s + HOUR_S;
    if (!name(&text))
        return false;
    if (*text != ',') {
        if (!clock(&text, 24, &west))
            return false;
        out->daylight_s = -west;
    }
    return change(&text, &out->to_daylight) && change(&text, &out->to_standard) && *text == '\0';
}
