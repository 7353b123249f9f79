/* pktmod.h - the engines: packets and time go in, verdicts and packets come out.
 *
 * Two engines run over one policy. The filter is read-only and decides: allow, drop, delay. The
 * rewriter changes payloads and headers, keeps TCP streams consistent and emits packets.
 *
 *     decision = pm_filter_decide(filter, &packet, now_ns)       never writes, never keeps a packet
 *     why      = pm_rewrite(rewriter, &packet, buffer, now_ns)   emits 0..n packets
 *
 * Neither does I/O, reads a clock, takes a lock or allocates after it was made. One engine belongs
 * to one thread. now_ns is monotonic; where it goes back, the engine keeps its own latest.
 *
 * Packets never fail. They get a verdict and a reason (enum pm_why), and every reason is counted.
 */
#ifndef PKTMOD_PKTMOD_H
#define PKTMOD_PKTMOD_H

#include <pktmod/policy.h>
#include <pktmod/version.h>

/* ------------------------------------------------------------------ packets */

/* The two sides: out is from the host that pktmod protects to the network. */
enum pm_dir { PM_DIR_OUT, PM_DIR_IN, PM_DIR_UNKNOWN };

/* What the adapter knows of the L4 checksum. */
enum pm_csum {
    PM_CSUM_ON_WIRE, /* the field is what counts */
    PM_CSUM_PARTIAL, /* offloaded: the field holds the pseudo-header sum, the rest is to be done */
};

/* What pm_decision.is_final said of the packet. UNKNOWN: nobody asked a filter; the rewriter asks
 * the verdict rules itself, and counts for their modifiers what it sees. */
enum pm_final { PM_FINAL_UNKNOWN, PM_FINAL_NO, PM_FINAL_YES };

/* A packet, lent for the call. `link` is a LINKTYPE_ number as in pcap files:
 * 0 NULL, 1 EN10MB, 101 RAW (also 12, 14), 108 LOOP, 113 SLL, 228 IPV4, 229 IPV6, 276 SLL2. Bytes
 * of another link type are passed and judged by what needs no parsing. */
struct pm_packet {
    const uint8_t *data;
    size_t len;      /* bytes at data */
    size_t wire_len; /* bytes the packet had; more than len in a truncated capture */
    uint16_t link;
    enum pm_dir dir; /* UNKNOWN: the initiator of the flow is taken for the host */
    enum pm_csum csum;
    enum pm_final final; /* for the rewriter */
    uint32_t ifindex;
    const char *interface; /* name, or NULL */
    uint64_t cookie;       /* the caller's; comes back with decisions and emitted packets */
    uint16_t gso_len;      /* TCP super-packet: payload bytes of each of its segments; 0: none */
    /* For a filter of stage AFTER_REWRITE: what this was as its sender made it, or the first
     * PM_REPLY_MAX bytes of that. A reject tells the sender with the numbers that stand there.
     * NULL: that is gone, and the sender is not told. */
    const struct pm_packet *original;
};

/* Who talks to whom, for reports. */
struct pm_endpoints {
    struct pm_addr src, dst; /* version 0: not IP */
    uint16_t src_port, dst_port;
    uint8_t ip_proto;
    uint8_t tcp_flags;
    bool has_ports;
};

/* False: not an IP packet. */
bool pm_packet_endpoints(const struct pm_packet *packet, struct pm_endpoints *out);

/* Room for any address and its NUL. Text as inet_ntop writes it (RFC 5952). */
#define PM_ADDR_TEXT 46
void pm_addr_text(const struct pm_addr *addr, char out[PM_ADDR_TEXT]);

/* ------------------------------------------------------------------ reasons */

