/* carry.c - the tunnel at work: one thread, one epoll, a TUN device; the contract is in tunnel.h
 * and carry.h. */
#include "tunnel-ext/linux/carry.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tunnel-ext/linux/offload.h"

#define RAW_LINK  101u /* LINKTYPE_RAW: IP packets */
#define BURST     64u  /* packets read before sockets have their turn */
#define EVENTS    64
#define POLLED    64
#define SECOND_NS UINT64_C(1000000000)
#define TUN_TAG   UINT64_MAX
#define WAKE_TAG  (UINT64_MAX - 1)
#define TEST_NS   (2 * SECOND_NS)

uint64_t pm_carry_now_ns(const struct pm_tunnel *tunnel)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)((int64_t)t.tv_sec * (int64_t)SECOND_NS + t.tv_nsec + tunnel->config.clock_ns);
}

/* ------------------------------------------------------------------ what the cores ask for */

static void write_device(struct pm_tunnel *t, const struct iovec *parts, int count)
{
    if (writev(t->tun.fd, parts, count) > 0)
        t->stats.out++;
    else
        t->stats.unwritten++;
}

#define PARTS 4

/* Behind a header that says what is to be done. */
static void write_behind(struct pm_tunnel *t, struct virtio_net_hdr *header,
                         const struct iovec *parts, int count)
{
    struct iovec all[PARTS + 1] = {{.iov_base = header, .iov_len = sizeof *header}};
    memcpy(all + 1, parts, (size_t)count * sizeof *parts);
    write_device(t, all, count + 1);
}

static void write_packet(void *context, const struct iovec *parts, int count)
{
    struct virtio_net_hdr none = {.flags = 0};
    struct pm_tunnel *t = context;
    if (t->has_offload)
        write_behind(t, &none, parts, count);
    else
        write_device(t, parts, count);
}

