/* check.c - pktmod check: loads rule files and says what is wrong with them, like a compiler. */
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "rules/rules.h"

enum { OPT_FORMAT, OPT_HELP, OPT_VERSION };

static const struct pm_option options[] = {
    [OPT_FORMAT] = {"format", 0, true},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod check [--format text|json] RULES...\n\n"
    "Reads rule files and tells every error and warning in them with file, line and column.\n\n"
    "  --format text|json  text (the default) goes to standard error as compilers write it;\n"
    "                      json goes to standard output, one document for each file\n\n"
    "exit: 0 every file is good (warnings do not count), 2 a file has errors\n";

struct check {
    bool json;
    size_t files, bad;
};

static void print_summary(const char *path, const struct pm_rules *rules)
{
    size_t errors = pm_rules_error_count(rules);
    size_t warnings = pm_rules_diagnostic_count(rules) - errors;
    if (errors > 0) {
        fprintf(stderr, "%s: %zu error%s\n", path, errors, errors == 1 ? "" : "s");
        return;
    }
    size_t count = pm_policy_rule_count(pm_rules_policy(rules));
    printf("%s: %zu rule%s, ok", path, count, count == 1 ? "" : "s");
    if (warnings > 0)
        printf(", %zu warning%s", warnings, warnings == 1 ? "" : "s");
    putchar('\n');
}

static enum pm_exit check_file(struct check *check, const char *path)
{
    struct pm_rules *rules = pm_rules_load(path);
    if (rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "%s: no memory", path);
    bool good = pm_rules_policy(rules) != NULL;
    check->files++;
    check->bad += good ? 0 : 1;
    if (check->json) {
        pm_rules_print_json(rules, stdout);
    } else {
        pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
        print_summary(path, rules);
    }
    pm_rules_free(rules);
    return good ? PM_EXIT_GOOD : PM_EXIT_BAD_INPUT;
}

static bool read_format(struct check *check, const char *value)
{
    check->json = strcmp(value, "json") == 0;
    if (check->json || strcmp(value, "text") == 0)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "check: --format is text or json, not \"%s\"", value);
    return false;
}

/* Options count wherever they stand, so they are read before the first file. */
static enum pm_exit read_options(struct check *check, struct pm_arguments arguments, bool *told)
{
    const char *value;
    for (;;) {
        switch (pm_arguments_next(&arguments, &value)) {
        case OPT_FORMAT:
            if (!read_format(check, value))
                return PM_EXIT_BAD_INPUT;
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
    struct check check = {0};
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
