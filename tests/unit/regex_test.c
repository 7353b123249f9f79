/* regex_test.c - regular expressions in bytes that others may follow, against an oracle that tries
 * every position by itself with PCRE2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "match/regex.h"
#include "match/template.h"

#define GROUPS 16

static struct pm_regex *regex_of(const char *pattern, bool nocase, bool in_stream)
{
    struct pm_regex_fault fault;
    struct pm_regex *regex =
        pm_regex_new(&(struct pm_regex_spec){.pattern = (const uint8_t *)pattern,
                                             .len = strlen(pattern),
                                             .nocase = nocase,
                                             .in_stream = in_stream},
                     &fault);
    if (!regex)
        print_error("%s: %s at %zu\n", pattern, fault.text, fault.offset);
    assert_non_null(regex);
    return regex;
}

static struct pm_regex_text text_of(const char *bytes, bool may_follow, uint32_t window)
{
    return (struct pm_regex_text){.bytes = (const uint8_t *)bytes,
                                  .len = strlen(bytes),
                                  .may_follow = may_follow,
                                  .window = window};
}

/* ------------------------------------------------------------------ single stories */

struct found {
    enum pm_regex_answer answer;
    struct pm_regex_hit hit;
    struct pm_span groups[GROUPS];
};

static struct found find_in(const char *pattern, const struct pm_regex_text *text, size_t from)
{
    struct found f = {.answer = PM_REGEX_NONE};
    struct pm_regex *regex = regex_of(pattern, false, true);
    struct pm_regex_room *room = pm_regex_room_new(GROUPS - 1, text->window);
    assert_non_null(room);
    assert_true(pm_regex_groups(regex) < GROUPS);
    f.hit.groups = f.groups;
    f.answer = pm_regex_find(regex, room, text, from, &f.hit);
    pm_regex_room_free(room);
    pm_regex_free(regex);
    return f;
}

static struct found find(const char *pattern, const char *bytes, bool may_follow)
{
    struct pm_regex_text text = text_of(bytes, may_follow, 1024);
    return find_in(pattern, &text, 0);
}

static void what_more_bytes_could_change_is_unfinished(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *bytes;
        enum pm_regex_answer answer[2]; /* nothing follows; more may */
        size_t position[2];
    } table[] = {
        {"abc", "xabc", {PM_REGEX_FOUND, PM_REGEX_FOUND}, {1, 1}},
        {"abc", "xxab", {PM_REGEX_NONE, PM_REGEX_UNFINISHED}, {0, 2}},
        {"abc", "xabx", {PM_REGEX_NONE, PM_REGEX_NONE}, {0, 0}},
        {"ab*", "xabb", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"ab*?", "xabb", {PM_REGEX_FOUND, PM_REGEX_FOUND}, {1, 1}},
        {"a|ab", "xa", {PM_REGEX_FOUND, PM_REGEX_FOUND}, {1, 1}},
        {"ab|a", "xa", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"a$", "xa", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"a$", "a\n", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {0, 0}},
        {"a\\z", "xa", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"a\\b", "xa", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"a(?!b)", "xa", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"\\bfoo", "x foo", {PM_REGEX_FOUND, PM_REGEX_FOUND}, {2, 2}},
        {"\\bfoo", "x ", {PM_REGEX_NONE, PM_REGEX_NONE}, {0, 0}},
        {"a.*b", "zaxbx", {PM_REGEX_FOUND, PM_REGEX_UNFINISHED}, {1, 1}},
        {"a.*b", "zaxbx\n", {PM_REGEX_FOUND, PM_REGEX_FOUND}, {1, 1}},
        {"\\R!", "x\r", {PM_REGEX_NONE, PM_REGEX_UNFINISHED}, {0, 1}},
        {"(?s).*x", "abc", {PM_REGEX_NONE, PM_REGEX_UNFINISHED}, {0, 0}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int more = 0; more < 2; more++) {
            struct found f = find(table[i].pattern, table[i].bytes, more);
            if (f.answer != table[i].answer[more])
                fail_msg("%s in %s, more %d: %d", table[i].pattern, table[i].bytes, more, f.answer);
            if (f.answer != PM_REGEX_NONE)
                assert_int_equal(f.hit.position, table[i].position[more]);
        }
}

