/* datagrams.h - UDP of a reflecting tunnel: one socket for each address and port of a program,
 * whomever it talks to, and whoever answers (endpoint-independent mapping, RFC 4787).
 *
 * Bounded: PM_DATAGRAMS_MOST sockets, the one idle for longest makes room. A socket lives for 300 s
 * after the last datagram, and for 30 s if it only asked DNS. */
#ifndef PKTMOD_TUNNEL_DATAGRAMS_H
#define PKTMOD_TUNNEL_DATAGRAMS_H

#include "tunnel-ext/carrier.h"
#include "tunnel-ext/reply.h"

#define PM_DATAGRAMS_MOST 4096u

struct pm_datagrams;

struct pm_datagrams_config {
    struct pm_carrier carrier;
    uint64_t tag; /* the first of PM_DATAGRAMS_MOST */
    void *context;
    /* Payload for a program. */
    void (*hear)(void *context, const struct pm_end *from, const struct pm_end *to,
                 const uint8_t *payload, size_t len);
    /* What a program sent did not arrive. */
    void (*fail)(void *context, const struct pm_end *from, const struct pm_end *to,
                 enum pm_unreachable how, const uint8_t *payload, size_t len);
};

/* NULL: no memory. */
struct pm_datagrams *pm_datagrams_new(const struct pm_datagrams_config *config);
void pm_datagrams_free(struct pm_datagrams *datagrams);

/* False: it could not be sent. */
bool pm_datagrams_send(struct pm_datagrams *datagrams, const struct pm_ippacket *packet,
                       uint64_t now_ns);
/* The number is the tag's, from 0; room is lent for the call. */
void pm_datagrams_work(struct pm_datagrams *datagrams, uint32_t number, uint64_t now_ns,
                       uint8_t *room, size_t cap);
void pm_datagrams_tick(struct pm_datagrams *datagrams, uint64_t now_ns);
/* Closes all sockets; the next datagrams take new ones. */
void pm_datagrams_forget(struct pm_datagrams *datagrams);
/* Sockets that are open. */
uint32_t pm_datagrams_count(const struct pm_datagrams *datagrams);

#endif
