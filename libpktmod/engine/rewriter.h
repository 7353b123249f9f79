/* rewriter.h - the rewriting engine's inside, shared by the files that make its straight line:
 *
 *     rewriter.c   parse -> flow -> select -> tcp.c | datagram.c
 *     tcp.c        -> place.c -> receive.c -> decide.c (search.c, log) -> send.c -> emit.c
 *     datagram.c   -> search.c -> emit.c
 *
 *     fragments.c  before the flow: fragments wait and take the line as one packet
 *     live.c       between tcp.c and place.c, where packets travel now: live.h
 *     release.c    without a packet: what waited leaves
 */
#ifndef PM_ENGINE_REWRITER_H
#define PM_ENGINE_REWRITER_H

#include "edit/log.h"
#include "edit/mapping.h"
#include "engine/explain.h"
#include "engine/meters.h"
#include "engine/policy.h"
#include "engine/stream.h"
#include "flow/reassembly.h"
#include "flow/track.h"
#include "wire/checksum.h"

/* The largest IP packet that can be written, and room for the headers below IP. */
#define PM_IP_MAX    65535u
#define PM_LINK_ROOM 512u

/* Rules that a flow's side remembers by name; with more, they are asked for each packet. */
#define PM_SIDE_RULES 6

/* What rewrite rules may do to packets of one side of a flow. */
struct pm_side {
    uint8_t is_known;
    uint8_t may_replace, may_assign; /* some rule may */
    uint8_t may_frame;               /* reads messages of its streams, for this side or the other */
    uint8_t may_more;                /* map ends, take off TCP options, impair */
    uint8_t may_dns;                 /* edit DNS messages */
    uint8_t is_static;               /* rules[] hold for every packet, and no other ever */
    uint8_t count;
    uint32_t rules[PM_SIDE_RULES];
};

/* What hides the text of a flow. */
enum pm_cipher { PM_CIPHER_NONE, PM_CIPHER_TLS, PM_CIPHER_SSH, PM_CIPHER_QUIC };

/* The rewriter's own part of a flow. */
struct pm_rewriter_flow {
    struct pm_side sides[2];
    struct pm_syn syn[2];         /* live only */
    uint32_t stream;              /* in streams, plus 1; 0: none */
    uint8_t bypass;               /* enum pm_why: the whole flow passes as it is; 0: it does not */
    uint8_t final_latched;        /* 0 open, 1 not final, 2 final: for the rest of the flow */
    uint8_t auth_syn, mptcp_syn;  /* bit per side: its SYN carried the option */
    uint8_t sums_seen, sums_void; /* bit per side: a checksum was looked at; the first was wrong */
    uint8_t options_off, options_on; /* enum pm_tcp_option: taken off its SYNs; offered in them */
    uint8_t wscale[2];               /* of each side's SYN, plus 1; 0: none */
    uint32_t options_rule;
    uint32_t left;                 /* packets that left: counts draws */
    uint8_t nat, nat_why;          /* whether it is mapped, and enum pm_why: why not; nat.c */
    uint8_t cipher, cipher_looked; /* enum pm_cipher; bit per side: its first data was looked at */
    bool cipher_told;              /* it was counted */
    uint16_t mappings;
    uint32_t mapping; /* the newest of them, plus 1; 0: none */
    uint64_t packets; /* before the one at hand */
    /* answers of edits of streams that have modifiers follow: two bits for each */
};

/* An edit found in a packet's bytes, not yet made. An insert takes the place of no byte: old_len is
 * 0, and what follows in the plan at the same position, or else the byte there, carries it. */
struct pm_plan_edit {
    uint32_t position;
    uint32_t op; /* PM_REPAIR with it: it follows from others, as lengths and chunks do */
    uint32_t old_len, new_len;
    const uint8_t *with; /* new_len bytes, there until the next search; of none NULL */
    const uint8_t *was;  /* old_len bytes where they are not those at position; or NULL */
};

#define PM_REPAIR 0x80000000u

static inline uint32_t pm_plan_op(const struct pm_plan_edit *edit)
{
    return edit->op & ~PM_REPAIR;
}

