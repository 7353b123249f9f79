/* descriptors.c - RLIMIT_NOFILE; the contract is in descriptors.h. */
#include "tunnel-ext/descriptors.h"

#include <stddef.h>
#include <sys/resource.h>

/* All that a tunnel may need; what macOS takes where it takes no more; what is better than 256. */
static const rlim_t wanted[] = {2 * 8192 + 4096 + 64, 10240, 4096};

void pm_descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct rlimit next = {.rlim_cur = wanted[i],
                              .rlim_max = limit.rlim_max < wanted[i] ? wanted[i] : limit.rlim_max};
        if (limit.rlim_cur >= wanted[i] || setrlimit(RLIMIT_NOFILE, &next) == 0)
            return;
        next.rlim_cur = limit.rlim_max < wanted[i] ? limit.rlim_max : wanted[i];
        next.rlim_max = limit.rlim_max;
        if (next.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &next) == 0)
            return;
    }
}
