/* sack.h - SACK blocks of a packet through the map (RFC 2018): rounded inwards, so that nothing is
 * reported that the other end does not hold. */
#ifndef PM_EDIT_SACK_H
#define PM_EDIT_SACK_H

#include "edit/log.h"
#include "wire/headers.h"

/* Maps the blocks from O to M of that log; has_fin: a FIN left behind its last byte. A block that
 * becomes empty is left out; what it took is filled with NOPs. Updates the TCP checksum. True if
 * anything changed. */
bool pm_sack_lift(const struct pm_headers *layout, uint8_t *frame, const struct pm_log *log,
                  const struct pm_log_store *store, bool has_fin);
/* The same from M to O. */
bool pm_sack_lower(const struct pm_headers *layout, uint8_t *frame, const struct pm_log *log,
                   const struct pm_log_store *store, bool has_fin);
/* Whether the packet has a SACK option with blocks. */
bool pm_sack_is_there(const struct pm_headers *layout, const uint8_t *frame);

/* Writes NOPs over them. The checksum is the caller's. */
void pm_sack_erase(uint8_t *tcp);

#endif
