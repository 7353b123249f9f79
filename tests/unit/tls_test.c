/* tls_test.c - a ClientHello is gathered out of any cuts and records, read as it was written, and
 * what contradicts itself is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "hello.h"
#include "proto/tls.h"

/* In a block of exactly its size, so that a byte too much is seen. */
static bool read_exactly(const uint8_t *message, size_t len, struct pm_tls_hello *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, message, len);
    bool is_read = pm_tls_hello_read(copy, len, false, out);
    free(copy);
    return is_read;
}

static void expect_browser(const struct pm_tls_hello *hello)
{
    assert_int_equal(hello->version, 0x0303);
    assert_int_equal(hello->name_len, 15);
    assert_memory_equal(hello->name, "www.example.com", 15);
    assert_int_equal(hello->alpn_len, 12);
    assert_memory_equal(hello->alpn, "\2h2\10http/1.1", 12);
    assert_int_equal(hello->version_count, 3);
    assert_int_equal(hello->versions[1], 0x0304);
    assert_int_equal(hello->type_count, 17);
    assert_int_equal(hello->types[16], 21);
    assert_int_equal(hello->ja4_len, PM_TLS_JA4_LEN);
    assert_memory_equal(hello->ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1", PM_TLS_JA4_LEN);
    /* MD5 of "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,
     * 0-23-65281-10-11-35-16-5-13-18-51-45-43-27-17513-21,29-23-24,0" */
    assert_memory_equal(hello->ja3, "cd08e31494f9531f560d64c695473da9", PM_TLS_JA3_LEN);
}

static void a_hello_says_what_was_written(void **state)
{
    (void)state;
    struct hello_bytes message = {.len = 0};
    struct pm_tls_hello hello;
    put_browser(&message, "WWW.Example.COM.", 40);
    assert_true(read_exactly(message.bytes, message.len, &hello));
    expect_browser(&hello);
}

static enum pm_tls_answer gather_cuts(const struct hello_bytes *records, const size_t *cuts,
                                      size_t cut_count, uint8_t *message, size_t *len)
{
    struct pm_tls_gather g = {.len = 0};
    enum pm_tls_answer answer = PM_TLS_MORE;
    size_t off = 0;
    for (size_t i = 0; i <= cut_count && answer == PM_TLS_MORE; i++) {
        size_t end = i < cut_count ? cuts[i] : records->len;
        answer = pm_tls_gather(&g, message, records->bytes + off, end - off);
        off = end;
    }
    *len = g.len;
    return answer;
}

static void every_split_of_every_record_size_gathers_the_same_message(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 100, 16384};
    static uint8_t gathered[PM_TLS_MESSAGE_MAX];
    struct hello_bytes message = {.len = 0};
    size_t len;
    put_browser(&message, "www.example.com", 40);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct hello_bytes records = {.len = 0};
        put_records(&records, &message, sizes[i]);
        for (size_t cut = 0; cut <= records.len; cut++) {
            assert_int_equal(gather_cuts(&records, &cut, 1, gathered, &len), PM_TLS_WHOLE);
            assert_int_equal(len, message.len);
            assert_memory_equal(gathered, message.bytes, len);
        }
    }
}

static void byte_by_byte_it_is_whole_with_its_last_byte(void **state)
{
    (void)state;
    static uint8_t gathered[PM_TLS_MESSAGE_MAX];
    struct hello_bytes records = browser_records("www.example.com", 1500);
    struct pm_tls_gather g = {.len = 0};
    for (size_t i = 0; i + 1 < records.len; i++)
        assert_int_equal(pm_tls_gather(&g, gathered, records.bytes + i, 1), PM_TLS_MORE);
    assert_int_equal(pm_tls_gather(&g, gathered, records.bytes + records.len - 1, 1), PM_TLS_WHOLE);
}

static void what_begins_otherwise_is_told_at_its_first_wrong_byte(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, wrong; /* the byte that tells */
    } others[] = {
        {"GET / HTTP/1.1\r\n", 16, 0},  {"SSH-2.0-OpenSSH\r\n", 17, 0},
        {"\x80\x2e\1\3\1", 5, 0},       {"\x17\3\3\0\5", 5, 0},
        {"\x16\2\1\0\5", 5, 1},         {"\x16\3\1\0\0", 5, 4},
        {"\x16\3\1\x40\1", 5, 4},       {"\x16\3\1\0\5\2\0\0\1\0", 10, 5},
        {"\x16\3\1\0\2\1\0\x15", 8, 7}, {"\x16\3\1\0\1\1\x16\3\1\0\0", 11, 10},
    };
    uint8_t message[PM_TLS_MESSAGE_MAX];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct pm_tls_gather g = {.len = 0};
        for (size_t j = 0; j <= others[i].wrong; j++)
            assert_int_equal(pm_tls_gather(&g, message, (const uint8_t *)others[i].bytes + j, 1),
                             j == others[i].wrong ? PM_TLS_NONE : PM_TLS_MORE);
    }
}

