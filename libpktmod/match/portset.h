/* portset.h - ranges of ports; few of them take little room, many are a table of bits. */
#ifndef PM_MATCH_PORTSET_H
#define PM_MATCH_PORTSET_H

#include <stdbool.h>
#include <stdint.h>

struct pm_port_range {
    uint16_t lo, hi;
};

/* Zeroed is empty. Takes ranges, is sealed once, and is only read after that. */
struct pm_portset {
    struct pm_port_range *ranges; /* sealed: in order, apart from each other */
    uint32_t count, cap;
    uint64_t *bits; /* sealed, where there are many ranges; else NULL */
};

/* lo <= hi; what is beyond 65535 is left out. False: no memory. */
bool pm_portset_put(struct pm_portset *set, uint32_t lo, uint32_t hi);
bool pm_portset_seal(struct pm_portset *set);
bool pm_portset_has(const struct pm_portset *set, uint32_t port);
void pm_portset_release(struct pm_portset *set);

#endif
