/* httpfield.h - reading the fields of the HTTP message at hand. */
#ifndef PM_MATCH_HTTPFIELD_H
#define PM_MATCH_HTTPFIELD_H

#include "match/field.h"

/* http.header has a value for each header line, as it stands without its end; `has_more` tells
 * whether there may be others. */
void pm_httpfield_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out);

#endif
