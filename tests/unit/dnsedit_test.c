/* dnsedit_test.c - edited DNS messages say what they are to say, and no more; dns_edit.py holds
 * random ones to a second opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "proto/dnsedit.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static struct pm_dns_labels labels(const char *text)
{
    struct pm_dns_labels name = {.len = 1};
    assert_true(*text == '\0' || pm_dns_labels_parse((const uint8_t *)text, strlen(text), &name));
    if (*text == '\0')
        name.bytes[0] = 0;
    return name;
}

/* ------------------------------------------------------------------ names */

static void text_becomes_labels_or_is_refused(void **state)
{
    static const char *const bad[] = {"", ".", "a..b", ".a", "a\\", "a\\25", "a\\256", "a\\2x5"};
    char label[65];
    struct pm_dns_labels name;
    (void)state;
    name = labels("www.Example.com.");
    assert_int_equal(name.len, 17);
    assert_memory_equal(name.bytes, "\3www\7Example\3com", 17);
    name = labels("a\\.b\\\\.\\000");
    assert_memory_equal(name.bytes, "\4a.b\\\1\0", 8);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pm_dns_labels_parse((const uint8_t *)bad[i], strlen(bad[i]), &name));
    memset(label, 'x', sizeof label);
    assert_true(pm_dns_labels_parse((const uint8_t *)label, 63, &name));
    assert_false(pm_dns_labels_parse((const uint8_t *)label, 64, &name));
}

/* 127 labels of one byte are 255 bytes with the root; one more is none. */
static void text_ends_at_255_bytes(void **state)
{
    uint8_t text[256];
    struct pm_dns_labels name;
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '.' : 'a';
    assert_true(pm_dns_labels_parse(text, 253, &name));
    assert_int_equal(name.len, 255);
    assert_true(pm_dns_labels_parse(text, 254, &name));
    assert_false(pm_dns_labels_parse(text, 255, &name));
}

static void renames_take_whole_labels(void **state)
{
    static const struct {
        const char *name, *find, *with, *made;
    } list[] = {
        {"www.bad.example", "bad.example", "good.org", "www.good.org"},
        {"www.BAD.Example", "bad.example", "good.org", "www.good.org"},
        {"www.notbad.example", "bad.example", "good.org", "www.notbad.example"},
        {"bad.example.bad.example", "bad.example", "x", "x.x"},
        {"a.b.c", "b", "", "a.c"},
        {"a", "a", "", ""},
        {"a.b", "a.b.c", "x", "a.b"},
        {"a\\.b", "b", "x", "a\\.b"}, /* a dot in a label is no border */
    };
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct pm_dns_rename rename = {.find = labels(list[i].find), .with = labels(list[i].with)};
        const struct pm_dns_rename *const renames[] = {&rename};
        struct pm_dns_labels name = labels(list[i].name), made = labels(list[i].made);
        uint32_t hits = 0;
        assert_true(pm_dns_labels_rename(&name, renames, 1, &hits));
        assert_true(pm_dns_labels_equal(&name, &made));
        assert_int_equal(hits > 0, strcmp(list[i].name, list[i].made) != 0);
    }
}

static void two_renames_swap(void **state)
{
    struct pm_dns_rename there = {.find = labels("a"), .with = labels("b")};
    struct pm_dns_rename back = {.find = labels("b"), .with = labels("a")};
    const struct pm_dns_rename *const renames[] = {&there, &back};
    struct pm_dns_labels name = labels("a.b.c"), made = labels("b.a.c");
    uint32_t hits[2] = {0, 0};
    (void)state;
    assert_true(pm_dns_labels_rename(&name, renames, 2, hits));
    assert_true(pm_dns_labels_equal(&name, &made));
    assert_int_equal(hits[0] + hits[1], 2);
}

/* ------------------------------------------------------------------ messages */

#define QUESTION              "\1a\2bc\0\0\1\0\1"
#define ADDRESS               "\300\14\0\1\0\1\0\0\1\54\0\4\1\2\3\4" /* of a.bc, for 300 s */
#define SIGNED_A              "\300\14\0\56\0\1\0\0\1\54\0\4\0\1xx"  /* RRSIG over A */
#define EDNS                  "\0\0\51\20\0\0\0\200\0\0\5\0\3\0\1n"  /* 4096 bytes, DO, NSID */
#define ANSWER(flags, an, ar) "\1\2" flags "\0\1\0" an "\0\0\0" ar QUESTION

