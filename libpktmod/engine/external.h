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

/* ---- credit.c: bytes handed out that have no answer yet are bounded, per direction and in all */

/* How many more bytes the client may have of the direction now; none out of turn. */
size_t pm_credit_of(const struct pm_rewriter *r, const struct pm_half *half);
void pm_credit_take(struct pm_rewriter *r, struct pm_half *half, uint32_t len);
void pm_credit_give_back(struct pm_rewriter *r, struct pm_half *half, uint32_t len);
/* After an offer: bytes are left that only the credit of all keeps back; or none are. */
void pm_credit_want(struct pm_rewriter *r, struct pm_half *half, bool wants_more);
/* The direction waits for credit no longer. */
void pm_credit_leave(struct pm_rewriter *r, struct pm_half *half);
/* Credit that came back goes to who waits for it, first come, first served. At the end of every
 * call that may have brought some. */
void pm_credit_serve(struct pm_rewriter *r);

#endif
