/* http_fuzz.c - any bytes as HTTP/1 messages: read in bounds, and alike in two parts. The first
 * byte says whether they are responses and where the parts meet. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assert that no build switches off. */
#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

static void expect_inside(const struct pm_http_head *head, const struct pm_http_text *text)
{
    if (text->bytes)
        EXPECT(text->bytes >= head->bytes && text->bytes + text->len <= head->bytes + head->len);
}

static void expect_lines(const struct pm_http_head *head)
{
    struct pm_http_line line;
    size_t off = head->lines_off, end = off;
    while (pm_http_line_next(head, &off, &line)) {
        EXPECT(line.off == end && line.name.len > 0);
        expect_inside(head, &line.name);
        expect_inside(head, &line.value);
        end = line.off + line.len;
    }
    EXPECT(end + 2 == head->len);
    expect_inside(head, &head->method);
    expect_inside(head, &head->uri);
    expect_inside(head, &head->host);
    expect_inside(head, &head->user_agent);
}

/* Answers where the body ends; SIZE_MAX: a fault. */
static size_t end_of(struct pm_http_body *body, const uint8_t *bytes, size_t len, uint64_t *data)
{
    size_t done = 0, taken = 1;
    bool is_data;
    while (done < len &&
           (taken = pm_http_body_next(body, bytes + done, len - done, &is_data)) > 0) {
        EXPECT(taken <= len - done);
        *data += is_data ? taken : 0;
        done += taken;
    }
    return body->at == PM_HTTP_AT_FAULT ? SIZE_MAX : done;
}

static void read_messages(const uint8_t *bytes, size_t len, bool is_response, size_t cut)
{
    struct pm_http_head head;
    enum pm_http_fault fault;
    while (pm_http_head_read(bytes, len, is_response, &head, &fault) == PM_HTTP_WHOLE) {
        EXPECT(head.len <= len && head.lines_off < head.len);
        expect_lines(&head);
        bytes += head.len;
        len -= head.len;
        struct pm_http_body whole, parts;
        uint64_t data = 0, in_parts = 0;
        enum pm_http_framing framing = pm_http_framing_of(&head, PM_HTTP_OTHER);
        pm_http_body_begin(&whole, framing, head.length);
        parts = whole;
        size_t first = cut < len ? cut : len, end = end_of(&whole, bytes, len, &data);
        size_t a = end_of(&parts, bytes, first, &in_parts), b = 0;
        if (a == first)
            b = end_of(&parts, bytes + first, len - first, &in_parts);
        EXPECT(end == (a == SIZE_MAX || b == SIZE_MAX ? SIZE_MAX : a + b));
        EXPECT(data == in_parts || end == SIZE_MAX);
        if (end == SIZE_MAX)
            return;
        bytes += end;
        len -= end;
        if (len == 0)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        read_messages(data + 1, size - 1, data[0] & 1, data[0] >> 1);
    return 0;
}
