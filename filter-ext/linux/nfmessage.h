/* nfmessage.h - what the kernel's packet queue and we say to each other, as bytes: netlink messages
 * of the subsystem NFNL_SUBSYS_QUEUE (linux/netfilter/nfnetlink_queue.h). No socket here. */
#ifndef PKTMOD_FILTER_NFMESSAGE_H
#define PKTMOD_FILTER_NFMESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pm_nf_kind {
    PM_NF_PACKET,
    PM_NF_ANSWER, /* to a message of ours: error, or 0 for done */
    PM_NF_OTHER,  /* nothing for us */
    PM_NF_BROKEN, /* contradicts its own lengths */
};

struct pm_nf_message {
    enum pm_nf_kind kind;
    size_t size;       /* bytes that it takes in the buffer; BROKEN: all of them */
    uint32_t sequence; /* ANSWER: of what it answers */
    int error;         /* ANSWER: errno */

    uint32_t id; /* PACKET */
    uint8_t hook;
    uint32_t in_ifindex, out_ifindex; /* 0: none */
    uint32_t mark;
    bool is_checksum_partial; /* the device will fill it in */
    const uint8_t *data;      /* from the IP header on; NULL: none of it */
    size_t len, wire_len;
};

/* Reads the first message at bytes, which are aligned to four. */
struct pm_nf_message pm_nf_read(const void *bytes, size_t len);

/* How a queue is wanted. */
struct pm_nf_config {
    uint16_t queue;
    uint32_t copy_len;  /* bytes of each packet */
    uint32_t queue_len; /* packets that wait in the kernel */
    bool has_flags;     /* false: leave them out, for kernels that know none */
    bool fail_open;     /* a packet is let through where the queue is full */
};

#define PM_NF_MESSAGE_MAX 128u

/* Each writes one message to out[PM_NF_MESSAGE_MAX] and answers its size. */
size_t pm_nf_write_bind(void *out, uint16_t queue, uint32_t sequence);
size_t pm_nf_write_config(void *out, const struct pm_nf_config *config, uint32_t sequence);

/* verdict: NF_ACCEPT, NF_DROP, NF_REPEAT. all_before: for every packet that waits with that id or
 * an earlier one. has_mark: what the packet's mark becomes. */
struct pm_nf_verdict {
    uint32_t id, verdict, mark;
    bool all_before, has_mark;
};
size_t pm_nf_write_verdict(void *out, uint16_t queue, const struct pm_nf_verdict *verdict);

#endif
