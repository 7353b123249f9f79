/* notation.c - values that JSON has no type for: addresses, ranges, flags, names. */
#include "notation.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "diagnostic.h"

static bool PMR_PRINTF(3, 4) wrong(struct complaint *c, enum code code, const char *format, ...)
{
    va_list list;

    c->code = code;
    va_start(list, format);
    vsnprintf(c->text, sizeof c->text, format, list);
    va_end(list);
    return false;
}

/* Digits only, at most nine of them: the number, and where it ends. */
static bool number_at(const char **text, uint32_t *out)
{
    size_t len = strspn(*text, "0123456789");

    if (len == 0 || len > 10)
        return false;
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value * 10 + (uint64_t)((*text)[i] - '0');
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    *text += len;
    return true;
}

/* ------------------------------------------------------------------ addresses */

static bool addr_of(const char *text, size_t len, struct pm_addr *out)
{
    char copy[INET6_ADDRSTRLEN];

    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = (struct pm_addr){.version = 4};
    if (inet_pton(AF_INET, copy, out->bytes) == 1)
        return true;
    *out = (struct pm_addr){.version = 6};
    return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

bool pmr_parse_addr(const char *text, struct pm_addr *out, struct complaint *c)
{
    if (addr_of(text, strlen(text), out))
        return true;
    return wrong(c, CODE_ADDRESS, "expected an IPv4 or IPv6 address, found %s",
                 pmr_quote(text).text);
}

/* Clears the bits behind the prefix; whether there were any. */
static bool clear_host_bits(struct pm_addr *addr, unsigned bits)
{
    bool any = false;

    for (unsigned i = bits; i < (addr->version == 4 ? 32u : 128u); i++) {
        uint8_t bit = (uint8_t)(0x80 >> i % 8);

        any = any || (addr->bytes[i / 8] & bit) != 0;
        addr->bytes[i / 8] &= (uint8_t)~bit;
    }
    return any;
}

static void hint_network(const struct pm_addr *addr, unsigned bits, struct complaint *c)
{
    char text[INET6_ADDRSTRLEN];

    inet_ntop(addr->version == 4 ? AF_INET : AF_INET6, addr->bytes, text, sizeof text);
    snprintf(c->hint, sizeof c->hint, "the network is \"%s/%u\"", text, bits);
}

bool pmr_parse_prefix(const char *text, struct pm_value *out, struct complaint *c)
{
    const char *slash = strchr(text, '/'), *rest = slash == NULL ? NULL : slash + 1;
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct pm_addr addr;
    uint32_t bits, most;

    if (!addr_of(text, len, &addr))
        return wrong(c, CODE_ADDRESS, "expected an address or addr/len, found %s",
                     pmr_quote(text).text);
    most = addr.version == 4 ? 32 : 128;
    bits = most;
    if (rest != NULL && (!number_at(&rest, &bits) || *rest != '\0' || bits > most))
        return wrong(c, CODE_ADDRESS, "expected a prefix length from 0 to %u, found %s",
                     (unsigned)most, pmr_quote(text).text);
    if (clear_host_bits(&addr, bits)) {
        wrong(c, CODE_HOST_BITS, "%s has bits behind its prefix length; they do not count",
              pmr_quote(text).text);
        hint_network(&addr, bits, c);
    }
    *out =
        (struct pm_value){.kind = PM_VALUE_PREFIX, .prefix = {.addr = addr, .bits = (uint8_t)bits}};
    return true;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *found;

    if (c >= 'A' && c <= 'F')
        c = (char)(c - 'A' + 'a');
    found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

bool pmr_parse_mac(const char *text, uint8_t out[6], struct complaint *c)
{
    for (int i = 0; i < 6 && strlen(text) == 17; i++) {
        int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);

        if (high < 0 || low < 0 || text[i * 3 + 2] != (i == 5 ? '\0' : ':'))
            break;
        out[i] = (uint8_t)(high * 16 + low);
        if (i == 5)
            return true;
    }
    return wrong(c, CODE_MAC, "expected an address like \"aa:bb:cc:dd:ee:ff\", found %s",
                 pmr_quote(text).text);
}

/* ------------------------------------------------------------------ numbers */

bool pmr_parse_interval(const char *text, uint32_t most, struct pm_value *out, struct complaint *c)
{
    const char *at = text;
    uint32_t lo, hi;

    if (number_at(&at, &lo) && *at == '\0') {
        snprintf(c->hint, sizeof c->hint, "write %u without quotes", (unsigned)lo);
        return wrong(c, CODE_INTERVAL, "expected a number or \"lo-hi\", found %s",
                     pmr_quote(text).text);
    }
    if (at == text || *at++ != '-' || !number_at(&at, &hi) || *at != '\0') {
        if (strncmp(text, "0x", 2) == 0 && sscanf(text, "%8x", &lo) == 1)
            snprintf(c->hint, sizeof c->hint, "write %u", (unsigned)lo);
        return wrong(c, CODE_INTERVAL, "expected a number or \"lo-hi\", found %s",
                     pmr_quote(text).text);
    }
    if (lo > hi) {
        snprintf(c->hint, sizeof c->hint, "did you mean \"%u-%u\"?", (unsigned)hi, (unsigned)lo);
        return wrong(c, CODE_INTERVAL, "the range %s is empty", pmr_quote(text).text);
    }
    if (hi > most)
        return wrong(c, CODE_RANGE, "expected numbers from 0 to %u, found %s", (unsigned)most,
                     pmr_quote(text).text);
    *out = (struct pm_value){.kind = PM_VALUE_RANGE, .range = {.lo = lo, .hi = hi}};
    return true;
}

bool pmr_parse_number_or_interval(const char *text, uint32_t most, struct pm_value *out,
                                  struct complaint *c)
{
    const char *at = text;
    uint32_t number;

    if (!number_at(&at, &number) || *at != '\0')
        return pmr_parse_interval(text, most, out, c);
    if (number > most)
        return wrong(c, CODE_RANGE, "expected a number from 0 to %u, found %s", (unsigned)most,
                     pmr_quote(text).text);
    *out = (struct pm_value){.kind = PM_VALUE_RANGE, .range = {.lo = number, .hi = number}};
    return true;
}

bool pmr_parse_tcp_flags(const char *text, uint32_t *out, struct complaint *c)
{
    static const char letters[] = "FSRPAUEC"; /* from the lowest bit on, RFC 9293 */

    *out = 0;
    for (const char *at = text; *at != '\0'; at++) {
        const char *found = strchr(letters, *at);
        uint32_t bit = found == NULL ? 0 : 1u << (found - letters);

        if (bit == 0 || (*out & bit) != 0)
            return wrong(c, CODE_WORD, "expected each of the letters %s at most once, found %s",
                         letters, pmr_quote(text).text);
        *out |= bit;
    }
    if (*text == '\0')
        return wrong(c, CODE_EMPTY, "expected letters of %s; no flags at all is 0", letters);
    return true;
}

/* ------------------------------------------------------------------ time */

bool pmr_parse_rate(const char *text, struct rate *out, struct complaint *c)
{
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"/s", 1}, {"/min", 60}, {"/h", 3600}};
    const char *at = text;

    if (number_at(&at, &out->count))
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (strcmp(at, units[i].unit) == 0) {
                out->per_ns = units[i].seconds * 1000000000u;
                if (out->count > 0)
                    return true;
                return wrong(c, CODE_RATE, "a rate of %s is none at all", pmr_quote(text).text);
            }
    return wrong(c, CODE_RATE, "expected a rate like \"10/s\", \"600/min\" or \"5/h\", found %s",
                 pmr_quote(text).text);
}

