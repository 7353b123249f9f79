/* helloread.h - incomplete hellos, and the packets that wait for them: shared by hello.c and
 * helloquic.c, which read, and hellowait.c, which makes packets wait. */
#ifndef PM_ENGINE_HELLOREAD_H
#define PM_ENGINE_HELLOREAD_H

#include "engine/hello.h"

struct pm_hello_reading {
    struct pm_flow *flow;
    uint64_t deadline_ns;  /* for the packets that wait, and to give way to another one */
    bool is_overdue;       /* it is over: packets do not wait any more */
    uint32_t older, newer; /* by their deadlines */
    uint32_t first, last;  /* packets that wait, parked; PM_NIL: none */
    uint32_t packets;      /* of them */
    uint64_t bytes;
    uint32_t sent_end;           /* TCP: the highest sequence number behind one of them */
    struct pm_tls_gather gather; /* TCP */
    struct pm_quic_gather quic;  /* UDP */
    uint8_t message[PM_TLS_MESSAGE_MAX];
};

/* The flow's; NULL: none. */
struct pm_hello_reading *pm_hello_reading_of(const struct pm_filter *f, const struct pm_flow *flow);
/* A new one, nothing read. NULL: there is no room. */
struct pm_hello_reading *pm_hello_reading_begin(struct pm_filter *f, struct pm_flow *flow);
/* What was gathered, unless there is MORE to come. */
void pm_hello_conclude(struct pm_filter *f, struct pm_flow *flow, enum pm_tls_answer answer,
                       const uint8_t *message, size_t len, bool is_quic);
/* No packet waits for it. */
void pm_hello_reading_end(struct pm_filter *f, struct pm_flow *flow);
/* As if the time of its packets were over, and it ends. */
void pm_hello_reading_give_up(struct pm_filter *f, struct pm_flow *flow);

#endif
