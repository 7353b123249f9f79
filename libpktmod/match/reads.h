/* reads.h - how much of a packet a condition looks at. */
#ifndef PM_MATCH_READS_H
#define PM_MATCH_READS_H

#include "match/cond.h"

/* Whether the condition, at any depth, looks behind the headers: payload, stream, or BPF, which may
 * look anywhere. */
bool pm_cond_reads_payload(const struct pm_conds *c, pm_cond_id cond);

#endif
