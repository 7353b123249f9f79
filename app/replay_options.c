/* replay_options.c - the command line of pktmod replay. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/replay.h"

enum {
    OPT_READ,
    OPT_WRITE,
    OPT_ANSWERS,
    OPT_DROPPED,
    OPT_EVENTS,
    OPT_REPORT,
    OPT_COMMUNITY_SEED,
    OPT_VIEW,
    OPT_LOCAL,
    OPT_MTU,
    OPT_CHECKSUMS,
    OPT_SEED,
    OPT_FORMAT,
    OPT_EXTERNAL_WAIT,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_READ] = {"read", 'r', true},
    [OPT_WRITE] = {"write", 'w', true},
    [OPT_ANSWERS] = {"answers", 0, true},
    [OPT_DROPPED] = {"dropped", 0, true},
    [OPT_EVENTS] = {"events", 0, true},
    [OPT_REPORT] = {"report", 0, true},
    [OPT_COMMUNITY_SEED] = {"community-seed", 0, true},
    [OPT_VIEW] = {"view", 0, true},
    [OPT_LOCAL] = {"local", 0, true},
    [OPT_MTU] = {"mtu", 0, true},
    [OPT_CHECKSUMS] = {"checksums", 0, true},
    [OPT_SEED] = {"seed", 0, true},
    [OPT_FORMAT] = {"format", 0, true},
    [OPT_EXTERNAL_WAIT] = {"external-wait", 0, true},
    [OPT_QUIET] = {"quiet", 'q', false},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod replay RULES -r IN [-w OUT] [OPTION...]\n\n"
    "Runs every packet of a capture (pcap or pcapng) through the rules of a JSON file, at the\n"
    "time it was recorded, and reports what was dropped, delayed and rewritten.\n\n"
    "  -r, --read IN         the capture; - is standard input\n"
    "  -w, --write OUT       write what leaves, in the format of IN; - is standard output (the\n"
    "                        report goes to standard error then)\n"
    "      --answers FILE    JSON: what ask rules are answered, and when; without, the time that\n"
    "                        they give runs out\n"
    "      --dropped FILE    write what was dropped, as it came, in the format of IN\n"
    "      --events FILE     write what happens as lines of JSON, with Suricata's names\n"
    "      --report FILE     write the report as one HTML page that needs nothing beside itself\n"
    "      --community-seed N  of the Community ID in events, 0 to 65535 (default 0)\n"
    "      --view VIEW       rewritten (default): as if both ends had spoken the rewritten bytes;\n"
    "                        wire: what the network side shows; host: what the host shows\n"
    "      --local CIDR,...  addresses of the host; its packets go out, those to it come in.\n"
    "                        Without: what the capture says, else the initiator is the host\n"
    "      --mtu N           what rewriting may not outgrow; 0 is no limit (default 1500)\n"
    "      --checksums MODE  auto (default): zero or partial ones count as offloaded;\n"
    "                        verify: wrong is wrong; ignore: every one counts as right\n"
    "      --seed N          for everything drawn by chance (default 0)\n"
    "      --external-wait MS  how long to wait for the clients of external edits, to come and to\n"
    "                        answer (default 5000); the recording's time stands still meanwhile\n"
    "      --format FORMAT   of the report: text (default) or json\n"
    "  -q, --quiet           no report and no progress; only errors\n\n"
    "exit: 0 good, 2 bad usage, rules, capture or output, 3 internal error. Of a damaged capture\n"
    "everything before the damage is processed and written; so is what was read before Ctrl-C\n"
    "(exit 130) or SIGTERM (143).\n";

static const char *const views[] = {"rewritten", "wire", "host", NULL};
static const char *const checksum_modes[] = {"auto", "verify", "ignore", NULL};
static const char *const formats[] = {"text", "json", NULL};

const char *pm_view_name(enum pm_view view)
{
    return views[view];
}

const char *pm_checksums_name(enum pm_checksums checksums)
{
    return checksum_modes[checksums];
}

static bool read_word(const char *command, const char *option, const char *value,
                      const char *const *words, unsigned *index)
{
    for (unsigned i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], value) == 0) {
            *index = i;
            return true;
        }
    pm_complain(PM_EXIT_BAD_INPUT, "%s: --%s is %s%s%s%s%s, not \"%s\"", command, option, words[0],
                words[2] == NULL ? " or " : ", ", words[1], words[2] == NULL ? "" : " or ",
                words[2] == NULL ? "" : words[2], value);
    return false;
}

static bool read_number(const char *command, const char *option, const char *value, uint64_t most,
                        uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long got = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0 && got <= most) {
        *number = got;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "%s: --%s is a number from 0 to %" PRIu64 ", not \"%s\"",
                command, option, most, value);
    return false;
}

static bool read_mtu(struct pm_replay_options *options, const char *value)
{
    uint64_t mtu;
    if (!read_number(options->command, "mtu", value, 65535, &mtu))
        return false;
    options->mtu = (uint32_t)mtu;
    if (mtu == 0 || mtu >= 68)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "%s: --mtu is 0 or at least 68, the least of IPv4",
                options->command);
    return false;
}

static bool read_community_seed(struct pm_replay_options *options, const char *value)
{
    uint64_t seed;
    if (!read_number(options->command, "community-seed", value, UINT16_MAX, &seed))
        return false;
    options->community_seed = (uint16_t)seed;
    return true;
}

static bool read_local(struct pm_replay_options *options, const char *value)
{
    const char *bad;
    if (pm_local_parse(&options->local, value, &bad))
        return true;
    if (bad == NULL)
        pm_complain(PM_EXIT_INTERNAL, "%s: no memory", options->command);
    else
        pm_complain(PM_EXIT_BAD_INPUT,
                    "%s: --local: \"%.*s\" is no address and no prefix (192.0.2.0/24, "
                    "2001:db8::/32)",
                    options->command, (int)strcspn(bad, ","), bad);
    return false;
}

static bool read_path(const char *what, const char *value, const char **path)
{
    if (*path == NULL) {
        *path = value;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "replay: %s is given twice: \"%s\" and \"%s\"", what, *path,
                value);
    return false;
}

static bool read_option(struct pm_replay_options *options, int found, const char *value)
{
    unsigned word = 0;
    uint64_t number = 0;
    bool good = true;
    switch (found) {
    case PM_ARGUMENT_WORD:
        return read_path("the rule file", value, &options->rules);
    case OPT_READ:
        return read_path("the capture", value, &options->in);
    case OPT_WRITE:
        return read_path("the output", value, &options->out);
    case OPT_ANSWERS:
        return read_path("the answers", value, &options->answers);
    case OPT_DROPPED:
        return read_path("the output of what was dropped", value, &options->dropped);
    case OPT_EVENTS:
        return read_path("the output of events", value, &options->events);
    case OPT_REPORT:
        return read_path("the page of the report", value, &options->report);
    case OPT_COMMUNITY_SEED:
        return read_community_seed(options, value);
    case OPT_VIEW:
        good = read_word(options->command, "view", value, views, &word);
        options->view = (enum pm_view)word;
        return good;
    case OPT_CHECKSUMS:
        good = read_word(options->command, "checksums", value, checksum_modes, &word);
        options->checksums = (enum pm_checksums)word;
        return good;
    case OPT_FORMAT:
        good = read_word(options->command, "format", value, formats, &word);
        options->json = word == 1;
        return good;
    case OPT_LOCAL:
        return read_local(options, value);
    case OPT_MTU:
        return read_mtu(options, value);
    case OPT_EXTERNAL_WAIT:
        good = read_number(options->command, "external-wait", value, 3600000, &number);
        options->external_wait_ms = (uint32_t)number;
        return good;
    case OPT_SEED:
        return read_number(options->command, "seed", value, UINT64_MAX, &options->seed);
    case OPT_QUIET:
        options->quiet = true;
        return true;
    case OPT_HELP:
        fputs(help, stdout);
        options->only_told = true;
        return true;
    case OPT_VERSION:
        printf("pktmod %s\n", pm_version());
        options->only_told = true;
        return true;
    default:
        return false; /* PM_ARGUMENT_BAD */
    }
}

bool pm_replay_option_read(struct pm_replay_options *options, const char *name, const char *value)
{
    static const int shared[] = {OPT_VIEW, OPT_LOCAL, OPT_MTU, OPT_CHECKSUMS, OPT_SEED, OPT_FORMAT};
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        if (strcmp(table[shared[i]].name, name) == 0)
            return read_option(options, shared[i], value);
    return false;
}

bool pm_replay_options_parse(struct pm_replay_options *options, int argc, char *const argv[])
{
    struct pm_arguments arguments = {"replay", table, OPT_COUNT, argv, argc, 1, false};
    const char *value;
    int found;
    *options =
        (struct pm_replay_options){.command = "replay", .mtu = 1500, .external_wait_ms = 5000};
    while (!options->only_told &&
           (found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END)
        if (!read_option(options, found, value))
            return false;
    const char *lacks = options->rules == NULL ? "no rule file" : NULL;
    if (lacks == NULL && options->in == NULL)
        lacks = "no capture (-r IN)";
    if (options->only_told || lacks == NULL)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "replay: %s named; usage: pktmod replay RULES -r IN [-w OUT]",
                lacks);
    return false;
}

void pm_replay_options_free(struct pm_replay_options *options)
{
    pm_local_free(&options->local);
}
