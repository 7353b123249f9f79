/* check.c - pktmod check: loads rule files and says what is wrong with them, like a compiler. */
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/check_judge.h"
#include "app/command.h"
#include "rules/check.h"

enum {
    OPT_EXPLAIN,
    OPT_FORMAT,
    OPT_HELP,
    OPT_LIST_CODES,
    OPT_NO_LINT,
    OPT_PLATFORM,
    OPT_STRICT,
    OPT_VERSION
};

static const struct pm_option options[] = {
    [OPT_EXPLAIN] = {"explain", 0, true},  [OPT_FORMAT] = {"format", 0, true},
    [OPT_HELP] = {"help", 'h', false},     [OPT_LIST_CODES] = {"list-codes", 0, false},
    [OPT_NO_LINT] = {"no-lint", 0, false}, [OPT_PLATFORM] = {"platform", 0, true},
    [OPT_STRICT] = {"strict", 0, false},   [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod check [OPTION...] RULES...\n"
    "       pktmod check --explain CODE\n"
    "       pktmod check --list-codes\n\n"
    "Reads rule files and tells every error in them with file, line and column. Where a file\n"
    "has none, it tells what is hardly meant: rules that are never reached, conditions that\n"
    "never hold, rewrites that undo each other, what will stall or never be found.\n\n"
    "  --platform macos|linux|replay\n"
    "                      also tell what that data path cannot do, and which routes lead\n"
    "                      into the tunnel\n"
    "  --strict            exit 1 if there are warnings\n"
    "  --no-lint           only errors, and warnings of the loader\n"
    "  --format text|json  text (the default) goes to standard error as compilers write it;\n"
    "                      json goes to standard output, one document for each file\n"
    "  --explain CODE      what a code means, with a wrong and a right example\n"
    "  --list-codes        all codes, a line each\n\n"
    "exit: 0 every file is good (warnings do not count, unless --strict), 1 warnings,\n"
    "      2 a file has errors\n";

struct check {
    bool json, strict, no_lint;
    struct pm_check_options options;
    size_t files;
};

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_summary(const char *path, const struct pm_rules *rules)
{
    size_t errors = pm_rules_error_count(rules), warnings = pm_rules_warning_count(rules);
    if (errors > 0) {
        fprintf(stderr, "%s: %zu error%s\n", path, errors, plural(errors));
        return;
    }
    size_t count = pm_policy_rule_count(pm_rules_policy(rules));
    printf("%s: %zu rule%s, ok", path, count, plural(count));
    if (warnings > 0)
        printf(", %zu warning%s", warnings, plural(warnings));
    putchar('\n');
    for (size_t i = 0; i < pm_rules_note_count(rules); i++)
        printf("%s: %s\n", path, pm_rules_note(rules, i));
    if (pm_policy_tests_hello(pm_rules_policy(rules)) && !pm_reads_quic())
        printf("%s: this pktmod was built without QUIC: the fields of TLS are those of TCP alone\n",
               path);
}

static enum pm_exit check_file(struct check *check, const char *path)
{
    struct pm_check_judge judge = {.now_ns = 0};
    struct pm_check_options options_of_file = check->options;
    options_of_file.context = &judge;
    struct pm_rules *rules =
        check->no_lint ? pm_rules_load(path) : pm_rules_check(path, &options_of_file);
    pm_check_judge_end(&judge);
    if (rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "%s: no memory", path);
    bool good = pm_rules_policy(rules) != NULL;
    bool warned = check->strict && pm_rules_warning_count(rules) > 0;
    check->files++;
    if (check->json) {
        pm_rules_print_json(rules, stdout);
    } else {
        pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
        print_summary(path, rules);
    }
    pm_rules_free(rules);
    return !good ? PM_EXIT_BAD_INPUT : warned ? PM_EXIT_DIFFERS : PM_EXIT_GOOD;
}

/* ------------------------------------------------------------------ codes */

#define LINE_COLUMNS 78u

/* Broken between words. */
static void print_paragraph(const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > LINE_COLUMNS) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column > 0 ? " " : "", (int)word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_example(const char *title, const char *text)
{
    if (text == NULL)
        return;
    printf("\n%s:\n\n    ", title);
    for (; *text != '\0'; text++) {
        putchar(*text);
        if (*text == '\n')
            fputs("    ", stdout);
    }
    putchar('\n');
}

static enum pm_exit explain(const char *name)
{
    size_t index, nearest;
    bool found = pm_code_find(name, &index, &nearest);
    if (!found && nearest == pm_code_count())
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "check: a code is like PKM301, not \"%s\"; --list-codes lists all",
                           name);
    if (!found)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "check: no code \"%s\"; did you mean %s (%s)? --list-codes lists all",
                           name, pm_code_text(nearest).name, pm_code_text(nearest).meaning);
    struct pm_code_text code = pm_code_text(index);
    printf("%s: %s\n\n", code.name, code.meaning);
    print_paragraph(code.why);
    print_example("wrong", code.wrong);
    print_example("right", code.right);
    return PM_EXIT_GOOD;
}

