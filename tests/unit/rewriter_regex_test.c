/* rewriter_regex_test.c - replacing with regexes: streams however they are cut, literals beside
 * them, payloads, limits; and random rules against an oracle that tries position after position. */
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "story.h"

/* One edit of a rule; `with` is a template where is_regex. */
struct edit {
    const char *find, *with;
    bool is_regex, nocase;
    uint32_t max_match, max, offset, depth; /* depth 0: no limit */
    enum pm_where where;
};

#define RE(pattern, template)  .find = pattern, .with = template, .is_regex = true
#define LITERAL(bytes, others) .find = bytes, .with = others

static void add_edit(struct pm_builder *b, const char *id, const struct edit *edit)
{
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {.find = (const uint8_t *)edit->find,
                                        .find_len = (uint32_t)strlen(edit->find),
                                        .with = (const uint8_t *)edit->with,
                                        .with_len = (uint32_t)strlen(edit->with),
                                        .where = edit->where,
                                        .max = edit->max,
                                        .nocase = edit->nocase,
                                        .within_offset = edit->offset,
                                        .within_depth = edit->depth ? edit->depth : PM_NO_LIMIT,
                                        .is_regex = edit->is_regex,
                                        .max_match = edit->max_match}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = id, .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
}

/* Many rewriters are made here: small ones. */
static const struct pm_rewriter_config small_config = {.hash_key = {1, 2},
                                                       .mtu = 1500,
                                                       .streams = 4,
                                                       .retain_bytes = 1u << 20,
                                                       .retain_dir_bytes = 1u << 19,
                                                       .edits = 4096,
                                                       .pending_bytes = 1u << 18,
                                                       .pending_dir_bytes = 1u << 16,
                                                       .waits = 4};

/* A rule for each edit, up to the first without a find, and a connection that has begun. */
static void begin_edits(struct talk *t, const struct edit *edits, size_t count)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 8;
    pm_builder_settings(b, &settings);
    for (size_t i = 0; i < count && edits[i].find; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        add_edit(b, id, &edits[i]);
    }
    talk_begin(t, b, small_config);
    talk_send(t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
}

/* What came out, in order: it has to be one stream without a hole. */
struct stream {
    char bytes[2048];
    size_t len;
};

static void take(struct stream *s, const struct talk *t)
{
    for (size_t i = 0; i < t->out_count; i++) {
        const struct talk_packet *p = &t->out[i].p;
        assert_true(t->out[i].checksums_right);
        assert_int_equal(p->seq, ISN_C + 1 + s->len);
        assert_true(s->len + p->payload_len < sizeof s->bytes);
        memcpy(s->bytes + s->len, p->payload, p->payload_len);
        s->len += p->payload_len;
    }
    s->bytes[s->len] = '\0';
}

/* Client bytes [from, to) of the text; the last ones with FIN, or without one with a flush. */
static void say(struct talk *t, struct stream *s, const char *text, size_t from, size_t to)
{
    struct talk_packet p = data((uint32_t)from, text + from);
    p.payload_len = to - from;
    if (to == strlen(text) && to % 2)
        p.flags |= TALK_FIN;
    talk_send(t, &p);
    take(s, t);
    t->out_count = 0;
    if (to == strlen(text) && to % 2 == 0)
        pm_rewriter_flush(t->rewriter, 0);
    take(s, t);
}

static uint64_t edits_of(const struct talk *t)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pm_policy_rule_count(t->policy); i++)
        sum += pm_rewriter_rule_stats(t->rewriter, i)->edits;
    return sum;
}

/* ------------------------------------------------------------------ however it is cut */

#define MOST_EDITS 4

