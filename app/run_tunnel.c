/* run_tunnel.c - a live run of the tunnel; the contract is in run_tunnel.h. */
#include "app/run_tunnel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/direction.h"
#include "app/interrupt.h"
#include "tunnel-ext/run_plan.h"
#include "rules/rules.h"
#ifdef __linux__
#include "tunnel-ext/tunnel.h"
#endif

const char pm_run_tunnel_help[] =
    "usage: pktmod run RULES --tunnel tun[:NAME] [OPTION...]\n\n"
    "Carries what the rewrite rules are about through the rewriter, live. Linux, as root.\n"
    "Destinations come from ip.dst, ip.src and ip.addr of the rules; a rule that names none\n"
    "asks for all. They are shown, routed into a TUN device, and taken back at the end,\n"
    "also after kill -9. Prints counters, one JSON object, when it ends.\n\n"
    "  --tunnel tun[:NAME]  the device; pktmod%d unless named\n"
    "  --mode reflect       for programs on this host (default): their connections end here\n"
    "                       and are continued by sockets of the tunnel. TCP, UDP, ping\n"
    "  --mode forward       for a host that routes for others: packets keep their ends and\n"
    "                       are forwarded by the kernel\n"
    "  --to PREFIX,...      these destinations, instead of those of the rules\n"
    "  --plan               show the destinations and end\n"
    "  --mtu N              of the device (reflect 65535, forward 1500)\n"
    "  --seed N             for every draw\n\n"
    "exit: 0 ended by a signal, 2 bad usage or rules, or not permitted, 3 internal error\n";

/* The option is among the words, as --name or --name=VALUE. */
static bool has_option(int argc, char *const argv[], const char *option)
{
    size_t len = strlen(option);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], option, len) == 0 && (argv[i][len] == '\0' || argv[i][len] == '='))
            return true;
    return false;
}

bool pm_run_wants_tunnel(int argc, char *const argv[])
{
    return has_option(argc, argv, "--tunnel");
}

#ifndef __linux__

enum pm_exit pm_run_tunnel(int argc, char *const argv[])
{
    (void)argc;
    (void)argv;
    return pm_complain(PM_EXIT_BAD_INPUT, "run: --tunnel is for Linux alone so far");
}

#else

enum { OPT_HELP, OPT_VERSION, OPT_TUNNEL, OPT_MODE, OPT_TO, OPT_PLAN, OPT_MTU, OPT_SEED };

static const struct pm_option options[] = {
    [OPT_HELP] = {"help", 'h', false},  [OPT_VERSION] = {"version", 'V', false},
    [OPT_TUNNEL] = {"tunnel", 0, true}, [OPT_MODE] = {"mode", 0, true},
    [OPT_TO] = {"to", 0, true},         [OPT_PLAN] = {"plan", 0, false},
    [OPT_MTU] = {"mtu", 0, true},       [OPT_SEED] = {"seed", 0, true},
};

struct request {
    const char *path;
    struct pm_tunnel_config tunnel;
    struct pm_local to;
    bool only_plan, is_told;
};

/* ------------------------------------------------------------------ the command line */

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    *number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (digit > 9 || digit > most || *number > (most - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return *text != '\0' && *number >= least;
}

static enum pm_exit take_device(struct request *r, const char *value)
{
    if (strcmp(value, "tun") == 0)
        return PM_EXIT_GOOD;
    if (strncmp(value, "tun:", 4) != 0 || value[4] == '\0')
        return pm_complain(PM_EXIT_BAD_INPUT, "run: --tunnel is tun or tun:NAME, not \"%s\"",
                           value);
    r->tunnel.device = value + 4;
    return PM_EXIT_GOOD;
}

static enum pm_exit take_mode(struct request *r, const char *value)
{
    bool is_forward = strcmp(value, "forward") == 0;
    r->tunnel.mode = is_forward ? PM_TUNNEL_FORWARD : PM_TUNNEL_REFLECT;
    if (is_forward || strcmp(value, "reflect") == 0)
        return PM_EXIT_GOOD;
    return pm_complain(PM_EXIT_BAD_INPUT, "run: --mode is reflect or forward, not \"%s\"", value);
}

static enum pm_exit take_to(struct request *r, const char *value)
{
    const char *bad;
    if (pm_local_parse(&r->to, value, &bad))
        return PM_EXIT_GOOD;
    if (bad == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "run: no memory");
    return pm_complain(PM_EXIT_BAD_INPUT,
                       "run: --to: \"%s\" is no address or prefix, such as 192.0.2.0/24", bad);
}

static enum pm_exit take_numbers(struct request *r, int option, const char *value)
{
    uint64_t number;
    if (option == OPT_SEED) {
        if (!read_number(value, 0, UINT64_MAX, &r->tunnel.seed))
            return pm_complain(PM_EXIT_BAD_INPUT, "run: --seed is a whole number, not \"%s\"",
                               value);
        return PM_EXIT_GOOD;
    }
    if (!read_number(value, 1280, 65535, &number))
        return pm_complain(PM_EXIT_BAD_INPUT, "run: --mtu is 1280 to 65535, not \"%s\"", value);
    r->tunnel.mtu = (uint32_t)number;
    return PM_EXIT_GOOD;
}

static enum pm_exit take_word(struct request *r, const char *value)
{
    if (r->path != NULL)
        return pm_complain(PM_EXIT_BAD_INPUT, "run: one rule file, not both \"%s\" and \"%s\"",
                           r->path, value);
    r->path = value;
    return PM_EXIT_GOOD;
}

static enum pm_exit take(struct request *r, int found, const char *value)
{
    switch (found) {
    case PM_ARGUMENT_WORD:
        return take_word(r, value);
    case OPT_HELP:
        fputs(pm_run_tunnel_help, stdout);
        r->is_told = true;
        return PM_EXIT_GOOD;
    case OPT_VERSION:
        printf("pktmod %s\n", pm_version());
        r->is_told = true;
        return PM_EXIT_GOOD;
    case OPT_TUNNEL:
        return take_device(r, value);
    case OPT_MODE:
        return take_mode(r, value);
    case OPT_TO:
        return take_to(r, value);
    case OPT_PLAN:
        r->only_plan = true;
        return PM_EXIT_GOOD;
    case OPT_MTU:
    case OPT_SEED:
        return take_numbers(r, found, value);
    default:
        return PM_EXIT_BAD_INPUT;
    }
}

static enum pm_exit read_arguments(struct request *r, int argc, char *const argv[])
{
    struct pm_arguments arguments = {.command = "run",
                                     .options = options,
                                     .option_count = sizeof options / sizeof options[0],
                                     .argv = argv,
                                     .argc = argc,
                                     .at = 1};
    const char *value;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        enum pm_exit code = take(r, found, value);
        if (code != PM_EXIT_GOOD || r->is_told)
            return code;
    }
    if (r->path == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "run: no rule file named; usage: pktmod run RULES --tunnel tun");
    return PM_EXIT_GOOD;
}