/* Why a packet got what it got: constant, name, text. NONE is the ordinary way. */
#define PM_WHY_MAP(X)                                                                              \
    X(NONE, "none", "nothing to say")                                                              \
    X(RULE, "rule", "a rule decided")                                                              \
    X(DEFAULT, "default", "no verdict rule matched; policy.default decided")                       \
    X(EDITED, "edited", "a rewrite rule changed it")                                               \
    X(FOLLOWED, "followed", "numbers or cuts follow an earlier edit, or bytes that waited")        \
    X(KEPT_ORDER, "kept_order", "waits behind a delayed packet of its flow")                       \
    X(DELAY_FULL, "delay_full", "delay queue full; the delay rule's on_full decided")              \
    X(ASKED, "asked", "waits for an answer")                                                       \
    X(ANSWER, "answer", "an answer decided")                                                       \
    X(ASK_TIMEOUT, "ask_timeout", "no answer in time; the rule's on_timeout decided")              \
    X(ASK_FULL, "ask_full", "no room for the question or its packet; on_timeout decided")          \
    X(ANSWERS_FULL, "answers_full", "an answer was forgotten early to make room")                  \
    X(METERS_FULL, "meters_full", "a limit or count forgot its oldest key to make room")           \
    X(REJECT_LIMITED, "reject_limited", "rejected without a word: more than reject_rate")          \
    X(REJECT_SILENT, "reject_silent", "rejected without a word: nothing may answer such a packet") \
    X(NOT_IP, "not_ip", "not IPv4 or IPv6; never rewritten")                                       \
    X(MALFORMED, "malformed", "a length or header field contradicts the bytes")                    \
    X(TRUNCATED, "truncated", "the capture holds only part of the packet")                         \
    X(FRAGMENT, "fragment", "an IP fragment, judged by itself; not rewritten")                     \
    X(FRAGMENT_HELD, "fragment_held", "an IP fragment; waits for the rest of its datagram")        \
    X(FRAGMENT_TIMEOUT, "fragment_timeout", "the rest of its datagram never came")                 \
    X(FRAGMENT_OVERLAP, "fragment_overlap", "of fragments that contradict each other; dropped")    \
    X(FRAGMENTS_FULL, "fragments_full", "no room for fragments to wait; oldest given up")          \
    X(BAD_CHECKSUM, "bad_checksum", "its checksum is wrong; never repaired")                       \
    X(BAD_FLAGS, "bad_flags", "a combination of TCP flags that no stack sends")                    \
    X(FLOWS_FULL, "flows_full", "no room for another flow; judged alone, not rewritten")           \
    X(STREAMS_FULL, "streams_full", "no room for another rewritten stream; flow passes as it is")  \
    X(MIDSTREAM, "midstream", "start of the TCP flow was not seen; policy.on_midstream decided")   \
    X(HELD, "held", "may still become a match; waits for the bytes that follow")                   \
    X(HOLD_TIMEOUT, "hold_timeout", "waited policy.hold_ms; passes as it is")                      \
    X(HOLD_FULL, "hold_full", "no room to wait; decided without the bytes that follow")            \
    X(MATCH_TOO_LONG, "match_too_long",                                                            \
      "no match in what may be waited for: hold_bytes, max_match")                                 \
    X(REGEX_LIMIT, "regex_limit",                                                                  \
      "a regex gave up at a limit of work; no match there, or on_engine_error decided")            \
    X(LENGTH_DIFFERS, "length_differs",                                                            \
      "a replacement's length is not what its rule allows; not made")                              \
    X(EXTERNAL_LATE, "external_late", "its external client is gone or late; on_timeout decided")   \
    X(EXTERNAL_FULL, "external_full", "an external client has all it may have; the rest waits")    \
    X(EXTERNAL_DROPPED, "external_dropped", "its external client failed; the stream was ended")    \
    X(HTTP_NOT, "http_not", "a rule reads HTTP/1, and this is none; the direction is left alone")  \
    X(HTTP_LINE, "http_line", "HTTP lines that are read in two ways; the direction is left alone") \
    X(HTTP_LENGTH, "http_length",                                                                  \
      "an HTTP body whose length is read in two ways; the direction is left alone")                \
    X(HTTP_CHUNK, "http_chunk", "a wrong chunk of an HTTP body; the direction is left alone")      \
    X(HTTP_LATE, "http_late", "an HTTP head or chunk is too large or too late; left alone")        \
    X(HTTP_UNPAIRED, "http_unpaired",                                                              \
      "an HTTP response whose request was not read; the direction is left alone")                  \
    X(HTTP_FULL, "http_full", "no room to read this HTTP, or for its edits; left alone")           \
    X(HTTP_BODY, "http_body", "an HTTP body that cannot be edited: encoded, partial, none")        \
    X(HTTP_CLASH, "http_clash", "inserts or a client have the stream; HTTP is not edited in it")   \
    X(OUT_OF_ORDER, "out_of_order", "bytes before it are missing; it waits for them")              \
    X(GAP, "gap", "bytes that never came were given up; their length stays")                       \
    X(LATE, "late", "bytes of a gap that was given up; they pass as they are")                     \
    X(VIEWS_FULL, "views_full", "no room to look at another stream; on_engine_error decided")      \
    X(STREAM_FULL, "stream_full", "no room to keep bytes of a stream; on_engine_error decided")    \
    X(UNPLACED, "unplaced", "has no place in the stream that began; on_engine_error decided")      \
    X(URGENT_DOUBT, "urgent_doubt", "urgent data, read in two ways; on_engine_error decided")      \
    X(HELLO_AWAITED, "hello_awaited", "the flow's hello is not complete; on_incomplete decided")   \
    X(HELLO_HELD, "hello_held", "waits for the rest of the hello that its flow begins with")       \
    X(HELLO_LATE, "hello_late", "that did not come in time; on_engine_error decided")              \
    X(HELLO_UNREAD, "hello_unread", "a hello malformed or too long; on_engine_error decided")      \
    X(HELLOS_FULL, "hellos_full", "no room for another hello; on_engine_error decided")            \
    X(RETAIN_FULL, "retain_full", "old stream bytes forgotten early to make room")                 \
    X(FORGOTTEN, "forgotten", "repeats bytes that are no longer remembered")                       \
    X(EDITS_FULL, "edits_full", "edit log full; a match was left as it is")                        \
    X(OVERLAP_DIFFERS, "overlap_differs", "a retransmission with other bytes; the first ones win") \
    X(TOO_BIG, "too_big", "would outgrow the MTU or the largest packet")                           \
    X(REFUSED, "refused", "an edit that cannot be made safely; policy.on_rewrite_refused decided") \
    X(FIELD_ABSENT, "field_absent", "a header edit names a field the packet does not have")        \
    X(UNSUPPORTED, "unsupported", "payload edits know only TCP and UDP")                           \
    X(ENCRYPTED, "encrypted", "its flow is TLS, SSH or QUIC: text edits see ciphertext")           \
    X(NAT_COLLISION, "nat_collision", "another flow has the ends that nat would give this one")    \
    X(NAT_FULL, "nat_full", "no room for another mapping of nat; policy.on_engine_error decided")  \
    X(OPTION_KEPT, "option_kept", "a TCP option stays: the other end was already offered it")      \
    X(IMPAIRED, "impaired", "corrupted, truncated, fragmented, or a copy: a rule wants it so")     \
    X(DONT_FRAGMENT, "dont_fragment", "its sender forbids fragments; a rule's were not made")      \
    X(UNMAPPABLE, "unmappable", "cannot be placed in a stream whose length was changed; dropped")  \
    X(BEYOND_FIN, "beyond_fin", "data behind the end of the stream; cut off")                      \
    X(TCP_AUTH, "tcp_auth", "TCP-MD5 or TCP-AO signs the flow; it passes as it is")                \
    X(MPTCP, "mptcp", "Multipath TCP; the flow passes as it is")                                   \
    X(SYN_UNCONFIRMED, "syn_unconfirmed", "a new SYN in a live flow; passes, changes nothing yet") \
    X(OUT_OF_WINDOW, "out_of_window", "far from what its receiver expects; not sent on")           \
    X(OLD_TIMESTAMP, "old_timestamp", "its timestamp is older than one already taken (PAWS)")      \
    X(BAD_OPTIONS, "bad_options", "TCP options that contradict their lengths")                     \
    X(FUTURE_ACK, "future_ack", "acknowledges bytes that were never sent, or far back")            \
    X(OLD_ACK, "old_ack", "acknowledges less than a packet before it, and brings nothing else")    \
    X(ACK_ABSORBED, "ack_absorbed", "acknowledges part of an edit: nothing the sender could use")  \
    X(ANSWERED, "answered", "its receiver has all it brings; pktmod acknowledged it")              \
    X(WINDOW_CLOSED, "window_closed", "its receiver's window is full; it waits for room")          \
    X(URGENT, "urgent", "urgent data is read in its place in the stream; the mark was taken off")  \
    X(DNS_ANSWERED, "dns_answered", "a DNS query that a rule answers; not sent on")                \
    X(DNS_CUT, "dns_cut", "an edited DNS answer was too long; cut, so its asker tries TCP")        \
    X(DNS_MALFORMED, "dns_malformed", "no DNS message that can be read whole; not edited")         \
    X(DNS_SIGNED, "dns_signed", "TSIG or SIG(0) signs the DNS message; not edited")                \
    X(DNS_UNFIT, "dns_unfit", "a DNS message that its rules' edits do not fit; not edited")        \
    X(ICMP_QUOTE, "icmp_quote", "an ICMP error that quotes a rewritten flow; its numbers follow")

