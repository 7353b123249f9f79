/* quote.h - ICMP errors that quote a segment of a rewritten stream: its sender must find the
 * numbers that it sent there, or it takes the error for forged.
 *
 * The quoted packet went from the error's addressee S to R.
 *
 *     live    it left pktmod with a seq of M and, for what R sends, an ack of O (R's own numbers).
 *             S sent a seq of O and an ack of M of that other direction: M -> O, and O -> M
 *     replay  it was recorded as S sent it when nothing was rewritten. Rewritten streams would have
 *             made it leave with the image of its seq, and S acknowledges images: O -> M, both
 *
 * The quoted TCP checksum follows if it is quoted, and the error's own always: what was wrong stays
 * wrong. Payload that is quoted, lengths and options stay. An error that quotes what was never sent
 * passes as it is.
 */
#ifndef PM_ENGINE_QUOTE_H
#define PM_ENGINE_QUOTE_H

#include "engine/rewriter.h"

/* Maps the numbers in the packet's buffer where it is such an error. The packet's own flow is
 * known. Live, takes a smaller MTU that it asks for, where it quotes what is in flight. */
void pm_quote_map(struct pm_rewriter *r, struct pm_passage *p);

#endif
