/* impair.h - what a rule does to packets as they leave, to try the ends: after lengths and
 * checksums are final, and in this order whatever the file says.
 *
 *     segment    a TCP segment becomes several of at most so much payload; numbers and flags fit
 *     truncate   payload behind the first bytes is gone. fix: lengths and checksums tell so, and
 *                FIN and PSH are gone with it; else IP and UDP lengths tell more than there is
 *     corrupt    bits of the payload are flipped. fix: the checksum fits them
 *     fragment   an IP packet becomes fragments. Not where its sender forbids it (DONT_FRAGMENT)
 *     duplicate  all of that leaves several times
 *
 * Each is drawn for each packet that leaves, and each piece of a segment: what its sender repeats
 * is drawn anew. Where
 * several rules want the same, the last counts. Packets that came with a wrong checksum, as
 * fragments that did not wait, or not whole, are at most duplicated.
 */
#ifndef PM_ENGINE_IMPAIR_H
#define PM_ENGINE_IMPAIR_H

#include "engine/rewriter.h"

/* False: no draw hit, and nothing was sent. frame: out->data, ours to change. */
bool pm_impair_send(struct pm_rewriter *r, struct pm_passage *p, struct pm_emitted *out,
                    uint8_t *frame);

#endif