enum pm_why {
#define PM_WHY_ENUM(id, name, text) PM_WHY_##id,
    PM_WHY_MAP(PM_WHY_ENUM)
#undef PM_WHY_ENUM
        PM_WHY_COUNT
};

const char *pm_why_name(enum pm_why why); /* stable; stands in reports */
const char *pm_why_text(enum pm_why why);

/* No rule. */
#define PM_NO_RULE UINT32_MAX

/* ------------------------------------------------------------------ the filter */

struct pm_filter;

struct pm_filter_config {
    uint64_t seed;        /* for every draw; 0 is a seed like any other */
    uint64_t hash_key[2]; /* random on live paths, fixed in a replay */
    enum pm_stage stage;  /* which verdict rules; AFTER_REWRITE: policy.default does not apply */
    int64_t wall_ns;      /* what to add to now_ns for the time since 1970 (UTC); 0 in a replay */
};

/* REJECT is a drop that is told: the packets to send are those of pm_filter_reply().
 * ASK: as DELAY, until pm_filter_answer() or the rule's timeout. */
enum pm_verdict { PM_ALLOW, PM_DROP, PM_DELAY, PM_REJECT, PM_ASK };

struct pm_decision {
    enum pm_verdict verdict;
    enum pm_why why;     /* RULE, DEFAULT, or the named exception */
    uint32_t rule;       /* index of the deciding rule, or PM_NO_RULE */
    enum pm_dir dir;     /* as given, or as found from the flow */
    uint64_t flow_id;    /* number of the flow within this engine, from 1; 0: none */
    uint64_t release_ns; /* DELAY: when pm_filter_due() will hand the cookie back; ASK, and DELAY
                            for HELLO_HELD: at latest */
    uint64_t ask_id;     /* ASK: number of the question, from 1 */
    bool is_new_ask;     /* and this packet is the first of it */
    bool is_new_flow;    /* the packet is the first of its flow */
    bool is_final;       /* an allow rule that says so decided: the packet is not to be rewritten */
    uint32_t dry_rule;   /* first dry-run rule that would have decided, or PM_NO_RULE */
    uint32_t reply_count; /* REJECT */
    bool is_settled;      /* ALLOW: and so is every later packet of the flow, both ways, whatever it
                             brings, under this policy; none needs to be asked about */
};

