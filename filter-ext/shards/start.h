/* start.h - where a frame of a macOS interface begins: with an Ethernet header, or with IP.
 *
 * NEFilterPacketProvider hands out bytes without saying what they begin with:
 *
 *     en0       | Ethernet 14 | (VLAN 4) x 0..2 | IP ...
 *     utun4     | IP ...
 *     bridge0   | Ethernet 14 | ...                 type "other", as utun has it
 *
 * What the bytes allow is asked first; where they allow both, the name and the type decide. */
#ifndef PKTMOD_FILTER_START_H
#define PKTMOD_FILTER_START_H

#include <pktmod/pktmod.h>

/* The numbers of nw_interface_type_t. */
enum pm_interface_kind {
    PM_INTERFACE_OTHER,
    PM_INTERFACE_WIFI,
    PM_INTERFACE_CELLULAR,
    PM_INTERFACE_WIRED,
    PM_INTERFACE_LOOPBACK,
};

#define PM_START_ETHERNET 1u   /* LINKTYPE_ETHERNET */
#define PM_START_RAW      101u /* LINKTYPE_RAW */

/* The system cuts frames that were merged on receipt to its buffers, which have at least so many
 * bytes: a shorter frame was not cut, and lengths that contradict it are its own fault. */
#define PM_START_CUT_LEN 2048u

/* One of the two. name: NULL where the interface has none. */
uint16_t pm_start_link(enum pm_interface_kind kind, const char *name, const uint8_t *bytes,
                       size_t len);

/* Bytes the frame had before the system cut it: more than len only where IP says so, and the frame
 * is long enough to have been cut. */
size_t pm_start_wire_len(uint16_t link, const uint8_t *bytes, size_t len);

#endif