static struct pm_dns examined(const uint8_t *bytes, size_t len)
{
    struct pm_dns dns;
    assert_int_equal(pm_dns_examine(bytes, len, &dns), PM_DNS_SAME);
    return dns;
}

static void expect_edit(const struct pm_dns_recipe *recipe, const uint8_t *from, size_t from_len,
                        const uint8_t *want, size_t want_len)
{
    struct pm_dns dns = examined(from, from_len);
    uint8_t out[512];
    size_t len = 0;
    assert_int_equal(pm_dns_edit(&dns, recipe, out, sizeof out, &len), PM_DNS_EDITED);
    assert_int_equal(len, want_len);
    assert_memory_equal(out, want, want_len);
}

static void an_answer_is_replaced_and_its_proof_is_gone(void **state)
{
    struct pm_dns_synth synth = {.type = PM_DNS_A, .addr = {9, 9, 9, 9}};
    struct pm_dns_recipe recipe = {.has_answers = true, .synths = &synth, .synth_count = 1};
    (void)state;
    expect_edit(
        &recipe, BYTES(ANSWER("\203\243", "\2", "\1") ADDRESS SIGNED_A EDNS),
        BYTES(ANSWER("\201\200", "\1", "\1") "\300\14\0\1\0\1\0\0\0\74\0\4\11\11\11\11" EDNS));
}

static void a_removed_type_takes_its_signature_along(void **state)
{
    uint16_t type = PM_DNS_A;
    struct pm_dns_recipe recipe = {.types = &type, .type_count = 1};
    (void)state;
    expect_edit(&recipe, BYTES(ANSWER("\201\240", "\2", "\0") ADDRESS SIGNED_A),
                BYTES(ANSWER("\201\200", "\0", "\0")));
}

static void options_go_and_the_size_is_lowered(void **state)
{
    uint16_t option = 3;
    struct pm_dns_recipe recipe = {.options = &option,
                                   .option_count = 1,
                                   .size = {.is_set = true, .is_most = true, .value = 1232}};
    (void)state;
    expect_edit(&recipe, BYTES(ANSWER("\201\200", "\0", "\1") EDNS),
                BYTES(ANSWER("\201\200", "\0", "\1") "\0\0\51\4\320\0\0\200\0\0\0"));
}

static void an_answer_that_is_too_long_keeps_its_question(void **state)
{
    struct pm_dns dns = examined(BYTES(ANSWER("\201\200", "\1", "\1") ADDRESS EDNS));
    uint8_t out[512];
    size_t len;
    (void)state;
    assert_int_equal(pm_dns_cut(&dns, out, sizeof out, &len), PM_DNS_EDITED);
    assert_int_equal(len, sizeof(ANSWER("\203\200", "\0", "\1") EDNS) - 1);
    assert_memory_equal(out, ANSWER("\203\200", "\0", "\1") EDNS, len);
}

static void a_query_is_answered(void **state)
{
    struct pm_dns_synth synth = {.type = PM_DNS_A, .addr = {9, 9, 9, 9}};
    struct pm_dns_recipe recipe = {.responds = true, .synths = &synth, .synth_count = 1};
    struct pm_dns dns = examined(BYTES(ANSWER("\1\20", "\0", "\1") EDNS));
    static const uint8_t want[] = ANSWER(
        "\201\220", "\1", "\1") "\300\14\0\1\0\1\0\0\0\74\0\4\11\11\11\11\0\0\51\4\320\0\0\200\0\0";
    uint8_t out[512];
    size_t len;
    (void)state;
    assert_int_equal(pm_dns_respond(&dns, &recipe, out, sizeof out, &len), PM_DNS_EDITED);
    assert_int_equal(len, sizeof want);
    assert_memory_equal(out, want, len);
    assert_int_equal(pm_dns_size_taken(&dns), 4096);
}

/* RFC 6891, section 6.1.3: BADVERS is 16, one in the upper bits. */
static void a_later_edns_is_told_so(void **state)
{
    struct pm_dns_recipe recipe = {.responds = true, .has_rcode = true, .rcode = 3};
    struct pm_dns dns = examined(BYTES(ANSWER("\1\0", "\0", "\1") "\0\0\51\20\0\0\1\0\0\0\0"));
    uint8_t out[512];
    size_t len;
    (void)state;
    assert_int_equal(pm_dns_respond(&dns, &recipe, out, sizeof out, &len), PM_DNS_EDITED);
    assert_int_equal(out[3] & 15, 0);
    assert_int_equal(out[len - 6], 1);
}

