/* tzif.h - the time zone files of a system: RFC 9636, versions 2 to 4.
 *
 *     header, data with 32-bit times      not used
 *     header, data with 64-bit times      when the clock changed, and to what
 *     "\n" rule "\n"                      how it goes on behind the last change (tzrule.h)
 */
#ifndef PMR_TZIF_H
#define PMR_TZIF_H

#include <pktmod/policy.h>

#include "memory.h"

#define PMR_TZ_LAST_YEAR 2100 /* the rule is followed so far; then the clock stays */

struct zone_steps {
    struct pm_zone_step *list;
    size_t count;
};

/* Steps in the arena. On failure NULL in out->list; *fault then says what is wrong with the data,
 * or is NULL without memory. */
void pmr_tzif_steps(struct memory *m, const uint8_t *bytes, size_t len, struct zone_steps *out,
                    const char **fault);

#endif