static void an_attempt_sees_its_window_and_no_more(void **state)
{
    (void)state;
    struct pm_regex_text text = text_of("xa1234567b.a12b.", true, 6);
    struct found f = find_in("a.*b", &text, 0);
    assert_int_equal(f.answer, PM_REGEX_UNFINISHED); /* 5 bytes are there of the second's window */
    assert_int_equal(f.hit.position, 11);
    assert_int_equal(f.hit.too_long, 1);
    text.may_follow = false;
    f = find_in("a.*b", &text, 0);
    assert_int_equal(f.answer, PM_REGEX_FOUND);
    assert_int_equal(f.hit.position, 11);
    assert_int_equal(f.hit.end, 15);
    f = find_in("a.*b|a.", &text, 0); /* what the window holds counts */
    assert_int_equal(f.hit.position, 1);
    assert_int_equal(f.hit.end, 3);
    assert_int_equal(f.hit.too_long, 0);
    text = text_of("aaaaaaaa", false, 3);
    f = find_in("a+$", &text, 0); /* the end of a window is not the end */
    assert_int_equal(f.hit.position, 5);
    assert_int_equal(f.hit.end, 8);
    text.window = 1;
    f = find_in("a", &text, 7);
    assert_int_equal(f.hit.position, 7);
}

static void what_is_before_counts_as_before(void **state)
{
    (void)state;
    static const char whole[] = "zfoo foo\nfoo afoo";
    static const char *const patterns[] = {"\\bfoo",    "(?<=a)foo",  "(?<!a)foo", "^foo",
                                           "\\Afoo",    "(?m)^foo",   "\\Bfoo",    "(?<=z|\\b)foo",
                                           "(?<= f)oo", "(?<=(a))foo"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        for (size_t cut = 0; cut < strlen(whole); cut++) {
            struct pm_regex_text one = text_of(whole, false, 1024), two = one;
            struct found f = find_in(patterns[i], &one, cut), g;
            two.before = one.bytes;
            two.before_len = cut;
            two.bytes += cut;
            two.len -= cut;
            g = find_in(patterns[i], &two, 0);
            assert_int_equal(f.answer, g.answer);
            if (f.answer != PM_REGEX_FOUND)
                continue;
            assert_int_equal(f.hit.position, cut + g.hit.position);
            assert_int_equal(f.hit.end, cut + g.hit.end);
            assert_memory_equal(f.groups, g.groups, sizeof f.groups[0]);
        }
}

static void a_hopeless_pattern_meets_its_limit(void **state)
{
    (void)state;
    char bytes[301];
    memset(bytes, 'a', 300);
    bytes[300] = '\0';
    bytes[299] = 'b';
    struct pm_regex_text text = text_of(bytes, true, 1024);
    struct found f = find_in("(a+)+$", &text, 0);
    assert_int_equal(f.answer, PM_REGEX_NONE);
    assert_int_equal(f.hit.limits, PM_REGEX_LIMITS); /* and then no more */
    memcpy(bytes + 4, "\nxy", 3); /* (a+)+$ from 0 is soon done, the next ones are not */
    f = find_in("(a+)+$|xy", &text, 0);
    assert_int_equal(f.answer, PM_REGEX_FOUND);
    assert_int_equal(f.hit.position, 5);
    assert_int_equal(f.hit.limits, 0);
    memset(bytes, 'a', 300);
    memcpy(bytes + 290, "b xy z", 6);
    f = find_in("(a+)+c|a{4}b xy", &text, 283); /* a few positions that cost nothing */
    assert_int_equal(f.answer, PM_REGEX_FOUND);
    assert_int_equal(f.hit.position, 286);
    assert_int_equal(f.hit.limits, 0);
}

static void deep_patterns_stay_within_their_heap(void **state)
{
    (void)state;
    static char bytes[60001];
    memset(bytes, 'a', 60000);
    struct pm_regex_text text = text_of(bytes, false, PM_REGEX_WINDOW_MAX);
    struct found f = find_in("(?:(a)(?=(a)|b))*?c|((?1)(?4)?)(a(?3)?)x", &text, 0);
    assert_int_equal(f.answer, PM_REGEX_NONE);
    assert_true(f.hit.limits > 0);
}

static void case_may_not_count(void **state)
{
    (void)state;
    struct pm_regex *regex = regex_of("aBc\\d", true, true);
    struct pm_regex_room *room = pm_regex_room_new(0, 64);
    struct pm_span groups[1];
    struct pm_regex_hit hit = {.groups = groups};
    struct pm_regex_text text = text_of("..AbC7", true, 64);
    assert_int_equal(pm_regex_find(regex, room, &text, 0, &hit), PM_REGEX_FOUND);
    assert_int_equal(hit.position, 2);
    assert_int_equal(pm_regex_shortest(regex), 4);
    pm_regex_room_free(room);
    pm_regex_free(regex);
}

/* ------------------------------------------------------------------ what is refused */

#define ANY SIZE_MAX /* PCRE2 tells where and why, in words of its own */

static void patterns_that_depend_on_more_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t offset;
        const char *text;
    } table[] = {
        {"a(b", ANY, ""},
        {"a**b)", ANY, ""},
        {"ab[z-a]", ANY, ""},
        {"a*", 0, "matches nothing"},
        {"(?=a)", 0, "matches nothing"},
        {"x|\\b", 0, "matches nothing"},
        {"foo\\Kbar", 3, "\\K"},
        {"(?x) a \\G b", 7, "\\G"},
        {"a\\C", ANY, ""},
        {"(*UTF)a", 0, "VERBS"},
        {"(*CRLF)a", 0, "VERBS"},
        {"(*LIMIT_MATCH=1)a", 0, "VERBS"},
        {"a(*SKIP)b", 1, "VERBS"},
        {"a(?:b(*COMMIT)c|d)", 5, "VERBS"},
        {"a(*:mark)", 1, "VERBS"},
        {"a(?C1)b", 6, "callouts"},
        {"a(?C'x')b", 8, "callouts"},
        {"(a)\\1", 0, "compares with a group"},
        {"(?<n>a)\\k<n>", 0, "compares with a group"},
        {"(a)?(?(1)b|c)", 0, "compares with a group"},
        {"(?<=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)b", 0, "looks behind"},
        {"(?<=a(?<!b))c", 5, "within another"},
        {"(?<=\\Q)\\E(?<=a))b", 9, "within another"},
        {"(?:(?<=(a)(?<=b))c){2}", 10, "within another"},
        {"(*plb:a(*nlb:b))c", 7, "within another"},
        {"(?<=a)b(?1)(c)", 7, "calls"},
        {"((?&x)(?<!a)b)(?<x>d)", 6, "calls"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct pm_regex_fault fault;
        struct pm_regex *regex =
            pm_regex_new(&(struct pm_regex_spec){.pattern = (const uint8_t *)table[i].pattern,
                                                 .len = strlen(table[i].pattern),
                                                 .in_stream = true},
                         &fault);
        assert_null(regex);
        assert_true(fault.text[0] && fault.offset <= strlen(table[i].pattern));
        if ((table[i].offset != ANY && fault.offset != table[i].offset) ||
            !strstr(fault.text, table[i].text))
            fail_msg("%s: %s at %zu", table[i].pattern, fault.text, fault.offset);
    }
}

