/* assign.h - setting and adding to header fields. */
#ifndef PM_EDIT_ASSIGN_H
#define PM_EDIT_ASSIGN_H

#include <pktmod/policy.h>

#include "wire/headers.h"

struct pm_assign {
    enum pm_field field;
    bool is_add;         /* number is a summand; the result stays within the field's range */
    int64_t number;      /* UINT, FLAG */
    struct pm_addr addr; /* ADDR */
    uint8_t mac[6];      /* MAC */
};

/* Writes into frame, whose headers lie as in layout, and keeps the checksums in step. vlan.* are
 * the outermost tag's. False: the packet has no such field (an IPv4 field of an IPv6 packet, an
 * address of the other version, ...); then nothing is written. */
bool pm_assign_write(const struct pm_assign *assign, const struct pm_headers *layout,
                     uint8_t *frame);

#endif
