/* nfqueue.c - the socket to the packet queue; the contract is in nfqueue.h. */
#include "filter-ext/linux/nfqueue.h"

#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM_MAX  (65536u + 1024u)
#define SOCKET_BUFFER (16 << 20)
#define ANSWER_WAIT_S 5
#define OUT_MAX       8192u

struct pm_nfqueue {
    struct mnl_socket *socket;
    uint16_t queue;
    bool has_flags; /* the kernel knows them */
    uint32_t sequence;
    uint8_t *memory; /* PM_NFQUEUE_BATCH datagrams */
    struct iovec pieces[PM_NFQUEUE_BATCH];
    struct mmsghdr datagrams[PM_NFQUEUE_BATCH];
    struct pm_nf_verdict run; /* all_before: one is under way */
    _Alignas(4) uint8_t out[OUT_MAX];
    size_t out_len;
    struct pm_nfqueue_stats stats;
};

/* ------------------------------------------------------------------ opening */

static bool read_line(uint16_t queue, uint64_t *owner, struct pm_nfqueue_kernel *out)
{
    FILE *file = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
    char line[256];
    bool is_found = false;
    if (file == NULL)
        return false;
    while (!is_found && fgets(line, sizeof line, file) != NULL) {
        uint64_t words[7] = {0};
        int count = sscanf(
            line,
            "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
            &words[0], &words[1], &words[2], &words[3], &words[4], &words[5], &words[6]);
        is_found = count == 7 && words[0] == queue;
        *owner = words[1];
        *out = (struct pm_nfqueue_kernel){words[2], words[5], words[6]};
    }
    fclose(file);
    return is_found;
}

bool pm_nfqueue_kernel(uint16_t queue, struct pm_nfqueue_kernel *out)
{
    uint64_t owner;
    return read_line(queue, &owner, out);
}

static void tell_refusal(uint16_t queue, int why, char *error, size_t error_cap)
{
    struct pm_nfqueue_kernel kernel;
    uint64_t owner = 0;
    bool is_taken = why == EBUSY || why == EPERM;
    if (is_taken && read_line(queue, &owner, &kernel))
        snprintf(error, error_cap,
                 "queue %u is taken by another program (netlink port %" PRIu64
                 "); end that one or use another number",
                 queue, owner);
    else if (why == EPERM)
        snprintf(error, error_cap,
                 "queue %u: not permitted; run as root, or with CAP_NET_ADMIN and CAP_NET_RAW",
                 queue);
    else if (why == EINVAL || why == EOPNOTSUPP || why == EPROTONOSUPPORT || why == ENOENT)
        snprintf(error, error_cap,
                 "queue %u: this kernel has no NFQUEUE (%s); it needs "
                 "CONFIG_NETFILTER_NETLINK_QUEUE or the module nfnetlink_queue",
                 queue, strerror(why));
    else
        snprintf(error, error_cap, "queue %u: %s", queue, strerror(why));
}

/* Rules may send packets here before the queue is set up: those go round once more. */
static void send_round(struct pm_nfqueue *q, uint32_t id, uint32_t mark)
{
    pm_nfqueue_repeat(q, id, mark);
    pm_nfqueue_flush(q);
}

/* The errno that the kernel answers a message with; 0: done. */
static int ask(struct pm_nfqueue *q, const void *message, size_t len)
{
    if (mnl_socket_sendto(q->socket, message, len) < 0)
        return errno;
    for (;;) {
        ssize_t got = mnl_socket_recvfrom(q->socket, q->memory, DATAGRAM_MAX);
        if (got < 0 && errno == ENOBUFS)
            continue;
        if (got < 0)
            return errno;
        size_t off = 0, end = (size_t)got;
        while (off < end) {
            struct pm_nf_message m = pm_nf_read(q->memory + off, end - off);
            if (m.kind == PM_NF_ANSWER && m.sequence == q->sequence)
                return m.error;
            if (m.kind == PM_NF_PACKET)
                send_round(q, m.id, m.mark);
            off += m.size;
        }
    }
}

static int bind_queue(struct pm_nfqueue *q)
{
    _Alignas(4) uint8_t message[PM_NF_MESSAGE_MAX];
    size_t len = pm_nf_write_bind(message, q->queue, ++q->sequence);
    return ask(q, message, len);
}

static int configure(struct pm_nfqueue *q, const struct pm_nf_config *config)
{
    _Alignas(4) uint8_t message[PM_NF_MESSAGE_MAX];
    size_t len = pm_nf_write_config(message, config, ++q->sequence);
    return ask(q, message, len);
}

/* Without the flags the kernel cuts large packets up before we see them, and drops where the queue
 * is full. */
static int set_up(struct pm_nfqueue *q, const struct pm_nf_config *config, const char **notice)
{
    struct pm_nf_config wanted = *config;
    wanted.has_flags = true;
    int why = bind_queue(q);
    if (why == 0)
        why = configure(q, &wanted);
    q->has_flags = why == 0;
    if (why != EOPNOTSUPP && why != EINVAL)
        return why;
    wanted.has_flags = false;
    *notice = config->fail_open ? "the kernel knows neither GSO nor fail-open for its queues: "
                                  "slower, and a full queue drops"
                                : "the kernel knows no GSO for its queues: slower";
    return configure(q, &wanted);
}

