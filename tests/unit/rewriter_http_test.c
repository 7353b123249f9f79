/* rewriter_http_test.c - HTTP/1 through the rewriter: what cannot be read is left alone and
 * counted, what comes too late or has no room too; bodies end where their messages do. */
#include <stdio.h>

#include "rules/rules.h"
#include "talk.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define MS           UINT64_C(1000000)

/* A connection; what left in each direction, as one text. */
struct web {
    struct talk t;
    struct pm_rules *rules;
    uint32_t seq[2], left[2];
    char text[2][8192];
    uint64_t now_ns;
};

static void collect(struct web *w)
{
    for (size_t i = 0; i < w->t.out_count; i++) {
        const struct talk_packet *p = &w->t.out[i].p;
        int side = p->from_server;
        assert_true(w->t.out[i].checksums_right);
        if (p->payload_len == 0)
            continue;
        assert_int_equal(p->seq, 1001 + w->left[side]);
        assert_true(w->left[side] + p->payload_len < sizeof w->text[0]);
        memcpy(w->text[side] + w->left[side], p->payload, p->payload_len);
        w->left[side] += (uint32_t)p->payload_len;
    }
}

static void send_flags(struct web *w, int side, uint8_t flags, const char *text)
{
    struct talk_packet p = {.from_server = side,
                            .flags = flags,
                            .seq = (flags & TALK_SYN) ? 1000 : w->seq[side],
                            .ack = (flags & TALK_ACK) ? w->seq[1 - side] : 0,
                            .payload = (const uint8_t *)text,
                            .payload_len = strlen(text),
                            .time_ns = w->now_ns};
    talk_send(&w->t, &p);
    w->seq[side] += (uint32_t)strlen(text);
    collect(w);
}

static void say(struct web *w, int side, const char *text)
{
    send_flags(w, side, TALK_ACK | TALK_PSH, text);
}

static void begin(struct web *w, const char *hold_bytes, const char *rules)
{
    static const struct pm_rewriter_config plain = {.hash_key = {1, 2}, .mtu = 1500};
    struct pm_rewriter_config config = plain;
    struct pm_error error;
    char text[4096];
    memset(w, 0, sizeof *w);
    int len =
        snprintf(text, sizeof text, "{\"pktmod\":1,\"policy\":{\"hold_bytes\":%s},\"rules\":[%s]}",
                 hold_bytes, rules);
    w->rules = pm_rules_load_text("rules", text, (size_t)len);
    if (!pm_rules_policy(w->rules))
        pm_rules_print_text(w->rules, stderr, false);
    assert_non_null(pm_rules_policy(w->rules));
    config.emit = talk_emit;
    config.event = talk_event;
    config.context = &w->t;
    w->t.policy = pm_policy_ref(pm_rules_policy(w->rules));
    w->t.rewriter = pm_rewriter_new(w->t.policy, &config, &error);
    w->t.out = malloc(TALK_OUT * sizeof *w->t.out);
    assert_non_null(w->t.rewriter);
    assert_non_null(w->t.out);
    w->seq[0] = w->seq[1] = 1001;
    send_flags(w, 0, TALK_SYN, "");
    send_flags(w, 1, TALK_SYN | TALK_ACK, "");
}

static void end(struct web *w)
{
    pm_rules_free(w->rules);
    talk_end(&w->t);
}

static void wait_ms(struct web *w, uint64_t ms)
{
    w->now_ns += ms * MS;
    w->t.out_count = 0;
    pm_rewriter_due(w->t.rewriter, w->now_ns);
    collect(w);
}

static void flush(struct web *w)
{
    w->t.out_count = 0;
    pm_rewriter_flush(w->t.rewriter, w->now_ns);
    collect(w);
}

static uint64_t counted(const struct web *w, enum pm_why why)
{
    return pm_rewriter_stats(w->t.rewriter)->why[why];
}

