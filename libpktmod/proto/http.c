/* http.c - heads of HTTP/1 messages; the contract is in http.h. */
#include "proto/http.h"

#include <string.h>

#define LONGEST_METHOD 32

static bool is_token_byte(uint8_t c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return is_letter || (c >= '0' && c <= '9') || (c != 0 && strchr(others, c));
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool pm_http_is_same(const struct pm_http_text *a, const struct pm_http_text *b)
{
    if (!a->bytes || !b->bytes || a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (lower(a->bytes[i]) != lower(b->bytes[i]))
            return false;
    return true;
}

bool pm_http_is(const struct pm_http_text *text, const char *word)
{
    struct pm_http_text other = {(const uint8_t *)word, strlen(word)};
    return pm_http_is_same(text, &other);
}

/* ------------------------------------------------------------------ lines */

enum line { LINE_WHOLE, LINE_MORE, LINE_BAD };

/* The line at off: *end is where its CRLF stands. */
static enum line find_line(const uint8_t *bytes, size_t len, size_t off, size_t *end)
{
    for (size_t i = off; i < len; i++) {
        uint8_t c = bytes[i];
        if (c == '\r') {
            *end = i;
            if (i + 1 == len)
                return LINE_MORE;
            return bytes[i + 1] == '\n' ? LINE_WHOLE : LINE_BAD;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return LINE_BAD;
    }
    return LINE_MORE;
}

static struct pm_http_text text_of(const uint8_t *bytes, size_t from, size_t to)
{
    return (struct pm_http_text){bytes + from, to - from};
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* False: no header line stands in [off, end). */
static bool split_line(const uint8_t *bytes, size_t off, size_t end, struct pm_http_line *out)
{
    size_t colon = off, from, to = end;
    while (colon < end && is_token_byte(bytes[colon]))
        colon++;
    if (colon == off || colon == end || bytes[colon] != ':')
        return false;
    for (from = colon + 1; from < to && is_blank(bytes[from]);)
        from++;
    while (to > from && is_blank(bytes[to - 1]))
        to--;
    *out = (struct pm_http_line){.off = off,
                                 .len = end + 2 - off,
                                 .name = text_of(bytes, off, colon),
                                 .value = text_of(bytes, from, to)};
    return true;
}

bool pm_http_line_next(const struct pm_http_head *head, size_t *off, struct pm_http_line *out)
{
    size_t end;
    if (*off >= head->len || find_line(head->bytes, head->len, *off, &end) != LINE_WHOLE ||
        !split_line(head->bytes, *off, end, out))
        return false;
    *off = end + 2;
    return true;
}

/* ------------------------------------------------------------------ the start line */

static const char http_1[] = "HTTP/1.";

static bool is_version(const uint8_t *bytes, size_t len)
{
    return len == 8 && memcmp(bytes, http_1, 7) == 0 && (bytes[7] == '0' || bytes[7] == '1');
}

static bool read_request_line(const uint8_t *bytes, size_t end, struct pm_http_head *out)
{
    size_t at = 0, uri;
    while (at < end && is_token_byte(bytes[at]))
        at++;
    if (at == 0 || at == end || bytes[at] != ' ')
        return false;
    out->method = text_of(bytes, 0, at);
    uri = ++at;
    while (at < end && bytes[at] > ' ')
        at++;
    if (at == uri || at == end || bytes[at] != ' ' || !is_version(bytes + at + 1, end - at - 1))
        return false;
    out->uri = text_of(bytes, uri, at);
    out->minor = bytes[end - 1] - '0';
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool read_status_line(const uint8_t *bytes, size_t end, struct pm_http_head *out)
{
    if (end < 12 || !is_version(bytes, 8) || bytes[8] != ' ')
        return false;
    for (size_t i = 9; i < 12; i++) {
        if (!is_digit(bytes[i]))
            return false;
        out->code = (uint16_t)(out->code * 10 + bytes[i] - '0');
    }
    out->code_off = 9;
    out->minor = bytes[7] - '0';
    return out->code >= 100 && (end == 12 || bytes[12] == ' ');
}

/* Whether a start line may begin so. */
static bool may_start(const uint8_t *bytes, size_t len, bool is_response)
{
    size_t least = len < sizeof http_1 - 1 ? len : sizeof http_1 - 1;
    if (is_response)
        return least == 0 || memcmp(bytes, http_1, least) == 0;
    for (size_t i = 0; i < len && i <= LONGEST_METHOD; i++) {
        if (bytes[i] == ' ')
            return i > 0;
        if (!is_token_byte(bytes[i]))
            return false;
    }
    return len <= LONGEST_METHOD;
}

/* ------------------------------------------------------------------ header lines that count */

/* RFC 9112, section 6.3: a list of equal lengths may be read; not all do. */
static bool take_length(const struct pm_http_text *value, struct pm_http_head *head)
{
    uint64_t length = 0;
    if (head->has_length || value->len == 0 || value->len > 18)
        return false;
    for (size_t i = 0; i < value->len; i++) {
        if (!is_digit(value->bytes[i]))
            return false;
        length = length * 10 + (uint64_t)(value->bytes[i] - '0');
    }
    head->has_length = true;
    head->length = length;
    return true;
}

static bool take_coding(const struct pm_http_text *value, struct pm_http_head *head)
{
    if (head->is_chunked || head->minor == 0 || !pm_http_is(value, "chunked"))
        return false;
    head->is_chunked = true;
    return true;
}

static enum pm_http_fault take_line(const struct pm_http_line *line, struct pm_http_head *head)
{
    if (pm_http_is(&line->name, "content-length"))
        return take_length(&line->value, head) ? PM_HTTP_SOUND : PM_HTTP_BAD_LENGTH;
    if (pm_http_is(&line->name, "transfer-encoding"))
        return take_coding(&line->value, head) ? PM_HTTP_SOUND : PM_HTTP_BAD_LENGTH;
    if (pm_http_is(&line->name, "host")) {
        if (head->host.bytes)
            return PM_HTTP_BAD_LINE;
        head->host = line->value;
    } else if (pm_http_is(&line->name, "user-agent") && !head->user_agent.bytes) {
        head->user_agent = line->value;
    } else if (pm_http_is(&line->name, "content-encoding")) {
        head->is_encoded |= !pm_http_is(&line->value, "identity");
    } else if (pm_http_is(&line->name, "content-range")) {
        head->is_range = true;
    }
    return PM_HTTP_SOUND;
}

/* ------------------------------------------------------------------ the head */

static enum pm_http_found bad(enum pm_http_fault *fault, enum pm_http_fault which)
{
    *fault = which;
    return PM_HTTP_BAD;
}

static enum pm_http_found read_start(const uint8_t *bytes, size_t len, struct pm_http_head *out,
                                     enum pm_http_fault *fault)
{
    size_t end = 0;
    if (!may_start(bytes, len, out->is_response))
        return bad(fault, PM_HTTP_NO_HTTP);
    enum line line = find_line(bytes, len, 0, &end);
    if (line != LINE_WHOLE)
        return line == LINE_MORE ? PM_HTTP_MORE : bad(fault, PM_HTTP_BAD_LINE);
    if (!(out->is_response ? read_status_line(bytes, end, out)
                           : read_request_line(bytes, end, out)))
        return bad(fault, PM_HTTP_NO_HTTP);
    out->lines_off = end + 2;
    return PM_HTTP_WHOLE;
}

static enum pm_http_found read_lines(const uint8_t *bytes, size_t len, struct pm_http_head *out,
                                     enum pm_http_fault *fault)
{
    size_t off = out->lines_off, end = 0;
    struct pm_http_line line;
    for (;;) {
        if (off < len && is_blank(bytes[off]))
            return bad(fault, PM_HTTP_BAD_LINE);
        enum line found = find_line(bytes, len, off, &end);
        if (found != LINE_WHOLE)
            return found == LINE_MORE ? PM_HTTP_MORE : bad(fault, PM_HTTP_BAD_LINE);
        if (end == off)
            break;
        if (!split_line(bytes, off, end, &line))
            return bad(fault, PM_HTTP_BAD_LINE);
        enum pm_http_fault wrong = take_line(&line, out);
        if (wrong != PM_HTTP_SOUND)
            return bad(fault, wrong);
        off = end + 2;
    }
    out->len = off + 2;
    return out->has_length && out->is_chunked ? bad(fault, PM_HTTP_BAD_LENGTH) : PM_HTTP_WHOLE;
}

enum pm_http_found pm_http_head_read(const uint8_t *bytes, size_t len, bool is_response,
                                     struct pm_http_head *out, enum pm_http_fault *fault)
{
    *fault = PM_HTTP_SOUND;
    *out = (struct pm_http_head){.bytes = bytes, .is_response = is_response};
    if (len == 0)
        return PM_HTTP_MORE;
    enum pm_http_found found = read_start(bytes, len, out, fault);
    return found == PM_HTTP_WHOLE ? read_lines(bytes, len, out, fault) : found;
}

enum pm_http_method pm_http_method_of(const struct pm_http_head *request)
{
    /* Methods are case-sensitive. */
    const struct pm_http_text *method = &request->method;
    if (method->len == 4 && memcmp(method->bytes, "HEAD", 4) == 0)
        return PM_HTTP_HEAD;
    if (method->len == 7 && memcmp(method->bytes, "CONNECT", 7) == 0)
        return PM_HTTP_CONNECT;
    return PM_HTTP_OTHER;
}

enum pm_http_framing pm_http_framing_of(const struct pm_http_head *head, enum pm_http_method method)
{
    bool is_final = head->code >= 200;
    if (head->is_response) {
        bool is_accepted = method == PM_HTTP_CONNECT && is_final && head->code < 300;
        if (is_accepted || head->code == 101)
            return PM_HTTP_TUNNEL;
        if (!is_final || method == PM_HTTP_HEAD || head->code == 204 || head->code == 304)
            return PM_HTTP_NO_BODY;
    }
    if (head->is_chunked)
        return PM_HTTP_CHUNKED;
    if (head->has_length)
        return head->length > 0 ? PM_HTTP_LENGTH : PM_HTTP_NO_BODY;
    return head->is_response ? PM_HTTP_UNTIL_CLOSE : PM_HTTP_NO_BODY;
}
