/* literal_test.c - literal search against a double loop: the same hits in the same order. */
#include "subject.h"

#include <ctype.h>

#include "match/literal.h"

#define LITERALS 40
#define TEXT     400
#define HITS     (TEXT * LITERALS)

/* ------------------------------------------------------------------ the stupid twin */

struct problem {
    struct pm_literal list[LITERALS];
    uint8_t bytes[LITERALS][24];
    uint32_t count;
    uint32_t active[LITERALS];
    uint32_t active_count;
    bool has_active;
    uint8_t *text; /* a block of exactly len bytes */
    size_t len;
};

static bool begins_at(const struct pm_literal *literal, const uint8_t *text, size_t len, size_t at)
{
    if (at + literal->len > len)
        return false;
    for (uint32_t i = 0; i < literal->len; i++) {
        uint8_t a = literal->bytes[i], b = text[at + i];
        if (a != b && !(literal->nocase && a < 128 && b < 128 && tolower(a) == tolower(b)))
            return false;
    }
    return true;
}

static bool is_active(const struct problem *p, uint32_t literal)
{
    for (uint32_t i = 0; i < p->active_count && p->has_active; i++)
        if (p->active[i] == literal)
            return true;
    return !p->has_active;
}

/* skip says how far each hit lets the scan go on: 0 not at all, 1 behind the hit, or by chance. */
static size_t after(const struct problem *p, const struct pm_hit *hit, uint32_t skip)
{
    uint32_t len = p->list[hit->literal].len;
    return skip == 0                                         ? 0
           : skip == 1 || (hit->position + hit->literal) % 3 ? hit->position + len
                                                             : 0;
}

static size_t hits_slowly(const struct problem *p, uint32_t skip, struct pm_hit *hits)
{
    size_t count = 0, least = 0;
    for (size_t at = 0; at < p->len; at++)
        for (uint32_t i = 0; i < p->count; i++) {
            if (at < least || !is_active(p, i) || !begins_at(&p->list[i], p->text, p->len, at))
                continue;
            hits[count] = (struct pm_hit){.literal = i, .position = at};
            size_t next = after(p, &hits[count++], skip);
            least = next > least ? next : least;
        }
    return count;
}

static size_t hits_quickly(const struct problem *p, uint32_t skip, struct pm_hit *hits)
{
    struct pm_literals *set = pm_literals_new(p->list, p->count);
    struct pm_scan scan;
    size_t count = 0;
    assert_non_null(set);
    pm_scan_begin(&scan, set, NULL, p->has_active ? p->active : NULL, p->active_count, p->text,
                  p->len);
    while (pm_scan_next(&scan, &hits[count])) {
        size_t next = after(p, &hits[count], skip);
        if (next)
            pm_scan_skip(&scan, next);
        assert_true(++count < HITS);
    }
    assert_false(pm_scan_next(&scan, &hits[count]));
    pm_literals_free(set);
    return count;
}

static void expect_same_hits(const struct problem *p, uint32_t skip)
{
    static struct pm_hit slow[HITS], quick[HITS];
    size_t count = hits_slowly(p, skip, slow);
    assert_int_equal(hits_quickly(p, skip, quick), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(quick[i].position, slow[i].position);
        assert_int_equal(quick[i].literal, slow[i].literal);
    }
}

/* ------------------------------------------------------------------ problems by chance */

/* Few letters make many and overlapping hits; both cases of them make nocase matter. */
static const char *const alphabets[] = {"ab", "abc", "aAbB", "a@A`", "e t", "ab\xe1\xc1[{"};

static void fill(uint64_t *chance, const char *alphabet, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)alphabet[below(chance, (uint32_t)strlen(alphabet))];
}

