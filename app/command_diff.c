/* command_diff.c - pktmod diff: what changes between two rule files, and for which packets. */
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/diff_text.h"
#include "app/interrupt.h"

#define WHO_SHOWN 3u

enum {
    OPT_READ,
    OPT_FORMAT,
    OPT_ALL,
    OPT_ANSWERS,
    OPT_VIEW,
    OPT_LOCAL,
    OPT_MTU,
    OPT_CHECKSUMS,
    OPT_SEED,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_READ] = {"read", 'r', true},  [OPT_FORMAT] = {"format", 0, true},
    [OPT_ALL] = {"all", 'a', false},   [OPT_ANSWERS] = {"answers", 0, true},
    [OPT_VIEW] = {"view", 0, true},    [OPT_LOCAL] = {"local", 0, true},
    [OPT_MTU] = {"mtu", 0, true},      [OPT_CHECKSUMS] = {"checksums", 0, true},
    [OPT_SEED] = {"seed", 0, true},    [OPT_QUIET] = {"quiet", 'q', false},
    [OPT_HELP] = {"help", 'h', false}, [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod diff OLD NEW [-r CAPTURE]... [OPTION...]\n\n"
    "Tells what two rule files mean differently: rules added, removed, changed and moved, "
    "settings,\n"
    "and the values of sets. What only looks different is no change: the order of keys, white\n"
    "space, notes, a variable for its value, [80] for 80, defaults that are written out. With\n"
    "captures, both files are replayed, and packets that fare differently are told, by cause.\n\n"
    "  -r, --read CAPTURE    replay this one, too (may be given several times)\n"
    "      --format text|json\n"
    "  -a, --all             show all that there is, however much\n"
    "  -q, --quiet           say nothing; the exit code tells\n"
    "      --answers, --view, --local, --mtu, --checksums, --seed   as in pktmod replay; both "
    "runs\n"
    "                        get the same\n\n"
    "exit: 0 nothing changes, 1 something does, 2 bad usage, rules or capture, 3 internal error\n";

struct asked {
    struct pm_diff_shown shown;
    char **replay; /* words for pktmod replay's own command line */
    int replay_count;
    const char **captures;
    size_t capture_count;
    bool is_json, is_quiet, is_told;
};

/* ------------------------------------------------------------------ command line */

/* Options of replay are read by it, as they stand. */
static bool hand_on(struct asked *asked, const char *option, const char *value)
{
    char **words = asked->replay + asked->replay_count;
    words[0] = malloc(strlen(option) + sizeof "--");
    words[1] = strdup(value);
    if (words[0] != NULL)
        sprintf(words[0], "--%s", option);
    asked->replay_count += 2;
    return words[0] != NULL && words[1] != NULL;
}

static bool take_word(struct asked *asked, const char *word)
{
    const char **place = asked->shown.old == NULL ? &asked->shown.old : &asked->shown.new;
    if (*place == NULL) {
        *place = word;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT,
                "diff: two rule files are compared, \"%s\" is a third; captures stand behind -r",
                word);
    return false;
}

static bool take_format(struct asked *asked, const char *value)
{
    asked->is_json = strcmp(value, "json") == 0;
    if (asked->is_json || strcmp(value, "text") == 0)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "diff: --format is text or json, not \"%s\"", value);
    return false;
}

static bool take_option(struct asked *asked, int found, const char *value)
{
    switch (found) {
    case PM_ARGUMENT_WORD:
        return take_word(asked, value);
    case OPT_READ:
        asked->captures[asked->capture_count++] = value;
        return true;
    case OPT_FORMAT:
        return take_format(asked, value);
    case OPT_ALL:
        asked->shown.is_all = true;
        return true;
    case OPT_QUIET:
        asked->is_quiet = true;
        return true;
    case OPT_HELP:
        fputs(help, stdout);
        asked->is_told = true;
        return true;
    case OPT_VERSION:
        printf("pktmod %s\n", pm_version());
        asked->is_told = true;
        return true;
    default:
        return found >= 0 && hand_on(asked, table[found].name, value);
    }
}

static bool parse(struct asked *asked, int argc, char *const argv[])
{
    struct pm_arguments arguments = {"diff", table, OPT_COUNT, argv, argc, 1, false};
    const char *value;
    int found;
    while (!asked->is_told && (found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END)
        if (!take_option(asked, found, value))
            return false;
    if (asked->is_told || asked->shown.new != NULL)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT,
                "diff: two rule files are needed; usage: pktmod diff OLD NEW [-r CAPTURE]...");
    return false;
}

/* ------------------------------------------------------------------ packets */

static bool replay_options(const struct asked *asked, const char *capture,
                           struct pm_replay_options *options)
{
    free(asked->replay[3]);
    asked->replay[3] = strdup(capture);
    *options = (struct pm_replay_options){.in = NULL};
    if (asked->replay[3] == NULL) {
        pm_complain(PM_EXIT_INTERNAL, "diff: no memory");
        return false;
    }
    return pm_replay_options_parse(options, asked->replay_count, asked->replay);
}

