/* test_pool_test.c - processes that pass, fail, crash, hang and talk too much, told in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/test_pool.h"

/* What was told, one line an item. */
struct heard {
    char text[16384];
    size_t longest, next;
};

static enum pm_test_status do_pass(const void *context, const struct pm_test_options *options,
                                   FILE *text)
{
    (void)context, (void)options, (void)text;
    return PM_TEST_PASS;
}

static enum pm_test_status do_fail(const void *context, const struct pm_test_options *options,
                                   FILE *text)
{
    fprintf(text, "%s, %u told", (const char *)context, options->most_told);
    return PM_TEST_FAIL;
}

static enum pm_test_status do_skip(const void *context, const struct pm_test_options *options,
                                   FILE *text)
{
    (void)context, (void)options;
    fputs("not here\n", text);
    return PM_TEST_SKIP;
}

static enum pm_test_status do_crash(const void *context, const struct pm_test_options *options,
                                    FILE *text)
{
    (void)context, (void)options;
    fputs("lost", text);
    fputs("the last words", stderr);
    fflush(stderr);
    kill(getpid(), SIGKILL);
    return PM_TEST_PASS;
}

static enum pm_test_status do_leave(const void *context, const struct pm_test_options *options,
                                    FILE *text)
{
    (void)context, (void)options, (void)text;
    _exit(7);
}

static enum pm_test_status do_hang(const void *context, const struct pm_test_options *options,
                                   FILE *text)
{
    (void)context, (void)options, (void)text;
    while (pause() < 0)
        continue;
    return PM_TEST_PASS;
}

static enum pm_test_status do_complain(const void *context, const struct pm_test_options *options,
                                       FILE *text)
{
    (void)context, (void)options;
    fputs("first\n", stderr);
    fputs("second", text);
    fputc('\0', text);
    return PM_TEST_ERROR;
}

/* Ten times of what is kept, and then the status. */
static enum pm_test_status do_talk(const void *context, const struct pm_test_options *options,
                                   FILE *text)
{
    (void)context, (void)options;
    for (size_t i = 0; i < PM_TEST_TEXT_MAX; i++)
        fputs("0123456789", text);
    return PM_TEST_FAIL;
}

static enum pm_test_status do_slow(const void *context, const struct pm_test_options *options,
                                   FILE *text)
{
    (void)context, (void)options, (void)text;
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    return PM_TEST_PASS;
}

static void on_told(void *context, size_t index, const struct pm_test_result *result)
{
    struct heard *heard = context;
    size_t used = strlen(heard->text);
    assert_int_equal(index, heard->next++);
    assert_int_equal(strlen(result->text), result->len);
    if (result->len > heard->longest)
        heard->longest = result->len;
    snprintf(heard->text + used, sizeof heard->text - used, "%zu %d %.40s", index, result->status,
             result->text);
    used = strlen(heard->text);
    if (heard->text[used - 1] != '\n')
        snprintf(heard->text + used, sizeof heard->text - used, "\n");
}

static enum pm_test_pool_end run(const struct pm_test_items *items, struct heard *heard,
                                 unsigned jobs, unsigned limit_s)
{
    const struct pm_test_options options = {.most_told = 3};
    const struct pm_test_pool pool = {.items = items,
                                      .options = &options,
                                      .jobs = jobs,
                                      .limit_s = limit_s,
                                      .told = on_told,
                                      .context = heard};
    int number;
    *heard = (struct heard){.next = 0};
    return pm_test_pool_run(&pool, &number);
}

static void add(struct pm_test_items *items, pm_test_run_fn *what)
{
    static char word[] = "a word";
    assert_true(pm_test_items_add(items, "suite", "name", what, word, NULL));
}

static void every_end_of_a_process_has_its_words(void **state)
{
    static const char wanted[] = "0 0 \n"
                                 "1 1 a word, 3 told\n"
                                 "2 3 not here\n"
                                 "3 2 crashed: signal 9\nthe last words\n"
                                 "4 2 ended by itself, with exit code 7\n"
                                 "5 2 first\nsecond \n"
                                 "6 0 \n";
    struct pm_test_items items = {0};
    static struct heard heard;
    (void)state;
    pm_test_run_fn *const all[] = {do_pass,  do_fail,     do_skip, do_crash,
                                   do_leave, do_complain, do_pass};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        add(&items, all[i]);
    for (unsigned jobs = 1; jobs <= 9; jobs += 4) {
        assert_int_equal(run(&items, &heard, jobs, 60), PM_TEST_POOL_GOOD);
        assert_string_equal(heard.text, wanted);
    }
    pm_test_items_free(&items);
}

static void who_takes_too_long_is_ended(void **state)
{
    struct pm_test_items items = {0};
    static struct heard heard;
    (void)state;
    add(&items, do_hang);
    add(&items, do_pass);
    assert_int_equal(run(&items, &heard, 1, 1), PM_TEST_POOL_GOOD);
    assert_string_equal(heard.text, "0 2 took longer than 1 s, and was ended\n1 0 \n");
    pm_test_items_free(&items);
}

static void a_long_text_is_cut_and_its_status_kept(void **state)
{
    struct pm_test_items items = {0};
    static struct heard heard;
    (void)state;
    add(&items, do_talk);
    assert_int_equal(run(&items, &heard, 1, 60), PM_TEST_POOL_GOOD);
    assert_string_equal(heard.text, "0 1 0123456789012345678901234567890123456789\n");
    assert_int_equal(heard.longest, PM_TEST_TEXT_MAX + strlen("\n(more was cut)\n"));
    pm_test_items_free(&items);
}

static void results_wait_for_those_before_them(void **state)
{
    struct pm_test_items items = {0};
    static struct heard heard;
    (void)state;
    add(&items, do_slow);
    for (unsigned i = 0; i < 20; i++)
        add(&items, i % 2 == 0 ? do_fail : do_pass);
    assert_int_equal(run(&items, &heard, 4, 60), PM_TEST_POOL_GOOD);
    assert_int_equal(heard.next, 21);
    pm_test_items_free(&items);
}

static void nothing_to_run_is_done(void **state)
{
    struct pm_test_items items = {0};
    static struct heard heard;
    (void)state;
    assert_int_equal(run(&items, &heard, 2, 60), PM_TEST_POOL_GOOD);
    assert_int_equal(heard.next, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_of_a_process_has_its_words),
        cmocka_unit_test(who_takes_too_long_is_ended),
        cmocka_unit_test(a_long_text_is_cut_and_its_status_kept),
        cmocka_unit_test(results_wait_for_those_before_them),
        cmocka_unit_test(nothing_to_run_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
