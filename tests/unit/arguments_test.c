/* arguments_test.c - command lines taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "app/arguments.h"

static const struct pm_option options[] = {
    {"read", 'r', true}, {"quiet", 'q', false}, {"mtu", 0, true}};

/* The line as "r=in word q": options by name, words as they are, "!" where it is bad. */
static const char *taken(const char *line, char out[256])
{
    char copy[256], *argv[16];
    int argc = 0;
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    struct pm_arguments arguments = {"test", options, 3, argv, argc, 0, false};
    const char *value;
    int found;
    out[0] = '\0';
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        size_t used = strlen(out);
        const char *gap = used > 0 ? " " : "";
        if (found == PM_ARGUMENT_BAD)
            return strcat(strcat(out, gap), "!");
        if (found == PM_ARGUMENT_WORD)
            snprintf(out + used, 256 - used, "%s%s", gap, value);
        else
            snprintf(out + used, 256 - used, "%s%s%s%s", gap, options[found].name,
                     value == NULL ? "" : "=", value == NULL ? "" : value);
    }
    return out;
}

static void options_and_words_come_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *line, *taken;
    } cases[] = {
        {"a -r in b", "a read=in b"},
        {"-rin -q", "read=in quiet"},
        {"--read in", "read=in"},
        {"--read=in=x", "read=in=x"},
        {"--read= x", "read= x"},
        {"-r -", "read=-"},
        {"- x", "- x"},
        {"-- -r --mtu", "-r --mtu"},
        {"-q -- -- -q", "quiet -- -q"},
        {"-r --mtu", "read=--mtu"},
        {"-r", "!"},
        {"--mtu", "!"},
        {"--quiet=1", "!"},
        {"-x", "!"},
        {"-qr in", "!"},
        {"--rea in", "!"},
        {"--reader in", "!"},
        {"--=x", "!"},
    };
    char out[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(taken(cases[i].line, out), cases[i].taken);
}

static void what_is_near_is_suggested_and_nothing_else(void **state)
{
    (void)state;
    static const char *const known[] = {"replay", NULL, "check", "view"};
    static const struct {
        const char *word, *meant;
    } cases[] = {
        {"repaly", "replay"}, {"relay", "replay"}, {"chekc", "check"},
        {"veiw", "view"},     {"vie", "view"},     {"xyz", NULL},
        {"wireshark", NULL},  {"", NULL},          {"replayreplayreplayreplayreplayreplay", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = pm_suggestion(cases[i].word, known, 4);
        if (cases[i].meant == NULL)
            assert_null(got);
        else
            assert_string_equal(got, cases[i].meant);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(what_is_near_is_suggested_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
