/* http.h - HTTP/1 messages as they stand in one direction of a connection. RFC 9112, RFC 9110.
 *
 *     head   GET / HTTP/1.1 CRLF  name: value CRLF ...  CRLF            read when it is whole
 *     body   nothing | so many bytes | chunks and trailers | up to the end     read in any cut
 *
 * Only what every receiver reads alike is read. Other shapes are faults: two lengths, a length
 * beside chunks, a bare CR or LF, folded lines, control bytes, a space before the colon, chunk
 * sizes that are no plain hex number. */
#ifndef PM_PROTO_HTTP_H
#define PM_PROTO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pm_http_fault {
    PM_HTTP_SOUND,
    PM_HTTP_NO_HTTP,    /* no start line of HTTP/1.0 or HTTP/1.1 */
    PM_HTTP_BAD_LINE,   /* receivers may see other lines, or other ends of them */
    PM_HTTP_BAD_LENGTH, /* or another end of the body */
    PM_HTTP_BAD_CHUNK,
};

struct pm_http_text {
    const uint8_t *bytes; /* NULL: there is none */
    size_t len;
};

struct pm_http_head {
    const uint8_t *bytes;
    size_t len;       /* with the empty line */
    size_t lines_off; /* of the first header line */
    bool is_response;
    uint8_t minor; /* of the version: 0 or 1 */
    uint16_t code; /* of a response; it stands at code_off, its reason up to lines_off - 2 */
    size_t code_off;
    struct pm_http_text method, uri; /* of a request */
    struct pm_http_text host, user_agent;
    bool has_length, is_chunked;
    bool is_encoded; /* Content-Encoding says more than identity */
    bool is_range;   /* Content-Range */
    uint64_t length;
};

enum pm_http_found { PM_HTTP_WHOLE, PM_HTTP_MORE, PM_HTTP_BAD };

/* Reads the head that bytes begin with. MORE: it is sound as far as it is there. BAD: *fault. */
enum pm_http_found pm_http_head_read(const uint8_t *bytes, size_t len, bool is_response,
                                     struct pm_http_head *out, enum pm_http_fault *fault);

/* A header line: name, colon, value, CRLF. */
struct pm_http_line {
    size_t off, len;                 /* with CRLF */
    struct pm_http_text name, value; /* the value without space around it */
};

/* The header line at *off of the head, and moves *off behind it; begun with lines_off. False: there
 * is none. */
bool pm_http_line_next(const struct pm_http_head *head, size_t *off, struct pm_http_line *out);

/* ASCII letters in any case. */
bool pm_http_is(const struct pm_http_text *text, const char *word);
bool pm_http_is_same(const struct pm_http_text *a, const struct pm_http_text *b);

/* ------------------------------------------------------------------ bodies */

/* What a response needs to know of its request. */
enum pm_http_method { PM_HTTP_OTHER, PM_HTTP_HEAD, PM_HTTP_CONNECT };

enum pm_http_method pm_http_method_of(const struct pm_http_head *request);

enum pm_http_framing {
    PM_HTTP_NO_BODY,
    PM_HTTP_LENGTH,
    PM_HTTP_CHUNKED,
    PM_HTTP_UNTIL_CLOSE,
    PM_HTTP_TUNNEL, /* no HTTP follows: CONNECT was accepted, or the protocol changes */
};

/* How long the message's body is; `method` of the request that a response answers. */
enum pm_http_framing pm_http_framing_of(const struct pm_http_head *head,
                                        enum pm_http_method method);

enum pm_http_at {
    PM_HTTP_AT_END, /* behind the body */
    PM_HTTP_AT_DATA,
    PM_HTTP_AT_DATA_TO_CLOSE,
    PM_HTTP_AT_SIZE, /* CHUNKED from here on */
    PM_HTTP_AT_EXTENSION,
    PM_HTTP_AT_SIZE_LF,
    PM_HTTP_AT_CHUNK, /* data of it */
    PM_HTTP_AT_CHUNK_CR,
    PM_HTTP_AT_CHUNK_LF,
    PM_HTTP_AT_TRAILER,      /* its line begins */
    PM_HTTP_AT_TRAILER_LINE, /* within it */
    PM_HTTP_AT_TRAILER_LF,
    PM_HTTP_AT_LAST_LF,
    PM_HTTP_AT_FAULT,
};

/* Where a reader stands in a body. */
struct pm_http_body {
    uint8_t at;     /* enum pm_http_at */
    uint8_t digits; /* of the size */
    uint32_t line;  /* bytes of extensions or trailers so far */
    uint64_t left;  /* of the data or the chunk; of SIZE: the number so far */
};

void pm_http_body_begin(struct pm_http_body *body, enum pm_http_framing framing, uint64_t length);

/* Reads on: the bytes of one kind that come next, data or what is around chunks. Answers how many;
 * 0 at END and FAULT. */
size_t pm_http_body_next(struct pm_http_body *body, const uint8_t *bytes, size_t len,
                         bool *is_data);

static inline bool pm_http_body_is_at_data(const struct pm_http_body *body)
{
    return body->at == PM_HTTP_AT_DATA || body->at == PM_HTTP_AT_DATA_TO_CLOSE ||
           body->at == PM_HTTP_AT_CHUNK;
}

#endif
