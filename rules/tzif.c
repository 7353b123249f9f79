/* tzif.c - the time zone files of a system: RFC 9636, versions 2 to 4. */
#include "tzif.h"

#include <string.h>

#include "tzrule.h"

#define HEADER_LEN 44u
#define TYPE_LEN   6u
#define FOOTER_MAX 128u

/* RFC 9636, section 3.2: utoff lies within these. */
#define OFFSET_MIN (-89999)
#define OFFSET_MAX 93599

struct header {
    uint32_t isut_count, isstd_count, leap_count, time_count, type_count, char_count;
};

/* A block of data: where its parts are. */
struct block {
    struct header header;
    const uint8_t *times, *indexes, *types;
    size_t len; /* with its header */
};

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Two's complement without a conversion that the language leaves open. */
static int64_t get_signed(const uint8_t *at, size_t len)
{
    int64_t value = (at[0] & 0x80) != 0 ? -1 : 0;

    for (size_t i = 0; i < len; i++)
        value = value * 256 + at[i];
    return value;
}

static bool block_at(const uint8_t *at, size_t len, size_t time_len, struct block *out)
{
    struct header *h = &out->header;
    uint64_t need;

    if (len < HEADER_LEN || memcmp(at, "TZif", 4) != 0)
        return false;
    *h = (struct header){.isut_count = get32(at + 20),
                         .isstd_count = get32(at + 24),
                         .leap_count = get32(at + 28),
                         .time_count = get32(at + 32),
                         .type_count = get32(at + 36),
                         .char_count = get32(at + 40)};
    need = (uint64_t)h->time_count * (time_len + 1) + (uint64_t)h->type_count * TYPE_LEN +
           h->char_count + (uint64_t)h->leap_count * (time_len + 4) + h->isstd_count +
           h->isut_count;
    if (need > len - HEADER_LEN)
        return false;
    out->times = at + HEADER_LEN;
    out->indexes = out->times + (size_t)h->time_count * time_len;
    out->types = out->indexes + h->time_count;
    out->len = HEADER_LEN + (size_t)need;
    return true;
}

/* ------------------------------------------------------------------ steps */

/* A step at the same time replaces the one before, one that changes nothing is left out. */
static void put(struct zone_steps *steps, int64_t from_s, int32_t offset_s)
{
    if (steps->count > 0 && steps->list[steps->count - 1].from_s == from_s)
        steps->count--;
    if (steps->count > 0 && steps->list[steps->count - 1].offset_s == offset_s)
        return;
    steps->list[steps->count++] = (struct pm_zone_step){.from_s = from_s, .offset_s = offset_s};
}

static bool type_offset(const struct block *b, uint32_t type, int32_t *out)
{
    int64_t offset;

    if (type >= b->header.type_count)
        return false;
    offset = get_signed(b->types + (size_t)type * TYPE_LEN, 4);
    if (offset < OFFSET_MIN || offset > OFFSET_MAX)
        return false;
    *out = (int32_t)offset;
    return true;
}

/* False: times that do not ascend, or types that are not there. */
static bool put_data(struct zone_steps *steps, const struct block *b)
{
    int64_t last = INT64_MIN;
    int32_t offset_s;

    if (!type_offset(b, 0, &offset_s))
        return false;
    put(steps, INT64_MIN, offset_s);
    for (uint32_t i = 0; i < b->header.time_count; i++) {
        int64_t from_s = get_signed(b->times + (size_t)i * 8, 8);

        if (from_s <= last || !type_offset(b, b->indexes[i], &offset_s))
            return false;
        put(steps, from_s, offset_s);
        last = from_s;
    }
    return true;
}

/* The changes of a year that come later than the data. */
static void put_year(struct zone_steps *steps, const struct tz_rule *rule, int year, int64_t after)
{
    struct pm_zone_step changes[] = {
        {pmr_tz_day_at(&rule->to_daylight, year, rule->standard_s), rule->daylight_s},
        {pmr_tz_day_at(&rule->to_standard, year, rule->daylight_s), rule->standard_s}};
    size_t first = changes[0].from_s <= changes[1].from_s ? 0 : 1;

    for (size_t i = 0; i < 2; i++) {
        const struct pm_zone_step *c = &changes[i ^ first];

        if (c->from_s > after)
            put(steps, c->from_s, c->offset_s);
    }
}

static void put_rule(struct zone_steps *steps, const struct block *b, const struct tz_rule *rule)
{
    uint32_t count = b->header.time_count;
    int64_t after = count == 0 ? 0 : get_signed(b->times + (size_t)(count - 1) * 8, 8);

    if (!rule->has_daylight) {
        if (count == 0)
            put(steps, INT64_MIN, rule->standard_s);
        return;
    }
    for (int year = pmr_tz_year_of(after); year <= PMR_TZ_LAST_YEAR; year++)
        put_year(steps, rule, year, after);
}

/* ------------------------------------------------------------------ the file */

/* "\n" rule "\n"; empty where nothing is known of the future. False: none of that. */
static bool footer_of(const uint8_t *at, size_t len, char out[FOOTER_MAX])
{
    const uint8_t *end = len < 2 || at[0] != '\n' ? NULL : memchr(at + 1, '\n', len - 1);
    size_t text_len = end == NULL ? 0 : (size_t)(end - at) - 1;

    if (end == NULL || text_len >= FOOTER_MAX)
        return false;
    memcpy(out, at + 1, text_len);
    out[text_len] = '\0';
    return true;
}

static const char *fault_of(const uint8_t *bytes, size_t len, struct block *b, char *footer,
                            struct tz_rule *rule)
{
    struct block old;

    if (!block_at(bytes, len, 4, &old))
        return "it is no time zone data";
    if (bytes[4] < '2')
        return "it is of version 1, which ends in 2037";
    if (!block_at(bytes + old.len, len - old.len, 8, b))
        return "it is no time zone data";
    if (b->header.leap_count > 0)
        return "it counts leap seconds";
    if (!footer_of(bytes + old.len + b->len, len - old.len - b->len, footer))
        return "it has no end";
    if (footer[0] != '\0' && !pmr_tz_rule_parse(footer, rule))
        return "its rule for the future is not known";
    return NULL;
}

void pmr_tzif_steps(struct memory *m, const uint8_t *bytes, size_t len, struct zone_steps *out,
                    const char **fault)
{
    struct tz_rule rule = {.standard_s = 0};
    struct block b = {.len = 0};
    char footer[FOOTER_MAX] = "";
    struct zone_steps steps = {.count = 0};
    int first_year;

    *out = steps;
    *fault = fault_of(bytes, len, &b, footer, &rule);
    if (*fault != NULL)
        return;
    /* a rule makes at most two steps a year, from the last change of the data on */
    first_year =
        b.header.time_count == 0
            ? 1970
            : pmr_tz_year_of(get_signed(b.times + (size_t)(b.header.time_count - 1) * 8, 8));
    steps.list = pmr_memory_array(
        m,
        (size_t)b.header.time_count + 2 +
            (first_year > PMR_TZ_LAST_YEAR ? 0 : 2 * (size_t)(PMR_TZ_LAST_YEAR + 1 - first_year)),
        sizeof *steps.list);
    if (steps.list == NULL)
        return;
    if (!put_data(&steps, &b)) {
        *fault = "its changes are not in order";
        return;
    }
    if (footer[0] != '\0')
        put_rule(&steps, &b, &rule);
    *out = steps;
}
