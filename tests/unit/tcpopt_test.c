/* tcpopt_test.c - walking TCP options to the end and never past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/tcpopt.h"

/* A header with these options in a block of exactly its size. */
static uint8_t *make_tcp(const uint8_t *options, size_t len)
{
    assert_true(len % 4 == 0 && len <= 40);
    uint8_t *tcp = calloc(1, 20 + len);
    assert_non_null(tcp);
    tcp[12] = (uint8_t)((20 + len) / 4 << 4);
    if (len > 0)
        memcpy(tcp + 20, options, len);
    return tcp;
}

/* What a walk met, as "kind:off+len kind:off+len end|bad". */
static void describe(const uint8_t *tcp, char *out, size_t room)
{
    struct pm_tcpopt it;
    size_t used = 0;
    out[0] = '\0';
    for (pm_tcpopt_begin(&it, tcp); pm_tcpopt_next(&it);)
        used += (size_t)snprintf(out + used, room - used, "%u:%u+%u ", it.kind, it.off, it.len);
    snprintf(out + used, room - used, "%s", it.is_malformed ? "bad" : "end");
    assert_false(pm_tcpopt_next(&it)); /* over is over */
}

struct walk {
    const char *expected;
    size_t len;
    uint8_t options[40];
};

static const struct walk walks[] = {
    {"end", 0, {0}},
    /* options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7] */
    {"2:20+4 4:24+2 8:26+10 3:37+3 end", 20, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                              0, 1, 0, 0,    0, 0, 1, 3,  3, 7}},
    /* options [nop,nop,sack 1 {1:2}] */
    {"5:22+10 end", 12, {1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2}},
    {"end", 4, {1, 1, 1, 1}},
    /* nothing behind eol counts */
    {"2:20+4 end", 12, {2, 4, 5, 0xb4, 0, 8, 10, 1, 1, 1, 1, 1}},
    {"end", 4, {0, 2, 4, 5}},
    /* a length of 0 or 1 would never end */
    {"bad", 4, {8, 0, 0, 0}},
    {"4:20+2 bad", 4, {4, 2, 8, 1}},
    /* one byte too long; exactly to the end; a kind without its length byte */
    {"bad", 4, {19, 5, 0, 0}},
    {"254:20+4 end", 4, {254, 4, 0, 0}},
    {"bad", 4, {1, 1, 1, 2}},
    /* the largest option there can be */
    {"30:20+40 end", 40, {30, 40}},
    {"bad", 40, {30, 41}},
    {"bad", 40, {30, 255}},
};

static void each_shape_is_walked_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        uint8_t *tcp = make_tcp(walks[i].options, walks[i].len);
        char met[200];
        describe(tcp, met, sizeof met);
        assert_string_equal(met, walks[i].expected);
        free(tcp);
    }
}

/* Random bytes, biased to small numbers so that plausible options are common. */
static void any_bytes_end_the_walk_inside_the_header(void **state)
{
    (void)state;
    uint32_t chance = 5;
    for (int i = 0; i < 100000; i++) {
        uint8_t options[40];
        for (size_t b = 0; b < sizeof options; b++) {
            chance = chance * 1664525u + 1013904223u;
            options[b] = (uint8_t)(chance >> 30 ? chance >> 24 & 7 : chance >> 16);
        }
        size_t len = (chance >> 8) % 11 * 4;
        uint8_t *tcp = make_tcp(options, len);
        struct pm_tcpopt it;
        uint32_t behind = 20;
        for (pm_tcpopt_begin(&it, tcp); pm_tcpopt_next(&it); behind = it.off + it.len) {
            assert_true(it.off >= behind && it.len >= 2 && it.off + it.len <= 20 + len);
            assert_true(it.kind != PM_OPT_EOL && it.kind != PM_OPT_NOP);
        }
        free(tcp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_is_walked_as_the_table_says),
        cmocka_unit_test(any_bytes_end_the_walk_inside_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