static const struct story {
    struct edit edits[MOST_EDITS];
    const char *text, *want;
    unsigned count;
} stories[] = {
    {{{RE("sec(r)et", "<$1>")}}, "my secret, sec, secretsecret", "my <r>, sec, <r><r>", 3},
    {{{RE("PASS [^\r\n]+", "PASS x")}},
     "USER a\r\nPASS b c\r\nPASS d",
     "USER a\r\nPASS x\r\nPASS x",
     2},
    {{{RE("X-A: [^\r\n]*\r\n", ""), .nocase = true}},
     "GET\r\nx-a: 1\r\nX-B: 2\r\nX-A:\r\nX-a: \r\n\r\n",
     "GET\r\nX-B: 2\r\nX-A:\r\n\r\n",
     2},
    {{{RE("<b>.*?</b>", "[$0]")}},
     "<b>1</b><b></b><b>2</bb></b>",
     "[<b>1</b>][<b></b>][<b>2</bb></b>]",
     3},
    {{{RE("\\bcat\\b", "dog")}}, "cat catcat concat cat, cat", "dog catcat concat dog, dog", 3},
    {{{RE("(?<=:)\\d+", "N")}}, "a:12 b34 :5:6 78", "a:N b34 :N:N 78", 3},
    {{{RE("(?<!a)b", "!")}}, "b ab bb abb", "! ab !! ab!", 4},
    {{{RE("^ab", "S")}, {RE("(?m)^ab", "L")}}, "abab\nab ab\n\nab", "Sab\nL ab\n\nL", 3},
    {{{RE("ab$", "E")}, {RE("c\\z", "Z")}}, "ab ab\nc\nabc", "ab ab\nc\nabZ", 1},
    {{{RE("abc|ab", "1")}}, "abcababdabc ab", "111d1 1", 5},
    {{{RE("ab|abc", "1")}}, "abcab", "1c1", 2},
    {{{RE("a+b", "1")}, {LITERAL("a", "2")}}, "aaab aaa ab a", "1 222 1 2", 6},
    {{{LITERAL("a", "2")}, {RE("a+b", "1")}}, "aaab ab", "222b 2b", 4},
    {{{LITERAL("aab", "L")}, {RE("a+b", "R")}, {LITERAL("b", "B")}}, "aaab aab ab b", "R L R B", 4},
    {{{RE("a.c", "1")}, {LITERAL("b", "2")}}, "abc ab abd b", "1 a2 a2d 2", 4},
    {{{RE("foo", "bar")}, {RE("bar", "foo")}}, "foobarfoo ba fo", "barfoobar ba fo", 3},
    {{{RE("a[^c]*c", "M"), .max_match = 5}}, "abbbc abbbbc abc", "M abbbbc M", 2},
    {{{RE("a.*b|a", "M"), .max_match = 4}}, "axxb axxxb axb\n", "M Mxxxb M\n", 3},
    {{{RE("a+", "M"), .max_match = 3}}, "aaaaaaaa", "MMM", 3},
    {{{RE("a.", "M"), .max = 2}}, "abacada", "MMada", 2},
    {{{RE("a.", "M"), .offset = 2, .depth = 4}}, "abacadaf", "abMMaf", 2},
    {{{RE("a+", "M"), .depth = 3}}, "aaaa a", "aaaa a", 0},
    {{{RE("(\\w)(\\w*)", "$2$1")}}, "one two three", "neo wot hreet", 3},
    {{{RE("(?s)<(.)>.*?</\\w>", "")}}, "1<a>\n\n</a>2<b></c>3", "123", 2},
    {{{RE("a(?=bc)", "X")}, {LITERAL("c", "Y")}}, "abc ab acb", "XbY ab aYb", 3},
};

static void check_story(const struct story *s, const struct stream *got, const struct talk *t,
                        size_t cut)
{
    if (strcmp(got->bytes, s->want) != 0 || edits_of(t) != s->count)
        fail_msg("%s in %s cut at %zu: %s, %u edits", s->edits[0].find, s->text, cut, got->bytes,
                 (unsigned)edits_of(t));
}

static void every_cut_in_two_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct story *s = &stories[i];
        size_t len = strlen(s->text);
        for (size_t cut = 1; cut <= len; cut++) {
            struct stream got = {.len = 0};
            struct talk t;
            begin_edits(&t, s->edits, MOST_EDITS);
            say(&t, &got, s->text, 0, cut);
            if (cut < len)
                say(&t, &got, s->text, cut, len);
            check_story(s, &got, &t, cut);
            talk_end(&t);
        }
    }
}

