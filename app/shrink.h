/* shrink.h - parts of a capture, written one after the other until the smallest that still fails is
 * found. */
#ifndef PKTMOD_APP_SHRINK_H
#define PKTMOD_APP_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_SHRINK_PACKETS ((size_t)1000000)

#define PM_SHRINK_NOT_RUN 127 /* an outcome: it could not be run, so nothing is tried */

struct pm_shrink {
    const char *in, *out;
    /* Runs on the part that is in `out`; what came of it, the same number for the same outcome. 0
     * is good; below 0 the search ends (BAD). */
    int (*outcome)(void *context);
    void *context;
    uint8_t *keeps; /* while outcome() runs: for each packet of `in`, whether it is in `out` */
    size_t tries_max;
    /* What was found. */
    int wanted;                   /* the outcome of the whole */
    size_t packets, packets_left; /* in the capture, in what is left */
    size_t flows, flows_left;     /* packets that are no IP count as one flow together */
    size_t tries;
    bool is_short; /* the tries ran out before nothing more could go, or a signal came */
    bool is_interrupted;
};

enum pm_shrunk {
    PM_SHRUNK,
    PM_SHRUNK_GOOD, /* the whole does not fail: its outcome is 0 */
    PM_SHRUNK_BAD,  /* a capture cannot be read or written (complained), or a signal came before it
                       was known how the whole fails */
    PM_SHRUNK_NO_MEMORY,
};

/* First whole flows go, then single packets. In the end `out` has what is left, also where a signal
 * (interrupt.h) ends the search: the smallest part that failed. keeps lives until pm_shrink_free().
 */
enum pm_shrunk pm_shrink(struct pm_shrink *shrink);
void pm_shrink_free(struct pm_shrink *shrink);

#endif