/* Rules that hold for the packet at hand, in file order. */
struct pm_selection {
    uint32_t *rules;
    uint32_t count;
    uint64_t epoch;    /* its number */
    bool has_replace;  /* a replace looks at the stream or the payload */
    bool has_regex;    /* for a regex */
    bool has_splice;   /* inserts, or deletes a range */
    bool has_http;     /* reads HTTP messages */
    bool has_datagram; /* a replace looks at payloads that are no stream */
    bool has_dns;      /* edits DNS messages */
    bool has_assign;
    uint32_t external;                  /* op whose client gets the stream, plus 1; 0: none */
    bool has_more;                      /* than edits of payload and header fields */
    bool is_many;                       /* more literals than a list: search for all, ask marks */
    uint32_t literals[PM_SCAN_CURSORS]; /* else those of the rules, ascending */
    uint32_t literal_count;
};

/* splices.h */
struct pm_splices {
    struct pm_splice_at
        *list; /* of those that stand in the searched bytes, in order of their ops */
    uint32_t count;
};

/* dnswork.h: room for messages, what comes and two that edits take turns in, and for the ops. */
struct pm_dns_room {
    uint8_t *messages[3];
    const struct pm_dns_rename **renames;
    uint32_t *rename_ops, *hits; /* of each */
    uint32_t *ops;               /* that changed the message at hand */
    uint32_t *rules, rule_count; /* those that have such ops */
    uint32_t *selected;          /* of them, for the message at hand of a stream */
    uint8_t *made;               /* messages of streams, edited in the search at hand */
    size_t made_len;
};

#define PM_DNS_MADE_MAX (256u << 10)

struct pm_rewriter {
    struct pm_policy *policy;
    const struct pm_rule_list *rewrites; /* the policy's, or the rehearsed ones */
    struct pm_rewriter_config config;
    struct pm_rewriter *rehearsal; /* rehearsal.c; NULL: there is none */
    uint8_t *rehearsed;            /* its copy of the packet */
    struct pm_flow_table flows;
    struct pm_pool streams;
    struct pm_log_store store;
    struct pm_pool pieces; /* of pending bytes */
    struct pm_pool waits;
    uint32_t oldest_wait, newest_wait; /* those with a deadline, in its order */
    uint8_t *work;                     /* pending bytes of one direction, side by side */
    size_t work_cap;
    uint32_t longest_find;
    struct pm_stats stats;
    struct pm_rule_stats *rules;
    uint64_t *rule_packet;              /* number of the packet each rule changed last */
    uint64_t *rule_mark;                /* number of the selection each rule held in last */
    uint32_t *selected, *late_selected; /* room for the rules of two selections */
    uint64_t selections;
    struct pm_plan_edit *plan;
    struct pm_regexes *regexes;
    struct pm_splices splices;
    struct pm_dns_room dns;
    struct pm_framing *framing;           /* NULL: no rule reads messages */
    struct pm_cond_room *room;            /* for the conditions */
    struct pm_vectorscan_room *scan_room; /* for the literals; may be NULL */
    struct pm_meters meters;
    const struct pm_explainer *explainer; /* of the packet at hand; NULL: nobody asks */
    uint8_t *frame;                       /* a packet under construction */
    struct pm_reassembly fragments;
    struct pm_mappings mappings;
    uint8_t *cut;              /* a segment that a rule wants; NULL: no rule does */
    uint8_t *whole, *piece;    /* a datagram made of fragments; one of those it is cut to */
    uint32_t external_waiting; /* bytes handed out that have no answer yet */
    uint32_t oldest_starved, newest_starved; /* credit.c */
    uint64_t prompt;                         /* packets emitted that are not late */
    uint64_t now_ns;
};

struct pm_assembly;

/* One packet on its way through the rewriter. */
struct pm_passage {
    const struct pm_packet *packet;
    uint8_t *buffer; /* its bytes, ours to change */
    struct pm_headers headers;
    struct pm_tracked tracked;
    struct pm_subject subject;
    struct pm_selection selection;
    enum pm_sum_state sum;          /* valid when is_sum_known; ask pm_packet_sum */
    bool is_sum_known, is_sum_read; /* with what its flow teaches of it; without */
    bool is_shown_rewritten;        /* the view shows this packet's own bytes rewritten */
    bool is_ack_lifted;             /* and its acknowledgements as those of the rewritten stream */
    uint32_t plan_count;
    uint64_t number;              /* of the packet in its flow */
    uint64_t plan_offset;         /* of the searched bytes: in the stream, or in the payload */
    const uint8_t *plan_bytes;    /* the searched bytes */
    bool is_late;                 /* no packet: bytes that waited */
    bool is_own;                  /* no packet: pktmod speaks for an end */
    bool is_changed;              /* bytes of buffer were changed in place */
    bool is_quote;                /* of an ICMP error, in what it quotes */
    bool is_ruled;                /* a rule changed them */
    bool is_impaired;             /* something was done to what left last */
    uint32_t header_rule;         /* last rule that changed a header field */
    enum pm_why refused;          /* a nat that was not made; NONE */
    struct pm_assembly *assembly; /* the packet came as fragments; NULL: as one */
    uint32_t gso_len;             /* what leaves is cut to so much payload by who sends it; 0: it
                                     is not */
    uint32_t cut_size;            /* without assembly: a changed datagram that is larger leaves as
                                     fragments of so many IP bytes at most; 0: as it is */
};

