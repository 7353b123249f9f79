/* tlsfield.h - the fields of a TLS hello, as match/field.h reads them. */
#ifndef PM_MATCH_TLSFIELD_H
#define PM_MATCH_TLSFIELD_H

#include "match/field.h"

/* Values of one of its fields, from out->next on. */
void pm_tlsfield_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out);

#endif
