/* tzif_test.c - time zone data that is not what it should be is refused, and rules mean what POSIX
 * says; zones/ compares with the system's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "rules/tzif.h"
#include "rules/tzrule.h"

/* ------------------------------------------------------------------ data made here */

struct data {
    uint8_t at[1024];
    size_t len;
};

static void put(struct data *d, const void *bytes, size_t len)
{
    assert_true(len <= sizeof d->at - d->len);
    memcpy(d->at + d->len, bytes, len);
    d->len += len;
}

static void put_number(struct data *d, int64_t value, size_t len)
{
    for (size_t i = len; i-- > 0;) {
        uint8_t byte = (uint8_t)((uint64_t)value >> 8 * i);

        put(d, &byte, 1);
    }
}

static void put_header(struct data *d, char version, uint32_t leaps, uint32_t times, uint32_t types)
{
    put(d, "TZif", 4);
    put(d, &version, 1);
    put(d, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    put_number(d, 0, 4);
    put_number(d, 0, 4);
    put_number(d, leaps, 4);
    put_number(d, times, 4);
    put_number(d, types, 4);
    put_number(d, 4, 4);
}

static void put_type(struct data *d, int32_t offset_s)
{
    put_number(d, offset_s, 4);
    put_number(d, 0, 2);
}

/* Three types, two changes, and the rule. */
struct wanted {
    char version;
    uint32_t leaps;
    int64_t times[2];
    uint8_t indexes[2];
    int32_t offsets[3];
    const char *footer;
};

static const struct wanted sound = {.version = '2',
                                    .times = {-1000, 86400 * 365},
                                    .indexes = {1, 2},
                                    .offsets = {3208, 3600, 7200},
                                    .footer = "\nCET-1CEST,M3.5.0,M10.5.0/3\n"};

static struct data data_of(const struct wanted *w)
{
    struct data d = {.len = 0};

    put_header(&d, w->version, 0, 0, 1);
    put_type(&d, 0);
    put(&d, "UTC", 4);
    put_header(&d, w->version, w->leaps, 2, 3);
    for (int i = 0; i < 2; i++)
        put_number(&d, w->times[i], 8);
    put(&d, w->indexes, 2);
    for (int i = 0; i < 3; i++)
        put_type(&d, w->offsets[i]);
    put(&d, "UTC", 4);
    for (uint32_t i = 0; i < w->leaps; i++)
        put(&d, "\0\0\0\0\0\0\0\0\0\0\0\1", 12);
    put(&d, w->footer, strlen(w->footer));
    return d;
}

/* The fault of the bytes, "" if there is none. They are copied so that a sanitizer sees their end.
 */
static const char *fault_of(const uint8_t *bytes, size_t len, size_t *count)
{
    struct memory memory = {.chunks = NULL};
    struct zone_steps steps;
    const char *fault;
    uint8_t *copy = malloc(len + !len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    pmr_tzif_steps(&memory, copy, len, &steps, &fault);
    assert_true((steps.list == NULL) == (fault != NULL));
    for (size_t i = 1; i < steps.count; i++)
        assert_true(steps.list[i - 1].offset_s != steps.list[i].offset_s);
    *count = steps.count;
    pmr_memory_free(&memory);
    free(copy);
    return fault == NULL ? "" : fault;
}

static void expect_fault(const struct wanted *wanted, const char *expected)
{
    struct data d = data_of(wanted);
    size_t count;

    assert_string_equal(fault_of(d.at, d.len, &count), expected);
}

/* ------------------------------------------------------------------ stories */

static void data_and_rule_become_one_list(void **state)
{
    struct memory memory = {.chunks = NULL};
    struct data d = data_of(&sound);
    struct zone_steps steps;
    const char *fault;

    (void)state;
    pmr_tzif_steps(&memory, d.at, d.len, &steps, &fault);
    assert_null(fault);
    assert_true(steps.list[0].from_s == INT64_MIN && steps.list[0].offset_s == 3208);
    assert_true(steps.list[1].from_s == -1000 && steps.list[1].offset_s == 3600);
    assert_true(steps.list[2].from_s == 86400 * 365 && steps.list[2].offset_s == 7200);
    /* 1971-03-28 brings 7200 again; 1971-10-31 01:00 UTC is the next change */
    assert_true(steps.list[3].from_s == 57718800 && steps.list[3].offset_s == 3600);
    assert_int_equal(steps.count, 3 + 1 + 2 * (2100 - 1971));
    assert_true(steps.list[steps.count - 1].from_s == INT64_C(4128627600)); /* 2100-10-31 */
    pmr_memory_free(&memory);
}

static void a_zone_without_a_rule_keeps_its_last_offset(void **state)
{
    struct wanted w = sound;
    size_t count;
    struct data d;

    (void)state;
    w.footer = "\n\n";
    d = data_of(&w);
    assert_string_equal(fault_of(d.at, d.len, &count), "");
    assert_int_equal(count, 3);
}

static void what_is_wrong_with_data_is_told(void **state)
{
    struct wanted w;

    (void)state;
    w = sound;
    w.version = 0;
    expect_fault(&w, "it is of version 1, which ends in 2037");
    w = sound;
    w.leaps = 1;
    expect_fault(&w, "it counts leap seconds");
    w = sound;
    w.times[1] = w.times[0];
    expect_fault(&w, "its changes are not in order");
    w = sound;
    w.indexes[1] = 3;
    expect_fault(&w, "its changes are not in order");
    w = sound;
    w.offsets[2] = 100000;
    expect_fault(&w, "its changes are not in order");
    w = sound;
    w.footer = "";
    expect_fault(&w, "it has no end");
    w.footer = "\nUTC0";
    expect_fault(&w, "it has no end");
    w.footer = "\nUTC\n";
    expect_fault(&w, "its rule for the future is not known");
}

static void data_that_is_cut_anywhere_is_refused(void **state)
{
    struct data d = data_of(&sound);
    size_t count;

    (void)state;
    for (size_t len = 0; len < d.len; len++)
        assert_true(fault_of(d.at, len, &count)[0] != '\0');
    assert_string_equal(fault_of(d.at, d.len, &count), "");
}

static void damaged_data_is_read_or_refused_within_its_bytes(void **state)
{
    struct data good = data_of(&sound);
    uint64_t draws = 0;
    size_t count;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct data d = good;

        for (int n = i % 4; n >= 0; n--) {
            uint64_t draw = pm_draw(5, 0, 0, draws++);

            d.at[pm_draw_below(draw, d.len)] = (uint8_t)draw;
        }
        fault_of(d.at, d.len, &count);
    }
}

/* ------------------------------------------------------------------ rules */

static void rules_are_read_as_posix_writes_them(void **state)
{
    static const struct {
        const char *text;
        int32_t standard_s, daylight_s; /* equal: no summer time */
    } cases[] = {
        {"UTC0", 0, 0},
        {"<+0330>-3:30", 12600, 12600},
        {"<-00>0", 0, 0},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 3600, 0},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7200, -3600},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37800, 39600},
        {"EST5EDT4:00:00,J60/2,300", -18000, -14400},
        {"XXX3EDT4,0/0,J365/23", -10800, -14400},
        {"A", 1, 0},
        {"AB5", 1, 0},
        {"<AB>5", 1, 0},
        {"<ABC5", 1, 0},
        {"ABC", 1, 0},
        {"ABC25", 1, 0},
        {"ABC5:60", 1, 0},
        {"ABC5DEF", 1, 0},
        {"ABC5DEF,", 1, 0},
        {"ABC5DEF,M3.5.0", 1, 0},
        {"ABC5DEF,M13.5.0,M3.5.0", 1, 0},
        {"ABC5DEF,M3.6.0,M3.5.0", 1, 0},
        {"ABC5DEF,M3.5.7,M3.5.0", 1, 0},
        {"ABC5DEF,M3.5,M3.5.0", 1, 0},
        {"ABC5DEF,J0,J5", 1, 0},
        {"ABC5DEF,366,5", 1, 0},
        {"ABC5DEF,M3.5.0/168,M3.5.0", 1, 0},
        {"ABC5DEF,M3.5.0,M10.5.0 ", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tz_rule rule;
        bool is_good = pmr_tz_rule_parse(cases[i].text, &rule), is_wanted = i < 9;

        if (is_good != is_wanted || (is_good && rule.standard_s != cases[i].standard_s) ||
            (is_good && rule.has_daylight && rule.daylight_s != cases[i].daylight_s) ||
            (is_good && rule.has_daylight != (cases[i].standard_s != cases[i].daylight_s)))
            fail_msg("%s: %d", cases[i].text, is_good);
    }
}

