/* json.h - writes JSON: commas, indentation and escapes are its business, nothing else. */
#ifndef PKTMOD_APP_JSON_H
#define PKTMOD_APP_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "app/sink.h"

struct pm_json {
    FILE *out;            /* one member a line; or NULL */
    struct pm_sink *sink; /* where out is NULL: each document on a line of its own */
    unsigned depth;
    bool has_members; /* the innermost object or array has one already */
};

/* key NULL: an element of an array, or the document itself. bracket: '{' or '['. */
void pm_json_open(struct pm_json *json, const char *key, char bracket);
/* bracket: '}' or ']'. Ends the line after the outermost one. */
void pm_json_close(struct pm_json *json, char bracket);
/* Bytes that are no UTF-8 become U+FFFD. NULL is null. */
void pm_json_text(struct pm_json *json, const char *key, const char *text);
void pm_json_uint(struct pm_json *json, const char *key, uint64_t number);
void pm_json_int(struct pm_json *json, const char *key, int64_t number);
void pm_json_bool(struct pm_json *json, const char *key, bool value);
/* Milliseconds, to the nanosecond. */
void pm_json_ms(struct pm_json *json, const char *key, uint64_t ns);
/* Two lower-case digits a byte. */
void pm_json_hex(struct pm_json *json, const char *key, const uint8_t *bytes, size_t len);

#endif
