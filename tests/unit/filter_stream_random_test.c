/* filter_stream_random_test.c - verdicts that test `stream`, by chance: what a rule finds is what
 * is in the bytes side by side, however they are cut and ordered; and what a rule drops, no
 * receiver reads, however its sender lies. */
#include <stdio.h>

#include "chance.h"
#include "scene.h"

#define STREAM 400u

/* ------------------------------------------------------------------ what is looked for */

/* Plain and slow: whether it is in the whole stream. */
typedef bool oracle_fn(const uint8_t *bytes, size_t len);

static bool occurs(const uint8_t *bytes, size_t len, const char *word, size_t from, size_t to)
{
    size_t n = strlen(word);
    to = to < len ? to : len;
    for (size_t i = from; i + n <= to; i++)
        if (memcmp(bytes + i, word, n) == 0)
            return true;
    return false;
}

static bool has_word(const uint8_t *bytes, size_t len)
{
    return occurs(bytes, len, "abcab", 0, len);
}

static bool has_word_at_start(const uint8_t *bytes, size_t len)
{
    return occurs(bytes, len, "ab", 0, 2);
}

static bool has_word_within(const uint8_t *bytes, size_t len)
{
    return occurs(bytes, len, "cab", 100, 160);
}

static bool has_one_of_a_set(const uint8_t *bytes, size_t len)
{
    return occurs(bytes, len, "aaaaa", 0, len) || occurs(bytes, len, "cbcbc", 0, len);
}

/* ab+c, at most 6 bytes */
static bool has_run(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        size_t j = i + 1;
        while (bytes[i] == 'a' && j < len && bytes[j] == 'b')
            j++;
        if (bytes[i] == 'a' && j > i + 1 && j < len && bytes[j] == 'c' && j - i < 6)
            return true;
    }
    return false;
}

/* caa, and no b behind it */
static bool has_no_b_behind(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 3 < len; i++)
        if (memcmp(bytes + i, "caa", 3) == 0 && bytes[i + 3] != 'b')
            return true;
    return false;
}

/* a c that no a stands before, then bb */
static bool has_no_a_before(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 3 <= len; i++)
        if (memcmp(bytes + i, "cbb", 3) == 0 && (i == 0 || bytes[i - 1] != 'a'))
            return true;
    return false;
}

static const struct {
    const char *pattern; /* or word */
    bool is_regex, is_set;
    uint32_t offset, depth;
    oracle_fn *oracle;
} searches[] = {
    {"abcab", false, false, 0, PM_NO_LIMIT, has_word},
    {"ab", false, false, 0, 2, has_word_at_start},
    {"cab", false, false, 100, 60, has_word_within},
    {NULL, false, true, 0, 0, has_one_of_a_set},
    {"ab+c", true, false, 0, 0, has_run},
    {"^ab", true, false, 0, 0, has_word_at_start},
    {"caa(?!b)", true, false, 0, 0, has_no_b_behind},
    {"(?<!a)cbb", true, false, 0, 0, has_no_a_before},
};

static void begin_search(struct scene *s, size_t which, enum pm_action action, bool is_strict)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_value value = text(searches[which].pattern ? searches[which].pattern : "",
                                 searches[which].offset, searches[which].depth, false);
    settings.engine_error_drop = is_strict;
    settings.stream_match = 6;
    settings.stream_bytes = 1u << 16;
    settings.streams = settings.flows = 4;
    pm_builder_settings(b, &settings);
    if (searches[which].is_set) {
        struct pm_value words[2] = {text("aaaaa", 0, PM_NO_LIMIT, false),
                                    text("cbcbc", 0, PM_NO_LIMIT, false)};
        value = (struct pm_value){.kind = PM_VALUE_SET, .set = pm_builder_add_set(b, PM_SET_BYTES)};
        pm_set_add(b, value.set, &words[0]);
        pm_set_add(b, value.set, &words[1]);
    } else if (searches[which].is_regex) {
        value = regex(searches[which].pattern);
    }
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){
               .id = "r", .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1), .action = action});
    begin_builder(s, b);
}

/* ------------------------------------------------------------------ an honest sender */

struct sender {
    uint8_t stream[STREAM];
    uint32_t len;
    bool is_sent[STREAM];
};

static void fill(struct sender *sender, uint64_t *chance)
{
    *sender = (struct sender){.len = 1 + below(chance, STREAM)};
    for (uint32_t i = 0; i < sender->len; i++)
        sender->stream[i] = (uint8_t)("abc"[below(chance, 3)]);
}

static struct talk_packet segment(const struct scene *s, const uint8_t *bytes, uint32_t from,
                                  uint32_t len)
{
    return (struct talk_packet){.flags = TALK_ACK,
                                .seq = s->isn[0] + 1 + from,
                                .ack = s->isn[1] + 1,
                                .payload = bytes,
                                .payload_len = len};
}

static uint32_t in_order(const struct sender *sender)
{
    uint32_t n = 0;
    while (n < sender->len && sender->is_sent[n])
        n++;
    return n;
}