static enum pm_exit list_codes(void)
{
    for (size_t i = 0; i < pm_code_count(); i++)
        printf("%s  %s\n", pm_code_text(i).name, pm_code_text(i).meaning);
    return PM_EXIT_GOOD;
}

/* ------------------------------------------------------------------ options */

static bool read_format(struct check *check, const char *value)
{
    check->json = strcmp(value, "json") == 0;
    if (check->json || strcmp(value, "text") == 0)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "check: --format is text or json, not \"%s\"", value);
    return false;
}

static bool read_platform(struct check *check, const char *value)
{
    static const struct {
        const char *name;
        enum pm_platform platform;
    } platforms[] = {
        {"macos", PM_PLATFORM_MACOS}, {"linux", PM_PLATFORM_LINUX}, {"replay", PM_PLATFORM_REPLAY}};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(platforms[i].name, value) == 0) {
            check->options.platform = platforms[i].platform;
            return true;
        }
    pm_complain(PM_EXIT_BAD_INPUT, "check: --platform is macos, linux or replay, not \"%s\"",
                value);
    return false;
}

/* Options count wherever they stand, so they are read before the first file. */
static enum pm_exit read_options(struct check *check, struct pm_arguments arguments, bool *told)
{
    const char *value;
    for (;;) {
        switch (pm_arguments_next(&arguments, &value)) {
        case OPT_EXPLAIN:
            *told = true;
            return explain(value);
        case OPT_LIST_CODES:
            *told = true;
            return list_codes();
        case OPT_FORMAT:
            if (!read_format(check, value))
                return PM_EXIT_BAD_INPUT;
            break;
        case OPT_PLATFORM:
            if (!read_platform(check, value))
                return PM_EXIT_BAD_INPUT;
            break;
        case OPT_NO_LINT:
            check->no_lint = true;
            break;
        case OPT_STRICT:
            check->strict = true;
            break;
        case OPT_HELP:
            fputs(help, stdout);
            *told = true;
            return PM_EXIT_GOOD;
        case OPT_VERSION:
            printf("pktmod %s\n", pm_version());
            *told = true;
            return PM_EXIT_GOOD;
        case PM_ARGUMENT_WORD:
            break;
        case PM_ARGUMENT_END:
            return PM_EXIT_GOOD;
        default:
            return PM_EXIT_BAD_INPUT;
        }
    }
}

enum pm_exit pm_command_check(int argc, char *const argv[])
{
    struct check check = {.options = {.judge = pm_check_judge}};
    struct pm_arguments arguments = {
        "check", options, sizeof options / sizeof options[0], argv, argc, 1, false};
    bool told = false;
    enum pm_exit worst = read_options(&check, arguments, &told);
    if (worst != PM_EXIT_GOOD || told)
        return worst;

    const char *value;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        enum pm_exit code = found == PM_ARGUMENT_WORD ? check_file(&check, value) : PM_EXIT_GOOD;
        worst = code > worst ? code : worst;
    }
    if (check.files == 0)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "check: no rule file named; usage: pktmod check RULES...");
    return worst;
}
