/* rewriter_external_test.c - streams that a client decides about: what waits, what leaves, credit,
 * clients that are late, gone, or lie; and random clients on random cuts. */
#include <stdio.h>

#include "base/rng.h"
#include "story.h"

#define MS       UINT64_C(1000000)
#define MOST     512
#define SEEDS    1500
#define MOST_OUT 8192

/* A client, and what it was handed. The talk is first: what the rewriter calls gets that. */
struct client {
    struct talk talk;
    uint64_t stream;
    char data[MOST]; /* without answer yet */
    size_t len;
    uint64_t offset; /* of data */
    unsigned ends, gone;
    bool is_deaf; /* takes nothing */
};

static bool take_data(void *context, const struct pm_external_data *data)
{
    struct client *c = context;
    assert_string_equal(data->socket, "/run/client");
    if (c->is_deaf)
        return false;
    c->gone += data->is_gone;
    if (data->is_gone)
        return true;
    assert_int_equal(data->offset, c->offset + c->len);
    assert_int_equal(data->ends.dst_port, 80);
    assert_true(data->to_server && c->len + data->len <= MOST);
    c->stream = data->stream;
    if (data->len > 0)
        memcpy(c->data + c->len, data->bytes, data->len);
    c->len += data->len;
    c->ends += data->is_end;
    return true;
}

/* Settings of the tests here are small. */
static struct pm_rewriter_config small_config(bool is_live)
{
    return (struct pm_rewriter_config){.hash_key = {1, 2},
                                       .mode = is_live ? PM_MODE_LIVE : PM_MODE_REPLAY,
                                       .mtu = 1500,
                                       .streams = 4,
                                       .retain_bytes = 1u << 20,
                                       .retain_dir_bytes = 1u << 19,
                                       .edits = 4096,
                                       .pending_bytes = 1u << 18,
                                       .pending_dir_bytes = 1u << 16,
                                       .waits = 8,
                                       .external = take_data};
}

static void shake_hands(struct talk *t)
{
    talk_send(t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
    t->out_count = 0;
}

static void begin(struct client *c, struct pm_rewriter_config config, enum pm_on_timeout on_timeout)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 8;
    pm_builder_settings(b, &settings);
    struct pm_op_spec op = {
        .kind = PM_OP_EXTERNAL,
        .external = {.socket = "/run/client", .timeout_ms = 100, .on_timeout = on_timeout}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "ask",
                                                  .match = talk_flow(b, 0),
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = &op,
                                                  .op_count = 1});
    *c = (struct client){.len = 0};
    talk_begin(&c->talk, b, config);
    shake_hands(&c->talk);
}

/* The next `take` bytes become the text. */
static enum pm_external_verdict answer(struct client *c, size_t take, const char *text)
{
    c->talk.out_count = 0;
    enum pm_external_verdict verdict = pm_rewriter_external_answer(
        c->talk.rewriter, c->stream, c->offset, take, (const uint8_t *)text, strlen(text), 0);
    if (verdict == PM_EXTERNAL_TAKEN) {
        memmove(c->data, c->data + take, c->len - take);
        c->len -= take;
        c->offset += take;
    }
    return verdict;
}

static void send_text(struct client *c, uint32_t off, const char *text, uint64_t at_ms)
{
    struct talk_packet p = data(off, text);
    p.time_ns = at_ms * MS;
    talk_send(&c->talk, &p);
}

static uint64_t count_of(const struct client *c, enum pm_why why)
{
    return pm_rewriter_stats(c->talk.rewriter)->why[why];
}

/* ------------------------------------------------------------------ what leaves */

