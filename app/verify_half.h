/* verify_half.h - what one end of a connection sent: positions, bytes, FIN and RST, and how far the
 * other end acknowledged it. The one place where sequence numbers become positions. */
#ifndef PKTMOD_APP_VERIFY_HALF_H
#define PKTMOD_APP_VERIFY_HALF_H

#include "app/verify_packet.h"
#include "app/verify_stream.h"

/* How a packet stands to the end of what was sent, the packet itself counted. */
enum pm_verify_stand {
    PM_VERIFY_BEHIND, /* it ends with something older */
    PM_VERIFY_PROBE,  /* a keep-alive or window probe: one below the end */
    PM_VERIFY_AT_END,
};

/* The latest acknowledgement of a half, by the other end. */
struct pm_verify_ack {
    uint64_t step, frame;
    uint64_t pos, end; /* what is acknowledged; what was sent when it passed */
    unsigned sack_count;
    uint64_t sack[PM_VERIFY_SACKS][2];
};

struct pm_verify_half {
    bool has_base, has_syn, has_fin, has_rst;
    bool is_doubtful; /* it has packets that a receiver, or the rewriter, may not have taken */
    bool rst_at_end;  /* the first RST stood where the stream ended */
    bool has_far;     /* a packet's number was nowhere near the stream */
    uint32_t base;    /* number of position PM_VERIFY_BASE */
    uint32_t isn;
    uint64_t end; /* one behind the highest that was sent, the FIN counted */
    uint64_t data_end, fin_pos;
    uint64_t acked;                /* the highest that was acknowledged */
    uint64_t packets, largest;     /* of IP packets, in bytes */
    uint64_t ahead, sacks_outside; /* acknowledgements and blocks beyond `end` */
    uint64_t repeats;              /* packets with bytes that were others at first */
    uint64_t returns;              /* acknowledgements of less than was acknowledged before */
    uint64_t syn_frame, fin_frame, rst_frame;
    uint64_t step, seen_step;   /* of the latest segment, and of any packet at all */
    uint64_t grown_step;        /* when `end` last moved */
    uint64_t acked_step;        /* when `acked` last moved */
    enum pm_verify_stand stand; /* of the latest packet */
    uint64_t last_pos, last_frame;
    /* Without a baseline: bytes that were acknowledged before they were seen. */
    uint64_t missing_begin, missing_end, missing_frame, missing_ns;
    /* Likewise: wrong checksums that may be none of its faults, and the first of them. */
    uint64_t excused, excused_frame;
    struct pm_verify_fault excused_fault;
    struct pm_verify_ack ack;
    uint64_t covered_step; /* when everything sent was last acknowledged */
    struct pm_verify_stream stream;
};

/* What one segment did to the half of its sender. */
struct pm_verify_sent {
    bool is_far;        /* not taken: nowhere near */
    uint64_t pos;       /* of its first byte */
    uint64_t jump;      /* so many bytes were left out before it */
    bool jump_is_empty; /* and it has no byte or FIN itself */
    bool was_missing;   /* it has bytes that were acknowledged before */
    bool fin_moved;
    struct pm_verify_difference difference;
};

/* What its acknowledgement did to the half of its receiver. */
struct pm_verify_acknowledged {
    bool is_far;
    bool is_return; /* of less than was acknowledged before */
    uint64_t ahead; /* so many bytes beyond the end, and beyond what was acknowledged before */
    int outside;    /* index of a SACK block beyond the end, or -1 */
    int empty;      /* index of a SACK block that ends before it begins, or -1 */
};

uint64_t pm_verify_half_pos(const struct pm_verify_half *half, uint32_t number);
bool pm_verify_half_is_near(const struct pm_verify_half *half, uint32_t number);

/* False: no memory. The packet is TCP. */
bool pm_verify_half_send(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                         uint64_t step, struct pm_verify_sent *sent);
void pm_verify_half_acknowledge(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                                uint64_t step, struct pm_verify_acknowledged *result);
void pm_verify_half_free(struct pm_verify_half *half);

#endif
