/* template.c - what is put in the place of a regex match: bytes, and groups of the match. */
#include "match/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 128u /* PCRE2's names of groups are shorter */

/* Bytes, then a group. */
struct part {
    size_t begin, len; /* of template->bytes */
    int group;         /* NO_GROUP: none follows */
};

#define NO_GROUP (-1)

struct pm_template {
    struct part *parts;
    uint8_t *bytes;
    size_t part_count;
};

/* ------------------------------------------------------------------ reading */

struct reader {
    const struct pm_regex *regex;
    const uint8_t *text;
    size_t len, at;
    struct pm_regex_fault *fault;
};

static bool refuse(struct reader *r, size_t offset, const char *text)
{
    r->fault->offset = offset;
    snprintf(r->fault->text, sizeof r->fault->text, "%s", text);
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A number, or a name; -1: no such group. */
static int group_of(struct reader *r, const char *name, size_t len)
{
    int number = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit((uint8_t)name[i]))
            return pm_regex_group(r->regex, name);
        number = number < 1000000 ? number * 10 + (name[i] - '0') : number;
    }
    return number <= (int)pm_regex_groups(r->regex) ? number : -1;
}

static bool take_group(struct reader *r, size_t offset, const uint8_t *text, size_t len, int *out)
{
    char name[NAME_MAX_LEN + 1] = "";
    if (len > NAME_MAX_LEN)
        return refuse(r, offset, "the pattern has no such group");
    memcpy(name, text, len);
    *out = group_of(r, name, len);
    if (*out == -2)
        return refuse(r, offset, "the pattern has several groups of that name");
    return *out >= 0 || refuse(r, offset, "the pattern has no such group");
}

/* ${...}: at stands behind the brace. */
static bool take_braces(struct reader *r, size_t offset, int *out)
{
    const uint8_t *from = r->text + r->at;
    const uint8_t *end = r->at < r->len ? memchr(from, '}', r->len - r->at) : NULL;
    if (!end || end == from)
        return refuse(r, offset, "expected a group: ${name}");
    r->at += (size_t)(end - from) + 1;
    return take_group(r, offset, from, (size_t)(end - from), out);
}

/* What follows a $, which stands at r->at. $$ gives NO_GROUP. */
static bool take_dollar(struct reader *r, int *out)
{
    size_t offset = r->at++;
    uint8_t c = r->at < r->len ? r->text[r->at] : 0;
    r->at++;
    *out = NO_GROUP;
    if (c == '$')
        return true;
    if (c == '{')
        return take_braces(r, offset, out);
    if (c == '&') {
        *out = 0;
        return true;
    }
    if (is_digit(c))
        return take_group(r, offset, r->text + r->at - 1, 1, out);
    return refuse(r, offset, "$ stands for a group; $ itself is written $$");
}

/* Each part begins where the one before it ends. */
static bool read_parts(struct reader *r, struct pm_template *t)
{
    struct part part = {.group = NO_GROUP};
    size_t len = 0;
    while (r->at < r->len) {
        if (r->text[r->at] != '$') {
            t->bytes[len++] = r->text[r->at++];
            continue;
        }
        if (!take_dollar(r, &part.group))
            return false;
        if (part.group == NO_GROUP) {
            t->bytes[len++] = '$';
            continue;
        }
        part.len = len - part.begin;
        t->parts[t->part_count++] = part;
        part = (struct part){.begin = len, .group = NO_GROUP};
    }
    part.len = len - part.begin;
    t->parts[t->part_count++] = part;
    return true;
}

static size_t dollars(const uint8_t *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '$';
    return count;
}

struct pm_template *pm_template_new(const struct pm_regex *regex, const uint8_t *text, size_t len,
                                    struct pm_regex_fault *fault)
{
    struct reader r = {.regex = regex, .text = text, .len = len, .fault = fault};
    struct pm_template *t = calloc(1, sizeof *t);
    *fault = (struct pm_regex_fault){.offset = 0};
    if (!t)
        return NULL;
    t->parts = malloc((dollars(text, len) + 1) * sizeof *t->parts);
    t->bytes = malloc(len ? len : 1);
    if (t->parts && t->bytes && read_parts(&r, t))
        return t;
    pm_template_free(t);
    return NULL;
}

void pm_template_free(struct pm_template *template)
{
    if (!template)
        return;
    free(template->parts);
    free(template->bytes);
    free(template);
}

/* ------------------------------------------------------------------ writing */

static size_t span_len(struct pm_span span)
{
    return span.begin == SIZE_MAX ? 0 : span.end - span.begin;
}

size_t pm_template_write(const struct pm_template *template, const struct pm_regex_text *text,
                         const struct pm_span *groups, uint8_t *out, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < template->part_count; i++) {
        const struct part *part = &template->parts[i];
        size_t group_len = part->group == NO_GROUP ? 0 : span_len(groups[part->group]);
        if (part->len > cap - len || group_len > cap - len - part->len)
            return SIZE_MAX;
        memcpy(out + len, template->bytes + part->begin, part->len);
        len += part->len;
        if (group_len > 0)
            pm_regex_copy(text, groups[part->group], out + len);
        len += group_len;
    }
    return len;
}