static struct pm_nfqueue *allocate(void)
{
    struct pm_nfqueue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->memory = malloc((size_t)PM_NFQUEUE_BATCH * DATAGRAM_MAX);
    if (q->memory == NULL) {
        free(q);
        return NULL;
    }
    for (unsigned i = 0; i < PM_NFQUEUE_BATCH; i++) {
        q->pieces[i].iov_base = q->memory + (size_t)i * DATAGRAM_MAX;
        q->pieces[i].iov_len = DATAGRAM_MAX;
        q->datagrams[i].msg_hdr.msg_iov = &q->pieces[i];
        q->datagrams[i].msg_hdr.msg_iovlen = 1;
    }
    return q;
}

static int open_socket(struct pm_nfqueue *q)
{
    int size = SOCKET_BUFFER;
    struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    q->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (q->socket == NULL || mnl_socket_bind(q->socket, 0, MNL_SOCKET_AUTOPID) < 0)
        return errno;
    int fd = mnl_socket_get_fd(q->socket);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return 0;
}

struct pm_nfqueue *pm_nfqueue_open(const struct pm_nf_config *config, char *error, size_t error_cap,
                                   const char **notice)
{
    struct pm_nfqueue *q = allocate();
    *notice = "";
    if (q == NULL) {
        snprintf(error, error_cap, "queue %u: no memory", config->queue);
        return NULL;
    }
    q->queue = config->queue;
    int why = open_socket(q);
    if (why == 0)
        why = set_up(q, config, notice);
    if (why == 0)
        return q;
    pm_nfqueue_close(q);
    tell_refusal(config->queue, why, error, error_cap);
    return NULL;
}

void pm_nfqueue_close(struct pm_nfqueue *q)
{
    if (q == NULL)
        return;
    if (q->socket != NULL)
        mnl_socket_close(q->socket);
    free(q->memory);
    free(q);
}

int pm_nfqueue_fd(const struct pm_nfqueue *q)
{
    return mnl_socket_get_fd(q->socket);
}

const struct pm_nfqueue_stats *pm_nfqueue_stats(const struct pm_nfqueue *q)
{
    return &q->stats;
}

/* ------------------------------------------------------------------ in */

/* The kernel puts one packet into each datagram; whatever else is in it is passed over. */
static bool take_datagram(struct pm_nfqueue *q, const uint8_t *bytes, size_t len,
                          struct pm_nf_message *packet)
{
    for (size_t off = 0; off < len;) {
        struct pm_nf_message m = pm_nf_read(bytes + off, len - off);
        off += m.size;
        if (m.kind == PM_NF_ANSWER)
            q->stats.verdict_errors += m.error != 0;
        if (m.kind == PM_NF_BROKEN)
            q->stats.broken++;
        if (m.kind != PM_NF_PACKET)
            continue;
        *packet = m;
        q->stats.packets++;
        return true;
    }
    return false;
}

int pm_nfqueue_receive(struct pm_nfqueue *q, struct pm_nf_message packets[PM_NFQUEUE_BATCH])
{
    int got = recvmmsg(pm_nfqueue_fd(q), q->datagrams, PM_NFQUEUE_BATCH, MSG_DONTWAIT, NULL);
    int count = 0;
    if (got < 0) {
        q->stats.overruns += errno == ENOBUFS;
        bool is_fine = errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
        return is_fine ? 0 : -1;
    }
    for (int i = 0; i < got; i++)
        count += take_datagram(q, q->pieces[i].iov_base, q->datagrams[i].msg_len, &packets[count]);
    return count;
}

/* ------------------------------------------------------------------ out */

static void send_out(struct pm_nfqueue *q)
{
    if (q->out_len == 0)
        return;
    if (mnl_socket_sendto(q->socket, q->out, q->out_len) < 0)
        q->stats.verdict_errors++;
    q->out_len = 0;
}

static void put(struct pm_nfqueue *q, const struct pm_nf_verdict *verdict)
{
    if (OUT_MAX - q->out_len < PM_NF_MESSAGE_MAX)
        send_out(q);
    q->out_len += pm_nf_write_verdict(q->out + q->out_len, q->queue, verdict);
    q->stats.messages++;
}

static void end_run(struct pm_nfqueue *q)
{
    if (q->run.all_before)
        put(q, &q->run);
    q->run.all_before = false;
}

static void decide(struct pm_nfqueue *q, const struct pm_nf_verdict *verdict)
{
    if (!verdict->all_before || q->run.verdict != verdict->verdict)
        end_run(q);
    if (verdict->all_before)
        q->run = *verdict;
    else
        put(q, verdict);
}

void pm_nfqueue_allow(struct pm_nfqueue *q, uint32_t id, bool in_order)
{
    decide(q, &(struct pm_nf_verdict){.id = id, .verdict = NF_ACCEPT, .all_before = in_order});
}

void pm_nfqueue_drop(struct pm_nfqueue *q, uint32_t id, bool in_order)
{
    decide(q, &(struct pm_nf_verdict){.id = id, .verdict = NF_DROP, .all_before = in_order});
}

void pm_nfqueue_repeat(struct pm_nfqueue *q, uint32_t id, uint32_t mark)
{
    decide(q,
           &(struct pm_nf_verdict){.id = id, .verdict = NF_REPEAT, .mark = mark, .has_mark = true});
}

void pm_nfqueue_flush(struct pm_nfqueue *q)
{
    end_run(q);
    send_out(q);
}

void pm_nfqueue_renew(struct pm_nfqueue *q, const struct pm_nf_config *config)
{
    _Alignas(4) uint8_t message[PM_NF_MESSAGE_MAX];
    struct pm_nf_config wanted = *config;
    wanted.has_flags = q->has_flags;
    size_t len = pm_nf_write_config(message, &wanted, ++q->sequence);
    if (mnl_socket_sendto(q->socket, message, len) < 0)
        q->stats.verdict_errors++;
}