static void one_byte_at_a_time_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct story *s = &stories[i];
        struct stream got = {.len = 0};
        struct talk t;
        begin_edits(&t, s->edits, MOST_EDITS);
        for (size_t at = 0; at < strlen(s->text); at++)
            say(&t, &got, s->text, at, at + 1);
        check_story(s, &got, &t, 1);
        talk_end(&t);
    }
}

/* ------------------------------------------------------------------ waiting, gaps */

static void what_a_regex_may_still_take_waits(void **state)
{
    (void)state;
    struct talk t;
    begin_edits(&t, &(struct edit){RE("key=\\w+", "K")}, 1);
    struct talk_packet p = data(0, "a key=12");
    talk_send(&t, &p);
    expect(&t, 0, 0, "a ");
    assert_int_equal(ack_out(&t, ack_of(8)), ISN_C + 1 + 2);
    t.out_count = 0;
    pm_rewriter_due(t.rewriter, 60 * 1000000);
    expect(&t, 0, 2, "key=12"); /* as it is */
    p = data(8, "3 key=4;");
    talk_send(&t, &p);
    expect(&t, 0, 8, "3 K;");
    talk_end(&t);
}

static void what_max_rules_out_does_not_wait(void **state)
{
    (void)state;
    struct talk t;
    begin_edits(&t, &(struct edit){RE("a\\d", "M"), .max = 2}, 1);
    struct talk_packet p = data(0, "a1 a");
    talk_send(&t, &p);
    expect(&t, 0, 0, "M ");
    p = data(4, "2 a"); /* the second, and no third */
    talk_send(&t, &p);
    expect(&t, 0, 2, "M a");
    p = data(7, "3 a");
    talk_send(&t, &p);
    expect(&t, 0, 5, "3 a");
    talk_end(&t);
}

static void behind_a_gap_nothing_begins_and_nothing_is_known(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {RE("^a", "1")}, {RE("\\Ab", "2")}, {RE("(?<=x)c", "3")}, {RE("\\bd", "4")}};
    struct talk t;
    begin_edits(&t, edits, 4);
    struct talk_packet p = data(0, "a x");
    talk_send(&t, &p);
    expect(&t, 0, 0, "1 x");
    p = data(10, "cad c xc a b");
    talk_send(&t, &p);
    p = ack_of(22); /* what is missing came there */
    talk_send(&t, &p);
    expect(&t, 0, 10, "cad c x3 a b");
    talk_end(&t);
}

static void a_new_connection_begins_anew(void **state)
{
    (void)state;
    struct talk t;
    begin_edits(&t, &(struct edit){RE("^\\w", "<$0>")}, 1);
    struct talk_packet p = data(0, "abc");
    talk_send(&t, &p);
    expect(&t, 0, 0, "<a>bc");
    uint32_t isn = ISN_C + 100000; /* a SYN that the server confirms, in the same flow */
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = isn});
    talk_send(&t, &(struct talk_packet){.from_server = 1,
                                        .flags = TALK_SYN | TALK_ACK,
                                        .seq = ISN_S + 9000,
                                        .ack = isn + 1});
    p = data(100000, "def");
    p.ack = ISN_S + 9001;
    talk_send(&t, &p);
    expect(&t, 0, 100000, "<d>ef");
    talk_end(&t);
}

/* ------------------------------------------------------------------ payloads */

static void payloads_are_looked_at_alone(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"abab", "<a>b<a>b"}, {"ab", "<a>b"}, {"xa", "xa"}, {"", ""}};
    struct talk t;
    begin_edits(&t, &(struct edit){RE("(a)(?=b)", "<$1>"), .where = PM_IN_PAYLOAD}, 1);
    for (size_t i = 0; i < 4; i++) {
        struct talk_packet p = {
            .udp = 1, .payload = (const uint8_t *)texts[i][0], .payload_len = strlen(texts[i][0])};
        assert_int_equal(talk_send(&t, &p), 1);
        assert_int_equal(t.out[0].p.payload_len, strlen(texts[i][1]));
        assert_memory_equal(t.out[0].p.payload, texts[i][1], strlen(texts[i][1]));
    }
    struct talk_packet p = data(0, "aba");
    talk_send(&t, &p);
    expect(&t, 0, 0, "<a>ba"); /* its last a is not waited for */
    p = data(1, "bab");        /* two of its bytes are known */
    talk_send(&t, &p);
    expect(&t, 0, 3, "bab");
    talk_end(&t);
}

