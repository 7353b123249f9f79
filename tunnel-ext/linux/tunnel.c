/* tunnel.c - the tunnel on Linux: one thread, one epoll, a TUN device; the contract is in
 * tunnel.h. */
#include "tunnel-ext/tunnel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tunnel-ext/addresses.h"
#include "tunnel-ext/clients.h"
#include "tunnel-ext/linux/netlink.h"
#include "tunnel-ext/linux/routes.h"
#include "tunnel-ext/linux/tun.h"
#include "tunnel-ext/reflect.h"

#define RAW_LINK   101u /* LINKTYPE_RAW: IP packets */
#define PACKET_MAX 65536u
#define BURST      64u /* packets read before sockets have their turn */
#define EVENTS     64
#define POLLED     64
#define SECOND_NS  UINT64_C(1000000000)
#define TUN_TAG    UINT64_MAX
#define TEST_NS    (2 * SECOND_NS)

struct pm_tunnel {
    struct pm_tunnel_config config;
    struct pm_routes routes;
    struct pm_tun tun;
    int epoll;
    struct pm_rewriter *rewriter;
    struct pm_clients *clients;
    struct pm_reflect *reflect; /* NULL: it forwards */
    struct pm_tunnel_stats stats;
    uint64_t now_ns, ticked_ns;
    bool is_gone; /* the device */
    uint8_t packet[PACKET_MAX];
};

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------ what the cores ask for */

static void write_packet(void *context, const struct iovec *parts, int count)
{
    struct pm_tunnel *t = context;
    if (writev(t->tun.fd, parts, count) > 0)
        t->stats.out++;
    else
        t->stats.unwritten++;
}

static bool watch(void *context, int fd, uint64_t tag)
{
    const struct pm_tunnel *t = context;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = tag};
    return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool stay_outside(void *context, int fd)
{
    uint32_t mark = PM_ROUTES_MARK;
    (void)context;
    return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
}

static bool stay_inside(void *context, int fd)
{
    const struct pm_tunnel *t = context;
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, t->tun.name,
                      (socklen_t)strlen(t->tun.name)) == 0;
}

/* ------------------------------------------------------------------ packets */

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    struct pm_tunnel *t = context;
    if (t->reflect != NULL) {
        pm_reflect_emit(t->reflect, emitted, t->now_ns);
        return;
    }
    struct iovec part = pm_part(emitted->data, emitted->len);
    write_packet(t, &part, 1);
}

static bool on_external(void *context, const struct pm_external_data *data)
{
    const struct pm_tunnel *t = context;
    return pm_clients_take(t->clients, data);
}

static bool is_to(const struct pm_tunnel *t, const struct pm_addr *addr)
{
    for (size_t i = 0; i < t->config.to_count; i++)
        if (pm_prefix_holds(&t->config.to[i], addr))
            return true;
    return false;
}

/* Outbound is what goes to the destinations; between two of them, whoever began. */
static enum pm_dir dir_of(const struct pm_tunnel *t, const struct pm_packet *packet)
{
    struct pm_endpoints ends;
    if (!pm_packet_endpoints(packet, &ends))
        return PM_DIR_UNKNOWN;
    bool is_out = is_to(t, &ends.dst), is_in = is_to(t, &ends.src);
    if (is_out == is_in)
        return PM_DIR_UNKNOWN;
    return is_out ? PM_DIR_OUT : PM_DIR_IN;
}

static void forward(struct pm_tunnel *t, size_t len)
{
    struct pm_packet packet = {.data = t->packet,
                               .len = len,
                               .wire_len = len,
                               .link = RAW_LINK,
                               .interface = t->tun.name,
                               .ifindex = t->tun.ifindex};
    packet.dir = dir_of(t, &packet);
    pm_rewrite(t->rewriter, &packet, t->packet, t->now_ns);
}

