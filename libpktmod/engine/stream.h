/* stream.h - what the rewriter keeps of a TCP flow: two directions, each with its edit log. */
#ifndef PM_ENGINE_STREAM_H
#define PM_ENGINE_STREAM_H

#include "edit/log.h"
#include "engine/dnsframes.h"
#include "match/regex.h"
#include "stream/pending.h"

/* What a side's SYN offered. */
struct pm_syn {
    bool is_seen, has_wscale, has_timestamps, has_sack;
    uint8_t wscale;
    uint16_t mss; /* 0: it named none */
};

struct pm_rewriter;
struct pm_rewriter_flow;

/* What a live direction's two ends said, and what they were told. Of a direction that no rule
 * reaches, where M is O, only sent_m, told_o, in_ and tsval are kept. */
struct pm_live {
    uint64_t sent_m;  /* all below left at least once (the FIN apart) */
    uint64_t acked_m; /* the receiver has it (one more than the end: the FIN too) */
    uint64_t edge_m;  /* the receiver takes up to here */
    uint64_t told_o;  /* acked_m and edge_m as the sender was told */
    uint64_t told_edge_o;
    uint64_t filled_m;     /* where bytes end that waited behind a gap and left at once; 0: none */
    uint64_t ts_recent_ns; /* when ts_recent was taken */
    uint32_t ts_recent;    /* RFC 7323 section 4.3 */
    uint32_t stamped;      /* newest timestamp written into a segment of ours */
    uint32_t tsval, tsecr; /* the sender's newest */
    uint32_t in_ack;       /* last acknowledgement as it came */
    uint16_t in_window, out_window; /* and its window as it came and as it left */
    uint16_t pmtu;                  /* from ICMP errors; 0: none */
    uint8_t pieces, swallowed;      /* of the last segment that was cut; duplicate ACKs left out */
    uint8_t owed;                   /* duplicate ACKs for early bytes, not sent yet */
    bool is_syn_window;             /* it came in a SYN: not scaled */
    bool has_ack, has_edge, has_ts_recent, has_tsval, has_stamped;
    bool is_dead;    /* its sender reset it while bytes waited */
    bool is_stalled; /* bytes were received for whose rewriting there was no room */
};

/* Since when the parts of a held tail wait, in order; a part ends at end_o. With many the last ones
 * count as one. */
#define PM_TAIL_PARTS 4
struct pm_tail {
    struct {
        uint64_t end_o, since_ns;
    } parts[PM_TAIL_PARTS];
    uint8_t count;
};

/* A direction that a client decides about. */
enum pm_external_state { PM_EXTERNAL_OFF, PM_EXTERNAL_ON, PM_EXTERNAL_PASSED, PM_EXTERNAL_ENDED };

struct pm_external_half {
    uint8_t state; /* enum pm_external_state */
    bool is_end_told, is_full;
    bool is_starved; /* in line for the credit of all: */
    uint32_t older, newer;
    uint32_t op;
    uint64_t handle, flow_id;
    uint64_t offered_o; /* all below was handed out */
    uint32_t waiting;   /* bytes of it that have no answer yet */
};

/* One direction of a rewritten TCP flow. */
struct pm_half {
    struct pm_log log;
    struct pm_pending pending; /* received, not decided */
    struct pm_live live;
    uint32_t
        wait; /* in waits, plus 1: set while pending holds anything; live: once a packet came */
    uint64_t begin_o; /* first byte */
    struct pm_tail tail;
    uint64_t fin_o;   /* position of the FIN */
    uint64_t acked_o; /* highest position that the other end acknowledged */
    uint64_t sent_o;  /* what lies below was sent; nothing above is forgotten */
    uint32_t isn, pending_isn;
    bool is_active;  /* rules may match here: every byte goes through the log */
    bool is_waiting; /* bytes are pending, or a FIN */
    bool has_isn, has_pending_isn;
    struct pm_syn pending_syn;
    bool has_fin, fin_sent; /* its position is known; it left */
    struct pm_external_half external;
    struct pm_dns_frames frames; /* DNS over TCP */
    uint64_t cut_until;          /* a delete that began takes all bytes up to here */
    uint32_t cut_op;
    bool has_gap;       /* bytes before the frontier are not known */
    bool is_finished;   /* all before it is decided, and what rules insert there */
    uint8_t before_len; /* where regexes look: the last bytes of O that were decided */
    uint8_t before[PM_REGEX_BEFORE];
};

struct pm_stream {
    struct pm_half half[2];
    uint32_t framer;     /* in the framer's talks, plus 1; 0: none */
    uint32_t max_used[]; /* per direction and replace with a max: [side * max_slots + slot] */
};

struct pm_stream *pm_stream_at(const struct pm_rewriter *r, uint32_t stream);
/* Opens the flow's stream, both directions inactive. NULL: no room. */
struct pm_stream *pm_stream_open(struct pm_rewriter *r, struct pm_rewriter_flow *flow);
/* Gives the flow's stream back, if it has one. */
void pm_stream_close(struct pm_rewriter *r, struct pm_rewriter_flow *flow);

/* From here on the direction's bytes go through its log; the next one is first_seq. */
void pm_half_begin(struct pm_half *half, uint32_t first_seq);
/* Keeps the end of so many decided bytes. NULL: nobody knows them. */
void pm_half_pass(struct pm_half *half, const uint8_t *bytes, size_t len);
/* Both directions begin anew behind these ISNs. */
void pm_stream_restart(struct pm_rewriter *r, struct pm_stream *stream, const uint32_t isn[2]);

bool pm_stream_is_edited(const struct pm_stream *stream);
bool pm_stream_is_stretched(const struct pm_stream *stream);

/* Room in the direction's log for that many runs and bytes, forgetting old bytes where it must:
 * first acknowledged ones, its own and those of flows that were idle longest, then others. */
bool pm_stream_make_room(struct pm_rewriter *r, struct pm_half *half, uint32_t runs, size_t bytes);
/* Whether there is such room, without forgetting anything. */
bool pm_stream_has_room(const struct pm_rewriter *r, const struct pm_half *half, uint32_t runs,
                        size_t bytes);
/* Takes acknowledged bytes back from the flows that were idle longest. */
void pm_stream_reclaim(struct pm_rewriter *r);

#endif
