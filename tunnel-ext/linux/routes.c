/* routes.c - rules and routes of the tunnel, and their removal; the contract is in routes.h. */
#include "tunnel-ext/linux/routes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tunnel-ext/linux/netlink.h"

enum { LAST = PM_ROUTES_TABLE + 9 };

/* ------------------------------------------------------------------ the child */

/* Nobody but the parent's end stops it; it removes everything and ends. */
static void guard(int alive)
{
    char byte;
    setsid();
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    while (read(alive, &byte, 1) < 0 && errno == EINTR)
        continue;
    int netlink = pm_netlink_open();
    if (netlink >= 0)
        pm_netlink_clean(netlink, PM_ROUTES_TABLE);
    _exit(0);
}

/* The child keeps its end of the pipe and nothing else that is ours. */
static bool start_child(struct pm_routes *routes)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    routes->child = fork();
    if (routes->child == 0) {
        if (dup2(ends[0], STDIN_FILENO) == STDIN_FILENO)
            closefrom(STDERR_FILENO + 1);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        guard(STDIN_FILENO);
    }
    close(ends[0]);
    routes->alive = ends[1];
    return routes->child > 0;
}

bool pm_routes_begin(struct pm_routes *routes, char *error, size_t error_cap)
{
    *routes = (struct pm_routes){.netlink = pm_netlink_open(), .alive = -1, .child = -1};
    if (pm_netlink_is_used(PM_ROUTES_TABLE)) {
        snprintf(error, error_cap, "another tunnel runs here: routing table %u is in use",
                 PM_ROUTES_TABLE);
        pm_routes_end(routes);
        return false;
    }
    int failed = routes->netlink < 0 ? errno : pm_netlink_clean(routes->netlink, PM_ROUTES_TABLE);
    if (failed == 0 && !start_child(routes))
        failed = errno;
    if (failed == 0)
        return true;
    snprintf(error, error_cap, "cannot prepare routes: %s", strerror(failed));
    pm_routes_end(routes);
    return false;
}

void pm_routes_end(struct pm_routes *routes)
{
    if (routes->alive >= 0)
        close(routes->alive);
    if (routes->child > 0)
        while (waitpid(routes->child, NULL, 0) < 0 && errno == EINTR)
            continue;
    if (routes->netlink >= 0)
        close(routes->netlink);
    *routes = (struct pm_routes){.netlink = -1, .alive = -1, .child = -1};
}

/* ------------------------------------------------------------------ rules */

/* What is being set up, and the first thing that went wrong. */
struct setting {
    int netlink, failed;
    const char *what;
};

static void note(struct setting *s, int failed, const char *what)
{
    if (s->failed != 0 || failed == 0)
        return;
    s->failed = failed;
    s->what = what;
}

static void add_rule(struct setting *s, const struct pm_netlink_rule *rule)
{
    if (s->failed == 0)
        note(s, pm_netlink_add_rule(s->netlink, rule), "routing rule");
}

static void add_route(struct setting *s, const struct pm_prefix *to, unsigned ifindex)
{
    if (s->failed == 0)
        note(s, pm_netlink_add_route(s->netlink, PM_ROUTES_TABLE, to, ifindex), "route");
}

/* The table has a route for all; multicast, broadcast and link-local are for others. */
static void fill_table(struct setting *s, const struct pm_tun *tun, uint8_t version)
{
    static const struct pm_prefix others[] = {
        {.addr = {.bytes = {224}, .version = 4}, .bits = 4},
        {.addr = {.bytes = {255, 255, 255, 255}, .version = 4}, .bits = 32},
        {.addr = {.bytes = {169, 254}, .version = 4}, .bits = 16},
        {.addr = {.bytes = {0xff}, .version = 6}, .bits = 8},
        {.addr = {.bytes = {0xfe, 0x80}, .version = 6}, .bits = 10},
    };
    struct pm_prefix all = {.addr = {.version = version}, .bits = 0};
    add_route(s, &all, tun->ifindex);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].addr.version == version)
            add_route(s, &others[i], 0);
}

static void frame(struct setting *s, uint8_t version, const struct pm_netlink_rule *past)
{
    struct pm_netlink_rule rule = *past;
    rule.version = version;
    rule.priority = PM_ROUTES_TABLE;
    rule.go_to = LAST;
    add_rule(s, &(struct pm_netlink_rule){.version = version, .priority = LAST});
    add_rule(s, &rule);
}

