/* log_test.c - the edit log against an oracle that writes down the image of every single byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edit/log.h"

#define ORACLE_MAX 40000

/* What became of each original byte, and the whole rewritten stream. */
struct oracle {
    uint64_t start;
    size_t o_len, m_len;
    uint32_t low[ORACLE_MAX + 1], high[ORACLE_MAX + 1]; /* images, counted from start */
    uint8_t kind[ORACLE_MAX];
    uint8_t o[ORACLE_MAX], m[ORACLE_MAX];
    uint8_t m_known[ORACLE_MAX]; /* 0: a gap's byte */
};

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static void oracle_begin(struct oracle *t, uint64_t start)
{
    memset(t, 0, sizeof *t);
    t->start = start;
}

static void oracle_bytes(struct oracle *t, const uint8_t *bytes, size_t len, bool known)
{
    for (size_t i = 0; i < len; i++) {
        t->kind[t->o_len] = known ? PM_RUN_COPY : PM_RUN_GAP;
        t->low[t->o_len] = t->high[t->o_len] = (uint32_t)t->m_len;
        t->m_known[t->m_len] = known;
        t->o[t->o_len++] = bytes[i];
        t->m[t->m_len++] = bytes[i];
    }
    t->low[t->o_len] = t->high[t->o_len] = (uint32_t)t->m_len;
}

static void oracle_edit(struct oracle *t, size_t old_len, const uint8_t *with, size_t with_len)
{
    for (size_t i = 0; i < old_len; i++) {
        t->kind[t->o_len] = PM_RUN_EDIT;
        t->low[t->o_len] = (uint32_t)t->m_len;
        t->high[t->o_len] = (uint32_t)(i == 0 ? t->m_len : t->m_len + with_len);
        t->o[t->o_len++] = (uint8_t)draw(256);
    }
    memset(t->m_known + t->m_len, 1, with_len);
    memcpy(t->m + t->m_len, with, with_len);
    t->m_len += with_len;
    t->low[t->o_len] = t->high[t->o_len] = (uint32_t)t->m_len;
}

static void check_images(const struct pm_log *log, const struct pm_log_store *s,
                         const struct oracle *t)
{
    uint64_t known_o = pm_log_pre_min(log, s, pm_log_known_m(log, s));
    size_t known = (size_t)(known_o - t->start); /* numbers reach further back than bytes */
    assert_true(known_o <= log->o_floor);
    for (size_t o = known; o <= t->o_len; o += 1 + draw(5)) {
        assert_int_equal(pm_log_image_low(log, s, t->start + o) - t->start, t->low[o]);
        assert_int_equal(pm_log_image_high(log, s, t->start + o) - t->start, t->high[o]);
    }
    assert_int_equal(log->o_end - t->start, t->o_len);
    assert_int_equal(log->m_end - t->start, t->m_len);
}

static bool is_inside_edit(const struct oracle *t, size_t o)
{
    return t->low[o] != t->high[o];
}

static size_t slow_pre_max(const struct oracle *t, uint64_t m)
{
    size_t o = t->o_len;
    while (is_inside_edit(t, o) || t->low[o] > m)
        o--;
    return o;
}

static size_t slow_pre_min(const struct oracle *t, size_t floor, uint64_t m)
{
    size_t o = floor;
    while (is_inside_edit(t, o) || t->low[o] < m)
        o++;
    return o;
}

static void check_preimages(const struct pm_log *log, const struct pm_log_store *s,
                            const struct oracle *t)
{
    uint64_t known_m = pm_log_known_m(log, s);
    size_t known_o = (size_t)(pm_log_pre_min(log, s, known_m) - t->start);
    for (size_t m = (size_t)(known_m - t->start) + 1; m <= t->m_len; m += 1 + draw(199)) {
        assert_int_equal(pm_log_pre_max(log, s, t->start + m) - t->start, slow_pre_max(t, m));
        assert_int_equal(pm_log_pre_min(log, s, t->start + m) - t->start,
                         slow_pre_min(t, known_o, m));
    }
    assert_int_equal(pm_log_pre_max(log, s, log->m_end + 7), log->o_end);
    assert_int_equal(pm_log_pre_min(log, s, log->m_end + 7), log->o_end);
}

