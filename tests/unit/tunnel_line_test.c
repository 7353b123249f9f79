/* tunnel_line_test.c - the line of a tunnel: judged, rewritten, judged again, and another policy in
 * the middle of connections. */
#include "judge.h"

#include "tunnel-ext/line.h"

/* An owner that sends on at once whatever may pass. */
struct owner {
    struct pm_line *line;
    uint64_t now_ns;
    struct talk_out last; /* that left */
    size_t left, replies;
    enum pm_dir reply_dir;
};

static void on_pass(void *context, const struct pm_packet *packet, uint8_t *buffer)
{
    struct owner *o = context;
    pm_line_rewrite(o->line, packet, buffer, o->now_ns);
}

static void on_leave(void *context, const struct pm_emitted *emitted)
{
    struct owner *o = context;
    o->left++;
    o->last.len = emitted->len;
    memcpy(o->last.bytes, emitted->data, emitted->len);
    talk_read(&o->last);
}

static void on_reply(void *context, enum pm_dir dir, const uint8_t *bytes, size_t len)
{
    struct owner *o = context;
    assert_true(len >= 20 && bytes[0] >> 4 == 4);
    o->replies++;
    o->reply_dir = dir;
}

/* "needle" towards the server becomes `with`; port 81 is judged so. */
static struct pm_policy *policy_of(const char *with, enum pm_action action)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_rule_spec rule = {.id = "81", .action = action};
    rule.delay.delay_ns = S;
    rule.ask.timeout_ns = 10 * S;
    rule.match = judge_number(b, PM_FIELD_TCP_DSTPORT, 81, 81);
    pm_builder_add_rule(b, &rule);
    talk_replace(b, "needle", talk_flow(b, 0), "needle", with);
    struct pm_policy *policy = pm_builder_finish(b, &error);
    if (policy == NULL)
        fail_msg("%s", error.text);
    return policy;
}

static void begin(struct owner *o, const char *with, enum pm_action action)
{
    char error[512];
    struct pm_policy *policy = policy_of(with, action);
    struct pm_line_config config = {.hash_key = {1, 2},
                                    .mtu = 1500,
                                    .memory = UINT64_C(64) << 20,
                                    .context = o,
                                    .pass = on_pass,
                                    .leave = on_leave,
                                    .reply = on_reply};
    memset(o, 0, sizeof *o);
    o->line = pm_line_new(policy, &config, error, sizeof error);
    if (o->line == NULL)
        fail_msg("%s", error);
    pm_policy_unref(policy);
}

/* False: it was refused. */
static bool renew(struct owner *o, const char *with, enum pm_action action)
{
    char error[512];
    struct pm_policy *policy = policy_of(with, action);
    bool has_room = pm_line_has_room(o->line, policy, o->now_ns, error, sizeof error);
    struct pm_generation *next =
        has_room ? pm_line_prepare(o->line, policy, error, sizeof error) : NULL;
    if (next != NULL)
        pm_line_replace(o->line, next, o->now_ns);
    pm_policy_unref(policy);
    return next != NULL;
}

static size_t send(struct owner *o, struct talk_packet p)
{
    static uint8_t bytes[TALK_PACKET];
    size_t len = talk_build(&p, bytes), before = o->left;
    struct pm_packet packet = {.data = bytes,
                               .len = len,
                               .wire_len = len,
                               .link = 101,
                               .dir = p.from_server ? PM_DIR_IN : PM_DIR_OUT};
    pm_line_judge(o->line, &packet, bytes, o->now_ns);
    return o->left - before;
}

static void shake_hands(struct owner *o, uint16_t port)
{
    send(o, (struct talk_packet){.client_port = port, .flags = TALK_SYN, .seq = 999});
    send(o, (struct talk_packet){.client_port = port,
                                 .from_server = 1,
                                 .flags = TALK_SYN | TALK_ACK,
                                 .seq = 4999,
                                 .ack = 1000});
}

/* The client says it at that offset of what it said; the server must get `want`. */
static void says(struct owner *o, uint16_t port, uint32_t off, const char *text, const char *want)
{
    assert_int_equal(send(o, (struct talk_packet){.client_port = port,
                                                  .flags = TALK_ACK | TALK_PSH,
                                                  .seq = 1000 + off,
                                                  .ack = 5000,
                                                  .payload = (const uint8_t *)text,
                                                  .payload_len = strlen(text)}),
                     1);
    assert_int_equal(o->last.p.payload_len, strlen(want));
    assert_memory_equal(o->last.p.payload, want, strlen(want));
    assert_true(o->last.checksums_right);
}

static struct pm_line_stats stats_of(const struct owner *o)
{
    struct pm_line_stats stats;
    pm_line_stats(o->line, &stats);
    return stats;
}

/* ------------------------------------------------------------------ verdicts */

static void what_is_allowed_is_rewritten(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "a thread", PM_ACTION_DROP);
    shake_hands(&o, 40000);
    says(&o, 40000, 0, "needle.", "a thread.");
    assert_int_equal(stats_of(&o).edits, 1);
    pm_line_free(o.line);
}

