/* httpfield.c - reading the fields of the HTTP message at hand. */
#include "match/httpfield.h"

static void put_text(struct pm_reading *out, const struct pm_http_text *text)
{
    if (!text->bytes)
        return;
    out->bytes.bytes = text->bytes;
    out->bytes.len = text->len;
    out->count = 1;
}

static void read_line(const struct pm_http_head *head, struct pm_reading *out)
{
    struct pm_http_line line;
    if (out->http_off == 0)
        out->http_off = head->lines_off;
    if (!pm_http_line_next(head, &out->http_off, &line))
        return;
    put_text(out, &(struct pm_http_text){head->bytes + line.off, line.len - 2});
    out->has_more = true;
}

void pm_httpfield_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out)
{
    const struct pm_http *http = s->http;
    if (!http)
        return;
    switch ((int)field) {
    case PM_FIELD_HTTP_HOST:
        put_text(out, &http->host);
        break;
    case PM_FIELD_HTTP_METHOD:
        put_text(out, &http->method);
        break;
    case PM_FIELD_HTTP_URI:
        put_text(out, &http->uri);
        break;
    case PM_FIELD_HTTP_USER_AGENT:
        put_text(out, &http->user_agent);
        break;
    case PM_FIELD_HTTP_CODE:
        if (http->head->is_response)
            out->number[out->count++] = http->head->code;
        break;
    case PM_FIELD_HTTP_HEADER:
        read_line(http->head, out);
        break;
    default:
        break;
    }
}