static void what_only_looks_like_it_is_taken(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "\\\\K",
        "[\\Q\\K\\E]a",
        "\\Q\\K\\Ea",
        "(?#\\K (?<=(?<=)a",
        "\\(*COMMIT\\)",
        "[(*A]",
        "(?x)a # \\G (?<= (?<= \n b",
        "(?i)a(?-i:b)c",
        "(?<=a)b(?<=b)c",
        "(?<=\\ba)c",
        "(?:(?<!a)b){2,3}(?<=b)c",

        "a(?1)?(b)",
        "(?R)?a",
        "(?(?=a)ab|c)d(?<!x)y",
        "(?(DEFINE)(?<q>a))b",
        "(?<=\\Q(\\Ea)b(?<=c)d",
        "a\\Q(?<=(?<=\\E",
        "(?:\\Q(\\E){3}(?<=a)b(?<=c)",
        "(?U)a+(?J)b",
        "(?>a+)b(?|(c)|(d))(?'n'e)(?P<m>f)",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        pm_regex_free(regex_of(patterns[i], false, true));
    pm_regex_free(regex_of("(a)\\1", false, false)); /* what ends may be compared */
}

static void a_pattern_has_its_size(void **state)
{
    (void)state;
    char pattern[PM_REGEX_PATTERN_MAX + 2];
    struct pm_regex_fault fault;
    struct pm_regex_spec spec = {.pattern = (const uint8_t *)pattern, .len = PM_REGEX_PATTERN_MAX};
    memset(pattern, 'a', sizeof pattern);
    struct pm_regex *regex = pm_regex_new(&spec, &fault);
    assert_non_null(regex);
    pm_regex_free(regex);
    spec.len++;
    assert_null(pm_regex_new(&spec, &fault));
    assert_int_equal(fault.offset, PM_REGEX_PATTERN_MAX);
}

