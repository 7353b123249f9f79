/* edges.c - edges by kqueue; the contract is in edges.h.
 *
 * A descriptor has two filters here, so that both of its edges may come in one batch, each under
 * the tag. */
#include "tunnel-ext/edges.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <unistd.h>

#define BATCH 64

_Static_assert(sizeof(void *) == sizeof(uint64_t), "a tag fits into what kqueue keeps");

int pm_edges_open(void)
{
    int fd = kqueue();
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

bool pm_edges_watch(int edges, int fd, uint64_t tag)
{
    struct kevent changes[2];
    void *kept;
    memcpy(&kept, &tag, sizeof kept);
    EV_SET(&changes[0], (uintptr_t)fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, kept);
    EV_SET(&changes[1], (uintptr_t)fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0, kept);
    if (kevent(edges, &changes[0], 1, NULL, 0, NULL) != 0)
        return false;
    /* a socket whose other end is gone already cannot be waited for any more, only read */
    return kevent(edges, &changes[1], 1, NULL, 0, NULL) == 0 || errno == EPIPE;
}

/* At the end of file fflags has the socket's error. */
static unsigned can_of(const struct kevent *event)
{
    unsigned can = event->filter == EVFILT_WRITE ? PM_CAN_WRITE : PM_CAN_READ;
    bool has_failed = (event->flags & EV_EOF) != 0 && event->fflags != 0;
    return can | (has_failed ? PM_HAS_FAILED : 0);
}

size_t pm_edges_take(int edges, struct pm_edge *out, size_t cap)
{
    const struct timespec at_once = {0};
    struct kevent events[BATCH];
    int count = kevent(edges, NULL, 0, events, cap < BATCH ? (int)cap : BATCH, &at_once);
    for (int i = 0; i < count; i++) {
        memcpy(&out[i].tag, &events[i].udata, sizeof out[i].tag);
        out[i].can = can_of(&events[i]);
    }
    return count < 0 ? 0 : (size_t)count;
}
