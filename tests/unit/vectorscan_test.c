/* vectorscan_test.c - Vectorscan finds what a double loop finds, and what windows find; skipped
 * where the library was built without it. */
#include "subject.h"

#include <ctype.h>

#include "match/vectorscan.h"

#define TEXT     400
#define SEVERAL  30
#define MANY     2000
#define LONGEST  24
#define HITS_CAP (TEXT * MANY)

struct problem {
    struct pm_literal list[MANY];
    uint8_t bytes[MANY][LONGEST];
    uint32_t count;
    uint32_t active[MANY];
    uint32_t active_count;
    uint8_t text[TEXT];
    size_t len;
};

/* Few letters make many and overlapping hits; both cases of them make nocase matter. */
static const char *const alphabets[] = {"ab", "abc", "aAbB", "a@A`", "e t", "ab\xe1\xc1[{"};
static const char all_kinds[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789 \t@[`{\x80\xff\x01";

static void fill(uint64_t *chance, const char *alphabet, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)alphabet[below(chance, (uint32_t)strlen(alphabet))];
}

/* Literals stand in the text too, some in the other case. */
static void plant(struct problem *p, uint64_t *chance, uint32_t times)
{
    for (uint32_t n = 0; n < times && p->len > LONGEST; n++) {
        const struct pm_literal *literal = &p->list[below(chance, p->count)];
        uint8_t *at = p->text + below(chance, (uint32_t)p->len - LONGEST);
        bool shout = below(chance, 2);
        for (uint32_t i = 0; i < literal->len; i++)
            at[i] = shout ? (uint8_t)toupper(literal->bytes[i]) : literal->bytes[i];
    }
}

static void pose(struct problem *p, uint64_t *chance, const char *alphabet, uint32_t count,
                 uint32_t shortest)
{
    p->count = count;
    p->active_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = shortest + below(chance, 1 + below(chance, LONGEST - shortest));
        fill(chance, alphabet, p->bytes[i], len);
        p->list[i] = (struct pm_literal){p->bytes[i], len, below(chance, 2)};
        if (below(chance, 2))
            p->active[p->active_count++] = i;
    }
    p->len = below(chance, TEXT);
    fill(chance, alphabet, p->text, p->len);
    plant(p, chance, below(chance, 12));
}

static void skip_without(void)
{
    const struct pm_literal one = {(const uint8_t *)"one", 3, false};
    struct pm_vectorscan *v = pm_vectorscan_new(&one, 1);
    if (!v)
        skip();
    pm_vectorscan_free(v);
}

/* ------------------------------------------------------------------ against the double loop */

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

static bool is_active(const struct problem *p, bool all, uint32_t literal)
{
    for (uint32_t i = 0; i < p->active_count && !all; i++)
        if (p->active[i] == literal)
            return true;
    return all;
}

static uint32_t hits_slowly(const struct problem *p, bool all, struct pm_hit *hits)
{
    uint32_t count = 0;
    for (size_t at = 0; at < p->len; at++)
        for (uint32_t i = 0; i < p->count; i++)
            if (is_active(p, all, i) && begins_at(&p->list[i], p->text, p->len, at))
                hits[count++] = (struct pm_hit){i, at};
    return count;
}

static uint32_t expect_the_double_loops_hits(const struct problem *p, bool all,
                                             const struct pm_vectorscan *v,
                                             struct pm_vectorscan_room *room)
{
    static struct pm_hit slow[HITS_CAP];
    uint32_t count = hits_slowly(p, all, slow), found = 0;
    const struct pm_hit *hits = pm_vectorscan_run(v, room, all ? NULL : p->active, p->active_count,
                                                  p->text, p->len, &found);
    assert_int_equal(hits == NULL, count > PM_VECTORSCAN_HITS);
    assert_true(!hits || found == count);
    for (uint32_t i = 0; hits && i < count; i++)
        assert_true(hits[i].position == slow[i].position && hits[i].literal == slow[i].literal);
    return count;
}

static void literals_hit_as_the_double_loop_says(void **state)
{
    static struct problem p;
    uint64_t chance = 71;
    uint32_t few = 0, too_many = 0;
    (void)state;
    skip_without();
    for (uint32_t round = 0; round < 45; round++) {
        const char *alphabet = round % 3 ? all_kinds : alphabets[round / 3 % 6];
        struct pm_vectorscan_room *room = NULL;
        uint32_t longest = 1 + below(&chance, 9);
        uint32_t literals = 1 + below(&chance, SEVERAL);
        pose(&p, &chance, alphabet, literals, longest);
        struct pm_vectorscan *v = pm_vectorscan_new(p.list, p.count);
        assert_non_null(v);
        assert_true(pm_vectorscan_fit(&room, v));
        assert_true(pm_vectorscan_footprint(v) > p.count && pm_vectorscan_room_footprint(v) > 0);
        for (uint32_t text = 0; text < 20; text++) {
            uint32_t count = expect_the_double_loops_hits(&p, text % 2, v, room);
            few += count > 0 && count <= PM_VECTORSCAN_HITS;
            too_many += count > PM_VECTORSCAN_HITS;
            fill(&chance, alphabet, p.text, p.len);
            plant(&p, &chance, text);
        }
        pm_vectorscan_room_free(room);
        pm_vectorscan_free(v);
    }
    print_message("%u texts with hits, %u with too many\n", few, too_many);
    assert_true(few > 200 && too_many > 5);
}

/* ------------------------------------------------------------------ against windows */

static size_t scan(const struct problem *p, const struct pm_literals *set,
                   struct pm_vectorscan_room *room, bool all, struct pm_hit *hits)
{
    struct pm_scan scan;
    size_t count = 0;
    pm_scan_begin(&scan, set, room, all ? NULL : p->active, p->active_count, p->text, p->len);
    while (pm_scan_next(&scan, &hits[count])) {
        const struct pm_hit *hit = &hits[count++];
        if ((hit->position + hit->literal) % 3)
            pm_scan_skip(&scan, hit->position + p->list[hit->literal].len);
    }
    return count;
}

/* One room for all sets, as an engine has it. */
static void many_literals_hit_as_windows_say(void **state)
{
    static struct problem p;
    static struct pm_hit with[HITS_CAP], without[HITS_CAP];
    struct pm_vectorscan_room *room = NULL;
    uint64_t chance = 72;
    size_t hits = 0;
    (void)state;
    skip_without();
    for (uint32_t round = 0; round < 6; round++) {
        uint32_t count = PM_VECTORSCAN_FROM + below(&chance, MANY - PM_VECTORSCAN_FROM);
        pose(&p, &chance, round % 4 ? all_kinds : alphabets[round / 4 % 6], count, 1 + round % 9);
        struct pm_literals *set = pm_literals_new(p.list, p.count);
        assert_non_null(set);
        assert_true(pm_literals_fit(&room, set) && room);
        for (uint32_t text = 0; text < 20; text++) {
            size_t found = scan(&p, set, room, text % 2, with);
            assert_int_equal(scan(&p, set, NULL, text % 2, without), found);
            for (size_t i = 0; i < found; i++)
                assert_true(with[i].position == without[i].position &&
                            with[i].literal == without[i].literal);
            hits += found;
            fill(&chance, all_kinds, p.text, p.len);
            plant(&p, &chance, text);
        }
        pm_literals_free(set);
    }
    pm_vectorscan_room_free(room);
    assert_true(hits > 500);
}

static void few_literals_need_no_room(void **state)
{
    static struct problem p;
    struct pm_vectorscan_room *room = NULL;
    uint64_t chance = 73;
    (void)state;
    pose(&p, &chance, all_kinds, SEVERAL, 4);
    struct pm_literals *set = pm_literals_new(p.list, p.count);
    assert_non_null(set);
    assert_true(pm_literals_fit(&room, set));
    assert_null(room);
    assert_int_equal(pm_literals_room_footprint(set), 0);
    pm_literals_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_hit_as_the_double_loop_says),
        cmocka_unit_test(many_literals_hit_as_windows_say),
        cmocka_unit_test(few_literals_need_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
