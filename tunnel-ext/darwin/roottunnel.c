/* roottunnel.c - reads the utun and hands over to the courier; the contract is in roottunnel.h.
 *
 *     this thread      utun --> courier's inbox        routing socket --> pm_courier_move()
 *     the courier's    courier --> utun; events --> a pipe that this thread waits for
 */
#include "tunnel-ext/darwin/roottunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel-ext/darwin/utun.h"
#include "tunnel-ext/darwin/utunroutes.h"

#define MTU        9000u
#define PACKET_MAX 65536u
#define BURST      64u
#define LOOK_MS    500 /* between two looks whether it is to end */
#define ERROR_CAP  512u

enum event { BEGAN = 'b', DRAINED = 'd', ENDED = 'e' };

struct pm_roottunnel {
    struct pm_roottunnel_config config;
    struct pm_utun utun;
    struct pm_utunroutes routes;
    struct pm_addresses addresses;
    struct pm_courier *courier;
    int events[2]; /* a pipe of enum event */
    bool has_room, has_begun, has_ended;
    char why[ERROR_CAP]; /* written before ENDED is told */
    uint8_t packet[PACKET_MAX];
};

/* ------------------------------------------------------------------ in the courier's thread */

static bool write_packet(void *context, const struct iovec *parts, int count)
{
    const struct pm_roottunnel *t = context;
    return pm_utun_write(&t->utun, parts, count);
}

static void tell(const struct pm_roottunnel *t, enum event event)
{
    char byte = (char)event;
    while (write(t->events[1], &byte, 1) < 0 && errno == EINTR)
        continue;
}

static void end_because(struct pm_roottunnel *t, const char *why)
{
    snprintf(t->why, sizeof t->why, "%s", why);
    tell(t, ENDED);
}

static void began(void *context, const char *error)
{
    if (error == NULL)
        tell(context, BEGAN);
    else
        end_because(context, error);
}

static void drained(void *context)
{
    tell(context, DRAINED);
}

static void moved(void *context, bool has_outside)
{
    (void)context;
    fprintf(stderr, "pktmod: tunnel: there is %s network\n", has_outside ? "a" : "no");
}

static void failed(void *context, const char *error)
{
    end_because(context, error);
}

/* ------------------------------------------------------------------ in this thread */

static void take_event(struct pm_roottunnel *t, char event)
{
    switch ((enum event)event) {
    case BEGAN:
        t->has_begun = true;
        t->config.carries(t->utun.name);
        break;
    case DRAINED:
        t->has_room = true;
        break;
    case ENDED:
        t->has_ended = true;
        break;
    }
}

static void read_packets(struct pm_roottunnel *t)
{
    for (unsigned i = 0; i < BURST; i++) {
        ssize_t len = pm_utun_read(&t->utun, t->packet, sizeof t->packet);
        if (len < 0)
            break;
        if (len > 0)
            pm_courier_put(t->courier, t->packet, (size_t)len);
    }
    t->has_room = pm_courier_send(t->courier);
}

static void turn(struct pm_roottunnel *t)
{
    struct pollfd fds[] = {{.fd = t->events[0], .events = POLLIN},
                           {.fd = t->routes.fd, .events = POLLIN},
                           {.fd = t->has_room ? t->utun.fd : -1, .events = POLLIN}};
    char events[16];
    if (poll(fds, 3, LOOK_MS) <= 0)
        return;
    ssize_t count = fds[0].revents != 0 ? read(t->events[0], events, sizeof events) : 0;
    for (ssize_t i = 0; i < count; i++)
        take_event(t, events[i]);
    if (fds[1].revents != 0 && pm_utunroutes_hear(&t->routes)) {
        pm_utunroutes_follow(&t->routes);
        pm_courier_move(t->courier);
    }
    if (fds[2].revents != 0)
        read_packets(t);
}

bool pm_roottunnel_run(struct pm_roottunnel *tunnel, char *error, size_t error_cap)
{
    if (!pm_courier_start(tunnel->courier)) {
        snprintf(error, error_cap, "no thread could be made");
        return false;
    }
    while (!tunnel->has_ended && tunnel->config.interrupted() == 0)
        turn(tunnel);
    if (tunnel->has_ended)
        snprintf(error, error_cap, "%s", tunnel->why);
    return !tunnel->has_ended;
}

