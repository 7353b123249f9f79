/* run_tunnel.c - the tunnel's part of a live run; the contract is in run_tunnel.h. */
#include "app/run_tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "app/run.h"

const char pm_run_tunnel_help[] =
    "usage: pktmod run RULES --tunnel tun[:NAME] [OPTION...]\n\n"
    "Carries what the rewrite rules are about through the rewriter, live. Linux, as root.\n"
    "Destinations come from ip.dst, ip.src and ip.addr of the rules; a rule that names none\n"
    "asks for all. They are shown, routed into a TUN device, and taken back at the end,\n"
    "also after kill -9. Verdict rules judge what enters, before it is rewritten. Prints\n"
    "counters, one JSON object, when it ends.\n\n"
    "  --tunnel tun[:NAME]  the device; pktmod%d unless named\n"
    "  --mode reflect       for programs on this host (default): their connections end here\n"
    "                       and are continued by sockets of the tunnel. TCP, UDP, ping\n"
    "  --mode forward       for a host that routes for others: packets keep their ends and\n"
    "                       are forwarded by the kernel\n"
    "  --to PREFIX,...      these destinations, instead of those of the rules\n"
    "  --plan               show the destinations and end\n"
    "  --mtu N              of the device (reflect 65535, forward 1500)\n"
    "  --plain              one packet at a time, with whole checksums: no offloads\n"
    "  --memory MIB         what the engines may take, reserved at the start (default 256)\n"
    "  --filter nfqueue:N   judge other traffic too, in the same run; see run --help. What the\n"
    "                       tunnel carries is judged in the tunnel, once\n\n"
    "As with --filter: --control, --control-group, --events, --community-seed, --run-dir,\n"
    "--seed, --quiet; and pktmod ctl. A reload leaves connections that are there to the rules\n"
    "that they began with.\n\n"
    "exit: 0 ended by a signal, 2 bad usage or rules, or not permitted, 3 internal error\n";

/* ------------------------------------------------------------------ the command line */

static bool complain(const char *option, const char *value, const char *wanted)
{
    pm_complain(PM_EXIT_BAD_INPUT, "run: --%s is %s, not \"%s\"", option, wanted, value);
    return false;
}

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

static bool take_device(struct pm_run_tunnel_options *o, const char *value)
{
    bool is_named = strncmp(value, "tun:", 4) == 0 && value[4] != '\0';
    if (!is_named && strcmp(value, "tun") != 0)
        return complain("tunnel", value, "tun or tun:NAME");
    o->is_wanted = true;
    o->device = is_named ? value + 4 : "pktmod%d";
    return true;
}

static bool take_mode(struct pm_run_tunnel_options *o, const char *value)
{
    bool is_forward = strcmp(value, "forward") == 0;
    o->mode = is_forward ? PM_TUNNEL_FORWARD : PM_TUNNEL_REFLECT;
    return is_forward || strcmp(value, "reflect") == 0 ||
           complain("mode", value, "reflect or forward");
}

static bool take_to(struct pm_run_tunnel_options *o, const char *value)
{
    const char *bad;
    if (pm_local_parse(&o->to, value, &bad))
        return true;
    if (bad == NULL)
        pm_complain(PM_EXIT_INTERNAL, "run: no memory");
    else
        pm_complain(PM_EXIT_BAD_INPUT,
                    "run: --to: \"%s\" is no address or prefix, such as 192.0.2.0/24", bad);
    return false;
}

static bool take_mtu(struct pm_run_tunnel_options *o, const char *value)
{
    uint64_t number;
    if (!read_number(value, 1280, 65535, &number))
        return complain("mtu", value, "1280 to 65535");
    o->mtu = (uint32_t)number;
    return true;
}

static bool take_memory(struct pm_run_tunnel_options *o, const char *value)
{
    uint64_t number;
    if (!read_number(value, 1, 1 << 20, &number))
        return complain("memory", value, "a number of MiB");
    o->memory = number << 20;
    return true;
}

bool pm_run_tunnel_take(struct pm_run_tunnel_options *options, const char *name, const char *value)
{
    if (strcmp(name, "tunnel") == 0)
        return take_device(options, value);
    options->has_any = true;
    if (strcmp(name, "mode") == 0)
        return take_mode(options, value);
    if (strcmp(name, "to") == 0)
        return take_to(options, value);
    if (strcmp(name, "mtu") == 0)
        return take_mtu(options, value);
    if (strcmp(name, "memory") == 0)
        return take_memory(options, value);
    if (strcmp(name, "plain") == 0)
        return options->plain = true;
    return options->only_plan = true;
}

