/* template.h - what is put in the place of a regex match: bytes, and groups of the match.
 *
 *     $0 or $&   the match        $1 .. $9   a group        ${12} ${name}   any group        $$   $
 *
 * A group that took no part in the match is empty.
 */
#ifndef PM_MATCH_TEMPLATE_H
#define PM_MATCH_TEMPLATE_H

#include "match/regex.h"

struct pm_template; /* immutable */

/* NULL: *fault says what is wrong. */
struct pm_template *pm_template_new(const struct pm_regex *regex, const uint8_t *text, size_t len,
                                    struct pm_regex_fault *fault);
void pm_template_free(struct pm_template *template);

/* Writes it for a match in `text`; answers its length, SIZE_MAX: that is more than cap. */
size_t pm_template_write(const struct pm_template *template, const struct pm_regex_text *text,
                         const struct pm_span *groups, uint8_t *out, size_t cap);

#endif
