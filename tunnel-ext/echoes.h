/* echoes.h - ping through a reflecting tunnel: echo requests leave by a socket under an identifier
 * of ours, and what answers is told apart by it.
 *
 * Bounded: PM_ECHOES_MOST conversations, each remembered for 30 s after its last request. */
#ifndef PKTMOD_TUNNEL_ECHOES_H
#define PKTMOD_TUNNEL_ECHOES_H

#include "tunnel-ext/carrier.h"
#include "tunnel-ext/packet.h"

#define PM_ECHOES_MOST 256u

struct pm_echoes;

struct pm_echoes_config {
    struct pm_carrier carrier;
    uint64_t tags[2]; /* IPv4, IPv6 */
    uint16_t base;    /* the first identifier; any number */
    void *context;
    /* A reply for a program: the ICMP message, which may be changed. */
    void (*hear)(void *context, const struct pm_addr *from, const struct pm_addr *to,
                 uint8_t *message, size_t len);
};

/* NULL: no memory. Without the right to open the sockets no request leaves. */
struct pm_echoes *pm_echoes_new(const struct pm_echoes_config *config);
void pm_echoes_free(struct pm_echoes *echoes);
/* New sockets, as if for the first time; conversations stay. */
void pm_echoes_reopen(struct pm_echoes *echoes);

bool pm_echo_is_request(const struct pm_ippacket *packet);
/* An echo request. False: it could not be sent, or there is no room for another conversation. */
bool pm_echoes_send(struct pm_echoes *echoes, const struct pm_ippacket *packet, uint64_t now_ns);
/* version: of the tag. */
void pm_echoes_work(struct pm_echoes *echoes, uint8_t version, uint8_t *room, size_t cap);

#endif
