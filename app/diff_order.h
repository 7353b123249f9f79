/* diff_order.h - which rules stand in another order than before, and whether that counts. */
#ifndef PKTMOD_APP_DIFF_ORDER_H
#define PKTMOD_APP_DIFF_ORDER_H

#include "rules/meaning.h"

#define PM_NOWHERE SIZE_MAX

struct pm_order_move {
    const struct pm_rule_meaning *old, *new;
    bool is_moved;
    const struct pm_rule_meaning
        *past;      /* of the new file; NULL: its order to none of them counts */
    bool is_behind; /* it was before that one and now is behind */
};

/* One for each rule of the new file, to be freed; places[i] is where rule i stood in the old file,
 * or PM_NOWHERE. The fewest rules that explain the new order count as moved. Verdict rules are
 * ordered among themselves, and so are rewrites; order between them means nothing. NULL: no memory.
 */
struct pm_order_move *pm_order_find(const struct pm_rules *old, const struct pm_rules *new,
                                    const size_t *places);

#endif
