/* composition_test.c - random edits of every kind on random streams, however these are cut, against
 * a model of ten lines: at each byte what is inserted there comes first, then the first edit of the
 * file that begins there takes its bytes, or the byte stays. */
#include <stdio.h>

#include "base/rng.h"
#include "story.h"

#define MOST_EDITS 5
#define MOST_TEXT  48
#define MOST_OUT   4096
#define SEEDS      1000

enum kind { FIND, REGEX, INSERT, INSERT_END, DELETE, KINDS };

/* One op. A regex is a set of letters, one of which it finds. */
struct edit {
    enum kind kind;
    char find[8], with[8];
    size_t offset, len; /* insert, delete */
    uint32_t max;       /* find; 0: all */
};

struct world {
    uint64_t seed, draws;
    struct edit edits[MOST_EDITS];
    size_t edit_count;
    char text[MOST_TEXT + 1];
    size_t text_len;
    bool is_live;
};

static size_t draw(struct world *w, size_t below)
{
    return (size_t)pm_draw_below(pm_draw(w->seed, 1, 2, w->draws++), below);
}

static void draw_word(struct world *w, char *word, size_t shortest, size_t longest)
{
    size_t len = shortest + draw(w, longest - shortest + 1);
    for (size_t i = 0; i < len; i++)
        word[i] = (char)('a' + draw(w, 3));
    word[len] = '\0';
}

static void draw_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.seed = seed};
    draw_word(w, w->text, 1, MOST_TEXT);
    w->text_len = strlen(w->text);
    w->edit_count = 1 + draw(w, MOST_EDITS);
    for (size_t i = 0; i < w->edit_count; i++) {
        struct edit *e = &w->edits[i];
        e->kind = (enum kind)draw(w, KINDS);
        draw_word(w, e->find, 1, e->kind == REGEX ? 2 : 4);
        draw_word(w, e->with, e->kind == INSERT || e->kind == INSERT_END ? 1 : 0, 5);
        for (char *c = e->with; *c; c++)
            *c = (char)(*c - 'a' + 'A');
        e->offset = draw(w, w->text_len + 3);
        e->len = 1 + draw(w, 6);
        e->max = e->kind == FIND && draw(w, 3) == 0 ? 1 + (uint32_t)draw(w, 2) : 0;
    }
}

/* ------------------------------------------------------------------ the model */

/* How many bytes the edit takes at `at`; 0: it does not begin there. */
static size_t taken(const struct world *w, const struct edit *e, size_t at)
{
    size_t len = strlen(e->find), left = w->text_len - at;
    switch (e->kind) {
    case FIND:
        return len <= left && memcmp(w->text + at, e->find, len) == 0 ? len : 0;
    case REGEX:
        return strchr(e->find, w->text[at]) ? 1 : 0;
    case DELETE:
        if (at < e->offset || at >= e->offset + e->len)
            return 0;
        return e->offset + e->len - at < left ? e->offset + e->len - at : left;
    case INSERT:
    case INSERT_END:
    case KINDS:
        break;
    }
    return 0;
}

static size_t model(const struct world *w, char *out)
{
    uint32_t used[MOST_EDITS] = {0};
    size_t len = 0, at = 0;
    for (;;) {
        for (size_t i = 0; i < w->edit_count; i++) {
            const struct edit *e = &w->edits[i];
            if ((e->kind == INSERT && e->offset == at) ||
                (e->kind == INSERT_END && at == w->text_len))
                len += (size_t)sprintf(out + len, "%s", e->with);
        }
        if (at == w->text_len)
            return len;
        size_t i = 0, n = 0;
        for (; i < w->edit_count; i++) {
            bool is_used_up = w->edits[i].max && used[i] >= w->edits[i].max;
            if (!is_used_up && (n = taken(w, &w->edits[i], at)) > 0)
                break;
        }
        if (n == 0) {
            out[len++] = w->text[at++];
            continue;
        }
        used[i]++;
        len += w->edits[i].kind == DELETE ? 0 : (size_t)sprintf(out + len, "%s", w->edits[i].with);
        at += n;
    }
}

/* ------------------------------------------------------------------ the engine */