/* ------------------------------------------------------------------ templates */

static void a_template_is_bytes_and_groups(void **state)
{
    (void)state;
    static const struct {
        const char *with, *want; /* want NULL: refused, at offset */
        size_t offset;
    } table[] = {
        {"", "", 0},
        {"plain", "plain", 0},
        {"<$0>", "<key=v1>", 0},
        {"$&$&", "key=v1key=v1", 0},
        {"$2=$1", "v1=key", 0},
        {"${1}0 $10", "key0 key0", 0},
        {"${k}/${02}", "key/v1", 0},
        {"$$1 costs $$", "$1 costs $", 0},
        {"[$3]", "[]", 0},
        {"a$4", NULL, 1},
        {"ab${4}", NULL, 2},
        {"${none}", NULL, 0},
        {"x${k", NULL, 1},
        {"x${}", NULL, 1},
        {"x$", NULL, 1},
        {"x$y", NULL, 1},
        {"${99999999999999999999}", NULL, 0},
    };
    struct pm_regex *regex = regex_of("(?<k>[a-z]+)=(\\w+)(!)?", false, true);
    struct pm_regex_room *room = pm_regex_room_new(3, 64);
    struct pm_span groups[4];
    struct pm_regex_hit hit = {.groups = groups};
    struct pm_regex_text text = text_of("--key=v1;", true, 64);
    assert_int_equal(pm_regex_find(regex, room, &text, 0, &hit), PM_REGEX_FOUND);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct pm_regex_fault fault;
        uint8_t out[64];
        struct pm_template *t =
            pm_template_new(regex, (const uint8_t *)table[i].with, strlen(table[i].with), &fault);
        if (!table[i].want) {
            assert_null(t);
            assert_int_equal(fault.offset, table[i].offset);
            assert_true(fault.text[0] != '\0');
            continue;
        }
        size_t len = strlen(table[i].want);
        assert_non_null(t);
        assert_int_equal(pm_template_write(t, &text, groups, out, sizeof out), len);
        assert_memory_equal(out, table[i].want, len);
        assert_int_equal(pm_template_write(t, &text, groups, out, len), len);
        if (len > 0)
            assert_true(pm_template_write(t, &text, groups, out, len - 1) == SIZE_MAX);
        pm_template_free(t);
    }
    pm_regex_room_free(room);
    pm_regex_free(regex);
}

