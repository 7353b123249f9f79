/* tunnel.c - sets the tunnel on Linux up, and takes it down; the contract is in tunnel.h. */
#include "tunnel-ext/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tunnel-ext/addresses.h"
#include "tunnel-ext/linux/carry.h"
#include "tunnel-ext/linux/netlink.h"

#define REFLECT_MTU 65535u /* what reaches sockets and programs of this host is never cut */

/* ------------------------------------------------------------------ set-up */

static bool on_external(void *context, const struct pm_external_data *data)
{
    const struct pm_tunnel *t = context;
    return pm_clients_take(t->clients, data);
}

static bool prepare_reflection(struct pm_tunnel *t, const uint64_t hash_key[2], char *error,
                               size_t error_cap)
{
    struct pm_reflect_config config = {
        .carrier = pm_carry_carrier(t), .hash_key = {hash_key[0], hash_key[1]}, .stats = &t->stats};
    struct pm_route_plan plan = {.to = t->config.to, .count = t->config.to_count};
    if (!pm_addresses_choose(&config.addresses)) {
        snprintf(error, error_cap, "all of 198.18.0.0/16 is in use here");
        return false;
    }
    struct pm_addresses *addresses = &config.addresses;
    struct pm_prefix own4 = {.addr = addresses->own4, .bits = PM_OWN4_BITS};
    struct pm_prefix own6 = {.addr = addresses->own6, .bits = PM_OWN6_BITS};
    int failed = pm_netlink_add_address(t->routes.netlink, t->tun.ifindex, &own4);
    if (failed != 0) {
        snprintf(error, error_cap, "%s: cannot add an address: %s", t->tun.name, strerror(failed));
        return false;
    }
    bool has_6 = pm_netlink_add_address(t->routes.netlink, t->tun.ifindex, &own6) == 0;
    if (!has_6)
        addresses->own6.version = addresses->peer6.version = 0;
    t->reflect = pm_reflect_new(&config, error, error_cap);
    return t->reflect != NULL &&
           pm_routes_reflect(&t->routes, &t->tun, &plan, &addresses->own4,
                             has_6 ? &addresses->own6 : NULL, error, error_cap);
}

/* What comes back from the device has other hosts' addresses, and of the kernel's own ICMP this
 * host's. */
static bool prepare_forwarding(struct pm_tunnel *t, char *error, size_t error_cap)
{
    struct pm_route_plan plan = {.to = t->config.to, .count = t->config.to_count};
    if (!pm_tun_set(&t->tun, "ipv4", "rp_filter", "2") ||
        !pm_tun_set(&t->tun, "ipv4", "accept_local", "1") ||
        !pm_tun_set(&t->tun, "ipv4", "forwarding", "1")) {
        snprintf(error, error_cap, "%s: cannot write to /proc/sys/net: %s", t->tun.name,
                 strerror(errno));
        return false;
    }
    return pm_routes_forward(&t->routes, &t->tun, &plan, error, error_cap);
}

static bool make_line(struct pm_tunnel *t, struct pm_policy *policy, const uint64_t hash_key[2],
                      char *error, size_t error_cap)
{
    bool is_forward = t->config.mode == PM_TUNNEL_FORWARD;
    struct pm_line_config config = {.seed = t->config.seed,
                                    .hash_key = {hash_key[0], hash_key[1]},
                                    .memory = t->config.memory,
                                    .mtu = is_forward ? t->config.mtu : REFLECT_MTU,
                                    .clamp_mss = is_forward,
                                    .offload = t->has_offload,
                                    .ask_id = t->config.ask_id,
                                    .asks = t->config.asks,
                                    .context = t,
                                    .pass = pm_carry_pass,
                                    .leave = pm_carry_leave,
                                    .reply = pm_carry_reply,
                                    .external = on_external};
    t->line = pm_line_new(policy, &config, error, error_cap);
    if (t->line == NULL)
        return false;
    t->clients = pm_clients_new(policy, error, error_cap);
    if (t->clients != NULL)
        pm_clients_serve(t->clients, pm_line_rewriter(t->line));
    return t->clients != NULL;
}

