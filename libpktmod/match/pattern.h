/* pattern.h - patterns on their way to PCRE2, and what they may not have; regex.h says why. */
#ifndef PM_MATCH_PATTERN_H
#define PM_MATCH_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "match/regex.h"

/* options: PCRE2's, beside those that hold for all patterns. NULL: *fault says what is wrong. */
pcre2_code *pm_pattern_compile(const struct pm_regex_spec *spec, uint32_t options,
                               struct pm_regex_fault *fault);

/* Goes through a pattern that PCRE2 takes. False: *fault says what it may not have. */
bool pm_pattern_check(const struct pm_regex_spec *spec, struct pm_regex_fault *fault);

#endif