/* Reads M bytes with the whole of O at hand for the gaps. */
static void check_reading(const struct pm_log *log, const struct pm_log_store *s,
                          const struct oracle *t)
{
    static uint8_t out[ORACLE_MAX];
    size_t floor = (size_t)(log->m_floor - t->start);
    if (t->m_len == floor)
        return;
    size_t from = floor + draw((uint32_t)(t->m_len - floor));
    size_t len = draw((uint32_t)(t->m_len - from) + 1);
    size_t got = pm_log_read(log, s, t->start + from, len, t->o, t->start, t->o_len, out);
    assert_int_equal(got, len);
    assert_memory_equal(out, t->m + from, len);
}

static void check_comparing(const struct pm_log *log, const struct pm_log_store *s,
                            const struct oracle *t)
{
    static uint8_t bytes[ORACLE_MAX];
    size_t floor = (size_t)(log->o_floor - t->start);
    if (t->o_len == floor)
        return;
    size_t from = floor + draw((uint32_t)(t->o_len - floor));
    size_t len = 1 + draw((uint32_t)(t->o_len - from));
    memcpy(bytes, t->o + from, len);
    size_t wrong = draw(2) ? draw((uint32_t)len) : len;
    if (wrong < len)
        bytes[wrong] ^= 0x40;
    enum pm_repeat want = PM_REPEAT_SAME;
    bool want_gap = false, has_gap;
    for (size_t i = 0; i < len; i++) {
        if (t->kind[from + i] == PM_RUN_GAP)
            want_gap = true;
        else if (t->kind[from + i] == PM_RUN_EDIT && want == PM_REPEAT_SAME)
            want = PM_REPEAT_EDITED;
        else if (t->kind[from + i] == PM_RUN_COPY && i == wrong)
            want = PM_REPEAT_DIFFERS;
    }
    assert_int_equal(pm_log_compare(log, s, t->start + from, bytes, len, &has_gap), want);
    assert_int_equal(has_gap, want_gap);
}

static void random_step(struct pm_log *log, struct pm_log_store *s, struct oracle *t)
{
    uint8_t bytes[300];
    size_t len = draw(sizeof bytes);
    uint32_t old_len = 1 + draw(40);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)draw(256);
    switch (draw(5)) {
    case 0:
    case 1:
        pm_log_copy(log, s, bytes, len);
        oracle_bytes(t, bytes, len, true);
        break;
    case 2:
        pm_log_edit(log, s, old_len, bytes, (uint32_t)len % 60);
        oracle_edit(t, old_len, bytes, len % 60);
        break;
    case 3:
        pm_log_edit(log, s, old_len, bytes, 0);
        oracle_edit(t, old_len, bytes, 0);
        break;
    default:
        pm_log_gap(log, s, len % 50);
        oracle_bytes(t, bytes, len % 50, false);
        break;
    }
}

static void the_log_agrees_with_an_image_of_every_byte(void **state)
{
    (void)state;
    struct oracle *t = malloc(sizeof *t);
    struct pm_log_store s;
    assert_true(pm_log_store_init(&s, 4000, 100000));
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct pm_log log;
        random_state = seed;
        uint64_t start = (seed & 1) ? ((uint64_t)2 << 32) - 700 : ((uint64_t)1 << 32) + seed;
        pm_log_begin(&log, start);
        oracle_begin(t, start);
        for (unsigned step = 0; step < 200 && t->o_len < 20000 && t->m_len < 20000; step++) {
            random_step(&log, &s, t);
            if (draw(20) == 0)
                pm_log_forget(&log, &s, draw(6000), log.o_floor + draw(3000));
            check_images(&log, &s, t);
            if (draw(20) == 0)
                check_preimages(&log, &s, t);
            check_reading(&log, &s, t);
            check_comparing(&log, &s, t);
        }
        pm_log_drop(&log, &s);
        assert_int_equal(s.chunks.used, 0);
        assert_int_equal(s.blocks.used, 0);
    }
    pm_log_store_release(&s);
    free(t);
}