/* Bytes of memory the engine will take, all of it at pm_filter_new(). */
size_t pm_filter_footprint(const struct pm_policy *policy);
/* Takes a reference on the policy. NULL with *error filled when memory is short. */
struct pm_filter *pm_filter_new(struct pm_policy *policy, const struct pm_filter_config *config,
                                struct pm_error *error);
void pm_filter_free(struct pm_filter *filter);

/* For a new policy: takes over the flows of the filter before it, before the first packet is
 * judged. They keep their ids, their ends and what TCP said, and are judged anew; a stream is
 * looked at from its next byte on. Packets that wait stay with the filter before, which is asked
 * for them until none is left, and then freed; so do its questions. A rule that keeps its id and
 * what it limits, counts or samples goes on from where it was, provided that both filters have the
 * same hash_key; answers stay where the rule keeps its id and what it asks about. */
void pm_filter_adopt(struct pm_filter *filter, const struct pm_filter *before);
/* A question of the filter before was answered after that: the answer holds here too, as far as an
 * answer stays, and where nothing else was answered since. */
void pm_filter_adopt_answers(struct pm_filter *filter, const struct pm_filter *before);

/* A flow as the filter knows it. */
struct pm_flow_info {
    uint64_t id;
    struct pm_endpoints ends; /* src began it */
    enum pm_dir dir;          /* of its first packet */
    uint64_t packets, idle_ns;
    bool is_settled; /* as in pm_decision */
    bool is_closed;
};

