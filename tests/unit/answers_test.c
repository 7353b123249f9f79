/* answers_test.c - scripted answers of a replay: which entry a question takes, and when it comes.
 */
#include "talk.h"

#include <stdio.h>
#include <unistd.h>

#include "app/answers.h"
#include "base/rng.h"

#define MS UINT64_C(1000000)

/* Rules 0 and 2 ask, rule 1 does not. */
static struct pm_policy *make_policy(void)
{
    static const char *const ids[] = {"who", "drop", "what"};
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    for (unsigned i = 0; i < 3; i++)
        pm_builder_add_rule(
            b, &(struct pm_rule_spec){.id = ids[i],
                                      .action = i == 1 ? PM_ACTION_DROP : PM_ACTION_ASK,
                                      .ask = {.timeout_ns = 1000}});
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

static bool load(struct pm_answers *answers, const char *text)
{
    char path[] = "/tmp/pktmod-answers-XXXXXX";
    int fd = mkstemp(path);
    struct pm_policy *policy = make_policy();
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *answers = (struct pm_answers){.count = 0};
    bool good = pm_answers_load(answers, path, policy);
    unlink(path);
    pm_policy_unref(policy);
    return good;
}

static void an_entry_says_all_of_its_answer(void **state)
{
    (void)state;
    struct pm_answers a;
    assert_true(load(&a, "{\"answers\":[{\"rule\":\"what\",\"answer\":\"allow\",\"after_ms\":7,"
                         "\"for\":90},{\"answer\":\"drop\",\"for\":\"rule\"}]}"));
    assert_int_equal(pm_answers_next_ns(&a), UINT64_MAX);
    assert_true(pm_answers_expect(&a, 2, 11, 5 * MS));
    assert_true(pm_answers_expect(&a, 0, 12, 6 * MS));
    assert_int_equal(pm_answers_next_ns(&a), 6 * MS);
    struct pm_answer first = pm_answers_take(&a), second = pm_answers_take(&a);
    assert_true(first.ask_id == 12 && !first.allow && first.answer_for == PM_FOR_RULE);
    assert_true(second.ask_id == 11 && second.allow && second.when_ns == 12 * MS);
    assert_int_equal(second.answer_for, PM_FOR_TIME);
    assert_int_equal(second.duration_ns, 90 * 1000 * MS);
    assert_int_equal(pm_answers_next_ns(&a), UINT64_MAX);
    pm_answers_free(&a);
}

/* The first that fits and is not used up. */
static void entries_are_used_so_many_times(void **state)
{
    (void)state;
    struct pm_answers a;
    assert_true(load(&a, "{\"answers\":[{\"rule\":\"who\",\"answer\":\"allow\",\"times\":2},"
                         "{\"answer\":\"drop\",\"times\":1}]}"));
    static const struct {
        uint32_t rule;
        char answer; /* allow, drop, none: it times out */
    } asked[] = {{0, 'a'}, {2, 'd'}, {0, 'a'}, {0, 'n'}, {2, 'n'}};
    for (uint64_t i = 0; i < 5; i++) {
        assert_true(pm_answers_expect(&a, asked[i].rule, i, i));
        if (asked[i].answer == 'n') {
            assert_int_equal(pm_answers_next_ns(&a), UINT64_MAX);
            continue;
        }
        struct pm_answer given = pm_answers_take(&a);
        assert_true(given.ask_id == i && given.allow == (asked[i].answer == 'a'));
    }
    pm_answers_free(&a);
}

/* The oracle: whoever is due first; of equals, who was asked first. */
static void answers_come_in_the_order_of_their_time(void **state)
{
    (void)state;
    enum { ASKED = 400, WAITS = 7 };
    static char text[2000];
    static uint64_t when[ASKED];
    struct pm_answers a;
    int len = sprintf(text, "{\"answers\":[");
    for (int i = 0; i < WAITS; i++)
        len += sprintf(text + len, "%s{\"answer\":\"allow\",\"after_ms\":%d,\"times\":%d}",
                       i ? "," : "", (i * 5) % WAITS, i + 1);
    sprintf(text + len, ",{\"answer\":\"drop\",\"after_ms\":3}]}");
    assert_true(load(&a, text));
    uint64_t asked = 0, taken = 0, now_ns = 0, draws = 0;
    unsigned entry = 0, used = 0;
    while (taken < ASKED) {
        if (asked < ASKED && pm_draw_below(pm_draw(1, 2, 3, draws++), 3)) {
            now_ns += pm_draw_below(pm_draw(1, 2, 4, draws), 2) * MS;
            if (entry < WAITS && used == entry + 1)
                entry++, used = 0;
            when[asked] = now_ns + (entry < WAITS ? entry * 5 % WAITS : 3u) * MS;
            used++;
            assert_true(pm_answers_expect(&a, 0, asked++, now_ns));
        } else if (pm_answers_next_ns(&a) != UINT64_MAX) {
            uint64_t first = ASKED;
            for (uint64_t i = 0; i < asked; i++)
                if (when[i] != UINT64_MAX && (first == ASKED || when[i] < when[first]))
                    first = i;
            assert_int_equal(pm_answers_next_ns(&a), when[first]);
            assert_int_equal(pm_answers_take(&a).ask_id, first);
            when[first] = UINT64_MAX;
            taken++;
        }
    }
    pm_answers_free(&a);
}

static void files_that_cannot_be_meant_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "[]",
        "{}",
        "{\"answers\":[]}",
        "{\"answers\":{}}",
        "{\"answers\":[1]}",
        "{\"answers\":[{}]}",
        "{\"answers\":[{\"answer\":\"yes\"}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"rule\":\"nobody\"}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"rule\":\"drop\"}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"rule\":1}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"after_ms\":-1}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"after_ms\":0.5}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"after_ms\":86400001}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"for\":0}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"for\":\"ever\"}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"times\":0}]}",
        "{\"answers\":[{\"answer\":\"allow\",\"when\":1}]}",
        "{\"answers\":[{\"answer\":\"allow\"}],\"more\":1}",
        "{\"answers\":[{\"answer\":\"allow\"}]} x",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct pm_answers a;
        if (load(&a, files[i]))
            fail_msg("taken: %s", files[i]);
        pm_answers_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_says_all_of_its_answer),
        cmocka_unit_test(entries_are_used_so_many_times),
        cmocka_unit_test(answers_come_in_the_order_of_their_time),
        cmocka_unit_test(files_that_cannot_be_meant_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