static struct pm_op_spec op_of(const struct edit *e, char pattern[16])
{
    const uint8_t *with = (const uint8_t *)e->with;
    uint32_t with_len = (uint32_t)strlen(e->with);
    switch (e->kind) {
    case INSERT:
    case INSERT_END:
        return (struct pm_op_spec){
            .kind = PM_OP_INSERT,
            .insert = {.at = e->kind == INSERT_END ? PM_AT_END : PM_AT_OFFSET,
                       .offset = e->kind == INSERT_END ? 0 : e->offset,
                       .bytes = with,
                       .len = with_len}};
    case DELETE:
        return (struct pm_op_spec){.kind = PM_OP_DELETE,
                                   .delete = {.offset = e->offset, .len = e->len}};
    case FIND:
    case REGEX:
    case KINDS:
        break;
    }
    snprintf(pattern, 16, e->kind == REGEX ? "[%s]" : "%s", e->find);
    return (struct pm_op_spec){.kind = PM_OP_REPLACE,
                               .replace = {.find = (const uint8_t *)pattern,
                                           .find_len = (uint32_t)strlen(pattern),
                                           .with = with,
                                           .with_len = with_len,
                                           .max = e->max,
                                           .is_regex = e->kind == REGEX,
                                           .within_depth = PM_NO_LIMIT}};
}

static void begin_world(struct world *w, struct talk *t)
{
    static const struct pm_rewriter_config small = {.hash_key = {1, 2},
                                                    .mtu = 1500,
                                                    .streams = 4,
                                                    .retain_bytes = 1u << 20,
                                                    .retain_dir_bytes = 1u << 19,
                                                    .edits = 4096,
                                                    .pending_bytes = 1u << 18,
                                                    .pending_dir_bytes = 1u << 16,
                                                    .waits = 8};
    struct pm_rewriter_config config = small;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 8;
    pm_builder_settings(b, &settings);
    for (size_t i = 0; i < w->edit_count; i++) {
        char id[2] = {(char)('a' + i), '\0'}, pattern[16];
        struct pm_op_spec op = op_of(&w->edits[i], pattern);
        pm_builder_add_rule(b, &(struct pm_rule_spec){.id = id,
                                                      .match = talk_flow(b, 0),
                                                      .action = PM_ACTION_REWRITE,
                                                      .ops = &op,
                                                      .op_count = 1});
    }
    config.mode = w->is_live ? PM_MODE_LIVE : PM_MODE_REPLAY;
    talk_begin(t, b, config);
    talk_send(t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
}

/* What the receiver has, byte by byte; 0: not yet. */
struct received {
    char bytes[MOST_OUT];
    size_t len;
    size_t fin; /* position of the FIN, plus 1 */
};

static void receive(struct world *w, struct received *got, const struct talk *t)
{
    for (size_t i = 0; i < t->out_count; i++) {
        const struct talk_packet *p = &t->out[i].p;
        size_t at = p->seq - (ISN_C + 1);
        if (p->from_server)
            continue;
        assert_true(t->out[i].checksums_right);
        for (size_t k = 0; k < p->payload_len; k++) {
            assert_true(at + k < sizeof got->bytes);
            char *byte = &got->bytes[at + k];
            if (*byte && *byte != (char)p->payload[k])
                fail_msg("seed %llu: byte %zu was %c and is %c", (unsigned long long)w->seed,
                         at + k, *byte, p->payload[k]);
            *byte = (char)p->payload[k];
            got->len = at + k + 1 > got->len ? at + k + 1 : got->len;
        }
        if (p->flags & TALK_FIN)
            got->fin = at + p->payload_len + 1;
    }
}

/* Sends [from, to) of the text; the FIN with its last bytes, or by itself behind them. */
static void say(struct world *w, struct talk *t, struct received *got, size_t from, size_t to,
                bool has_fin)
{
    struct talk_packet p = data((uint32_t)from, w->text + from);
    p.payload_len = to - from;
    if (has_fin)
        p.flags |= TALK_FIN;
    talk_send(t, &p);
    receive(w, got, t);
}

/* Random cuts, some of them sent again, some swapped with the one behind. */
static void talk_through(struct world *w, struct talk *t, struct received *got)
{
    size_t cuts[MOST_TEXT + 2] = {0}, count = 0;
    bool has_bare_fin = draw(w, 2);
    while (cuts[count] < w->text_len) {
        size_t left = w->text_len - cuts[count];
        cuts[count + 1] = cuts[count] + 1 + draw(w, left < 9 ? left : 9);
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count, is_swapped = !is_last && draw(w, 5) == 0;
        if (is_swapped)
            say(w, t, got, cuts[i + 1], cuts[i + 2], i + 2 == count && !has_bare_fin);
        say(w, t, got, cuts[i], cuts[i + 1], is_last && !has_bare_fin);
        if (draw(w, 4) == 0)
            say(w, t, got, cuts[draw(w, i + 1)], cuts[i + 1], is_last && !has_bare_fin);
    }
    if (has_bare_fin)
        say(w, t, got, w->text_len, w->text_len, true);
    if (draw(w, 3) == 0)
        say(w, t, got, w->text_len, w->text_len, true);
}

/* In one datagram. */
static void check_datagram(struct world *w)
{
    char want[MOST_OUT];
    struct talk t;
    size_t want_len = model(w, want);
    begin_world(w, &t);
    struct talk_packet p = {
        .udp = 1, .payload = (const uint8_t *)w->text, .payload_len = w->text_len};
    assert_int_equal(talk_send(&t, &p), 1);
    assert_true(t.out[0].checksums_right);
    if (t.out[0].p.payload_len != want_len || memcmp(t.out[0].p.payload, want, want_len) != 0)
        fail_msg("seed %llu: datagram %s became %.*s, and should %.*s", (unsigned long long)w->seed,
                 w->text, (int)t.out[0].p.payload_len, (const char *)t.out[0].p.payload,
                 (int)want_len, want);
    talk_end(&t);
}

static void check_world(struct world *w)
{
    char want[MOST_OUT];
    struct received got = {.len = 0};
    struct talk t;
    size_t want_len = model(w, want);
    begin_world(w, &t);
    talk_through(w, &t, &got);
    if (got.len != want_len || memcmp(got.bytes, want, want_len) != 0 || got.fin != want_len + 1)
        fail_msg("seed %llu%s: %s became %.*s (FIN at %zu), and should %.*s",
                 (unsigned long long)w->seed, w->is_live ? ", live" : "", w->text, (int)got.len,
                 got.bytes, got.fin - 1, (int)want_len, want);
    talk_end(&t);
}

static void random_edits_give_what_the_model_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        draw_world(&w, seed);
        w.is_live = seed % 2;
        check_world(&w);
    }
}