static void what_is_dropped_leaves_nothing(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "x", PM_ACTION_DROP);
    assert_int_equal(send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN}), 0);
    assert_int_equal(o.replies, 0);
    assert_int_equal(stats_of(&o).filter.dropped, 1);
    assert_int_equal(stats_of(&o).rewriter.packets, 0);
    pm_line_free(o.line);
}

static void what_is_rejected_is_told_its_sender(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "x", PM_ACTION_REJECT);
    assert_int_equal(send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN}), 0);
    assert_int_equal(o.replies, 1);
    assert_int_equal(o.reply_dir, PM_DIR_IN);
    pm_line_free(o.line);
}

static void what_is_delayed_leaves_in_its_time(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "x", PM_ACTION_DELAY);
    assert_int_equal(send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN}), 0);
    assert_int_equal(stats_of(&o).waiting, 1);
    assert_int_equal(pm_line_next_ns(o.line), S);
    pm_line_due(o.line, S - 1);
    assert_int_equal(o.left, 0);
    pm_line_due(o.line, S);
    assert_int_equal(o.left, 1);
    assert_int_equal(stats_of(&o).waiting, 0);
    pm_line_free(o.line);
}

static void what_waits_at_the_end_leaves(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "x", PM_ACTION_DELAY);
    send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN});
    pm_line_flush(o.line, 5);
    assert_int_equal(o.left, 1);
    pm_line_free(o.line);
}

static void a_question_is_answered_under_its_public_number(void **state)
{
    struct owner o;
    struct pm_line_ask ask;
    (void)state;
    begin(&o, "x", PM_ACTION_ASK);
    send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN});
    assert_int_equal(pm_line_asks(o.line, &ask, 1), 1);
    assert_string_equal(ask.rule, "81");
    assert_true(ask.has_ends && ask.ends.dst_port == 81);
    assert_false(pm_line_answer(o.line, ask.id + 1, true, PM_FOR_FLOW, 0, 1));
    assert_true(pm_line_answer(o.line, ask.id, true, PM_FOR_FLOW, 0, 1));
    pm_line_due(o.line, 1);
    assert_int_equal(o.left, 1);
    assert_int_equal(pm_line_asks(o.line, &ask, 1), 0);
    pm_line_free(o.line);
}

static void a_question_outlives_a_reload(void **state)
{
    struct owner o;
    struct pm_line_ask ask;
    (void)state;
    begin(&o, "x", PM_ACTION_ASK);
    send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN});
    assert_true(renew(&o, "y", PM_ACTION_ASK));
    send(&o, (struct talk_packet){.client_port = 40001, .server_port = 81, .flags = TALK_SYN});
    assert_int_equal(pm_line_asks(o.line, &ask, 1), 1);
    assert_int_equal(stats_of(&o).asks, 2);
    assert_true(pm_line_answer(o.line, ask.id, true, PM_FOR_FLOW, 0, 1));
    pm_line_due(o.line, 1);
    assert_int_equal(o.left, 1);
    assert_int_equal(o.last.p.client_port, 40000);
    pm_line_free(o.line);
}

/* ------------------------------------------------------------------ another policy */

static void a_connection_keeps_the_rules_that_it_began_with(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "old thread", PM_ACTION_DROP);
    shake_hands(&o, 40000);
    says(&o, 40000, 0, "needle.", "old thread.");
    assert_true(renew(&o, "new", PM_ACTION_DROP));
    says(&o, 40000, 7, "needle.", "old thread.");
    assert_int_equal(o.last.p.seq, 1000 + 11);
    shake_hands(&o, 40001);
    says(&o, 40001, 0, "needle.", "new.");
    assert_int_equal(stats_of(&o).generations, 1);
    assert_int_equal(stats_of(&o).edits, 3);
    pm_line_free(o.line);
}

static void a_new_connection_of_the_same_ends_has_the_new_rules(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "old", PM_ACTION_DROP);
    shake_hands(&o, 40000);
    send(&o, (struct talk_packet){.flags = TALK_RST | TALK_ACK, .seq = 1000, .ack = 5000});
    assert_true(renew(&o, "new", PM_ACTION_DROP));
    shake_hands(&o, 40000);
    says(&o, 40000, 0, "needle.", "new.");
    pm_line_free(o.line);
}

static void verdicts_of_a_connection_follow_the_new_rules(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "x", PM_ACTION_ALLOW);
    assert_int_equal(send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN}), 1);
    assert_true(renew(&o, "x", PM_ACTION_DROP));
    assert_int_equal(send(&o, (struct talk_packet){.server_port = 81, .flags = TALK_SYN}), 0);
    pm_line_free(o.line);
}