static void read_packets(struct pm_tunnel *t)
{
    for (unsigned i = 0; i < BURST; i++) {
        ssize_t len = read(t->tun.fd, t->packet, sizeof t->packet);
        if (len <= 0) {
            t->is_gone = len == 0 || (errno != EAGAIN && errno != EINTR);
            return;
        }
        t->stats.in++;
        t->now_ns = clock_ns();
        pm_rewriter_due(t->rewriter, t->now_ns);
        if (t->reflect != NULL)
            pm_reflect_take(t->reflect, t->packet, (size_t)len, t->now_ns);
        else
            forward(t, (size_t)len);
    }
}

/* ------------------------------------------------------------------ the loop */

static int pause_ms(const struct pm_tunnel *t, uint64_t now_ns)
{
    uint64_t next_ns = pm_rewriter_next_ns(t->rewriter);
    if (next_ns <= now_ns)
        return 0;
    uint64_t wait_ns = next_ns - now_ns < SECOND_NS ? next_ns - now_ns : SECOND_NS;
    return (int)((wait_ns + 999999) / 1000000);
}

static unsigned can_of(uint32_t events)
{
    unsigned can = events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP) ? PM_CAN_READ : 0;
    can |= events & (EPOLLOUT | EPOLLHUP) ? PM_CAN_WRITE : 0;
    return can | (events & EPOLLERR ? PM_HAS_FAILED : 0);
}

static void work(struct pm_tunnel *t)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(t->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == TUN_TAG)
            read_packets(t);
        else
            pm_reflect_work(t->reflect, events[i].data.u64, can_of(events[i].events), t->now_ns);
    }
}

/* One turn: waits for something, and does it. */
static void turn(struct pm_tunnel *t)
{
    struct pollfd polled[POLLED] = {{.fd = t->epoll, .events = POLLIN}};
    size_t count = 1 + pm_clients_poll(t->clients, polled + 1, POLLED - 1);
    poll(polled, count, pause_ms(t, clock_ns()));
    t->now_ns = clock_ns();
    pm_rewriter_due(t->rewriter, t->now_ns);
    work(t);
    if (count > 1)
        pm_clients_work(t->clients, t->now_ns);
    if (t->reflect != NULL && t->now_ns - t->ticked_ns >= SECOND_NS) {
        t->ticked_ns = t->now_ns;
        pm_reflect_tick(t->reflect, t->now_ns);
    }
}

bool pm_tunnel_run(struct pm_tunnel *tunnel, char *error, size_t error_cap)
{
    while (!tunnel->is_gone && tunnel->config.interrupted() == 0)
        turn(tunnel);
    if (tunnel->is_gone)
        snprintf(error, error_cap, "device %s is gone: somebody removed it, or took it down",
                 tunnel->tun.name);
    return !tunnel->is_gone;
}

bool pm_tunnel_test(struct pm_tunnel *tunnel, char *error, size_t error_cap)
{
    if (tunnel->reflect == NULL)
        return true;
    int failed = pm_reflect_probe(tunnel->reflect);
    uint64_t deadline_ns = clock_ns() + TEST_NS;
    while (failed == 0 && !tunnel->is_gone && clock_ns() < deadline_ns &&
           !pm_reflect_has_passed(tunnel->reflect))
        turn(tunnel);
    if (pm_reflect_has_passed(tunnel->reflect))
        return true;
    if (failed != 0)
        snprintf(error, error_cap, "self-test: cannot dial through the tunnel: %s",
                 strerror(failed));
    else
        snprintf(error, error_cap,
                 "self-test: a connection through the tunnel did not come back within 2 s; a "
                 "firewall may drop what comes in by %s (iptables -I INPUT -i %s -j ACCEPT)",
                 tunnel->tun.name, tunnel->tun.name);
    return false;
}

/* ------------------------------------------------------------------ set-up */

