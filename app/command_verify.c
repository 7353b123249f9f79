/* command_verify.c - pktmod verify: is a capture coherent, by itself and with the one it came from?
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/replay.h"
#include "app/verify.h"

#define MOST_SHOWN 20
#define MTU        1500

enum {
    OPT_BASELINE,
    OPT_MTU,
    OPT_CHECKSUMS,
    OPT_MAX_FINDINGS,
    OPT_OPEN_LOOP,
    OPT_ANY_HEADERS,
    OPT_STRICT,
    OPT_FORMAT,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_BASELINE] = {"baseline", 'b', true},  [OPT_MTU] = {"mtu", 0, true},
    [OPT_CHECKSUMS] = {"checksums", 0, true},  [OPT_MAX_FINDINGS] = {"max-findings", 0, true},
    [OPT_OPEN_LOOP] = {"open-loop", 0, false}, [OPT_ANY_HEADERS] = {"any-headers", 0, false},
    [OPT_STRICT] = {"strict", 0, false},       [OPT_FORMAT] = {"format", 0, true},
    [OPT_QUIET] = {"quiet", 'q', false},       [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod verify OUT [--baseline IN] [OPTION...]\n\n"
    "Checks that a capture is coherent: lengths, checksums, sequence numbers, acknowledgements,\n"
    "SACK blocks, bytes sent again, FIN and RST. It knows no rules and shares no code with what\n"
    "rewrites. With the capture that OUT was made from by replay (view rewritten) every flow is\n"
    "held to what it was there, and what is wrong there already is no finding.\n\n"
    "  -b, --baseline IN     the capture before rewriting\n"
    "      --mtu N           no IP packet is larger than N bytes, or than those of the same "
    "sender\n"
    "                        in IN; 0 is no limit (default 1500 with a baseline, else 0)\n"
    "      --checksums MODE  as replay had it: auto (default), verify or ignore\n"
    "      --open-loop       the rules drop or delay packets: a recording does not react to that,\n"
    "                        so what is missing or comes late is no finding\n"
    "      --any-headers     the rules change header fields: so may every packet's\n"
    "      --strict          notes, such as bytes that the recorder lost, are findings\n"
    "      --max-findings N  show the first N findings (default 20); all are counted\n"
    "      --format FORMAT   text (default) or json\n"
    "  -q, --quiet           only errors; the exit code tells\n\n"
    "Of each direction of a connection the latest megabyte is compared, and of all connections\n"
    "together 512: what is older is forgotten, and not a finding.\n\n"
    "exit: 0 coherent, 1 findings, 2 bad usage or capture, 3 internal error\n";

static bool read_count(const char *option, const char *value, uint64_t most, uint64_t *count)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (errno == 0 && end != value && *end == '\0' && value[0] != '-' && number <= most) {
        *count = number;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "verify: %s is a number from 0 to %" PRIu64 ", not \"%s\"",
                option, most, value);
    return false;
}

static bool take_word(struct pm_verify_options *options, const char *word)
{
    if (options->out == NULL) {
        options->out = word;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "verify: one capture at a time, and \"%s\" is another", word);
    return false;
}

static bool take_format(struct pm_verify_options *options, const char *value)
{
    options->json = strcmp(value, "json") == 0;
    if (options->json || strcmp(value, "text") == 0)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "verify: --format is text or json, not \"%s\"", value);
    return false;
}

static bool take_checksums(struct pm_verify_options *options, const char *value)
{
    static const enum pm_checksums modes[] = {PM_CHECKSUMS_AUTO, PM_CHECKSUMS_VERIFY,
                                              PM_CHECKSUMS_IGNORE};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(value, pm_checksums_name(modes[i])) == 0) {
            options->checksums = modes[i];
            return true;
        }
    pm_complain(PM_EXIT_BAD_INPUT, "verify: --checksums is auto, verify or ignore, not \"%s\"",
                value);
    return false;
}

static bool take_number(struct pm_verify_options *options, int found, const char *value)
{
    uint64_t number = 0;
    if (found == OPT_MTU) {
        bool good = read_count("--mtu", value, UINT32_MAX, &number);
        options->mtu = (uint32_t)number;
        options->has_mtu = true;
        return good;
    }
    bool good = read_count("--max-findings", value, 1000000, &number);
    options->most = (size_t)number;
    return good;
}

static bool take_option(struct pm_verify_options *options, int found, const char *value)
{
    switch (found) {
    case OPT_BASELINE:
        options->baseline = value;
        return true;
    case OPT_MTU:
    case OPT_MAX_FINDINGS:
        return take_number(options, found, value);
    case OPT_CHECKSUMS:
        return take_checksums(options, value);
    case OPT_OPEN_LOOP:
        options->is_open_loop = true;
        return true;
    case OPT_ANY_HEADERS:
        options->any_headers = true;
        return true;
    case OPT_STRICT:
        options->is_strict = true;
        return true;
    case OPT_FORMAT:
        return take_format(options, value);
    case OPT_QUIET:
        options->quiet = true;
        return true;
    case PM_ARGUMENT_WORD:
        return take_word(options, value);
    default:
        return false;
    }
}

/* False: complained already. */
static bool parse(struct pm_verify_options *options, int argc, char *const argv[])
{
    struct pm_arguments arguments = {"verify", table, OPT_COUNT, argv, argc, 1, false};
    const char *value;
    int found;
    *options =
        (struct pm_verify_options){.mtu = MTU, .checksums = PM_CHECKSUMS_AUTO, .most = MOST_SHOWN};
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        options->only_told = found == OPT_HELP || found == OPT_VERSION;
        if (found == OPT_HELP)
            fputs(help, stdout);
        if (found == OPT_VERSION)
            printf("pktmod %s\n", pm_version());
        if (options->only_told)
            return true;
        if (!take_option(options, found, value))
            return false;
    }
    if (options->out != NULL)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT,
                "verify: no capture named; usage: pktmod verify OUT [--baseline IN]");
    return false;
}