static void rules_go_when_their_connections_are_over(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "old", PM_ACTION_DROP);
    shake_hands(&o, 40000);
    assert_true(renew(&o, "new", PM_ACTION_DROP));
    o.now_ns = 60 * S;
    pm_line_tick(o.line, o.now_ns);
    assert_int_equal(stats_of(&o).generations, 1);
    send(&o, (struct talk_packet){.flags = TALK_RST | TALK_ACK, .seq = 1000, .ack = 5000});
    pm_line_tick(o.line, o.now_ns + 10 * S);
    assert_int_equal(stats_of(&o).generations, 0);
    assert_int_equal(stats_of(&o).filter.allowed, 3);
    pm_line_free(o.line);
}

static void data_that_was_not_acknowledged_keeps_its_rules_behind_both_ends(void **state)
{
    struct owner o;
    struct talk_packet fin = {.flags = TALK_FIN | TALK_ACK, .seq = 1007, .ack = 5000};
    struct talk_packet end = {.from_server = 1, .flags = TALK_FIN | TALK_ACK, .seq = 5000};
    (void)state;
    begin(&o, "old", PM_ACTION_DROP);
    shake_hands(&o, 40000);
    says(&o, 40000, 0, "needle.", "old.");
    send(&o, fin);
    end.ack = 1000;
    send(&o, end);
    assert_true(renew(&o, "new", PM_ACTION_DROP));
    o.now_ns = 10 * S;
    pm_line_tick(o.line, o.now_ns);
    assert_int_equal(stats_of(&o).generations, 1);
    says(&o, 40000, 0, "needle.", "old.");
    send(&o, (struct talk_packet){.from_server = 1, .flags = TALK_ACK, .seq = 5001, .ack = 1005});
    pm_line_tick(o.line, o.now_ns + 10 * S);
    assert_int_equal(stats_of(&o).generations, 0);
    pm_line_free(o.line);
}

static void more_rule_sets_than_are_kept_are_refused(void **state)
{
    struct owner o;
    (void)state;
    begin(&o, "0", PM_ACTION_DROP);
    for (uint16_t i = 0; i < PM_LINE_GENERATIONS; i++) {
        shake_hands(&o, (uint16_t)(40000 + i));
        assert_true(renew(&o, "1", PM_ACTION_DROP));
    }
    shake_hands(&o, 50000);
    assert_false(renew(&o, "2", PM_ACTION_DROP));
    says(&o, 40000, 0, "needle.", "0.");
    says(&o, 40001, 0, "needle.", "1.");
    pm_line_free(o.line);
}

static void a_fragment_of_tcp_is_nobodys_while_there_are_several(void **state)
{
    static uint8_t bytes[2000];
    struct owner o;
    struct talk_packet p = {.flags = TALK_ACK, .seq = 1000, .ack = 5000};
    (void)state;
    begin(&o, "old", PM_ACTION_DROP);
    shake_hands(&o, 40000);
    size_t len = talk_build(&p, bytes), left = o.left;
    talk_put(bytes + 6, 0x2000, 2); /* more of it follows */
    talk_put(bytes + 10, 0, 2);
    talk_put(bytes + 10, (uint16_t)~talk_sum(bytes, 20, 0), 2);
    struct pm_packet packet = {.data = bytes, .len = len, .wire_len = len, .link = 101};
    assert_true(renew(&o, "new", PM_ACTION_DROP));
    pm_line_judge(o.line, &packet, bytes, 1);
    assert_int_equal(o.left, left);
    assert_int_equal(stats_of(&o).parted, 1);
    pm_line_free(o.line);
}

/* ------------------------------------------------------------------ memory */

static void too_little_memory_is_told_with_what_is_needed(void **state)
{
    char error[512];
    struct pm_policy *policy = policy_of("x", PM_ACTION_DROP);
    struct pm_line_config config = {.memory = UINT64_C(1) << 20};
    (void)state;
    assert_null(pm_line_new(policy, &config, error, sizeof error));
    assert_non_null(strstr(error, "MiB of memory at least, and may have 1;"));
    pm_policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed_is_rewritten),
        cmocka_unit_test(what_is_dropped_leaves_nothing),
        cmocka_unit_test(what_is_rejected_is_told_its_sender),
        cmocka_unit_test(what_is_delayed_leaves_in_its_time),
        cmocka_unit_test(what_waits_at_the_end_leaves),
        cmocka_unit_test(a_question_is_answered_under_its_public_number),
        cmocka_unit_test(a_question_outlives_a_reload),
        cmocka_unit_test(a_connection_keeps_the_rules_that_it_began_with),
        cmocka_unit_test(a_new_connection_of_the_same_ends_has_the_new_rules),
        cmocka_unit_test(verdicts_of_a_connection_follow_the_new_rules),
        cmocka_unit_test(rules_go_when_their_connections_are_over),
        cmocka_unit_test(data_that_was_not_acknowledged_keeps_its_rules_behind_both_ends),
        cmocka_unit_test(more_rule_sets_than_are_kept_are_refused),
        cmocka_unit_test(a_fragment_of_tcp_is_nobodys_while_there_are_several),
        cmocka_unit_test(too_little_memory_is_told_with_what_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