static void what_a_segment_repeats_is_before_what_it_brings(void **state)
{
    (void)state;
    static const struct edit edits[] = {{RE("^a", "1"), .where = PM_IN_PAYLOAD},
                                        {RE("(?<=b)a", "2"), .where = PM_IN_PAYLOAD}};
    struct talk t;
    begin_edits(&t, edits, 2);
    struct talk_packet p = data(0, "ab");
    talk_send(&t, &p);
    expect(&t, 0, 0, "1b");
    p = data(1, "ba"); /* its a is not the first of the payload, and is behind a b */
    talk_send(&t, &p);
    expect(&t, 0, 1, "b2");
    p = data(3, "a"); /* this one's is, and nothing is before it */
    talk_send(&t, &p);
    expect(&t, 0, 3, "1");
    talk_end(&t);
}

/* ------------------------------------------------------------------ limits */

static void a_regex_that_gives_up_is_counted_and_the_rest_goes_on(void **state)
{
    (void)state;
    static char text[400];
    static const struct edit edits[] = {{RE("(a+)+$", "M")}, {LITERAL("end", "END")}};
    struct talk t;
    memset(text, 'a', 300);
    memcpy(text + 300, "b end", 6);
    begin_edits(&t, edits, 2);
    struct talk_packet p = data(0, text);
    talk_send(&t, &p);
    assert_int_equal(t.out_count, 1);
    assert_int_equal(t.out[0].p.payload_len, 305);
    assert_memory_equal(t.out[0].p.payload + 300, "b END", 5);
    assert_true(pm_rewriter_stats(t.rewriter)->why[PM_WHY_REGEX_LIMIT] > 0);
    p = data(305, " aab end"); /* the next bytes have their chance */
    talk_send(&t, &p);
    expect(&t, 0, 305, " aab END");
    talk_end(&t);
}

static void what_needs_more_than_max_match_is_counted(void **state)
{
    (void)state;
    struct talk t;
    begin_edits(&t, &(struct edit){RE("a[^z]*z", "M"), .max_match = 10}, 1);
    struct talk_packet p = data(0, "a123456789");
    talk_send(&t, &p);
    expect(&t, 0, 0, "");
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_MATCH_TOO_LONG], 0);
    p = data(10, "0 az");
    talk_send(&t, &p);
    expect(&t, 0, 0, "a1234567890 M");
    assert_int_equal(pm_rewriter_stats(t.rewriter)->why[PM_WHY_MATCH_TOO_LONG], 1);
    talk_end(&t);
}

static void what_is_put_in_has_its_room(void **state)
{
    (void)state;
    static uint8_t text[60000];
    struct talk t;
    begin_edits(&t, &(struct edit){RE("(.{59})z", "$1$1$1$1$1"), .where = PM_IN_PAYLOAD}, 1);
    memset(text, 'y', sizeof text);
    for (size_t i = 59; i < sizeof text; i += 60)
        text[i] = 'z';
    struct talk_packet p = data(0, "");
    p.payload = text;
    p.payload_len = sizeof text;
    talk_send(&t, &p);
    uint64_t edits = edits_of(&t), left_out = pm_rewriter_stats(t.rewriter)->why[PM_WHY_EDITS_FULL];
    assert_int_equal(edits, (256u << 10) / (59 * 5));
    assert_int_equal(edits + left_out, sizeof text / 60);
    talk_end(&t);
}

