/* reflect.h - reflection: connections of programs on this host end at a listener of ours, and are
 * continued by sockets of ours. T is our address, P one that nobody has.
 *
 *     program --SYN a:ap > d:dp--> filter --> held, while a socket outside the tunnel dials d:dp
 *               refused: RST    unreachable: ICMP    silent: silence
 *               good: --> rewriter --> SYN P:n > T:L --> listener
 *     program <-- d:dp > a:ap <-- rewriter <-- filter <-- T:L > P:n <-- listener
 *                                              relay: listener's socket <-> dialled socket
 *
 * Between program and listener two kernels talk TCP through the rewriter, so its map of sequence
 * numbers is exact. UDP and echo requests leave the rewriter by sockets; what these hear becomes
 * packets again (datagrams.h, echoes.h). */
#ifndef PKTMOD_TUNNEL_REFLECT_H
#define PKTMOD_TUNNEL_REFLECT_H

#include "tunnel-ext/addresses.h"
#include "tunnel-ext/carrier.h"
#include "tunnel-ext/line.h"
#include "tunnel-ext/packet.h"
#include "tunnel-ext/tunnel.h"

struct pm_reflect;

struct pm_reflect_config {
    struct pm_carrier carrier;
    struct pm_addresses addresses; /* T and P; version 0: no IPv6 */
    uint64_t hash_key[2];
    struct pm_tunnel_stats *stats; /* lent for life */
};

/* Opens the listeners; the addresses are there. NULL with `error` filled. */
struct pm_reflect *pm_reflect_new(const struct pm_reflect_config *config, char *error,
                                  size_t error_cap);
/* Ends every connection with a reset. */
void pm_reflect_free(struct pm_reflect *reflect);
void pm_reflect_serve(struct pm_reflect *reflect, struct pm_line *line);

/* A packet from the device, in a buffer that may be changed. */
void pm_reflect_take(struct pm_reflect *reflect, uint8_t *bytes, size_t len, uint64_t now_ns);
/* One whose checksum is to be completed; gso_len as in struct pm_packet. */
void pm_reflect_take_partial(struct pm_reflect *reflect, uint8_t *bytes, size_t len,
                             uint16_t gso_len, uint64_t now_ns);
/* For pm_line_config: pass, leave, reply. */
void pm_reflect_pass(struct pm_reflect *reflect, const struct pm_packet *packet, uint8_t *buffer,
                     uint64_t now_ns);
void pm_reflect_emit(struct pm_reflect *reflect, const struct pm_emitted *emitted, uint64_t now_ns);
void pm_reflect_reply(struct pm_reflect *reflect, enum pm_dir dir, const uint8_t *bytes, size_t len,
                      uint64_t now_ns);
/* A watched descriptor: `can` is of PM_CAN_READ, ... */
void pm_reflect_work(struct pm_reflect *reflect, uint64_t tag, unsigned can, uint64_t now_ns);
/* Time passes; about once a second. */
void pm_reflect_tick(struct pm_reflect *reflect, uint64_t now_ns);

/* The way outside is another one: datagrams and pings take new sockets, connections go on unless
 * the device that they used is gone, which ends them with a reset. */
void pm_reflect_move(struct pm_reflect *reflect, bool is_gone, uint64_t now_ns);

/* The self-test: a connection through P that must come back to the listener. Begin answers 0 or an
 * errno; then it has passed once the listener met it. */
int pm_reflect_probe(struct pm_reflect *reflect);
bool pm_reflect_has_passed(const struct pm_reflect *reflect);

#endif
