/* command_pipe.c - pktmod pipe: rules from a file, frames from standard input, answers to standard
 * output. */
#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/pipe.h"
#include "rules/rules.h"

enum { OPT_HELP, OPT_VERSION };

static const struct pm_option options[] = {
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod pipe RULES\n\n"
    "The engine for programs: simulators, tests, other languages. Frames come on standard\n"
    "input and are answered on standard output; the only time is that of the frames.\n\n"
    "  u32 length of the rest, u8 type, u64 now_ns, u8 iface, payload       little-endian\n\n"
    "in\n"
    "  C  begin anew; payload {\"mode\": \"live\"|\"replay\", \"mtu\": 1500, \"hold_ms\": N,\n"
    "     \"host_iface\": 0|1, \"clamp_mss\": false, \"seed\": 0}, every key optional\n"
    "  P  an IP packet arrived on iface, 0 or 1\n"
    "  T  it is now_ns\n"
    "  Q  quit; the end of the input does the same\n"
    "out\n"
    "  O  an IP packet to send from iface\n"
    "  E  something happened; payload {\"ev\": \"hold_release\", \"dir\": iface that the bytes\n"
    "     came from, \"offset\": B, \"len\": L}: the L bytes before offset B of that stream\n"
    "     waited in vain, left as they were, and matching starts again at B\n"
    "  D  ends the answer to each C, P and T; payload u64: when a T is due if nothing comes\n"
    "     before, 2^64-1 for never\n\n"
    "exit: 0 good, 2 bad usage, bad rules or a bad frame, 3 internal error\n";

static enum pm_exit run(const char *path)
{
    struct pm_rules *rules = pm_rules_load(path);
    if (rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "%s: no memory", path);
    struct pm_policy *policy = pm_rules_policy(rules);
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
    if (policy != NULL)
        code = pm_pipe_run(policy, stdin, stdout);
    pm_rules_free(rules);
    return code;
}

static enum pm_exit tell(int found)
{
    if (found == OPT_HELP)
        fputs(help, stdout);
    else if (found == OPT_VERSION)
        printf("pktmod %s\n", pm_version());
    return found == PM_ARGUMENT_BAD ? PM_EXIT_BAD_INPUT : PM_EXIT_GOOD;
}

enum pm_exit pm_command_pipe(int argc, char *const argv[])
{
    struct pm_arguments arguments = {
        "pipe", options, sizeof options / sizeof options[0], argv, argc, 1, false};
    const char *value, *path = NULL;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        if (found != PM_ARGUMENT_WORD)
            return tell(found);
        if (path != NULL)
            return pm_complain(PM_EXIT_BAD_INPUT, "pipe: one rule file, not both \"%s\" and \"%s\"",
                               path, value);
        path = value;
    }
    if (path == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT, "pipe: no rule file named; usage: pktmod pipe RULES");
    return run(path);
}