static void nothing_leaves_before_it_is_answered(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct client c;
        begin(&c, small_config(live), PM_TIMEOUT_PASS);
        send_text(&c, 0, "hello ", 0);
        send_text(&c, 6, "world", 0);
        assert_int_equal(c.len, 11);
        assert_memory_equal(c.data, "hello world", 11);
        assert_int_equal(answer(&c, 5, "HOLLA"), PM_EXTERNAL_TAKEN);
        expect(&c.talk, 0, 0, "HOLLA");
        assert_int_equal(answer(&c, 6, ", big wide world"), PM_EXTERNAL_TAKEN);
        expect(&c.talk, 0, 5, ", big wide world");
        assert_int_equal(pm_rewriter_rule_stats(c.talk.rewriter, 0)->edits, 2);
        assert_int_equal(pm_rewriter_rule_stats(c.talk.rewriter, 0)->grown_bytes, 10);
        talk_end(&c.talk);
    }
}

static void what_is_left_alone_is_no_edit(void **state)
{
    (void)state;
    static const struct {
        const char *with;
        uint32_t edits;
    } table[] = {{"abcdef", 0},  {"abXdef", 1}, {"abcdefg", 1}, {"zabcdef", 1},
                 {"abccdef", 1}, {"af", 1},     {"", 1},        {"aaaaaaa", 1}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct client c;
        begin(&c, small_config(false), PM_TIMEOUT_PASS);
        send_text(&c, 0, "abcdef", 0);
        assert_int_equal(answer(&c, 6, table[i].with), PM_EXTERNAL_TAKEN);
        assert_int_equal(c.talk.out_count, *table[i].with ? 1 : 0);
        if (*table[i].with)
            expect(&c.talk, 0, 0, table[i].with);
        assert_int_equal(pm_rewriter_rule_stats(c.talk.rewriter, 0)->edits, table[i].edits);
        send_text(&c, 6, "!", 0);
        assert_int_equal(answer(&c, 1, "!"), PM_EXTERNAL_TAKEN);
        expect(&c.talk, 0, (uint32_t)strlen(table[i].with), "!");
        talk_end(&c.talk);
    }
}

static void the_end_is_told_with_the_last_bytes_or_behind_them(void **state)
{
    (void)state;
    for (int bare = 0; bare < 2; bare++) {
        struct client c;
        begin(&c, small_config(true), PM_TIMEOUT_PASS);
        struct talk_packet p = data(0, "bye");
        p.flags |= bare ? 0 : TALK_FIN;
        talk_send(&c.talk, &p);
        assert_int_equal(c.ends, !bare);
        p = data(3, "");
        p.flags |= TALK_FIN;
        if (bare)
            talk_send(&c.talk, &p);
        assert_int_equal(c.ends, 1);
        assert_int_equal(answer(&c, 3, "good bye"), PM_EXTERNAL_TAKEN);
        expect(&c.talk, 0, 0, "good bye");
        assert_true(c.talk.out[0].p.flags & TALK_FIN);
        assert_int_equal(c.ends, 1);
        talk_end(&c.talk);
    }
}

static void live_nothing_is_acknowledged_that_has_no_answer(void **state)
{
    (void)state;
    struct client c;
    begin(&c, small_config(true), PM_TIMEOUT_PASS);
    send_text(&c, 0, "abcdef", 0);
    answer(&c, 2, "ABAB");
    assert_int_equal(ack_out(&c.talk, ack_of(4)), ISN_C + 1 + 2);
    answer(&c, 4, "");
    struct talk_packet p = ack_of(4);
    p.window = 60000;
    assert_int_equal(ack_out(&c.talk, p), ISN_C + 1 + 6); /* what was deleted too */
    talk_end(&c.talk);
}

/* ------------------------------------------------------------------ clients that fail */

static void a_late_client_loses_the_stream(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct client c;
        begin(&c, small_config(live), PM_TIMEOUT_PASS);
        send_text(&c, 0, "ab", 0);
        assert_int_equal(pm_rewriter_next_ns(c.talk.rewriter), 100 * MS);
        c.talk.out_count = 0;
        pm_rewriter_due(c.talk.rewriter, 100 * MS);
        expect(&c.talk, 0, 0, "ab");
        assert_int_equal(c.gone, 1);
        assert_int_equal(count_of(&c, PM_WHY_EXTERNAL_LATE), 1);
        assert_int_equal(answer(&c, 2, "xx"), PM_EXTERNAL_GONE);
        send_text(&c, 2, "cd", 101);
        expect(&c.talk, 0, 2, "cd");
        talk_end(&c.talk);
    }
}

