/* roottunnel.h - the tunnel of a root process on macOS: a utun, its routes, and a courier. It needs
 * no entitlement, and no app. */
#ifndef PKTMOD_TUNNEL_ROOTTUNNEL_H
#define PKTMOD_TUNNEL_ROOTTUNNEL_H

#include "tunnel-ext/courier.h"

struct pm_roottunnel_config {
    struct pm_policy *policy;
    const char *device; /* "utun", or with its number */
    uint32_t mtu;       /* 0: 9000 */
    const struct pm_prefix *to;
    size_t to_count;
    uint64_t seed;
    int (*interrupted)(void);            /* not 0: it is to end */
    void (*carries)(const char *device); /* told once */
};

struct pm_roottunnel;

/* Makes the device, addresses, routes. NULL with `error` filled; then nothing is left behind. */
struct pm_roottunnel *pm_roottunnel_new(const struct pm_roottunnel_config *config, char *error,
                                        size_t error_cap);
/* Until `interrupted` says so: true; or false with `error` filled. */
bool pm_roottunnel_run(struct pm_roottunnel *tunnel, char *error, size_t error_cap);
void pm_roottunnel_stats(struct pm_roottunnel *tunnel, struct pm_courier_stats *out);
/* Everything is as it was before when this returns. */
void pm_roottunnel_free(struct pm_roottunnel *tunnel);

#endif
