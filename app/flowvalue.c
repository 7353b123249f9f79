/* flowvalue.c - numbers, times, flags and addresses in a flow text. */
#include "app/flowtoken.h"

#include <arpa/inet.h>
#include <string.h>

/* ------------------------------------------------------------------ numbers */

bool pm_flow_read_number(const char **at, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    if (!pm_flow_is_digit(**at))
        return false;
    for (; pm_flow_is_digit(**at); ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (digit > most || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool pm_flow_number(struct pm_flow_line *line, uint64_t least, uint64_t most, uint64_t *out)
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *at = word.text;
    uint64_t value = 0;
    char what[80];
    if (!pm_flow_read_number(&at, most, &value) || *at != '\0' || value < least) {
        snprintf(what, sizeof what, "a number from %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        pm_flow_expected(line, what, NULL);
        return false;
    }
    *out = value;
    line->at++;
    return true;
}

bool pm_flow_shift(struct pm_flow_line *line, uint32_t *out)
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *at = word.text + 1;
    uint64_t value = 0;
    bool is_minus = word.text[0] == '-';
    if ((!is_minus && word.text[0] != '+') || !pm_flow_read_number(&at, UINT32_MAX, &value) ||
        *at != '\0') {
        pm_flow_expected(line, "+N or -N", NULL);
        return false;
    }
    *out = is_minus ? 0u - (uint32_t)value : (uint32_t)value;
    line->at++;
    return true;
}

bool pm_flow_numbers(struct pm_flow_line *line, struct pm_numbers *out)
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *at = word.text;
    uint64_t value;
    out->count = 0;
    while (out->count < PM_TALK_NUMBERS && pm_flow_read_number(&at, UINT32_MAX, &value)) {
        out->at[out->count++] = (uint32_t)value;
        if (*at == '\0') {
            line->at++;
            return true;
        }
        if (*at++ != ',')
            break;
    }
    pm_flow_expected(line, "numbers as in 1,2,3 (at most 64)", NULL);
    return false;
}

bool pm_flow_ranges(struct pm_flow_line *line, struct pm_talk_range *out, unsigned most,
                    unsigned *count)
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *at = word.text;
    char what[64];
    *count = 0;
    while (*count < most && pm_flow_read_number(&at, PM_TALK_BYTES, &out[*count].from) &&
           *at == '-') {
        at++;
        if (!pm_flow_read_number(&at, PM_TALK_BYTES, &out[*count].to) ||
            out[*count].to <= out[*count].from)
            break;
        ++*count;
        if (*at == '\0') {
            line->at++;
            return true;
        }
        if (*at++ != ',')
            break;
    }
    snprintf(what, sizeof what,
             most == 1 ? "a range as in 0-10" : "ranges as in 0-10,20-30 (at most %u)", most);
    pm_flow_expected(line, what, NULL);
    return false;
}

bool pm_flow_pair(struct pm_flow_line *line, uint64_t most, char between, uint64_t out[2])
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *at = word.text;
    char what[64];
    if (pm_flow_read_number(&at, most, &out[0]) && *at++ == between &&
        pm_flow_read_number(&at, most, &out[1]) && *at == '\0') {
        line->at++;
        return true;
    }
    snprintf(what, sizeof what, "two numbers as in 3%c1", between);
    pm_flow_expected(line, what, NULL);
    return false;
}

/* ------------------------------------------------------------------ times */

/* ".5" of a unit, at most nine digits. */
static bool read_fraction(const char **at, uint64_t unit_ns, uint64_t *out_ns)
{
    uint64_t value = 0, scale = 1;
    *out_ns = 0;
    if (**at != '.')
        return true;
    if (!pm_flow_is_digit(*++*at))
        return false;
    for (; pm_flow_is_digit(**at) && scale < 1000000000u; ++*at, scale *= 10)
        value = value * 10 + (uint64_t)(**at - '0');
    *out_ns = value * (unit_ns / scale > 0 ? unit_ns / scale : 0);
    return unit_ns >= scale && !pm_flow_is_digit(**at);
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};

static bool read_duration(const char *text, uint64_t *out_ns)
{
    const char *unit_at = text + strspn(text, "0123456789.");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t whole, fraction_ns;
        if (strcmp(unit_at, units[i].name) != 0)
            continue;
        if (!pm_flow_read_number(&text, 1000000000, &whole) ||
            !read_fraction(&text, units[i].ns, &fraction_ns) || text != unit_at)
            return false;
        *out_ns = whole * units[i].ns + fraction_ns;
        return true;
    }
    return false;
}