static void expect_left(const struct web *w, int side, const char *text)
{
    if (strcmp(w->text[side], text) != 0)
        fail_msg("left: %s\nexpected: %s", w->text[side], text);
}

#define ADD "{\"id\":\"a\",\"match\":{},\"rewrite\":[{\"http\":{\"add\":{\"X\":\"1\"}}}]}"
#define LONGER                                                                                     \
    "{\"id\":\"b\",\"match\":{\"flow\":\"to_client\"},\"rewrite\":[{\"replace\":{\"find\":\"ab\"," \
    "\"with\":\"abc\",\"in\":\"http.body\"}}]}"
#define OTHER                                                                                      \
    "{\"id\":\"c\",\"match\":{\"flow\":\"to_client\"},\"rewrite\":[{\"http\":{\"body\":\"other\"}" \
    "}]}"
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\n"

struct shape {
    const char *text;
    enum pm_why why;
};

static const struct shape shapes[] = {
    {"\x16\x03\x01 no HTTP", PM_WHY_HTTP_NOT},
    {"GET / HTTP/2.0\r\n\r\n", PM_WHY_HTTP_NOT},
    {"GET / HTTP/1.1\nHost: a\n\n", PM_WHY_HTTP_LINE},
    {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", PM_WHY_HTTP_LINE},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", PM_WHY_HTTP_LINE},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", PM_WHY_HTTP_LENGTH},
    {"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     PM_WHY_HTTP_LENGTH},
};

/* And what follows stays so, though it would be HTTP. */
static void shapes_that_are_read_in_two_ways_are_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct web w;
        char all[256];
        begin(&w, "4096", ADD);
        say(&w, 0, shapes[i].text);
        say(&w, 0, GET);
        snprintf(all, sizeof all, "%s%s", shapes[i].text, GET);
        expect_left(&w, 0, all);
        assert_int_equal(counted(&w, shapes[i].why), 1);
        end(&w);
    }
}

static void a_wrong_chunk_ends_the_reading_behind_the_right_ones(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", LONGER);
    say(&w, 0, GET);
    say(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nxx\r\nab\r\n0\r\n\r\n");
    expect_left(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxx\r\nab\r\n0\r\n\r\n");
    assert_int_equal(counted(&w, PM_WHY_HTTP_CHUNK), 1);
    end(&w);
}

static void a_head_larger_than_what_may_be_held_is_left_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "20", ADD);
    say(&w, 0, "GET / HT");
    expect_left(&w, 0, "");
    say(&w, 0, "TP/1.1\r\nHost: a\r\n\r\n" GET);
    expect_left(&w, 0, GET GET);
    assert_int_equal(counted(&w, PM_WHY_HTTP_LATE), 1);
    end(&w);
}

static void a_head_that_comes_too_late_is_left_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", ADD);
    say(&w, 0, "GET / HT");
    wait_ms(&w, 60);
    expect_left(&w, 0, "GET / HT");
    say(&w, 0, "TP/1.1\r\nHost: a\r\n\r\n");
    expect_left(&w, 0, GET);
    assert_int_equal(counted(&w, PM_WHY_HTTP_LATE), 1);
    assert_int_equal(counted(&w, PM_WHY_HOLD_TIMEOUT), 1);
    end(&w);
}

