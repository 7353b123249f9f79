/* progress_test.c - the progress line: rate, part, time left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/progress.h"

#define SECOND UINT64_C(1000000000)

static const struct {
    struct pm_progress_state state;
    const char *text;
} lines[] = {
    {{1500000, 500000000, 2000000000, 10 * SECOND},
     "1500000 packets, 500 of 2000 MB, 25 %, 0.15 million/s, 0:30 left"},
    {{40000000, UINT64_C(3000000000), UINT64_C(400000000000), 30 * SECOND},
     "40000000 packets, 3000 of 400000 MB, 0 %, 1.33 million/s, 66:10 left"},
    {{10, 2000, 2000, SECOND}, "10 packets, 0 of 0 MB, 100 %, 0.00 million/s"},
    {{10, 4000, 2000, SECOND}, "10 packets, 0 of 0 MB, 200 %, 0.00 million/s"}, /* it grew */
    {{2000000, 77000000, 0, 2 * SECOND}, "2000000 packets, 77 MB, 1.00 million/s"},
    {{0, 0, 100, 0}, "0 packets, 0 of 0 MB, 0 %, 0.00 million/s"},
};

static void rate_part_and_time_left_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[PM_PROGRESS_TEXT];
        int len = pm_progress_text(&lines[i].state, text);
        assert_string_equal(text, lines[i].text);
        assert_int_equal(len, strlen(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_part_and_time_left_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
