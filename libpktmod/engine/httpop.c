/* httpop.c - edits of HTTP messages, made from their spec. */
#include <stdlib.h>
#include <string.h>

#include "engine/policy.h"
#include "proto/http.h"

static struct pm_http_text text_of(const char *text)
{
    return (struct pm_http_text){(const uint8_t *)text, strlen(text)};
}

/* Whether a message may have the line: read as a header it is itself. */
static bool is_line(const struct pm_http_header *header)
{
    static const char start[] = "GET / HTTP/1.1\r\n";
    uint8_t line[1024];
    struct pm_http_head head;
    struct pm_http_line found;
    enum pm_http_fault fault;
    const char *value = header->edit == PM_HTTP_REMOVE ? "" : header->value;
    size_t name_len = strlen(header->name), value_len = strlen(value), at = sizeof start - 1;
    if (name_len + value_len > sizeof line - at - 5)
        return false;
    const struct pm_http_text parts[] = {{(const uint8_t *)start, at},
                                         {(const uint8_t *)header->name, name_len},
                                         {(const uint8_t *)":", 1},
                                         {(const uint8_t *)value, value_len},
                                         {(const uint8_t *)"\r\n\r\n", 4}};
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(line + len, parts[i].bytes, parts[i].len);
        len += parts[i].len;
    }
    if (pm_http_head_read(line, len, false, &head, &fault) != PM_HTTP_WHOLE)
        return false;
    size_t off = head.lines_off;
    return pm_http_line_next(&head, &off, &found) && found.name.len == name_len &&
           found.value.len == value_len && off + 2 == head.len;
}

static const char *header_fault(const struct pm_http_header *header)
{
    if (!header->name || (header->edit != PM_HTTP_REMOVE && !header->value))
        return "a header needs a name, and a value unless it is removed";
    struct pm_http_text name = text_of(header->name);
    if (pm_http_is(&name, "content-length") || pm_http_is(&name, "transfer-encoding"))
        return "the length of messages is kept right without a rule";
    return is_line(header) ? NULL : "a header's name or value is not fit for a header line";
}

static bool has_no_body(uint16_t status)
{
    return status == 204 || status == 205 || status == 304;
}

const char *pm_http_op_fault(const struct pm_op_spec *spec)
{
    uint16_t status = spec->http.status;
    if (spec->http.header_count == 0 && status == 0 && !spec->http.has_body)
        return "an http edit changes headers, the status or the body";
    if (status != 0 && (status < 200 || status > 599 || has_no_body(status)))
        return "a status is 200 to 599, and not 204, 205 or 304, which have no body";
    if (spec->http.has_body && spec->http.body_len > PM_HTTP_BODY_MAX)
        return "a body has at most 65536 bytes";
    for (uint32_t i = 0; i < spec->http.header_count; i++) {
        const char *fault = header_fault(&spec->http.headers[i]);
        if (fault)
            return fault;
    }
    return NULL;
}

static bool init_change(struct pm_http_change *change, const struct pm_http_header *header)
{
    const char *value = header->edit == PM_HTTP_REMOVE ? "" : header->value;
    change->edit = header->edit;
    change->name_len = (uint32_t)strlen(header->name);
    change->value_len = (uint32_t)strlen(value);
    change->name = malloc((size_t)change->name_len + change->value_len + 1);
    if (!change->name)
        return false;
    change->value = change->name + change->name_len;
    memcpy(change->name, header->name, change->name_len);
    memcpy(change->value, value, (size_t)change->value_len + 1);
    return true;
}

bool pm_http_op_init(struct pm_http_op *op, const struct pm_op_spec *spec)
{
    uint32_t count = spec->http.header_count, body_len = spec->http.body_len;
    *op = (struct pm_http_op){.status = spec->http.status, .has_body = spec->http.has_body};
    op->changes = calloc(count ? count : 1, sizeof *op->changes);
    op->body = malloc(body_len ? body_len : 1);
    if (!op->changes || !op->body)
        return false;
    if (op->has_body && body_len > 0)
        memcpy(op->body, spec->http.body, body_len);
    op->body_len = op->has_body ? body_len : 0;
    for (uint32_t i = 0; i < count; i++) {
        op->change_count = i + 1;
        if (!init_change(&op->changes[i], &spec->http.headers[i]))
            return false;
    }
    return true;
}

void pm_http_op_release(struct pm_http_op *op)
{
    for (uint32_t i = 0; i < op->change_count; i++)
        free(op->changes[i].name);
    free(op->changes);
    free(op->body);
}
