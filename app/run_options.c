/* run_options.c - the command line of pktmod run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/run.h"

enum {
    OPT_FILTER,
    OPT_INSTALL,
    OPT_UNINSTALL,
    OPT_FIREWALL,
    OPT_HOOK,
    OPT_INTERFACE,
    OPT_INSIDE,
    OPT_BYPASS,
    OPT_OFFLOAD,
    OPT_QUEUE_LENGTH,
    OPT_CONTROL,
    OPT_CONTROL_GROUP,
    OPT_EVENTS,
    OPT_COMMUNITY_SEED,
    OPT_RUN_DIR,
    OPT_SEED,
    OPT_QUIET,
    OPT_TUNNEL, /* and those of run_tunnel.h, to OPT_MEMORY */
    OPT_MODE,
    OPT_TO,
    OPT_PLAN,
    OPT_MTU,
    OPT_PLAIN,
    OPT_MEMORY,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_FILTER] = {"filter", 0, true},
    [OPT_INSTALL] = {"install", 0, false},
    [OPT_UNINSTALL] = {"uninstall", 0, false},
    [OPT_FIREWALL] = {"firewall", 0, true},
    [OPT_HOOK] = {"hook", 0, true},
    [OPT_INTERFACE] = {"interface", 'i', true},
    [OPT_INSIDE] = {"inside", 0, true},
    [OPT_BYPASS] = {"bypass", 0, false},
    [OPT_OFFLOAD] = {"offload", 0, false},
    [OPT_QUEUE_LENGTH] = {"queue-length", 0, true},
    [OPT_CONTROL] = {"control", 0, true},
    [OPT_CONTROL_GROUP] = {"control-group", 0, true},
    [OPT_EVENTS] = {"events", 0, true},
    [OPT_COMMUNITY_SEED] = {"community-seed", 0, true},
    [OPT_RUN_DIR] = {"run-dir", 0, true},
    [OPT_SEED] = {"seed", 0, true},
    [OPT_QUIET] = {"quiet", 'q', false},
    [OPT_TUNNEL] = {"tunnel", 0, true},
    [OPT_MODE] = {"mode", 0, true},
    [OPT_TO] = {"to", 0, true},
    [OPT_PLAN] = {"plan", 0, false},
    [OPT_MTU] = {"mtu", 0, true},
    [OPT_PLAIN] = {"plain", 0, false},
    [OPT_MEMORY] = {"memory", 0, true},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod run RULES --filter nfqueue:N[-M] [--install] [OPTION...]\n"
    "       pktmod run --uninstall --filter nfqueue:N\n"
    "       pktmod run RULES --tunnel tun[:NAME] [OPTION...]     rewrites; see run --tunnel tun "
    "--help\n\n"
    "Filters live packets on Linux: the kernel hands them over through a packet queue and does\n"
    "with them what the rules say: allow, drop, reject, delay, ask. Nothing is rewritten.\n"
    "SIGTERM or Ctrl-C ends it; SIGHUP opens the file of events anew.\n\n"
    "      --filter nfqueue:N[-M]  the queue N, or the queues N to M with a thread each\n"
    "      --install         put the firewall rules in that send packets to the queues, and take\n"
    "                        them out at the end; without, they are printed\n"
    "      --uninstall       take out what a run on that queue left, and end\n"
    "      --firewall KIND   of the rules: iptables (default where it is installed) or nft\n"
    "      --hook LIST       of input, output, forward (default input,output)\n"
    "  -i, --interface IF    only packets of this interface, tun+ for all that begin so; may be\n"
    "                        repeated (default all but lo)\n"
    "      --inside IF       forward: packets that come from this interface go out, others in\n"
    "      --bypass          packets pass while no pktmod listens; without, they are dropped\n"
    "      --offload         with --install: the kernel passes flows that every later packet of\n"
    "                        would be allowed, without asking; uses connection marks\n"
    "      --queue-length N  packets that may wait in the kernel (default 4096 and what may be\n"
    "                        delayed)\n"
    "      --control PATH    the control socket (default RUN_DIR/control.sock); none: no socket\n"
    "      --control-group GROUP  its members may use it too, not only root\n"
    "      --events FILE     append what happens as lines of JSON, with Suricata's names; -\n"
    "                        is standard output; none: only for pktmod ctl events\n"
    "      --community-seed N  of the Community ID in events, 0 to 65535 (default 0)\n"
    "      --run-dir DIR     for lock files and the control socket (default /run/pktmod)\n"
    "      --seed N          for everything drawn by chance (default 0)\n"
    "  -q, --quiet           only errors\n\n"
    "exit: 0 ended as asked, 2 bad usage or rules, no permission, queue taken, no kernel support;\n"
    "nothing is left installed then. 3 internal error\n";

