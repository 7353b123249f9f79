/* PktmodPacketFilterProvider.h - the packet filter of the macOS system extension.
 *
 *     NetworkExtension ── packetHandler, many threads ──► pm_guard_decide()
 *                      ◄─ Allow, Drop, Delay ────────────
 *                      ◄─ allowPacket:, or released ───── let go, in the guard's thread
 *
 * It translates, and decides nothing: rules, clocks, locks and what waits belong to the guard
 * (filter-ext/shards). The kernel lets filters look, not write: a reject drops, nobody is told. */
#ifndef PKTMOD_DARWIN_PACKETFILTERPROVIDER_H
#define PKTMOD_DARWIN_PACKETFILTERPROVIDER_H

#import <NetworkExtension/NetworkExtension.h>

#import "filter-ext/darwin/PktmodControl.h"

@interface PktmodPacketFilterProvider : NEFilterPacketProvider <PktmodControl> {
  @private
    struct pm_guard *_guard; /* from start to dealloc; only looked at once it has stopped */
    NSString *_rules;        /* in force, or refused, by configuration */
    BOOL _observes;
}
/* The filter that runs in this process, or nil: for the control listener. */
+ (PktmodPacketFilterProvider *)running;
@end

#endif