static bool tell(const struct setting *s, char *error, size_t error_cap)
{
    if (s->failed != 0)
        snprintf(error, error_cap, "cannot set up the tunnel's %s: %s", s->what,
                 strerror(s->failed));
    return s->failed == 0;
}

/* ------------------------------------------------------------------ modes */

static void frame_reflect(struct setting *s, uint8_t version)
{
    const struct pm_netlink_rule past = {.mark = PM_ROUTES_MARK};
    frame(s, version, &past);
}

static void frame_forward(struct setting *s, const struct pm_tun *tun, uint8_t version)
{
    const struct pm_netlink_rule past = {.interface = tun->name};
    frame(s, version, &past);
    add_rule(s, &(struct pm_netlink_rule){.version = version,
                                          .priority = PM_ROUTES_TABLE + 1,
                                          .table = PM_ROUTES_TABLE,
                                          .ip_proto = version == 4 ? PM_IP_ICMP : PM_IP_ICMP6});
    add_rule(s, &(struct pm_netlink_rule){.version = version,
                                          .priority = PM_ROUTES_TABLE + 2,
                                          .interface = "lo",
                                          .go_to = LAST});
}

/* Once, with the first destination of the version. */
static void frame_version(struct setting *s, struct pm_routes *routes, const struct pm_tun *tun,
                          uint8_t version)
{
    bool *is_framed = version == 4 ? &routes->is_framed_4 : &routes->is_framed_6;
    if (*is_framed)
        return;
    fill_table(s, tun, version);
    if (routes->is_forward)
        frame_forward(s, tun, version);
    else
        frame_reflect(s, version);
    *is_framed = s->failed == 0;
}

/* The kernel takes a rule without a destination for a copy of any that differs in nothing else:
 * that one has a priority of its own. */
static uint32_t priority_of(uint32_t first, const struct pm_prefix *to)
{
    return PM_ROUTES_TABLE + first + (to->bits == 0);
}

static void reflect_to(struct setting *s, const struct pm_routes *routes,
                       const struct pm_prefix *to)
{
    const struct pm_prefix own = {.addr = routes->own4, .bits = 32};
    const struct pm_prefix nobody = {.addr = {.version = 4}, .bits = 32};
    bool is_4 = to->addr.version == 4;
    struct pm_netlink_rule rule = {.version = to->addr.version,
                                   .priority = priority_of(1, to),
                                   .table = PM_ROUTES_TABLE,
                                   .to = to,
                                   .from = is_4 ? &nobody : NULL};
    add_rule(s, &rule);
    rule.from = &own;
    if (is_4)
        add_rule(s, &rule);
}

static void forward_to(struct setting *s, const struct pm_prefix *to)
{
    struct pm_netlink_rule rule = {.version = to->addr.version,
                                   .priority = priority_of(3, to),
                                   .table = PM_ROUTES_TABLE,
                                   .to = to};
    add_rule(s, &rule);
    rule.to = NULL;
    rule.from = to;
    if (to->bits > 0)
        add_rule(s, &rule);
}

bool pm_routes_add(struct pm_routes *routes, const struct pm_tun *tun,
                   const struct pm_route_plan *plan, char *error, size_t error_cap)
{
    struct setting s = {.netlink = routes->netlink, .failed = 0};
    for (size_t i = 0; i < plan->count; i++) {
        const struct pm_prefix *to = &plan->to[i];
        if (!(to->addr.version == 4 ? routes->has_4 : routes->has_6))
            continue;
        frame_version(&s, routes, tun, to->addr.version);
        if (routes->is_forward)
            forward_to(&s, to);
        else
            reflect_to(&s, routes, to);
    }
    return tell(&s, error, error_cap);
}

bool pm_routes_reflect(struct pm_routes *routes, const struct pm_tun *tun,
                       const struct pm_route_plan *plan, const struct pm_addr *own4,
                       const struct pm_addr *own6, char *error, size_t error_cap)
{
    routes->has_4 = true;
    routes->has_6 = own6 != NULL;
    routes->own4 = *own4;
    return pm_routes_add(routes, tun, plan, error, error_cap);
}

bool pm_routes_forward(struct pm_routes *routes, const struct pm_tun *tun,
                       const struct pm_route_plan *plan, char *error, size_t error_cap)
{
    routes->has_4 = routes->has_6 = routes->is_forward = true;
    return pm_routes_add(routes, tun, plan, error, error_cap);
}
