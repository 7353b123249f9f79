/* json.c - writes JSON, one member a line. */
#include "app/json.h"

#include <inttypes.h>
#include <stddef.h>

/* Length of the UTF-8 sequence at p (RFC 3629), or 0. Ends at the NUL by itself: it is no
 * continuation byte. */
static size_t utf8_len(const unsigned char *p)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (len > 1 && (p[0] < 0xc2 || p[0] > 0xf4))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool is_outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return is_overlong || is_outside ? 0 : len;
}

static void put_char(FILE *out, unsigned char c)
{
    if (c == '"' || c == '\\')
        fprintf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
        fprintf(out, "\\u%04x", c);
    else
        fputc(c, out);
}

static void put_string(FILE *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    fputc('"', out);
    while (*p != '\0') {
        size_t len = utf8_len(p);
        if (len == 1)
            put_char(out, *p);
        else if (len == 0)
            fputs("\\ufffd", out);
        else
            fwrite(p, 1, len, out);
        p += len == 0 ? 1 : len;
    }
    fputc('"', out);
}

static void new_line(const struct pm_json *json)
{
    fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
}

static void begin_member(struct pm_json *json, const char *key)
{
    if (json->has_members)
        fputc(',', json->out);
    if (json->depth > 0)
        new_line(json);
    json->has_members = true;
    if (key == NULL)
        return;
    put_string(json->out, key);
    fputs(": ", json->out);
}

void pm_json_open(struct pm_json *json, const char *key, char bracket)
{
    begin_member(json, key);
    fputc(bracket, json->out);
    json->depth++;
    json->has_members = false;
}

void pm_json_close(struct pm_json *json, char bracket)
{
    json->depth--;
    if (json->has_members)
        new_line(json);
    fputc(bracket, json->out);
    json->has_members = true;
    if (json->depth == 0)
        fputc('\n', json->out);
}

void pm_json_text(struct pm_json *json, const char *key, const char *text)
{
    begin_member(json, key);
    if (text == NULL)
        fputs("null", json->out);
    else
        put_string(json->out, text);
}

void pm_json_uint(struct pm_json *json, const char *key, uint64_t number)
{
    begin_member(json, key);
    fprintf(json->out, "%" PRIu64, number);
}

void pm_json_int(struct pm_json *json, const char *key, int64_t number)
{
    begin_member(json, key);
    fprintf(json->out, "%" PRId64, number);
}
