/* run_utun.c - pktmod run on macOS: the tunnel of a root process. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/direction.h"
#include "app/interrupt.h"
#include "rules/rules.h"
#include "tunnel-ext/darwin/roottunnel.h"
#include "tunnel-ext/run_plan.h"

static const char help[] =
    "usage: pktmod run RULES --tunnel utun[N] [OPTION...]\n\n"
    "Carries what the rewrite rules are about through the rewriter, live, as root. Destinations\n"
    "come from ip.dst, ip.src and ip.addr of the rules; a rule that names none asks for all.\n"
    "They are shown, and routed into a utun until the end. Connections of programs on this Mac\n"
    "end in the tunnel and are continued by its sockets: TCP, UDP, ping. Rules that judge\n"
    "(allow, drop, ...) do nothing here: the system extension's filter is for them. Prints\n"
    "counters, one JSON object, when it ends.\n\n"
    "  --tunnel utun[N]  the device; the first free one, unless it has a number\n"
    "  --to PREFIX,...   these destinations, instead of those of the rules\n"
    "  --plan            show the destinations and end\n"
    "  --mtu N           of the device, 1280 to 65535 (default 9000)\n"
    "  --seed N          for every draw\n\n"
    "exit: 0 ended by a signal, 2 bad usage or rules, or not permitted, 3 internal error\n";

enum { OPT_HELP, OPT_VERSION, OPT_TUNNEL, OPT_TO, OPT_PLAN, OPT_MTU, OPT_SEED };

static const struct pm_option options[] = {
    [OPT_HELP] = {"help", 'h', false},  [OPT_VERSION] = {"version", 'V', false},
    [OPT_TUNNEL] = {"tunnel", 0, true}, [OPT_TO] = {"to", 0, true},
    [OPT_PLAN] = {"plan", 0, false},    [OPT_MTU] = {"mtu", 0, true},
    [OPT_SEED] = {"seed", 0, true},
};

struct request {
    const char *path;
    struct pm_roottunnel_config tunnel;
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

static enum pm_exit take_number(struct request *r, int option, const char *value)
{
    uint64_t mtu = 0;
    bool is_seed = option == OPT_SEED;
    if (is_seed && !read_number(value, 0, UINT64_MAX, &r->tunnel.seed))
        return pm_complain(PM_EXIT_BAD_INPUT, "run: --seed is a whole number, not \"%s\"", value);
    if (!is_seed && !read_number(value, 1280, 65535, &mtu))
        return pm_complain(PM_EXIT_BAD_INPUT, "run: --mtu is 1280 to 65535, not \"%s\"", value);
    r->tunnel.mtu = is_seed ? r->tunnel.mtu : (uint32_t)mtu;
    return PM_EXIT_GOOD;
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

static enum pm_exit tell(struct request *r, int found)
{
    r->is_told = true;
    if (found == OPT_HELP)
        fputs(help, stdout);
    else
        printf("pktmod %s\n", pm_version());
    return PM_EXIT_GOOD;
}

static enum pm_exit take(struct request *r, int found, const char *value)
{
    switch (found) {
    case PM_ARGUMENT_WORD:
        if (r->path != NULL)
            return pm_complain(PM_EXIT_BAD_INPUT, "run: one rule file, not both \"%s\" and \"%s\"",
                               r->path, value);
        r->path = value;
        return PM_EXIT_GOOD;
    case OPT_HELP:
    case OPT_VERSION:
        return tell(r, found);
    case OPT_TUNNEL:
        r->tunnel.device = value;
        return PM_EXIT_GOOD;
    case OPT_TO:
        return take_to(r, value);
    case OPT_PLAN:
        r->only_plan = true;
        return PM_EXIT_GOOD;
    case OPT_MTU:
    case OPT_SEED:
        return take_number(r, found, value);
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
    if (r->tunnel.device == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "run: say what to do: --tunnel utun rewrites; on macOS packets are "
                           "judged by the system extension (filter-ext/darwin/README.md)");
    if (r->path == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "run: no rule file named; usage: pktmod run RULES --tunnel utun");
    return PM_EXIT_GOOD;
}

/* ------------------------------------------------------------------ the run */

static void carries(const char *device)
{
    fprintf(stderr, "pktmod: tunnel %s carries\n", device);
}

static void print_stats(struct pm_roottunnel *tunnel)
{
    struct pm_courier_stats s;
    pm_roottunnel_stats(tunnel, &s);
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"in", s.tunnel.in},
        {"out", s.tunnel.out},
        {"unwritten", s.tunnel.unwritten},
        {"inbox_full", s.inbox_full},
        {"connections", s.tunnel.connections},
        {"refused", s.tunnel.refused},
        {"unreachable", s.tunnel.unreachable},
        {"unanswered", s.tunnel.unanswered},
        {"datagrams", s.tunnel.datagrams},
        {"echoes", s.tunnel.echoes},
        {"strays", s.tunnel.strays},
        {"overflow", s.tunnel.overflow},
        {"changed", s.rewriter.changed},
        {"edits", s.edits},
    };
    printf("{");
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        printf("\"%s\": %" PRIu64 ", ", counters[i].name, counters[i].value);
    printf("\"why\": {");
    for (int why = 0, any = 0; why < PM_WHY_COUNT; why++)
        if (s.rewriter.why[why] != 0)
            printf("%s\"%s\": %" PRIu64, any++ != 0 ? ", " : "", pm_why_name((enum pm_why)why),
                   s.rewriter.why[why]);
    printf("}}\n");
}

static enum pm_exit carry(const struct request *r)
{
    char error[512] = "";
    struct pm_roottunnel *tunnel = pm_roottunnel_new(&r->tunnel, error, sizeof error);
    if (tunnel == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
    pm_interrupt_catch();
    bool is_good = pm_roottunnel_run(tunnel, error, sizeof error);
    if (is_good)
        print_stats(tunnel);
    pm_roottunnel_free(tunnel);
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
        if (!r->only_plan)
            code = carry(r);
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

enum pm_exit pm_command_run(int argc, char *const argv[])
{
    struct request r = {.path = NULL,
                        .tunnel = {.interrupted = pm_interrupted, .carries = carries}};
    enum pm_exit code = read_arguments(&r, argc, argv);
    if (code == PM_EXIT_GOOD && !r.is_told)
        code = run(&r);
    pm_local_free(&r.to);
    return code;
}
