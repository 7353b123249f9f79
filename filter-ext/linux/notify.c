/* notify.c - a datagram to the service manager; the contract is in notify.h. */
#include "filter-ext/linux/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void pm_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = 0; /* an abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, to_len);
    close(fd);
}

/* Half of what systemd allows, as sd_watchdog_enabled(3) advises. */
uint64_t pm_notify_watchdog_ns(void)
{
    const char *allowed_us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (allowed_us == NULL || (pid != NULL && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    unsigned long long us = strtoull(allowed_us, NULL, 10);
    return us > UINT64_MAX / 1000 ? 0 : us * 1000 / 2;
}