/* ------------------------------------------------------------------ the run */

static void print_count(const char *name, uint64_t count)
{
    printf("\"%s\": %" PRIu64 ", ", name, count);
}

static void print_stats(const struct pm_tunnel *tunnel, const struct pm_policy *policy)
{
    struct pm_tunnel_stats stats = pm_tunnel_stats(tunnel);
    const struct pm_rewriter *rewriter = pm_tunnel_rewriter(tunnel);
    const struct pm_stats *engine = pm_rewriter_stats(rewriter);
    uint64_t edits = 0;
    for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
        edits += pm_rewriter_rule_stats(rewriter, i)->edits;
    printf("{");
    print_count("in", stats.in);
    print_count("out", stats.out);
    print_count("unwritten", stats.unwritten);
    print_count("connections", stats.connections);
    print_count("refused", stats.refused);
    print_count("unreachable", stats.unreachable);
    print_count("unanswered", stats.unanswered);
    print_count("datagrams", stats.datagrams);
    print_count("echoes", stats.echoes);
    print_count("strays", stats.strays);
    print_count("overflow", stats.overflow);
    print_count("changed", engine->changed);
    print_count("edits", edits);
    printf("\"why\": {");
    for (int why = 0, any = 0; why < PM_WHY_COUNT; why++)
        if (engine->why[why] != 0)
            printf("%s\"%s\": %" PRIu64, any++ != 0 ? ", " : "", pm_why_name((enum pm_why)why),
                   engine->why[why]);
    printf("}}\n");
}

static enum pm_exit carry(struct request *r, struct pm_policy *policy)
{
    char error[512];
    struct pm_tunnel *tunnel = pm_tunnel_new(&r->tunnel, error, sizeof error);
    if (tunnel == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
    pm_interrupt_catch();
    bool is_good = pm_tunnel_test(tunnel, error, sizeof error);
    if (is_good) {
        fprintf(stderr, "pktmod: tunnel %s carries\n", pm_tunnel_device(tunnel));
        is_good = pm_tunnel_run(tunnel, error, sizeof error);
        print_stats(tunnel, policy);
    }
    pm_tunnel_free(tunnel);
    return is_good ? PM_EXIT_GOOD : pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
}

static enum pm_exit make_plan(const struct request *r, const struct pm_policy *policy,
                              struct pm_run_plan *plan)
{
    bool has_memory = true;
    for (size_t i = 0; has_memory && i < r->to.count; i++)
        has_memory = pm_run_plan_add(plan, &r->to.prefixes[i], PM_NO_RULE);
    if (r->to.count == 0)
        has_memory = pm_run_plan_derive(plan, policy);
    if (!has_memory)
        return pm_complain(PM_EXIT_INTERNAL, "run: no memory");
    if (plan->count == 0)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "run: %s has no rewrite rule in force; a tunnel has nothing to do",
                           r->path);
    return PM_EXIT_GOOD;
}

static enum pm_exit run_policy(struct request *r, struct pm_policy *policy)
{
    struct pm_run_plan plan = {.count = 0};
    enum pm_exit code = make_plan(r, policy, &plan);
    if (code == PM_EXIT_GOOD) {
        pm_run_plan_print(&plan, policy, r->only_plan ? stdout : stderr);
        r->tunnel.policy = policy;
        r->tunnel.to = plan.prefixes;
        r->tunnel.to_count = plan.count;
        r->tunnel.interrupted = pm_interrupted;
        if (!r->only_plan)
            code = carry(r, policy);
    }
    pm_run_plan_free(&plan);
    return code;
}

static enum pm_exit run(struct request *r)
{
    struct pm_rules *rules = pm_rules_load(r->path);
    if (rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "%s: no memory", r->path);
    struct pm_policy *policy = pm_rules_policy(rules);
    pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
    enum pm_exit code = policy != NULL ? run_policy(r, policy) : PM_EXIT_BAD_INPUT;
    pm_rules_free(rules);
    return code;
}

enum pm_exit pm_run_tunnel(int argc, char *const argv[])
{
    struct request r = {.path = NULL, .tunnel = {.device = "pktmod%d"}};
    if (has_option(argc, argv, "--filter"))
        return pm_complain(PM_EXIT_BAD_INPUT, "run: --filter and --tunnel are not for one process "
                                              "yet; run pktmod twice");
    enum pm_exit code = read_arguments(&r, argc, argv);
    if (code == PM_EXIT_GOOD && !r.is_told)
        code = run(&r);
    pm_local_free(&r.to);
    return code;
}

#endif
