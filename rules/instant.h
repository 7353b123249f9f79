/* instant.h - a moment as RFC 3339 writes it: "2026-06-01T08:30:00Z". */
#ifndef PMR_INSTANT_H
#define PMR_INSTANT_H

#include "notation.h"

/* "YYYY-MM-DDThh:mm:ss" and "Z" or "+hh:mm"; years 1970 to 2105, as captures have them. False: the
 * complaint is filled. */
bool pmr_parse_instant(const char *text, uint64_t *since_1970_ns, struct complaint *c);

#endif