static void a_group_may_lie_before_the_text(void **state)
{
    (void)state;
    struct pm_regex_fault fault;
    struct pm_regex *regex = regex_of("(?<=(a.c))d", false, true);
    struct pm_template *t = pm_template_new(regex, (const uint8_t *)"[$1|$0]", 7, &fault);
    struct pm_regex_room *room = pm_regex_room_new(1, 64);
    for (size_t cut = 0; cut < 5; cut++) {
        struct pm_span groups[2];
        struct pm_regex_hit hit = {.groups = groups};
        struct pm_regex_text text = text_of("xabcd", true, 64);
        uint8_t out[16];
        text.before = text.bytes;
        text.before_len = cut;
        text.bytes += cut;
        text.len -= cut;
        assert_int_equal(pm_regex_find(regex, room, &text, 0, &hit), PM_REGEX_FOUND);
        assert_int_equal(pm_template_write(t, &text, groups, out, sizeof out), 7);
        assert_memory_equal(out, "[abc|d]", 7);
    }
    pm_regex_room_free(room);
    pm_template_free(t);
    pm_regex_free(regex);
}

/* ------------------------------------------------------------------ the oracle */

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

struct naive {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    size_t position, end;
    bool is_hopeless; /* a limit was hit */
};

/* The first position where the bytes of a window match. */
static bool naive_find(struct naive *n, const char *bytes, size_t len, size_t from, size_t window)
{
    for (size_t at = from; at < len; at++) {
        size_t end = len - at > window ? at + window : len;
        int rc = pcre2_match(n->code, (PCRE2_SPTR)bytes, end, at,
                             PCRE2_ANCHORED | (end < len ? PCRE2_NOTEOL : 0), n->data, n->context);
        n->is_hopeless = n->is_hopeless || (rc < 0 && rc != PCRE2_ERROR_NOMATCH);
        if (rc < 0)
            continue;
        n->position = pcre2_get_ovector_pointer(n->data)[0];
        n->end = pcre2_get_ovector_pointer(n->data)[1];
        return true;
    }
    return false;
}

/* Patterns over the letters a, b, c and the line end. */
static void draw_pattern(char *out, size_t cap, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", "c", "ab", ".", "[ab]", "[^a]", "\\n", "\\w"};
    static const char *const marks[] = {"\\b",       "\\B",   "^",      "$",
                                        "(?=a)",     "(?!b)", "(?<=a)", "(?<!ab)",
                                        "(?<=b|ac)", "\\A",   "\\z",    "(?=b+c)"};
    static const char *const counts[] = {"",   "",   "",   "*",   "+",    "?",
                                         "*?", "+?", "++", "{2}", "{1,3}"};
    unsigned pieces = 1 + draw(3);
    char inner[256];
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < pieces; i++) {
        unsigned kind = draw(depth > 0 ? 8 : 5);
        if (kind == 0)
            len += (size_t)snprintf(out + len, cap - len, "%s", marks[draw(12)]);
        else if (kind < 5)
            len += (size_t)snprintf(out + len, cap - len, "%s%s", atoms[draw(9)], counts[draw(11)]);
        else {
            char other[256];
            draw_pattern(inner, 100, depth - 1);
            draw_pattern(other, 100, depth - 1);
            len += (size_t)snprintf(out + len, cap - len,
                                    kind == 5   ? "(%s|%s)%s"
                                    : kind == 6 ? "(?:%s|%s)%s"
                                                : "(?>%s|%s)%s",
                                    inner, other, counts[draw(6)]);
        }
    }
}

static void draw_text(char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = "aaabbbc\n"[draw(8)];
    out[len] = '\0';
}

