/* follow.h - later fragments of a datagram get the verdict of its first: only that one has ports
 * and a payload that rules can ask for.
 *
 * Bounded like the rewriter's reassembly, and for 10 seconds; a datagram whose fragments were all
 * seen is forgotten. The filter waits for nothing: a fragment that comes before its first is judged
 * by itself.
 */
#ifndef PM_ENGINE_FOLLOW_H
#define PM_ENGINE_FOLLOW_H

#include <pktmod/pktmod.h>

#include "base/keytable.h"
#include "flow/reassembly.h"

/* What a first fragment got. */
struct pm_first_verdict {
    uint32_t rule;          /* PM_NO_RULE: the default */
    enum pm_dir dir;        /* as found from its flow */
    struct pm_key question; /* where the rule asks: what about */
};

size_t pm_follow_footprint(void);
bool pm_follow_init(struct pm_reassembly *firsts, const uint64_t hash_key[2]);

/* h is of a fragment, link its LINKTYPE_ number. */
void pm_follow_remember(struct pm_reassembly *firsts, const struct pm_headers *h, uint16_t link,
                        struct pm_first_verdict verdict, uint64_t now_ns);
/* False: the first fragment was not seen. */
bool pm_follow_find(struct pm_reassembly *firsts, const struct pm_headers *h, uint16_t link,
                    uint64_t now_ns, struct pm_first_verdict *verdict);

#endif
