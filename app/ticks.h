/* ticks.h - the clocks of capture files: ticks of some resolution <-> nanoseconds since 1970. */
#ifndef PKTMOD_APP_TICKS_H
#define PKTMOD_APP_TICKS_H

#include <stdbool.h>
#include <stdint.h>

/* pcapng if_tsresol and if_tsoffset. The resolution is 10^-exponent or 2^-exponent seconds. */
struct pm_ticks {
    uint8_t exponent; /* 0..127 */
    bool binary;
    int64_t offset_s;
};

#define PM_TICKS_MICRO ((struct pm_ticks){.exponent = 6})
#define PM_TICKS_NANO  ((struct pm_ticks){.exponent = 9})

/* What is finer than a nanosecond is cut off; what lies outside 1970..2554 becomes its nearest end.
 */
uint64_t pm_ticks_to_ns(struct pm_ticks clock, uint64_t ticks);
/* The inverse, cut off to whole ticks. */
uint64_t pm_ticks_from_ns(struct pm_ticks clock, uint64_t ns);

#endif