static void pose(struct problem *p, uint64_t *chance, uint32_t most, uint32_t longest)
{
    const char *alphabet = alphabets[below(chance, sizeof alphabets / sizeof alphabets[0])];
    uint32_t nocase = below(chance, 3), shortest = 1 + below(chance, longest);
    p->count = 1 + below(chance, most);
    p->has_active = below(chance, 2);
    p->active_count = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t len = shortest + below(chance, longest - shortest + 1);
        fill(chance, alphabet, p->bytes[i], len);
        p->list[i] =
            (struct pm_literal){p->bytes[i], len, nocase == 1 || (nocase == 2 && below(chance, 2))};
        if (below(chance, 2))
            p->active[p->active_count++] = i;
    }
    p->len = below(chance, 4) ? below(chance, TEXT) : below(chance, 12);
    p->text = malloc(p->len ? p->len : 1);
    assert_non_null(p->text);
    fill(chance, alphabet, p->text, p->len);
}

static void expect_same_in_many(uint64_t seed, uint32_t rounds, uint32_t most, uint32_t longest)
{
    struct problem p;
    for (uint32_t round = 0; round < rounds; round++) {
        pose(&p, &seed, most, longest);
        expect_same_hits(&p, round % 3);
        free(p.text);
    }
}

static void few_literals_hit_as_the_double_loop_says(void **state)
{
    (void)state;
    expect_same_in_many(1, 4000, 8, 7);
}

static void many_literals_hit_as_the_double_loop_says(void **state)
{
    (void)state;
    expect_same_in_many(2, 2000, LITERALS, 6);
}

static void long_literals_hit_as_the_double_loop_says(void **state)
{
    (void)state;
    expect_same_in_many(3, 2000, 12, 24);
}

/* Rare hits in long text: whole blocks are left out, and the one that is not must be seen. */
static void a_single_hit_is_seen_wherever_it_stands(void **state)
{
    struct problem p = {.count = 0};
    (void)state;
    static const char *const words[] = {"z",   "q!",  "needle", "Needle", "x-y",
                                        "#%&", "@@@", "a.b.c",  "12345",  "QQ"};
    for (uint32_t i = 0; i < 10; i++)
        p.list[p.count++] = (struct pm_literal){(const uint8_t *)words[i],
                                                (uint32_t)strlen(words[i]), i == 2 || i == 9};
    p.len = 300;
    p.text = malloc(p.len);
    assert_non_null(p.text);
    p.has_active = true;
    for (size_t at = 0; at < p.len; at++)
        for (uint32_t i = 0; i < p.count; i++) {
            memset(p.text, '-', p.len);
            size_t room = p.len - at;
            memcpy(p.text + at, words[i], strlen(words[i]) < room ? strlen(words[i]) : room);
            p.active[0] = i;
            p.active_count = 1;
            expect_same_hits(&p, 0);
            for (p.active_count = 0; p.active_count < p.count; p.active_count++)
                p.active[p.active_count] = p.active_count;
            expect_same_hits(&p, 0);
        }
    free(p.text);
}

static void every_byte_value_can_be_sought(void **state)
{
    uint8_t text[256];
    (void)state;
    for (int i = 0; i < 256; i++)
        text[i] = (uint8_t)i;
    for (int i = 0; i < 255; i++) {
        struct pm_literal one = {text + i, 1, false}, two = {text + i, 2, false};
        assert_int_equal(pm_literal_find(&one, text, 256, 0), i);
        assert_int_equal(pm_literal_find(&one, text, 256, (size_t)i + 1), 256);
        assert_int_equal(pm_literal_find(&two, text, 256, 0), i);
        one.nocase = true;
        size_t first = isupper(i) || !isalpha(i) ? (size_t)i : (size_t)toupper(i);
        assert_int_equal(pm_literal_find(&one, text, 256, 0), first);
    }
}

