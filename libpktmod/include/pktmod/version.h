/* version.h - which libpktmod this is. */
#ifndef PKTMOD_VERSION_H
#define PKTMOD_VERSION_H

#include <stdbool.h>

#define PM_VERSION "0.1.0"

/* The version of the library that is linked, which may differ from PM_VERSION of the header. */
const char *pm_version(void);

/* It was built with what opens QUIC's first packets; else they have no fields of TLS. */
bool pm_reads_quic(void);

#endif
