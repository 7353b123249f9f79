/* tun.c - opens /dev/net/tun; the contract is in tun.h. */
#include "tunnel-ext/linux/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

_Static_assert(PM_TUN_NAME == IFNAMSIZ, "as long as the kernel's");

static const char *reason(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "not permitted; it needs CAP_NET_ADMIN (root)";
    case EBUSY:
        return "another program has it open";
    case ENOENT:
        return "no such file; the kernel's tun module is not there";
    case EINVAL:
        return "a device of that name exists, and is no TUN device";
    default:
        return strerror(error);
    }
}

bool pm_tun_open(struct pm_tun *tun, const char *name, bool offload, char *error, size_t error_cap)
{
    struct ifreq request = {.ifr_flags =
                                (short)(IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0))};
    unsigned taken = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    *tun = (struct pm_tun){.fd = -1};
    if (strlen(name) >= sizeof request.ifr_name) {
        snprintf(error, error_cap, "\"%s\": the name of a device has at most %zu characters", name,
                 sizeof request.ifr_name - 1);
        return false;
    }
    memcpy(request.ifr_name, name, strlen(name) + 1);
    tun->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun->fd < 0) {
        snprintf(error, error_cap, "/dev/net/tun: %s", reason(errno));
        return false;
    }
    if (ioctl(tun->fd, TUNSETIFF, &request) < 0) {
        snprintf(error, error_cap, "TUN device \"%s\": %s", name, reason(errno));
        pm_tun_close(tun);
        return false;
    }
    if (offload && ioctl(tun->fd, TUNSETOFFLOAD, taken) < 0) {
        snprintf(error, error_cap, "TUN device \"%s\": no offload: %s", name, reason(errno));
        pm_tun_close(tun);
        return false;
    }
    memcpy(tun->name, request.ifr_name, sizeof tun->name);
    tun->ifindex = if_nametoindex(tun->name);
    return true;
}

void pm_tun_close(struct pm_tun *tun)
{
    if (tun->fd >= 0)
        close(tun->fd);
    tun->fd = -1;
}

bool pm_tun_set(const struct pm_tun *tun, const char *family, const char *key, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, tun->name, key);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_written = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    close(fd);
    return is_written;
}