void pm_run_tunnel_options_free(struct pm_run_tunnel_options *options)
{
    pm_local_free(&options->to);
}

/* ------------------------------------------------------------------ what enters */

static bool add_wanted(const struct pm_run_tunnel_options *options, const struct pm_policy *policy,
                       struct pm_run_plan *plan)
{
    bool has_memory = true;
    for (size_t i = 0; has_memory && i < options->to.count; i++)
        has_memory = pm_run_plan_add(plan, &options->to.prefixes[i], PM_NO_RULE);
    if (options->to.count == 0)
        has_memory = pm_run_plan_derive(plan, policy);
    return has_memory;
}

static bool make_plan(const struct pm_run_tunnel_options *options, const struct pm_policy *policy,
                      const char *path, struct pm_run_plan *plan)
{
    bool has_memory = add_wanted(options, policy, plan);
    if (!has_memory)
        pm_complain(PM_EXIT_INTERNAL, "run: no memory");
    else if (plan->count == 0)
        pm_complain(PM_EXIT_BAD_INPUT,
                    "run: %s has no rewrite rule in force; a tunnel has nothing to do", path);
    return has_memory && plan->count > 0;
}

enum pm_exit pm_run_tunnel_show(const struct pm_run_tunnel_options *options,
                                const struct pm_policy *policy, const char *path)
{
    struct pm_run_plan plan = {.count = 0};
    bool is_good = make_plan(options, policy, path, &plan);
    if (is_good)
        pm_run_plan_print(&plan, policy, stdout);
    pm_run_plan_free(&plan);
    return is_good ? PM_EXIT_GOOD : PM_EXIT_BAD_INPUT;
}

/* ------------------------------------------------------------------ the run */

static bool make_events(struct pm_run *run, struct pm_policy *policy)
{
    struct pm_run_tunnel *own = &run->tunnel;
    if (run->options->events == NULL)
        return true;
    own->events = pm_run_events_new(&run->log, policy, run->options->community_seed);
    if (own->events == NULL) {
        pm_complain(PM_EXIT_INTERNAL, "run: no memory for events");
        return false;
    }
    pm_run_events_hear_line(own->events, pm_tunnel_line(own->tunnel));
    return true;
}

