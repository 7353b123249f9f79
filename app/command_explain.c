/* command_explain.c - pktmod explain: why one packet gets what it gets. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/explain_packet.h"
#include "app/explanation.h"
#include "app/input.h"

enum {
    OPT_READ,
    OPT_FRAME,
    OPT_PACKET,
    OPT_RULE,
    OPT_ALL,
    OPT_ANSWERS,
    OPT_VIEW,
    OPT_LOCAL,
    OPT_MTU,
    OPT_CHECKSUMS,
    OPT_SEED,
    OPT_FORMAT,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_READ] = {"read", 'r', true},   [OPT_FRAME] = {"frame", 'f', true},
    [OPT_PACKET] = {"packet", 0, true}, [OPT_RULE] = {"rule", 0, true},
    [OPT_ALL] = {"all", 0, false},      [OPT_ANSWERS] = {"answers", 0, true},
    [OPT_VIEW] = {"view", 0, true},     [OPT_LOCAL] = {"local", 0, true},
    [OPT_MTU] = {"mtu", 0, true},       [OPT_CHECKSUMS] = {"checksums", 0, true},
    [OPT_SEED] = {"seed", 0, true},     [OPT_FORMAT] = {"format", 0, true},
    [OPT_HELP] = {"help", 'h', false},  [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod explain RULES -r IN --frame N [OPTION...]\n"
    "       pktmod explain RULES --packet JSON [OPTION...]\n\n"
    "Says why a packet gets what it gets: for each rule which conditions hold and which do not,\n"
    "with what the packet has; which rule decided, and why later ones were not asked; what kept a\n"
    "rule from matching although its conditions hold; when no rule matched, the nearest misses;\n"
    "what came before in its flow; and for rewrites the bytes before and after. The capture is\n"
    "replayed up to the packet by the engines of pktmod replay, so the answer is theirs.\n\n"
    "  -r, --read IN         the capture, or a flow text (man pktmod-flow); - is standard input\n"
    "  -f, --frame N         number of the packet in it, from 1, as Wireshark counts\n"
    "      --packet JSON     instead of a capture: a packet as in the tests of a rule file,\n"
    "                        {\"ip\": [SRC, DST], \"tcp\": {\"dstport\": 23, \"flags\": \"S\"}},\n"
    "                        or a list of them; the last one is explained, or --frame says which\n"
    "      --rule ID         only this rule\n"
    "      --all             every rule; else, of more than 20, only those that had a say\n"
    "      --answers, --view, --local, --mtu, --checksums, --seed   as in pktmod replay\n"
    "      --format FORMAT   text (default) or json\n\n"
    "exit: 0 explained, 2 bad usage, rules or capture, or no such frame, 3 internal error\n";

struct asked {
    struct pm_replay_options options;
    const char *packet, *rule;
    uint64_t frame;
    size_t packet_count;
    bool all;
};

/* ------------------------------------------------------------------ command line */

static bool take(const char *what, const char *value, const char **place)
{
    if (*place == NULL) {
        *place = value;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "explain: %s is given twice: \"%s\" and \"%s\"", what, *place,
                value);
    return false;
}

static bool take_frame(struct asked *asked, const char *value)
{
    char *end;
    errno = 0;
    unsigned long long got = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0 && got > 0) {
        asked->frame = got;
        return true;
    }
    pm_complain(PM_EXIT_BAD_INPUT, "explain: --frame is a number from 1 on, not \"%s\"", value);
    return false;
}

static bool take_option(struct asked *asked, int found, const char *value)
{
    static const char *const shared[OPT_COUNT] = {
        [OPT_VIEW] = "view",           [OPT_LOCAL] = "local", [OPT_MTU] = "mtu",
        [OPT_CHECKSUMS] = "checksums", [OPT_SEED] = "seed",   [OPT_FORMAT] = "format"};
    struct pm_replay_options *options = &asked->options;
    if (found >= 0 && shared[found] != NULL)
        return pm_replay_option_read(options, shared[found], value);
    switch (found) {
    case PM_ARGUMENT_WORD:
        return take("the rule file", value, &options->rules);
    case OPT_READ:
        return take("the capture", value, &options->in);
    case OPT_FRAME:
        return take_frame(asked, value);
    case OPT_PACKET:
        return take("--packet", value, &asked->packet);
    case OPT_RULE:
        return take("--rule", value, &asked->rule);
    case OPT_ANSWERS:
        return take("--answers", value, &options->answers);
    case OPT_ALL:
        return asked->all = true;
    default:
        return false; /* PM_ARGUMENT_BAD */
    }
}