/* Sends some stretch near what is missing: new, old, or early. */
static void send_some(struct scene *s, struct sender *sender, uint64_t *chance)
{
    uint32_t have = in_order(sender), back = below(chance, 20), ahead = below(chance, 30);
    uint32_t from = below(chance, 3) ? (have > back ? have - back : 0) : have + ahead;
    if (from >= sender->len)
        from = have;
    uint32_t len = 1 + below(chance, below(chance, 4) ? 12 : 80);
    len = len < sender->len - from ? len : sender->len - from;
    assert_int_equal(send(s, segment(s, sender->stream + from, from, len)).verdict, PM_ALLOW);
    memset(sender->is_sent + from, true, len);
}

static void a_rule_finds_what_is_in_the_bytes_side_by_side(void **state)
{
    (void)state;
    uint32_t found[COUNT(searches)] = {0};
    for (uint64_t seed = 0; seed < 6000; seed++) {
        uint64_t chance = seed;
        size_t which = seed % COUNT(searches);
        struct scene s;
        struct sender sender;
        fill(&sender, &chance);
        begin_search(&s, which, PM_ACTION_LOG, below(&chance, 2));
        s.isn[0] = below(&chance, 2) ? ISN : UINT32_MAX - below(&chance, STREAM);
        handshake(&s);
        while (in_order(&sender) < sender.len) {
            send_some(&s, &sender, &chance);
            if (below(&chance, 2))
                ack(&s, below(&chance, in_order(&sender) + 1));
            bool is_there = searches[which].oracle(sender.stream, in_order(&sender));
            if ((hits(&s) > 0) != is_there)
                fail_msg("seed %llu: %s in %u bytes", (unsigned long long)seed,
                         is_there ? "not found" : "found what is not", in_order(&sender));
        }
        found[which] += hits(&s) > 0;
        end(&s);
    }
    for (size_t i = 0; i < COUNT(searches); i++)
        assert_true(found[i] > 10 && found[i] < 6000 / COUNT(searches) - 10);
}

/* ------------------------------------------------------------------ a lying sender */

/* What a receiver has: of copies that differ it keeps the first or the last, as long as it has not
 * read them. Knows nothing of pktmod. */
struct receiver {
    uint8_t bytes[STREAM + 100];
    bool has[STREAM + 100];
    uint32_t next;
    bool last_wins;
};

static void receive(struct receiver *r, uint32_t from, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint32_t at = from + i;
        if (at < r->next || (r->has[at] && !r->last_wins))
            continue;
        r->bytes[at] = bytes[i];
        r->has[at] = true;
    }
    while (r->has[r->next])
        r->next++;
}

/* One segment of the liar: perhaps other bytes than said before, perhaps lost on its way behind the
 * filter, perhaps with a wrong checksum. */
static void lie(struct scene *s, struct sender *sender, struct receiver *receivers,
                uint64_t *chance)
{
    uint32_t next = receivers[0].next, back = below(chance, 12), ahead = below(chance, 16);
    uint32_t from = below(chance, 3) ? (next > back ? next - back : 0) : next + ahead;
    uint32_t len = 1 + below(chance, 24);
    if (from >= sender->len)
        from = next < sender->len ? next : 0;
    len = len < sender->len - from ? len : sender->len - from;
    for (uint32_t i = 0; i < len && !below(chance, 3); i++)
        sender->stream[from + i] = (uint8_t)("abc"[below(chance, 3)]);
    struct talk_packet p = segment(s, sender->stream + from, from, len);
    p.bad_checksum = !below(chance, 8);
    bool is_lost = !below(chance, 4);
    if (send(s, p).verdict == PM_DROP || is_lost || p.bad_checksum)
        return;
    receive(&receivers[0], from, sender->stream + from, len);
    receive(&receivers[1], from, sender->stream + from, len);
}

static void what_a_rule_drops_no_receiver_reads(void **state)
{
    (void)state;
    uint32_t dropped = 0, read_all = 0;
    for (uint64_t seed = 0; seed < 6000; seed++) {
        uint64_t chance = seed;
        size_t which = seed % COUNT(searches);
        struct scene s;
        struct sender sender;
        struct receiver receivers[2] = {{.last_wins = false}, {.last_wins = true}};
        fill(&sender, &chance);
        begin_search(&s, which, PM_ACTION_DROP, below(&chance, 2));
        handshake(&s);
        for (int i = 0; i < 150; i++) {
            lie(&s, &sender, receivers, &chance);
            const struct receiver *r = &receivers[below(&chance, 2)];
            if (below(&chance, 2))
                ack(&s, r->next);
            assert_int_equal(receivers[0].next, receivers[1].next);
            for (int k = 0; k < 2; k++)
                if (searches[which].oracle(receivers[k].bytes, receivers[k].next))
                    fail_msg("seed %llu: a receiver reads a match in %u bytes",
                             (unsigned long long)seed, receivers[k].next);
        }
        dropped += hits(&s) > 0;
        read_all += receivers[0].next == sender.len;
        end(&s);
    }
    assert_true(dropped > 500 && read_all > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_finds_what_is_in_the_bytes_side_by_side),
        cmocka_unit_test(what_a_rule_drops_no_receiver_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
