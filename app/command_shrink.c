/* command_shrink.c - pktmod shrink: the smallest part of a capture that still fails. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/interrupt.h"
#include "app/report.h"
#include "app/shrink.h"
#include "app/shrunken.h"

#define TRIES_USUAL   2000u
#define TIMEOUT_USUAL 60u

enum { OPT_READ, OPT_WRITE, OPT_TRIES, OPT_TIMEOUT, OPT_HELP, OPT_VERSION };

static const struct pm_option options[] = {
    [OPT_READ] = {"read", 'r', true},  [OPT_WRITE] = {"write", 'w', true},
    [OPT_TRIES] = {"tries", 0, true},  [OPT_TIMEOUT] = {"timeout", 0, true},
    [OPT_HELP] = {"help", 'h', false}, [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod shrink CASE\n"
    "       pktmod shrink RULES -r IN -w OUT\n"
    "       pktmod shrink -r IN -w OUT -- COMMAND [ARGUMENT...]\n\n"
    "Finds a small part of a capture that still fails, and writes it: first whole flows go, then\n"
    "single packets, as long as the rest fails in the same way. The same input gives the same\n"
    "output. Ctrl-C ends the search with the smallest part found so far.\n\n"
    "With a CASE, a folder of pktmod test, its capture fails if the same frame still differs from\n"
    "what is expected of it, in the same thing (verdict, rule, edits, a field of a packet), and "
    "the\n"
    "summary still says the same of it; or if pktmod verify finds the same in the same flow. What "
    "is\n"
    "left stands in CASE.shrunk, a case without expectations, with failure.txt.\n"
    "With RULES a capture fails if what pktmod replay makes of it is not coherent (pktmod verify\n"
    "--open-loop). With a COMMAND it fails if the command does not exit with 0; {} among its\n"
    "arguments is the path of the part that is tried. Failing in the same way is the same exit\n"
    "code.\n\n"
    "  -r, --read IN    the capture that fails; at most 1000000 packets\n"
    "  -w, --write OUT  what is left of it, and meanwhile each part that is tried\n"
    "      --tries N    runs at most (default 2000)\n"
    "      --timeout N  seconds that a run may take (default 60)\n\n"
    "  pktmod shrink -r in.pcap -w small.pcap -- sh -c '! pktmod replay r.json -r {} | grep "
    "rst'\n\n"
    "exit: 0 OUT has what is left, 1 the whole capture does not fail, 2 bad usage or input,\n"
    "      3 internal error, 128 and more: a signal ended the search, OUT has the smallest part\n";

struct asked {
    const char *rules;
    struct pm_shrunken *shrunken; /* rules is a case; NULL: it is none */
    char *const *command;         /* NULL: none; ends with NULL */
    int command_count;
    unsigned timeout_s;
    struct pm_shrink shrink;
    bool is_told;
};

/* ------------------------------------------------------------------ runs */

static void be_quiet(void)
{
    int nowhere = open("/dev/null", O_RDWR);
    if (nowhere < 0)
        _exit(PM_SHRINK_NOT_RUN);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (made == NULL)
        _exit(PM_SHRINK_NOT_RUN);
    return made;
}

/* The argument with every {} as the path. */
static char *filled(const char *argument, const char *path)
{
    size_t cap = strlen(argument) * (strlen(path) + 1) + 1;
    char *made = malloc(cap), *out = made;
    if (made == NULL)
        _exit(PM_SHRINK_NOT_RUN);
    while (*argument != '\0') {
        bool is_path = argument[0] == '{' && argument[1] == '}';
        size_t len = is_path ? strlen(path) : 1;
        memcpy(out, is_path ? path : argument, len);
        out += len;
        argument += is_path ? 2 : 1;
    }
    *out = '\0';
    return made;
}

static void run_command(const struct asked *asked)
{
    char **arguments = calloc((size_t)asked->command_count + 1, sizeof *arguments);
    if (arguments == NULL)
        _exit(PM_SHRINK_NOT_RUN);
    for (int i = 0; i < asked->command_count; i++)
        arguments[i] = filled(asked->command[i], asked->shrink.out);
    if (arguments[0] != NULL)
        execvp(arguments[0], arguments);
    _exit(PM_SHRINK_NOT_RUN);
}