static void or_ends_it_where_the_rule_says_drop(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct client c;
        begin(&c, small_config(live), PM_TIMEOUT_DROP);
        send_text(&c, 0, "ab", 0);
        answer(&c, 1, "A");
        c.talk.out_count = 0;
        pm_rewriter_due(c.talk.rewriter, 200 * MS);
        assert_int_equal(c.talk.out_count, 0);
        send_text(&c, 2, "cd", 201);
        assert_int_equal(c.talk.out_count, 0);
        assert_int_equal(c.talk.why, PM_WHY_EXTERNAL_DROPPED);
        send_text(&c, 1, "b", 202);
        assert_int_equal(c.talk.out_count, 0);
        talk_end(&c.talk);
    }
}

static void a_client_at_work_is_not_late(void **state)
{
    (void)state;
    struct client c;
    begin(&c, small_config(false), PM_TIMEOUT_PASS);
    send_text(&c, 0, "abcdef", 0);
    for (uint64_t i = 1; i < 6; i++) {
        c.talk.out_count = 0;
        pm_rewriter_due(c.talk.rewriter, i * 90 * MS);
        assert_int_equal(c.talk.out_count, 0);
        assert_int_equal(answer(&c, 1, "."), PM_EXTERNAL_TAKEN);
    }
    assert_int_equal(count_of(&c, PM_WHY_EXTERNAL_LATE), 0);
    talk_end(&c.talk);
}

static void where_nobody_is_the_stream_goes_on(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        struct client c;
        begin(&c, small_config(false), drop ? PM_TIMEOUT_DROP : PM_TIMEOUT_PASS);
        c.is_deaf = true;
        send_text(&c, 0, "abc", 0);
        assert_int_equal(c.talk.out_count, !drop);
        assert_int_equal(count_of(&c, PM_WHY_EXTERNAL_LATE), 1);
        talk_end(&c.talk);
    }
}

static void a_client_that_leaves_loses_its_streams_at_once(void **state)
{
    (void)state;
    struct client c;
    begin(&c, small_config(true), PM_TIMEOUT_PASS);
    send_text(&c, 0, "abc", 0);
    c.talk.out_count = 0;
    pm_rewriter_external_lost(c.talk.rewriter, "/run/other", 0);
    assert_int_equal(c.talk.out_count, 0);
    pm_rewriter_external_lost(c.talk.rewriter, "/run/client", 0);
    expect(&c.talk, 0, 0, "abc");
    talk_end(&c.talk);
}

static void lies_are_told_apart(void **state)
{
    (void)state;
    struct client c;
    static uint8_t much[80 << 10];
    begin(&c, small_config(false), PM_TIMEOUT_PASS);
    send_text(&c, 0, "abc", 0);
    struct pm_rewriter *r = c.talk.rewriter;
    assert_int_equal(pm_rewriter_external_answer(r, c.stream + 1, 0, 1, much, 1, 0),
                     PM_EXTERNAL_GONE);
    assert_int_equal(pm_rewriter_external_answer(r, UINT64_MAX, 0, 1, much, 1, 0),
                     PM_EXTERNAL_GONE);
    assert_int_equal(pm_rewriter_external_answer(r, c.stream, 1, 1, much, 1, 0), PM_EXTERNAL_WRONG);
    assert_int_equal(pm_rewriter_external_answer(r, c.stream, 0, 4, much, 1, 0), PM_EXTERNAL_WRONG);
    assert_int_equal(pm_rewriter_external_answer(r, c.stream, 0, 0, much, 1, 0), PM_EXTERNAL_WRONG);
    assert_int_equal(pm_rewriter_external_answer(r, c.stream, 0, 3, much, sizeof much, 0),
                     PM_EXTERNAL_WRONG);
    assert_int_equal(answer(&c, 3, "abc"), PM_EXTERNAL_TAKEN);
    talk_end(&c.talk);
}

