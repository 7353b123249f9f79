/* privileges.h - what a running filter may still do: talk to the packet queue, to the firewall and
 * through raw sockets, and nothing else that root may. */
#ifndef PKTMOD_FILTER_PRIVILEGES_H
#define PKTMOD_FILTER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

/* Keeps CAP_NET_ADMIN and CAP_NET_RAW, for this thread, its later ones and what it runs; gives the
 * others up for good. False with `error` filled. */
bool pm_privileges_drop(char *error, size_t error_cap);
bool pm_privileges_suffice(void); /* both are there */

#endif