/* A descriptor for each end of each connection. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t wanted = 2 * 8192 + 4096 + 64;
    limit.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max;
    limit.rlim_cur = limit.rlim_cur < wanted ? wanted : limit.rlim_cur;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_device(struct pm_tunnel *t, char *error, size_t error_cap)
{
    if (!pm_routes_begin(&t->routes, error, error_cap))
        return false;
    if (!pm_tun_open(&t->tun, t->config.device, t->has_offload, error, error_cap))
        return false;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = pm_carry_watch(t);
    if (failed == 0)
        failed = pm_netlink_up(t->routes.netlink, t->tun.ifindex, t->config.mtu);
    if (failed != 0)
        snprintf(error, error_cap, "%s: cannot bring it up: %s", t->tun.name, strerror(failed));
    return failed == 0;
}

static bool set_up(struct pm_tunnel *t, struct pm_policy *policy, char *error, size_t error_cap)
{
    uint64_t hash_key[2];
    if (getrandom(hash_key, sizeof hash_key, 0) != (ssize_t)sizeof hash_key) {
        snprintf(error, error_cap, "no random numbers: %s", strerror(errno));
        return false;
    }
    if (t->config.mtu == 0)
        t->config.mtu = t->config.mode == PM_TUNNEL_REFLECT ? REFLECT_MTU : 1500;
    t->has_offload = !t->config.plain;
    raise_descriptors();
    if (!open_device(t, error, error_cap) || !make_line(t, policy, hash_key, error, error_cap))
        return false;
    if (t->config.mode == PM_TUNNEL_FORWARD)
        return prepare_forwarding(t, error, error_cap);
    if (!prepare_reflection(t, hash_key, error, error_cap))
        return false;
    pm_reflect_serve(t->reflect, t->line);
    return true;
}

static bool names_sockets(const struct pm_policy *policy)
{
    for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
        if (pm_policy_rule_socket(policy, i) != NULL && !pm_policy_rule_is_dry_run(policy, i))
            return true;
    return false;
}

struct pm_tunnel *pm_tunnel_new(const struct pm_tunnel_config *config, struct pm_policy *policy,
                                char *error, size_t error_cap)
{
    struct pm_tunnel *t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    t->config = *config;
    t->has_sockets = names_sockets(policy);
    t->epoll = t->wake = t->tun.fd = -1;
    t->routes = (struct pm_routes){.netlink = -1, .alive = -1, .child = -1};
    pthread_mutex_init(&t->mutex, NULL);
    if (set_up(t, policy, error, error_cap))
        return t;
    pm_tunnel_free(t);
    return NULL;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void pm_tunnel_free(struct pm_tunnel *tunnel)
{
    if (tunnel == NULL)
        return;
    pm_reflect_free(tunnel->reflect);
    pm_routes_end(&tunnel->routes);
    pm_tun_close(&tunnel->tun);
    close_fd(tunnel->epoll);
    close_fd(tunnel->wake);
    pm_clients_free(tunnel->clients);
    pm_line_free(tunnel->line);
    pthread_mutex_destroy(&tunnel->mutex);
    free(tunnel);
}

/* ------------------------------------------------------------------ another policy */

struct pm_generation *pm_tunnel_prepare(const struct pm_tunnel *tunnel, struct pm_policy *policy,
                                        char *error, size_t error_cap)
{
    if (tunnel->has_sockets || names_sockets(policy)) {
        snprintf(error, error_cap,
                 "rules with `external` edits are not taken or given up while a tunnel runs: stop "
                 "it and start it again");
        return NULL;
    }
    return pm_line_prepare(tunnel->line, policy, error, error_cap);
}

bool pm_tunnel_route(struct pm_tunnel *tunnel, const struct pm_prefix *to, size_t from,
                     size_t to_count, char *error, size_t error_cap)
{
    struct pm_route_plan plan = {.to = to + from, .count = to_count - from};
    bool is_good = pm_routes_add(&tunnel->routes, &tunnel->tun, &plan, error, error_cap);
    pm_tunnel_lock(tunnel);
    tunnel->config.to = to;
    tunnel->config.to_count = to_count;
    pm_tunnel_unlock(tunnel);
    return is_good;
}

void pm_tunnel_replace(struct pm_tunnel *tunnel, struct pm_generation *next)
{
    pm_line_replace(tunnel->line, next, pm_carry_now_ns(tunnel));
}

void pm_tunnel_tick(struct pm_tunnel *tunnel)
{
    pm_line_tick(tunnel->line, pm_carry_now_ns(tunnel));
}

/* ------------------------------------------------------------------ looking */

void pm_tunnel_lock(struct pm_tunnel *tunnel)
{
    pthread_mutex_lock(&tunnel->mutex);
}

void pm_tunnel_unlock(struct pm_tunnel *tunnel)
{
    pthread_mutex_unlock(&tunnel->mutex);
}

bool pm_tunnel_is_gone(const struct pm_tunnel *tunnel)
{
    return tunnel->is_gone;
}

struct pm_line *pm_tunnel_line(const struct pm_tunnel *tunnel)
{
    return tunnel->line;
}

const char *pm_tunnel_device(const struct pm_tunnel *tunnel)
{
    return tunnel->tun.name;
}

struct pm_tunnel_stats pm_tunnel_stats(const struct pm_tunnel *tunnel)
{
    return tunnel->stats;
}