static bool is_complete(const struct asked *asked)
{
    const char *lacks = NULL;
    if (asked->options.rules == NULL)
        lacks = "no rule file named";
    else if (asked->options.in == NULL && asked->packet == NULL)
        lacks = "no packet named: -r IN --frame N, or --packet JSON";
    else if (asked->options.in != NULL && asked->packet != NULL)
        lacks = "a capture (-r) and --packet exclude each other";
    else if (asked->packet == NULL && asked->frame == 0)
        lacks = "which packet? --frame N";
    if (lacks == NULL)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "explain: %s; usage: pktmod explain RULES -r IN --frame N",
                lacks);
    return false;
}

/* ------------------------------------------------------------------ the run */

static bool has_rule(const struct pm_rules *rules, const char *id)
{
    const char *names[256];
    size_t count = 0;
    for (size_t i = 0; i < pm_rules_source_count(rules); i++) {
        const char *name = pm_rules_source(rules, i)->id;
        if (strcmp(name, id) == 0)
            return true;
        if (count < sizeof names / sizeof names[0])
            names[count++] = name;
    }
    const char *meant = pm_suggestion(id, names, count);
    pm_complain(PM_EXIT_BAD_INPUT, "explain: there is no rule \"%s\"%s%s%s", id,
                meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant,
                meant == NULL ? "" : "\"?");
    return false;
}

static enum pm_exit tell(const struct asked *asked, const struct pm_explanation *e)
{
    struct pm_explained_view view = {.out = stdout,
                                     .colour = pm_colour_wanted(stdout),
                                     .all = asked->all,
                                     .only = asked->rule,
                                     .name =
                                         asked->packet != NULL ? "--packet" : asked->options.in};
    if (asked->options.json)
        pm_explanation_json(e, &view);
    else
        pm_explanation_text(e, &view);
    return PM_EXIT_GOOD;
}

static enum pm_exit explain(const struct asked *asked, const struct pm_rules *rules,
                            struct pm_capture *capture)
{
    struct pm_explanation e;
    enum pm_exit code = PM_EXIT_INTERNAL;
    if (!pm_explanation_begin(&e, rules, asked->frame))
        pm_complain(PM_EXIT_INTERNAL, "explain: no memory");
    else if (!pm_explanation_run(&e, &asked->options, capture))
        code = PM_EXIT_BAD_INPUT;
    else if (!e.was_seen && pm_capture_error(capture) != NULL)
        code = pm_complain(PM_EXIT_BAD_INPUT, "%s", pm_capture_error(capture));
    else if (!e.was_seen)
        code = pm_complain(PM_EXIT_BAD_INPUT,
                           "explain: there is no frame %" PRIu64 ": %s has %" PRIu64 " packet%s",
                           asked->frame, asked->packet != NULL ? "--packet" : asked->options.in,
                           e.packets, e.packets == 1 ? "" : "s");
    else
        code = tell(asked, &e);
    pm_explanation_free(&e);
    return code;
}

static struct pm_capture *open_capture(struct asked *asked)
{
    if (asked->packet != NULL) {
        size_t count = 0;
        struct pm_capture *made = pm_explain_packets(asked->packet, &count);
        asked->frame = asked->frame == 0 ? count : asked->frame;
        return made;
    }
    struct pm_capture *capture = pm_input_open(asked->options.in, stderr);
    if (capture == NULL) {
        pm_complain(PM_EXIT_INTERNAL, "explain: no memory");
        return NULL;
    }
    if (pm_capture_error(capture) == NULL)
        return capture;
    pm_complain(PM_EXIT_BAD_INPUT, "%s", pm_capture_error(capture));
    pm_capture_close(capture);
    return NULL;
}

static enum pm_exit with_rules(struct asked *asked)
{
    struct pm_rules *rules = pm_rules_load_traced(asked->options.rules);
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "explain: no memory");
    bool is_good = pm_rules_policy(rules) != NULL;
    if (!is_good)
        pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
    if (is_good && (asked->rule == NULL || has_rule(rules, asked->rule))) {
        struct pm_capture *capture = open_capture(asked);
        if (capture != NULL)
            code = explain(asked, rules, capture);
        pm_capture_close(capture);
    }
    pm_rules_free(rules);
    return code;
}

enum pm_exit pm_command_explain(int argc, char *const argv[])
{
    struct pm_arguments arguments = {"explain", table, OPT_COUNT, argv, argc, 1, false};
    struct asked asked = {.options = {.command = "explain", .mtu = 1500, .quiet = true}};
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    const char *value;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        if (found == OPT_HELP)
            fputs(help, stdout);
        if (found == OPT_VERSION)
            printf("pktmod %s\n", pm_version());
        if (found == OPT_HELP || found == OPT_VERSION || !take_option(&asked, found, value)) {
            pm_replay_options_free(&asked.options);
            return found == OPT_HELP || found == OPT_VERSION ? PM_EXIT_GOOD : PM_EXIT_BAD_INPUT;
        }
    }
    if (is_complete(&asked))
        code = with_rules(&asked);
    pm_replay_options_free(&asked.options);
    return code;
}
