/* command_schema.c - pktmod schema: prints the JSON Schema of rule files. */
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "rules/rules.h"

enum { OPT_HELP, OPT_VERSION };

static const struct pm_option options[] = {
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod schema\n\n"
    "Prints the JSON Schema (2020-12) of rule files. With it editors complete keys and fields, "
    "tell\n"
    "what they mean, and mark what is wrong while you write:\n\n"
    "  pktmod schema > pktmod.schema.json\n"
    "  { \"$schema\": \"./pktmod.schema.json\", \"pktmod\": 1, \"rules\": [] }\n\n"
    "A schema cannot say all (whether a variable is there, whether an id is unique): pktmod check\n"
    "is what decides.\n\n"
    "exit: 0 good, 2 bad usage\n";

enum pm_exit pm_command_schema(int argc, char *const argv[])
{
    struct pm_arguments arguments = {.command = "schema",
                                     .options = options,
                                     .option_count = sizeof options / sizeof options[0],
                                     .argv = argv,
                                     .argc = argc,
                                     .at = 1};
    const char *value;
    switch (pm_arguments_next(&arguments, &value)) {
    case OPT_HELP:
        fputs(help, stdout);
        return PM_EXIT_GOOD;
    case OPT_VERSION:
        printf("pktmod %s\n", pm_version());
        return PM_EXIT_GOOD;
    case PM_ARGUMENT_WORD:
        return pm_complain(PM_EXIT_BAD_INPUT, "schema: takes no argument, but \"%s\" stands there",
                           value);
    case PM_ARGUMENT_END:
        break;
    default:
        return PM_EXIT_BAD_INPUT;
    }
    size_t len;
    const char *text = pm_rules_schema(&len);
    fwrite(text, 1, len, stdout);
    return PM_EXIT_GOOD;
}
