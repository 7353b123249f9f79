/* plan.h - what a seed means: the rules, the two streams, the ends, the network. */
#ifndef CL_PLAN_H
#define CL_PLAN_H

#include <pktmod/policy.h>

#include "oracle.h"
#include "tcp.h"

#define PLAN_A      0 /* side 0, which opens first */
#define PLAN_B      1
#define PLAN_PORT_A 40001
#define PLAN_PORT_B 7001

/* How the two applications take turns. */
enum plan_talk { PLAN_TALK_FREELY, PLAN_TALK_IN_TURNS };

struct plan_app {
    uint64_t pause_ns;              /* between two writes, at most */
    int64_t write_len;              /* bytes a write gives, at most */
    uint64_t read_ns;               /* between two reads; 0: reads at once */
    int64_t read_len;               /* bytes a read takes, at most */
    uint64_t stall_at_ns, stall_ns; /* reads nothing meanwhile; stall_ns 0: never */
    uint64_t abort_ns;              /* resets the connection; TCP_NEVER */
};

/* One way between an end and the engine. */
struct plan_link {
    uint64_t delay_ns, jitter_ns;     /* jitter lets packets overtake */
    uint32_t loss, repeat, corrupt;   /* per thousand */
    uint32_t split;                   /* per thousand: a segment is cut in two on the way */
    uint64_t outage_at_ns, outage_ns; /* everything is lost meanwhile */
    bool is_rarely_jittered;          /* one packet in ten is late, the others keep their order */
};

struct plan {
    uint64_t seed;
    struct edits edits[2]; /* per direction of data: from A, from B */
    uint8_t *out[2];
    int64_t out_len[2];
    struct tcp_config tcp[2];
    struct plan_app app[2];
    struct plan_link to_m[2], from_m[2]; /* of each end */
    enum plan_talk talk;
    bool both_open, clamp_mss, is_calm; /* calm: nothing is lost, late or repeated */
    bool merges;                        /* adapters hand over super-packets */
    bool offloads;                      /* and leave A's checksums to be done */
    uint32_t mtu, hold_ms, retain_dir_bytes, pending_dir_bytes;
    uint32_t mapped;     /* bits of enum plan_mapped: what of A's packets a rule maps on its way */
    uint32_t removed[2]; /* bits of enum pm_tcp_option that rules take off this side's SYNs */
    uint16_t mss_max[2]; /* and what they lower the MSS to; 0: nothing */
};

/* B has, and knows A by, what these became. */
enum plan_mapped {
    PLAN_MAPS_SRC = 1,
    PLAN_MAPS_SRC_PORT = 2,
    PLAN_MAPS_DST = 4,
    PLAN_MAPS_DST_PORT = 8,
};

void plan_make(struct plan *p, uint64_t seed);
void plan_free(struct plan *p);
/* The same run without any rule. */
void plan_forget_rules(struct plan *p);
/* What both ends agree on, after what rules took away. */
bool plan_has_timestamps(const struct plan *p);
bool plan_has_scale(const struct plan *p);
/* One line: what kind of run it is. */
void plan_tell(const struct plan *p);

#endif
