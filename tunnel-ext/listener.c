/* listener.c - a Unix socket that waits for clients; the contract is in listener.h. */
#include "tunnel-ext/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* A socket file whose listener died. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat found;
    if (lstat(address->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    bool is_refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                      errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

static bool bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t was = umask(0177);
    bool is_bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    umask(was);
    return is_bound;
}

int pm_listener_open(const char *path, char *error, size_t error_cap)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(error, error_cap, "%s: a socket's path has at most %zu bytes", path,
                 sizeof address.sun_path - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (is_stale(&address))
        unlink(path);
    if (fd >= 0 && set_flags(fd) && bind_private(fd, &address) && listen(fd, 4) == 0)
        return fd;
    snprintf(error, error_cap, "%s: cannot listen: %s", path,
             errno == EADDRINUSE ? "something is there already" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

void pm_listener_close(int fd, const char *path)
{
    if (fd < 0)
        return;
    close(fd);
    unlink(path);
}

int pm_listener_accept(int fd)
{
    int client = accept(fd, NULL, NULL);
    if (client < 0)
        return -1;
    if (set_flags(client))
        return client;
    close(client);
    return -1;
}
