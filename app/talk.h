/* talk.h - one conversation between two ends, of which packets are made.
 *
 * A TCP end counts its stream from 0, whatever its initial sequence number is. It acknowledges what
 * the other end got without a hole, whether or not the capture has it:
 *
 *     bytes of end 0   0 .......... 10 ..... 15 ...... 25        holes: [10, 15)
 *                      received        lost     received         end 1 acknowledges 10
 */
#ifndef PKTMOD_APP_TALK_H
#define PKTMOD_APP_TALK_H

#include "app/craft.h"
#include "app/packetlist.h"

#define PM_TALK_BYTES   ((size_t)64 << 20) /* most bytes of one stream */
#define PM_TALK_HOLES   64u
#define PM_TALK_NUMBERS 64u
#define PM_TALK_QUOTE   1232u /* an ICMPv6 error that quotes so much fits into 1280 bytes */

struct pm_talk_range {
    uint64_t from, to;
};

struct pm_talk_end {
    struct pm_craft craft; /* what its packets have in common; src is this end */
    uint32_t isn;
    uint8_t *bytes; /* of its TCP stream so far */
    size_t len, cap;
    struct pm_talk_range holes[PM_TALK_HOLES]; /* that the other end did not get, in order */
    unsigned hole_count;
    bool has_too_many_holes; /* its acknowledgements are wrong from now on */
    bool has_fin;
    uint32_t stamp; /* of its last TCP timestamp */
    uint8_t last[PM_TALK_QUOTE];
    size_t last_len; /* of its last IP packet, to be quoted; 0: none */
};

/* When packets are sent; several talks share it. */
struct pm_talk_clock {
    uint64_t now_ns, step_ns; /* of the packet to come; from it to the next one */
};

struct pm_talk {
    struct pm_talk_end ends[2]; /* [0] began it */
    enum pm_dir first_dir;      /* of what ends[0] sends */
    uint16_t mss;
    bool has_timestamps, has_sack;
    unsigned interface;
    struct pm_packetlist *list;
    struct pm_talk_clock *clock;
    uint8_t *frame; /* room to make one */
    bool no_memory;
};

struct pm_numbers {
    uint32_t at[PM_TALK_NUMBERS];
    unsigned count;
};

/* What is other than usual in the packets of one statement. */
enum {
    PM_TALK_TTL = 1,
    PM_TALK_TOS = 2,
    PM_TALK_ID = 4,
    PM_TALK_WINDOW = 8,
    PM_TALK_URGENT = 16,
    PM_TALK_FLAGS = 32,
};

struct pm_talk_extra {
    unsigned has; /* of the bits above */
    uint8_t ttl, tos;
    uint16_t id, window, urgent, flags;
    bool df, is_bad_checksum;
    uint32_t seq_shift; /* added to the sequence number */
    uint32_t fragment;  /* bytes in each IP fragment, a multiple of 8; 0: whole */
    uint32_t snap;      /* bytes that the capture has of it; 0: all */
    bool is_reversed;   /* fragments, the last one first */
};

/* Bytes of a stream and how they travel. Pieces are counted from 1. */
struct pm_talk_send {
    uint64_t from; /* in the stream; its end for new bytes */
    size_t len;
    uint32_t segment;         /* bytes in each piece; 0: the MSS */
    struct pm_numbers cuts;   /* or: where pieces end, in bytes from `from`, rising */
    struct pm_numbers order;  /* in which pieces travel; none: as they are */
    struct pm_numbers again;  /* pieces that travel a second time, after all others */
    struct pm_numbers lost;   /* that do not arrive, and the capture does not have */
    struct pm_numbers unseen; /* that arrive, but the capture does not have */
    bool has_no_ack;          /* the other end does not acknowledge */
    struct pm_talk_extra extra;
};

/* `proto` TCP, UDP, ICMP or ICMPv6. The list and the clock are the caller's. Initial sequence
 * numbers are made of addresses and ports. */
void pm_talk_begin(struct pm_talk *talk, const struct pm_craft *craft, struct pm_packetlist *list,
                   struct pm_talk_clock *clock);
void pm_talk_free(struct pm_talk *talk);

/* TCP: SYN, SYN and ACK, ACK. */
void pm_talk_open(struct pm_talk *talk);
/* FIN of `from`, then of the other unless it has sent one; the last one is acknowledged. */
void pm_talk_close(struct pm_talk *talk, unsigned from);
/* A segment without data, of whatever flags; SYN and FIN count. */
void pm_talk_flags(struct pm_talk *talk, unsigned from, uint16_t flags,
                   const struct pm_talk_extra *extra);
/* An acknowledgement of the first `upto` bytes of the other end, with SACK blocks. */
void pm_talk_ack(struct pm_talk *talk, unsigned from, uint64_t upto,
                 const struct pm_talk_range *blocks, unsigned block_count,
                 const struct pm_talk_extra *extra);
/* Bytes that the other end got without a hole. */
uint64_t pm_talk_received(const struct pm_talk_end *end);

/* More bytes of the stream, which have not been sent. False: no memory, or too many. */
bool pm_talk_append(struct pm_talk *talk, unsigned from, const uint8_t *bytes, size_t len);
size_t pm_talk_piece_count(const struct pm_talk *talk, const struct pm_talk_send *send);
/* send->from + send->len is within what was appended; numbers of pieces are within the count. */
void pm_talk_send(struct pm_talk *talk, unsigned from, const struct pm_talk_send *send);

/* UDP, ICMP: one datagram. */
void pm_talk_datagram(struct pm_talk *talk, unsigned from, const uint8_t *bytes, size_t len,
                      const struct pm_talk_extra *extra);
/* An ICMP error from the end about the last packet that the other one sent. False: it sent none. */
bool pm_talk_error(struct pm_talk *talk, unsigned from, uint8_t type, uint8_t code, uint32_t rest,
                   const struct pm_talk_extra *extra);

#endif