static inline struct pm_rewriter_flow *pm_rewriter_own(const struct pm_passage *p)
{
    return pm_flow_own(p->tracked.flow);
}

static inline bool pm_is_live(const struct pm_rewriter *r)
{
    return r->config.mode == PM_MODE_LIVE;
}

static inline void pm_count_why(struct pm_rewriter *r, enum pm_why why)
{
    r->stats.why[why]++;
}

/* ---- sums.c: is the packet sound */

/* The packet's checksums as config.checksums takes them: RIGHT; WRONG; PARTIAL: offloaded, to be
 * written in full after any change; NONE; UNKNOWN. */
enum pm_sum_state pm_packet_sum(const struct pm_rewriter *r, struct pm_passage *p);
/* Before its flow is known: remembers what they were, for when they change. */
void pm_packet_read_sum(const struct pm_rewriter *r, struct pm_passage *p);

/* ---- select.c: which rules */

/* Works out, once per flow and side, what rules may do there. */
struct pm_side *pm_select_side(struct pm_rewriter *r, const struct pm_passage *p);
/* Fills p->selection with the rules that hold for this packet. */
void pm_select(struct pm_rewriter *r, struct pm_passage *p);

/* What the flow was told when the rule's modifiers were asked for all of it; false: they are asked
 * for each packet, or were not yet. */
bool pm_select_recall(const struct pm_passage *p, const struct pm_rule *rule,
                      struct pm_about_modifiers *out);

/* Whether the rule, whose condition holds, matched: what its modifiers say. */
bool pm_select_admits(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_rule *rule);

/* ---- search.c: which edits */

struct pm_search {
    const uint8_t *bytes;
    size_t len;
    bool in_stream;        /* TCP: AUTO means stream, and stream replaces take part */
    bool may_hold;         /* more bytes may follow: an unfinished match is waited for */
    bool only_splices;     /* nothing is looked for; what stands at its place is done */
    const uint8_t *before; /* the end of what is before them in the stream */
    size_t before_len;     /* 0: nothing is */
    uint64_t stream_off;   /* offset of bytes in the stream */
    int64_t payload_off;   /* and in the packet's payload (negative: bytes before it) */
    size_t payload_end;    /* where the packet's payload ends in bytes */
    const struct pm_dns_frames *frames; /* of messages that rules may edit; NULL: there are none */
    uint64_t begin_o;                   /* with it: bytes, in O */
    size_t cut;                         /* so many of them belong to a delete that began before */
    uint32_t cut_op;
    const uint32_t *max_used; /* counters of this direction; NULL: none */
    /* Of an HTTP message: */
    const uint64_t *holds;         /* bits of the rules that hold for it; NULL: there is none */
    bool has_header, has_body;     /* the area is header lines, or body */
    size_t area_begin, area_end;   /* where it lies in bytes */
    uint64_t area_off;             /* and begins in the whole of it */
    const struct pm_place *places; /* edits whose places are known, in order */
    uint32_t place_count;
    bool is_continued; /* what earlier searches put into the plan is still needed */
    uint32_t first;    /* edits are planned from here on, */
    uint32_t at;       /* with so much added to their positions */
    size_t decided;    /* out: so many bytes are decided, the rest must wait */
};

/* An edit at a place that a protocol gives. */
struct pm_place {
    size_t position, end;
    uint32_t op;
    const uint8_t *with;
    uint32_t new_len;
    bool is_required; /* others step back */
};

static inline bool pm_looks_in_stream(const struct pm_search *search,
                                      const struct pm_replace *replace)
{
    switch (replace->where) {
    case PM_IN_PAYLOAD:
        return false;
    case PM_IN_HTTP_HEADER:
        return search->has_header;
    case PM_IN_HTTP_BODY:
        return search->has_body;
    case PM_IN_AUTO:
    case PM_IN_STREAM:
        break;
    }
    return search->in_stream;
}