/* The first find in the whole text, and what is said of it after each byte. False: a limit. */
static bool check_finds(struct naive *n, const struct pm_regex *regex, struct pm_regex_room *room,
                        const char *bytes, uint32_t window)
{
    struct pm_span groups[GROUPS];
    size_t len = strlen(bytes), from = draw((uint32_t)len);
    bool is_found = naive_find(n, bytes, len, from, window);
    for (size_t there = from; there <= len + 1; there++) {
        struct pm_regex_hit hit = {.groups = groups};
        size_t before = draw((uint32_t)from + 1); /* the rest is in front of the text */
        struct pm_regex_text text = {.before = (const uint8_t *)bytes,
                                     .before_len = before,
                                     .bytes = (const uint8_t *)bytes + before,
                                     .len = (there <= len ? there : len) - before,
                                     .may_follow = there <= len,
                                     .window = window};
        enum pm_regex_answer answer = pm_regex_find(regex, room, &text, from - before, &hit);
        if (hit.limits > 0 || n->is_hopeless)
            return false;
        if (answer == PM_REGEX_UNFINISHED) {
            assert_true(there <= len && there - (before + hit.position) <= window);
            assert_true(!is_found || before + hit.position <= n->position);
        } else if (answer == PM_REGEX_NONE) {
            assert_true(!is_found || (there <= len && n->position >= there));
        } else {
            assert_true(is_found);
            assert_int_equal(before + hit.position, n->position);
            assert_int_equal(before + hit.end, n->end);
            const PCRE2_SIZE *pairs = pcre2_get_ovector_pointer(n->data);
            for (uint32_t i = 0; i < 2 * (pm_regex_groups(regex) + 1); i++)
                assert_int_equal(i % 2 ? groups[i / 2].end : groups[i / 2].begin, pairs[i]);
        }
    }
    return true;
}

static void finds_are_those_of_one_position_after_another(void **state)
{
    (void)state;
    unsigned checked = 0;
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, 50000);
    struct pm_regex_room *room = pm_regex_room_new(GROUPS - 1, 64);
    random_state = 20;
    for (unsigned i = 0; i < 3000; i++) {
        char pattern[1024], bytes[64];
        struct pm_regex_fault fault;
        int error;
        PCRE2_SIZE offset;
        draw_pattern(pattern, 300, 2);
        bool nocase = draw(4) == 0;
        struct pm_regex *regex =
            pm_regex_new(&(struct pm_regex_spec){.pattern = (const uint8_t *)pattern,
                                                 .len = strlen(pattern),
                                                 .nocase = nocase,
                                                 .in_stream = true},
                         &fault);
        if (!regex)
            continue; /* it matches nothing */
        struct naive n = {.code =
                              pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                            nocase ? PCRE2_CASELESS : 0, &error, &offset, NULL)};
        assert_non_null(n.code);
        n.context = context;
        if (pm_regex_groups(regex) < GROUPS) {
            n.data = pcre2_match_data_create_from_pattern(n.code, NULL);
            for (unsigned j = 0; j < 4; j++) {
                draw_text(bytes, 1 + draw(40));
                checked += check_finds(&n, regex, room, bytes, draw(2) ? 64 : 1 + draw(12));
            }
            pcre2_match_data_free(n.data);
        }
        pcre2_code_free(n.code);
        pm_regex_free(regex);
    }
    pm_regex_room_free(room);
    pcre2_match_context_free(context);
    assert_true(checked > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_more_bytes_could_change_is_unfinished),
        cmocka_unit_test(an_attempt_sees_its_window_and_no_more),
        cmocka_unit_test(what_is_before_counts_as_before),
        cmocka_unit_test(a_hopeless_pattern_meets_its_limit),
        cmocka_unit_test(deep_patterns_stay_within_their_heap),
        cmocka_unit_test(case_may_not_count),
        cmocka_unit_test(patterns_that_depend_on_more_are_refused),
        cmocka_unit_test(what_only_looks_like_it_is_taken),
        cmocka_unit_test(a_pattern_has_its_size),
        cmocka_unit_test(a_template_is_bytes_and_groups),
        cmocka_unit_test(a_group_may_lie_before_the_text),
        cmocka_unit_test(finds_are_those_of_one_position_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