/* Replays the part, and verifies what leaves. Only incoherence counts as failing. */
static void run_rules(const struct asked *asked)
{
    char *part = copy(asked->shrink.out);
    size_t cap = part == NULL ? 0 : strlen(part) + sizeof ".replayed";
    char *result = part == NULL ? NULL : malloc(cap);
    if (result == NULL)
        _exit(PM_SHRINK_NOT_RUN);
    snprintf(result, cap, "%s.replayed", part);
    char *replay[] = {copy("replay"), copy(asked->rules), copy("-q"), copy("-r"),
                      part,           copy("-w"),         result};
    char *verify[] = {copy("verify"), result, copy("-q"), copy("-b"), part, copy("--open-loop")};
    enum pm_exit code = pm_command_replay(7, replay);
    if (code == PM_EXIT_GOOD)
        code = pm_command_verify(6, verify);
    unlink(result);
    _exit(code == PM_EXIT_DIFFERS ? 1 : code == PM_EXIT_GOOD ? 0 : PM_SHRINK_NOT_RUN);
}

/* The case on the part. */
static void run_case(const struct asked *asked)
{
    struct pm_shrunken *s = asked->shrunken;
    FILE *nowhere = fopen("/dev/null", "w");
    if (nowhere == NULL)
        _exit(PM_SHRINK_NOT_RUN);
    switch (pm_shrink_case_try(asked->rules, asked->shrink.out, asked->shrink.keeps, s->failure,
                               nowhere)) {
    case PM_SHRINK_FAILS:
        _exit(1);
    case PM_SHRINK_PASSES:
        _exit(0);
    case PM_SHRINK_CANNOT:
        break;
    }
    _exit(PM_SHRINK_NOT_RUN);
}

/* What the run left behind, in the background or after its time, goes with it. */
static int end_run(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR || pm_interrupted() != 0) {
            kill(-child, SIGKILL);
            waitpid(child, &status, 0);
            return -1;
        }
    kill(-child, SIGKILL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int outcome(void *context)
{
    const struct asked *asked = context;
    fflush(NULL);
    pid_t child = pm_interrupted() != 0 ? -1 : fork();
    if (child < 0)
        return -1;
    if (child > 0) {
        setpgid(child, child); /* as the child does; whoever comes first */
        return end_run(child);
    }
    setpgid(0, 0);
    be_quiet();
    alarm(asked->timeout_s);
    if (asked->command != NULL)
        run_command(asked);
    if (asked->shrunken != NULL)
        run_case(asked);
    run_rules(asked);
    return -1;
}

/* ------------------------------------------------------------------ command line */

static bool read_number(const char *option, const char *value, unsigned long most,
                        unsigned long *out)
{
    char *end;
    errno = 0;
    unsigned long got = strtoul(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0 && got >= 1 &&
        got <= most) {
        *out = got;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "shrink: %s is a number from 1 to %lu, not \"%s\"", option, most,
                value);
    return false;
}

static bool take_word(struct asked *asked, struct pm_arguments *arguments, const char *word)
{
    if (arguments->only_words) {
        asked->command = arguments->argv + arguments->at - 1;
        asked->command_count = arguments->argc - arguments->at + 1;
        arguments->at = arguments->argc;
        return true;
    }
    if (asked->rules == NULL) {
        asked->rules = word;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT,
                "shrink: one rule file, but \"%s\" and \"%s\" are named; a "
                "command stands behind --",
                asked->rules, word);
    return false;
}

static bool take_option(struct asked *asked, int found, const char *value)
{
    unsigned long number = 0;
    bool good = true;
    switch (found) {
    case OPT_READ:
        asked->shrink.in = value;
        break;
    case OPT_WRITE:
        asked->shrink.out = value;
        break;
    case OPT_TRIES:
        good = read_number("--tries", value, 1000000, &number);
        asked->shrink.tries_max = number;
        break;
    case OPT_TIMEOUT:
        good = read_number("--timeout", value, 86400, &number);
        asked->timeout_s = (unsigned)number;
        break;
    case OPT_HELP:
        fputs(help, stdout);
        asked->is_told = true;
        break;
    case OPT_VERSION:
        printf("pktmod %s\n", pm_version());
        asked->is_told = true;
        break;
    default:
        good = false;
    }
    return good;
}

static bool is_complete(const struct asked *asked)
{
    const struct pm_shrink *shrink = &asked->shrink;
    if (asked->is_told)
        return true;
    if (asked->shrunken != NULL) {
        if (shrink->in == NULL && shrink->out == NULL && asked->command == NULL)
            return true;
        pm_complain(PM_EXIT_BAD_INPUT,
                    "shrink: %s is a case: it has its capture, and what is left is written to "
                    "%s.shrunk; -r, -w and a command are not for it",
                    asked->rules, asked->rules);
        return false;
    }
    if (shrink->in == NULL || shrink->out == NULL ||
        (asked->rules == NULL) == (asked->command == NULL)) {
        pm_complain(PM_EXIT_BAD_INPUT,
                    "shrink: needs a CASE, or -r IN, -w OUT, and either RULES or -- COMMAND; "
                    "see pktmod shrink --help");
        return false;
    }
    if (strcmp(shrink->in, "-") != 0 && strcmp(shrink->out, "-") != 0)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT,
                "shrink: IN is read many times and OUT written, so they are files");
    return false;
}

