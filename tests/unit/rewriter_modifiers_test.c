/* rewriter_modifiers_test.c - limit, sample, count and when on rules that rewrite: packet by packet
 * where each stands for itself, once for a flow where a stream is edited. */
#include "story.h"

#define S       UINT64_C(1000000000)
#define PACKETS 12

/* Doubles the letter x, in payloads alone or in streams. */
static void begin(struct talk *t, const struct pm_modifiers *modifiers, enum pm_where where)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {.find = (const uint8_t *)"x",
                                        .find_len = 1,
                                        .with = (const uint8_t *)"xx",
                                        .with_len = 2,
                                        .within_depth = PM_NO_LIMIT,
                                        .where = where}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "twice",
                                                  .match = talk_flow(b, 0),
                                                  .action = PM_ACTION_REWRITE,
                                                  .modifiers = *modifiers,
                                                  .ops = &op,
                                                  .op_count = 1});
    talk_begin(t, b, plain_config);
}

/* ------------------------------------------------------------------ datagrams */

/* One of two flows in turn, a packet each second; "." or "T": changed. */
static void play(const struct pm_modifiers *modifiers, uint64_t from_ns, char told[PACKETS + 1])
{
    struct talk t;
    begin(&t, modifiers, PM_IN_PAYLOAD);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct talk_packet p = {.udp = 1,
                                .client_port = (uint16_t)(4000 + i % 2),
                                .payload = (const uint8_t *)"axb",
                                .payload_len = 3,
                                .time_ns = from_ns + i * S};
        assert_int_equal(talk_send(&t, &p), 1);
        size_t len = t.out[0].p.payload_len;
        assert_true(t.out[0].checksums_right && (len == 3 || len == 4));
        assert_memory_equal(t.out[0].p.payload, len == 3 ? "axb" : "axxb", len);
        told[i] = len == 4 ? 'T' : '.';
    }
    told[PACKETS] = '\0';
    uint64_t changed = pm_rewriter_rule_stats(t.rewriter, 0)->packets, wanted = 0;
    for (unsigned i = 0; i < PACKETS; i++)
        wanted += told[i] == 'T';
    assert_int_equal(changed, wanted);
    talk_end(&t);
}

static void packets_that_stand_for_themselves_are_asked_one_by_one(void **state)
{
    (void)state;
    static const struct {
        struct pm_modifiers modifiers;
        const char *changed;
    } rows[] = {
        {{.sample = {.every = 3}}, "T..T..T..T.."},
        {{.sample = {.every = 2, .by_flow = true}}, "T.T.T.T.T.T."},
        {{.sample = {.is_set = true}}, "............"},
        {{.count = {.has_first = true, .first = 4}}, "TTTT........"},
        {{.count = {.has_first = true, .first = 3, .skip = 2}}, "..TTT......."},
        {{.count = {.max_per_flow = 2}}, "TTTT........"},
        {{.limit = {.tokens = 2, .per_ns = 6 * S}}, "TT.T..T..T.."},
        {{.limit = {.tokens = 2, .per_ns = 6 * S, .over_matches = true}}, "..T.TT.TT.TT"},
        {{.limit = {.tokens = 1, .per_ns = 6 * S, .per = PM_PER_FLOW}}, "TT....TT...."},
        {{.limit = {.tokens = 1,
                    .per_ns = 6 * S,
                    .per = PM_PER_FIELDS,
                    .fields = {PM_FIELD_IP_SRC},
                    .field_count = 1}},
         "T.....T....."},
        {{.when = {.is_set = true, .from_s = 3604, .to_s = 3607, .zone = PM_UTC}}, "....TTT....."},
        {{.when = {.is_set = true, .from_s = 3604, .to_s = 3610, .zone = PM_UTC},
          .sample = {.every = 2},
          .count = {.has_first = true, .first = 2}},
         "....T.T....."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char told[PACKETS + 1];
        play(&rows[i].modifiers, 3600 * S, told);
        assert_string_equal(told, rows[i].changed);
    }
}

/* ------------------------------------------------------------------ streams */

static void shake_hands(struct talk *t, uint16_t port, uint64_t now_ns)
{
    talk_send(t, &(struct talk_packet){
                     .client_port = port, .flags = TALK_SYN, .seq = ISN_C, .time_ns = now_ns});
    talk_send(t, &(struct talk_packet){.client_port = port,
                                       .from_server = 1,
                                       .flags = TALK_SYN | TALK_ACK,
                                       .seq = ISN_S,
                                       .ack = ISN_C + 1,
                                       .time_ns = now_ns});
}

/* Whether the segment leaves edited. */
static bool is_edited(struct talk *t, uint16_t port, uint32_t off, uint64_t now_ns)
{
    struct talk_packet p = data(off, "axb");
    p.client_port = port;
    p.time_ns = now_ns;
    assert_int_equal(talk_send(t, &p), 1);
    return t->out[0].p.payload_len == 4;
}

/* What the first segment of a flow got is what every later one and every copy gets. */
static void a_stream_is_asked_once(void **state)
{
    (void)state;
    static const struct {
        struct pm_modifiers modifiers;
        const char *flows; /* one after the other, a second apart */
    } rows[] = {
        {{.sample = {.every = 2, .by_flow = true}}, "T.T.T."},
        {{.count = {.has_first = true, .first = 2, .skip = 1}}, ".TT..."},
        {{.limit = {.tokens = 1, .per_ns = 3 * S}}, "T..T.."},
        {{.when = {.is_set = true, .from_s = 1, .to_s = 3, .zone = PM_UTC}}, ".TT..."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct talk t;
        begin(&t, &rows[i].modifiers, PM_IN_AUTO);
        for (uint16_t flow = 0; flow < 6; flow++) {
            uint16_t port = (uint16_t)(4000 + flow);
            bool wanted = rows[i].flows[flow] == 'T';
            shake_hands(&t, port, flow * S);
            assert_int_equal(is_edited(&t, port, 0, flow * S), wanted);
            assert_int_equal(is_edited(&t, port, 3, flow * S + 1), wanted);
        }
        for (uint16_t flow = 0; flow < 6; flow++) { /* again, when the answer would be another */
            bool wanted = rows[i].flows[flow] == 'T';
            assert_int_equal(is_edited(&t, (uint16_t)(4000 + flow), 3, 20 * S), wanted);
            assert_int_equal(is_edited(&t, (uint16_t)(4000 + flow), 6, 20 * S), wanted);
        }
        talk_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_that_stand_for_themselves_are_asked_one_by_one),
        cmocka_unit_test(a_stream_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