static void a_datagram_is_edited_as_the_model_edits(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world w;
        draw_world(&w, seed);
        check_datagram(&w);
    }
}

/* ------------------------------------------------------------------ lengths */

static void lengths_are_kept_filled_up_or_not_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *find, *with, *want;
        bool is_regex;
        enum pm_length length;
        uint64_t refused;
    } table[] = {
        {"secret", "xxxxxx", "a xxxxxx b12", false, PM_LENGTH_SAME, 0},
        {"secret", "no", "a no____ b12", false, PM_LENGTH_PAD, 0},
        {"secret", "", "a ______ b12", false, PM_LENGTH_PAD, 0},
        {"[a-z]+\\b", "xy", "a secret b12", true, PM_LENGTH_SAME, 2},
        {"\\d+", "${0}", "a secret b12", true, PM_LENGTH_SAME, 0},
        {"[a-z]{2,}", "xy", "a xy____ b12", true, PM_LENGTH_PAD, 0},
        {"[a-z]{2,}", "0123456", "a secret b12", true, PM_LENGTH_PAD, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct talk t;
        struct pm_builder *b = pm_builder_new();
        struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                                .replace = {.find = (const uint8_t *)table[i].find,
                                            .find_len = (uint32_t)strlen(table[i].find),
                                            .with = (const uint8_t *)table[i].with,
                                            .with_len = (uint32_t)strlen(table[i].with),
                                            .within_depth = PM_NO_LIMIT,
                                            .is_regex = table[i].is_regex,
                                            .length = table[i].length,
                                            .pad = '_'}};
        pm_builder_add_rule(b,
                            &(struct pm_rule_spec){
                                .id = "l", .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
        talk_begin(&t, b, plain_config);
        struct talk_packet p = {
            .udp = 1, .payload = (const uint8_t *)"a secret b12", .payload_len = 12};
        assert_int_equal(talk_send(&t, &p), 1);
        assert_int_equal(t.out[0].p.payload_len, 12);
        assert_memory_equal(t.out[0].p.payload, table[i].want, 12);
        assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_LENGTH_DIFFERS],
                         table[i].refused);
        talk_end(&t);
    }
}

static void a_literal_of_another_length_is_refused_where_it_must_be_the_same(void **state)
{
    (void)state;
    static const enum pm_length lengths[] = {PM_LENGTH_SAME, PM_LENGTH_PAD};
    for (size_t i = 0; i < 2; i++) {
        struct pm_op_fault fault;
        struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                                .replace = {.find = (const uint8_t *)"ab",
                                            .find_len = 2,
                                            .with = (const uint8_t *)"abc",
                                            .with_len = 3,
                                            .length = lengths[i]}};
        assert_false(pm_op_check(&op, &fault));
        assert_non_null(strstr(fault.text, i == 0 ? "same length" : "padded"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_edits_give_what_the_model_gives),
        cmocka_unit_test(a_datagram_is_edited_as_the_model_edits),
        cmocka_unit_test(lengths_are_kept_filled_up_or_not_replaced),
        cmocka_unit_test(a_literal_of_another_length_is_refused_where_it_must_be_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
