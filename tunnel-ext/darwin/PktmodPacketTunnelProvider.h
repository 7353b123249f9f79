/* PktmodPacketTunnelProvider.h - the packet tunnel of the macOS system extension.
 *
 *     packetFlow ── read, any thread ──► pm_courier_put()      until there is no room; then again
 *                                              │               when the courier has drained it
 *                ◄─ write, its thread ── pm_courier ── sockets, by the device outside
 *
 * It translates, and decides nothing: connections and clocks belong to the courier
 * (tunnel-ext/courier.h). A start, a stop, settings and messages may overlap; what they share is
 * under @synchronized. */
#ifndef PKTMOD_DARWIN_PACKETTUNNELPROVIDER_H
#define PKTMOD_DARWIN_PACKETTUNNELPROVIDER_H

#import <NetworkExtension/NetworkExtension.h>

#include "tunnel-ext/addresses.h"
#include "tunnel-ext/run_plan.h"

@interface PktmodPacketTunnelProvider : NEPacketTunnelProvider {
  @private
    struct pm_courier *_courier;           /* from start to stop */
    struct pm_run_plan _plan;              /* what enters */
    struct pm_addresses _addresses;        /* T and P */
    void (^_begun)(NSError *error);        /* of a start that has not ended; or NULL */
    NSMutableArray<NSData *> *_packets;    /* the courier's, until its next flush */
    NSMutableArray<NSNumber *> *_families; /* of them */
    unsigned _lost;                        /* packets, since the last flush */
    BOOL _observes;
}
@end

#endif