static void the_longest_message_is_gathered_and_a_longer_one_is_not(void **state)
{
    (void)state;
    static uint8_t gathered[PM_TLS_MESSAGE_MAX];
    struct hello_bytes message = {.len = 0};
    size_t len;
    put_browser(&message, "www.example.com", 0);
    size_t padding = PM_TLS_MESSAGE_MAX - message.len;
    for (size_t more = 0; more < 2; more++) {
        struct hello_bytes records = {.len = 0};
        message.len = 0;
        put_browser(&message, "www.example.com", padding + more);
        put_records(&records, &message, 16384);
        assert_int_equal(gather_cuts(&records, NULL, 0, gathered, &len),
                         more ? PM_TLS_TOO_LONG : PM_TLS_WHOLE);
    }
}

/* A hello of no more than its fields and these extensions. */
static bool read_with(const char *extensions, size_t len, struct pm_tls_hello *out)
{
    struct hello_bytes h = {.len = 0};
    put_number(&h, 1, 1);
    size_t message = begin_count(&h, 3);
    put_number(&h, 2, 0x0301);
    memset(h.bytes + h.len, 7, 32);
    h.len += 32;
    put_number(&h, 1, 0);
    put_number(&h, 4, 0x0002002f);
    put_number(&h, 2, 0x0100);
    put_number(&h, 2, (uint32_t)len);
    put_bytes(&h, extensions, len);
    end_count(&h, 3, message);
    return read_exactly(h.bytes, h.len, out);
}

#define BODY(text) (text), sizeof(text) - 1

static void lists_that_contradict_their_lengths_are_no_hello(void **state)
{
    (void)state;
    struct pm_tls_hello hello;
    assert_true(read_with(BODY(""), &hello));
    assert_int_equal(hello.name_len, 0);
    assert_true(read_with(BODY("\0\0\0\6\0\4\0\0\1x"), &hello));
    assert_int_equal(hello.name_len, 1);
    assert_true(read_with(BODY("\xfe\x0d\0\0"), &hello));
    assert_int_equal(hello.types[0], PM_TLS_ECH);
    assert_false(read_with(BODY("\0"), &hello));                   /* no whole type */
    assert_false(read_with(BODY("\0\x17\0\1"), &hello));           /* ends early */
    assert_false(read_with(BODY("\0\x17\0\0\0\x17\0\0"), &hello)); /* twice */
    assert_false(read_with(BODY("\0\0\0\0"), &hello));             /* no list of names */
    assert_false(read_with(BODY("\0\0\0\5\0\3\0\0\0"), &hello));   /* an empty name */
    assert_false(read_with(BODY("\0\0\0\6\0\4\0\0\2x"), &hello));  /* longer than its list */
    assert_false(read_with(BODY("\0\0\0\6\0\4\1\0\1x"), &hello));  /* of another kind */
    assert_false(read_with(BODY("\0\0\0\7\0\4\0\0\1xy"), &hello)); /* something behind it */
    assert_false(read_with(BODY("\0\x10\0\2\0\0"), &hello));       /* no protocol */
    assert_false(read_with(BODY("\0\x10\0\3\0\1\0"), &hello));     /* an empty one */
    assert_false(read_with(BODY("\0\x10\0\4\0\2\2h"), &hello));    /* cut off */
    assert_false(read_with(BODY("\0\x2b\0\4\3\3\4\3"), &hello));   /* half a version */
    assert_false(read_with(BODY("\0\x0a\0\3\0\1\0"), &hello));     /* half a group */
}

/* Whatever byte is changed, reading stays within the message, and no text is longer than its room.
 */
static void changed_and_shortened_messages_are_read_within_their_bounds(void **state)
{
    (void)state;
    struct hello_bytes message = {.len = 0};
    struct pm_tls_hello hello;
    size_t still = 0;
    put_browser(&message, "www.example.com", 40);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t draw = pm_draw(1, 2, 3, i);
        size_t at = 4 + draw % (message.len - 4), len = message.len;
        uint8_t was = message.bytes[at];
        message.bytes[at] = (uint8_t)(draw >> 40);
        if (draw >> 32 & 1)
            len = draw >> 48 & 0x1ff;
        still += read_exactly(message.bytes, len < message.len ? len : message.len, &hello);
        message.bytes[at] = was;
    }
    assert_in_range(still, 1000, 19000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_says_what_was_written),
        cmocka_unit_test(every_split_of_every_record_size_gathers_the_same_message),
        cmocka_unit_test(byte_by_byte_it_is_whole_with_its_last_byte),
        cmocka_unit_test(what_begins_otherwise_is_told_at_its_first_wrong_byte),
        cmocka_unit_test(the_longest_message_is_gathered_and_a_longer_one_is_not),
        cmocka_unit_test(lists_that_contradict_their_lengths_are_no_hello),
        cmocka_unit_test(changed_and_shortened_messages_are_read_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
