/* descriptors.h - descriptors for as many connections as a tunnel carries: two for each. */
#ifndef PKTMOD_TUNNEL_DESCRIPTORS_H
#define PKTMOD_TUNNEL_DESCRIPTORS_H

/* Raises this process's limit as far as it may. With fewer, connections wait until others have
 * ended. */
void pm_descriptors_raise(void);

#endif