static bool parse(struct asked *asked, int argc, char *const argv[])
{
    struct pm_arguments arguments = {.command = "shrink",
                                     .options = options,
                                     .option_count = sizeof options / sizeof options[0],
                                     .argv = argv,
                                     .argc = argc,
                                     .at = 1};
    const char *value;
    int found;
    while (!asked->is_told && (found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        bool good = found == PM_ARGUMENT_WORD ? take_word(asked, &arguments, value)
                                              : take_option(asked, found, value);
        if (!good)
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ telling */

static enum pm_exit tell(const struct asked *asked)
{
    const struct pm_shrink *s = &asked->shrink;
    printf("%s: %zu of %zu packets are left, of %zu of %zu flow%s; ", s->out, s->packets_left,
           s->packets, s->flows_left, s->flows, s->flows == 1 ? "" : "s");
    if (asked->shrunken == NULL)
        printf("exit code %d; ", s->wanted);
    printf("%zu run%s\n", s->tries + 1, s->tries == 0 ? "" : "s");
    if (s->is_short && !s->is_interrupted)
        printf("%s: --tries %zu ended the search; more could go\n", s->out, s->tries_max);
    enum pm_exit code =
        asked->shrunken == NULL ? PM_EXIT_GOOD : pm_shrunken_tell(asked->shrunken, s->keeps);
    if (code != PM_EXIT_GOOD || !s->is_interrupted)
        return code;
    return pm_complain((enum pm_exit)(PM_EXIT_SIGNAL + pm_interrupted()),
                       "shrink: stopped by %s; %s has the smallest part so far",
                       pm_signal_name(pm_interrupted()), s->out);
}

static enum pm_exit search(struct asked *asked)
{
    asked->shrink.outcome = outcome;
    asked->shrink.context = asked;
    pm_interrupt_catch();
    switch (pm_shrink(&asked->shrink)) {
    case PM_SHRUNK_BAD:
        if (pm_interrupted() != 0)
            return pm_complain((enum pm_exit)(PM_EXIT_SIGNAL + pm_interrupted()),
                               "shrink: stopped by %s before it was known how %s fails",
                               pm_signal_name(pm_interrupted()), asked->shrink.in);
        return PM_EXIT_BAD_INPUT;
    case PM_SHRUNK_NO_MEMORY:
        return pm_complain(PM_EXIT_INTERNAL, "shrink: no memory");
    case PM_SHRUNK_GOOD:
        return pm_complain(PM_EXIT_DIFFERS, "%s: does not fail; there is nothing to shrink",
                           asked->shrunken != NULL ? asked->rules : asked->shrink.in);
    case PM_SHRUNK:
        break;
    }
    if (asked->shrink.wanted == PM_SHRINK_NOT_RUN)
        return pm_complain(PM_EXIT_BAD_INPUT, "shrink: %s cannot be run on it",
                           asked->command != NULL ? asked->command[0] : asked->rules);
    return tell(asked);
}

/* The folder goes again unless something is left in it. */
static enum pm_exit search_case(struct asked *asked)
{
    struct pm_shrunken *s = asked->shrunken;
    enum pm_exit code = pm_shrunken_make(s, asked->rules);
    asked->shrink.in = s->in;
    asked->shrink.out = s->out;
    if (code == PM_EXIT_GOOD)
        code = search(asked);
    if (code != PM_EXIT_GOOD && !asked->shrink.is_interrupted)
        pm_shrunken_undo(s);
    return code;
}

enum pm_exit pm_command_shrink(int argc, char *const argv[])
{
    struct asked asked = {.timeout_s = TIMEOUT_USUAL, .shrink = {.tries_max = TRIES_USUAL}};
    struct pm_shrunken shrunken = {.folder = NULL};
    if (!parse(&asked, argc, argv))
        return PM_EXIT_BAD_INPUT;
    if (asked.is_told)
        return PM_EXIT_GOOD;
    bool is_case = asked.rules != NULL && pm_shrunken_is_case(asked.rules);
    asked.shrunken = is_case ? &shrunken : NULL;
    enum pm_exit code = !is_complete(&asked) ? PM_EXIT_BAD_INPUT
                        : is_case            ? search_case(&asked)
                                             : search(&asked);
    pm_shrink_free(&asked.shrink);
    pm_shrunken_free(&shrunken);
    return code;
}
