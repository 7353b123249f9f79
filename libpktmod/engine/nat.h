/* nat.h - network address translation in the rewriter's line.
 *
 * Everything between arriving and leaving knows only the near ends: flows, rules, streams and
 * waiting bytes are untouched by a nat.
 *
 *     arrives    an answer to far ends becomes one to near ends; so does an error that quotes them
 *     decided    by the rules that hold for a flow's first packet, once (an ICMP flow: for each
 *                identifier of a query)
 *     leaves     live    what who began sends, and errors that quote what it was sent
 *                replay  both ways, where the view is of the far side: a recording has near ends
 *
 * Two flows never get the same far ends. Where they would, and no rule names the source port (or
 * identifier), another one is looked for: a few hundred draws within 1..1023 or 1024..65535, as the
 * own one is. A mapping whose flow is over gives way when it is wanted: 60 s after both FINs, 10 s
 * after a reset; UDP after 300 s without a packet, ICMP and what has no ports after 60 s.
 */
#ifndef PM_ENGINE_NAT_H
#define PM_ENGINE_NAT_H

#include "engine/rewriter.h"

/* Before the packet's flow is looked up. */
void pm_nat_arrive(struct pm_rewriter *r, struct pm_passage *p);
/* Whether the packet, perhaps a first fragment, is for or from far ends. */
bool pm_nat_knows(const struct pm_rewriter *r, const struct pm_headers *h);
/* Its flow is known, and the rules that hold for it. NONE: go on; else the packet is refused: it
 * passes, with that reason, or not, as the policy says. */
enum pm_why pm_nat_decide(struct pm_rewriter *r, struct pm_passage *p);
/* Whether the policy lets a packet that was refused for that reason pass. */
bool pm_nat_lets_pass(const struct pm_rewriter *r, enum pm_why why);
/* Whether what leaves for the packet will be mapped. */
bool pm_nat_is_leaving(const struct pm_rewriter *r, const struct pm_passage *p);
/* Writes the far ends into a frame that leaves, laid out as p->headers. True: it did. */
bool pm_nat_leave(struct pm_rewriter *r, struct pm_passage *p, uint8_t *frame);
void pm_nat_forget(struct pm_rewriter *r, struct pm_flow *flow);

/* ---- natquote.c: ICMP errors */

/* Of one that quotes a packet with far ends. */
void pm_nat_quote_arrive(struct pm_rewriter *r, struct pm_passage *p);
/* The mapping whose far ends an error that leaves must quote; NULL: none. */
const struct pm_mapping *pm_nat_quote_leaves(const struct pm_rewriter *r,
                                             const struct pm_passage *p);
void pm_nat_quote_write(const struct pm_passage *p, uint8_t *frame, const struct pm_mapping *m,
                        bool to_far);
/* Whether this replay's view, or live this direction, has the far ends. */
bool pm_nat_shows_far(const struct pm_rewriter *r, const struct pm_mapping *m, bool is_forward);

#endif
