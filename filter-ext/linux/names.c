/* names.c - interface names; the contract is in names.h. */
#include "filter-ext/linux/names.h"

#include <stddef.h>

#define KEPT_NS UINT64_C(10000000000)

const char *pm_names_of(struct pm_names *names, uint32_t ifindex, uint64_t now_ns)
{
    if (ifindex == 0)
        return NULL;
    uint32_t at = ifindex % PM_NAMES_KEPT;
    if (names->kept[at].ifindex != ifindex || names->kept[at].until_ns <= now_ns) {
        names->kept[at].ifindex = 0;
        if (if_indextoname(ifindex, names->kept[at].name) == NULL)
            return NULL;
        names->kept[at].ifindex = ifindex;
        names->kept[at].until_ns = now_ns + KEPT_NS;
    }
    return names->kept[at].name;
}