/* The flows of latest use first, established ones before half-open ones; at most `cap`. Answers
 * their number. */
size_t pm_filter_flows(const struct pm_filter *filter, struct pm_flow_info *out, size_t cap);

struct pm_decision pm_filter_decide(struct pm_filter *filter, const struct pm_packet *packet,
                                    uint64_t now_ns);

/* A packet that tells of a reject, lent until the next call of the filter: complete, of the link
 * type of the rejected packet. `dir` is the way it travels: the opposite of the rejected packet's
 * towards its sender, the same towards its receiver. One towards the receiver has the numbers of
 * the sender and takes the way of the sender's packets, through the rewriter; one towards the
 * sender has the numbers that the sender knows and does not. After rewriting both have the numbers
 * of who gets them, and none goes through the rewriter. */
#define PM_REPLY_MAX (512u + 1280u) /* bytes, of the link header and of IP */

struct pm_reply {
    const uint8_t *data;
    size_t len;
    uint16_t link;
    enum pm_dir dir;
    bool to_sender;
};

/* i < reply_count of the decision made last. */
struct pm_reply pm_filter_reply(const struct pm_filter *filter, uint32_t i);

/* What an answer is for, beside the packets that wait: the rest of the flow; every later question
 * of the rule; questions of the same rule and key for duration_ns. */
enum pm_answer_for { PM_FOR_FLOW, PM_FOR_RULE, PM_FOR_TIME };

/* Answers an open question; its packets come back from pm_filter_due() at once. False: no such
 * question (any more). */
bool pm_filter_answer(struct pm_filter *filter, uint64_t ask_id, bool allow,
                      enum pm_answer_for answer_for, uint64_t duration_ns, uint64_t now_ns);

/* A packet that waited, and what becomes of it. */
struct pm_due {
    uint64_t cookie;
    enum pm_verdict verdict; /* ALLOW or DROP */
    enum pm_why why;         /* RULE: its delay is over, or the answer; ASK_TIMEOUT; ... */
    uint32_t rule;
    uint64_t ask_id; /* 0: it was delayed */
};

/* The engine keeps no packet: on DELAY and ASK the caller keeps its own under packet.cookie. Takes
 * the next one whose time has come (<= now_ns) in order of (release, arrival). False: none. */
bool pm_filter_due(struct pm_filter *filter, uint64_t now_ns, struct pm_due *due);
/* When the next packet that waits is due; UINT64_MAX: none waits. */
uint64_t pm_filter_next_ns(const struct pm_filter *filter);

/* ------------------------------------------------------------------ the rewriter */

struct pm_rewriter;

/* Which conversation a replay writes (the engine that runs is the same).
 * REWRITTEN as if both ends had spoken the rewritten streams
 * WIRE      what the network side would show: outbound rewritten, inbound as received
 * HOST      what the host's side would show: inbound rewritten, outbound as sent
 * In each of them acknowledgements are those of an end that received the rewritten bytes. */
enum pm_view { PM_VIEW_REWRITTEN, PM_VIEW_WIRE, PM_VIEW_HOST };