static void find_starts_where_it_is_told(void **state)
{
    const uint8_t *text = (const uint8_t *)"abcabcabc";
    struct pm_literal abc = {(const uint8_t *)"abc", 3, false};
    (void)state;
    assert_int_equal(pm_literal_find(&abc, text, 9, 0), 0);
    assert_int_equal(pm_literal_find(&abc, text, 9, 1), 3);
    assert_int_equal(pm_literal_find(&abc, text, 9, 6), 6);
    assert_int_equal(pm_literal_find(&abc, text, 9, 7), 9);
    assert_int_equal(pm_literal_find(&abc, text, 9, 20), 9);
    assert_int_equal(pm_literal_find(&abc, text, 8, 4), 8);
    assert_int_equal(pm_literal_find(&abc, text, 2, 0), 2);
    assert_int_equal(pm_literal_find(&abc, text, 0, 0), 0);
}

static void a_set_without_literals_finds_nothing(void **state)
{
    struct pm_literals *set = pm_literals_new(NULL, 0);
    struct pm_scan scan;
    struct pm_hit hit;
    (void)state;
    assert_non_null(set);
    pm_scan_begin(&scan, set, NULL, NULL, 0, (const uint8_t *)"abc", 3);
    assert_false(pm_scan_next(&scan, &hit));
    pm_literals_free(set);
}

static void no_active_literal_finds_nothing(void **state)
{
    struct pm_literal one = {(const uint8_t *)"a", 1, false};
    struct pm_literals *set = pm_literals_new(&one, 1);
    uint32_t none[1] = {0};
    struct pm_scan scan;
    struct pm_hit hit;
    (void)state;
    assert_non_null(set);
    pm_scan_begin(&scan, set, NULL, none, 0, (const uint8_t *)"aaa", 3);
    assert_false(pm_scan_next(&scan, &hit));
    pm_literals_free(set);
}

/* Numbers of five digits with `tail` >= 1 letters behind. */
static void expect_numbers_told_apart(uint32_t many, uint32_t tail)
{
    uint32_t len = 5 + tail;
    struct pm_literal *list = calloc(many, sizeof *list);
    char *names = malloc(many * (len + 1));
    assert_true(list && names);
    for (uint32_t i = 0; i < many; i++) {
        char *name = names + i * (len + 1);
        memset(name, 'w', len);
        for (uint32_t j = 5, n = i; j-- > 0; n /= 10)
            name[j] = (char)('0' + n % 10);
        list[i] = (struct pm_literal){(const uint8_t *)name, len, false};
    }
    struct pm_literals *set = pm_literals_new(list, many);
    assert_non_null(set);
    for (uint32_t i = 0; i < many; i += 7) {
        uint8_t text[40];
        struct pm_scan scan;
        struct pm_hit hit;
        memset(text, '0', sizeof text);
        memcpy(text + 9, list[i].bytes, len);
        pm_scan_begin(&scan, set, NULL, NULL, 0, text, sizeof text);
        assert_true(pm_scan_next(&scan, &hit));
        assert_true(hit.position == 9 && hit.literal == i);
        assert_false(pm_scan_next(&scan, &hit));
    }
    assert_true(pm_literals_footprint(set) > many * len);
    pm_literals_free(set);
    free(list);
    free(names);
}

/* The maps of windows have each of their sizes, and buckets are long. */
static void thousands_of_literals_are_told_apart(void **state)
{
    (void)state;
    for (uint32_t tail = 1; tail < 9; tail += 2) {
        expect_numbers_told_apart(200, tail);
        expect_numbers_told_apart(1500, tail);
        expect_numbers_told_apart(30000, tail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_literals_hit_as_the_double_loop_says),
        cmocka_unit_test(many_literals_hit_as_the_double_loop_says),
        cmocka_unit_test(long_literals_hit_as_the_double_loop_says),
        cmocka_unit_test(a_single_hit_is_seen_wherever_it_stands),
        cmocka_unit_test(every_byte_value_can_be_sought),
        cmocka_unit_test(find_starts_where_it_is_told),
        cmocka_unit_test(a_set_without_literals_finds_nothing),
        cmocka_unit_test(no_active_literal_finds_nothing),
        cmocka_unit_test(thousands_of_literals_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