static void days_of_rules_fall_where_the_calendar_has_them(void **state)
{
    static const struct {
        struct tz_day day;
        int year;
        int64_t at;
    } cases[] = {
        {{TZ_MONTH, 3, 5, 0, 0}, 2026, 1774742400},     /* 29 March */
        {{TZ_MONTH, 2, 5, 4, 0}, 2024, 1709164800},     /* 29 February */
        {{TZ_MONTH, 2, 5, 4, 0}, 2023, 1677110400},     /* 23 February */
        {{TZ_MONTH, 10, 1, 0, 7200}, 2023, 1696125600}, /* 1 October, 02:00 */
        {{TZ_JULIAN, 0, 0, 60, 0}, 2024, 1709251200},   /* 1 March */
        {{TZ_JULIAN, 0, 0, 60, 0}, 2023, 1677628800},   /* 1 March */
        {{TZ_ZERO, 0, 0, 59, 0}, 2024, 1709164800},     /* 29 February */
        {{TZ_ZERO, 0, 0, 0, -3600}, 1970, -3600},       /* an hour before it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(pmr_tz_day_at(&cases[i].day, cases[i].year, 0) == cases[i].at);
    assert_int_equal(pmr_tz_year_of(-1), 1969);
    assert_int_equal(pmr_tz_year_of(0), 1970);
    assert_int_equal(pmr_tz_year_of(4102444799), 2099);
    assert_int_equal(pmr_tz_year_of(4102444800), 2100);
    assert_int_equal(pmr_tz_year_of(INT64_MIN), 1);
    assert_int_equal(pmr_tz_year_of(INT64_MAX), 9999);
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(data_and_rule_become_one_list),
        cmocka_unit_test(a_zone_without_a_rule_keeps_its_last_offset),
        cmocka_unit_test(what_is_wrong_with_data_is_told),
        cmocka_unit_test(data_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(damaged_data_is_read_or_refused_within_its_bytes),
        cmocka_unit_test(rules_are_read_as_posix_writes_them),
        cmocka_unit_test(days_of_rules_fall_where_the_calendar_has_them),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
