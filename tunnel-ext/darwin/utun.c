/* utun.c - the utun kernel control; the contract is in utun.h.
 *
 *     | address family, 4 bytes, big-endian | IP packet |   each way, one packet a call */
#include "tunnel-ext/darwin/utun.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if_utun.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet6/in6_var.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/kern_control.h>
#include <sys/socket.h>
#include <sys/sys_domain.h>
#include <unistd.h>

#define FAMILY_LEN 4
#define PARTS_MOST 8
/* Packets that may wait to be read; the kernel's own bound is one, which stops the sender at each.
 */
#define PENDING 256

/* From netinet6/nd6.h, which is not for programs: no detection of duplicates, for ever. */
#define FOREVER 0xffffffffu

/* ------------------------------------------------------------------ opening */

static const char *reason(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "not permitted; it needs root";
    case EBUSY:
        return "another program has it";
    default:
        return strerror(error);
    }
}

/* The kernel counts units from 1; 0: any. False: that is no name of such a device. */
static bool read_unit(const char *name, uint32_t *unit)
{
    char *end;
    *unit = 0;
    if (strncmp(name, "utun", 4) != 0)
        return false;
    if (name[4] == '\0')
        return true;
    unsigned long number = strtoul(name + 4, &end, 10);
    *unit = (uint32_t)number + 1;
    return name[4] >= '0' && name[4] <= '9' && *end == '\0' && number < 65536;
}

/* 0 or an errno. */
static int open_control(int fd, uint32_t unit)
{
    struct ctl_info info = {.ctl_id = 0};
    memcpy(info.ctl_name, UTUN_CONTROL_NAME, sizeof UTUN_CONTROL_NAME);
    if (ioctl(fd, CTLIOCGINFO, &info) != 0)
        return errno;
    struct sockaddr_ctl at = {.sc_len = sizeof at,
                              .sc_family = AF_SYSTEM,
                              .ss_sysaddr = AF_SYS_CONTROL,
                              .sc_id = info.ctl_id,
                              .sc_unit = unit};
    struct sockaddr any;
    _Static_assert(sizeof at >= sizeof any, "cast below");
    (void)any;
    return connect(fd, (const struct sockaddr *)(const void *)&at, sizeof at) == 0 ? 0 : errno;
}