static void a_stream_that_ends_is_told(void **state)
{
    (void)state;
    struct client c;
    begin(&c, small_config(false), PM_TIMEOUT_PASS);
    send_text(&c, 0, "abc", 0);
    shake_hands(&c.talk);
    uint32_t isn = ISN_C + 100000;
    talk_send(&c.talk, &(struct talk_packet){.flags = TALK_SYN, .seq = isn});
    talk_send(&c.talk, &(struct talk_packet){.from_server = 1,
                                             .flags = TALK_SYN | TALK_ACK,
                                             .seq = ISN_S + 9000,
                                             .ack = isn + 1});
    assert_int_equal(c.gone, 1);
    talk_end(&c.talk);
}

/* ------------------------------------------------------------------ credit */

static void a_client_has_no_more_than_its_credit(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct client c;
        struct pm_rewriter_config config = small_config(true);
        if (all)
            config.external_bytes = 8;
        else
            config.external_dir_bytes = 8;
        begin(&c, config, PM_TIMEOUT_PASS);
        send_text(&c, 0, "0123456789", 0);
        send_text(&c, 10, "abc", 0);
        assert_int_equal(c.len, 8);
        assert_int_equal(count_of(&c, PM_WHY_EXTERNAL_FULL), 1);
        assert_int_equal(answer(&c, 3, "012"), PM_EXTERNAL_TAKEN);
        assert_int_equal(c.len, 8);
        assert_int_equal(answer(&c, 8, "."), PM_EXTERNAL_TAKEN);
        assert_memory_equal(c.data, "bc", 2);
        assert_int_equal(c.len, 2);
        talk_end(&c.talk);
    }
}

/* Flows of one client, told apart by their ports. */
#define CROWD 40

struct crowd {
    struct talk talk;
    uint64_t stream[CROWD];
    size_t had[CROWD], answered[CROWD];
    unsigned turn[CROWD], turns; /* who was handed something first, second, ... */
    int deaf_to;                 /* a flow of which nothing is taken; -1: none */
};

static bool take_crowd(void *context, const struct pm_external_data *data)
{
    struct crowd *c = context;
    if (data->is_gone)
        return true;
    size_t flow = data->ends.src_port - 40000u;
    assert_true(flow < CROWD);
    if ((int)flow == c->deaf_to)
        return false;
    c->stream[flow] = data->stream;
    if (c->had[flow] == 0)
        c->turn[flow] = ++c->turns;
    c->had[flow] += data->len;
    return true;
}

static void begin_crowd(struct crowd *c, uint32_t bytes)
{
    struct pm_rewriter_config config = small_config(true);
    config.streams = config.waits = 2 * CROWD;
    config.external = take_crowd;
    config.external_bytes = bytes;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = {
        .kind = PM_OP_EXTERNAL,
        .external = {.socket = "/run/client", .timeout_ms = 100, .on_timeout = PM_TIMEOUT_PASS}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "ask",
                                                  .match = talk_flow(b, 0),
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = &op,
                                                  .op_count = 1});
    *c = (struct crowd){.deaf_to = -1};
    talk_begin(&c->talk, b, config);
    for (uint16_t flow = 0; flow < CROWD; flow++) {
        uint16_t port = (uint16_t)(40000 + flow);
        talk_send(&c->talk,
                  &(struct talk_packet){.client_port = port, .flags = TALK_SYN, .seq = ISN_C});
        talk_send(&c->talk, &(struct talk_packet){.client_port = port,
                                                  .from_server = 1,
                                                  .flags = TALK_SYN | TALK_ACK,
                                                  .seq = ISN_S,
                                                  .ack = ISN_C + 1});
    }
}

static void crowd_send(struct crowd *c, size_t flow, const char *text)
{
    struct talk_packet p = data(0, text);
    p.client_port = (uint16_t)(40000 + flow);
    talk_send(&c->talk, &p);
}