/* The headers are all in the first part. */
static void write_partial(void *context, const struct iovec *parts, int count, uint16_t gso_len)
{
    struct virtio_net_hdr header;
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += parts[i].iov_len;
    pm_offload_describe(parts[0].iov_base, parts[0].iov_len, len, gso_len, &header);
    write_behind(context, &header, parts, count);
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

struct pm_carrier pm_carry_carrier(struct pm_tunnel *tunnel)
{
    return (struct pm_carrier){.context = tunnel,
                               .write = write_packet,
                               .write_partial = write_partial,
                               .watch = watch,
                               .stay_outside = stay_outside,
                               .stay_inside = stay_inside};
}

/* ------------------------------------------------------------------ packets */

/* A packet that the kernel is to forward. */
static void put_packet(struct pm_tunnel *t, const struct pm_emitted *emitted)
{
    struct pm_offload offload;
    struct iovec part = pm_part(emitted->data, emitted->len);
    if (!t->has_offload) {
        write_device(t, &part, 1);
        return;
    }
    pm_offload_write(&offload, emitted);
    write_device(t, offload.parts, offload.count);
}

void pm_carry_pass(void *context, const struct pm_packet *packet, uint8_t *buffer)
{
    struct pm_tunnel *t = context;
    if (t->reflect != NULL)
        pm_reflect_pass(t->reflect, packet, buffer, t->now_ns);
    else
        pm_line_rewrite(t->line, packet, buffer, t->now_ns);
}

void pm_carry_leave(void *context, const struct pm_emitted *emitted)
{
    struct pm_tunnel *t = context;
    if (t->reflect != NULL)
        pm_reflect_emit(t->reflect, emitted, t->now_ns);
    else
        put_packet(t, emitted);
}

void pm_carry_reply(void *context, enum pm_dir dir, const uint8_t *bytes, size_t len)
{
    struct pm_tunnel *t = context;
    if (t->reflect != NULL)
        pm_reflect_reply(t->reflect, dir, bytes, len, t->now_ns);
    else
        put_packet(t, &(struct pm_emitted){.data = bytes, .len = len});
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

static void forward(struct pm_tunnel *t, const struct virtio_net_hdr *header, size_t len)
{
    struct pm_packet packet = {.data = t->packet,
                               .len = len,
                               .wire_len = len,
                               .link = RAW_LINK,
                               .interface = t->tun.name,
                               .ifindex = t->tun.ifindex};
    packet.dir = dir_of(t, &packet);
    pm_offload_read(header, &packet);
    pm_line_judge(t->line, &packet, t->packet, t->now_ns);
}

static void reflect(struct pm_tunnel *t, const struct virtio_net_hdr *header, size_t len)
{
    struct pm_packet told = {.csum = PM_CSUM_ON_WIRE};
    pm_offload_read(header, &told);
    if (told.csum == PM_CSUM_PARTIAL)
        pm_reflect_take_partial(t->reflect, t->packet, len, told.gso_len, t->now_ns);
    else
        pm_reflect_take(t->reflect, t->packet, len, t->now_ns);
}

/* The packet, in t->packet. Answers its length, or what read() says. */
static ssize_t read_packet(struct pm_tunnel *t, struct virtio_net_hdr *header)
{
    struct iovec parts[2] = {{.iov_base = header, .iov_len = sizeof *header},
                             {.iov_base = t->packet, .iov_len = sizeof t->packet}};
    if (!t->has_offload)
        return read(t->tun.fd, t->packet, sizeof t->packet);
    ssize_t len = readv(t->tun.fd, parts, 2);
    return len > (ssize_t)sizeof *header ? len - (ssize_t)sizeof *header : len < 0 ? len : 0;
}

static void read_packets(struct pm_tunnel *t)
{
    for (unsigned i = 0; i < BURST; i++) {
        struct virtio_net_hdr header = {.flags = 0};
        ssize_t len = read_packet(t, &header);
        if (len <= 0) {
            t->is_gone = len == 0 || (errno != EAGAIN && errno != EINTR);
            return;
        }
        t->stats.in++;
        t->now_ns = pm_carry_now_ns(t);
        pm_line_due(t->line, t->now_ns);
        if (t->reflect != NULL)
            reflect(t, &header, (size_t)len);
        else
            forward(t, &header, (size_t)len);
    }
}

/* ------------------------------------------------------------------ the loop */

static int pause_ms(const struct pm_tunnel *t, uint64_t now_ns)
{
    uint64_t next_ns = pm_line_next_ns(t->line);
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

static void sleep_on(int wake)
{
    uint64_t count;
    if (read(wake, &count, sizeof count) < 0)
        return; /* nobody woke us */
}

static void work(struct pm_tunnel *t)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(t->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == TUN_TAG)
            read_packets(t);
        else if (events[i].data.u64 == WAKE_TAG)
            sleep_on(t->wake);
        else
            pm_reflect_work(t->reflect, events[i].data.u64, can_of(events[i].events), t->now_ns);
    }
}

/* One turn, locked: waits for something without the lock, and does it. */
static void turn(struct pm_tunnel *t)
{
    struct pollfd polled[POLLED] = {{.fd = t->epoll, .events = POLLIN}};
    size_t count = 1 + pm_clients_poll(t->clients, polled + 1, POLLED - 1);
    int wait_ms = pause_ms(t, pm_carry_now_ns(t));
    pm_tunnel_unlock(t);
    poll(polled, count, wait_ms);
    pm_tunnel_lock(t);
    t->now_ns = pm_carry_now_ns(t);
    pm_line_due(t->line, t->now_ns);
    work(t);
    if (count > 1)
        pm_clients_work(t->clients, t->now_ns);
    if (t->reflect != NULL && t->now_ns - t->ticked_ns >= SECOND_NS) {
        t->ticked_ns = t->now_ns;
        pm_reflect_tick(t->reflect, t->now_ns);
    }
    pm_line_rest(t->line);
}

static void *run(void *context)
{
    struct pm_tunnel *t = context;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* nanosecond: delays end on time */
    pm_tunnel_lock(t);
    while (!t->must_stop && !t->is_gone)
        turn(t);
    pm_tunnel_unlock(t);
    return NULL;
}

int pm_carry_watch(struct pm_tunnel *tunnel)
{
    struct epoll_event device = {.events = EPOLLIN, .data.u64 = TUN_TAG};
    struct epoll_event woken = {.events = EPOLLIN, .data.u64 = WAKE_TAG};
    if (tunnel->epoll < 0 || tunnel->wake < 0 ||
        epoll_ctl(tunnel->epoll, EPOLL_CTL_ADD, tunnel->tun.fd, &device) != 0 ||
        epoll_ctl(tunnel->epoll, EPOLL_CTL_ADD, tunnel->wake, &woken) != 0)
        return errno;
    return 0;
}

static void wake(const struct pm_tunnel *t)
{
    uint64_t one = 1;
    if (write(t->wake, &one, sizeof one) < 0)
        return; /* it is awake already */
}

bool pm_tunnel_start(struct pm_tunnel *tunnel)
{
    tunnel->has_thread = pthread_create(&tunnel->thread, NULL, run, tunnel) == 0;
    return tunnel->has_thread;
}

bool pm_tunnel_has_started(const struct pm_tunnel *tunnel)
{
    return tunnel->has_thread;
}

void pm_tunnel_stop(struct pm_tunnel *tunnel)
{
    if (!tunnel->has_thread)
        return;
    pm_tunnel_lock(tunnel);
    tunnel->must_stop = true;
    pm_tunnel_unlock(tunnel);
    wake(tunnel);
    pthread_join(tunnel->thread, NULL);
    tunnel->has_thread = false;
    tunnel->now_ns = pm_carry_now_ns(tunnel);
    pm_line_flush(tunnel->line, tunnel->now_ns);
    pm_line_rest(tunnel->line);
}

bool pm_tunnel_answer_ask(struct pm_tunnel *tunnel, uint64_t id, bool allow,
                          enum pm_answer_for answer_for, uint64_t duration_ns)
{
    bool is_taken =
        pm_line_answer(tunnel->line, id, allow, answer_for, duration_ns, pm_carry_now_ns(tunnel));
    wake(tunnel);
    return is_taken;
}

/* ------------------------------------------------------------------ the self-test */

bool pm_tunnel_test(struct pm_tunnel *tunnel, char *error, size_t error_cap)
{
    if (tunnel->reflect == NULL)
        return true;
    int failed = pm_reflect_probe(tunnel->reflect);
    uint64_t deadline_ns = pm_carry_now_ns(tunnel) + TEST_NS;
    pm_tunnel_lock(tunnel);
    while (failed == 0 && !tunnel->is_gone && pm_carry_now_ns(tunnel) < deadline_ns &&
           !pm_reflect_has_passed(tunnel->reflect))
        turn(tunnel);
    pm_tunnel_unlock(tunnel);
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
