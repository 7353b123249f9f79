/* bearer.c - joins rewriter, reflection and their descriptors; the contract is in bearer.h. */
#include "tunnel-ext/bearer.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tunnel-ext/clients.h"
#include "tunnel-ext/descriptors.h"
#include "tunnel-ext/edges.h"
#include "tunnel-ext/reflect.h"
#include "tunnel-ext/scope.h"

#define SECOND_NS UINT64_C(1000000000)
#define BATCH     64

struct pm_bearer {
    struct pm_bearer_config config;
    struct pm_line *line;
    struct pm_clients *clients;
    struct pm_reflect *reflect; /* NULL: not open */
    int edges;
    bool has_sockets;         /* of clients */
    unsigned inside, outside; /* devices; 0: not known, none */
    struct pm_tunnel_stats stats;
    uint64_t now_ns, ticked_ns;
};

uint64_t pm_bearer_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------ what the cores ask for */

static void write_packet(void *context, const struct iovec *parts, int count)
{
    struct pm_bearer *b = context;
    if (b->config.device.write(b->config.device.context, parts, count))
        b->stats.out++;
    else
        b->stats.unwritten++;
}

static bool watch(void *context, int fd, uint64_t tag)
{
    const struct pm_bearer *b = context;
    return pm_edges_watch(b->edges, fd, tag);
}

static bool stay_outside(void *context, int fd)
{
    const struct pm_bearer *b = context;
    errno = ENETUNREACH; /* what it means that there is none */
    return b->outside != 0 && pm_scope_bind(fd, b->outside);
}

static bool stay_inside(void *context, int fd)
{
    const struct pm_bearer *b = context;
    return pm_scope_bind(fd, b->inside);
}

static void on_pass(void *context, const struct pm_packet *packet, uint8_t *buffer)
{
    const struct pm_bearer *b = context;
    pm_reflect_pass(b->reflect, packet, buffer, b->now_ns);
}

static void on_leave(void *context, const struct pm_emitted *emitted)
{
    const struct pm_bearer *b = context;
    pm_reflect_emit(b->reflect, emitted, b->now_ns);
}

static void on_reply(void *context, enum pm_dir dir, const uint8_t *bytes, size_t len)
{
    const struct pm_bearer *b = context;
    pm_reflect_reply(b->reflect, dir, bytes, len, b->now_ns);
}

static bool on_external(void *context, const struct pm_external_data *data)
{
    const struct pm_bearer *b = context;
    return pm_clients_take(b->clients, data);
}

/* ------------------------------------------------------------------ work */

void pm_bearer_take(struct pm_bearer *bearer, uint8_t *bytes, size_t len)
{
    bearer->stats.in++;
    bearer->now_ns = pm_bearer_now_ns();
    pm_line_due(bearer->line, bearer->now_ns);
    pm_reflect_take(bearer->reflect, bytes, len, bearer->now_ns);
}

size_t pm_bearer_poll(const struct pm_bearer *bearer, struct pollfd fds[PM_BEARER_POLLED])
{
    fds[0] = (struct pollfd){.fd = bearer->edges, .events = POLLIN};
    return 1 + pm_clients_poll(bearer->clients, fds + 1, PM_BEARER_POLLED - 1);
}

int pm_bearer_pause_ms(const struct pm_bearer *bearer)
{
    uint64_t now_ns = pm_bearer_now_ns(), next_ns = pm_line_next_ns(bearer->line);
    if (next_ns <= now_ns)
        return 0;
    uint64_t wait_ns = next_ns - now_ns < SECOND_NS ? next_ns - now_ns : SECOND_NS;
    return (int)((wait_ns + 999999) / 1000000);
}

void pm_bearer_work(struct pm_bearer *bearer)
{
    const struct pm_bearer_device *device = &bearer->config.device;
    struct pm_edge edges[BATCH];
    bearer->now_ns = pm_bearer_now_ns();
    pm_line_due(bearer->line, bearer->now_ns);
    size_t count = pm_edges_take(bearer->edges, edges, BATCH);
    for (size_t i = 0; i < count; i++)
        pm_reflect_work(bearer->reflect, edges[i].tag, edges[i].can, bearer->now_ns);
    pm_clients_work(bearer->clients, bearer->now_ns);
    if (bearer->now_ns - bearer->ticked_ns >= SECOND_NS) {
        bearer->ticked_ns = bearer->now_ns;
        pm_reflect_tick(bearer->reflect, bearer->now_ns);
        pm_line_tick(bearer->line, bearer->now_ns);
    }
    if (device->flush == NULL)
        return;
    unsigned lost = device->flush(device->context);
    bearer->stats.out -= lost;
    bearer->stats.unwritten += lost;
}

int pm_bearer_probe(struct pm_bearer *bearer)
{
    return pm_reflect_probe(bearer->reflect);
}

bool pm_bearer_has_passed(const struct pm_bearer *bearer)
{
    return pm_reflect_has_passed(bearer->reflect);
}

/* ------------------------------------------------------------------ another policy */

