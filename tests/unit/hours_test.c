/* hours_test.c - days and times of day, against a table that Python's zoneinfo made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/hours.h"

#define DAY  86400
#define ROWS 16

/* A moment, and what clocks on the wall show then. Monday is 0. */
struct row {
    int64_t utc_s;
    unsigned weekday;
    uint32_t of_day_s;
};

struct place {
    const char *name;
    struct pm_zone_step steps[3];
    size_t step_count;
    struct row rows[ROWS];
};

static const struct place places[] = {
    {"Europe/Berlin",
     {{1767225600, 3600}, {1774746000, 7200}, {1792890000, 3600}},
     3,
     {{1767237945, 3, 15945},
      {1774745999, 6, 7199},
      {1774746000, 6, 10800},
      {1774749599, 6, 14399},
      {1774486793, 3, 7193},
      {1792889999, 6, 10799},
      {1792890000, 6, 7200},
      {1792893599, 6, 10799},
      {1792630793, 3, 10793},
      {1784505600, 0, 7200},
      {1784608547, 1, 23747},
      {1784711494, 2, 40294}}},
    {"America/New_York",
     {{1767225600, -18000}, {1772953200, -14400}, {1793512800, -18000}},
     3,
     {{1767237945, 2, 80745},
      {1772953199, 6, 7199},
      {1772953200, 6, 10800},
      {1772956799, 6, 14399},
      {1772693993, 3, 7193},
      {1793512799, 6, 7199},
      {1793512800, 6, 3600},
      {1793516399, 6, 7199},
      {1793253593, 3, 7193},
      {1784505600, 6, 72000},
      {1784608547, 1, 2147},
      {1784711494, 2, 18694}}},
    {"Europe/Dublin",
     {{1767225600, 0}, {1774746000, 3600}, {1792890000, 0}},
     3,
     {{1767237945, 3, 12345},
      {1774745999, 6, 3599},
      {1774746000, 6, 7200},
      {1774749599, 6, 10799},
      {1774486793, 3, 3593},
      {1792889999, 6, 7199},
      {1792890000, 6, 3600},
      {1792893599, 6, 7199},
      {1792630793, 3, 7193},
      {1784505600, 0, 3600},
      {1784608547, 1, 20147},
      {1784711494, 2, 36694}}},
    {"Australia/Lord_Howe",
     {{1767225600, 39600}, {1775314800, 37800}, {1791041400, 39600}},
     3,
     {{1767237945, 3, 51945},
      {1775314799, 6, 7199},
      {1775314800, 6, 5400},
      {1775318399, 6, 8999},
      {1775055593, 3, 7193},
      {1791041399, 6, 7199},
      {1791041400, 6, 9000},
      {1791044999, 6, 12599},
      {1790782193, 3, 7193},
      {1784505600, 0, 37800},
      {1784608547, 1, 54347},
      {1784711494, 2, 70894}}},
    {"Asia/Kolkata",
     {{1767225600, 19800}},
     1,
     {{1767237945, 3, 32145},
      {1784505600, 0, 19800},
      {1784608547, 1, 36347},
      {1784711494, 2, 52894}}},
    {"America/St_Johns",
     {{-31536000, -12600}, {-21493800, -9000}, {-5772600, -12600}},
     3,
     {{-31523655, 1, 86145},
      {-21493801, 6, 7199},
      {-21493800, 6, 10800},
      {-21490201, 6, 14399},
      {-21753007, 3, 7193},
      {-5772601, 6, 7199},
      {-5772600, 6, 3600},
      {-5769001, 6, 7199},
      {-6031807, 3, 7193},
      {-14256000, 5, 77400},
      {-14153053, 0, 7547},
      {-14050106, 1, 24094}}},
};

static bool holds(const struct pm_zone *zone, int64_t utc_s, unsigned days, uint32_t from_s,
                  uint32_t to_s)
{
    struct pm_hours hours = {.days = (uint8_t)days, .from_s = from_s, .to_s = to_s};
    return pm_hours_hold(&hours, zone, utc_s);
}

static void check(const struct pm_zone *zone, const struct row *row)
{
    uint32_t s = row->of_day_s;
    unsigned today = 1u << row->weekday, yesterday = 1u << (row->weekday + 6) % 7;
    assert_true(holds(zone, row->utc_s, today, s, s + 1));
    assert_true(holds(zone, row->utc_s, 0, s, s + 1));
    assert_true(holds(zone, row->utc_s, today, 0, 0));
    assert_false(holds(zone, row->utc_s, 0x7f & ~today, s, s + 1));
    assert_false(holds(zone, row->utc_s, 0x7f & ~today, 0, 0));
    assert_false(holds(zone, row->utc_s, 0, s + 1, s + 2));
    assert_true(s == 0 || holds(zone, row->utc_s, today, s, s - 1)); /* begins over midnight */
    assert_true(holds(zone, row->utc_s, yesterday, s + 2, s + 1));   /* began yesterday */
    assert_false(holds(zone, row->utc_s, 0x7f & ~yesterday, s + 2, s + 1));
}

static void clocks_on_the_wall_show_what_zoneinfo_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct pm_zone_step steps[3] = {places[i].steps[0], places[i].steps[1], places[i].steps[2]};
        struct pm_zone zone = {steps, places[i].step_count};
        for (size_t k = 0; k < ROWS && places[i].rows[k].utc_s != 0; k++)
            check(&zone, &places[i].rows[k]);
    }
}

/* Every minute of two weeks around 1970, counted by hand instead of divided. */
static void utc_is_counted_minute_by_minute(void **state)
{
    (void)state;
    unsigned weekday = 3; /* 1970-01-01 less a week: a Thursday too */
    uint32_t of_day_s = 0;
    for (int64_t t = -7 * DAY; t < 7 * DAY; t += 60) {
        check(NULL, &(struct row){t, weekday, of_day_s});
        of_day_s += 60;
        if (of_day_s == DAY) {
            of_day_s = 0;
            weekday = (weekday + 1) % 7;
        }
    }
}

static void before_the_first_step_its_offset_holds(void **state)
{
    (void)state;
    struct pm_zone_step steps[] = {{1000, 3600}, {2000, 7200}};
    struct pm_zone zone = {steps, 2};
    assert_int_equal(pm_zone_offset(&zone, -5), 3600);
    assert_int_equal(pm_zone_offset(&zone, 1999), 3600);
    assert_int_equal(pm_zone_offset(&zone, 2000), 7200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_on_the_wall_show_what_zoneinfo_says),
        cmocka_unit_test(utc_is_counted_minute_by_minute),
        cmocka_unit_test(before_the_first_step_its_offset_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