static void crowd_answer(struct crowd *c, size_t flow, size_t take)
{
    static const uint8_t text[64] = {0};
    c->talk.out_count = 0;
    assert_int_equal(pm_rewriter_external_answer(c->talk.rewriter, c->stream[flow],
                                                 c->answered[flow], take, text, take, 0),
                     PM_EXTERNAL_TAKEN);
    c->answered[flow] += take;
}

static void credit_that_comes_back_goes_to_who_waits_longest(void **state)
{
    (void)state;
    struct crowd c;
    begin_crowd(&c, 8);
    crowd_send(&c, 0, "0123456789");
    crowd_send(&c, 2, "abcdef");
    crowd_send(&c, 1, "ABCD");
    assert_int_equal(c.had[0], 8);
    assert_int_equal(c.had[1] + c.had[2], 0);
    crowd_answer(&c, 0, 4);
    assert_int_equal(c.had[0], 10); /* it has stood in line from its own first bytes on */
    assert_int_equal(c.had[2], 2);
    crowd_answer(&c, 0, 6);
    assert_int_equal(c.had[2], 6);
    assert_int_equal(c.had[1], 2);
    crowd_answer(&c, 2, 6);
    assert_int_equal(c.had[1], 4);
    talk_end(&c.talk);
}

static void a_crowd_gets_its_turns_in_order_and_all_of_it(void **state)
{
    (void)state;
    struct crowd c;
    begin_crowd(&c, 3);
    for (size_t flow = 0; flow < CROWD; flow++)
        crowd_send(&c, flow, "0123456");
    for (unsigned rounds = 0; rounds < 1000; rounds++)
        for (size_t flow = 0; flow < CROWD; flow++)
            if (c.had[flow] > c.answered[flow])
                crowd_answer(&c, flow, c.had[flow] - c.answered[flow]);
    for (size_t flow = 0; flow < CROWD; flow++) {
        assert_int_equal(c.answered[flow], 7);
        assert_int_equal(c.turn[flow], flow + 1);
    }
    talk_end(&c.talk);
}

/* Of one of them the client takes nothing, others are late. */
static void who_leaves_the_line_holds_nobody_up(void **state)
{
    (void)state;
    struct crowd c;
    begin_crowd(&c, 4);
    for (size_t flow = 0; flow < 5; flow++)
        crowd_send(&c, flow, "0123");
    c.deaf_to = 2;
    crowd_answer(&c, 0, 4);
    crowd_answer(&c, 1, 4);
    assert_int_equal(c.had[3], 4);
    assert_int_equal(c.had[4], 0);
    c.talk.out_count = 0;
    pm_rewriter_due(c.talk.rewriter, 100 * MS); /* flows 3 and 4 are late together */
    assert_int_equal(pm_rewriter_stats(c.talk.rewriter)->why[PM_WHY_EXTERNAL_LATE], 3);
    crowd_send(&c, 6, "0123");
    assert_int_equal(c.had[6], 4);
    talk_end(&c.talk);
}

static void live_bytes_that_cannot_be_kept_come_again(void **state)
{
    (void)state;
    struct client c;
    static char text[1001];
    struct pm_rewriter_config config = small_config(true);
    config.pending_dir_bytes = 1500;
    config.external_dir_bytes = 100;
    begin(&c, config, PM_TIMEOUT_PASS);
    memset(text, 'x', 1000);
    send_text(&c, 0, text, 0);
    send_text(&c, 1000, text, 0); /* no room */
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(answer(&c, 100, ""), PM_EXTERNAL_TAKEN);
    assert_int_equal(c.len, 0);
    send_text(&c, 1000, text, 1);
    assert_int_equal(c.len, 100);
    assert_int_equal(count_of(&c, PM_WHY_EXTERNAL_LATE), 0);
    talk_end(&c.talk);
}

/* ------------------------------------------------------------------ random clients */

/* Doubles vowels, leaves out spaces, and says so behind a full stop. */
static size_t translate(const char *text, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ')
            continue;
        out[n++] = text[i];
        if (strchr("aeo", text[i]))
            out[n++] = text[i];
        if (text[i] == '.')
            n += (size_t)sprintf(out + n, "(%s)", "stop");
    }
    out[n] = '\0';
    return n;
}

