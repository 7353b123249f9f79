/* utun.h - a utun device that a root process opens itself: what is routed to it is read here, what
 * is written here comes in by it. */
#ifndef PKTMOD_TUNNEL_UTUN_H
#define PKTMOD_TUNNEL_UTUN_H

#include <net/if.h>

#include "tunnel-ext/carrier.h"
#include "tunnel-ext/packet.h"

struct pm_utun {
    int fd; /* non-blocking; the device lives as long as it is open */
    unsigned ifindex;
    char name[IF_NAMESIZE];
};

/* `name`: "utun" for the first free one, or one with its number. False with `error` filled. */
bool pm_utun_open(struct pm_utun *utun, const char *name, char *error, size_t error_cap);
void pm_utun_close(struct pm_utun *utun);

/* 0 or an errno. The peer of a device between two ends is its own address. */
int pm_utun_set_mtu(const struct pm_utun *utun, uint32_t mtu);
int pm_utun_add_address(const struct pm_utun *utun, const struct pm_prefix *own);

/* The IP packet, without what stands before it; as read() answers. 0: nothing that is one. */
ssize_t pm_utun_read(const struct pm_utun *utun, uint8_t *bytes, size_t cap);
bool pm_utun_write(const struct pm_utun *utun, const struct iovec *parts, int count);

#endif
