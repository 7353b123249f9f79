/* json.c - writes JSON, one member a line or one document a line. */
#include "app/json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "app/utf8.h"

static void put(const struct pm_json *json, const void *bytes, size_t len)
{
    if (json->out != NULL)
        fwrite(bytes, 1, len, json->out);
    else
        pm_sink_write(json->sink, bytes, len);
}

static void put_char(const struct pm_json *json, char c)
{
    if (json->out != NULL)
        fputc(c, json->out);
    else
        pm_sink_write(json->sink, &c, 1);
}

static void put_escaped(const struct pm_json *json, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        put_char(json, '\\');
        put_char(json, (char)c);
    } else if (c < 0x20 || c == 0x7f) {
        char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        put(json, escape, sizeof escape);
    } else {
        put_char(json, (char)c);
    }
}

static void put_string(const struct pm_json *json, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    put_char(json, '"');
    while (*p != '\0') {
        size_t len = pm_utf8_len(p);
        if (len == 1)
            put_escaped(json, *p);
        else if (len == 0)
            put(json, "\\ufffd", 6);
        else
            put(json, p, len);
        p += len == 0 ? 1 : len;
    }
    put_char(json, '"');
}

static void new_line(const struct pm_json *json)
{
    if (json->out != NULL)
        fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
}

static void begin_member(struct pm_json *json, const char *key)
{
    if (json->has_members)
        put_char(json, ',');
    if (json->depth > 0)
        new_line(json);
    json->has_members = true;
    if (key == NULL)
        return;
    put_string(json, key);
    put(json, ": ", json->out != NULL ? 2 : 1);
}

void pm_json_open(struct pm_json *json, const char *key, char bracket)
{
    begin_member(json, key);
    put_char(json, bracket);
    json->depth++;
    json->has_members = false;
}

void pm_json_close(struct pm_json *json, char bracket)
{
    json->depth--;
    if (json->has_members)
        new_line(json);
    put_char(json, bracket);
    json->has_members = json->depth > 0;
    if (json->depth == 0)
        put_char(json, '\n');
}

void pm_json_text(struct pm_json *json, const char *key, const char *text)
{
    begin_member(json, key);
    if (text == NULL)
        put(json, "null", 4);
    else
        put_string(json, text);
}

static void put_number(struct pm_json *json, const char *key, const char *digits)
{
    begin_member(json, key);
    put(json, digits, strlen(digits));
}

void pm_json_uint(struct pm_json *json, const char *key, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    put_number(json, key, digits);
}

void pm_json_int(struct pm_json *json, const char *key, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    put_number(json, key, digits);
}

void pm_json_bool(struct pm_json *json, const char *key, bool value)
{
    put_number(json, key, value ? "true" : "false");
}

void pm_json_ms(struct pm_json *json, const char *key, uint64_t ns)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRIu64 ".%06" PRIu64, ns / 1000000, ns % 1000000);
    put_number(json, key, digits);
}

void pm_json_hex(struct pm_json *json, const char *key, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    begin_member(json, key);
    put_char(json, '"');
    for (size_t i = 0; i < len; i++) {
        put_char(json, digits[bytes[i] >> 4]);
        put_char(json, digits[bytes[i] & 15]);
    }
    put_char(json, '"');
}