/* How L4 checksums of packets that a rule may touch are taken.
 * AUTO   for recordings. A wrong one counts as wrong; but zero or the bare pseudo-header sum counts
 *        as offloaded, and a side of a flow whose very first packet has a wrong one has checksums
 *        that say nothing (anonymised, edited or offloaded captures), so they count as offloaded
 * VERIFY for live paths. A wrong one counts as wrong
 * IGNORE every one counts as offloaded unless it is right
 * Offloaded ones leave complete in packets that are changed. */
enum pm_checksums { PM_CHECKSUMS_AUTO, PM_CHECKSUMS_VERIFY, PM_CHECKSUMS_IGNORE };

/* What the packets are.
 * REPLAY: a recording, made without pktmod. Acknowledgements in it are of original bytes. Every
 * packet has its moment in what is written, and none is made up.
 * LIVE: packets that travel through pktmod now. Acknowledgements that arrive are of rewritten bytes
 * and are mapped back. Both directions must pass. The engine keeps what it rewrote until the
 * receiver has it, keeps within the receiver's window, and makes packets of its own where only it
 * can answer (is_own). Checksums AUTO counts as VERIFY. */
enum pm_mode { PM_MODE_REPLAY, PM_MODE_LIVE };

/* One edit, made in bytes that the packet brought for the first time. */
struct pm_edit_note {
    uint32_t rule, op; /* op: index within the rule */
    uint64_t offset;   /* in the original stream of this direction, or in the payload */
    uint32_t old_len, new_len;
    const uint8_t *old_bytes, *new_bytes; /* lent for the call of emit */
};

#define PM_EDIT_NOTES 16

/* A packet to send, lent for the call of emit. */
struct pm_emitted {
    const uint8_t *data;
    size_t len;
    size_t wire_len; /* as in pm_packet; more than len only for a packet that came truncated */
    uint64_t cookie; /* of the packet that caused it */
    enum pm_dir dir;
    uint32_t ifindex;  /* of the packet that caused it */
    uint16_t link;     /* of data */
    uint16_t gso_len;  /* as in pm_packet: larger payloads are to be cut to it by who sends them */
    enum pm_csum csum; /* PARTIAL: as the packet came, or config.offload; to be completed */
    bool is_late;      /* sent for bytes that waited, not for the packet at hand */
    bool is_own;       /* live: an empty segment that neither end sent; the answer to a DNS query
                          that a rule answers */
    bool changed;      /* not bit for bit the packet that came */
    enum pm_why why; /* EDITED, FOLLOWED, NONE (bit-identical), or the exception it passed under */
    uint32_t part;   /* 0, 1, ... when one packet had to become several */
    const struct pm_edit_note *notes; /* with part 0: the first PM_EDIT_NOTES edits */
    uint32_t note_count, edit_count;  /* notes given; edits made */
    uint32_t header_rule;             /* last rule that changed a header field, or PM_NO_RULE */
};

typedef void pm_emit_fn(void *context, const struct pm_emitted *emitted);

/* What happened to a stream that no single packet tells. */
enum pm_event_kind {
    PM_EVENT_HOLD_RELEASE, /* waiting for the rest of a match was given up: the len original bytes
                              before stream offset `offset` left as they are, and matching starts
                              again at offset */
};

struct pm_event {
    enum pm_event_kind kind;
    enum pm_why why;  /* HOLD_TIMEOUT, HOLD_FULL, MATCH_TOO_LONG */
    enum pm_dir dir;  /* of the stream */
    uint64_t flow_id; /* within the rewriter */
    uint64_t cookie;  /* of the latest packet of this direction */
    uint64_t offset;  /* in the original stream of this direction, from 0 */
    uint64_t len;
};

typedef void pm_event_fn(void *context, const struct pm_event *event);

/* Stream data for the client of an external edit. Data of a direction comes in order and without
 * holes; nothing of it leaves before it is answered. */
struct pm_external_data {
    uint64_t stream; /* names the direction in answers, while it lives */
    uint32_t rule;
    const char *socket; /* as the rule has it */
    uint64_t flow_id;
    enum pm_dir dir;
    bool to_server;
    struct pm_endpoints ends; /* src sent the data */
    uint64_t offset;          /* of the bytes, in the original stream of this direction */
    const uint8_t *bytes;     /* lent for the call */
    size_t len;
    bool is_end;  /* the stream ends behind them */
    bool is_gone; /* the stream is forgotten: no bytes, and no answer will be taken */
};

