/* talks.c - the sockets of reflected connections: dialled, accepted, joined; the contract is in
 * reflection.h.
 *
 *     SYN --> DIALLING --connected--> REFLECTING --accepted--> OPEN --both ended--> closed
 *                |  refused, unreachable, 20 s      | 10 s      | reset, half closed for 600 s
 *                '----------------------------------+-----------+----------------> closed
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel-ext/reflection.h"
#include "tunnel-ext/reply.h"
#include "tunnel-ext/sockaddr.h"

#define SECOND_NS     UINT64_C(1000000000)
#define DIAL_NS       (20 * SECOND_NS)
#define REFLECT_NS    (10 * SECOND_NS)
#define HALF_NS       (600 * SECOND_NS)
#define DIALLING_MOST 1024u

/* ------------------------------------------------------------------ sockets */

static bool set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void set_int(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

/* What comes is sent on at once; an end that is gone without a word is found out. */
static void tune(int fd)
{
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef __APPLE__
    set_int(fd, IPPROTO_TCP, TCP_KEEPALIVE, 120); /* what others call TCP_KEEPIDLE */
#else
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 120);
#endif
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 8);
#ifdef SO_NOSIGPIPE
    set_int(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

static int open_socket(const struct pm_addr *addr)
{
    int fd = socket(addr->version == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    if (fd < 0 || set_flags(fd))
        return fd;
    close(fd);
    return -1;
}

int pm_talk_listen(struct pm_reflect *r, const struct pm_addr *own, uint16_t *port)
{
    struct pm_end end = {.addr = *own};
    union pm_sockaddr at;
    socklen_t len = pm_sockaddr_of(&at, &end);
    int fd = open_socket(own);
    bool is_good = fd >= 0 && r->config.carrier.stay_inside(r->config.carrier.context, fd) &&
                   bind(fd, &at.any, len) == 0 && listen(fd, 1024) == 0 &&
                   getsockname(fd, &at.any, &len) == 0 && pm_sockaddr_read(&at, &end);
    *port = end.port;
    if (is_good)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

/* ------------------------------------------------------------------ ends */

void pm_talk_end(struct pm_reflect *r, uint16_t n, bool as_reset)
{
    struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    if (talk->has_relay)
        pm_relay_close(&talk->relay, as_reset);
    else if (talk->dialled >= 0)
        close(talk->dialled);
    free(talk);
    pm_flows_close(r->flows, n, r->now_ns);
}

void pm_talk_end_all(struct pm_reflect *r)
{
    while (pm_flows_first(r->flows) != PM_FLOW_NONE)
        pm_talk_end(r, pm_flows_first(r->flows), true);
}

/* The program hears of its SYN what a host without the tunnel would have heard. */
static void tell_failure(struct pm_reflect *r, const struct pm_ippacket *syn, int failed)
{
    uint8_t reply[PM_REPLY_ROOM];
    struct pm_tunnel_stats *stats = r->config.stats;
    if (failed == ETIMEDOUT) {
        stats->unanswered++;
        return;
    }
    if (failed == EHOSTUNREACH || failed == ENETUNREACH || failed == EACCES || failed == EPERM) {
        enum pm_unreachable how = failed == EHOSTUNREACH  ? PM_UNREACHABLE_HOST
                                  : failed == ENETUNREACH ? PM_UNREACHABLE_NET
                                                          : PM_UNREACHABLE_PROHIBITED;
        stats->unreachable++;
        pm_reflect_write(r, reply, pm_tunnel_unreachable(syn, how, reply));
        return;
    }
    stats->refused++;
    pm_reflect_write(r, reply, pm_tunnel_reset(syn, reply));
}

static void fail(struct pm_reflect *r, uint16_t n, int failed)
{
    const struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    struct pm_ippacket syn;
    if (pm_ippacket_read(&syn, talk->syn, talk->syn_len))
        tell_failure(r, &syn, failed);
    pm_talk_end(r, n, true);
}

/* ------------------------------------------------------------------ begins */

/* A new flow, with its SYN. PM_FLOW_NONE: there is no room. */
static uint16_t begin(struct pm_reflect *r, const struct pm_ippacket *syn)
{
    struct pm_talk *talk = calloc(1, sizeof *talk + syn->len);
    uint16_t n = PM_FLOW_NONE;
    if (talk != NULL && pm_flows_dialling(r->flows) < DIALLING_MOST)
        n = pm_flows_open(r->flows, &syn->src, &syn->dst, r->now_ns);
    if (n == PM_FLOW_NONE) {
        free(talk);
        r->config.stats->overflow++;
        return n;
    }
    talk->dialled = -1;
    talk->syn_len = syn->len;
    talk->is_partial = syn->is_partial;
    memcpy(talk->syn, syn->bytes, syn->len);
    pm_flows_at(r->flows, n)->talk = talk;
    return n;
}

static int dial(struct pm_reflect *r, const struct pm_end *dst, uint16_t n, int fd)
{
    const struct pm_carrier *carrier = &r->config.carrier;
    union pm_sockaddr at;
    socklen_t len = pm_sockaddr_of(&at, dst);
    tune(fd);
    if (!carrier->stay_outside(carrier->context, fd))
        return errno;
    if (connect(fd, &at.any, len) != 0 && errno != EINPROGRESS)
        return errno;
    return carrier->watch(carrier->context, fd, pm_tag_of(PM_TAG_DIALLED, n)) ? 0 : errno;
}

void pm_talk_dial(struct pm_reflect *r, const struct pm_ippacket *syn, enum pm_final final)
{
    int fd = open_socket(&syn->dst.addr);
    if (fd < 0) { /* no descriptor is left: the program asks again */
        r->config.stats->overflow++;
        return;
    }
    uint16_t n = begin(r, syn);
    if (n == PM_FLOW_NONE) {
        close(fd);
        return;
    }
    struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    talk->dialled = fd;
    talk->final = final;
    int failed = dial(r, &syn->dst, n, fd);
    if (failed != 0)
        fail(r, n, failed);
}

void pm_talk_probe(struct pm_reflect *r, const struct pm_ippacket *syn)
{
    uint16_t n = begin(r, syn);
    if (n == PM_FLOW_NONE)
        return;
    struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    talk->is_probe = true;
    pm_flows_set(r->flows, n, PM_FLOW_REFLECTING, r->now_ns);
    pm_reflect_to_listener(r, syn, n);
}

/* The held SYN goes on. */
static void reflect(struct pm_reflect *r, uint16_t n)
{
    struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    r->config.stats->connections++;
    pm_flows_set(r->flows, n, PM_FLOW_REFLECTING, r->now_ns);
    pm_reflect_go_on(r, talk, n);
}

static void look_at_dial(struct pm_reflect *r, uint16_t n, unsigned can)
{
    const struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    int failed = 0;
    socklen_t len = sizeof failed;
    if (getsockopt(talk->dialled, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
        failed = errno;
    if (failed != 0)
        fail(r, n, failed);
    else if (can & PM_CAN_WRITE)
        reflect(r, n);
}

/* ------------------------------------------------------------------ relays */

static void carry(struct pm_reflect *r, uint16_t n)
{
    struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    switch (pm_relay_carry(&talk->relay, r->room, sizeof r->room)) {
    case PM_RELAY_GOES:
        break;
    case PM_RELAY_DONE:
        pm_talk_end(r, n, false);
        break;
    case PM_RELAY_BROKEN:
        pm_talk_end(r, n, true);
        break;
    }
}

static void refuse(int fd)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

static void join(struct pm_reflect *r, int fd, uint16_t n)
{
    const struct pm_carrier *carrier = &r->config.carrier;
    struct pm_talk *talk = pm_flows_at(r->flows, n)->talk;
    if (talk->is_probe) {
        r->has_passed = true;
        close(fd);
        pm_talk_end(r, n, false);
        return;
    }
    tune(fd);
    pm_relay_init(&talk->relay, fd, talk->dialled);
    talk->has_relay = true;
    pm_flows_set(r->flows, n, PM_FLOW_OPEN, r->now_ns);
    if (carrier->watch(carrier->context, fd, pm_tag_of(PM_TAG_ACCEPTED, n)))
        carry(r, n);
    else
        pm_talk_end(r, n, true);
}

void pm_talk_accept(struct pm_reflect *r, int listener)
{
    for (;;) {
        union pm_sockaddr at = {.any = {.sa_family = AF_UNSPEC}};
        struct pm_end peer;
        socklen_t len = sizeof at;
        int fd = accept(listener, &at.any, &len);
        if (fd < 0)
            return;
        const struct pm_tunnel_flow *flow =
            pm_sockaddr_read(&at, &peer) ? pm_flows_at(r->flows, peer.port) : NULL;
        if (flow == NULL || flow->state != PM_FLOW_REFLECTING || !set_flags(fd))
            refuse(fd);
        else
            join(r, fd, peer.port);
    }
}

void pm_talk_work(struct pm_reflect *r, uint16_t n, int side, unsigned can)
{
    const struct pm_tunnel_flow *flow = pm_flows_at(r->flows, n);
    if (flow != NULL && flow->state == PM_FLOW_DIALLING)
        look_at_dial(r, n, can);
    if (flow == NULL || flow->state != PM_FLOW_OPEN)
        return;
    struct pm_talk *talk = flow->talk;
    int failed = 0;
    socklen_t len = sizeof failed;
    if (can & PM_HAS_FAILED)
        getsockopt(talk->relay.fd[side], SOL_SOCKET, SO_ERROR, &failed, &len);
    if (failed != 0) {
        pm_talk_end(r, n, true);
        return;
    }
    talk->relay.can_read[side] |= (can & PM_CAN_READ) != 0;
    talk->relay.can_write[side] |= (can & PM_CAN_WRITE) != 0;
    carry(r, n);
}

/* ------------------------------------------------------------------ time */

static bool is_too_old(const struct pm_reflect *r, const struct pm_tunnel_flow *flow)
{
    struct pm_talk *talk = flow->talk;
    uint64_t age_ns = r->now_ns - flow->since_ns;
    switch (flow->state) {
    case PM_FLOW_DIALLING:
        return age_ns > DIAL_NS;
    case PM_FLOW_REFLECTING:
        return age_ns > REFLECT_NS;
    case PM_FLOW_OPEN:
        if (!talk->relay.has_ended[0] && !talk->relay.has_ended[1])
            return false;
        if (talk->half_closed_ns == 0)
            talk->half_closed_ns = r->now_ns;
        return r->now_ns - talk->half_closed_ns > HALF_NS;
    case PM_FLOW_FREE:
    case PM_FLOW_CLOSED:
        break;
    }
    return false;
}

void pm_talk_tick(struct pm_reflect *r)
{
    uint16_t next;
    for (uint16_t n = pm_flows_first(r->flows); n != PM_FLOW_NONE; n = next) {
        const struct pm_tunnel_flow *flow = pm_flows_at(r->flows, n);
        next = pm_flows_next(r->flows, n);
        if (!is_too_old(r, flow))
            continue;
        if (flow->state == PM_FLOW_DIALLING)
            fail(r, n, ETIMEDOUT);
        else
            pm_talk_end(r, n, true);
    }
}
