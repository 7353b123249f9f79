/* control.h - the control socket of a live run: who may, lines in, lines out.
 *
 *     client --> one JSON object a line --> control_answer.h --> one JSON object a line --> client
 *                                           and, after "events", every event as it happens
 *
 * The socket belongs to root (mode 0600, or 0660 with a group). Who connects is asked of the
 * kernel: root, whoever runs pktmod, and members of the group. Everything is bounded: clients, the
 * length of a request, what waits for a client that does not read. */
#ifndef PKTMOD_APP_CONTROL_H
#define PKTMOD_APP_CONTROL_H

#include <poll.h>

#include "app/run.h"

#define PM_CONTROL_CLIENTS 16u
#define PM_CONTROL_LINE    4096u      /* longest request */
#define PM_CONTROL_OUT     (8u << 20) /* what waits for one client, at most */
#define PM_CONTROL_POLLS   (PM_CONTROL_CLIENTS + 1)

struct pm_control;

/* group: name of it, or NULL. NULL with `error` filled. */
struct pm_control *pm_control_open(const char *path, const char *group, char *error,
                                   size_t error_cap);
void pm_control_close(struct pm_control *control); /* and removes the socket; NULL is fine */

/* Descriptors to poll for, at most PM_CONTROL_POLLS; answers their number. */
size_t pm_control_poll(const struct pm_control *control, struct pollfd *fds);
/* Does all that can be done without waiting. */
void pm_control_work(struct pm_control *control, struct pm_run *run);
/* Lines of events for those that asked for them. */
void pm_control_tell(struct pm_control *control, const uint8_t *lines, size_t len);

#endif
