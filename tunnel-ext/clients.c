/* clients.c - the programs that decide about streams; the contract is in clients.h. */
#include "tunnel-ext/clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tunnel-ext/listener.h"
#include "tunnel-ext/message.h"

#define OUT_MOST (32u << 20)                          /* what a client may have unread */
#define IN_MOST  (PM_MESSAGE_BYTES + PM_MESSAGE_LINE) /* one answer */
#define GREETING "pktmod 1\n"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE */
#endif

struct client {
    const char *path; /* the policy's */
    int listener, fd; /* fd -1: nobody is there */
    struct pm_buffer out, in;
    uint64_t asked_n, told_n; /* sync: the last one sent, the last one that came back */
    bool has_news;            /* data since the last sync was sent */
};

struct pm_clients {
    const struct pm_policy *policy;
    struct pm_rewriter *rewriter;
    struct client *list;
    size_t count;
    struct pm_clients_stats stats;
};

/* ------------------------------------------------------------------ life */

static struct client *client_of(const struct pm_clients *clients, const char *path)
{
    for (size_t i = 0; i < clients->count; i++)
        if (strcmp(clients->list[i].path, path) == 0)
            return &clients->list[i];
    return NULL;
}

static bool add_path(struct pm_clients *clients, const char *path, char *error, size_t error_cap)
{
    if (client_of(clients, path) != NULL)
        return true;
    struct client *c = &clients->list[clients->count];
    *c = (struct client){.path = path,
                         .listener = pm_listener_open(path, error, error_cap),
                         .fd = -1,
                         .out.most = OUT_MOST,
                         .in.most = IN_MOST};
    if (c->listener < 0)
        return false;
    clients->count++;
    return true;
}

