/* dns_test.c - records and names of DNS messages are read as they were written, and never past
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "proto/dns.h"

/* ------------------------------------------------------------------ names by hand */

struct name {
    const char *text; /* NULL: there is no name */
    const char *bytes;
    size_t len, off; /* of the name, behind the header */
};

#define NAME(text, bytes, off)                                                                     \
    {                                                                                              \
        (text), (bytes), sizeof(bytes) - 1, (off)                                                  \
    }

static const struct name names[] = {
    NAME("www.example.com", "\3www\7EXAMPLE\3com\0", 0),
    NAME(".", "\0", 0),
    NAME("a\\.b.c", "\3a.b\1c\0", 0),
    NAME("a\\\\b", "\3a\\b\0", 0),
    NAME("\\000\\255\\032", "\3\0\377 \0", 0),
    NAME("a.com", "\3com\0\1a\300\14", 5),
    NAME("b.a.com", "\3com\0\1a\300\14\1b\300\21", 9),
    NAME(".", "\0\300\14", 1),
    NAME(NULL, "\300\14", 0),           /* leads to itself */
    NAME(NULL, "\1a\300\14", 0),        /* leads to its beginning */
    NAME(NULL, "\300\16\1a\300\14", 2), /* to a pointer that leads back */
    NAME(NULL, "\300\16\0", 0),         /* forwards */
    NAME(NULL, "\3com", 0),             /* ends before its end */
    NAME(NULL, "\3co", 0),
    NAME(NULL, "\300", 0),
    NAME(NULL, "\100a\0", 0), /* label types that are not */
    NAME(NULL, "\200a\0", 0),
    NAME(NULL, "", 0),
};

/* In a block of exactly its size, so that a byte too much is seen. */
static uint8_t *message(const uint8_t *bytes, size_t len)
{
    uint8_t *m = calloc(1, PM_DNS_HEADER + len);

    assert_non_null(m);
    if (len > 0)
        memcpy(m + PM_DNS_HEADER, bytes, len);
    return m;
}

static void names_are_read_as_they_stand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t *bytes = message((const uint8_t *)names[i].bytes, names[i].len);
        uint8_t text[PM_DNS_NAME_TEXT];
        struct pm_dns dns;

        assert_true(pm_dns_open(bytes, PM_DNS_HEADER + names[i].len, &dns));
        size_t len = pm_dns_name(&dns, PM_DNS_HEADER + names[i].off, text);

        if (names[i].text == NULL) {
            assert_int_equal(len, 0);
        } else {
            assert_int_equal(len, strlen(names[i].text));
            assert_memory_equal(text, names[i].text, len);
        }
        free(bytes);
    }
}

/* 255 bytes on the wire are a name, 256 are none (RFC 1035, section 2.3.4). */
static void names_end_at_255_bytes(void **state)
{
    (void)state;
    for (size_t last = 61; last <= 62; last++) {
        uint8_t bytes[300] = {0}, text[PM_DNS_NAME_TEXT], *m;
        struct pm_dns dns;
        size_t at = 0;

        for (unsigned label = 0; label < 4; label++) {
            size_t len = label < 3 ? 63 : last;

            bytes[at] = (uint8_t)len;
            memset(bytes + at + 1, 0xff, len); /* four characters each */
            at += len + 1;
        }
        m = message(bytes, at + 1);
        assert_true(pm_dns_open(m, PM_DNS_HEADER + at + 1, &dns));
        assert_int_equal(pm_dns_name(&dns, PM_DNS_HEADER, text),
                         last == 61 ? (3 * 63 + 61) * 4 + 3 : 0);
        free(m);
    }
}

static void less_than_a_header_is_no_message(void **state)
{
    uint8_t *bytes = calloc(1, PM_DNS_HEADER - 1);
    struct pm_dns dns;

    (void)state;
    assert_non_null(bytes);
    assert_false(pm_dns_open(bytes, PM_DNS_HEADER - 1, &dns));
    free(bytes);
}

/* ------------------------------------------------------------------ messages by chance */

#define RECORDS 12

/* What was written is what has to be read. */
struct written {
    uint8_t bytes[4096];
    size_t len;
    struct {
        enum pm_dns_section section;
        char name[PM_DNS_NAME_TEXT];
        uint16_t type;
        uint32_t ttl;
        uint16_t data_len;
        size_t data_off;
    } records[RECORDS];
    size_t count;
    size_t name_off[RECORDS]; /* that later names may end in */
};

static uint64_t seed, drawn;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)pm_draw_below(pm_draw(seed, 1, 2, drawn++), bound);
}

static void put16(struct written *w, unsigned v)
{
    pm_put16(w->bytes + w->len, (uint16_t)v);
    w->len += 2;
}

