/* http_test.c - heads and bodies of HTTP/1 are read alike however they come, and what receivers may
 * read in two ways is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/http.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct head {
    const char *text;
    bool is_response;
    enum pm_http_found found;
    enum pm_http_fault fault;
};

#define GET "GET / HTTP/1.1\r\n"
#define OK  "HTTP/1.1 200 OK\r\n"

static const struct head heads[] = {
    {GET "\r\n", false, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {GET "Host: a\r\nX-Y:\t b c \t\r\n\r\n", false, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {GET "Empty:\r\n\r\nbody", false, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {"OPTIONS * HTTP/1.0\r\n\r\n", false, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {OK "\r\n", true, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {"HTTP/1.1 200\r\n\r\n", true, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {"HTTP/1.0 404 \r\n\r\n", true, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {OK "Content-Length: 5\r\n\r\n", true, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    {OK "transfer-encoding: CHUNKED\r\n\r\n", true, PM_HTTP_WHOLE, PM_HTTP_SOUND},
    /* no HTTP/1 */
    {"\x16\x03\x01", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"PRI * HTTP/2.0\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"GET /\r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"GET  / HTTP/1.1\r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"GET / HTTP/1.2\r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"GET / http/1.1\r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"GET / HTTP/1.1 \r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {" GET / HTTP/1.1\r\n", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJK", false, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"HTTX", true, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"HTTP/1.1 20 OK\r\n", true, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"HTTP/1.1 2000\r\n", true, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    {"HTTP/1.1 099 x\r\n", true, PM_HTTP_BAD, PM_HTTP_NO_HTTP},
    /* lines that are read in two ways */
    {"GET / HTTP/1.1\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "Host: a\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "Host: a\rb\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "Host: a\r\n b\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "\tHost: a\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "Host : a\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET ": a\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "Host\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "Host: a\r\nHOST: b\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    {GET "A: \x01\r\n\r\n", false, PM_HTTP_BAD, PM_HTTP_BAD_LINE},
    /* lengths that are */
    {OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Content-Length: 5, 5\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Content-Length: +5\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Content-Length: 0x5\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Content-Length:\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Content-Length: 1234567890123456789\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true, PM_HTTP_BAD,
     PM_HTTP_BAD_LENGTH},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", true, PM_HTTP_BAD, PM_HTTP_BAD_LENGTH},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", true, PM_HTTP_BAD,
     PM_HTTP_BAD_LENGTH},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, PM_HTTP_BAD,
     PM_HTTP_BAD_LENGTH},
};

/* In a block of exactly its size, so that a byte too much is seen. */
static uint8_t *exactly(const char *text, size_t len)
{
    uint8_t *block = malloc(len ? len : 1);
    assert_non_null(block);
    memcpy(block, text, len);
    return block;
}

static enum pm_http_found read_head(const char *text, size_t len, bool is_response,
                                    enum pm_http_fault *fault)
{
    struct pm_http_head head;
    uint8_t *block = exactly(text, len);
    enum pm_http_found found = pm_http_head_read(block, len, is_response, &head, fault);
    free(block);
    return found;
}

static void a_head_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++) {
        const struct head *h = &heads[i];
        enum pm_http_fault fault;
        enum pm_http_found found = read_head(h->text, strlen(h->text), h->is_response, &fault);
        if (found != h->found || fault != h->fault)
            fail_msg("head %zu: found %d fault %d\n%s", i, (int)found, (int)fault, h->text);
    }
}

/* More bytes never take back what was said of fewer. */
static void every_beginning_of_a_head_waits_for_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++) {
        bool was_bad = false;
        size_t len = strlen(heads[i].text);
        for (size_t n = 0; n <= len; n++) {
            enum pm_http_fault fault;
            enum pm_http_found found = read_head(heads[i].text, n, heads[i].is_response, &fault);
            assert_true(!was_bad || found == PM_HTTP_BAD);
            was_bad = found == PM_HTTP_BAD;
            bool is_sound = heads[i].found == PM_HTTP_WHOLE;
            assert_true(!is_sound || found != PM_HTTP_BAD);
        }
    }
}

static void a_nul_in_a_head_is_a_fault(void **state)
{
    (void)state;
    static const char text[] = GET "A: b\0c\r\n\r\n";
    enum pm_http_fault fault;
    assert_int_equal(read_head(text, sizeof text - 1, false, &fault), PM_HTTP_BAD);
    assert_int_equal(fault, PM_HTTP_BAD_LINE);
}