bool pm_flow_duration(struct pm_flow_line *line, uint64_t *out_ns)
{
    if (!read_duration(pm_flow_text(line).text, out_ns)) {
        pm_flow_expected(line, "a duration as in 5us, 1.5ms or 2s", NULL);
        return false;
    }
    line->at++;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar; years begin in March here, so that the leap day
 * is their last. */
static uint64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static uint64_t month_days(uint64_t year, uint64_t month)
{
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2)
        return is_leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool read_date(const char *text, uint64_t *out_ns)
{
    uint64_t year, month, day, hour, minute, second, fraction_ns;
    if (!pm_flow_read_number(&text, 2261, &year) || *text++ != '-' ||
        !pm_flow_read_number(&text, 12, &month) || *text++ != '-' ||
        !pm_flow_read_number(&text, 31, &day) || *text++ != 'T' ||
        !pm_flow_read_number(&text, 23, &hour) || *text++ != ':' ||
        !pm_flow_read_number(&text, 59, &minute) || *text++ != ':' ||
        !pm_flow_read_number(&text, 59, &second) ||
        !read_fraction(&text, 1000000000, &fraction_ns) || strcmp(text, "Z") != 0)
        return false;
    if (year < 1970 || month < 1 || day < 1 || day > month_days(year, month))
        return false;
    uint64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *out_ns = seconds * 1000000000u + fraction_ns;
    return true;
}

static bool read_seconds(const char *text, uint64_t *out_ns)
{
    uint64_t whole, fraction_ns;
    if (!pm_flow_read_number(&text, UINT64_C(9000000000), &whole) ||
        !read_fraction(&text, 1000000000, &fraction_ns) || *text != '\0')
        return false;
    *out_ns = whole * 1000000000u + fraction_ns;
    return true;
}

bool pm_flow_time(struct pm_flow_line *line, uint64_t *out_ns)
{
    struct pm_flow_text word = pm_flow_text(line);
    if (!read_date(word.text, out_ns) && !read_seconds(word.text, out_ns)) {
        pm_flow_expected(line, "a time as in 2026-01-01T00:00:00Z, or seconds since 1970", NULL);
        return false;
    }
    line->at++;
    return true;
}

/* ------------------------------------------------------------------ flags and addresses */

bool pm_flow_tcp_flags(struct pm_flow_line *line, uint16_t *out)
{
    static const char letters[] = "FSRPAUEC"; /* from bit 0 on */
    struct pm_flow_text word = pm_flow_text(line);
    uint16_t flags = 0;
    bool good = word.text[0] != '\0';
    for (const char *c = word.text; good && *c != '\0' && strcmp(word.text, "0") != 0; c++) {
        const char *letter = strchr(letters, *c);
        good = letter != NULL && (flags & 1u << (letter - letters)) == 0;
        if (good)
            flags = (uint16_t)(flags | 1u << (letter - letters));
    }
    if (!good) {
        pm_flow_expected(line, "TCP flags, each a letter of FSRPAUEC, or 0", NULL);
        return false;
    }
    *out = flags;
    line->at++;
    return true;
}

/* Cuts the port off, and the brackets of IPv6. */
static bool read_port(char *text, uint16_t *port)
{
    char *colon = strrchr(text, ':');
    const char *digits = colon == NULL ? "" : colon + 1;
    uint64_t value;
    if (!pm_flow_read_number(&digits, 65535, &value) || *digits != '\0')
        return false;
    *colon = '\0';
    *port = (uint16_t)value;
    if (text[0] != '[')
        return strchr(text, ':') == NULL;
    if (colon - text < 2 || colon[-1] != ']')
        return false;
    colon[-1] = '\0';
    memmove(text, text + 1, (size_t)(colon - text - 1));
    return true;
}

static bool read_addr(const char *text, struct pm_addr *addr)
{
    *addr = (struct pm_addr){.version = strchr(text, ':') != NULL ? 6 : 4};
    return inet_pton(addr->version == 6 ? AF_INET6 : AF_INET, text, addr->bytes) == 1;
}

bool pm_flow_addr(struct pm_flow_line *line, bool has_port, struct pm_addr *addr, uint16_t *port)
{
    struct pm_flow_text word = pm_flow_text(line);
    if ((has_port && !read_port(word.text, port)) || !read_addr(word.text, addr)) {
        pm_flow_expected(line,
                         has_port ? "address and port as in 192.0.2.1:80 or [2001:db8::1]:80"
                                  : "an address as in 192.0.2.1 or 2001:db8::1",
                         NULL);
        return false;
    }
    line->at++;
    return true;
}