static enum pm_exit open_capture(const char *path, struct pm_capture **capture)
{
    *capture = NULL;
    if (path == NULL)
        return PM_EXIT_GOOD;
    *capture = pm_capture_open(path);
    if (*capture == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "%s: no memory", path);
    const char *error = pm_capture_error(*capture);
    return error == NULL ? PM_EXIT_GOOD : pm_complain(PM_EXIT_BAD_INPUT, "%s", error);
}

static enum pm_exit close_capture(struct pm_capture *capture)
{
    const char *error = capture == NULL ? NULL : pm_capture_error(capture);
    enum pm_exit code = error == NULL ? PM_EXIT_GOOD : pm_complain(PM_EXIT_BAD_INPUT, "%s", error);
    pm_capture_close(capture);
    return code;
}

static enum pm_exit tell(const struct pm_verify *verify)
{
    if (verify->no_memory)
        return pm_complain(PM_EXIT_INTERNAL, "verify: no memory");
    if (!verify->options->quiet && verify->options->json)
        pm_verify_report_json(verify, stdout);
    else if (!verify->options->quiet)
        pm_verify_report(verify, stdout, pm_colour_wanted(stdout));
    return verify->findings.findings > 0 ? PM_EXIT_DIFFERS : PM_EXIT_GOOD;
}

static enum pm_exit run(const struct pm_verify_options *options, struct pm_capture *out,
                        struct pm_capture *baseline)
{
    struct pm_verify verify = {.options = options, .flows = {.checksums = options->checksums}};
    if (!pm_verify_findings_init(&verify.findings, options->most, options->is_strict))
        return pm_complain(PM_EXIT_INTERNAL, "verify: no memory");
    struct pm_progress progress;
    pm_progress_start(&progress, options->quiet);
    pm_verify_run(&verify, out, baseline, &progress);
    pm_progress_end_ns(&progress);
    enum pm_exit code = tell(&verify);
    pm_verify_end(&verify);
    return code;
}

enum pm_exit pm_command_verify(int argc, char *const argv[])
{
    struct pm_verify_options options;
    if (!parse(&options, argc, argv))
        return PM_EXIT_BAD_INPUT;
    if (options.only_told)
        return PM_EXIT_GOOD;
    struct pm_capture *out, *baseline = NULL;
    enum pm_exit code = open_capture(options.out, &out);
    if (code == PM_EXIT_GOOD)
        code = open_capture(options.baseline, &baseline);
    if (code != PM_EXIT_GOOD) {
        pm_capture_close(out);
        pm_capture_close(baseline);
        return code;
    }
    code = run(&options, out, baseline);
    enum pm_exit damage = close_capture(out), other = close_capture(baseline);
    damage = other > damage ? other : damage;
    return damage > code ? damage : code;
}
