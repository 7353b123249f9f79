/* edges.c - edges by epoll; the contract is in edges.h. */
#include "tunnel-ext/edges.h"

#include <sys/epoll.h>

#define BATCH 64

int pm_edges_open(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

bool pm_edges_watch(int edges, int fd, uint64_t tag)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = tag};
    return epoll_ctl(edges, EPOLL_CTL_ADD, fd, &event) == 0;
}

static unsigned can_of(uint32_t events)
{
    unsigned can = events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP) ? PM_CAN_READ : 0;
    can |= events & (EPOLLOUT | EPOLLHUP) ? PM_CAN_WRITE : 0;
    return can | (events & EPOLLERR ? PM_HAS_FAILED : 0);
}

size_t pm_edges_take(int edges, struct pm_edge *out, size_t cap)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(edges, events, cap < BATCH ? (int)cap : BATCH, 0);
    for (int i = 0; i < count; i++)
        out[i] = (struct pm_edge){.tag = events[i].data.u64, .can = can_of(events[i].events)};
    return count < 0 ? 0 : (size_t)count;
}
