/* watch.h - the properties of one direction of data, checked on what enters and leaves the engine.
 *
 * Offsets count the data: 0 is the first byte, -1 the SYN, and the FIN stands behind the last. O is
 * the stream as its sender makes it, M as its receiver must get it.
 */
#ifndef CL_WATCH_H
#define CL_WATCH_H

#include "oracle.h"
#include "plan.h"
#include "spans.h"

struct watch_step {
    int64_t o;
    uint64_t at_ns; /* the engine had everything below o then */
};

struct watch {
    const struct plan *plan;
    int sender; /* PLAN_A or PLAN_B */
    struct oracle oracle;

    /* from the sender */
    bool has_iss, has_fin; /* entered the engine */
    uint32_t iss, ts_max;
    bool has_ts;
    uint8_t sender_scale; /* of windows that the sender announces */
    struct spans received;
    struct watch_step *steps;
    size_t step_count, step_cap;

    /* to the receiver */
    int64_t emitted_m;
    bool fin_emitted;
    uint8_t *sent; /* what was emitted, byte by byte */
    struct spans sent_spans;
    int64_t sent_cap;

    /* from the receiver */
    int64_t una_m, edge_m;
    struct spans sacked_m;
    int64_t receiver_room; /* largest payload and options of a segment */
    bool has_receiver_syn;

    /* to the sender */
    int64_t edge_o, acked_o;
    int64_t last_edge_o; /* of the packet sent last */
    int64_t edge_most;   /* the receiver's edges so far allow it */
};

struct watch_packet {
    struct wire_segment segment;
    bool is_sound;
};

/* Answers what is wrong, or NULL. */
void watch_begin(struct watch *w, const struct plan *plan, int sender);
void watch_end(struct watch *w);

/* A sound segment from the sender, and one from the receiver, entered the engine. */
void watch_data_in(struct watch *w, const struct wire_segment *s, uint64_t now_ns);
void watch_ack_in(struct watch *w, const struct wire_segment *s);

/* The engine says that it gave up waiting. */
const char *watch_release(struct watch *w, int64_t offset, int64_t len, bool is_timeout,
                          uint64_t now_ns);
/* A reset went through to the receiver: the stream ends where the engine has it. */
const char *watch_reset(struct watch *w);

/* How the segment that leaves relates to the packet that entered. */
struct watch_cause {
    const struct wire_segment *in; /* NULL: a timer, or nothing sound */
    bool is_same;                  /* leaves bit for bit */
    bool is_own, is_late;
};

/* A segment that leaves towards the receiver: as data of this direction. */
const char *watch_data_out(struct watch *w, const struct wire_segment *s,
                           const struct watch_cause *cause);
/* The sender repeated bytes, of which the receiver lacks some: they must be in `out`, which left in
 * answer; sent_m: what had left before. */
const char *watch_repeated(const struct watch *w, const struct wire_segment *in,
                           const struct spans *out, int64_t sent_m);
/* A segment that leaves towards the sender of this direction: as its acknowledgement. */
const char *watch_ack_out(struct watch *w, const struct wire_segment *s,
                          const struct watch_cause *cause, unsigned scale);

/* What the receiver has so far. */
const char *watch_delivered(const struct watch *w, const uint8_t *bytes, int64_t from, int64_t to);

/* The offset in M that a sequence number towards the receiver means. */
int64_t watch_offset(const struct watch *w, uint32_t seq);
/* Everything below it entered the engine. */
int64_t watch_frontier(const struct watch *w);

#endif