static void a_body_that_comes_too_late_leaves_in_chunks(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", LONGER);
    say(&w, 0, GET);
    say(&w, 1, OK "Content-Length: 8\r\n\r\nxab");
    expect_left(&w, 1, "");
    wait_ms(&w, 60);
    say(&w, 1, "-ab-a");
    expect_left(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n3\r\nxab\r\n6\r\n-abc-a\r\n0\r\n\r\n");
    end(&w);
}

static void a_chunk_whose_rest_comes_too_late_is_cut(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", LONGER);
    say(&w, 0, GET);
    say(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n6\r\nxab");
    wait_ms(&w, 60);
    say(&w, 1, "-ab\r\n0\r\n\r\n");
    expect_left(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n3\r\nxab\r\n4\r\n-abc\r\n0\r\n\r\n");
    end(&w);
}

/* Its size has left, so its data does not change. */
static void a_chunk_that_comes_later_than_its_size_is_left_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", LONGER);
    say(&w, 0, GET);
    say(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n2;");
    wait_ms(&w, 60);
    say(&w, 1, "x\r\nab\r\n2\r\nab\r\n0\r\n\r\n");
    expect_left(&w, 1, OK "Transfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n3\r\nabc\r\n0\r\n\r\n");
    end(&w);
}

static void responses_without_a_body_get_none(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", OTHER);
    say(&w, 0, "HEAD / HTTP/1.1\r\n\r\n" GET GET GET);
    say(&w, 1, OK "Content-Length: 3\r\n\r\n");
    say(&w, 1, "HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\nHTTP/1.1 204 y\r\n\r\n");
    say(&w, 1, "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 3\r\n\r\nold");
    expect_left(&w, 1,
                OK "Content-Length: 3\r\n\r\nHTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n"
                   "HTTP/1.1 204 y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK
                   "Content-Length: 5\r\n\r\nother");
    assert_int_equal(counted(&w, PM_WHY_HTTP_BODY), 3);
    end(&w);
}

static void encoded_and_partial_bodies_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        OK "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
        OK "Content-Range: bytes 0-1/5\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 206 Part\r\nContent-Length: 2\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct web w;
        char all[256];
        begin(&w, "4096", LONGER);
        say(&w, 0, GET);
        snprintf(all, sizeof all, "%sab", heads[i]);
        say(&w, 1, all);
        expect_left(&w, 1, all);
        assert_int_equal(counted(&w, PM_WHY_HTTP_BODY), 1);
        end(&w);
    }
}

static void a_long_body_needs_both_ends_to_know_chunks(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "60", LONGER);
    say(&w, 0, "GET / HTTP/1.0\r\n\r\n" GET);
    say(&w, 1, OK "Content-Length: 26\r\n\r\nab-ab-ab-ab-ab-ab-ab-ab-ab");
    expect_left(&w, 1, OK "Content-Length: 26\r\n\r\nab-ab-ab-ab-ab-ab-ab-ab-ab");
    assert_int_equal(counted(&w, PM_WHY_HTTP_BODY), 1);
    say(&w, 1, OK "Content-Length: 26\r\n\r\n--------------------------");
    expect_left(&w, 1,
                OK
                "Content-Length: 26\r\n\r\nab-ab-ab-ab-ab-ab-ab-ab-ab" OK
                "Transfer-Encoding: chunked\r\n\r\n1a\r\n--------------------------\r\n0\r\n\r\n");
    end(&w);
}

static void tunnels_are_left_alone_and_not_counted(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", ADD);
    say(&w, 0, "CONNECT a:443 HTTP/1.1\r\n\r\n");
    say(&w, 1, OK "\r\n");
    say(&w, 0, GET);
    say(&w, 1, OK "\r\n");
    expect_left(&w, 0, "CONNECT a:443 HTTP/1.1\r\nX: 1\r\n\r\n" GET);
    expect_left(&w, 1, OK "\r\n" OK "\r\n");
    assert_int_equal(counted(&w, PM_WHY_HTTP_NOT) + counted(&w, PM_WHY_HTTP_UNPAIRED), 0);
    end(&w);
}

static void a_changed_protocol_is_left_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", ADD);
    say(&w, 0, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    say(&w, 1, "HTTP/1.1 101 Switching\r\n\r\n\x81\x01z");
    say(&w, 0, GET);
    expect_left(&w, 0, "GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: 1\r\n\r\n" GET);
    expect_left(&w, 1, "HTTP/1.1 101 Switching\r\n\r\n\x81\x01z");
    end(&w);
}

static void a_response_without_a_request_is_left_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", ADD);
    say(&w, 1, "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n");
    expect_left(&w, 1, "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(counted(&w, PM_WHY_HTTP_UNPAIRED), 1);
    end(&w);
}