/* GOOD, DIFFERS, or what went wrong. */
static enum pm_exit compare_capture(const struct asked *asked, const char *capture,
                                    const struct pm_rules_diff *rules, struct pm_json *json)
{
    struct pm_packets_diff diff = {.capture = NULL};
    struct pm_replay_options options;
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (replay_options(asked, capture, &options)) {
        options.quiet = asked->is_quiet;
        if (pm_packets_diff_find(&diff, &options, pm_rules_policy(rules->old),
                                 pm_rules_policy(rules->new), WHO_SHOWN, &code)) {
            code = diff.changed > 0 ? PM_EXIT_DIFFERS : PM_EXIT_GOOD;
            if (asked->is_json)
                pm_diff_json_packets(&diff, json);
            else if (!asked->is_quiet)
                pm_diff_text_packets(&diff, &asked->shown, stdout);
        }
        if (diff.damage[0] != '\0')
            code = pm_complain(PM_EXIT_BAD_INPUT, "%s", diff.damage);
    }
    pm_packets_diff_free(&diff);
    pm_replay_options_free(&options);
    return code;
}

static enum pm_exit compare_captures(const struct asked *asked, const struct pm_rules_diff *rules,
                                     struct pm_json *json)
{
    enum pm_exit worst = PM_EXIT_GOOD;
    for (size_t i = 0; i < asked->capture_count && worst < PM_EXIT_SIGNAL; i++) {
        enum pm_exit code = compare_capture(asked, asked->captures[i], rules, json);
        worst = code > worst ? code : worst;
    }
    return worst;
}

/* ------------------------------------------------------------------ all */

static enum pm_exit tell(const struct asked *asked, const struct pm_rules_diff *diff)
{
    struct pm_json json = {.out = stdout};
    enum pm_exit code, rules = pm_rules_diff_differs(diff) ? PM_EXIT_DIFFERS : PM_EXIT_GOOD;
    if (asked->is_json) {
        pm_json_open(&json, NULL, '{');
        pm_json_text(&json, "old", asked->shown.old);
        pm_json_text(&json, "new", asked->shown.new);
        pm_diff_json_rules(diff, &json);
        pm_json_open(&json, "captures", '[');
        code = compare_captures(asked, diff, &json);
        pm_json_close(&json, ']');
        pm_json_close(&json, '}');
    } else {
        if (!asked->is_quiet)
            pm_diff_text_rules(diff, &asked->shown, stdout);
        code = compare_captures(asked, diff, NULL);
    }
    return code > rules ? code : rules;
}

static bool is_good(const struct pm_rules *rules, bool is_quiet)
{
    bool good = rules != NULL && pm_rules_policy(rules) != NULL;
    if (rules == NULL)
        pm_complain(PM_EXIT_INTERNAL, "diff: no memory");
    else if (!good || !is_quiet)
        pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
    return good;
}

static enum pm_exit compare(const struct asked *asked)
{
    struct pm_rules *old = pm_rules_load_meaning(asked->shown.old);
    struct pm_rules *new = pm_rules_load_meaning(asked->shown.new);
    struct pm_rules_diff diff;
    bool old_good = is_good(old, true), new_good = is_good(new, asked->is_quiet);
    enum pm_exit code = old == NULL || new == NULL ? PM_EXIT_INTERNAL : PM_EXIT_BAD_INPUT;
    if (old_good && new_good) {
        code = pm_rules_diff_find(&diff, old, new)
                   ? tell(asked, &diff)
                   : pm_complain(PM_EXIT_INTERNAL, "diff: no memory");
        pm_rules_diff_free(&diff);
    }
    pm_rules_free(old);
    pm_rules_free(new);
    return code;
}

enum pm_exit pm_command_diff(int argc, char *const argv[])
{
    static char words[][8] = {"replay", "rules", "-r"};
    struct asked asked = {.replay_count = 4};
    enum pm_exit code = PM_EXIT_INTERNAL;
    asked.captures = calloc((size_t)argc + 1, sizeof *asked.captures);
    asked.replay = calloc((size_t)argc * 2 + 6, sizeof *asked.replay);
    if (asked.captures != NULL && asked.replay != NULL) {
        for (int i = 0; i < 3; i++)
            asked.replay[i] = words[i];
        pm_interrupt_catch();
        code = !parse(&asked, argc, argv) ? PM_EXIT_BAD_INPUT
               : asked.is_told            ? PM_EXIT_GOOD
                                          : compare(&asked);
    }
    for (int i = 3; asked.replay != NULL && i < asked.replay_count; i++)
        free(asked.replay[i]);
    free(asked.replay);
    free(asked.captures);
    return code;
}
