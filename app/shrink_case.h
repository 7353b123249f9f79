/* shrink_case.h - how a regression case fails, and whether a part of its capture fails in the same
 * way.
 *
 * A case fails by its first difference: what its summary says of a frame, or a packet that leaves
 * for one; where there is none, by the first finding of verify. A part fails in the same way if
 * - what becomes of that same frame, which has another number in the part, still differs from what
 *   the case expects of it, in the same thing: verdict, rule, edits; or the same field of the same
 *   packet;
 * - and the part's summary says of the frame what that of the whole says. Where in a stream an edit
 *   stands may differ: there is less in front of it.
 * Or, by a finding: if verify finds the same in the same flow.
 */
#ifndef PKTMOD_APP_SHRINK_CASE_H
#define PKTMOD_APP_SHRINK_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PM_SHRINK_LINE 512

enum pm_shrink_kind { PM_SHRINK_SUMMARY, PM_SHRINK_PACKET, PM_SHRINK_FINDING };

/* Shared between processes: no pointers. */
struct pm_shrink_failure {
    bool is_known;
    enum pm_shrink_kind kind;
    size_t run;     /* of the case */
    uint64_t frame; /* of the whole capture; FINDING: 0 */
    char thing[64]; /* "verdict", "rule", ...; the field; the finding */
    char expected[PM_SHRINK_LINE], got[PM_SHRINK_LINE]; /* lines of summaries, without the number */
    char flow[128];                                     /* FINDING */
    uint64_t expected_at; /* PACKET: the packet in the expected capture, from 1; 0: there is none */
    uint32_t nth;         /* PACKET: of the packets that leave for the frame */
};

enum pm_shrink_try { PM_SHRINK_PASSES, PM_SHRINK_FAILS, PM_SHRINK_CANNOT };

/* Runs the case on the capture at `part`. Unknown failure: finds out how it fails. Known: whether
 * it fails so. keeps: which packets of the whole are in the part; NULL: all. Why it cannot be run
 * is told to `complaints`. */
enum pm_shrink_try pm_shrink_case_try(const char *folder, const char *part, const uint8_t *keeps,
                                      struct pm_shrink_failure *failure, FILE *complaints);
/* The number that the failing frame has in the part. */
uint64_t pm_shrink_frame_in(const uint8_t *keeps, uint64_t frame);

#endif
