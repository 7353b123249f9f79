/* passall.c - the least that a program behind a packet queue can do: it lets everything pass, with
 * the same socket, batches and GSO as the filter. What it costs is the kernel's price.
 *
 *     passall QUEUE     until SIGTERM */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter-ext/linux/nfqueue.h"

#define COPY_LEN  512u
#define QUEUE_LEN 5120u

static int turn(struct pm_nfqueue *q)
{
    struct pm_nf_message packets[PM_NFQUEUE_BATCH];
    struct pollfd fd = {.fd = pm_nfqueue_fd(q), .events = POLLIN};
    if (poll(&fd, 1, -1) < 0)
        return -1;
    int count = pm_nfqueue_receive(q, packets);
    for (int i = 0; i < count; i++)
        pm_nfqueue_allow(q, packets[i].id, true);
    pm_nfqueue_flush(q);
    return count;
}

int main(int argc, char **argv)
{
    char error[256];
    const char *notice;
    if (argc != 2) {
        fputs("usage: passall QUEUE\n", stderr);
        return 2;
    }
    struct pm_nf_config config = {.queue = (uint16_t)strtoul(argv[1], NULL, 10),
                                  .copy_len = COPY_LEN,
                                  .queue_len = QUEUE_LEN};
    struct pm_nfqueue *q = pm_nfqueue_open(&config, error, sizeof error, &notice);
    if (q == NULL) {
        fprintf(stderr, "passall: %s\n", error);
        return 2;
    }
    puts("ready");
    fflush(stdout);
    while (turn(q) >= 0)
        continue;
    return 1;
}