static bool complain(const char *option, const char *value, const char *wanted)
{
    pm_complain(PM_EXIT_BAD_INPUT, "run: --%s %s: %s", option, value, wanted);
    return false;
}

static bool number(const char *option, const char *value, uint64_t most, uint64_t *out)
{
    char *end, wanted[80];
    errno = 0;
    unsigned long long got = strtoull(value, &end, 10);
    bool is_number = *value >= '0' && *value <= '9' && *end == 0 && errno == 0;
    if (is_number && got <= most) {
        *out = got;
        return true;
    }
    snprintf(wanted, sizeof wanted, "a number from 0 to %llu is expected",
             (unsigned long long)most);
    return complain(option, value, wanted);
}

static bool take_filter(struct pm_run_options *o, const char *value)
{
    static const char wanted[] = "nfqueue:N or nfqueue:N-M is expected, with numbers up to 65535 "
                                 "and at most 64 queues";
    char *end;
    if (strncmp(value, "nfqueue:", 8) != 0 || value[8] < '0' || value[8] > '9')
        return complain("filter", value, wanted);
    unsigned long first = strtoul(value + 8, &end, 10), last = first;
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        last = strtoul(end + 1, &end, 10);
    if (*end != 0 || last > UINT16_MAX || first > last || last - first >= PM_RUN_QUEUES)
        return complain("filter", value, wanted);
    o->first = (uint16_t)first;
    o->last = (uint16_t)last;
    o->has_filter = true;
    return true;
}

static bool take_hooks(struct pm_run_options *o, const char *value)
{
    static const char *const names[] = {"input", "output", "forward"};
    const char *at = value;
    o->hooks = 0;
    while (*at != 0) {
        size_t len = strcspn(at, ","), i = 0;
        while (i < 3 && (strlen(names[i]) != len || memcmp(at, names[i], len) != 0))
            i++;
        if (i == 3)
            return complain("hook", value, "a list of input, output and forward is expected");
        o->hooks |= 1u << i;
        at += len + (at[len] == ',');
    }
    return o->hooks != 0 || complain("hook", value, "it names no hook");
}

static bool take_firewall(struct pm_run_options *o, const char *value)
{
    bool is_nft = strcmp(value, "nft") == 0;
    o->has_kind = true;
    o->kind = is_nft ? PM_NFT : PM_IPTABLES;
    return is_nft || strcmp(value, "iptables") == 0 ||
           complain("firewall", value, "iptables or nft is expected");
}

/* It becomes a word of a firewall rule. A + at its end stands for whatever follows. */
static bool is_interface(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "._@:-");
    size_t plus_len = len > 0 && name[len] == '+';
    return len > 0 && len + plus_len < 16 && name[len + plus_len] == 0 && name[0] != '-';
}

static bool take_interface(struct pm_run_options *o, const char *value)
{
    if (!is_interface(value))
        return complain("interface", value, "that is no name of an interface");
    if (o->interface_count == PM_FIREWALL_INTERFACES)
        return complain("interface", value, "at most 16 of them");
    o->interfaces[o->interface_count++] = value;
    return true;
}

static bool take_number(struct pm_run_options *o, int option, const char *value)
{
    uint64_t n = 0;
    switch (option) {
    case OPT_QUEUE_LENGTH:
        if (!number("queue-length", value, 1u << 24, &n))
            return false;
        o->queue_len = (uint32_t)n;
        return n > 0 || complain("queue-length", value, "at least 1");
    case OPT_COMMUNITY_SEED:
        if (!number("community-seed", value, UINT16_MAX, &n))
            return false;
        o->community_seed = (uint16_t)n;
        return true;
    default:
        return number("seed", value, UINT64_MAX, &o->seed);
    }
}