static void more_requests_than_are_remembered_leave_the_responses_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", ADD);
    for (int i = 0; i < 17; i++)
        say(&w, 0, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(w.left[0], 17 * strlen("GET / HTTP/1.1\r\nX: 1\r\n\r\n"));
    say(&w, 1, OK "Content-Length: 0\r\n\r\n");
    expect_left(&w, 1, OK "Content-Length: 0\r\n\r\n");
    assert_int_equal(counted(&w, PM_WHY_HTTP_FULL), 1);
    end(&w);
}

static void a_response_is_judged_by_what_its_request_said(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096",
          "{\"id\":\"a\",\"match\":{\"flow\":\"to_client\",\"http.request.uri\":\"/b\"},"
          "\"rewrite\":[{\"http\":{\"add\":{\"X\":\"1\"}}}]}");
    say(&w, 0, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    say(&w, 1, OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 0\r\n\r\n");
    expect_left(&w, 1, OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 0\r\nX: 1\r\n\r\n");
    end(&w);
}

static void inserts_into_the_stream_leave_http_alone(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096",
          ADD ",{\"id\":\"i\",\"match\":{},\"rewrite\":[{\"insert\":{\"at\":\"start\",\"bytes\":\"<"
              "\"}}]}");
    say(&w, 0, GET);
    expect_left(&w, 0, "<" GET);
    assert_int_equal(counted(&w, PM_WHY_HTTP_CLASH), 1);
    end(&w);
}

/* The find would take a part of the length. */
static void a_length_that_has_to_change_is_no_find(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096",
          LONGER
          ",{\"id\":\"l\",\"match\":{},\"rewrite\":[{\"replace\":{\"find\":\"Length: 2\",\"with\":"
          "\"Length: 9\"}},{\"replace\":{\"find\":\"200 OK\",\"with\":\"200 Fine\"}}]}");
    say(&w, 0, GET);
    say(&w, 1, OK "Content-Length: 2\r\n\r\nab");
    expect_left(&w, 1, "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\n\r\nabc");
    end(&w);
}

static void a_gap_ends_the_reading(void **state)
{
    (void)state;
    struct web w;
    begin(&w, "4096", ADD);
    w.seq[0] += 5;
    w.left[0] += 5;
    say(&w, 0, GET);
    flush(&w);
    assert_int_equal(counted(&w, PM_WHY_GAP), 1);
    assert_int_equal(counted(&w, PM_WHY_HTTP_LATE), 1);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_are_read_in_two_ways_are_left_alone),
        cmocka_unit_test(a_wrong_chunk_ends_the_reading_behind_the_right_ones),
        cmocka_unit_test(a_head_larger_than_what_may_be_held_is_left_alone),
        cmocka_unit_test(a_head_that_comes_too_late_is_left_alone),
        cmocka_unit_test(a_body_that_comes_too_late_leaves_in_chunks),
        cmocka_unit_test(a_chunk_whose_rest_comes_too_late_is_cut),
        cmocka_unit_test(a_chunk_that_comes_later_than_its_size_is_left_alone),
        cmocka_unit_test(responses_without_a_body_get_none),
        cmocka_unit_test(encoded_and_partial_bodies_are_refused),
        cmocka_unit_test(a_long_body_needs_both_ends_to_know_chunks),
        cmocka_unit_test(tunnels_are_left_alone_and_not_counted),
        cmocka_unit_test(a_changed_protocol_is_left_alone),
        cmocka_unit_test(a_response_without_a_request_is_left_alone),
        cmocka_unit_test(more_requests_than_are_remembered_leave_the_responses_alone),
        cmocka_unit_test(a_response_is_judged_by_what_its_request_said),
        cmocka_unit_test(inserts_into_the_stream_leave_http_alone),
        cmocka_unit_test(a_length_that_has_to_change_is_no_find),
        cmocka_unit_test(a_gap_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
