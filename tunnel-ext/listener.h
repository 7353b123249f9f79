/* listener.h - a Unix socket that waits for one client at a time. */
#ifndef PKTMOD_TUNNEL_LISTENER_H
#define PKTMOD_TUNNEL_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

/* Binds and listens, mode 0600. A socket at the path that nobody listens on is taken over. -1 with
 * `error` filled. */
int pm_listener_open(const char *path, char *error, size_t error_cap);
void pm_listener_close(int fd, const char *path);
/* The next connection, non-blocking; -1: none. */
int pm_listener_accept(int fd);

#endif