static bool names_sockets(const struct pm_policy *policy)
{
    for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
        if (pm_policy_rule_socket(policy, i) != NULL && !pm_policy_rule_is_dry_run(policy, i))
            return true;
    return false;
}

bool pm_bearer_replace(struct pm_bearer *bearer, struct pm_policy *policy, char *error,
                       size_t error_cap)
{
    bearer->now_ns = pm_bearer_now_ns();
    if (bearer->has_sockets || names_sockets(policy)) {
        snprintf(error, error_cap,
                 "rules with `external` edits are not taken or given up while a tunnel runs: stop "
                 "it and start it again");
        return false;
    }
    if (!pm_line_has_room(bearer->line, policy, bearer->now_ns, error, error_cap))
        return false;
    struct pm_generation *next = pm_line_prepare(bearer->line, policy, error, error_cap);
    if (next != NULL)
        pm_line_replace(bearer->line, next, bearer->now_ns);
    return next != NULL;
}

/* ------------------------------------------------------------------ the network changes */

static bool is_gone(unsigned device)
{
    char name[IF_NAMESIZE];
    return if_indextoname(device, name) == NULL;
}

bool pm_bearer_move(struct pm_bearer *bearer)
{
    unsigned was = bearer->outside;
    bearer->outside = pm_scope_outside(bearer->inside);
    if (bearer->outside != was)
        pm_reflect_move(bearer->reflect, was != 0 && is_gone(was), pm_bearer_now_ns());
    return bearer->outside != 0;
}

unsigned pm_bearer_inside(const struct pm_bearer *bearer)
{
    return bearer->inside;
}

unsigned pm_bearer_outside(const struct pm_bearer *bearer)
{
    return bearer->outside;
}

/* ------------------------------------------------------------------ life */

static bool make_line(struct pm_bearer *b, char *error, size_t error_cap)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t wall_ns = (int64_t)wall.tv_sec * (int64_t)SECOND_NS + wall.tv_nsec;
    struct pm_line_config config = {.seed = b->config.seed,
                                    .wall_ns = wall_ns - (int64_t)pm_bearer_now_ns(),
                                    .memory = b->config.memory,
                                    .mtu = b->config.mtu,
                                    .only_rewrites = true,
                                    .context = b,
                                    .pass = on_pass,
                                    .leave = on_leave,
                                    .reply = on_reply,
                                    .external = on_external};
    if (getentropy(config.hash_key, sizeof config.hash_key) != 0) {
        snprintf(error, error_cap, "the system has no random numbers");
        return false;
    }
    b->line = pm_line_new(b->config.policy, &config, error, error_cap);
    return b->line != NULL;
}

struct pm_bearer *pm_bearer_new(const struct pm_bearer_config *config, char *error,
                                size_t error_cap)
{
    struct pm_bearer *b = calloc(1, sizeof *b);
    if (b == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    b->config = *config;
    pm_descriptors_raise();
    b->has_sockets = names_sockets(config->policy);
    b->edges = pm_edges_open();
    if (b->edges < 0)
        snprintf(error, error_cap, "cannot wait for sockets: %s", strerror(errno));
    if (b->edges >= 0 && make_line(b, error, error_cap))
        b->clients = pm_clients_new(config->policy, error, error_cap);
    if (b->clients != NULL) {
        pm_clients_serve(b->clients, pm_line_rewriter(b->line));
        return b;
    }
    pm_bearer_free(b);
    return NULL;
}

void pm_bearer_free(struct pm_bearer *bearer)
{
    if (bearer == NULL)
        return;
    pm_reflect_free(bearer->reflect);
    if (bearer->edges >= 0)
        close(bearer->edges);
    pm_clients_free(bearer->clients);
    pm_line_free(bearer->line);
    free(bearer);
}

bool pm_bearer_open(struct pm_bearer *bearer, char *error, size_t error_cap)
{
    struct pm_reflect_config config = {.carrier = {.context = bearer,
                                                   .write = write_packet,
                                                   .watch = watch,
                                                   .stay_outside = stay_outside,
                                                   .stay_inside = stay_inside},
                                       .addresses = bearer->config.addresses,
                                       .stats = &bearer->stats};
    bearer->inside = pm_address_device(&config.addresses.own4);
    if (bearer->inside == 0) {
        snprintf(error, error_cap, "no device has the tunnel's address");
        return false;
    }
    if (getentropy(config.hash_key, sizeof config.hash_key) != 0) {
        snprintf(error, error_cap, "the system has no random numbers");
        return false;
    }
    bearer->outside = pm_scope_outside(bearer->inside); /* sockets of pings are bound at once */
    bearer->reflect = pm_reflect_new(&config, error, error_cap);
    if (bearer->reflect != NULL)
        pm_reflect_serve(bearer->reflect, bearer->line);
    return bearer->reflect != NULL;
}

struct pm_tunnel_stats pm_bearer_stats(const struct pm_bearer *bearer)
{
    return bearer->stats;
}

const struct pm_line *pm_bearer_line(const struct pm_bearer *bearer)
{
    return bearer->line;
}