static void what_cannot_be_edited_is_named(void **state)
{
    struct pm_dns dns;
    (void)state;
    assert_int_equal(pm_dns_examine(BYTES("\1\2\1\0\0\0\0\0\0\0\0"), &dns), PM_DNS_MALFORMED);
    assert_int_equal(pm_dns_examine(BYTES(ANSWER("\201\200", "\2", "\0") ADDRESS), &dns),
                     PM_DNS_MALFORMED);
    assert_int_equal(pm_dns_examine(BYTES(ANSWER("\201\200", "\0", "\2") EDNS EDNS), &dns),
                     PM_DNS_MALFORMED);
    assert_int_equal(
        pm_dns_examine(BYTES(ANSWER("\201\200", "\0", "\1") "\0\0\51\20\0\0\0\0\0\0\3\0\3\0"),
                       &dns),
        PM_DNS_MALFORMED);
    assert_int_equal(
        pm_dns_examine(BYTES(ANSWER("\201\200", "\0", "\1") "\0\0\372\0\377\0\0\0\0\0\0"), &dns),
        PM_DNS_SIGNED); /* TSIG */
    assert_int_equal(
        pm_dns_examine(BYTES(ANSWER("\201\200", "\0", "\1") "\0\0\30\0\377\0\0\0\0\0\2\0\0"), &dns),
        PM_DNS_SIGNED); /* SIG(0) */
    assert_int_equal(pm_dns_examine(BYTES(ANSWER("\51\0", "\0", "\0")), &dns), PM_DNS_UNFIT);
}

/* A name in the data of a known type was written short; after the edit it leads to the right
 * place, though everything before it moved. */
static void pointers_follow_what_moved(void **state)
{
    struct pm_dns_rename rename = {.find = labels("bc"), .with = labels("longer.example")};
    const struct pm_dns_rename *const renames[] = {&rename};
    struct pm_dns dns =
        examined(BYTES(ANSWER("\201\200", "\1", "\0") "\300\14\0\5\0\1\0\0\0\1\0\4\1x\300\16"));
    struct pm_dns_labels want = labels("x.longer.example"), target;
    struct pm_dns_record record;
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns made;
    uint8_t out[512];
    uint32_t hits;
    size_t len, end;
    (void)state;
    assert_int_equal(pm_dns_rename(&dns, renames, 1, &hits, out, sizeof out, &len), PM_DNS_EDITED);
    made = examined(out, len);
    assert_true(pm_dns_next(&made, &walk, &record));
    assert_true(pm_dns_next(&made, &walk, &record));
    assert_true(pm_dns_labels_read(&made, record.data_off, &target, &end));
    assert_true(pm_dns_labels_equal(&target, &want));
    assert_int_equal(record.data_len, 4);
}

/* Every room too small for the result is found too small. */
static void no_byte_is_written_behind_the_room(void **state)
{
    struct pm_dns dns = examined(BYTES(ANSWER("\201\200", "\1", "\1") ADDRESS EDNS));
    struct pm_dns_recipe recipe = {.ttl = {.is_set = true, .value = 7}};
    size_t len, whole = dns.len;
    (void)state;
    for (size_t cap = PM_DNS_HEADER; cap <= whole; cap++) {
        uint8_t *out = malloc(cap);
        assert_non_null(out);
        assert_int_equal(pm_dns_edit(&dns, &recipe, out, cap, &len),
                         cap < whole ? PM_DNS_UNFIT : PM_DNS_EDITED);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_labels_or_is_refused),
        cmocka_unit_test(text_ends_at_255_bytes),
        cmocka_unit_test(renames_take_whole_labels),
        cmocka_unit_test(two_renames_swap),
        cmocka_unit_test(an_answer_is_replaced_and_its_proof_is_gone),
        cmocka_unit_test(a_removed_type_takes_its_signature_along),
        cmocka_unit_test(options_go_and_the_size_is_lowered),
        cmocka_unit_test(an_answer_that_is_too_long_keeps_its_question),
        cmocka_unit_test(a_query_is_answered),
        cmocka_unit_test(a_later_edns_is_told_so),
        cmocka_unit_test(what_cannot_be_edited_is_named),
        cmocka_unit_test(pointers_follow_what_moved),
        cmocka_unit_test(no_byte_is_written_behind_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
