/* carry.h - the inside of the tunnel on Linux, shared by who sets it up (tunnel.c) and who carries
 * packets (carry.c). */
#ifndef PKTMOD_TUNNEL_CARRY_H
#define PKTMOD_TUNNEL_CARRY_H

#include <pthread.h>

#include "tunnel-ext/clients.h"
#include "tunnel-ext/linux/routes.h"
#include "tunnel-ext/linux/tun.h"
#include "tunnel-ext/reflect.h"
#include "tunnel-ext/tunnel.h"

#define PM_CARRY_PACKET 65536u

struct pm_tunnel {
    struct pm_tunnel_config config;
    struct pm_routes routes;
    struct pm_tun tun;
    int epoll, wake; /* wake: the thread is to look around */
    pthread_mutex_t mutex;
    pthread_t thread;
    bool has_offload; /* a virtio_net_hdr is in front of each packet of the device */
    bool has_thread, must_stop, has_sockets; /* of clients */
    struct pm_line *line;
    struct pm_clients *clients;
    struct pm_reflect *reflect; /* NULL: it forwards */
    struct pm_tunnel_stats stats;
    uint64_t now_ns, ticked_ns;
    bool is_gone; /* the device */
    uint8_t packet[PM_CARRY_PACKET];
};

/* The device and `wake` are waited for. 0 or an errno. */
int pm_carry_watch(struct pm_tunnel *tunnel);
uint64_t pm_carry_now_ns(const struct pm_tunnel *tunnel);
/* For pm_line_config, with the tunnel as context. */
void pm_carry_pass(void *context, const struct pm_packet *packet, uint8_t *buffer);
void pm_carry_leave(void *context, const struct pm_emitted *emitted);
void pm_carry_reply(void *context, enum pm_dir dir, const uint8_t *bytes, size_t len);
/* For pm_reflect_config, with the tunnel as context. */
struct pm_carrier pm_carry_carrier(struct pm_tunnel *tunnel);

#endif