static void expect_text(const struct pm_http_text *text, const char *wanted)
{
    assert_int_equal(text->len, strlen(wanted));
    assert_memory_equal(text->bytes, wanted, text->len);
}

static void what_a_head_says_is_found(void **state)
{
    (void)state;
    static const char text[] =
        "POST /a?b HTTP/1.1\r\nUSER-agent: \t curl/8 \r\nhost: x.example:81\r\n"
        "Content-Length: 0042\r\nContent-Encoding: GZip\r\n\r\n...";
    struct pm_http_head head;
    struct pm_http_line line;
    enum pm_http_fault fault;
    size_t count = 0;
    assert_int_equal(
        pm_http_head_read((const uint8_t *)text, sizeof text - 1, false, &head, &fault),
        PM_HTTP_WHOLE);
    expect_text(&head.method, "POST");
    expect_text(&head.uri, "/a?b");
    expect_text(&head.host, "x.example:81");
    expect_text(&head.user_agent, "curl/8");
    assert_true(head.has_length && head.length == 42 && head.is_encoded && !head.is_range);
    assert_int_equal(head.len, sizeof text - 4);
    for (size_t off = head.lines_off; pm_http_line_next(&head, &off, &line);)
        count++;
    assert_int_equal(count, 4);
    expect_text(&line.name, "Content-Encoding");
}

struct framing {
    const char *text;
    enum pm_http_method method; /* of the request */
    enum pm_http_framing framing;
};

