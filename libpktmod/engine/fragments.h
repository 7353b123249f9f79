/* fragments.h - IP fragments in the rewriter's line: they wait until their datagram is whole, which
 * is then judged and rewritten as one packet.
 *
 *     fragment -> no rewrite rule can reach its datagram -> the line, alone
 *              -> one may -> waits -> whole -> the line, as one packet -> unchanged: the fragments
 *                                                                         changed: cut again
 *
 * Only TCP and UDP wait, and ICMP where a rule is a nat. A rule can reach a datagram if it may hold
 * for some ports, or, once the first fragment is here, for its ports. From then on that a rule
 * cannot reach is sent on at once.
 *
 * What leaves of a datagram that no rule changed are the fragments that came, each bit-identical
 * and in the order of their arrival, when the last of them is here. A changed one leaves as one
 * packet where that is not larger than the sender's largest fragment; else cut to that size.
 *
 * Fragments that contradict each other leave neither in a replay nor live: which bytes they carry
 * depends on who receives them. What is given up unfinished (timeout, no room, end of the capture)
 * leaves as it came in a replay, for nobody completes it any more; live it is dropped, for somebody
 * might. Where a capture lacks bytes of a fragment its datagram passes as it is.
 */
#ifndef PM_ENGINE_FRAGMENTS_H
#define PM_ENGINE_FRAGMENTS_H

#include "edit/refragment.h"
#include "engine/rewriter.h"
#include "flow/reassembly.h"

/* A whole datagram on its way: what it came as. */
struct pm_assembly {
    struct pm_datagram *datagram;
    const struct pm_packet *last; /* the packet that completed it */
    struct pm_fragment_header v6;
    bool flow_is_new; /* when its first fragment came */
    bool is_sent;
};

size_t pm_fragments_footprint(const struct pm_rewriter_config *config);
bool pm_fragments_init(struct pm_rewriter *r);
void pm_fragments_release(struct pm_rewriter *r);

/* Whether the packet, a fragment, takes another way than the line; *why is then what became of it.
 */
bool pm_fragments_take(struct pm_rewriter *r, struct pm_passage *p, enum pm_why *why);

/* Sends what leaves for a passage: for p->assembly, or where p->cut_size is set, as fragments. */
void pm_fragments_send(struct pm_rewriter *r, const struct pm_passage *p, struct pm_emitted *out);

#endif
