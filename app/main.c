/* main.c - the pktmod command: finds the subcommand and hands over. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"

static const struct {
    const char *name;
    enum pm_exit (*run)(int argc, char *const argv[]);
    const char *what;
} commands[] = {
    {"replay", pm_command_replay,
     "run a capture through a rule file; report, and write the result"},
    {"check", pm_command_check, "read rule files and say what is wrong with them"},
    {"fmt", pm_command_fmt, "lay rule files out in the one canonical way"},
    {"schema", pm_command_schema, "print the JSON Schema of rule files, for editors"},
    {"test", pm_command_test, "run regression cases: rules, a capture, and what is expected"},
    {"diff", pm_command_diff, "what two rule files mean differently, and for which packets"},
    {"create", pm_command_create, "make a regression case from rules and a capture"},
    {"verify", pm_command_verify, "check that a capture, or a rewritten one, is coherent"},
    {"explain", pm_command_explain, "say why a packet gets what it gets"},
    {"flow", pm_command_flow, "make a capture of a few lines of text"},
    {"shrink", pm_command_shrink, "find the smallest part of a capture that still fails"},
#ifdef __linux__
    {"run", pm_command_run, "filter live packets, or rewrite them in a tunnel"},
    {"ctl", pm_command_ctl, "talk to a pktmod run: status, reload, answers, events"},
#elif defined(__APPLE__)
    {"run", pm_command_run, "rewrite live packets in a tunnel"},
#endif
    {"pipe", pm_command_pipe, "the engine on standard input and output, for other programs"},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
    fputs("pktmod - filter and rewrite packets by rules, keeping TCP streams whole\n\n"
          "usage: pktmod COMMAND [OPTION...] ARGUMENT...\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].what);
    fputs("\n  pktmod COMMAND --help tells about one command; man pktmod about all\n"
          "  pktmod --version\n\n"
          "exit: 0 good, 1 differences or a failed test, 2 bad usage or input, 3 internal error\n",
          out);
}

static enum pm_exit unknown(const char *word)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *meant = pm_suggestion(word, names, COMMAND_COUNT);
    const char *what = word[0] == '-' ? "option" : "command";
    if (meant != NULL)
        return pm_complain(PM_EXIT_BAD_INPUT, "unknown %s \"%s\"; did you mean \"%s\"?", what, word,
                           meant);
    return pm_complain(PM_EXIT_BAD_INPUT, "unknown %s \"%s\"; see pktmod --help", what, word);
}

static enum pm_exit dispatch(int argc, char **argv)
{
    static char help[] = "--help";
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0) {
        printf("pktmod %s\n", pm_version());
        return PM_EXIT_GOOD;
    }
    bool asks = strcmp(argv[0], "help") == 0;
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 || (asks && argc == 1)) {
        print_help(stdout);
        return PM_EXIT_GOOD;
    }
    const char *name = asks ? argv[1] : argv[0];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return asks ? commands[i].run(2, (char *[]){argv[1], help})
                        : commands[i].run(argc, argv);
    return unknown(name);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error like any other */
    if (argc < 2) {
        print_help(stderr);
        return PM_EXIT_BAD_INPUT;
    }
    return (int)pm_finish_output(dispatch(argc - 1, argv + 1));
}
