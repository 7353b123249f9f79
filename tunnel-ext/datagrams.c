/* datagrams.c - a program's UDP ports and their sockets; the contract is in datagrams.h.
 *
 *     buckets --> map --> map       by the program's end
 *     oldest <--> ... <--> newest   by use; the free ones come first
 */
#include "tunnel-ext/datagrams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/errqueue.h>
#endif

#include "tunnel-ext/sockaddr.h"

#define BUCKETS  1024u
#define NONE     UINT32_MAX
#define DNS_PORT 53
#define IDLE_NS  UINT64_C(300000000000)
#define ASKED_NS UINT64_C(30000000000)

struct map {
    struct pm_end app;
    int fd; /* -1: free */
    bool only_dns;
    uint64_t used_ns;
    uint32_t in_bucket, older, newer;
};

struct pm_datagrams {
    struct pm_datagrams_config config;
    uint32_t buckets[BUCKETS];
    uint32_t oldest, newest, count;
    struct map maps[PM_DATAGRAMS_MOST];
};

/* ------------------------------------------------------------------ order of use */

static void unlink_map(struct pm_datagrams *d, uint32_t i)
{
    const struct map *map = &d->maps[i];
    *(map->older == NONE ? &d->oldest : &d->maps[map->older].newer) = map->newer;
    *(map->newer == NONE ? &d->newest : &d->maps[map->newer].older) = map->older;
}

static void link_newest(struct pm_datagrams *d, uint32_t i)
{
    d->maps[i].older = d->newest;
    d->maps[i].newer = NONE;
    *(d->newest == NONE ? &d->oldest : &d->maps[d->newest].newer) = i;
    d->newest = i;
}

static void link_oldest(struct pm_datagrams *d, uint32_t i)
{
    d->maps[i].newer = d->oldest;
    d->maps[i].older = NONE;
    *(d->oldest == NONE ? &d->newest : &d->maps[d->oldest].older) = i;
    d->oldest = i;
}

/* ------------------------------------------------------------------ maps */

static uint32_t *bucket_of(struct pm_datagrams *d, const struct pm_end *app)
{
    uint32_t h = app->port;
    for (size_t i = 0; i < pm_addr_len(&app->addr); i++)
        h = h * 31 + app->addr.bytes[i];
    return &d->buckets[h * UINT32_C(2654435761) >> 22];
}

_Static_assert(BUCKETS == 1u << (32 - 22), "the hash's upper bits");

static uint32_t find(struct pm_datagrams *d, const struct pm_end *app)
{
    uint32_t i = *bucket_of(d, app);
    while (i != NONE && !pm_end_is_same(&d->maps[i].app, app))
        i = d->maps[i].in_bucket;
    return i;
}

static void release(struct pm_datagrams *d, uint32_t i)
{
    struct map *map = &d->maps[i];
    uint32_t *link = bucket_of(d, &map->app);
    while (*link != i)
        link = &d->maps[*link].in_bucket;
    *link = map->in_bucket;
    close(map->fd);
    map->fd = -1;
    d->count--;
    unlink_map(d, i);
    link_oldest(d, i);
}