/* False: nobody is there to take it; the rule's on_timeout decides at once. It must not call the
 * rewriter. */
typedef bool pm_external_fn(void *context, const struct pm_external_data *data);

struct pm_rewriter_config {
    uint64_t seed; /* for every draw; 0 is a seed like any other */
    uint64_t hash_key[2];
    enum pm_mode mode;
    enum pm_view view; /* REPLAY; LIVE is always REWRITTEN */
    enum pm_checksums checksums;
    uint32_t mtu;          /* what rewriting may not outgrow (IP bytes); 0: no limit. A packet that
                              came larger may stay so */
    uint32_t streams;      /* most TCP flows rewritten at a time; 0: 4096 */
    uint32_t retain_bytes; /* stream bytes remembered for retransmissions, in all; 0: 64 MiB. LIVE:
                              until the receiver has them, so it bounds what may be in flight;
                              0: 256 MiB */
    uint32_t retain_dir_bytes;  /* and per direction of a flow; 0: 1 MiB; LIVE: 4 MiB */
    uint32_t edits;             /* edits remembered, in all; 0: 262144 */
    uint32_t pending_bytes;     /* bytes that wait for others, in all; 0: 64 MiB */
    uint32_t pending_dir_bytes; /* and per direction of a flow; 0: 256 KiB; LIVE: 1 MiB */
    uint32_t mappings;          /* of nat, at a time; 0: as many as policy.flows */
    uint32_t waits;             /* REPLAY: directions that wait at a time; 0: 4096 */
    bool has_hold_ms;           /* hold_ms instead of what the policy says */
    uint32_t hold_ms;
    uint32_t datagrams;          /* whose fragments wait at a time; 0: 1024 */
    uint32_t source_datagrams;   /* of them, from one IPv4 address or IPv6 /64; 0: 64 */
    uint32_t datagram_fragments; /* and fragments of each; 0: 64 */
    uint32_t fragment_bytes;     /* all fragments that wait; 0: 4 MiB */
    uint32_t fragment_ms;        /* longest wait for the rest of a datagram; 0: 10000 */
    int64_t wall_ns;             /* as in pm_filter_config */
    bool offload;   /* LIVE: who sends cuts super-packets (gso_len) and completes checksums (csum),
                       also of TCP that was rewritten */
    bool clamp_mss; /* lower the MSS on SYNs by what one edit may add, where one may be made */
    pm_emit_fn *emit;
    pm_event_fn *event;    /* NULL: not told */
    pm_emit_fn *rehearsed; /* what would have left changed, had dry-run rules been in force; NULL:
                              not told */
    pm_external_fn *external;    /* NULL: nobody is ever there */
    uint32_t external_bytes;     /* data that waits for answers, in all; 0: 16 MiB */
    uint32_t external_dir_bytes; /* and per direction of a flow; 0: 64 KiB */
    void *context;
};

size_t pm_rewriter_footprint(const struct pm_policy *policy,
                             const struct pm_rewriter_config *config);
struct pm_rewriter *pm_rewriter_new(struct pm_policy *policy,
                                    const struct pm_rewriter_config *config,
                                    struct pm_error *error);
void pm_rewriter_free(struct pm_rewriter *rewriter);

/* `buffer` is the packet's own bytes (packet->data), which the engine may change in place and emit
 * without a copy; what it holds afterwards is undefined. Emits before it returns. The answer says
 * what became of the packet; nothing was emitted when it is one of the dropping reasons. */
enum pm_why pm_rewrite(struct pm_rewriter *rewriter, const struct pm_packet *packet,
                       uint8_t *buffer, uint64_t now_ns);

/* Bytes that may still become a match wait for at most policy.hold_ms. When the next of them are
 * due (UINT64_MAX: none wait), and letting them go: emits, with the cookie and the headers of the
 * packet that brought them. Call it before a later packet is handed over.
 *
 * IP fragments of a datagram that a rewrite rule may reach wait for the rest, for at most
 * fragment_ms (FRAGMENT_HELD). Then they leave a replay as they came, one by one with their own
 * cookies (is_late, FRAGMENT_TIMEOUT); live they are dropped. */