void pm_roottunnel_stats(struct pm_roottunnel *tunnel, struct pm_courier_stats *out)
{
    pm_courier_stats(tunnel->courier, out);
}

/* ------------------------------------------------------------------ life */

static bool wants_version(const struct pm_roottunnel_config *config, uint8_t version)
{
    for (size_t i = 0; i < config->to_count; i++)
        if (config->to[i].addr.version == version)
            return true;
    return false;
}

/* 0 or an errno, with what failed. */
static int furnish(struct pm_roottunnel *t, const char **what)
{
    struct pm_prefix own[] = {{.addr = t->addresses.own4, .bits = PM_OWN4_BITS},
                              {.addr = t->addresses.own6, .bits = PM_OWN6_BITS}};
    *what = "MTU";
    int failed = pm_utun_set_mtu(&t->utun, t->config.mtu);
    *what = failed == 0 ? "addresses" : *what;
    for (int i = 0; i < 2 && failed == 0; i++)
        if (own[i].addr.version != 0)
            failed = pm_utun_add_address(&t->utun, &own[i]);
    if (failed != 0)
        return failed;
    *what = "routes";
    if (!pm_utunroutes_open(&t->routes, t->utun.ifindex))
        return errno;
    pm_utunroutes_follow(&t->routes); /* before anything is routed away from it */
    for (int i = 0; i < 2 && failed == 0; i++) {
        own[i].addr.bytes[i == 0 ? 3 : 15] &= (uint8_t)~3u;
        if (own[i].addr.version != 0)
            failed = pm_utunroutes_add(&t->routes, &own[i]);
    }
    for (size_t i = 0; i < t->config.to_count && failed == 0; i++)
        failed = pm_utunroutes_add(&t->routes, &t->config.to[i]);
    return failed;
}

static bool make_courier(struct pm_roottunnel *t, char *error, size_t error_cap)
{
    struct pm_courier_config config = {
        .bearer = {.policy = t->config.policy,
                   .addresses = t->addresses,
                   .mtu = t->config.mtu,
                   .seed = t->config.seed,
                   .device = {.context = t, .write = write_packet}},
        .events = {
            .context = t, .began = began, .drained = drained, .moved = moved, .failed = failed}};
    t->courier = pm_courier_new(&config, error, error_cap);
    return t->courier != NULL;
}

static bool set_up(struct pm_roottunnel *t, char *error, size_t error_cap)
{
    const char *what = NULL;
    if (!pm_addresses_choose(&t->addresses)) {
        snprintf(error, error_cap, "all of 198.18.0.0/16 is in use here");
        return false;
    }
    if (!wants_version(&t->config, 6))
        t->addresses.own6.version = t->addresses.peer6.version = 0;
    if (pipe(t->events) != 0) {
        snprintf(error, error_cap, "%s", strerror(errno));
        return false;
    }
    if (!pm_utun_open(&t->utun, t->config.device, error, error_cap))
        return false;
    int failed = furnish(t, &what);
    if (failed != 0) {
        snprintf(error, error_cap, "device %s: its %s cannot be set: %s", t->utun.name, what,
                 strerror(failed));
        return false;
    }
    return make_courier(t, error, error_cap);
}

struct pm_roottunnel *pm_roottunnel_new(const struct pm_roottunnel_config *config, char *error,
                                        size_t error_cap)
{
    struct pm_roottunnel *t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    t->config = *config;
    t->config.mtu = config->mtu == 0 ? MTU : config->mtu;
    t->has_room = true;
    t->utun.fd = t->routes.fd = t->events[0] = t->events[1] = -1;
    if (set_up(t, error, error_cap))
        return t;
    pm_roottunnel_free(t);
    return NULL;
}

void pm_roottunnel_free(struct pm_roottunnel *tunnel)
{
    if (tunnel == NULL)
        return;
    pm_courier_free(tunnel->courier);
    pm_utunroutes_close(&tunnel->routes);
    pm_utun_close(&tunnel->utun);
    for (int i = 0; i < 2; i++)
        if (tunnel->events[i] >= 0)
            close(tunnel->events[i]);
    free(tunnel);
}