/* 0 or an errno. */
static int set_up(struct pm_utun *utun, uint32_t unit)
{
    int pending = PENDING, room = 1 << 22;
    socklen_t len = sizeof utun->name;
    int failed = open_control(utun->fd, unit);
    if (failed != 0)
        return failed;
    if (getsockopt(utun->fd, SYSPROTO_CONTROL, UTUN_OPT_IFNAME, utun->name, &len) != 0 ||
        fcntl(utun->fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(utun->fd, F_SETFD, FD_CLOEXEC) != 0)
        return errno;
    /* without them it is slower, and no less right */
    (void)setsockopt(utun->fd, SYSPROTO_CONTROL, UTUN_OPT_MAX_PENDING_PACKETS, &pending,
                     sizeof pending);
    (void)setsockopt(utun->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    utun->ifindex = if_nametoindex(utun->name);
    return utun->ifindex != 0 ? 0 : ENXIO;
}

bool pm_utun_open(struct pm_utun *utun, const char *name, char *error, size_t error_cap)
{
    uint32_t unit;
    *utun = (struct pm_utun){.fd = -1};
    if (!read_unit(name, &unit)) {
        snprintf(error, error_cap, "\"%s\" is no device: utun, or utun with a number, is", name);
        return false;
    }
    utun->fd = socket(PF_SYSTEM, SOCK_DGRAM, SYSPROTO_CONTROL);
    int failed = utun->fd < 0 ? errno : set_up(utun, unit);
    if (failed == 0)
        return true;
    snprintf(error, error_cap, "device %s: %s", name, reason(failed));
    pm_utun_close(utun);
    return false;
}

void pm_utun_close(struct pm_utun *utun)
{
    if (utun->fd >= 0)
        close(utun->fd);
    utun->fd = -1;
}

/* ------------------------------------------------------------------ settings */

/* An ioctl of a socket that is there for it alone. 0 or an errno. */
static int set(int family, unsigned long request, void *argument)
{
    int fd = socket(family, SOCK_DGRAM, 0);
    if (fd < 0)
        return errno;
    int failed = ioctl(fd, request, argument) == 0 ? 0 : errno;
    close(fd);
    return failed;
}

int pm_utun_set_mtu(const struct pm_utun *utun, uint32_t mtu)
{
    struct ifreq request = {.ifr_mtu = (int)mtu};
    memcpy(request.ifr_name, utun->name, sizeof request.ifr_name);
    return set(AF_INET, SIOCSIFMTU, &request);
}

static void mask_of(uint8_t *mask, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++)
        mask[i / 8] |= (uint8_t)(0x80u >> i % 8);
}

static int add_address4(const struct pm_utun *utun, const struct pm_prefix *own)
{
    struct in_aliasreq request = {
        .ifra_addr = {.sin_len = sizeof request.ifra_addr, .sin_family = AF_INET}};
    memcpy(request.ifra_name, utun->name, sizeof request.ifra_name);
    memcpy(&request.ifra_addr.sin_addr, own->addr.bytes, 4);
    request.ifra_dstaddr = request.ifra_mask = request.ifra_addr;
    memset(&request.ifra_mask.sin_addr, 0, 4);
    mask_of((uint8_t *)&request.ifra_mask.sin_addr, own->bits);
    return set(AF_INET, SIOCAIFADDR, &request);
}

static int add_address6(const struct pm_utun *utun, const struct pm_prefix *own)
{
    struct in6_aliasreq request = {
        .ifra_addr = {.sin6_len = sizeof request.ifra_addr, .sin6_family = AF_INET6},
        .ifra_flags = IN6_IFF_NODAD,
        .ifra_lifetime = {.ia6t_vltime = FOREVER, .ia6t_pltime = FOREVER}};
    memcpy(request.ifra_name, utun->name, sizeof request.ifra_name);
    request.ifra_prefixmask = request.ifra_addr;
    memcpy(&request.ifra_addr.sin6_addr, own->addr.bytes, 16);
    mask_of((uint8_t *)&request.ifra_prefixmask.sin6_addr, own->bits);
    return set(AF_INET6, SIOCAIFADDR_IN6, &request);
}

int pm_utun_add_address(const struct pm_utun *utun, const struct pm_prefix *own)
{
    return own->addr.version == 4 ? add_address4(utun, own) : add_address6(utun, own);
}

/* ------------------------------------------------------------------ packets */

ssize_t pm_utun_read(const struct pm_utun *utun, uint8_t *bytes, size_t cap)
{
    uint8_t family[FAMILY_LEN];
    struct iovec parts[] = {{.iov_base = family, .iov_len = sizeof family},
                            {.iov_base = bytes, .iov_len = cap}};
    ssize_t len = readv(utun->fd, parts, 2);
    if (len <= 0)
        return len < 0 ? -1 : 0;
    return len > FAMILY_LEN ? len - FAMILY_LEN : 0;
}

bool pm_utun_write(const struct pm_utun *utun, const struct iovec *parts, int count)
{
    uint8_t family[FAMILY_LEN];
    struct iovec all[1 + PARTS_MOST] = {{.iov_base = family, .iov_len = sizeof family}};
    if (count < 1 || count > PARTS_MOST || parts[0].iov_len == 0)
        return false;
    bool is_4 = *(const uint8_t *)parts[0].iov_base >> 4 == 4;
    pm_wire_put32(family, is_4 ? AF_INET : AF_INET6);
    memcpy(all + 1, parts, (size_t)count * sizeof *parts);
    return writev(utun->fd, all, count + 1) > 0;
}
