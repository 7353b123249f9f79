/* external.h - streams that a client decides about: bytes at the frontier are handed out in order,
 * wait as a held tail does, and leave as what the answer says.
 *
 *     handed out, no answer yet      kept, not handed out   arrives
 *     |<---- external.waiting ---->|<-------------------->|
 *     log.o_end                    offered_o
 *
 * The sender keeps custody of all of it, so a slow client slows the flow. A client decides about a
 * whole direction: no other edit of the stream is made there. */
#ifndef PM_ENGINE_EXTERNAL_H
#define PM_ENGINE_EXTERNAL_H

#include "engine/decide.h"

/* Whether a client decides about the bytes at the frontier; from the first packet on for which a
 * rule says so. */
bool pm_external_is_on(const struct pm_passage *p, struct pm_half *half);
/* Hands out what of the frontier was not yet, as far as credit goes. False: nobody took it. */
bool pm_external_offer(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half,
                       const struct pm_front *front);
/* The client failed: the rest of the stream passes, or ends here. */
void pm_external_give_up(struct pm_rewriter *r, struct pm_half *half);
/* And what waits leaves now. */
void pm_external_fail(struct pm_rewriter *r, struct pm_half *half);
/* The frontier reached the FIN. */
void pm_external_finish(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half);
/* The direction ends. */
void pm_external_forget(struct pm_rewriter *r, struct pm_half *half);
/* The stream ended where its client failed, and nothing up to o leaves. */
static inline bool pm_external_has_ended(const struct pm_half *half, uint64_t o)
{
    return half->external.state == PM_EXTERNAL_ENDED && o > half->log.o_end;
}
/* How long bytes at the frontier may wait. */
uint64_t pm_external_patience_ns(const struct pm_rewriter *r, const struct pm_half *half);

#endif