static void no_more_is_matched_than_may_be_held(void **state)
{
    (void)state;
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_error error;
    settings.hold_bytes = 100;
    for (uint32_t most = 99; most <= 101; most++) {
        struct pm_builder *b = pm_builder_new();
        add_edit(b, "a", &(struct edit){RE("a", "b"), .max_match = most});
        pm_builder_settings(b, &settings); /* in any order */
        struct pm_policy *policy = pm_builder_finish(b, &error);
        assert_int_equal(policy == NULL, most > 100);
        assert_true(policy || strstr(error.text, "max_match"));
        pm_policy_unref(policy);
    }
    settings.hold_bytes = 4; /* then that is the most without a word, too */
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    pm_builder_settings(b, &settings);
    add_edit(b, "a", &(struct edit){RE("a+b", "M")});
    talk_begin(&t, b, small_config);
    talk_send(&t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    struct talk_packet p = data(0, "aaaab aab");
    talk_send(&t, &p);
    expect(&t, 0, 0, "aM M");
    talk_end(&t);
}

static void edits_that_cannot_be_are_told_with_their_place(void **state)
{
    (void)state;
    struct pm_op_fault fault;
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {.find = (const uint8_t *)"a\\Gb",
                                        .find_len = 4,
                                        .with = (const uint8_t *)"12$3",
                                        .with_len = 4,
                                        .is_regex = true}};
    assert_false(pm_op_check(&op, &fault));
    assert_true(!fault.in_with && fault.offset == 1 && strstr(fault.text, "\\G"));
    op.replace.find = (const uint8_t *)"(a)b";
    assert_false(pm_op_check(&op, &fault));
    assert_true(fault.in_with && fault.offset == 2 && strstr(fault.text, "group"));
    op.replace.with_len = 2;
    assert_true(pm_op_check(&op, &fault));
    op.replace.max_match = PM_MAX_MATCH + 1;
    assert_false(pm_op_check(&op, &fault));
    op.replace.max_match = 0;
    op.replace.find_len = 0;
    assert_false(pm_op_check(&op, &fault));
}

/* ------------------------------------------------------------------ the oracle */

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

struct naive {
    pcre2_code *code[MOST_EDITS];
    const struct edit *edits;
    size_t count;
};

static void naive_begin(struct naive *n, const struct edit *edits, size_t count)
{
    *n = (struct naive){.edits = edits, .count = count};
    for (size_t i = 0; i < count; i++) {
        int error;
        PCRE2_SIZE offset;
        uint32_t options = PCRE2_ANCHORED | (edits[i].nocase ? PCRE2_CASELESS : 0) |
                           (edits[i].is_regex ? 0 : PCRE2_LITERAL);
        n->code[i] = pcre2_compile((PCRE2_SPTR)edits[i].find, PCRE2_ZERO_TERMINATED, options,
                                   &error, &offset, NULL);
        assert_non_null(n->code[i]);
    }
}

/* Length of the edit's match at `at`, 0: none. */
static size_t naive_match(const struct naive *n, size_t i, const char *text, size_t at)
{
    size_t len = strlen(text), window = n->edits[i].max_match ? n->edits[i].max_match : 1024;
    bool is_cut = n->edits[i].is_regex && len - at > window;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc = pcre2_match(n->code[i], (PCRE2_SPTR)text, is_cut ? at + window : len, at,
                         is_cut ? PCRE2_NOTEOL : 0, data, NULL);
    size_t matched = rc < 0 ? 0 : pcre2_get_ovector_pointer(data)[1] - at;
    pcre2_match_data_free(data);
    return matched;
}

/* At each position the first edit that matches is made; what they put in are single letters. */
static void naive_rewrite(const struct naive *n, const char *text, struct stream *out)
{
    unsigned used[MOST_EDITS] = {0};
    for (size_t at = 0; text[at] != '\0';) {
        size_t i = 0, len = 0;
        for (; i < n->count && len == 0; i++) {
            if (n->edits[i].max > 0 && used[i] == n->edits[i].max)
                continue;
            len = naive_match(n, i, text, at);
        }
        if (len > 0)
            used[i - 1]++;
        out->bytes[out->len++] = len > 0 ? n->edits[i - 1].with[0] : text[at];
        at += len > 0 ? len : 1;
    }
    out->bytes[out->len] = '\0';
}

