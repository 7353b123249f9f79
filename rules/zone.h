/* zone.h - time zones by their names, as a rule's "when" has them. */
#ifndef PMR_ZONE_H
#define PMR_ZONE_H

#include "load.h"

/* "UTC", "+02:00", or "Europe/Berlin" as the system's data has it; a zone of the builder. False:
 * complained. */
bool pmr_zone_of(struct load *l, const struct node *n, uint32_t *zone);

#endif