static bool prepare_reflection(struct pm_tunnel *t, const uint64_t hash_key[2], char *error,
                               size_t error_cap)
{
    struct pm_reflect_config config = {.carrier = {.context = t,
                                                   .write = write_packet,
                                                   .watch = watch,
                                                   .stay_outside = stay_outside,
                                                   .stay_inside = stay_inside},
                                       .hash_key = {hash_key[0], hash_key[1]},
                                       .stats = &t->stats};
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

static bool make_rewriter(struct pm_tunnel *t, const uint64_t hash_key[2], char *error,
                          size_t error_cap)
{
    struct pm_error told = {.status = PM_OK};
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t wall_ns = (int64_t)wall.tv_sec * (int64_t)SECOND_NS + wall.tv_nsec;
    struct pm_rewriter_config config = {.seed = t->config.seed,
                                        .hash_key = {hash_key[0], hash_key[1]},
                                        .mode = PM_MODE_LIVE,
                                        .checksums = PM_CHECKSUMS_VERIFY,
                                        .mtu = t->config.mtu,
                                        .streams = 8192,
                                        .wall_ns = wall_ns - (int64_t)clock_ns(),
                                        .clamp_mss = t->config.mode == PM_TUNNEL_FORWARD,
                                        .emit = on_emit,
                                        .external = on_external,
                                        .context = t};
    t->rewriter = pm_rewriter_new(t->config.policy, &config, &told);
    if (t->rewriter == NULL) {
        snprintf(error, error_cap, "engine: %s", told.text);
        return false;
    }
    t->clients = pm_clients_new(t->config.policy, error, error_cap);
    if (t->clients != NULL)
        pm_clients_serve(t->clients, t->rewriter);
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
    if (!pm_tun_open(&t->tun, t->config.device, error, error_cap))
        return false;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = TUN_TAG};
    int failed = epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->tun.fd, &event) != 0 ? errno : 0;
    if (failed == 0)
        failed = pm_netlink_up(t->routes.netlink, t->tun.ifindex, t->config.mtu);
    if (failed != 0)
        snprintf(error, error_cap, "%s: cannot bring it up: %s", t->tun.name, strerror(failed));
    return failed == 0;
}

static bool set_up(struct pm_tunnel *t, char *error, size_t error_cap)
{
    uint64_t hash_key[2];
    if (getrandom(hash_key, sizeof hash_key, 0) != (ssize_t)sizeof hash_key) {
        snprintf(error, error_cap, "no random numbers: %s", strerror(errno));
        return false;
    }
    if (t->config.mtu == 0)
        t->config.mtu = t->config.mode == PM_TUNNEL_REFLECT ? 65535 : 1500;
    raise_descriptors();
    if (!open_device(t, error, error_cap) || !make_rewriter(t, hash_key, error, error_cap))
        return false;
    if (t->config.mode == PM_TUNNEL_FORWARD)
        return prepare_forwarding(t, error, error_cap);
    if (!prepare_reflection(t, hash_key, error, error_cap))
        return false;
    pm_reflect_serve(t->reflect, t->rewriter);
    return true;
}

struct pm_tunnel *pm_tunnel_new(const struct pm_tunnel_config *config, char *error,
                                size_t error_cap)
{
    struct pm_tunnel *t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    t->config = *config;
    t->epoll = t->tun.fd = -1;
    t->routes = (struct pm_routes){.netlink = -1, .alive = -1, .child = -1};
    if (set_up(t, error, error_cap))
        return t;
    pm_tunnel_free(t);
    return NULL;
}

void pm_tunnel_free(struct pm_tunnel *tunnel)
{
    if (tunnel == NULL)
        return;
    pm_reflect_free(tunnel->reflect);
    pm_routes_end(&tunnel->routes);
    pm_tun_close(&tunnel->tun);
    if (tunnel->epoll >= 0)
        close(tunnel->epoll);
    pm_clients_free(tunnel->clients);
    pm_rewriter_free(tunnel->rewriter);
    free(tunnel);
}

const char *pm_tunnel_device(const struct pm_tunnel *tunnel)
{
    return tunnel->tun.name;
}

struct pm_tunnel_stats pm_tunnel_stats(const struct pm_tunnel *tunnel)
{
    return tunnel->stats;
}

const struct pm_rewriter *pm_tunnel_rewriter(const struct pm_tunnel *tunnel)
{
    return tunnel->rewriter;
}
