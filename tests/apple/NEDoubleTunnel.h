/* NEDoubleTunnel.h - what tests do with the double's tunnel half: a TUN device of Linux stands
 * behind packetFlow, and settings become its addresses and routes.
 *
 *     start, settings, messages, stops  on threads of their own, each completion once
 *     a read                            one at a time, answered in another thread; 1 to 64 packets
 *     settings                          copied; they end late, with an error, or before the
 *                                       address is there, where a test says so
 *     after the stop                    nothing is read, writes are refused, waiting reads
 * forgotten
 *
 * Needs the right to make devices in the network namespace that it runs in. */
#ifndef PKTMOD_NEDOUBLETUNNEL_H
#define PKTMOD_NEDOUBLETUNNEL_H

#import "NEDouble.h"

/* What a session does to its provider; zeros: nothing. */
struct ne_hostility {
    unsigned settings_ms;     /* settings take so long */
    unsigned address_ms;      /* the address comes so long after settings have ended */
    NSInteger settings_error; /* of NETunnelProviderErrorDomain */
    BOOL is_deaf;             /* what is written goes nowhere */
    BOOL refuses;             /* writes answer NO */
    BOOL stops_after_cancel;  /* stopTunnel is called for a tunnel that cancelled itself */
};

@interface NEDoubleTunnel : NSObject {
  @public
    struct ne_device *_device;
    NEPacketTunnelProvider *_provider;
    struct promise *_started;
}
- (instancetype)initWithProvider:(NEPacketTunnelProvider *)provider;
@property struct ne_hostility hostility;
/* Before a start; the protocol is the provider's from then on. */
- (void)configure:(NSDictionary *)providerConfiguration;
- (NETunnelProviderProtocol *)protocol;

- (NSError *)start; /* nil: it runs */
/* Calls startTunnel and goes on; the end of the start is waited for. */
- (void)beginStart;
- (NSError *)endStart;
- (void)stop;
- (NSData *)answerTo:(NSData *)message; /* nil: none within five seconds, which is a fault */
- (void)tell:(NSData *)message;         /* without a completion */
- (void)sleepAndWake;
- (void)changePath;

- (NSString *)deviceName;
- (NEPacketTunnelNetworkSettings *)settings; /* as they were last set */
- (unsigned long)delivered;                  /* packets that reads were answered with */
/* Why the provider cancelled; waits for it so long. nil: it did not. */
- (NSError *)cancelledWithin:(unsigned)ms;
@end

#endif
