/* canon.h - conditions in a normal form: the same text for conditions that say the same in other
 * words.
 *
 *     not any(a, b)            ->  all(not a, not b)            negations move down to the tests
 *     all(a, all(b, c), a)     ->  all(a, b, c)                 lists are flat, sorted, without
 * twins any(port 80, port 443)   ->  port {80, 443}               tests of a field join all(len >=
 * 5, len <= 9)  ->  len {5-9}                    also where they narrow each other
 *
 * It is no proof: two texts may differ and still hold for the same packets. */
#ifndef PMR_CANON_H
#define PMR_CANON_H

#include "record.h"

/* Sets are "@name", or, expanded, their values. The text lives in the arena. */
const char *pmr_canon_text(struct load *l, struct memory *m, pm_cond_id id, bool is_expanded);
bool pmr_canon_names_sets(const struct meaning *m, pm_cond_id id);
/* What a packet needs at least for the condition to hold; *count is how many. */
const struct pm_narrow *pmr_canon_narrows(struct load *l, struct memory *m, pm_cond_id id,
                                          size_t *count);
/* All values of a set, in its normal form; long ones as a digest. */
const char *pmr_canon_set(struct load *l, uint32_t set);

#endif
