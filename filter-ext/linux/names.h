/* names.h - interface names by index, without asking the kernel for every packet. */
#ifndef PKTMOD_FILTER_NAMES_H
#define PKTMOD_FILTER_NAMES_H

#include <net/if.h>
#include <stdint.h>

#define PM_NAMES_KEPT 64u

struct pm_names {
    struct {
        uint32_t ifindex;
        uint64_t until_ns; /* asked again then: an interface may be renamed */
        char name[IF_NAMESIZE];
    } kept[PM_NAMES_KEPT];
};

/* NULL: no such interface. Lent until the next call. */
const char *pm_names_of(struct pm_names *names, uint32_t ifindex, uint64_t now_ns);

#endif
