/* control.c - the control socket; the contract is in control.h. */
#include "app/control.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/control_answer.h"
#include "tunnel-ext/listener.h"

#define GROUPS_MAX 1024

struct client {
    int fd; /* -1: the place is free */
    bool wants_events, is_leaving;
    uint64_t lost; /* lines of events */
    struct pm_buffer in, out;
};

struct pm_control {
    int fd;
    char *path;
    bool has_group;
    gid_t group;
    struct client clients[PM_CONTROL_CLIENTS];
};

/* ------------------------------------------------------------------ life */

static bool find_group(struct pm_control *control, const char *name, char *error, size_t error_cap)
{
    if (name == NULL)
        return true;
    const struct group *found = getgrnam(name);
    if (found == NULL) {
        snprintf(error, error_cap, "no group \"%s\" on this system", name);
        return false;
    }
    control->has_group = true;
    control->group = found->gr_gid;
    return true;
}

static bool open_to_group(const struct pm_control *control, char *error, size_t error_cap)
{
    if (!control->has_group ||
        (chown(control->path, (uid_t)-1, control->group) == 0 && chmod(control->path, 0660) == 0))
        return true;
    snprintf(error, error_cap, "%s: cannot give it to the group: %s", control->path,
             strerror(errno));
    return false;
}

struct pm_control *pm_control_open(const char *path, const char *group, char *error,
                                   size_t error_cap)
{
    struct pm_control *control = calloc(1, sizeof *control);
    snprintf(error, error_cap, "no memory");
    if (control == NULL)
        return NULL;
    control->fd = -1;
    for (unsigned i = 0; i < PM_CONTROL_CLIENTS; i++)
        control->clients[i] = (struct client){
            .fd = -1, .in = {.most = PM_CONTROL_LINE}, .out = {.most = PM_CONTROL_OUT}};
    control->path = strdup(path);
    if (control->path != NULL && find_group(control, group, error, error_cap))
        control->fd = pm_listener_open(path, error, error_cap);
    if (control->fd >= 0 && open_to_group(control, error, error_cap))
        return control;
    pm_control_close(control);
    return NULL;
}

static void send_away(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    pm_buffer_free(&client->in);
    pm_buffer_free(&client->out);
}

void pm_control_close(struct pm_control *control)
{
    if (control == NULL)
        return;
    for (unsigned i = 0; i < PM_CONTROL_CLIENTS; i++)
        send_away(&control->clients[i]);
    if (control->fd >= 0)
        pm_listener_close(control->fd, control->path);
    free(control->path);
    free(control);
}

/* ------------------------------------------------------------------ who may */

static bool is_member(const struct pm_control *control, int fd, gid_t own)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof groups;
    if (!control->has_group)
        return false;
    if (own == control->group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return false;
    for (size_t i = 0; i < len / sizeof groups[0]; i++)
        if (groups[i] == control->group)
            return true;
    return false;
}

static bool may_enter(const struct pm_control *control, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    return peer.uid == 0 || peer.uid == geteuid() || is_member(control, fd, peer.gid);
}