static const char *draw_find(char *out, bool is_regex)
{
    static const char *const pieces[] = {"a",   "b",     "c",       "ab",       "[ab]", "[^a]",
                                         ".",   "a?",    "b*",      "c+",       "b+?",  "(?:ab|b)",
                                         "\\b", "(?=c)", "(?<=ab)", "(?<!c)",   "\\n",  "(a|bc)+",
                                         "^",   "$",     "(?!aa)",  "(?m:^|b)", "\\w*", "(?>a+|b)"};
    unsigned count = 1 + draw(4);
    out[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        strcat(out, is_regex ? pieces[draw(24)] : pieces[draw(4)]);
    return out;
}

static void random_cuts(const struct edit *edits, size_t count, const char *text,
                        const struct stream *want)
{
    struct stream got = {.len = 0};
    struct talk t;
    size_t len = strlen(text), longest = 1 + draw(20);
    begin_edits(&t, edits, count);
    for (size_t at = 0; at < len;) {
        size_t to = at + 1 + draw((uint32_t)longest);
        to = to < len ? to : len;
        say(&t, &got, text, at, to);
        at = to;
    }
    if (strcmp(got.bytes, want->bytes) != 0) {
        for (size_t i = 0; i < count; i++)
            print_error("%s max_match %u max %u\n", edits[i].find, edits[i].max_match,
                        edits[i].max);
        fail_msg("%s became %s, not %s", text, got.bytes, want->bytes);
    }
    talk_end(&t);
}

static void random_rules_do_what_the_slow_way_does(void **state)
{
    (void)state;
    random_state = 7;
    unsigned played = 0;
    for (unsigned round = 0; round < 600; round++) {
        static const char *const with[] = {"1", "2", "3", "4"};
        char finds[MOST_EDITS][64], text[100];
        struct edit edits[MOST_EDITS];
        size_t count = 1 + draw(3), len = 1 + draw(80);
        bool is_good = true;
        for (size_t i = 0; i < count; i++) {
            bool is_regex = draw(4) > 0;
            edits[i] = (struct edit){.find = draw_find(finds[i], is_regex),
                                     .with = with[i],
                                     .is_regex = is_regex,
                                     .nocase = draw(3) == 0,
                                     .max_match = is_regex && draw(2) ? 1 + draw(9) : 0,
                                     .max = draw(6) ? 0 : 1 + draw(3)};
            struct pm_op_fault fault;
            struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                                    .replace = {.find = (const uint8_t *)finds[i],
                                                .find_len = (uint32_t)strlen(finds[i]),
                                                .is_regex = is_regex}};
            is_good = is_good && pm_op_check(&op, &fault); /* or it matches nothing */
        }
        if (!is_good)
            continue;
        for (size_t i = 0; i < len; i++)
            text[i] = "aaabbbcC\n"[draw(9)];
        text[len] = '\0';
        struct stream want = {.len = 0};
        struct naive n;
        naive_begin(&n, edits, count);
        naive_rewrite(&n, text, &want);
        for (unsigned i = 0; i < 3; i++)
            random_cuts(edits, count, text, &want);
        for (size_t i = 0; i < count; i++)
            pcre2_code_free(n.code[i]);
        played++;
    }
    assert_true(played > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_in_two_gives_the_same),
        cmocka_unit_test(one_byte_at_a_time_gives_the_same),
        cmocka_unit_test(what_a_regex_may_still_take_waits),
        cmocka_unit_test(what_max_rules_out_does_not_wait),
        cmocka_unit_test(behind_a_gap_nothing_begins_and_nothing_is_known),
        cmocka_unit_test(a_new_connection_begins_anew),
        cmocka_unit_test(payloads_are_looked_at_alone),
        cmocka_unit_test(what_a_segment_repeats_is_before_what_it_brings),
        cmocka_unit_test(a_regex_that_gives_up_is_counted_and_the_rest_goes_on),
        cmocka_unit_test(what_needs_more_than_max_match_is_counted),
        cmocka_unit_test(what_is_put_in_has_its_room),
        cmocka_unit_test(no_more_is_matched_than_may_be_held),
        cmocka_unit_test(edits_that_cannot_be_are_told_with_their_place),
        cmocka_unit_test(random_rules_do_what_the_slow_way_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