static void forgetting_keeps_no_more_than_asked_and_stops_at_the_limit(void **state)
{
    (void)state;
    struct pm_log_store s;
    struct pm_log log;
    static uint8_t bytes[10000];
    assert_true(pm_log_store_init(&s, 100, 100000));
    pm_log_begin(&log, 1000);
    pm_log_copy(&log, &s, bytes, sizeof bytes);
    pm_log_forget(&log, &s, 3000, 5000);
    assert_int_equal(log.o_floor, 5000); /* limit came first */
    assert_int_equal(pm_log_kept(&log), 6000);
    pm_log_forget(&log, &s, 3000, log.o_end);
    assert_int_equal(pm_log_kept(&log), 3000);
    pm_log_forget(&log, &s, 0, log.o_end);
    assert_int_equal(pm_log_kept(&log), 0);
    assert_true(s.blocks.used <= 1);
    pm_log_copy(&log, &s, bytes, 5); /* and it goes on */
    assert_int_equal(log.o_end, 11005);
    assert_int_equal(pm_log_image_low(&log, &s, 11003), 11003);
    pm_log_drop(&log, &s);
    pm_log_store_release(&s);
}

static void a_full_store_says_so_and_a_gap_still_fits(void **state)
{
    (void)state;
    struct pm_log_store s;
    struct pm_log log;
    static uint8_t bytes[6000];
    assert_true(pm_log_store_init(&s, 1, 4000));
    pm_log_begin(&log, 500);
    assert_true(pm_log_has_room(&log, &s, 1, 4000));
    assert_false(pm_log_has_room(&log, &s, 1, 6000));
    assert_false(pm_log_has_room(&log, &s, 100, 1));
    pm_log_copy(&log, &s, bytes, 4000);
    for (unsigned i = 0; i < 30; i++)
        pm_log_edit(&log, &s, 3, bytes, 0);
    assert_false(pm_log_has_room(&log, &s, 1, 0));
    pm_log_gap(&log, &s, 77); /* everything before it is forgotten */
    assert_int_equal(log.o_end, 500 + 4000 + 90 + 77);
    assert_int_equal(log.m_end, 500 + 4000 + 77);
    assert_int_equal(pm_log_image_low(&log, &s, log.o_end), log.m_end);
    assert_true(log.o_floor >= 500 + 4000 + 90);
    pm_log_drop(&log, &s);
    pm_log_store_release(&s);
}

/* The worked example of the header: SECRET (6) becomes 20 bytes at offset 10. */
static void numbers_inside_an_edit_map_to_its_ends(void **state)
{
    (void)state;
    struct pm_log_store s;
    struct pm_log log;
    uint8_t bytes[20] = {0};
    assert_true(pm_log_store_init(&s, 10, 100));
    pm_log_begin(&log, 1 << 20);
    uint64_t base = 1 << 20;
    pm_log_copy(&log, &s, bytes, 10);
    pm_log_edit(&log, &s, 6, bytes, 20);
    pm_log_copy(&log, &s, bytes, 10);
    assert_int_equal(pm_log_image_low(&log, &s, base + 10), base + 10);
    assert_int_equal(pm_log_image_low(&log, &s, base + 15), base + 10);
    assert_int_equal(pm_log_image_high(&log, &s, base + 11), base + 30);
    assert_int_equal(pm_log_image_high(&log, &s, base + 16), base + 30);
    assert_int_equal(pm_log_image_low(&log, &s, base + 20), base + 34);
    assert_int_equal(pm_log_pre_max(&log, &s, base + 29), base + 10);
    assert_int_equal(pm_log_pre_max(&log, &s, base + 30), base + 16);
    assert_int_equal(pm_log_pre_min(&log, &s, base + 12), base + 16);
    assert_int_equal(pm_log_pre_max(&log, &s, base + 34), base + 20);
    pm_log_drop(&log, &s);
    pm_log_store_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_agrees_with_an_image_of_every_byte),
        cmocka_unit_test(forgetting_keeps_no_more_than_asked_and_stops_at_the_limit),
        cmocka_unit_test(a_full_store_says_so_and_a_gap_still_fits),
        cmocka_unit_test(numbers_inside_an_edit_map_to_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
