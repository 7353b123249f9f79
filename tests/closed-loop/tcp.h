/* tcp.h - a TCP end of the simulator: bytes in, packets out, next deadline (RFC 9293, 5681, 6298,
 * 6582, 6675, 2018, 2883, 7323, 5961). It shares no code with the library.
 *
 * Positions are 64 bits and count from the SYN: 0 is the SYN, 1 the first byte of data, and the FIN
 * stands behind the last.
 *
 *     own stream        una        nxt                   edge
 *     ------------------|==========|---------------------|
 *      acknowledged       in flight  may be sent now
 */
#ifndef CL_TCP_H
#define CL_TCP_H

#include "dice.h"
#include "spans.h"
#include "wire.h"

#define TCP_NEVER UINT64_MAX

enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};

/* How data is cut into segments. */
enum tcp_cut { TCP_CUT_FULL, TCP_CUT_RANDOM, TCP_CUT_TINY };

struct tcp_config {
    uint8_t ip_version, ttl, tos;
    bool df;
    uint8_t own[16], peer[16];
    uint16_t own_port, peer_port;
    uint32_t iss;
    uint16_t mss;        /* announced, and sent at most */
    bool use_mss_option; /* else the default is meant */
    bool use_ts, use_sack, use_dsack, use_scale, nagle;
    uint8_t scale;
    uint32_t ts_start;
    int64_t buffer_len;               /* for received data */
    uint64_t delack_ns, keepalive_ns; /* 0: none */
    bool keepalive_has_byte;
    bool probe_is_below; /* a window probe is empty and one below; else the next byte */
    enum tcp_cut cut;
    bool recuts; /* a retransmission is cut anew, over old and new bytes */
    uint64_t rto_max_ns, time_wait_ns;
};

struct tcp;
/* Where an end hands what it sends, and what it finds wrong with what it gets. */
struct tcp_world {
    void (*send)(void *context, const uint8_t *packet, size_t len);
    void (*complain)(void *context, const char *what);
    void *context;
};

/* shut: acknowledgements with a window of zero while data was in flight. */
struct tcp_counts {
    uint64_t sent, received, unsound, paws, resent_bytes, timeouts, fast, probes, challenged, shut;
};

struct tcp {
    struct tcp_config config;
    struct tcp_world world;
    struct dice dice;
    uint64_t now_ns;
    enum tcp_state state;
    bool is_active_open;
    bool was_reset; /* by a RST, or by itself */

    /* own stream */
    const uint8_t *out;
    int64_t out_len, written; /* all there will be; given by the application so far */
    bool is_closing;          /* the application is done */
    int64_t una, nxt, edge, edge_max;
    int64_t wl1, wl2;
    int64_t window_max;
    struct spans sacked;
    bool ts_on, sack_on, scale_on;
    uint8_t peer_scale;
    int64_t peer_mss;

    /* recovery */
    int64_t cwnd, ssthresh, recover, high_rxt;
    unsigned dup_acks;
    enum { TCP_CALM, TCP_FAST, TCP_LOSS } recovery;

    /* timers; TCP_NEVER when off */
    uint64_t rto_at, persist_at, delack_at, keepalive_at, time_wait_at;
    uint64_t rto_ns, srtt_ns, rttvar_ns;
    unsigned backoff, persist_backoff;
    int64_t timed_end; /* RTT without timestamps: position that ends the timed segment; 0: none */
    uint64_t timed_ns;

    /* the other stream */
    uint32_t irs;
    int64_t rcv, advertised; /* next expected; right edge told */
    int64_t read_to;         /* the application has read below it */
    int64_t peer_fin;        /* position of the FIN; -1: not known */
    uint8_t *in;             /* byte i of the stream */
    int64_t in_cap;
    struct spans early;
    int64_t last_early; /* begins the span that arrived last; -1 */
    int64_t dsack_from, dsack_to;
    uint32_t ts_recent;
    bool must_ack;
    unsigned unacked_segments;
    struct tcp_counts counts;
};

void tcp_begin(struct tcp *t, const struct tcp_config *config, const struct tcp_world *world,
               struct dice dice, const uint8_t *out, int64_t out_len);
void tcp_end(struct tcp *t);

void tcp_listen(struct tcp *t);
void tcp_connect(struct tcp *t, uint64_t now_ns);
/* The application gives bytes up to `written` of its stream, and whether that is the end. */
void tcp_write(struct tcp *t, uint64_t now_ns, int64_t written, bool is_end);
/* Bytes that arrived in order and were not read. */
int64_t tcp_unread(const struct tcp *t);
void tcp_read(struct tcp *t, uint64_t now_ns, int64_t len);
void tcp_abort(struct tcp *t, uint64_t now_ns);

void tcp_arrive(struct tcp *t, uint64_t now_ns, const uint8_t *packet, size_t len);
uint64_t tcp_next_ns(const struct tcp *t);
void tcp_due(struct tcp *t, uint64_t now_ns);

/* Bytes delivered in order so far. */
int64_t tcp_delivered(const struct tcp *t);
bool tcp_is_finished(const struct tcp *t); /* CLOSED or TIME_WAIT */
const char *tcp_state_name(enum tcp_state state);

/* ---- between the parts of the end */

static inline int64_t tcp_fin_position(const struct tcp *t)
{
    return t->out_len + 1;
}

static inline bool tcp_is_synchronized(const struct tcp *t)
{
    return t->state >= TCP_ESTABLISHED;
}

/* The 64-bit position nearest to `near` with those low bits. */
static inline int64_t tcp_unwrap(int64_t near, uint32_t wire)
{
    return near + (int32_t)(wire - (uint32_t)near);
}

/* What a SYN without the option means (RFC 9293 3.7.1). */
static inline uint16_t tcp_default_mss(uint8_t ip_version)
{
    return ip_version == 4 ? 536 : 1220;
}

static inline int64_t tcp_segment_room(const struct tcp *t)
{
    int64_t mss = t->peer_mss < t->config.mss ? t->peer_mss : t->config.mss;
    return mss - (t->ts_on ? 12 : 0);
}

void tcp_send_syn(struct tcp *t);
void tcp_send_bytes(struct tcp *t, int64_t from, const uint8_t *data, int64_t len, uint8_t flags);
void tcp_send_data(struct tcp *t, int64_t from, int64_t len, uint8_t flags);
void tcp_send_ack(struct tcp *t);
void tcp_send_reset(struct tcp *t, const struct wire_segment *cause);
/* Everything that may go now goes; timers are set. */
void tcp_output(struct tcp *t);
void tcp_take_ack(struct tcp *t, const struct wire_segment *s, int64_t seq, int64_t ack,
                  bool is_bare);
void tcp_note_syn(struct tcp *t, const struct wire_segment *s);
void tcp_become_closed(struct tcp *t);

#endif
