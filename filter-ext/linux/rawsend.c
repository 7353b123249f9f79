/* rawsend.c - raw sockets, one for each version of IP; the contract is in rawsend.h. */
#include "filter-ext/linux/rawsend.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IPV4_HEADER 20u
#define IPV4_DST    16u
#define IPV6_HEADER 40u
#define IPV6_DST    24u

/* IPPROTO_RAW sends what it is given, header and all, and receives nothing. */
static int open_one(int family, uint32_t mark)
{
    int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

bool pm_rawsend_open(struct pm_rawsend *raw, uint32_t mark, char *error, size_t error_cap)
{
    *raw = (struct pm_rawsend){.fd4 = open_one(AF_INET, mark), .fd6 = -1};
    if (raw->fd4 >= 0)
        raw->fd6 = open_one(AF_INET6, mark);
    if (raw->fd4 >= 0 && (raw->fd6 >= 0 || errno == EAFNOSUPPORT))
        return true;
    snprintf(error, error_cap, "cannot open a raw socket for rejects: %s%s", strerror(errno),
             errno == EPERM ? "; run as root, or with CAP_NET_ADMIN and CAP_NET_RAW" : "");
    pm_rawsend_close(raw);
    return false;
}

void pm_rawsend_close(struct pm_rawsend *raw)
{
    if (raw->fd4 >= 0)
        close(raw->fd4);
    if (raw->fd6 >= 0)
        close(raw->fd6);
    raw->fd4 = raw->fd6 = -1;
}

static bool send4(const struct pm_rawsend *raw, const uint8_t *packet, size_t len)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (len < IPV4_HEADER)
        return false;
    memcpy(&to.sin_addr, packet + IPV4_DST, sizeof to.sin_addr);
    return sendto(raw->fd4, packet, len, 0, (const struct sockaddr *)&to, sizeof to) >= 0;
}

static bool send6(const struct pm_rawsend *raw, const uint8_t *packet, size_t len)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6};
    if (len < IPV6_HEADER || raw->fd6 < 0)
        return false;
    memcpy(&to.sin6_addr, packet + IPV6_DST, sizeof to.sin6_addr);
    return sendto(raw->fd6, packet, len, 0, (const struct sockaddr *)&to, sizeof to) >= 0;
}

void pm_rawsend_packet(struct pm_rawsend *raw, const uint8_t *packet, size_t len)
{
    bool is_sent =
        len > 0 && (packet[0] >> 4 == 6 ? send6(raw, packet, len) : send4(raw, packet, len));
    raw->sent += is_sent;
    raw->failed += !is_sent;
}
