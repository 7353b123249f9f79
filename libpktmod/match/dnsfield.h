/* dnsfield.h - reading the fields of a DNS message that a datagram carries. */
#ifndef PM_MATCH_DNSFIELD_H
#define PM_MATCH_DNSFIELD_H

#include "match/field.h"

/* Reads on from out->walk; `has_more` tells whether there may be more values behind these. UDP from
 * or to port 53, 5353 (RFC 6762) or 5355 (RFC 4795), or the subject's own message. */
void pm_dnsfield_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out);

#endif