/* Some labels, then the root or a name that was before. */
static void put_name(struct written *w, char *text)
{
    unsigned labels = below(4);

    text[0] = '\0';
    for (unsigned i = 0; i < labels; i++) {
        unsigned len = 1 + below(5);

        w->bytes[w->len++] = (uint8_t)len;
        if (text[0] != '\0')
            strncat(text, ".", 2);
        for (unsigned c = 0; c < len; c++) {
            char letter[2] = {(char)('a' + below(26)), '\0'};

            w->bytes[w->len++] = (uint8_t)(below(2) ? letter[0] : letter[0] - 'a' + 'A');
            strncat(text, letter, 2);
        }
    }
    if (w->count > 0 && below(2)) {
        unsigned which = below((uint32_t)w->count);
        const char *rest = w->records[which].name;

        put16(w, 0xc000u | (unsigned)w->name_off[which]);
        if (strcmp(rest, ".") != 0 && text[0] != '\0')
            strncat(text, ".", 2);
        if (strcmp(rest, ".") != 0)
            strncat(text, rest, 200);
    } else {
        w->bytes[w->len++] = 0;
    }
    if (text[0] == '\0')
        strncat(text, ".", 2);
}

static void put_record(struct written *w, enum pm_dns_section section)
{
    size_t at = w->count, name_off = w->len;

    w->records[at].section = section;
    put_name(w, w->records[at].name);
    w->records[at].type = (uint16_t)below(70);
    put16(w, w->records[at].type);
    put16(w, 1);
    if (section != PM_DNS_QUESTION) {
        w->records[at].ttl = below(100000);
        put16(w, w->records[at].ttl >> 16);
        put16(w, w->records[at].ttl & 0xffff);
        w->records[at].data_len = (uint16_t)below(20);
        put16(w, w->records[at].data_len);
        w->records[at].data_off = w->len;
        for (unsigned i = 0; i < w->records[at].data_len; i++)
            w->bytes[w->len++] = (uint8_t)below(256);
    }
    w->name_off[at] = name_off;
    w->count++;
}

static void write_message(struct written *w)
{
    *w = (struct written){.len = PM_DNS_HEADER};
    for (int section = 0; section < 4; section++) {
        unsigned count = below(4);

        pm_put16(w->bytes + 4 + 2 * section, (uint16_t)count);
        for (unsigned i = 0; i < count; i++)
            put_record(w, (enum pm_dns_section)section);
    }
}

static void expect_same(const struct written *w)
{
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns_record record;
    struct pm_dns dns;

    assert_true(pm_dns_open(w->bytes, w->len, &dns));
    for (size_t i = 0; i < w->count; i++) {
        uint8_t text[PM_DNS_NAME_TEXT];

        assert_true(pm_dns_next(&dns, &walk, &record));
        assert_int_equal(record.section, w->records[i].section);
        assert_int_equal(record.type, w->records[i].type);
        assert_int_equal(record.ttl, w->records[i].ttl);
        assert_int_equal(record.data_len, w->records[i].data_len);
        assert_int_equal(record.data_off, w->records[i].data_off);
        assert_int_equal(pm_dns_name(&dns, record.name_off, text), strlen(w->records[i].name));
        assert_memory_equal(text, w->records[i].name, strlen(w->records[i].name));
    }
    assert_false(pm_dns_next(&dns, &walk, &record));
    assert_false(pm_dns_next(&dns, &walk, &record));
}

/* What lacks its end gives the records before it, and no byte behind it is looked at. */
static void expect_prefixes(const struct written *w)
{
    for (size_t len = PM_DNS_HEADER; len < w->len; len++) {
        uint8_t *part = malloc(len), text[PM_DNS_NAME_TEXT];
        struct pm_dns_walk walk = {.off = 0};
        struct pm_dns_record record;
        struct pm_dns dns;
        size_t count = 0;

        assert_non_null(part);
        memcpy(part, w->bytes, len);
        assert_true(pm_dns_open(part, len, &dns));
        for (; pm_dns_next(&dns, &walk, &record); count++)
            pm_dns_name(&dns, record.name_off, text);
        assert_true(count < w->count);
        free(part);
    }
}

static void random_messages_are_read_as_they_were_written(void **state)
{
    static struct written w;

    (void)state;
    for (seed = 1; seed <= 500; seed++) {
        drawn = 0;
        write_message(&w);
        expect_same(&w);
        if (seed <= 50)
            expect_prefixes(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_as_they_stand),
        cmocka_unit_test(names_end_at_255_bytes),
        cmocka_unit_test(less_than_a_header_is_no_message),
        cmocka_unit_test(random_messages_are_read_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