/* Two digits, and what follows them. */
static bool two_digits(const char **text, uint32_t most, uint32_t *out)
{
    const char *at = *text;

    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *out = (uint32_t)(at[0] - '0') * 10 + (uint32_t)(at[1] - '0');
    *text += 2;
    return *out <= most;
}

bool pmr_parse_time(const char *text, uint32_t *out, struct complaint *c)
{
    const char *at = text;
    uint32_t hours, minutes, seconds = 0;
    bool is_good = two_digits(&at, 24, &hours) && *at++ == ':' && two_digits(&at, 59, &minutes);

    if (is_good && *at == ':') {
        at++;
        is_good = two_digits(&at, 59, &seconds);
    }
    if (!is_good && text[0] != '\0' && text[1] == ':') {
        uint32_t minute;
        const char *behind = text + 2;

        if (text[0] >= '0' && text[0] <= '9' && two_digits(&behind, 59, &minute) && *behind == '\0')
            snprintf(c->hint, sizeof c->hint, "write \"0%s\"", text);
    }
    if (!is_good || *at != '\0' || (hours == 24 && minutes + seconds > 0))
        return wrong(c, CODE_HOURS, "expected a time like \"08:00\" or \"18:00:30\", found %s",
                     pmr_quote(text).text);
    *out = hours * 3600 + minutes * 60 + seconds;
    return true;
}

