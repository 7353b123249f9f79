/* command_test.c - pktmod test: finds the tests, runs them side by side, tells what came of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/test_fields.h"
#include "app/test_find.h"
#include "app/test_report.h"

#define MOST_TOLD  5
#define LIMIT_S    60
#define JOBS_MOST  1024
#define LIMIT_MOST 86400

enum {
    OPT_KEEP,
    OPT_ONLY,
    OPT_JOBS,
    OPT_TIMEOUT,
    OPT_UPDATE,
    OPT_FORMAT,
    OPT_MAX_DIFFERENCES,
    OPT_LIST,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_KEEP] = {NULL, 'k', true},
    [OPT_ONLY] = {"only", 0, true},
    [OPT_JOBS] = {"jobs", 'j', true},
    [OPT_TIMEOUT] = {"timeout", 0, true},
    [OPT_UPDATE] = {"update", 0, false},
    [OPT_FORMAT] = {"format", 0, true},
    [OPT_MAX_DIFFERENCES] = {"max-differences", 0, true},
    [OPT_LIST] = {"list", 0, false},
    [OPT_VERBOSE] = {"verbose", 'v', false},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod test [DIR|RULES ...] [OPTION...]\n\n"
    "Runs regression cases. A folder with a case.json is one: rules and a capture, and what is\n"
    "expected of them below expected/. Other folders are searched for cases; without a folder,\n"
    "this one. pktmod create makes a case. A file is a rule file with tests of its own.\n\n"
    "  -k PATTERN            only tests with this in their name; with *, ? or [ it stands for the\n"
    "                        whole name\n"
    "      --only NAME       only the test of this name; may be given several times\n"
    "  -j, --jobs N          tests that run at a time (default: as many as there are processors)\n"
    "      --timeout N       seconds that one test may take (default 60; 0: no limit)\n"
    "      --update          what comes out is what is expected from now on; tells each change.\n"
    "                        Refused where CI is set in the environment\n"
    "      --format FORMAT   text (default), tap (TAP 13) or junit (XML)\n"
    "      --max-differences N  frames that one test tells of (default 5)\n"
    "      --list            only names, and runs nothing\n"
    "  -v, --verbose         names those that passed, too\n\n"
    "The same files give the same output, whatever -j is, to the last byte.\n\n"
    "Fields that case.json may name in \"ignore\":\n";

static const char help_end[] =
    "\nexit: 0 all passed, 1 a test failed, 2 bad usage, or a test could not be run, 3 internal "
    "error\n";

struct asked {
    struct pm_test_choice choice;
    struct pm_test_options options;
    enum pm_test_format format;
    const char **paths, **only;
    size_t path_count;
    unsigned jobs, limit_s;
    bool lists, is_verbose, only_told;
};

/* ------------------------------------------------------------------ command line */

static bool read_number(const char *option, const char *value, uint64_t least, uint64_t most,
                        unsigned *number)
{
    char *end;
    errno = 0;
    unsigned long long got = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0 && got >= least &&
        got <= most) {
        *number = (unsigned)got;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT,
                "test: %s is a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", option, least,
                most, value);
    return false;
}

static bool read_format(struct asked *asked, const char *value)
{
    static const char *const formats[] = {
        [PM_TEST_TEXT] = "text", [PM_TEST_TAP] = "tap", [PM_TEST_JUNIT] = "junit"};
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(value, formats[i]) == 0) {
            asked->format = (enum pm_test_format)i;
            return true;
        }
    pm_complain(PM_EXIT_BAD_INPUT, "test: --format is text, tap or junit, not \"%s\"", value);
    return false;
}

static bool read_pattern(struct asked *asked, const char *value)
{
    if (asked->choice.pattern != NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "test: -k is given twice: \"%s\" and \"%s\"",
                    asked->choice.pattern, value);
    bool good = asked->choice.pattern == NULL;
    asked->choice.pattern = value;
    return good;
}

static bool read_option(struct asked *asked, int found, const char *value)
{
    switch (found) {
    case PM_ARGUMENT_WORD:
        asked->paths[asked->path_count++] = value;
        return true;
    case OPT_KEEP:
        return read_pattern(asked, value);
    case OPT_ONLY:
        asked->only[asked->choice.only_count++] = value;
        return true;
    case OPT_JOBS:
        return read_number("--jobs", value, 1, JOBS_MOST, &asked->jobs);
    case OPT_TIMEOUT:
        return read_number("--timeout", value, 0, LIMIT_MOST, &asked->limit_s);
    case OPT_UPDATE:
        asked->options.update = true;
        return true;
    case OPT_FORMAT:
        return read_format(asked, value);
    case OPT_MAX_DIFFERENCES:
        return read_number("--max-differences", value, 1, 1000000, &asked->options.most_told);
    case OPT_LIST:
        asked->lists = true;
        return true;
    case OPT_VERBOSE:
        asked->is_verbose = true;
        return true;
    case OPT_HELP:
        fputs(help, stdout);
        pm_field_print_names(stdout);
        fputs(help_end, stdout);
        asked->only_told = true;
        return true;
    case OPT_VERSION:
        printf("pktmod %s\n", pm_version());
        asked->only_told = true;
        return true;
    default:
        return false; /* PM_ARGUMENT_BAD */
    }
}

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > JOBS_MOST ? JOBS_MOST : (unsigned)count;
}