uint64_t pm_rewriter_next_ns(const struct pm_rewriter *rewriter);
void pm_rewriter_due(struct pm_rewriter *rewriter, uint64_t now_ns);
/* Nothing more will come: everything that waits is decided and emitted; fragments as when their
 * time is over. */
void pm_rewriter_flush(struct pm_rewriter *rewriter, uint64_t now_ns);

/* What became of an answer.
 * TAKEN  the bytes leave
 * LATER  there is no room for them now: to be given again after another packet or answer
 * WRONG  it does not begin where the data waits, takes more than was handed out, or puts in more
 *        than could ever leave. The client cannot be trusted with the rest
 * GONE   no such stream (any more), or it no longer asks */
enum pm_external_verdict {
    PM_EXTERNAL_TAKEN,
    PM_EXTERNAL_LATER,
    PM_EXTERNAL_WRONG,
    PM_EXTERNAL_GONE
};

/* The next `take` bytes of the stream's data, from `offset` on, become `len` bytes at `bytes`.
 * Emits.
 */
enum pm_external_verdict pm_rewriter_external_answer(struct pm_rewriter *rewriter, uint64_t stream,
                                                     uint64_t offset, size_t take,
                                                     const uint8_t *bytes, size_t len,
                                                     uint64_t now_ns);
/* Nobody answers any more for rules with this socket: on_timeout decides about their streams. */
void pm_rewriter_external_lost(struct pm_rewriter *rewriter, const char *socket, uint64_t now_ns);

/* When another rewriter, with another policy, takes the place of this one: connections that it
 * began with are of its mapping, and only it can go on with them. The packet is of a TCP connection
 * that is there and not over, of a flow whose ends a nat maps, or an ICMP error that quotes one. Of
 * a fragment that is not known. */
bool pm_rewriter_knows(struct pm_rewriter *rewriter, const struct pm_packet *packet,
                       uint64_t now_ns);
/* There are such flows. */
bool pm_rewriter_is_needed(const struct pm_rewriter *rewriter, uint64_t now_ns);

/* ------------------------------------------------------------------ counters */

struct pm_rule_stats {
    uint64_t packets, bytes; /* verdict rules: judged by it; rewrite rules: changed by it */
    uint64_t edits;          /* replacements made */
    int64_t grown_bytes;     /* what they added, less what they removed */
};

struct pm_stats {
    uint64_t packets, bytes;   /* in */
    uint64_t allowed, delayed; /* filter, packets */
    uint64_t dropped;          /* filter: by verdict; rewriter: nothing was emitted */
    uint64_t allowed_bytes, dropped_bytes, delayed_bytes;
    uint64_t rejected, rejected_bytes;           /* filter; not among the dropped */
    uint64_t asked, asked_bytes;                 /* filter: that waited for an answer */
    uint64_t asked_dropped, asked_dropped_bytes; /* of them, by the answer or for want of one */
    uint64_t held_dropped, held_dropped_bytes;   /* filter: delayed for a hello, then dropped */
    uint64_t replies;                            /* filter: packets that told of a reject */
    uint64_t emitted, emitted_bytes;             /* rewriter */
    uint64_t changed;                            /* rewriter: packets in that left changed */
    uint64_t split;                              /* rewriter: packets added by cutting to the MTU */
    uint64_t joined; /* rewriter: fragments in that left within another packet */
    uint64_t flows;  /* flows seen */
    uint64_t flows_now, flows_max;
    uint64_t why[PM_WHY_COUNT];
};

const struct pm_stats *pm_filter_stats(const struct pm_filter *filter);
const struct pm_stats *pm_rewriter_stats(const struct pm_rewriter *rewriter);
const struct pm_rule_stats *pm_filter_rule_stats(const struct pm_filter *filter, uint32_t rule);
const struct pm_rule_stats *pm_rewriter_rule_stats(const struct pm_rewriter *rewriter,
                                                   uint32_t rule);

#endif
