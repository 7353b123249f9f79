/* tun.h - a TUN device: what is routed to it is read here, what is written here comes in by it. */
#ifndef PKTMOD_TUNNEL_TUN_H
#define PKTMOD_TUNNEL_TUN_H

#include <stdbool.h>
#include <stddef.h>

#define PM_TUN_NAME 16

struct pm_tun {
    int fd; /* non-blocking; the device lives as long as it is open */
    unsigned ifindex;
    char name[PM_TUN_NAME];
};

/* offload: super-packets and checksums as in offload.h, each packet behind a virtio_net_hdr. `name`
 * may have a %d for the first free number. False with `error` filled. */
bool pm_tun_open(struct pm_tun *tun, const char *name, bool offload, char *error, size_t error_cap);
void pm_tun_close(struct pm_tun *tun);

/* A setting of the device under /proc/sys/net; "ipv4", "rp_filter", "2". */
bool pm_tun_set(const struct pm_tun *tun, const char *family, const char *key, const char *value);

#endif
