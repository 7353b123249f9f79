/* when.c - the days and hours of a rule. */
#include "when.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "notation.h"
#include "zone.h"

#define DAY_S 86400u

/* ------------------------------------------------------------------ days */

/* 0 is Monday; -1: no day. */
static int day_of(const char *text, size_t len)
{
    static const char names[] = "montuewedthufrisatsun";

    for (int day = 0; day < 7 && len == 3; day++)
        if (memcmp(names + (size_t)day * 3, text, 3) == 0)
            return day;
    return -1;
}

/* "mon" or "fri-mon", as bits; 0: neither. */
static uint8_t days_in(const char *text)
{
    const char *dash = strchr(text, '-');
    int first = day_of(text, dash == NULL ? strlen(text) : (size_t)(dash - text));
    int last = dash == NULL ? first : day_of(dash + 1, strlen(dash + 1));
    uint8_t days = 0;

    if (first < 0 || last < 0)
        return 0;
    for (int day = first; day != last; day = (day + 1) % 7)
        days |= (uint8_t)(1 << day);
    return (uint8_t)(days | 1 << last);
}

static void add_days(struct load *l, const struct node *n, uint8_t *days)
{
    uint8_t more;

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return;
    more = days_in(pmr_node_text(n));
    if (more == 0)
        pmr_fail(l, n, CODE_HOURS, NULL,
                 "expected a day (mon tue wed thu fri sat sun) or \"mon-fri\", found %s",
                 pmr_found(n).text);
    else if ((more & *days) != 0)
        pmr_fail(l, n, CODE_HOURS, NULL, "%s is in this list before", pmr_found(n).text);
    *days |= more;
}

static void take_days(struct load *l, const struct node *n, uint8_t *days)
{
    if (n->bad)
        return;
    if (pmr_node_kind(n) == NODE_STRING)
        add_days(l, n, days);
    else if (pmr_node_kind(n) != NODE_LIST)
        pmr_fail(l, n, CODE_TYPE, NULL, "expected a list of days or \"mon-fri\", found %s",
                 pmr_found(n).text);
    else if (pmr_expect_filled(l, n, NODE_LIST))
        for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
            add_days(l, m, days);
}

/* ------------------------------------------------------------------ hours */

static bool take_time(struct load *l, const struct node *n, uint32_t *out)
{
    struct complaint c = {.text = ""};
    const char *hint = NULL;

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return false;
    if (pmr_parse_time(pmr_node_text(n), out, &c))
        return true;
    if (c.hint[0] != '\0')
        hint = pmr_text(&l->rules->memory, "%s", c.hint);
    pmr_fail(l, n, c.code, hint, "%s", c.text);
    return false;
}

/* Without "from" the hours begin with the day, without "to" they end with it. */
static void take_hours(struct load *l, const struct node *when, struct pm_modifiers *out)
{
    const struct node *from = pmr_node_get(when, "from"), *to = pmr_node_get(when, "to");
    uint32_t from_s = 0, to_s = DAY_S;

    if (from == NULL && to == NULL)
        return;
    if (from != NULL && !take_time(l, from, &from_s))
        return;
    if (to != NULL && !take_time(l, to, &to_s))
        return;
    if (from_s == DAY_S) {
        pmr_fail(l, from, CODE_HOURS, "write \"00:00\"", "no day goes on behind \"24:00\"");
    } else if (from_s == to_s) { /* so "to" is there */
        pmr_fail(l, to, CODE_HOURS, "leave both out for the whole day",
                 "\"from\" and \"to\" are the same time");
    } else {
        out->when.from_s = from_s;
        out->when.to_s = to_s;
    }
}

/* ------------------------------------------------------------------ the whole */

void pmr_when_of(struct load *l, const struct node *n, struct pm_modifiers *out)
{
    static const struct key keys[] = {
        {"days", false}, {"from", false}, {"to", false}, {"tz", false}};
    const struct node *days = pmr_node_get(n, "days"), *tz = pmr_node_get(n, "tz");

    out->when.is_set = true;
    out->when.zone = PM_UTC;
    if (!pmr_expect_some(l, n, keys, 4, "\"when\""))
        return;
    if (days != NULL)
        take_days(l, days, &out->when.days);
    take_hours(l, n, out);
    if (tz != NULL)
        pmr_zone_of(l, tz, &out->when.zone);
    if (tz != NULL && pmr_node_count(n) == 1)
        pmr_fail(l, n, CODE_MISSING_KEY, NULL, "\"when\" needs \"days\", \"from\" or \"to\"");
}
