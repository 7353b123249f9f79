/* relay.c - carries bytes between two sockets; the contract is in relay.h. */
#include "tunnel-ext/relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE */
#endif

void pm_relay_init(struct pm_relay *relay, int here, int there)
{
    *relay =
        (struct pm_relay){.fd = {here, there}, .can_read = {true, true}, .can_write = {true, true}};
}

static bool is_not_now(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Takes what was sent from the socket; Linux does so without a copy. */
static bool take(int fd, uint8_t *room, size_t len)
{
#ifdef __linux__
    int flags = MSG_TRUNC;
#else
    int flags = 0;
#endif
    while (len > 0) {
        ssize_t n = recv(fd, room, len, flags);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        len -= (size_t)n;
    }
    return true;
}

/* A piece from socket `from` to the other one. False: the relay is broken. */
static bool carry_piece(struct pm_relay *relay, int from, uint8_t *room, size_t cap)
{
    int to = !from;
    ssize_t len = recv(relay->fd[from], room, cap, MSG_PEEK);
    if (len < 0) {
        relay->can_read[from] = !is_not_now();
        return is_not_now() || errno == EINTR;
    }
    if (len == 0) {
        relay->has_ended[from] = true;
        return shutdown(relay->fd[to], SHUT_WR) == 0;
    }
    ssize_t sent = send(relay->fd[to], room, (size_t)len, MSG_NOSIGNAL);
    if (sent < 0) {
        relay->can_write[to] = !is_not_now();
        return is_not_now() || errno == EINTR;
    }
    relay->carried[from] += (uint64_t)sent;
    return take(relay->fd[from], room, (size_t)sent);
}

static bool can_carry(const struct pm_relay *relay, int from)
{
    return relay->can_read[from] && relay->can_write[!from] && !relay->has_ended[from];
}

enum pm_relay_step pm_relay_carry(struct pm_relay *relay, uint8_t *room, size_t cap)
{
    for (int from = 0; from < 2; from++)
        while (can_carry(relay, from))
            if (!carry_piece(relay, from, room, cap))
                return PM_RELAY_BROKEN;
    return relay->has_ended[0] && relay->has_ended[1] ? PM_RELAY_DONE : PM_RELAY_GOES;
}

void pm_relay_close(struct pm_relay *relay, bool as_reset)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int side = 0; side < 2; side++) {
        if (as_reset)
            setsockopt(relay->fd[side], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(relay->fd[side]);
        relay->fd[side] = -1;
    }
}
