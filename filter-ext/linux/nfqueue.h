/* nfqueue.h - one packet queue of the kernel: packets in, verdicts out, many at a time.
 *
 *     count = pm_nfqueue_receive(q, packets)         never waits
 *     pm_nfqueue_allow(q, ...), pm_nfqueue_drop(...)  are gathered
 *     pm_nfqueue_flush(q)                            and sent
 *
 * Packets have numbers in the order they came. As long as none waits (`in_order`), verdicts that
 * are the same for packets one behind the other become one message: "all up to this one". */
#ifndef PKTMOD_FILTER_NFQUEUE_H
#define PKTMOD_FILTER_NFQUEUE_H

#include "filter-ext/linux/nfmessage.h"

struct pm_nfqueue;

/* Datagrams taken at a time. */
#define PM_NFQUEUE_BATCH 32u

struct pm_nfqueue_stats {
    uint64_t packets;        /* received */
    uint64_t overruns;       /* times that the socket's buffer was full: packets were lost, or let
                                through with fail_open */
    uint64_t verdict_errors; /* the packet was no longer there */
    uint64_t messages;       /* sent */
    uint64_t broken;         /* messages of the kernel that could not be read */
};

/* Binds and sets up. NULL with `error` filled: one line, without the program's name. notice, when
 * it is not empty then: what the kernel cannot do. */
struct pm_nfqueue *pm_nfqueue_open(const struct pm_nf_config *config, char *error, size_t error_cap,
                                   const char **notice);
/* Unbinds: the kernel drops what still waits. NULL is fine. */
void pm_nfqueue_close(struct pm_nfqueue *q);

int pm_nfqueue_fd(const struct pm_nfqueue *q);
/* Packets that came, at most PM_NFQUEUE_BATCH; lent until the next call. -1: the socket failed. */
int pm_nfqueue_receive(struct pm_nfqueue *q, struct pm_nf_message packets[PM_NFQUEUE_BATCH]);

void pm_nfqueue_allow(struct pm_nfqueue *q, uint32_t id, bool in_order);
void pm_nfqueue_drop(struct pm_nfqueue *q, uint32_t id, bool in_order);
/* Past the hook's rules once more, with this mark. */
void pm_nfqueue_repeat(struct pm_nfqueue *q, uint32_t id, uint32_t mark);
void pm_nfqueue_flush(struct pm_nfqueue *q);

/* The queue as a new policy wants it. A refusal counts as verdict_errors. */
void pm_nfqueue_renew(struct pm_nfqueue *q, const struct pm_nf_config *config);
const struct pm_nfqueue_stats *pm_nfqueue_stats(const struct pm_nfqueue *q);

/* What the kernel counted for the queue; false: it tells nothing. dropped_full: its own bound was
 * reached; dropped_unread: our socket's. */
struct pm_nfqueue_kernel {
    uint64_t waiting, dropped_full, dropped_unread;
};
bool pm_nfqueue_kernel(uint16_t queue, struct pm_nfqueue_kernel *out);

#endif
