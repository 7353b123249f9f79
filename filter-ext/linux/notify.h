/* notify.h - tells systemd how the service does (sd_notify(3)), where there is one that listens. */
#ifndef PKTMOD_FILTER_NOTIFY_H
#define PKTMOD_FILTER_NOTIFY_H

#include <stdint.h>

/* One or more lines "NAME=value". Nothing happens where NOTIFY_SOCKET is not set. */
void pm_notify(const char *state);
/* How often "WATCHDOG=1" has to be told, at least; 0: it is not waited for. */
uint64_t pm_notify_watchdog_ns(void);

#endif
