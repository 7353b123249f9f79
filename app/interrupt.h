/* interrupt.h - Ctrl-C ends a long run at the next packet, so that what is written is whole. */
#ifndef PKTMOD_APP_INTERRUPT_H
#define PKTMOD_APP_INTERRUPT_H

/* From now on the first SIGINT or SIGTERM is only noted; the second ends the program as ever.
 * A read that waits for input comes back with EINTR. */
void pm_interrupt_catch(void);

/* The number of the signal that came, or 0. */
int pm_interrupted(void);

#endif