static bool is_update_allowed(const struct asked *asked)
{
    const char *ci = getenv("CI");
    if (!asked->options.update || ci == NULL || ci[0] == '\0')
        return true;
    pm_complain(PM_EXIT_BAD_INPUT,
                "test: CI is set in the environment: there expectations are "
                "compared, not made; run --update where you can look at what changes");
    return false;
}

/* False: complained already. */
static bool parse(struct asked *asked, int argc, char *const argv[])
{
    struct pm_arguments arguments = {"test", table, OPT_COUNT, argv, argc, 1, false};
    const char *value;
    int found;
    asked->options.most_told = MOST_TOLD;
    asked->limit_s = LIMIT_S;
    asked->jobs = processors();
    while (!asked->only_told && (found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END)
        if (!read_option(asked, found, value))
            return false;
    asked->choice.only = asked->only;
    if (asked->path_count == 0)
        asked->paths[asked->path_count++] = ".";
    return asked->only_told || is_update_allowed(asked);
}

/* ------------------------------------------------------------------ run */

struct teller {
    struct pm_test_report report;
    bool shows_progress, no_memory;
};

static void show_progress(const struct teller *teller, size_t count)
{
    if (teller->shows_progress)
        fprintf(stderr, "\r%zu of %zu tests%s", count, teller->report.items->count,
                count == teller->report.items->count ? "\r                              \r" : "");
}

static void on_told(void *context, size_t index, const struct pm_test_result *result)
{
    struct teller *teller = context;
    if (teller->shows_progress)
        fputs("\r                              \r", stderr);
    if (!pm_test_report_tell(&teller->report, index, result))
        teller->no_memory = true;
}

static void on_ended(void *context, size_t count)
{
    show_progress(context, count);
}

static enum pm_exit code_of(const struct pm_test_counts *counts)
{
    if (counts->of[PM_TEST_ERROR] > 0)
        return PM_EXIT_BAD_INPUT;
    return counts->of[PM_TEST_FAIL] > 0 ? PM_EXIT_DIFFERS : PM_EXIT_GOOD;
}

static enum pm_exit run(const struct asked *asked, const struct pm_test_items *items)
{
    struct teller teller = {
        .report = {.out = stdout,
                   .format = asked->format,
                   .is_verbose = asked->is_verbose,
                   .is_coloured = pm_colour_wanted(stdout),
                   .items = items},
        .shows_progress = isatty(STDERR_FILENO) != 0 && items->count > 1,
    };
    struct pm_test_pool pool = {
        .items = items,
        .options = &asked->options,
        .jobs = asked->jobs,
        .limit_s = asked->limit_s,
        .told = on_told,
        .ended = on_ended,
        .context = &teller,
    };
    int number = 0;
    if (!pm_test_report_begin(&teller.report))
        return pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    enum pm_test_pool_end end = pm_test_pool_run(&pool, &number);
    if (end == PM_TEST_POOL_GOOD)
        pm_test_report_end(&teller.report);
    enum pm_exit code = code_of(&teller.report.counts);
    pm_test_report_free(&teller.report);
    if (end == PM_TEST_POOL_INTERRUPTED) {
        fflush(stdout);
        pm_complain(PM_EXIT_INTERNAL, "test: interrupted");
        signal(number, SIG_DFL);
        raise(number); /* who started us shall see why */
    }
    if (end == PM_TEST_POOL_NO_MEMORY || teller.no_memory)
        return pm_complain(PM_EXIT_INTERNAL, "test: no memory, or no process");
    return code;
}

static enum pm_exit list(const struct pm_test_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        printf("%s/%s\n", items->list[i].suite, items->list[i].name);
    return PM_EXIT_GOOD;
}

static enum pm_exit find_and_run(const struct asked *asked)
{
    struct pm_test_items items = {0};
    enum pm_exit code = PM_EXIT_GOOD;
    for (size_t i = 0; i < asked->path_count && code == PM_EXIT_GOOD; i++)
        code = pm_test_find(&items, asked->paths[i], &asked->choice);
    bool is_choosy = asked->choice.pattern != NULL || asked->choice.only_count > 0;
    if (code == PM_EXIT_GOOD && items.count == 0)
        code = pm_complain(PM_EXIT_BAD_INPUT,
                           is_choosy ? "test: no test has such a name; --list "
                                       "shows all"
                                     : "test: no tests found; a case is a folder with case.json");
    else if (code == PM_EXIT_GOOD)
        code = asked->lists ? list(&items) : run(asked, &items);
    pm_test_items_free(&items);
    return code;
}

enum pm_exit pm_command_test(int argc, char *const argv[])
{
    struct asked asked = {.paths = calloc((size_t)argc + 1, sizeof *asked.paths),
                          .only = calloc((size_t)argc + 1, sizeof *asked.only)};
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (asked.paths == NULL || asked.only == NULL)
        code = pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    else if (parse(&asked, argc, argv))
        code = asked.only_told ? PM_EXIT_GOOD : find_and_run(&asked);
    free(asked.paths);
    free(asked.only);
    return code;
}