/* Where bytes begin, as `within` counts: it wraps where that is before. */
static inline uint64_t pm_search_base(const struct pm_search *search,
                                      const struct pm_replace *replace)
{
    if (!pm_looks_in_stream(search, replace))
        return (uint64_t)search->payload_off;
    return pm_where_is_http(replace->where) ? search->area_off - search->area_begin
                                            : search->stream_off;
}

/* Writes the edits within the decided bytes into r->plan, in order; answers their number. */
uint32_t pm_search_run(struct pm_rewriter *r, const struct pm_passage *p, struct pm_search *search);

/* ---- emit.c: what leaves */

/* Whoever sends cuts and completes what leaves for the packet. */
bool pm_is_offloaded(const struct pm_rewriter *r, const struct pm_passage *p);
/* Sends the packet's buffer on, with header edits where rules want them and the view shows them. */
enum pm_why pm_emit_buffer(struct pm_rewriter *r, struct pm_passage *p, enum pm_why why);
/* Sends `part` of what the packet became: r->frame holds its headers, and payload_len bytes at
 * payload_off. */
void pm_emit_frame(struct pm_rewriter *r, struct pm_passage *p, uint32_t payload_len,
                   uint32_t part);
/* Counts a packet that leaves, and hands it over. */
void pm_emit_out(struct pm_rewriter *r, const struct pm_emitted *out);
/* Largest payload that a changed packet may have, in one piece where it is not a datagram that came
 * in fragments. */
uint32_t pm_payload_room(const struct pm_rewriter *r, const struct pm_passage *p);
/* The rule changed the packet; that counts once however much it changed. */
void pm_count_rule(struct pm_rewriter *r, const struct pm_passage *p, uint32_t rule);
/* Counts the planned edits from `first` on as made. */
void pm_count_edits(struct pm_rewriter *r, const struct pm_passage *p, uint32_t first);

/* ---- tcp.c, datagram.c: the two ways */

/* ---- rehearsal.c: what dry-run rules would do */

size_t pm_rehearsal_footprint(const struct pm_policy *policy,
                              const struct pm_rewriter_config *config);
/* False: no memory. */
bool pm_rehearsal_init(struct pm_rewriter *r, const struct pm_rewriter_config *config,
                       struct pm_error *error);
void pm_rehearsal_release(struct pm_rewriter *r);
/* Hands the packet over as it came. */
void pm_rehearse(struct pm_rewriter *r, const struct pm_packet *packet);

/* ---- encrypted.c: text that cannot be read */

/* Where rules may edit the text of the packet's side: looks at its first data. */
void pm_encrypted_look(const struct pm_passage *p);
/* They do: counts an encrypted flow, once. */
void pm_encrypted_count(struct pm_rewriter *r, const struct pm_passage *p);
/* "TLS", "SSH", "QUIC"; NULL: its text may be read. */
const char *pm_encrypted_name(const struct pm_passage *p);

/* ---- clamp.c */

/* Lowers the MSS option of a SYN where rules may make segments towards its sender grow. */
void pm_clamp_mss(struct pm_rewriter *r, struct pm_passage *p);

/* A rewriter for these rules of the policy. */
struct pm_rewriter *pm_rewriter_make(struct pm_policy *policy, const struct pm_rule_list *rewrites,
                                     const struct pm_rewriter_config *config,
                                     struct pm_error *error);
size_t pm_rewriter_size(const struct pm_policy *policy, const struct pm_rewriter_config *config);
void pm_passage_begin(struct pm_rewriter *r, struct pm_passage *p, const struct pm_packet *packet,
                      uint8_t *buffer);
/* dnsreply.c: a query that a rule answers gets its answer, and is not sent on. False: nothing was
 * done; *why tells why not, if a rule would have. */
bool pm_dns_reply(struct pm_rewriter *r, struct pm_passage *p, enum pm_why *why);
/* The way of a packet that is no fragment. */
enum pm_why pm_rewriter_line(struct pm_rewriter *r, struct pm_passage *p);
/* What follows from the packet's side of the flow: view, subject. */
void pm_passage_track(struct pm_rewriter *r, struct pm_passage *p);
enum pm_why pm_rewrite_tcp(struct pm_rewriter *r, struct pm_passage *p);
enum pm_why pm_rewrite_datagram(struct pm_rewriter *r, struct pm_passage *p);

#endif
