/* edges.h - waits for many descriptors at once: what each can do now, told once, when it begins. */
#ifndef PKTMOD_TUNNEL_EDGES_H
#define PKTMOD_TUNNEL_EDGES_H

#include "tunnel-ext/carrier.h"

struct pm_edge {
    uint64_t tag;
    unsigned can; /* of PM_CAN_READ, ... */
};

/* A descriptor that is readable while there are edges to take; closed by its owner. -1: errno. */
int pm_edges_open(void);
/* Under the tag, until the descriptor is closed. What it can do already is an edge too. */
bool pm_edges_watch(int edges, int fd, uint64_t tag);
/* Does not wait. */
size_t pm_edges_take(int edges, struct pm_edge *out, size_t cap);

#endif