static const struct framing framings[] = {
    {OK "\r\n", PM_HTTP_OTHER, PM_HTTP_UNTIL_CLOSE},
    {OK "\r\n", PM_HTTP_HEAD, PM_HTTP_NO_BODY},
    {OK "Content-Length: 7\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_LENGTH},
    {OK "Content-Length: 7\r\n\r\n", PM_HTTP_HEAD, PM_HTTP_NO_BODY},
    {OK "Content-Length: 0\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_NO_BODY},
    {OK "Transfer-Encoding: chunked\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_CHUNKED},
    {OK "Transfer-Encoding: chunked\r\n\r\n", PM_HTTP_HEAD, PM_HTTP_NO_BODY},
    {"HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_NO_BODY},
    {"HTTP/1.1 204 x\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_NO_BODY},
    {"HTTP/1.1 100 x\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_NO_BODY},
    {"HTTP/1.1 101 x\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_TUNNEL},
    {OK "Content-Length: 7\r\n\r\n", PM_HTTP_CONNECT, PM_HTTP_TUNNEL},
    {"HTTP/1.1 407 x\r\nContent-Length: 7\r\n\r\n", PM_HTTP_CONNECT, PM_HTTP_LENGTH},
    {GET "\r\n", PM_HTTP_OTHER, PM_HTTP_NO_BODY},
    {GET "Content-Length: 7\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_LENGTH},
    {GET "Transfer-Encoding: chunked\r\n\r\n", PM_HTTP_OTHER, PM_HTTP_CHUNKED},
};

static void the_length_of_a_body_follows_from_request_and_response(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(framings); i++) {
        const struct framing *f = &framings[i];
        struct pm_http_head head;
        enum pm_http_fault fault;
        bool is_response = f->text[0] == 'H';
        assert_int_equal(pm_http_head_read((const uint8_t *)f->text, strlen(f->text), is_response,
                                           &head, &fault),
                         PM_HTTP_WHOLE);
        if (pm_http_framing_of(&head, f->method) != f->framing)
            fail_msg("%s", f->text);
    }
}

/* ------------------------------------------------------------------ bodies */

struct body {
    enum pm_http_framing framing;
    uint64_t length;
    const char *text;
    const char *data; /* NULL: a fault */
    const char *rest; /* behind the message */
};

static const struct body bodies[] = {
    {PM_HTTP_NO_BODY, 0, "next", "", "next"},
    {PM_HTTP_LENGTH, 4, "bodynext", "body", "next"},
    {PM_HTTP_UNTIL_CLOSE, 0, "all of it", "all of it", ""},
    {PM_HTTP_CHUNKED, 0, "0\r\n\r\nnext", "", "next"},
    {PM_HTTP_CHUNKED, 0, "3\r\nabc\r\n0\r\n\r\n", "abc", ""},
    {PM_HTTP_CHUNKED, 0, "3;x=\"y\"\r\nabc\r\n0000a\r\n0123456789\r\n00;z\r\n\r\nn",
     "abc0123456789", "n"},
    {PM_HTTP_CHUNKED, 0, "1\r\na\r\n0\r\nT: 1\r\nU: 2\r\n\r\nnext", "a", "next"},
    {PM_HTTP_CHUNKED, 0, "A\r\n\r\n0\r\n\r\nxyz\r\n0\r\n\r\n", "\r\n0\r\n\r\nxyz", ""},
    {PM_HTTP_CHUNKED, 0, "\r\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "3\nabc\r\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "3 \r\nabc\r\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "-1\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "0x3\r\nabc\r\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "3\r\nabcd\r\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "3\r\nabc\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "10000000000000000\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "1;a\nb\r\nx\r\n0\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "0\r\n folded\r\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "0\r\nA: b\n\r\n", NULL, NULL},
    {PM_HTTP_CHUNKED, 0, "0\r\n\rx", NULL, NULL},
};

/* Reads parts that end at the given places; answers the length of the data, SIZE_MAX for a fault.
 */
static size_t read_body(const struct body *b, const size_t *cuts, size_t cut_count, char *data,
                        size_t *used)
{
    struct pm_http_body body;
    size_t len = strlen(b->text), at = 0, got = 0;
    pm_http_body_begin(&body, b->framing, b->length);
    for (size_t i = 0; i <= cut_count; i++) {
        size_t end = i < cut_count ? cuts[i] : len;
        uint8_t *part = exactly(b->text + at, end - at);
        size_t done = 0, taken;
        bool is_data;
        while ((taken = pm_http_body_next(&body, part + done, end - at - done, &is_data)) > 0) {
            if (is_data) {
                memcpy(data + got, part + done, taken);
                got += taken;
            }
            done += taken;
            if (at + done == end)
                break;
        }
        free(part);
        at += done;
        if (at < end)
            break;
    }
    *used = at;
    return body.at == PM_HTTP_AT_FAULT ? SIZE_MAX : got;
}

static void expect_body(const struct body *b, const size_t *cuts, size_t cut_count)
{
    char data[256];
    size_t used, got = read_body(b, cuts, cut_count, data, &used);
    if (!b->data) {
        if (got != SIZE_MAX)
            fail_msg("no fault: %s", b->text);
        return;
    }
    assert_int_equal(got, strlen(b->data));
    assert_memory_equal(data, b->data, got);
    assert_string_equal(b->text + used, b->rest);
}

static void a_body_is_read_alike_at_every_pair_of_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        size_t len = strlen(bodies[i].text);
        for (size_t a = 0; a <= len; a++)
            for (size_t b = a; b <= len; b++)
                expect_body(&bodies[i], (size_t[]){a, b}, 2);
    }
}

static void a_body_is_read_byte_by_byte(void **state)
{
    (void)state;
    size_t cuts[256];
    for (size_t i = 0; i < 256; i++)
        cuts[i] = i + 1;
    for (size_t i = 0; i < COUNT(bodies); i++)
        expect_body(&bodies[i], cuts, strlen(bodies[i].text));
}

static void extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    static const char *const begins[] = {"1;", "0\r\nT: "};
    for (size_t i = 0; i < COUNT(begins); i++) {
        struct pm_http_body body;
        bool is_data;
        pm_http_body_begin(&body, PM_HTTP_CHUNKED, 0);
        pm_http_body_next(&body, (const uint8_t *)begins[i], strlen(begins[i]), &is_data);
        for (size_t n = 0; n < 10000 && body.at != PM_HTTP_AT_FAULT; n++)
            pm_http_body_next(&body, (const uint8_t *)"x", 1, &is_data);
        assert_int_equal(body.at, PM_HTTP_AT_FAULT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_or_refused),
        cmocka_unit_test(every_beginning_of_a_head_waits_for_the_rest),
        cmocka_unit_test(a_nul_in_a_head_is_a_fault),
        cmocka_unit_test(what_a_head_says_is_found),
        cmocka_unit_test(the_length_of_a_body_follows_from_request_and_response),
        cmocka_unit_test(a_body_is_read_alike_at_every_pair_of_cuts),
        cmocka_unit_test(a_body_is_read_byte_by_byte),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
