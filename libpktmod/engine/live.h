/* live.h - TCP segments that travel now: what may touch a stream, what leaves, what is told to
 * whom.
 *
 *     live.c     accept -> acked -> place (place.c) -> send | answer
 *     accept.c   which segments count
 *     ack.c      acknowledgement, SACK and window, from M back to O
 *     answer.c   packets that only pktmod can send
 *
 * The sender keeps custody of its data: nothing is acknowledged to it whose image the receiver has
 * not acknowledged, so that its own timers repair every loss. pktmod keeps no timer for data.
 */
#ifndef PM_ENGINE_LIVE_H
#define PM_ENGINE_LIVE_H

#include "engine/segment.h"

/* Most segments that one packet may cause. */
#define PM_LIVE_PIECES 64

/* The segment's way; it is sound (checksum, flags). */
enum pm_why pm_live_take(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s);

/* Sends what was decided and has not left yet, as far as the receiver's window reaches. */
void pm_live_push(struct pm_rewriter *r, struct pm_half *half);

/* ---- accept.c */

/* A packet's timestamps option (RFC 7323). False: it has none. */
bool pm_live_timestamps(const uint8_t *tcp, uint32_t *tsval, uint32_t *tsecr);
/* Writes the newest timestamps of the direction into a segment, if it has the option: bytes that
 * waited would be too old for their receiver (PAWS). The checksum is the caller's. */
void pm_live_stamp(struct pm_half *half, uint8_t *tcp);
/* Whether such a segment left with a newer one than this packet has. */
bool pm_live_is_overtaken(const struct pm_half *half, const uint8_t *tcp);
/* Whether both ends permitted SACK. */
bool pm_live_has_sack(const struct pm_rewriter_flow *flow);
/* Whether both ends said in their SYNs that they will send them. */
bool pm_live_has_timestamps(const struct pm_rewriter_flow *flow);
/* What a SYN offers. */
struct pm_syn pm_live_read_syn(const uint8_t *tcp);
/* NONE: the segment may touch the stream. */
enum pm_why pm_live_refusal(const struct pm_rewriter *r, const struct pm_passage *p,
                            const struct pm_segment *s);
/* It did: what its timestamps teach. */
void pm_live_note_timestamps(struct pm_rewriter *r, const struct pm_passage *p,
                             const struct pm_segment *s);

/* ---- ack.c */

enum pm_ack_news {
    PM_ACK_NONE,     /* the packet acknowledges nothing */
    PM_ACK_SAME,     /* the same as before, as in a duplicate ACK */
    PM_ACK_NEW,      /* something that the sender does not know yet */
    PM_ACK_ABSORBED, /* in numbers of the sender nothing new; as a packet of its own it would look
                        like a duplicate ACK */
    PM_ACK_OLD,      /* overtaken by a later one */
    PM_ACK_FUTURE,   /* of bytes that never left: the packet is no receiver's */
};
/* Takes the packet's acknowledgement of s->peer's data and writes it as that data's sender must
 * read it. Nothing is written where the answer is FUTURE. */
enum pm_ack_news pm_live_ack(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s);
/* The position in O up to which the receiver has everything. */
uint64_t pm_live_acked_o(const struct pm_rewriter *r, const struct pm_half *half);
/* From here on the sender knows of it; what it is told has no more to be remembered. */
void pm_live_tell(struct pm_rewriter *r, struct pm_half *half);
/* The window field to tell the data's sender together with told_o; `to` is the receiver's side. */
uint16_t pm_live_window(const struct pm_rewriter *r, const struct pm_rewriter_flow *flow,
                        struct pm_half *half, unsigned receiver, bool is_syn);

/* What a packet that is no SYN says when it repeats the window told last. */
uint16_t pm_live_told_window(const struct pm_rewriter_flow *flow, const struct pm_half *half,
                             unsigned receiver);

/* ---- answer.c */

/* An empty segment from side `from` to the other, in the name of its end. It says what that end
 * acknowledged last; sack: blocks of the other side's data that wait here, the newest first. */
struct pm_answer {
    unsigned from;
    bool is_probe; /* one below what is expected: it must be answered (RFC 9293 3.8.4) */
    const struct pm_stretch *sack;
    uint32_t sack_count;
};
void pm_live_answer(struct pm_rewriter *r, struct pm_stream *stream,
                    const struct pm_answer *answer);
/* For bytes that came too early, o being one of them: a duplicate ACK in the name of their receiver
 * that says what waits here. */
void pm_live_answer_early(struct pm_rewriter *r, struct pm_flow *flow, unsigned receiver,
                          uint64_t o);

#endif
