/* pipe_config.c - reads one flat JSON object. What an unknown key holds is only skipped, so there
 * less is checked: that strings end and brackets balance. */
#include "app/pipe_config.h"

#include <stdio.h>
#include <string.h>

struct cursor {
    const char *at, *end;
};

/* A token of the text, as written; strings without their quotes. */
struct span {
    const char *start;
    size_t len;
    bool is_string;
};

static bool is_word(struct span span, const char *word)
{
    return span.len == strlen(word) && memcmp(span.start, word, span.len) == 0;
}

/* ------------------------------------------------------------------ tokens */

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) != NULL && *c->at != '\0')
        c->at++;
}

/* The character, with space around it. */
static bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    skip_space(c);
    return true;
}

static bool read_string(struct cursor *c, struct span *span)
{
    if (c->at == c->end || *c->at != '"')
        return false;
    span->start = ++c->at;
    span->is_string = true;
    while (c->at < c->end && *c->at != '"')
        c->at += *c->at == '\\' && c->end - c->at > 1 ? 2 : 1;
    if (c->at == c->end)
        return false;
    span->len = (size_t)(c->at++ - span->start);
    return true;
}

static bool is_scalar_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' || c == '+' ||
           c == '.';
}

static bool skip_nested(struct cursor *c)
{
    struct span ignored;
    size_t depth = 0;
    do {
        if (c->at == c->end)
            return false;
        if (*c->at == '"') {
            if (!read_string(c, &ignored))
                return false;
            continue;
        }
        depth += *c->at == '{' || *c->at == '[' ? 1 : 0;
        depth -= *c->at == '}' || *c->at == ']' ? 1 : 0;
        c->at++;
    } while (depth > 0);
    return true;
}

/* Objects and arrays are skipped and give an empty span. */
static bool read_value(struct cursor *c, struct span *span)
{
    *span = (struct span){.start = c->at};
    if (c->at < c->end && *c->at == '"')
        return read_string(c, span);
    if (c->at < c->end && (*c->at == '{' || *c->at == '['))
        return skip_nested(c);
    while (c->at < c->end && is_scalar_char(*c->at))
        c->at++;
    span->len = (size_t)(c->at - span->start);
    return span->len > 0;
}

/* ------------------------------------------------------------------ values */

static bool read_number(struct span span, uint64_t least, uint64_t most, uint64_t *number)
{
    bool is_long = span.len > 1 && span.start[0] == '0';
    *number = 0;
    for (size_t i = 0; i < span.len; i++) {
        uint64_t digit = (uint64_t)(span.start[i] - '0');
        if (digit > 9 || digit > most || *number > (most - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return span.len > 0 && !span.is_string && !is_long && *number >= least;
}

static bool read_mode(struct span span, enum pm_mode *mode)
{
    *mode = is_word(span, "replay") ? PM_MODE_REPLAY : PM_MODE_LIVE;
    return span.is_string && (*mode == PM_MODE_REPLAY || is_word(span, "live"));
}

static bool read_flag(struct span span, bool *flag)
{
    *flag = is_word(span, "true");
    return !span.is_string && (*flag || is_word(span, "false"));
}

/* What the key may hold, when the value is none of it; else NULL. */
static const char *set_member(struct pm_pipe_config *config, struct span key, struct span value)
{
    uint64_t number;
    if (is_word(key, "mode"))
        return read_mode(value, &config->mode) ? NULL : "\"live\" or \"replay\"";
    if (is_word(key, "clamp_mss"))
        return read_flag(value, &config->clamp_mss) ? NULL : "true or false";
    if (is_word(key, "seed"))
        return read_number(value, 0, UINT64_MAX, &config->seed) ? NULL : "a whole number";
    if (is_word(key, "mtu")) {
        if (!read_number(value, 0, 65535, &number) || (number > 0 && number < 68))
            return "0 or 68 to 65535";
        config->mtu = (uint32_t)number;
    } else if (is_word(key, "hold_ms")) {
        if (!read_number(value, 0, 600000, &number))
            return "0 to 600000";
        config->has_hold_ms = true;
        config->hold_ms = (uint32_t)number;
    } else if (is_word(key, "host_iface")) {
        if (!read_number(value, 0, 1, &number))
            return "0 or 1";
        config->host_iface = (uint8_t)number;
    }
    return NULL;
}

static bool read_member(struct cursor *c, struct pm_pipe_config *config, char *error)
{
    struct span key, value;
    if (!read_string(c, &key) || !take(c, ':') || !read_value(c, &value))
        return false;
    const char *expected = set_member(config, key, value);
    if (expected == NULL)
        return true;
    snprintf(error, PM_PIPE_CONFIG_ERROR, "\"%.*s\" is %s", (int)key.len, key.start, expected);
    return false;
}

static bool read_object(struct cursor *c, struct pm_pipe_config *config, char *error)
{
    if (!take(c, '{'))
        return false;
    if (take(c, '}'))
        return c->at == c->end;
    do {
        if (!read_member(c, config, error))
            return false;
    } while (take(c, ','));
    return take(c, '}') && c->at == c->end;
}

bool pm_pipe_config_read(struct pm_pipe_config *config, const char *text, size_t len,
                         char error[PM_PIPE_CONFIG_ERROR])
{
    struct cursor c = {text, text + len};
    *config = (struct pm_pipe_config){.mode = PM_MODE_LIVE, .mtu = 1500};
    error[0] = '\0';
    if (read_object(&c, config, error))
        return true;
    if (error[0] == '\0')
        snprintf(error, PM_PIPE_CONFIG_ERROR, "no JSON object, at byte %zu", (size_t)(c.at - text));
    return false;
}