static bool take(struct pm_run_options *o, int option, const char *value)
{
    switch (option) {
    case OPT_FILTER:
        return take_filter(o, value);
    case OPT_TUNNEL:
    case OPT_MODE:
    case OPT_TO:
    case OPT_PLAN:
    case OPT_MTU:
    case OPT_PLAIN:
    case OPT_MEMORY:
        return pm_run_tunnel_take(&o->tunnel, table[option].name, value);
    case OPT_INSTALL:
        return o->install = true;
    case OPT_UNINSTALL:
        return o->uninstall = true;
    case OPT_HOOK:
        return take_hooks(o, value);
    case OPT_INTERFACE:
        return take_interface(o, value);
    case OPT_INSIDE:
        o->inside = value;
        return is_interface(value) || complain("inside", value, "that is no name of an interface");
    case OPT_FIREWALL:
        return take_firewall(o, value);
    case OPT_BYPASS:
        return o->bypass = true;
    case OPT_OFFLOAD:
        return o->offload = true;
    case OPT_CONTROL:
        o->control = value;
        return true;
    case OPT_CONTROL_GROUP:
        o->control_group = value;
        return true;
    case OPT_EVENTS:
        o->events = value;
        return true;
    case OPT_RUN_DIR:
        o->run_dir = value;
        return strlen(value) < 256 || complain("run-dir", value, "at most 255 bytes");
    case OPT_QUIET:
        return o->quiet = true;
    default:
        return take_number(o, option, value);
    }
}

static bool has_filter_options(const struct pm_run_options *o)
{
    return o->install || o->uninstall || o->bypass || o->offload || o->has_kind ||
           o->inside != NULL || o->interface_count > 0 || o->queue_len > 0 ||
           o->hooks != (PM_HOOK_INPUT | PM_HOOK_OUTPUT);
}

static bool is_whole(const struct pm_run_options *o)
{
    const char *wrong = NULL;
    if (!o->has_filter && !o->tunnel.is_wanted)
        wrong = "say what to do: --filter nfqueue:N judges, --tunnel tun rewrites";
    else if (o->rules == NULL && !o->uninstall)
        wrong = o->has_filter ? "no rule file named; usage: pktmod run RULES --filter nfqueue:N"
                              : "no rule file named; usage: pktmod run RULES --tunnel tun";
    else if (!o->has_filter && has_filter_options(o))
        wrong = "--install, --uninstall, --firewall, --hook, --interface, --inside, --bypass, "
                "--offload and "
                "--queue-length are for --filter";
    else if (!o->tunnel.is_wanted && o->tunnel.has_any)
        wrong = "--mode, --to, --plan, --mtu, --plain and --memory are for --tunnel";
    else if (o->tunnel.is_wanted && o->uninstall)
        wrong = "--uninstall is for --filter alone: a tunnel leaves nothing behind";
    else if (o->rules != NULL && o->uninstall)
        wrong = "--uninstall takes no rule file";
    else if (o->offload && !o->install)
        wrong = "--offload needs --install: its firewall rules change with every reload";
    else if (o->inside != NULL && !(o->hooks & PM_HOOK_FORWARD))
        wrong = "--inside is for --hook forward";
    if (wrong != NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "run: %s", wrong);
    return wrong == NULL;
}

static bool tell(struct pm_run_options *o, int found)
{
    if (found == PM_ARGUMENT_BAD)
        return false;
    o->only_told = true;
    if (found == OPT_HELP)
        fputs(o->tunnel.is_wanted ? pm_run_tunnel_help : help, stdout);
    else
        printf("pktmod %s\n", pm_version());
    return true;
}

void pm_run_options_free(struct pm_run_options *options)
{
    pm_run_tunnel_options_free(&options->tunnel);
}

bool pm_run_options_parse(struct pm_run_options *options, int argc, char *const argv[])
{
    struct pm_arguments arguments = {"run", table, OPT_COUNT, argv, argc, 1, false};
    const char *value;
    int found;
    *options =
        (struct pm_run_options){.hooks = PM_HOOK_INPUT | PM_HOOK_OUTPUT, .run_dir = PM_RUN_DIR};
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        if (found == PM_ARGUMENT_BAD || found == OPT_HELP || found == OPT_VERSION)
            return tell(options, found);
        if (found == PM_ARGUMENT_WORD && options->rules != NULL) {
            pm_complain(PM_EXIT_BAD_INPUT, "run: one rule file, not both \"%s\" and \"%s\"",
                        options->rules, value);
            return false;
        }
        if (found == PM_ARGUMENT_WORD)
            options->rules = value;
        else if (!take(options, found, value))
            return false;
    }
    return is_whole(options);
}