static int open_socket(const struct pm_datagrams *d, uint8_t version, uint32_t i)
{
    const struct pm_carrier *carrier = &d->config.carrier;
    int fd = socket(version == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    if (fd < 0)
        return -1;
    int flags = fcntl(fd, F_GETFL);
    bool is_good = fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
                   fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
                   carrier->stay_outside(carrier->context, fd);
#ifdef __linux__
    int on = 1;
    setsockopt(fd, version == 4 ? IPPROTO_IP : IPPROTO_IPV6,
               version == 4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
#endif
    if (is_good && carrier->watch(carrier->context, fd, d->config.tag + i))
        return fd;
    close(fd);
    return -1;
}

/* NONE: no socket could be had. */
static uint32_t take(struct pm_datagrams *d, const struct pm_end *app)
{
    uint32_t i = d->oldest;
    if (d->maps[i].fd >= 0)
        release(d, i);
    int fd = open_socket(d, app->addr.version, i);
    if (fd < 0)
        return NONE;
    uint32_t *bucket = bucket_of(d, app);
    struct map *map = &d->maps[i];
    map->app = *app;
    map->fd = fd;
    map->only_dns = true;
    map->in_bucket = *bucket;
    *bucket = i;
    d->count++;
    return i;
}

static void use(struct pm_datagrams *d, uint32_t i, uint64_t now_ns)
{
    d->maps[i].used_ns = now_ns;
    unlink_map(d, i);
    link_newest(d, i);
}

/* ------------------------------------------------------------------ life */

struct pm_datagrams *pm_datagrams_new(const struct pm_datagrams_config *config)
{
    struct pm_datagrams *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->config = *config;
    d->oldest = d->newest = NONE;
    memset(d->buckets, 0xff, sizeof d->buckets);
    for (uint32_t i = 0; i < PM_DATAGRAMS_MOST; i++) {
        d->maps[i].fd = -1;
        link_newest(d, i);
    }
    return d;
}

void pm_datagrams_free(struct pm_datagrams *datagrams)
{
    if (datagrams == NULL)
        return;
    for (uint32_t i = 0; i < PM_DATAGRAMS_MOST; i++)
        if (datagrams->maps[i].fd >= 0)
            close(datagrams->maps[i].fd);
    free(datagrams);
}

void pm_datagrams_forget(struct pm_datagrams *datagrams)
{
    for (uint32_t i = 0; i < PM_DATAGRAMS_MOST && datagrams->count > 0; i++)
        if (datagrams->maps[i].fd >= 0)
            release(datagrams, i);
}

uint32_t pm_datagrams_count(const struct pm_datagrams *datagrams)
{
    return datagrams->count;
}

void pm_datagrams_tick(struct pm_datagrams *datagrams, uint64_t now_ns)
{
    for (uint32_t i = 0; i < PM_DATAGRAMS_MOST && datagrams->count > 0; i++) {
        const struct map *map = &datagrams->maps[i];
        if (map->fd >= 0 && now_ns - map->used_ns > (map->only_dns ? ASKED_NS : IDLE_NS))
            release(datagrams, i);
    }
}

/* ------------------------------------------------------------------ datagrams */

bool pm_datagrams_send(struct pm_datagrams *datagrams, const struct pm_ippacket *packet,
                       uint64_t now_ns)
{
    uint32_t i = find(datagrams, &packet->src);
    if (i == NONE)
        i = take(datagrams, &packet->src);
    if (i == NONE)
        return false;
    union pm_sockaddr to;
    socklen_t len = pm_sockaddr_of(&to, &packet->dst);
    struct map *map = &datagrams->maps[i];
    map->only_dns &= packet->dst.port == DNS_PORT;
    use(datagrams, i, now_ns);
    const uint8_t *payload = packet->bytes + packet->payload_off;
    size_t size = packet->len - packet->payload_off;
    if (sendto(map->fd, payload, size, 0, &to.any, len) >= 0)
        return true;
    /* the error of an earlier datagram is told instead, once */
    return errno == ECONNREFUSED && sendto(map->fd, payload, size, 0, &to.any, len) >= 0;
}

#ifdef __linux__
/* What the error says; false: nothing that a program should hear. */
static bool read_error(const struct sock_extended_err *error, enum pm_unreachable *how)
{
    bool is_4 = error->ee_origin == SO_EE_ORIGIN_ICMP && error->ee_type == 3;
    bool is_6 = error->ee_origin == SO_EE_ORIGIN_ICMP6 && error->ee_type == 1;
    if (is_4)
        *how = error->ee_code == 3   ? PM_UNREACHABLE_PORT
               : error->ee_code == 1 ? PM_UNREACHABLE_HOST
               : error->ee_code == 0 ? PM_UNREACHABLE_NET
                                     : PM_UNREACHABLE_PROHIBITED;
    if (is_6)
        *how = error->ee_code == 4   ? PM_UNREACHABLE_PORT
               : error->ee_code == 3 ? PM_UNREACHABLE_HOST
               : error->ee_code == 0 ? PM_UNREACHABLE_NET
                                     : PM_UNREACHABLE_PROHIBITED;
    return is_4 || is_6;
}

/* Errors that came for what was sent, each with the beginning of it. */
static void hear_errors(const struct pm_datagrams *d, const struct map *map, uint8_t *room,
                        size_t cap)
{
    for (;;) {
        union pm_sockaddr to = {.any = {.sa_family = AF_UNSPEC}};
        struct pm_end dst;
        uint8_t control[512];
        enum pm_unreachable how;
        struct iovec part = {.iov_base = room, .iov_len = cap};
        struct msghdr message = {.msg_name = &to,
                                 .msg_namelen = sizeof to,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t len = recvmsg(map->fd, &message, MSG_ERRQUEUE);
        if (len < 0)
            return;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
            struct sock_extended_err error;
            bool is_error = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
            if (!is_error || c->cmsg_len < CMSG_LEN(sizeof error))
                continue;
            memcpy(&error, CMSG_DATA(c), sizeof error);
            if (read_error(&error, &how) && pm_sockaddr_read(&to, &dst))
                d->config.fail(d->config.context, &map->app, &dst, how, room, (size_t)len);
        }
    }
}
#endif

void pm_datagrams_work(struct pm_datagrams *datagrams, uint32_t number, uint64_t now_ns,
                       uint8_t *room, size_t cap)
{
    const struct map *map = &datagrams->maps[number];
    while (map->fd >= 0) {
        union pm_sockaddr at = {.any = {.sa_family = AF_UNSPEC}};
        struct pm_end from;
        socklen_t len = sizeof at;
        ssize_t size = recvfrom(map->fd, room, cap, 0, &at.any, &len);
        if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            continue; /* the error of a datagram; told below */
        if (size < 0)
            break;
        use(datagrams, number, now_ns);
        if (pm_sockaddr_read(&at, &from))
            datagrams->config.hear(datagrams->config.context, &from, &map->app, room, (size_t)size);
    }
#ifdef __linux__
    if (map->fd >= 0)
        hear_errors(datagrams, map, room, cap);
#endif
}