bool pm_run_tunnel_make(struct pm_run *run, struct pm_policy *policy)
{
    const struct pm_run_tunnel_options *options = &run->options->tunnel;
    struct pm_run_tunnel *own = &run->tunnel;
    char error[512];
    if (!options->is_wanted)
        return true;
    if (!make_plan(options, policy, run->options->rules, &own->plan))
        return false;
    pm_run_plan_print(&own->plan, policy, stderr);
    struct pm_tunnel_config config = {.mode = options->mode,
                                      .device = options->device,
                                      .mtu = options->mtu,
                                      .to = own->plan.prefixes,
                                      .to_count = own->plan.count,
                                      .seed = run->options->seed,
                                      .plain = options->plain,
                                      .memory = options->memory,
                                      .ask_id = run->worker_count + 1,
                                      .asks = run->worker_count + 1,
                                      .clock_ns = run->clock.base_ns};
    own->tunnel = pm_tunnel_new(&config, policy, error, sizeof error);
    if (own->tunnel == NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
    return own->tunnel != NULL && make_events(run, policy);
}

bool pm_run_tunnel_start(struct pm_run *run)
{
    struct pm_tunnel *tunnel = run->tunnel.tunnel;
    char error[512];
    if (tunnel == NULL)
        return true;
    if (!pm_tunnel_test(tunnel, error, sizeof error)) {
        pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
        return false;
    }
    if (!pm_tunnel_start(tunnel)) {
        pm_complain(PM_EXIT_INTERNAL, "run: cannot make a thread");
        return false;
    }
    if (!run->options->quiet)
        fprintf(stderr, "pktmod: tunnel %s carries\n", pm_tunnel_device(tunnel));
    return true;
}

bool pm_run_tunnel_has_failed(const struct pm_run *run)
{
    struct pm_tunnel *tunnel = run->tunnel.tunnel;
    if (tunnel == NULL)
        return false;
    pm_tunnel_lock(tunnel);
    bool is_gone = pm_tunnel_is_gone(tunnel);
    pm_tunnel_unlock(tunnel);
    return is_gone;
}

void pm_run_tunnel_tick(struct pm_run *run)
{
    struct pm_run_tunnel *own = &run->tunnel;
    if (own->tunnel == NULL)
        return;
    pm_tunnel_lock(own->tunnel);
    pm_tunnel_tick(own->tunnel);
    if (own->events != NULL)
        pm_run_events_pass(own->events, pm_clock_now_ns(&run->clock));
    pm_tunnel_unlock(own->tunnel);
}

void pm_run_tunnel_end(struct pm_run *run)
{
    struct pm_run_tunnel *own = &run->tunnel;
    if (own->tunnel != NULL && pm_tunnel_has_started(own->tunnel)) {
        pm_tunnel_stop(own->tunnel);
        pm_run_tunnel_print_end(run);
    }
    pm_run_events_free(own->events, pm_clock_now_ns(&run->clock));
    pm_tunnel_free(own->tunnel);
    pm_run_plan_free(&own->plan);
    *own = (struct pm_run_tunnel){.tunnel = NULL};
}

/* ------------------------------------------------------------------ another policy */

/* What entered before goes on entering: connections are there. */
static bool route_more(struct pm_run *run, const struct pm_policy *policy, char *error,
                       size_t error_cap)
{
    struct pm_run_tunnel *own = &run->tunnel;
    struct pm_run_plan wanted = {.count = 0}, plan = {.count = 0};
    bool has_memory = add_wanted(&run->options->tunnel, policy, &wanted);
    for (size_t i = 0; has_memory && i < own->plan.count; i++)
        has_memory = pm_run_plan_add(&plan, &own->plan.prefixes[i], PM_NO_RULE);
    for (size_t i = 0; has_memory && i < wanted.count; i++)
        has_memory = pm_run_plan_add(&plan, &wanted.prefixes[i], PM_NO_RULE);
    pm_run_plan_free(&wanted);
    if (!has_memory) {
        snprintf(error, error_cap, "no memory");
        pm_run_plan_free(&plan);
        return false;
    }
    bool is_good =
        pm_tunnel_route(own->tunnel, plan.prefixes, own->plan.count, plan.count, error, error_cap);
    pm_run_plan_free(&own->plan);
    own->plan = plan;
    return is_good;
}

static bool has_room(struct pm_run *run, const struct pm_policy *policy, char *error,
                     size_t error_cap)
{
    struct pm_tunnel *tunnel = run->tunnel.tunnel;
    pm_tunnel_lock(tunnel);
    bool has_room = pm_line_has_room(pm_tunnel_line(tunnel), policy, pm_clock_now_ns(&run->clock),
                                     error, error_cap);
    pm_tunnel_unlock(tunnel);
    return has_room;
}

bool pm_run_tunnel_prepare(struct pm_run *run, struct pm_policy *policy,
                           struct pm_generation **next, char **wrong)
{
    char error[512];
    struct pm_tunnel *tunnel = run->tunnel.tunnel;
    *next = NULL;
    if (tunnel == NULL)
        return true;
    if (has_room(run, policy, error, sizeof error))
        *next = pm_tunnel_prepare(tunnel, policy, error, sizeof error);
    if (*next != NULL && route_more(run, policy, error, sizeof error))
        return true;
    pm_generation_free(*next);
    *next = NULL;
    char text[600];
    snprintf(text, sizeof text, "%s\n", error);
    *wrong = strdup(text);
    return false;
}

void pm_run_tunnel_swap(struct pm_run *run, struct pm_policy *policy, struct pm_generation *next)
{
    struct pm_run_tunnel *own = &run->tunnel;
    if (next == NULL)
        return;
    pm_tunnel_lock(own->tunnel);
    pm_tunnel_replace(own->tunnel, next);
    if (own->events != NULL && !pm_run_events_renew(own->events, policy)) {
        pm_complain(PM_EXIT_INTERNAL, "run: no memory for events; there are no more of them");
        pm_line_listen(pm_tunnel_line(own->tunnel), &(struct pm_line_listener){.context = NULL});
    }
    pm_tunnel_unlock(own->tunnel);
}
