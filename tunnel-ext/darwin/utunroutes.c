/* utunroutes.c - messages of the routing socket (route(4)); the contract is in utunroutes.h. */
#include "tunnel-ext/darwin/utunroutes.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if_dl.h>
#include <net/route.h>
#include <string.h>
#include <unistd.h>

#include "tunnel-ext/sockaddr.h"

/* Addresses follow the header in the order of their bits, each in a multiple of 4 bytes. */
struct message {
    struct rt_msghdr header;
    uint8_t addresses[3 * sizeof(struct sockaddr_storage)];
};

static void put(struct message *m, const void *address, size_t len)
{
    size_t off = m->header.rtm_msglen - sizeof m->header;
    memcpy(m->addresses + off, address, len);
    m->header.rtm_msglen = (uint16_t)(m->header.rtm_msglen + ((len + 3) & ~(size_t)3));
}

static struct message begin(int type, int flags)
{
    return (struct message){.header = {.rtm_msglen = sizeof(struct rt_msghdr),
                                       .rtm_version = RTM_VERSION,
                                       .rtm_type = (uint8_t)type,
                                       .rtm_flags = RTF_UP | RTF_STATIC | flags,
                                       .rtm_addrs = RTA_DST | RTA_GATEWAY | RTA_NETMASK}};
}

/* The address as a socket address with its length. */
static socklen_t address_of(union pm_sockaddr *at, const struct pm_addr *addr)
{
    struct pm_end end = {.addr = *addr};
    socklen_t len = pm_sockaddr_of(at, &end);
    at->any.sa_len = (uint8_t)len;
    return len;
}

static struct pm_addr mask_of(const struct pm_prefix *prefix)
{
    struct pm_addr mask = {.version = prefix->addr.version};
    for (unsigned i = 0; i < prefix->bits; i++)
        mask.bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
    return mask;
}

static void put_addr(struct message *m, const struct pm_addr *addr)
{
    union pm_sockaddr at;
    socklen_t len = address_of(&at, addr);
    put(m, &at, len);
}

/* 0 or an errno; the kernel answers in the call, and its message is for pm_utunroutes_hear(). */
static int ask(const struct pm_utunroutes *routes, struct message *m)
{
    static const size_t header = sizeof m->header;
    if (m->header.rtm_msglen < header)
        return EINVAL;
    return write(routes->fd, m, m->header.rtm_msglen) == m->header.rtm_msglen ? 0 : errno;
}

/* ------------------------------------------------------------------ into the device */

static int add_one(const struct pm_utunroutes *routes, const struct pm_prefix *to)
{
    struct message m = begin(RTM_ADD, 0);
    struct sockaddr_dl device = {
        .sdl_len = sizeof device, .sdl_family = AF_LINK, .sdl_index = (uint16_t)routes->device};
    struct pm_addr mask = mask_of(to);
    put_addr(&m, &to->addr);
    put(&m, &device, sizeof device);
    put_addr(&m, &mask);
    int failed = ask(routes, &m);
    return failed == EEXIST ? 0 : failed;
}

int pm_utunroutes_add(struct pm_utunroutes *routes, const struct pm_prefix *to)
{
    if (to->bits > 0)
        return add_one(routes, to);
    struct pm_prefix half = {.addr = {.version = to->addr.version}, .bits = 1};
    int failed = add_one(routes, &half);
    half.addr.bytes[0] = 0x80;
    return failed != 0 ? failed : add_one(routes, &half);
}

/* ------------------------------------------------------------------ copies of the default route */

static int change_copy(const struct pm_utunroutes *routes, int type, int i,
                       const struct pm_default *copy)
{
    struct message m = begin(type, RTF_GATEWAY | RTF_IFSCOPE);
    struct pm_addr all = {.version = i == 0 ? 4 : 6};
    m.header.rtm_index = (uint16_t)copy->device;
    put_addr(&m, &all);
    put(&m, &copy->gateway, copy->gateway.ss_len);
    put_addr(&m, &all);
    return ask(routes, &m);
}

static bool is_same(const struct pm_default *a, const struct pm_default *b)
{
    return a->device == b->device && a->gateway.ss_len == b->gateway.ss_len &&
           memcmp(&a->gateway, &b->gateway, a->gateway.ss_len) == 0;
}

static void follow(struct pm_utunroutes *routes, int i)
{
    struct pm_default now = {.device = 0}, *copy = &routes->copies[i];
    bool is_there = pm_default_find(i == 0 ? AF_INET : AF_INET6, routes->device, &now) &&
                    now.gateway.ss_len != 0;
    if (is_there && is_same(&now, copy))
        return;
    if (copy->device != 0)
        (void)change_copy(routes, RTM_DELETE, i, copy);
    *copy = (struct pm_default){.device = 0};
    if (is_there && change_copy(routes, RTM_ADD, i, &now) == 0) /* or it is there, not of ours */
        *copy = now;
}

void pm_utunroutes_follow(struct pm_utunroutes *routes)
{
    for (int i = 0; i < 2; i++)
        follow(routes, i);
}

/* ------------------------------------------------------------------ life */

bool pm_utunroutes_open(struct pm_utunroutes *routes, unsigned device)
{
    *routes = (struct pm_utunroutes){.fd = socket(PF_ROUTE, SOCK_RAW, 0), .device = device};
    return routes->fd >= 0 && fcntl(routes->fd, F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(routes->fd, F_SETFD, FD_CLOEXEC) == 0;
}

void pm_utunroutes_close(struct pm_utunroutes *routes)
{
    for (int i = 0; i < 2 && routes->fd >= 0; i++)
        if (routes->copies[i].device != 0)
            (void)change_copy(routes, RTM_DELETE, i, &routes->copies[i]);
    if (routes->fd >= 0)
        close(routes->fd);
    routes->fd = -1;
}

bool pm_utunroutes_hear(const struct pm_utunroutes *routes)
{
    bool concerns = false;
    union {
        struct rt_msghdr header;
        uint8_t bytes[2048];
    } m;
    pid_t self = getpid();
    while (read(routes->fd, &m, sizeof m) >= (ssize_t)4) {
        bool is_route = m.header.rtm_type == RTM_ADD || m.header.rtm_type == RTM_DELETE ||
                        m.header.rtm_type == RTM_CHANGE;
        bool is_interface = m.header.rtm_type == RTM_IFINFO || m.header.rtm_type == RTM_NEWADDR ||
                            m.header.rtm_type == RTM_DELADDR;
        concerns |= is_interface || (is_route && m.header.rtm_pid != self);
    }
    return concerns;
}