struct pm_clients *pm_clients_new(const struct pm_policy *policy, char *error, size_t error_cap)
{
    size_t rules = pm_policy_rule_count(policy);
    struct pm_clients *clients = calloc(1, sizeof *clients);
    if (clients != NULL)
        clients->list = calloc(rules + 1, sizeof *clients->list);
    if (clients == NULL || clients->list == NULL) {
        free(clients);
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    clients->policy = policy;
    for (uint32_t rule = 0; rule < rules; rule++) {
        const char *path = pm_policy_rule_socket(policy, rule);
        if (path == NULL || pm_policy_rule_is_dry_run(policy, rule))
            continue;
        if (!add_path(clients, path, error, error_cap)) {
            pm_clients_free(clients);
            return NULL;
        }
    }
    return clients;
}

static void hang_up(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    pm_buffer_free(&c->out);
    pm_buffer_free(&c->in);
    c->asked_n = c->told_n = 0;
    c->has_news = false;
}

void pm_clients_free(struct pm_clients *clients)
{
    if (clients == NULL)
        return;
    for (size_t i = 0; i < clients->count; i++) {
        hang_up(&clients->list[i]);
        pm_listener_close(clients->list[i].listener, clients->list[i].path);
    }
    free(clients->list);
    free(clients);
}

void pm_clients_serve(struct pm_clients *clients, struct pm_rewriter *rewriter)
{
    clients->rewriter = rewriter;
}

const struct pm_clients_stats *pm_clients_stats(const struct pm_clients *clients)
{
    return &clients->stats;
}

/* ------------------------------------------------------------------ out */

bool pm_clients_take(struct pm_clients *clients, const struct pm_external_data *data)
{
    struct client *c = client_of(clients, data->socket);
    if (c == NULL || c->fd < 0)
        return false;
    if (!pm_message_write_data(&c->out, data, pm_policy_rule_id(clients->policy, data->rule)))
        return false;
    clients->stats.data += data->is_gone ? 0 : 1;
    c->has_news = true;
    return true;
}

/* Its streams are decided without it. */
static void lose(struct pm_clients *clients, struct client *c, uint64_t now_ns, uint64_t *count)
{
    ++*count;
    hang_up(c);
    if (clients->rewriter != NULL)
        pm_rewriter_external_lost(clients->rewriter, c->path, now_ns);
}

/* False: the client is gone. */
static bool write_out(struct client *c)
{
    while (pm_buffer_len(&c->out) > 0) {
        ssize_t n = send(c->fd, pm_buffer_at(&c->out), pm_buffer_len(&c->out), MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        pm_buffer_drop(&c->out, (size_t)n);
    }
    return true;
}

/* ------------------------------------------------------------------ in */

enum work { WORK_DONE, WORK_LATER, WORK_GONE, WORK_WRONG };

static enum work take_answer(struct pm_clients *clients, const struct pm_message *m,
                             uint64_t now_ns)
{
    enum pm_external_verdict verdict =
        m->take > SIZE_MAX ? PM_EXTERNAL_WRONG
                           : pm_rewriter_external_answer(clients->rewriter, m->stream, m->offset,
                                                         (size_t)m->take, m->bytes, m->len, now_ns);
    switch (verdict) {
    case PM_EXTERNAL_LATER:
        return WORK_LATER;
    case PM_EXTERNAL_WRONG:
        return WORK_WRONG;
    case PM_EXTERNAL_TAKEN:
    case PM_EXTERNAL_GONE: /* it could not know yet */
        break;
    }
    clients->stats.answers++;
    return WORK_DONE;
}

/* Everything in the buffer that is whole. */
static enum work take_messages(struct pm_clients *clients, struct client *c, uint64_t now_ns)
{
    for (;;) {
        struct pm_message m = pm_message_read(&c->in);
        enum work work = WORK_DONE;
        switch (m.kind) {
        case PM_MESSAGE_PARTIAL:
            return WORK_DONE;
        case PM_MESSAGE_WRONG:
            return WORK_WRONG;
        case PM_MESSAGE_SYNC:
            if (m.n != c->told_n + 1 || m.n > c->asked_n)
                return WORK_WRONG;
            c->told_n = m.n;
            break;
        case PM_MESSAGE_ANSWER:
            work = take_answer(clients, &m, now_ns);
            break;
        }
        if (work != WORK_DONE)
            return work;
        pm_buffer_drop(&c->in, m.size);
    }
}

/* Reads and answers until nothing is there, or there is no room for an answer. */
static enum work read_in(struct pm_clients *clients, struct client *c, uint64_t now_ns)
{
    for (;;) {
        enum work work = take_messages(clients, c, now_ns);
        if (work != WORK_DONE)
            return work;
        if (!pm_buffer_reserve(&c->in, IN_MOST - pm_buffer_len(&c->in)))
            return WORK_GONE;
        ssize_t n = recv(c->fd, c->in.bytes + c->in.end, IN_MOST - pm_buffer_len(&c->in), 0);
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? WORK_DONE
                                                                             : WORK_GONE;
        if (n == 0)
            return WORK_GONE;
        c->in.end += (size_t)n;
    }
}

/* ------------------------------------------------------------------ work */

static void welcome(struct pm_clients *clients, struct client *c)
{
    int fd = pm_listener_accept(c->listener);
    if (fd < 0)
        return;
    if (c->fd >= 0) { /* one at a time */
        close(fd);
        return;
    }
#ifdef SO_NOSIGPIPE
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    c->fd = fd;
    clients->stats.connected++;
    pm_buffer_put(&c->out, GREETING, strlen(GREETING));
}

static void work_with(struct pm_clients *clients, struct client *c, uint64_t now_ns)
{
    welcome(clients, c);
    if (c->fd < 0)
        return;
    enum work work = write_out(c) ? read_in(clients, c, now_ns) : WORK_GONE;
    if (work == WORK_DONE && !write_out(c)) /* what answers made room for */
        work = WORK_GONE;
    switch (work) {
    case WORK_GONE:
        lose(clients, c, now_ns, &clients->stats.left);
        break;
    case WORK_WRONG:
        lose(clients, c, now_ns, &clients->stats.sent_away);
        break;
    case WORK_DONE:
    case WORK_LATER:
        break;
    }
}

void pm_clients_work(struct pm_clients *clients, uint64_t now_ns)
{
    for (size_t i = 0; i < clients->count; i++)
        work_with(clients, &clients->list[i], now_ns);
}

size_t pm_clients_poll(const struct pm_clients *clients, struct pollfd *fds, size_t cap)
{
    size_t count = 0;
    for (size_t i = 0; i < clients->count && count < cap; i++) {
        const struct client *c = &clients->list[i];
        fds[count++] = (struct pollfd){.fd = c->listener, .events = POLLIN};
        if (c->fd < 0 || count == cap)
            continue;
        short wants = pm_buffer_len(&c->out) > 0 ? POLLIN | POLLOUT : POLLIN;
        fds[count++] = (struct pollfd){.fd = c->fd, .events = wants};
    }
    return count;
}

/* ------------------------------------------------------------------ waiting */

static int64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Something happens at a descriptor of the client, or the time is over. */
static void wait_for(const struct client *c, int64_t deadline_ms)
{
    short wants = pm_buffer_len(&c->out) > 0 ? POLLIN | POLLOUT : POLLIN;
    struct pollfd fd = {.fd = c->fd >= 0 ? c->fd : c->listener, .events = wants};
    int64_t left = deadline_ms - real_ms();
    poll(&fd, 1, left > 0 ? (int)left : 0);
}

static void settle(struct pm_clients *clients, struct client *c, int timeout_ms, uint64_t now_ns)
{
    int64_t deadline_ms = real_ms() + timeout_ms;
    while (c->fd >= 0 && (c->has_news || c->told_n < c->asked_n)) {
        if (c->has_news && c->told_n == c->asked_n) {
            c->has_news = false;
            if (!pm_message_write_sync(&c->out, ++c->asked_n)) {
                lose(clients, c, now_ns, &clients->stats.sent_away);
                return;
            }
        }
        work_with(clients, c, now_ns);
        bool is_waited_for = c->fd >= 0 && c->told_n < c->asked_n;
        if (is_waited_for && real_ms() >= deadline_ms) {
            lose(clients, c, now_ns, &clients->stats.sent_away);
            return;
        }
        if (is_waited_for)
            wait_for(c, deadline_ms);
    }
}

void pm_clients_settle(struct pm_clients *clients, int timeout_ms, uint64_t now_ns)
{
    for (size_t i = 0; i < clients->count; i++)
        settle(clients, &clients->list[i], timeout_ms, now_ns);
}

bool pm_clients_await(struct pm_clients *clients, int timeout_ms, const char **missing)
{
    int64_t deadline_ms = real_ms() + timeout_ms;
    for (size_t i = 0; i < clients->count; i++) {
        struct client *c = &clients->list[i];
        welcome(clients, c);
        while (c->fd < 0 && real_ms() < deadline_ms) {
            wait_for(c, deadline_ms);
            welcome(clients, c);
        }
        *missing = c->path;
        if (c->fd < 0)
            return false;
    }
    return true;
}
