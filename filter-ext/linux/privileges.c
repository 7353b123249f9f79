/* privileges.c - capabilities given up; the contract is in privileges.h. */
#include "filter-ext/linux/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT (UINT32_C(1) << CAP_NET_ADMIN | UINT32_C(1) << CAP_NET_RAW)

static bool get(struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return syscall(SYS_capget, &header, data) == 0;
}

bool pm_privileges_suffice(void)
{
    struct __user_cap_data_struct data[2];
    return get(data) && (data[0].effective & KEPT) == KEPT;
}

bool pm_privileges_drop(char *error, size_t error_cap)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (unsigned long which = 0; prctl(PR_CAPBSET_READ, which, 0UL, 0UL, 0UL) >= 0; which++)
        if (which != CAP_NET_ADMIN && which != CAP_NET_RAW)
            prctl(PR_CAPBSET_DROP, which, 0UL, 0UL, 0UL); /* fails where it was not ours to drop */
    if (get(data)) {
        data[0].effective = data[0].permitted = KEPT;
        data[0].inheritable &= KEPT;
        data[1].effective = data[1].permitted = data[1].inheritable = 0;
        if (syscall(SYS_capset, &header, data) == 0)
            return true;
    }
    snprintf(error, error_cap, "cannot give privileges up: %s", strerror(errno));
    return false;
}