/* ------------------------------------------------------------------ names */

bool pmr_parse_domain(const char *text, struct complaint *c)
{
    size_t begin = strncmp(text, "*.", 2) == 0 ? 2 : 0, len = strlen(text), label = 0;
    bool is_ascii = true;

    if (len > 0 && text[len - 1] == '.')
        len--;
    for (size_t i = begin; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool fits = byte == '-' || byte == '_' || (byte >= '0' && byte <= '9') ||
                    ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');

        is_ascii = is_ascii && byte < 0x80;
        if (byte == '.' ? label == 0 : !fits || ++label > 63)
            label = len = 0; /* wrong, whatever follows */
        else if (byte == '.')
            label = 0;
    }
    if (!is_ascii)
        snprintf(c->hint, sizeof c->hint, "write it as it travels: \"xn--...\"");
    if (label == 0 || len > 253)
        return wrong(c, CODE_DOMAIN, "expected a domain name, found %s", pmr_quote(text).text);
    return true;
}

size_t pmr_domain_small(const char *text, char small[PMR_DOMAIN_ROOM])
{
    size_t len = 0;

    for (; text[len] != '\0' && len < PMR_DOMAIN_ROOM - 1; len++)
        small[len] = (char)(text[len] >= 'A' && text[len] <= 'Z' ? text[len] | 0x20 : text[len]);
    if (len > 0 && small[len - 1] == '.')
        len--;
    small[len] = '\0';
    return len;
}

bool pmr_is_id(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return len >= 1 && len <= 64 && text[len] == '\0';
}

/* ------------------------------------------------------------------ bytes */

bool pmr_parse_hex(const char *text, uint8_t *out, size_t *len, struct complaint *c)
{
    const char *at = text;

    *len = 0;
    while (*(at += strspn(at, " \t:")) != '\0') {
        int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);

        if (low < 0)
            return wrong(c, CODE_BYTES, "expected pairs of hex digits, found %s",
                         pmr_quote(text).text);
        out[(*len)++] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    return true;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c == '\0' ? NULL : strchr(digits, c);

    return found == NULL ? -1 : (int)(found - digits);
}

/* RFC 4648, section 4: groups of four, the last one filled up with '='; unused bits are zero. */
bool pmr_parse_base64(const char *text, uint8_t *out, size_t *len, struct complaint *c)
{
    size_t digits = 0, filled = strlen(text);
    uint32_t bits = 0;

    *len = 0;
    while (digits < filled && base64_digit(text[digits]) >= 0) {
        bits = bits << 6 | (uint32_t)base64_digit(text[digits++]);
        if (digits % 4 != 1)
            out[(*len)++] = (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)));
    }
    bits &= digits % 4 == 2 ? 0xfu : digits % 4 == 3 ? 0x3u : 0u;
    if (filled % 4 != 0 || filled - digits > 2 || bits != 0 || digits % 4 == 1 ||
        strspn(text + digits, "=") != filled - digits)
        return wrong(c, CODE_BYTES, "expected base64, found %s", pmr_quote(text).text);
    return true;
}