static void refuse(int fd, const char *why)
{
    char line[128];
    int len = snprintf(line, sizeof line, "{\"pktmod\":1,\"ok\":false,\"error\":\"%s\"}\n", why);
    send(fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void accept_all(struct pm_control *control)
{
    int fd;
    while ((fd = pm_listener_accept(control->fd)) >= 0) {
        unsigned i = 0;
        while (i < PM_CONTROL_CLIENTS && control->clients[i].fd >= 0)
            i++;
        if (!may_enter(control, fd)) {
            refuse(fd, "only root and the control group may");
        } else if (i == PM_CONTROL_CLIENTS) {
            refuse(fd, "16 clients are connected; no room for another");
        } else {
            control->clients[i].fd = fd;
            control->clients[i].wants_events = control->clients[i].is_leaving = false;
            control->clients[i].lost = 0;
        }
    }
}

/* ------------------------------------------------------------------ lines */

static void write_out(struct client *client)
{
    while (client->fd >= 0 && pm_buffer_len(&client->out) > 0) {
        ssize_t put = send(client->fd, pm_buffer_at(&client->out), pm_buffer_len(&client->out),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (put <= 0) {
            send_away(client);
            return;
        }
        pm_buffer_drop(&client->out, (size_t)put);
    }
    if (client->is_leaving)
        send_away(client);
}

static void answer_line(struct client *client, struct pm_run *run, const char *line, size_t len)
{
    struct pm_sink sink;
    pm_sink_open_memory(&sink);
    bool wants_events = pm_control_answer(run, line, len, &sink);
    if (sink.error != 0 || !pm_buffer_put(&client->out, sink.buffer, sink.len))
        client->is_leaving = true;
    client->wants_events |= wants_events;
    free(sink.buffer);
}

static void answer_lines(struct client *client, struct pm_run *run)
{
    const uint8_t *end;
    while (client->fd >= 0 && !client->is_leaving &&
           (end = memchr(pm_buffer_at(&client->in), '\n', pm_buffer_len(&client->in))) != NULL) {
        size_t len = (size_t)(end - pm_buffer_at(&client->in));
        answer_line(client, run, (const char *)pm_buffer_at(&client->in), len);
        pm_buffer_drop(&client->in, len + 1);
    }
}

static void read_in(struct client *client, struct pm_run *run)
{
    uint8_t bytes[PM_CONTROL_LINE];
    static const char too_long[] =
        "{\"pktmod\":1,\"ok\":false,\"error\":\"a request has at most 4096 bytes\"}\n";
    while (client->fd >= 0 && !client->is_leaving) {
        size_t room = PM_CONTROL_LINE - pm_buffer_len(&client->in);
        if (room == 0) {
            pm_buffer_put(&client->out, too_long, sizeof too_long - 1);
            client->is_leaving = true;
            return;
        }
        ssize_t got = recv(client->fd, bytes, room, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0 || !pm_buffer_put(&client->in, bytes, (size_t)got)) {
            send_away(client);
            return;
        }
        answer_lines(client, run);
    }
}

/* ------------------------------------------------------------------ the loop's view */

size_t pm_control_poll(const struct pm_control *control, struct pollfd *fds)
{
    size_t count = 0;
    fds[count++] = (struct pollfd){.fd = control->fd, .events = POLLIN};
    for (unsigned i = 0; i < PM_CONTROL_CLIENTS; i++) {
        const struct client *client = &control->clients[i];
        bool has_out = pm_buffer_len(&client->out) > 0;
        if (client->fd >= 0)
            fds[count++] = (struct pollfd){
                .fd = client->fd, .events = has_out ? (short)(POLLIN | POLLOUT) : (short)POLLIN};
    }
    return count;
}

void pm_control_work(struct pm_control *control, struct pm_run *run)
{
    accept_all(control);
    for (unsigned i = 0; i < PM_CONTROL_CLIENTS; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0)
            continue;
        read_in(client, run);
        write_out(client);
    }
}

/* A client that does not read misses lines, and is told how many. */
static void tell_client(struct client *client, const uint8_t *lines, size_t len)
{
    char told[64];
    if (client->lost > 0) {
        int told_len = snprintf(told, sizeof told, "{\"pktmod\":1,\"lost\":%llu}\n",
                                (unsigned long long)client->lost);
        if (PM_CONTROL_OUT - pm_buffer_len(&client->out) > len + sizeof told &&
            pm_buffer_put(&client->out, told, (size_t)told_len))
            client->lost = 0;
    }
    if (client->lost > 0 || !pm_buffer_put(&client->out, lines, len))
        for (size_t i = 0; i < len; i++)
            client->lost += lines[i] == '\n';
}

void pm_control_tell(struct pm_control *control, const uint8_t *lines, size_t len)
{
    for (unsigned i = 0; i < PM_CONTROL_CLIENTS; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || !client->wants_events)
            continue;
        tell_client(client, lines, len);
        write_out(client);
    }
}
