/* command_create.c - the command line of pktmod create. */
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/create.h"

enum {
    OPT_READ,
    OPT_SHOWS,
    OPT_VIEWS,
    OPT_LOCAL,
    OPT_MTU,
    OPT_CHECKSUMS,
    OPT_SEED,
    OPT_COPY_RULES,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_READ] = {"read", 'r', true},  [OPT_SHOWS] = {"shows", 0, true},
    [OPT_VIEWS] = {"views", 0, true},  [OPT_LOCAL] = {"local", 0, true},
    [OPT_MTU] = {"mtu", 0, true},      [OPT_CHECKSUMS] = {"checksums", 0, true},
    [OPT_SEED] = {"seed", 0, true},    [OPT_COPY_RULES] = {"copy-rules", 0, false},
    [OPT_HELP] = {"help", 'h', false}, [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod create RULES -r IN NAME [DIR] [OPTION...]\n\n"
    "Makes a regression case for pktmod test: the folder DIR/NAME, with a copy of the capture, a\n"
    "case.json, and what comes out today as what is expected from now on. DIR is made if it is\n"
    "not there; without DIR it is this folder. Read expected/summary.txt before you commit it.\n\n"
    "  -r, --read IN         the capture: pcap or pcapng, or a flow text (man pktmod-flow)\n"
    "      --shows TEXT      what the case shows, for who reads that it fails (default: its name)\n"
    "      --copy-rules      copy the rule file, too; otherwise case.json says where it stands,\n"
    "                        and the case tests that very file\n"
    "      --views VIEW,...  rewritten, wire, host: one run each (default rewritten)\n"
    "      --local, --mtu, --checksums, --seed   as in pktmod replay\n\n"
    "exit: 0 made, 1 made, but what leaves is not coherent, 2 bad usage, rules or capture,\n"
    "3 internal error\n";

static bool take(const char *what, const char *value, const char **place)
{
    if (*place == NULL) {
        *place = value;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "create: %s is given twice: \"%s\" and \"%s\"", what, *place,
                value);
    return false;
}

static bool take_word(struct pm_create *create, const char *word)
{
    if (create->rules == NULL)
        return take("the rule file", word, &create->rules);
    if (create->name == NULL)
        return take("the name", word, &create->name);
    return take("the folder", word, &create->folder);
}

/* case.json has a number there. */
static bool take_number(const char *option, const char *value, const char **place)
{
    size_t len = strlen(value);
    if (len > 0 && len <= 15 && strspn(value, "0123456789") == len)
        return take(option, value, place);
    pm_complain(PM_EXIT_BAD_INPUT, "create: %s is a number, not \"%s\"", option, value);
    return false;
}

static bool take_option(struct pm_create *create, int found, const char *value)
{
    switch (found) {
    case PM_ARGUMENT_WORD:
        return take_word(create, value);
    case OPT_READ:
        return take("the capture", value, &create->in);
    case OPT_SHOWS:
        return take("--shows", value, &create->shows);
    case OPT_VIEWS:
        return take("--views", value, &create->views);
    case OPT_LOCAL:
        return take("--local", value, &create->local);
    case OPT_MTU:
        return take_number("--mtu", value, &create->mtu);
    case OPT_CHECKSUMS:
        return take("--checksums", value, &create->checksums);
    case OPT_SEED:
        return take_number("--seed", value, &create->seed);
    case OPT_COPY_RULES:
        create->copies_rules = true;
        return true;
    default:
        return false; /* PM_ARGUMENT_BAD */
    }
}

static bool is_name(const char *name)
{
    if (name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT,
                "create: \"%s\" is no name for a case: it names one folder, not hidden", name);
    return false;
}

static bool is_complete(struct pm_create *create)
{
    const char *lacks = create->rules == NULL  ? "no rule file"
                        : create->in == NULL   ? "no capture (-r IN)"
                        : create->name == NULL ? "no name for the case"
                                               : NULL;
    if (create->folder == NULL)
        create->folder = ".";
    if (lacks == NULL)
        return is_name(create->name);
    pm_complain(PM_EXIT_BAD_INPUT, "create: %s given; usage: pktmod create RULES -r IN NAME [DIR]",
                lacks);
    return false;
}

enum pm_exit pm_command_create(int argc, char *const argv[])
{
    struct pm_arguments arguments = {"create", table, OPT_COUNT, argv, argc, 1, false};
    struct pm_create create = {0};
    const char *value;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        if (found == OPT_HELP)
            fputs(help, stdout);
        if (found == OPT_VERSION)
            printf("pktmod %s\n", pm_version());
        if (found == OPT_HELP || found == OPT_VERSION)
            return PM_EXIT_GOOD;
        if (!take_option(&create, found, value))
            return PM_EXIT_BAD_INPUT;
    }
    return is_complete(&create) ? pm_create_case(&create) : PM_EXIT_BAD_INPUT;
}
