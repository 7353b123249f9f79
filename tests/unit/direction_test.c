/* direction_test.c - which way a recorded packet went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "app/direction.h"

static bool parses(const char *text, size_t count, const char *bad_at)
{
    struct pm_local local = {0};
    const char *bad;
    bool good = pm_local_parse(&local, text, &bad);
    if (good)
        assert_int_equal(local.count, count);
    else if (bad_at != NULL)
        assert_string_equal(bad, bad_at);
    pm_local_free(&local);
    return good;
}

static void lists_of_prefixes_are_read_or_their_fault_is_shown(void **state)
{
    (void)state;
    assert_true(parses("192.0.2.0/24", 1, NULL));
    assert_true(parses("192.0.2.1,2001:db8::/32,0.0.0.0/0,::/0,::1/128", 5, NULL));
    static const char *const bad[] = {"",
                                      "192.0.2.0/33",
                                      "192.0.2.0/",
                                      "2001:db8::/129",
                                      "192.0.2",
                                      "192.0.2.0/-1",
                                      "192.0.2.0/0024",
                                      "localhost",
                                      "192.0.2.0/8x",
                                      "1111:2222:3333:4444:5555:6666:7777:8888/1000/99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(parses(bad[i], 0, bad[i]));
    assert_false(parses("192.0.2.1,,::1", 0, ",::1"));
    assert_false(parses("192.0.2.1,", 0, ""));
}

/* A UDP datagram in a raw packet; last bytes of 192.0.2.x. */
static enum pm_dir direction(const char *list, unsigned src, unsigned dst, enum pm_dir recorded)
{
    uint8_t data[28] = {0x45, 0, 0,   28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0,
                        2,    0, 192, 0,  2, 0, 0, 1, 0,  2,  0, 8, 0,   0};
    data[15] = (uint8_t)src;
    data[19] = (uint8_t)dst;
    struct pm_local local = {0};
    const char *bad;
    if (list != NULL)
        assert_true(pm_local_parse(&local, list, &bad));
    struct pm_record record = {
        .data = data, .caplen = 28, .origlen = 28, .link = 101, .dir = recorded};
    struct pm_packet packet = {.data = data, .len = 28, .wire_len = 28, .link = 101};
    enum pm_dir dir = pm_direction_of(&local, &record, &packet);
    pm_local_free(&local);
    return dir;
}

static void addresses_count_before_what_the_file_says(void **state)
{
    (void)state;
    assert_int_equal(direction("192.0.2.0/25", 1, 200, PM_DIR_IN), PM_DIR_OUT);
    assert_int_equal(direction("192.0.2.0/25", 200, 1, PM_DIR_OUT), PM_DIR_IN);
    assert_int_equal(direction("192.0.2.0/25", 127, 128, PM_DIR_UNKNOWN), PM_DIR_OUT);
    assert_int_equal(direction("192.0.2.7", 8, 7, PM_DIR_UNKNOWN), PM_DIR_IN);
    assert_int_equal(direction("::/0,192.0.2.7", 7, 9, PM_DIR_UNKNOWN), PM_DIR_OUT);
    /* both or none are local: the file decides */
    assert_int_equal(direction("192.0.2.0/24", 1, 2, PM_DIR_IN), PM_DIR_IN);
    assert_int_equal(direction("10.0.0.0/8", 1, 2, PM_DIR_OUT), PM_DIR_OUT);
    assert_int_equal(direction("::/0", 1, 2, PM_DIR_UNKNOWN), PM_DIR_UNKNOWN);
    assert_int_equal(direction(NULL, 1, 2, PM_DIR_OUT), PM_DIR_OUT);
}

static enum pm_dir cooked(uint16_t link, const uint8_t *data, uint32_t len)
{
    uint8_t copy[32] = {0};
    struct pm_local none = {0};
    memcpy(copy, data, len);
    struct pm_record record = {.data = copy, .caplen = len, .link = link, .dir = PM_DIR_UNKNOWN};
    struct pm_packet packet = {.data = copy, .len = len, .wire_len = len, .link = link};
    return pm_direction_of(&none, &record, &packet);
}

static void linux_cooked_packet_types_tell_the_direction(void **state)
{
    (void)state;
    static const enum pm_dir expected[] = {PM_DIR_IN,      PM_DIR_IN,  PM_DIR_IN,
                                           PM_DIR_UNKNOWN, PM_DIR_OUT, PM_DIR_UNKNOWN};
    for (uint8_t type = 0; type < 6; type++) {
        uint8_t sll[16] = {0, type}, sll2[20] = {0};
        sll2[10] = type;
        assert_int_equal(cooked(113, sll, 16), expected[type]);
        assert_int_equal(cooked(276, sll2, 20), expected[type]);
        assert_int_equal(cooked(1, sll, 16), PM_DIR_UNKNOWN);
    }
    uint8_t out[20] = {0, 4};
    assert_int_equal(cooked(113, out, 1), PM_DIR_UNKNOWN);
    assert_int_equal(cooked(276, out, 10), PM_DIR_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_prefixes_are_read_or_their_fault_is_shown),
        cmocka_unit_test(addresses_count_before_what_the_file_says),
        cmocka_unit_test(linux_cooked_packet_types_tell_the_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
