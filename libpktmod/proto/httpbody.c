/* httpbody.c - bodies of HTTP/1 messages, byte by byte; the contract is in http.h.
 *
 *     SIZE digits ---- CR --> SIZE_LF -- more --> CHUNK --> CHUNK_CR --> CHUNK_LF --> SIZE
 *        '-- ; --> EXTENSION --^  |
 *                                 '-- 0 --> TRAILER -- CR --> LAST_LF --> END
 *                                             '--> TRAILER_LINE --> TRAILER_LF --> TRAILER
 */
#include "proto/http.h"

#define LONGEST_EXTENSION 1024u
#define LONGEST_TRAILERS  8192u
#define MOST_DIGITS       15u

void pm_http_body_begin(struct pm_http_body *body, enum pm_http_framing framing, uint64_t length)
{
    *body = (struct pm_http_body){.at = PM_HTTP_AT_END};
    switch (framing) {
    case PM_HTTP_NO_BODY:
    case PM_HTTP_TUNNEL:
        break;
    case PM_HTTP_LENGTH:
        body->at = length > 0 ? PM_HTTP_AT_DATA : PM_HTTP_AT_END;
        body->left = length;
        break;
    case PM_HTTP_CHUNKED:
        body->at = PM_HTTP_AT_SIZE;
        break;
    case PM_HTTP_UNTIL_CLOSE:
        body->at = PM_HTTP_AT_DATA_TO_CLOSE;
        break;
    }
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum pm_http_at take_size(struct pm_http_body *body, uint8_t c)
{
    int digit = hex_digit(c);
    if (digit >= 0 && body->digits < MOST_DIGITS) {
        body->left = body->left << 4 | (uint64_t)digit;
        body->digits++;
        return PM_HTTP_AT_SIZE;
    }
    body->line = 0;
    if (body->digits == 0)
        return PM_HTTP_AT_FAULT;
    return c == '\r' ? PM_HTTP_AT_SIZE_LF : c == ';' ? PM_HTTP_AT_EXTENSION : PM_HTTP_AT_FAULT;
}

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* Within a line of at most so many bytes, which ends with CR. */
static enum pm_http_at take_line(struct pm_http_body *body, uint8_t c, uint32_t most,
                                 enum pm_http_at behind)
{
    if (c == '\r')
        return behind;
    if (is_control(c) || ++body->line > most)
        return PM_HTTP_AT_FAULT;
    return (enum pm_http_at)body->at;
}

static enum pm_http_at take_trailer(struct pm_http_body *body, uint8_t c)
{
    if (c == ' ' || c == '\t')
        return PM_HTTP_AT_FAULT;
    enum pm_http_at next = take_line(body, c, LONGEST_TRAILERS, PM_HTTP_AT_LAST_LF);
    return next == PM_HTTP_AT_TRAILER ? PM_HTTP_AT_TRAILER_LINE : next;
}

static enum pm_http_at begin_size(struct pm_http_body *body)
{
    body->digits = 0;
    body->left = 0;
    return PM_HTTP_AT_SIZE;
}

static enum pm_http_at end_size(struct pm_http_body *body)
{
    body->line = 0;
    return body->left > 0 ? PM_HTTP_AT_CHUNK : PM_HTTP_AT_TRAILER;
}

static enum pm_http_at expect(uint8_t c, uint8_t wanted, enum pm_http_at then)
{
    return c == wanted ? then : PM_HTTP_AT_FAULT;
}

/* Where a byte around chunks leads. */
static enum pm_http_at take(struct pm_http_body *body, uint8_t c)
{
    switch ((enum pm_http_at)body->at) {
    case PM_HTTP_AT_SIZE:
        return take_size(body, c);
    case PM_HTTP_AT_EXTENSION:
        return take_line(body, c, LONGEST_EXTENSION, PM_HTTP_AT_SIZE_LF);
    case PM_HTTP_AT_SIZE_LF:
        return c == '\n' ? end_size(body) : PM_HTTP_AT_FAULT;
    case PM_HTTP_AT_CHUNK_CR:
        return expect(c, '\r', PM_HTTP_AT_CHUNK_LF);
    case PM_HTTP_AT_CHUNK_LF:
        return c == '\n' ? begin_size(body) : PM_HTTP_AT_FAULT;
    case PM_HTTP_AT_TRAILER:
        return take_trailer(body, c);
    case PM_HTTP_AT_TRAILER_LINE:
        return take_line(body, c, LONGEST_TRAILERS, PM_HTTP_AT_TRAILER_LF);
    case PM_HTTP_AT_TRAILER_LF:
        return expect(c, '\n', PM_HTTP_AT_TRAILER);
    case PM_HTTP_AT_LAST_LF:
        return expect(c, '\n', PM_HTTP_AT_END);
    case PM_HTTP_AT_END:
    case PM_HTTP_AT_DATA:
    case PM_HTTP_AT_DATA_TO_CLOSE:
    case PM_HTTP_AT_CHUNK:
    case PM_HTTP_AT_FAULT:
        break;
    }
    return PM_HTTP_AT_FAULT;
}

static size_t read_data(struct pm_http_body *body, size_t len)
{
    if (body->at == PM_HTTP_AT_DATA_TO_CLOSE)
        return len;
    size_t taken = body->left < len ? (size_t)body->left : len;
    body->left -= taken;
    if (body->left == 0)
        body->at = body->at == PM_HTTP_AT_DATA ? PM_HTTP_AT_END : PM_HTTP_AT_CHUNK_CR;
    return taken;
}

size_t pm_http_body_next(struct pm_http_body *body, const uint8_t *bytes, size_t len, bool *is_data)
{
    size_t taken = 0;
    *is_data = pm_http_body_is_at_data(body);
    if (*is_data)
        return read_data(body, len);
    while (taken < len && body->at != PM_HTTP_AT_END && body->at != PM_HTTP_AT_FAULT) {
        body->at = (uint8_t)take(body, bytes[taken]);
        if (body->at == PM_HTTP_AT_FAULT)
            break;
        taken++;
        if (body->at == PM_HTTP_AT_CHUNK)
            break;
    }
    return taken;
}