static void take_out(char *got, size_t *got_len, const struct talk *t)
{
    for (size_t i = 0; i < t->out_count; i++) {
        const struct talk_packet *p = &t->out[i].p;
        size_t at = p->seq - (ISN_C + 1);
        assert_true(t->out[i].checksums_right);
        for (size_t k = 0; k < p->payload_len && !p->from_server; k++) {
            assert_true(at + k < MOST_OUT && (!got[at + k] || got[at + k] == (char)p->payload[k]));
            got[at + k] = (char)p->payload[k];
            *got_len = at + k + 1 > *got_len ? at + k + 1 : *got_len;
        }
    }
}

static void check_random_client(uint64_t seed)
{
    char text[100], want[MOST_OUT], got[MOST_OUT] = {0}, part[MOST_OUT];
    uint64_t draws = 0;
#define DRAW(below) ((size_t)pm_draw_below(pm_draw(seed, 3, 4, draws++), below))
    size_t len = 1 + DRAW(90), got_len = 0, sent = 0;
    for (size_t i = 0; i < len; i++)
        text[i] = "ae o.xyz"[DRAW(8)];
    size_t want_len = translate(text, len, want);
    struct client c;
    struct pm_rewriter_config config = small_config(seed % 2);
    config.external_dir_bytes = 1 + (uint32_t)DRAW(40);
    begin(&c, config, PM_TIMEOUT_PASS);
    while (sent < len || c.len > 0) {
        if (sent < len && DRAW(2)) {
            size_t from = DRAW(4) ? sent : DRAW(sent + 1), left = len - from;
            size_t n = 1 + DRAW(left < 12 ? left : 12);
            struct talk_packet p = data((uint32_t)from, "");
            p.payload = (const uint8_t *)text + from;
            p.payload_len = n;
            p.flags |= from + n == len ? TALK_FIN : 0;
            talk_send(&c.talk, &p);
            sent = from + n > sent ? from + n : sent;
        } else if (c.len > 0) {
            size_t take = 1 + DRAW(c.len);
            translate(c.data, take, part);
            assert_int_equal(answer(&c, take, part), PM_EXTERNAL_TAKEN);
        } else {
            continue;
        }
        take_out(got, &got_len, &c.talk);
    }
    if (got_len != want_len || memcmp(got, want, want_len) != 0 || c.ends != 1)
        fail_msg("seed %llu: got %.*s, ends %u, want %s", (unsigned long long)seed, (int)got_len,
                 got, c.ends, want);
    talk_end(&c.talk);
#undef DRAW
}

static void random_clients_are_obeyed_however_the_stream_is_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        check_random_client(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_before_it_is_answered),
        cmocka_unit_test(what_is_left_alone_is_no_edit),
        cmocka_unit_test(the_end_is_told_with_the_last_bytes_or_behind_them),
        cmocka_unit_test(live_nothing_is_acknowledged_that_has_no_answer),
        cmocka_unit_test(a_late_client_loses_the_stream),
        cmocka_unit_test(or_ends_it_where_the_rule_says_drop),
        cmocka_unit_test(a_client_at_work_is_not_late),
        cmocka_unit_test(where_nobody_is_the_stream_goes_on),
        cmocka_unit_test(a_client_that_leaves_loses_its_streams_at_once),
        cmocka_unit_test(lies_are_told_apart),
        cmocka_unit_test(a_stream_that_ends_is_told),
        cmocka_unit_test(a_client_has_no_more_than_its_credit),
        cmocka_unit_test(credit_that_comes_back_goes_to_who_waits_longest),
        cmocka_unit_test(a_crowd_gets_its_turns_in_order_and_all_of_it),
        cmocka_unit_test(who_leaves_the_line_holds_nobody_up),
        cmocka_unit_test(live_bytes_that_cannot_be_kept_come_again),
        cmocka_unit_test(random_clients_are_obeyed_however_the_stream_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
