/* reflection.h - what reflect.c (packets) and talks.c (sockets of connections) share. */
#ifndef PKTMOD_TUNNEL_REFLECTION_H
#define PKTMOD_TUNNEL_REFLECTION_H

#include "tunnel-ext/datagrams.h"
#include "tunnel-ext/echoes.h"
#include "tunnel-ext/flows.h"
#include "tunnel-ext/joints.h"
#include "tunnel-ext/reflect.h"
#include "tunnel-ext/relay.h"

/* A tag is a kind and a number: of a flow, or of a map. */
enum pm_tag {
    PM_TAG_LISTENER, /* 4 or 6 */
    PM_TAG_DIALLED,
    PM_TAG_ACCEPTED,
    PM_TAG_DATAGRAMS,
    PM_TAG_ECHOES, /* 4 or 6 */
};

static inline uint64_t pm_tag_of(enum pm_tag kind, uint32_t number)
{
    return (uint64_t)kind << 32 | number;
}

/* The sockets of a connection. */
struct pm_talk {
    int dialled; /* -1: of the self-test, or the relay has it */
    bool has_relay, is_probe;
    struct pm_relay relay;
    uint64_t half_closed_ns; /* 0: not yet */
    bool is_partial;         /* as in struct pm_ippacket: the SYN */
    enum pm_final final;     /* what the filter said of the SYN */
    size_t syn_len;
    uint8_t syn[]; /* held while it is dialled */
};

struct pm_reflect {
    struct pm_reflect_config config;
    struct pm_line *line;
    struct pm_flows *flows;
    struct pm_datagrams *datagrams;
    struct pm_echoes *echoes;
    struct pm_joints *joints;
    int listeners[2]; /* IPv4, IPv6; -1: none */
    uint16_t ports[2];
    int probe;
    bool has_passed;
    uint64_t now_ns;
    uint8_t room[65536]; /* for what sockets say, between two calls of them */
};

/* ---- reflect.c */

/* A SYN that was judged before it was held goes on to the rewriter. */
void pm_reflect_go_on(struct pm_reflect *r, struct pm_talk *talk, uint16_t n);
void pm_reflect_write(struct pm_reflect *r, const uint8_t *bytes, size_t len);
/* Writes the packet as one of P:n to the listener. */
void pm_reflect_to_listener(struct pm_reflect *r, const struct pm_ippacket *packet, uint16_t n);

/* ---- talks.c */

int pm_talk_listen(struct pm_reflect *r, const struct pm_addr *own, uint16_t *port);
/* A SYN of a connection that is not known. */
void pm_talk_dial(struct pm_reflect *r, const struct pm_ippacket *syn, enum pm_final final);
/* The same for one of the self-test. */
void pm_talk_probe(struct pm_reflect *r, const struct pm_ippacket *syn);
void pm_talk_accept(struct pm_reflect *r, int listener);
void pm_talk_work(struct pm_reflect *r, uint16_t n, int side, unsigned can);
void pm_talk_tick(struct pm_reflect *r);
/* It is over: in order, or for both sides at once. */
void pm_talk_end(struct pm_reflect *r, uint16_t n, bool as_reset);
void pm_talk_end_all(struct pm_reflect *r); /* with resets */

#endif
